// Instructions on orders, and which makers, books and accounts to pass with them.
import type { Address, Instruction, TransactionSigner } from '@solana/kit';

import { holdingsOf } from '../accounts';
import { marketOf, type ExchangeRef, type MarketRef } from '../addresses';
import { opposite, type OrderBook, type Side, type WaitingFill } from '../book';
import {
  getCancelOrderInstruction,
  getCancelOrdersInstruction,
  getPlaceOrderInstruction,
  getPruneOrdersInstruction,
  getSettleFillsInstruction,
  OrderSide,
  OrderType,
  SelfTradeBehavior,
  type MarginAccount,
} from '../generated';
import { withRemaining, writable } from './remaining';

/** The price of a market order that accepts whatever the band around the oracle allows. */
export const MARKET_PRICE: Readonly<Record<Side, bigint>> = { bid: (1n << 64n) - 1n, ask: 0n };
/** Resting orders that an order touches at most unless told otherwise. */
export const MAX_FILLS = 16;

/** A new order. */
export interface OrderTerms {
  readonly side: Side;
  /** Worst acceptable price in price lots; {@link MARKET_PRICE} for any within the band. */
  readonly price: bigint;
  /** Base lots, positive. */
  readonly lots: bigint;
  readonly kind: OrderType;
  /** Most native quote, before fees, that is traded and rests in sum. */
  readonly maxQuote?: bigint;
  /** May only shrink the position; not unless told. */
  readonly reduceOnly?: boolean;
  /** Unix second from which it no longer trades; never unless told. */
  readonly expiry?: number;
  /** The owner's name for the order. */
  readonly clientId?: bigint;
  /** When it meets an order of its own account, that one is cancelled unless told otherwise. */
  readonly selfTrade?: SelfTradeBehavior;
  /** Most resting orders to touch. */
  readonly maxFills?: number;
}

/** An order and whose it is. */
export interface PlaceOrderInput {
  /** Owner, or a delegate: then wrap the instruction in `byDelegate`. */
  readonly trader: TransactionSigner;
  readonly marginAccount: Address;
  readonly market: MarketRef;
  readonly terms: OrderTerms;
  /** Margin accounts of makers to settle with in place; fills of others wait in the queue. */
  readonly makers?: readonly Address[];
}

const sideOf = (side: Side): OrderSide => (side === 'bid' ? OrderSide.Bid : OrderSide.Ask);

/** Places an order. */
export function placeOrder(exchange: ExchangeRef, input: PlaceOrderInput): Instruction {
  const { market, terms } = input;
  const instruction = getPlaceOrderInstruction(
    {
      trader: input.trader,
      marginAccount: input.marginAccount,
      riskState: exchange.riskState,
      market: market.address,
      book: market.book,
      fillQueue: market.fillQueue,
      side: sideOf(terms.side),
      price: terms.price,
      lots: terms.lots,
      kind: terms.kind,
      maxQuote: terms.maxQuote ?? null,
      reduceOnly: terms.reduceOnly ?? false,
      expiry: terms.expiry ?? 0,
      clientId: terms.clientId ?? 0n,
      selfTrade: terms.selfTrade ?? SelfTradeBehavior.CancelProvide,
      maxFills: terms.maxFills ?? MAX_FILLS,
    },
    { programAddress: exchange.program },
  );
  return withRemaining(instruction, (input.makers ?? []).map(writable));
}

/** Whether an order with this limit accepts to trade at `price`. */
const accepts = (side: Side, limit: bigint, price: bigint): boolean => (side === 'bid' ? price <= limit : price >= limit);

/**
 * The makers that an order meets if it lands on this book, best first and at most `limit`, for as many as there is room
 * for in its transaction: passed along, they are settled in place and need no one to settle them later.
 */
export function makersFor(book: OrderBook, terms: OrderTerms, own: Address, limit: number): Address[] {
  if (terms.kind === OrderType.PostOnly || terms.kind === OrderType.PostOnlySlide) return [];
  const makers = new Set<Address>();
  let left = terms.lots;
  const resting = opposite(terms.side) === 'bid' ? book.bids : book.asks;
  for (const order of resting.slice(0, terms.maxFills ?? MAX_FILLS)) {
    if (left <= 0n || makers.size >= limit || !accepts(terms.side, terms.price, order.price)) break;
    if (order.owner === own) continue;
    makers.add(order.owner);
    left -= order.lots;
  }
  return [...makers];
}

/** An order by its id or by its owner's name for it. */
export type OrderName = { readonly id: bigint } | { readonly clientId: bigint };

/** Cancels one order. */
export function cancelOrder(exchange: ExchangeRef, trader: TransactionSigner, marginAccount: Address, market: MarketRef, name: OrderName): Instruction {
  const order =
    'id' in name
      ? ({ __kind: 'Id', fields: [name.id] } as const)
      : ({ __kind: 'ClientId', fields: [name.clientId] } as const);
  return getCancelOrderInstruction({ trader, marginAccount, book: market.book, order }, { programAddress: exchange.program });
}

/** Which orders to cancel. */
export interface CancelOrdersInput {
  readonly trader: TransactionSigner;
  readonly marginAccount: Address;
  readonly markets: readonly MarketRef[];
  /** One side, or both unless told. */
  readonly side?: Side;
  /** Most orders to cancel; all that an account can have unless told. */
  readonly limit?: number;
}

/** Cancels orders in some markets. */
export function cancelOrders(exchange: ExchangeRef, input: CancelOrdersInput): Instruction {
  const { trader, marginAccount, markets, side, limit } = input;
  const instruction = getCancelOrdersInstruction(
    { trader, marginAccount, side: side === undefined ? null : sideOf(side), limit: limit ?? 64 },
    { programAddress: exchange.program },
  );
  return withRemaining(instruction, markets.map((market) => writable(market.book)));
}

/** Cancels every order of an account; null when it has none. */
export function cancelAllOrders(exchange: ExchangeRef, trader: TransactionSigner, marginAccount: Address, account: MarginAccount): Instruction | null {
  const markets = marketsWithOrders(exchange, account);
  return markets.length === 0 ? null : cancelOrders(exchange, { trader, marginAccount, markets });
}

/** Markets in which an account has orders resting. */
export function marketsWithOrders(exchange: ExchangeRef, account: MarginAccount): MarketRef[] {
  const indices = new Set(holdingsOf(account).orders.map((order) => order.market));
  return [...indices].sort((a, b) => a - b).map((index) => marketOf(exchange, index));
}

/**
 * Removes up to `limit` expired orders, or any of a market that is being wound down; `owners` are accounts whose slots of such orders
 * are freed. Nobody signs.
 */
export function pruneOrders(exchange: ExchangeRef, market: MarketRef, owners: readonly Address[], limit: number): Instruction {
  const { book, fillQueue } = market;
  const instruction = getPruneOrdersInstruction({ riskState: exchange.riskState, book, fillQueue, limit }, { programAddress: exchange.program });
  return withRemaining(instruction, owners.map(writable));
}

/**
 * Settles up to `limit` queued entries of these margin accounts, all unless told, and frees the slots of their expired orders in the
 * market. Nobody signs.
 */
export function settleFills(exchange: ExchangeRef, market: MarketRef, accounts: readonly Address[], limit = 65_535): Instruction {
  const instruction = getSettleFillsInstruction(
    { market: market.address, book: market.book, fillQueue: market.fillQueue, limit },
    { programAddress: exchange.program },
  );
  return withRemaining(instruction, accounts.map(writable));
}

/** The settlements that an account waits for, given what waits in each market's queue. */
export function settleFillsOf(exchange: ExchangeRef, account: Address, queues: ReadonlyMap<number, readonly WaitingFill[]>): Instruction[] {
  return exchange.markets
    .filter((market) => queues.get(market.index)?.some((waiting) => waiting.maker === account))
    .map((market) => settleFills(exchange, market, [account]));
}
