// What winds down an asset or a market that has a final price: anyone may send these.
import type { Address, Instruction } from '@solana/kit';

import { associatedTokenAddress, type AssetRef, type ExchangeRef, type MarketRef } from '../addresses';
import { getCloseOutDebtInstruction, getCloseOutPositionInstruction, getReturnDepositInstruction } from '../generated';

/** Closes a long and a short position in a market against each other. Nobody signs. */
export function closeOutPosition(exchange: ExchangeRef, market: MarketRef, long: Address, short: Address): Instruction {
  return getCloseOutPositionInstruction({ riskState: exchange.riskState, market: market.address, long, short }, { programAddress: exchange.program });
}

/** Settles a debt in an asset with another account's deposit of it, or, without one, with what the bank is owed. Nobody signs. */
export function closeOutDebt(exchange: ExchangeRef, asset: AssetRef, depositor: Address | null, debtor: Address): Instruction {
  return getCloseOutDebtInstruction(
    { riskState: exchange.riskState, bank: asset.bank, quoteBank: exchange.quote.bank, ...(depositor ? { depositor } : {}), debtor },
    { programAddress: exchange.program },
  );
}

/**
 * Pays a margin account's deposit of an asset to the ordinary token account of `owner`, whose margin account it is; that must
 * exist. Nobody signs.
 */
export async function returnDeposit(exchange: ExchangeRef, asset: AssetRef, marginAccount: Address, owner: Address): Promise<Instruction> {
  const { bank, vault, mint, tokenProgram } = asset;
  const to = await associatedTokenAddress(owner, mint, tokenProgram);
  return getReturnDepositInstruction(
    { exchange: exchange.address, riskState: exchange.riskState, marginAccount, bank, vault, to, mint, tokenProgram },
    { programAddress: exchange.program },
  );
}
