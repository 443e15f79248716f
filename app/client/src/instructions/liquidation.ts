// Settlement of profits, health and risk reports, liquidation and bankruptcy: anyone may send these.
import type { Address, Instruction, TransactionSigner } from '@solana/kit';

import { flagOf, holdingsOf } from '../accounts';
import { assetOf, marketOf, type AssetRef, type ExchangeRef, type MarketRef } from '../addresses';
import type { WaitingFill } from '../book';
import {
  getAccountHealthInstruction,
  getAccountRiskInstruction,
  getLiquidateInstruction,
  getMarkProfitsInstruction,
  getResolveBankruptcyInstruction,
  getRestockBankInstruction,
  getSettlePnlInstruction,
  getShareShortfallInstruction,
  type MarginAccount,
  type RiskState,
} from '../generated';
import { sharesToNative, valueAt } from '../units';
import { marketsWithOrders } from './orders';
import { dueFeeds, entriesOf, feedRefs, feedsOf, refreshFeeds, type PricesAt } from './refresh';
import { withRemaining, writable } from './remaining';

const NO_LIMIT = (1n << 64n) - 1n;

/** Turns a market's profit or loss into quote balance. Nobody signs. */
export function settlePnl(exchange: ExchangeRef, marginAccount: Address, market: MarketRef): Instruction {
  return getSettlePnlInstruction(
    { riskState: exchange.riskState, market: market.address, marginAccount, quoteBank: exchange.quote.bank },
    { programAddress: exchange.program },
  );
}

/** Accounts that one call marks within a legacy transaction. */
export const MARKED_AT_ONCE = 24;

/**
 * Marks accounts' profits in a market, at most {@link MARKED_AT_ONCE} of them, so that collected losses, or its shortfall, are
 * shared by all of them. Nobody signs.
 */
export function markProfits(exchange: ExchangeRef, market: MarketRef, marginAccounts: readonly Address[]): Instruction {
  const instruction = getMarkProfitsInstruction(
    { riskState: exchange.riskState, market: market.address, fillQueue: market.fillQueue },
    { programAddress: exchange.program },
  );
  return withRemaining(instruction, marginAccounts.map(writable));
}

/** Ends a market's epoch once all its profits are marked in it. Nobody signs. */
export function shareShortfall(exchange: ExchangeRef, market: MarketRef): Instruction {
  return getShareShortfallInstruction(
    { riskState: exchange.riskState, market: market.address },
    { programAddress: exchange.program },
  );
}

/** Returns a health report as return data; made for simulation. Nobody signs. */
export function accountHealth(exchange: ExchangeRef, marginAccount: Address): Instruction {
  return getAccountHealthInstruction({ riskState: exchange.riskState, marginAccount }, { programAddress: exchange.program });
}

/** Returns what portfolio margin says of an account, in either mode, as return data; made for simulation. Nobody signs. */
export function accountRisk(exchange: ExchangeRef, marginAccount: Address): Instruction {
  return getAccountRiskInstruction({ riskState: exchange.riskState, marginAccount }, { programAddress: exchange.program });
}

/** A swap of collateral for debt: each a bank, or a market with a profit or loss and no position. */
export interface Swap {
  readonly collateral: AssetRef | MarketRef;
  readonly debt: AssetRef | MarketRef;
  /** Most native units of debt to repay; as much as is needed unless told. */
  readonly maxDebt?: bigint;
}

/** What a liquidation is to do, in this order. */
export interface Liquidation {
  /** Settle the loss that the account owes these markets out of its quote; none unless told. Needs no liquidation. */
  readonly settleIn?: readonly MarketRef[];
  /** Cancel the account's orders in these markets. */
  readonly cancelIn: readonly MarketRef[];
  /** Those of them in which all that waits for the account is settled first, and its expired orders' slots are freed. */
  readonly fillsIn?: readonly MarketRef[];
  /** Take over up to so many lots of the position in this market. */
  readonly position: { readonly market: MarketRef; readonly maxLots?: bigint } | null;
  /** Swap collateral for debt. */
  readonly swap: Swap | null;
  /** The worst price of the position, in price lots: the highest where the liquidator buys, the lowest where it sells. Any unless told. */
  readonly limitPrice?: bigint;
  /** The least reward for all that is taken, native quote, an auction's discount not counted; none unless told. */
  readonly leastReward?: bigint;
}

/** A liquidation and who does it. */
export interface LiquidateInput {
  /** Owner of `liquidatorAccount`, or a delegate: then wrap the instruction in `byDelegate`. */
  readonly liquidator: TransactionSigner;
  readonly liquidatorAccount: Address;
  readonly marginAccount: Address;
  readonly what: Liquidation;
}

const accountOf = (leg: AssetRef | MarketRef): Address => ('bank' in leg ? leg.bank : leg.address);
const isMarket = (leg: AssetRef | MarketRef): leg is MarketRef => !('bank' in leg);

/**
 * Liquidates an account that is below its maintenance line, or flags and clears it. What is seized is seized in a later call
 * than the one that flagged the account, at prices that were all published after those it was flagged at.
 */
export function liquidate(exchange: ExchangeRef, input: LiquidateInput): Instruction {
  const { cancelIn, fillsIn = [], position, swap } = input.what;
  const swapAccounts = swap && {
    collateral: accountOf(swap.collateral),
    debt: accountOf(swap.debt),
    ...(isMarket(swap.collateral) || isMarket(swap.debt) ? { quoteBank: exchange.quote.bank } : {}),
  };
  const instruction = getLiquidateInstruction(
    {
      liquidator: input.liquidator,
      liquidatorAccount: input.liquidatorAccount,
      marginAccount: input.marginAccount,
      riskState: exchange.riskState,
      ...(position ? { positionMarket: position.market.address } : {}),
      ...swapAccounts,
      maxPositionLots: position ? (position.maxLots ?? NO_LIMIT) : 0n,
      maxDebt: swap ? (swap.maxDebt ?? NO_LIMIT) : 0n,
      limitPrice: input.what.limitPrice ?? 0n,
      leastReward: input.what.leastReward ?? 0n,
    },
    { programAddress: exchange.program },
  );
  const trading = cancelIn.flatMap((market) =>
    fillsIn.includes(market) ? [market.book, market.fillQueue, market.address] : [market.book],
  );
  return withRemaining(instruction, trading.map(writable));
}

/**
 * What to liquidate of an account: all its orders, its largest position, and its most valuable collateral for its
 * greatest debt. One liquidation takes no more than health needs, so the greatest of each goes furthest.
 */
export function planLiquidation(exchange: ExchangeRef, account: MarginAccount, risk: RiskState): Liquidation {
  const { balances, perps } = holdingsOf(account);
  const sized = perps.map((perp) => ({ perp, value: positionValue(risk, perp.market, perp.position) }));
  const largest = greatest(sized.filter(({ value }) => value > 0n));
  const legs = [
    ...balances.map(({ asset, shares }) => ({ leg: assetOf(exchange, asset), value: balanceValue(risk, asset, shares) })),
    ...perps
      .filter((perp) => perp.position === 0n)
      .map((perp) => ({ leg: marketOf(exchange, perp.market), value: perp.quote })),
  ];
  const debt = greatest(legs.filter(({ value }) => value < 0n).map(({ leg, value }) => ({ leg, value: -value })));
  // A loss in a market and quote settle against each other: there is nothing in that for a swap to do.
  const owesMarket = debt !== undefined && isMarket(debt.leg);
  const settles = (leg: AssetRef | MarketRef) => owesMarket && !isMarket(leg) && leg.index === 0;
  const collateral = greatest(legs.filter(({ leg, value }) => value > 0n && !settles(leg)));
  const holdsQuote = balances.some(({ asset, shares }) => asset === 0 && shares > 0n);
  const losses = perps.filter((perp) => holdsQuote && perp.position === 0n && perp.quote < 0n);
  return {
    settleIn: losses.map((perp) => marketOf(exchange, perp.market)),
    cancelIn: marketsWithOrders(exchange, account),
    position: largest ? { market: marketOf(exchange, largest.perp.market) } : null,
    swap: collateral && debt ? { collateral: collateral.leg, debt: debt.leg } : null,
  };
}

/** What can be done of a liquidation before anything may be seized: the account is flagged and loses its orders. */
export const flagging = (what: Liquidation): Liquidation => ({ ...what, position: null, swap: null });

/** Everything that a liquidation needs to know. */
export interface LiquidationContext {
  readonly at: PricesAt;
  readonly liquidator: TransactionSigner;
  /** The account that takes over, with what it holds. */
  readonly own: { readonly address: Address; readonly account: MarginAccount };
  /** The account to be liquidated. */
  readonly target: { readonly address: Address; readonly account: MarginAccount };
  /** What waits in each market's queue. */
  readonly queues: ReadonlyMap<number, readonly WaitingFill[]>;
  readonly what: Liquidation;
}

/** How long a transaction may take to land, seconds: an order that has expired by then may be gone from its book. */
const LANDING_SECS = 60n;

/** The markets in which something waits for an account with orders there, or an order of it may have expired. */
function marketsToSettle(context: LiquidationContext): MarketRef[] {
  const { at, queues, target, what } = context;
  const soon = at.clock.unixTime + LANDING_SECS;
  const { orders } = holdingsOf(target.account);
  return what.cancelIn.filter((market) => {
    const waits = queues.get(market.index)?.some((waiting) => waiting.maker === target.address) ?? false;
    return waits || orders.some((order) => order.market === market.index && order.expiry !== 0 && BigInt(order.expiry) <= soon);
  });
}

/**
 * A liquidation with all it takes: the prices that it goes by refreshed, and the slice, which settles the account's waiting fills.
 */
export function liquidation(exchange: ExchangeRef, context: LiquidationContext): Instruction[] {
  const { at, liquidator, own, target, what } = context;
  const settling = { ...what, fillsIn: marketsToSettle(context) };
  return [
    ...refreshFeeds(exchange, feedRefs(exchange, at, liquidationFeeds(at, own.account, target.account))),
    ...(what.settleIn ?? []).map((market) => settlePnl(exchange, target.address, market)),
    liquidate(exchange, { liquidator, liquidatorAccount: own.address, marginAccount: target.address, what: settling }),
  ];
}

/**
 * The feeds to refresh before a liquidation: those whose prices are too old to seize at, those that the account was flagged
 * at and no later call has confirmed, and what the liquidator's own margin needs.
 */
export function liquidationFeeds(at: PricesAt, own: MarginAccount, target: MarginAccount): number[] {
  const entries = entriesOf([target]);
  const isFlagged = flagOf(target) === 'flagged';
  const seen = isFlagged ? feedsOf(entries, at.risk, (price) => price.publishedMs <= target.flaggedPriceMs) : [];
  return [...new Set([...dueFeeds(entries, at, 'seize'), ...seen, ...dueFeeds(entriesOf([own]), at, 'trade')])];
}

function greatest<T extends { readonly value: bigint }>(items: readonly T[]): T | undefined {
  return items.reduce<T | undefined>((best, item) => (best && best.value >= item.value ? best : item), undefined);
}

function positionValue(risk: RiskState, market: number, position: bigint): bigint {
  const entry = risk.markets[market];
  return entry ? valueAt(position < 0n ? -position : position, entry.price.spot, entry.shift) : 0n;
}

function balanceValue(risk: RiskState, asset: number, shares: bigint): bigint {
  const entry = risk.assets[asset];
  if (!entry) return 0n;
  const native = sharesToNative(shares, shares < 0n ? entry.borrowIndex : entry.depositIndex);
  return valueAt(native, entry.price.spot, entry.shift);
}

/** A debt that bankruptcy leaves. */
export type BadDebt =
  | {
      /** A borrow; what insurance sets aside may be earned at once: `resolverAccount` sells up to `maxRepay` native units. */
      readonly asset: AssetRef;
      readonly resolverAccount?: Address;
      readonly maxRepay?: bigint;
    }
  | {
      /** A market's loss, which its other side may have to bear. */
      readonly market: MarketRef;
    };

/**
 * Resolves one debt of an account that has nothing left. Its deposits of `dust`, which nobody can seize now and which are dust
 * all together, are forfeited to their banks' insurance first.
 */
export function resolveBankruptcy(
  exchange: ExchangeRef,
  resolver: TransactionSigner,
  marginAccount: Address,
  debt: BadDebt,
  dust: readonly AssetRef[] = [],
): Instruction {
  const { quote } = exchange;
  const borrow = 'asset' in debt;
  const resolverAccount = borrow && debt.resolverAccount !== undefined ? { resolverAccount: debt.resolverAccount } : {};
  const instruction = getResolveBankruptcyInstruction(
    {
      resolver,
      ...resolverAccount,
      marginAccount,
      riskState: exchange.riskState,
      exchange: exchange.address,
      debt: borrow ? debt.asset.bank : debt.market.address,
      quoteBank: quote.bank,
      vault: quote.vault,
      insuranceVault: exchange.insuranceVault,
      quoteMint: quote.mint,
      tokenProgram: quote.tokenProgram,
      maxRepay: borrow ? (debt.maxRepay ?? 0n) : 0n,
    },
    { programAddress: exchange.program },
  );
  return withRemaining(instruction, dust.map((asset) => writable(asset.bank)));
}

/** Sells a bank up to `maxAmount` native units that it lacks, out of a margin account's deposit, for what insurance has set aside. */
export function restockBank(
  exchange: ExchangeRef,
  trader: TransactionSigner,
  seller: Address,
  asset: AssetRef,
  maxAmount: bigint,
): Instruction {
  return getRestockBankInstruction(
    { trader, seller, riskState: exchange.riskState, bank: asset.bank, quoteBank: exchange.quote.bank, maxAmount },
    { programAddress: exchange.program },
  );
}
