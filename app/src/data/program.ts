// The parts of the generated client that actions use beside the instruction builders.
import type { ExchangeRef, MarketRef } from '@plimsoll/client/addresses';
import { getSettlePnlInstruction } from '@plimsoll/client/generated';
import type { Address, Instruction } from '@solana/kit';

export { OrderType, SelfTradeBehavior } from '@plimsoll/client/generated';

/** Turns a position's profit or loss into quote. Nobody signs. */
export function settlePnl(exchange: ExchangeRef, market: MarketRef, marginAccount: Address): Instruction {
  return getSettlePnlInstruction(
    { riskState: exchange.riskState, market: market.address, marginAccount, quoteBank: exchange.quote.bank },
    { programAddress: exchange.program },
  );
}
