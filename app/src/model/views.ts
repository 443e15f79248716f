// What pages show of an exchange: the chain's integers turned into prices, sizes and dollars. Numbers here are for
// reading and drawing; whatever is sent to the chain keeps its integers, which every view carries along.
import { flagOf, marginModeOf, type MarginMode } from '@plimsoll/client/accounts';
import type { AssetRef, MarketRef } from '@plimsoll/client/addresses';
import type { OrderBook, RestingOrder } from '@plimsoll/client/book';
import { ageOf, isFinal, isFresh, nowMs } from '@plimsoll/client/feeds';
import type { AssetRisk, Bank, EntryPrice, MarginAccount, Market, MarketRisk } from '@plimsoll/client/generated';
import { lotDecimals, priceDecimals, priceNumber, sharesToNative, type ContractScale } from '@plimsoll/client/units';

/** One, as a ratio of the program. */
const RATIO_ONE = 2 ** 24;
/** Binary places of a funding index. */
const FUNDING_ONE = 2 ** 24;
/** One, as a market's averaged premium. */
const PREMIUM_ONE = 2 ** 40;
/** Marks a free slot. */
const EMPTY = 0xffff;
/** One dollar in native quote. */
const USD = 1e6;

/** The chain's clock. */
export interface ChainClock {
  slot: bigint;
  unixTime: bigint;
}

/** How old a price is, and whether new risk may rely on it: not when it is too old, nor when it is doubted. */
export interface PriceAge {
  seconds: number;
  stale: boolean;
  /** The oldest that counts for new risk. */
  maxSeconds: number;
  /** Number of the feed that it comes from. */
  feed: number;
  /** Whether it is final: the asset or market is being wound down. */
  final: boolean;
}

/** A listed asset. */
export interface AssetView {
  index: number;
  symbol: string;
  name: string;
  decimals: number;
  ref: AssetRef;
  /** USD per token. */
  price: number;
  stablePrice: number;
  age: PriceAge;
  /** Init and maintenance weights of deposits and debts. */
  weights: { assetInit: number; assetMaint: number; liabilityInit: number; liabilityMaint: number };
  /** Tokens deposited and borrowed; unknown until the bank has been read. */
  deposits: number | undefined;
  borrows: number | undefined;
  /** Part of the deposits that is lent out. */
  utilization: number | undefined;
  /** Interest per year. */
  borrowRate: number | undefined;
  depositRate: number | undefined;
  mode: number;
}

/** A perpetual market. */
export interface MarketView {
  index: number;
  name: string;
  base: string;
  ref: MarketRef;
  scale: ContractScale;
  /** Base units of a lot and USD of a price lot. */
  lotSize: number;
  priceStep: number;
  priceDecimals: number;
  sizeDecimals: number;
  /** Oracle and mark price, USD. */
  oracle: number;
  mark: number;
  age: PriceAge;
  /** Margin ratios of now: what is listed, or more while the underlying moves more than that allows for. */
  initRatio: number;
  maintRatio: number;
  makerFee: number;
  takerFee: number;
  /** Part of the notional that longs pay shorts in a day at the present premium. */
  fundingPerDay: number;
  /** Base units held by longs. */
  openInterest: number;
  minSize: number;
  /** Notional above which the margin ratio grows. */
  sizeScale: number;
  priceBand: number;
  mode: number;
}

/** A price of an order book and what rests there. */
export interface BookLevel {
  price: number;
  priceLots: bigint;
  size: number;
  /** Size down to this price. */
  total: number;
  own: boolean;
}

/** Both sides, best first. */
export interface BookView {
  bids: BookLevel[];
  asks: BookLevel[];
}

/** A deposit or a debt of an account. */
export interface BalanceView {
  asset: AssetView;
  native: bigint;
  amount: number;
  value: number;
}

/** A position of an account. */
export interface PositionView {
  market: MarketView;
  lots: bigint;
  /** Base units, negative for a short. */
  size: number;
  notional: number;
  /** Average cost, fees and settled profit included. */
  cost: number;
  /** Profit at the oracle's price, funding included. */
  pnl: number;
  /** Funding due since it was last settled: positive is received. */
  funding: number;
}

/** A resting order of an account. */
export interface OrderView {
  id: bigint;
  market: MarketView;
  side: 'buy' | 'sell';
  price: number;
  lots: bigint;
  size: number;
  reduceOnly: boolean;
  /** Unix second from which it no longer trades, 0 for never. */
  expiry: number;
}

/** A margin account. */
export interface AccountView {
  address: string;
  owner: string;
  subAccount: number;
  /** How many delegates it has. */
  delegates: number;
  liquidating: boolean;
  /** Whether what it holds may be seized now: not before later prices than it was flagged at. */
  seizable: boolean;
  /** How it is margined. */
  mode: MarginMode;
  balances: BalanceView[];
  positions: PositionView[];
  orders: OrderView[];
}

function mantissa(value: bigint, shift: number): number {
  return Number(value) / 2 ** shift;
}

function age(price: EntryPrice, now: ChainClock): PriceAge {
  return {
    seconds: Math.max(0, (nowMs(now) - Number(price.publishedMs)) / 1_000),
    stale: price.spot === 0n || !isFresh(price, now, 'trade'),
    maxSeconds: ageOf(price, 'trade') / 1_000,
    feed: price.feed,
    final: isFinal(price),
  };
}

/** A listed asset as pages show it. */
export function assetView(ref: AssetRef, risk: AssetRisk, bank: Bank | undefined, now: ChainClock): AssetView {
  const usdPerToken = (value: bigint) => (mantissa(value, risk.shift) * 10 ** ref.decimals) / USD;
  const tokens = (shares: bigint, index: bigint) => Number(sharesToNative(shares, index)) / 10 ** ref.decimals;
  const deposits = bank && tokens(bank.depositShares, bank.depositIndex);
  const borrows = bank && tokens(bank.borrowShares, bank.borrowIndex);
  const utilization = deposits === undefined || borrows === undefined ? undefined : deposits > 0 ? Math.min(1, borrows / deposits) : 0;
  const rate = bank && utilization !== undefined ? borrowRate(bank, utilization) : undefined;
  return {
    index: ref.index,
    symbol: ref.symbol,
    name: ref.name,
    decimals: ref.decimals,
    ref,
    price: usdPerToken(risk.price.spot),
    stablePrice: usdPerToken(risk.price.stable),
    age: age(risk.price, now),
    weights: {
      assetInit: (risk.assetWeight[0] ?? 0) / RATIO_ONE,
      assetMaint: (risk.assetWeight[2] ?? 0) / RATIO_ONE,
      liabilityInit: (risk.liabilityWeight[0] ?? 0) / RATIO_ONE,
      liabilityMaint: (risk.liabilityWeight[2] ?? 0) / RATIO_ONE,
    },
    deposits,
    borrows,
    utilization,
    borrowRate: rate,
    depositRate:
      rate === undefined || utilization === undefined || !bank
        ? undefined
        : rate * utilization * (1 - bank.params.interestFee / RATIO_ONE),
    mode: risk.mode,
  };
}

/** The curve of a bank: straight lines between four points. */
function borrowRate(bank: Bank, utilization: number): number {
  const { curve } = bank.params;
  const points = [
    [0, curve.zeroRate],
    [curve.util0, curve.rate0],
    [curve.util1, curve.rate1],
    [RATIO_ONE, curve.maxRate],
  ] as const;
  const at = utilization * RATIO_ONE;
  for (let i = 1; i < points.length; i += 1) {
    const [[x0, y0], [x1, y1]] = [points[i - 1]!, points[i]!];
    if (at <= x1) return (y0 + ((at - x0) / (x1 - x0 || 1)) * (y1 - y0)) / RATIO_ONE;
  }
  return curve.maxRate / RATIO_ONE;
}

/** The averaged premium of a market's book over the oracle. */
export function premiumOf(market: Market): number {
  return Number(market.premium) / PREMIUM_ONE;
}

/** The fewest whole lots that are worth a minimum at a price. */
const smallestSize = (least: number, price: number, lotSize: number): number =>
  price > 0 ? Math.max(1, Math.ceil(least / (price * lotSize))) * lotSize : lotSize;

/** A market as pages show it. */
export function marketView(ref: MarketRef, risk: MarketRisk, market: Market, now: ChainClock): MarketView {
  const { terms, params } = market;
  const scale: ContractScale = { baseLotSize: terms.baseLotSize, baseDecimals: terms.baseDecimals, tick: terms.tick };
  const lotSize = Number(terms.baseLotSize) / 10 ** terms.baseDecimals;
  const usd = (value: bigint) => mantissa(value, risk.shift) / USD / lotSize;
  const premium = premiumOf(market);
  const funding = Math.min(Math.abs(premium), params.maxFundingPerDay / RATIO_ONE) * Math.sign(premium);
  return {
    index: ref.index,
    name: ref.name,
    base: ref.base,
    ref,
    scale,
    lotSize,
    priceStep: priceNumber(1n, scale),
    priceDecimals: priceDecimals(scale),
    sizeDecimals: lotDecimals(scale),
    oracle: usd(risk.price.spot),
    mark: usd(risk.price.spot) * (1 + risk.premium / RATIO_ONE),
    age: age(risk.price, now),
    initRatio: Math.max(risk.initRatio, params.initRatio) / RATIO_ONE,
    maintRatio: Math.max(risk.maintRatio, params.maintRatio) / RATIO_ONE,
    makerFee: params.makerFee / RATIO_ONE,
    takerFee: params.takerFee / RATIO_ONE,
    fundingPerDay: funding,
    openInterest: Number(market.longInterest) * lotSize,
    minSize: smallestSize(Number(params.minOrderNotional) / USD, usd(risk.price.spot), lotSize),
    sizeScale: Number(params.sizeScaleNotional) / USD,
    priceBand: params.priceBandRatio / RATIO_ONE,
    mode: risk.mode,
  };
}

/** The best levels of a book. Expired orders no longer trade and are left out. */
export function bookView(book: OrderBook, market: MarketView, now: ChainClock, own: ReadonlySet<bigint>, depth = 60): BookView {
  const side = (orders: readonly RestingOrder[]): BookLevel[] => {
    const levels: BookLevel[] = [];
    let total = 0;
    for (const order of orders) {
      if (order.expiry !== 0 && BigInt(order.expiry) <= now.unixTime) continue;
      const last = levels.at(-1);
      if (last?.priceLots !== order.price && levels.length === depth) break;
      const size = Number(order.lots) * market.lotSize;
      total += size;
      if (last?.priceLots === order.price) {
        last.size += size;
        last.total = total;
        last.own ||= own.has(order.id);
      } else {
        const price = priceNumber(order.price, market.scale);
        levels.push({ price, priceLots: order.price, size, total, own: own.has(order.id) });
      }
    }
    return levels;
  };
  return { bids: side(book.bids), asks: side(book.asks) };
}

/** A margin account as pages show it. Slots of assets or markets that are not known are left out. */
export function accountView(
  address: string,
  account: MarginAccount,
  risk: { assets: readonly AssetRisk[]; markets: readonly MarketRisk[] },
  assets: readonly AssetView[],
  markets: readonly MarketView[],
): AccountView {
  const balances = account.balances.flatMap((balance): BalanceView[] => {
    const asset = assets.find((known) => known.index === balance.asset);
    const entry = risk.assets[balance.asset];
    if (balance.asset === EMPTY || balance.shares === 0n || !asset || !entry) return [];
    const native = sharesToNative(balance.shares, balance.shares < 0n ? entry.borrowIndex : entry.depositIndex);
    const amount = Number(native) / 10 ** asset.decimals;
    return [{ asset, native, amount, value: amount * asset.price }];
  });
  const positions = account.perps.flatMap((perp): PositionView[] => {
    const market = markets.find((known) => known.index === perp.market);
    const entry = risk.markets[perp.market];
    if (perp.market === EMPTY || !market || !entry || (perp.position === 0n && perp.quote === 0n)) return [];
    const size = Number(perp.position) * market.lotSize;
    const index = perp.position < 0n ? entry.fundingShort : entry.fundingLong;
    const due = perp.position === 0n ? 0 : (Number(perp.position) * Number(index - perp.fundingEntry)) / FUNDING_ONE / USD;
    const quote = Number(perp.quote) / USD;
    return [
      {
        market,
        lots: perp.position,
        size,
        notional: Math.abs(size) * market.oracle,
        cost: size === 0 ? 0 : -quote / size,
        pnl: size * market.oracle + quote - due,
        funding: -due,
      },
    ];
  });
  const orders = account.orders.flatMap((order): OrderView[] => {
    const market = markets.find((known) => known.index === order.market);
    if (order.id === 0n || !market) return [];
    return [
      {
        id: order.id,
        market,
        side: order.side === 0 ? 'buy' : 'sell',
        price: priceNumber(order.price, market.scale),
        lots: order.lots,
        size: Number(order.lots) * market.lotSize,
        reduceOnly: (order.flags & 1) === 1,
        expiry: order.expiry,
      },
    ];
  });
  return {
    address,
    owner: account.owner,
    subAccount: account.subAccount,
    delegates: account.delegates,
    liquidating: flagOf(account) !== 'none',
    seizable: flagOf(account) === 'confirmed',
    mode: marginModeOf(account),
    balances,
    positions,
    orders,
  };
}
