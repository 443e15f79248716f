// Feeds as pages show them: where each price comes from, how old it is against the limits of each purpose, and its doubt.
import { nameOf } from '@plimsoll/client/accounts';
import { BROKEN, doubtedMs, flagsOf, isFinal, isFresh, nowMs, NO_FEED, PURPOSES, REFUSED, sourceKindOf, type Purpose } from '@plimsoll/client/feeds';
import type { Feed, OracleSource, RiskState } from '@plimsoll/client/generated';
import { getAddressDecoder } from '@solana/kit';
import { duration } from '../format/time.ts';
import type { ChainClock } from './views.ts';

const RATIO_ONE = 2 ** 24;
const RATE_ONE = 2 ** 48;

/**
 * How a feed stands: its price serves trades, or there is none, it is too old, a newer one was refused, or it jumped; or it is
 * final, and what follows it is being wound down.
 */
export type FeedStanding = 'fresh' | 'final' | 'unpriced' | 'silent' | 'refused' | 'broken' | 'fallback';

/** A feed. */
export interface FeedView {
  index: number;
  name: string;
  /** Where its prices come from, in words; the fallback's likewise, if there is one. */
  source: string;
  fallback: string | undefined;
  /** USD per whole token. */
  price: number;
  stable: number;
  /** Confidence interval as a part of the price, and the widest that is accepted. */
  confidence: number;
  maxConfidence: number;
  /** Seconds since the oracle published the price, and the oldest for each purpose. */
  age: number;
  limits: Record<Purpose, number>;
  /** What the price serves now. */
  serves: Record<Purpose, boolean>;
  is: FeedStanding;
  text: string;
  /** Doubt: seconds so far, and over which its benefit (a part of the price) decays to the floor. */
  doubt: { seconds: number; lasts: number; benefit: number; floor: number };
  /** Fastest move of the stable price in an hour. */
  stablePerHour: number;
  /** Of a derived feed: base tokens per token, and the fastest growth in a day. */
  rate: { now: number; growthPerDay: number } | undefined;
  /** What follows it, by index. */
  assets: number[];
  markets: number[];
  derived: number[];
}

/** A feed of the risk state; `undefined` for a number that none has. */
export function feedView(risk: RiskState, index: number, now: ChainClock): FeedView | undefined {
  const feed = index < risk.feedCount ? risk.feeds[index] : undefined;
  if (!feed) return undefined;
  const { price, limits, sources } = feed;
  const [spot, stable] = [price.spot, price.stable].map((mantissa) => Number(mantissa) / 2 ** feed.shift / 1e6) as [number, number];
  const maxAgeSecs = [limits.tradeAgeSecs, limits.payAgeSecs, limits.seizeAgeSecs];
  const counted = { ...price, maxAgeSecs, flags: flagsOf(price) };
  const each = <T>(value: (purpose: Purpose, i: number) => T) => Object.fromEntries(PURPOSES.map((purpose, i) => [purpose, value(purpose, i)])) as Record<Purpose, T>;
  const age = Math.max(0, (nowMs(now) - Number(price.publishedMs)) / 1_000);
  const is = isFinal(price) ? 'final' : standingOf(price.spot, age > limits.tradeAgeSecs, counted.flags);
  return {
    index,
    name: nameOf(feed.name) || `Feed ${index}`,
    source: sourceText(sources.primary, risk),
    fallback: sources.fallback.kind === 0 ? undefined : sourceText(sources.fallback, risk),
    price: spot,
    stable,
    confidence: price.spot > 0n ? Number(price.conf) / Number(price.spot) : 0,
    maxConfidence: limits.maxConfRatio / RATIO_ONE,
    age,
    limits: each((_, i) => maxAgeSecs[i] ?? 0),
    serves: each((purpose) => price.spot > 0n && isFresh(counted, now, purpose)),
    is,
    text: standingText(is, limits.tradeAgeSecs),
    doubt: {
      seconds: is === 'fresh' || is === 'unpriced' || is === 'final' ? 0 : doubtedMs(price, risk) / 1_000,
      lasts: limits.doubtSecs,
      benefit: limits.doubtBenefit / RATIO_ONE,
      floor: limits.doubtFloor / RATIO_ONE,
    },
    stablePerHour: limits.stableRatePerHour / RATIO_ONE,
    rate: sourceKindOf(sources.primary) === 'derived' ? { now: Number(feed.rate) / RATE_ONE, growthPerDay: limits.maxGrowthPerDay / RATIO_ONE } : undefined,
    ...followers(feed),
  };
}

/** All feeds of the risk state. */
export function feedViews(risk: RiskState, now: ChainClock): FeedView[] {
  return Array.from({ length: risk.feedCount }, (_, index) => feedView(risk, index, now)).filter((feed) => feed !== undefined);
}

function standingOf(spot: bigint, isSilent: boolean, flags: number): FeedStanding {
  if (spot === 0n) return 'unpriced';
  if (isSilent) return 'silent';
  if (flags === 0) return 'fresh';
  if (flags & BROKEN) return 'broken';
  return flags & REFUSED ? 'refused' : 'fallback';
}

function standingText(is: FeedStanding, tradeAge: number): string {
  switch (is) {
    case 'fresh':
      return 'Fresh';
    case 'final':
      return 'Final price: what follows it is being wound down';
    case 'unpriced':
      return 'No price yet';
    case 'silent':
      return `Silent: more than ${duration(tradeAge)} old`;
    case 'refused':
      return 'In doubt: a newer price was refused, too uncertain or too far away';
    case 'fallback':
      return 'The fallback source speaks: trades at a wider margin, payments and seizures only once it has spoken for some minutes';
    case 'broken':
      return 'In doubt: more than half away from its own average, and not confirmed yet';
  }
}

function followers(feed: Feed): Pick<FeedView, 'assets' | 'markets' | 'derived'> {
  const bits = (set: bigint) => Array.from({ length: 64 }, (_, i) => i).filter((i) => (set >> BigInt(i)) & 1n);
  return { assets: bits(feed.assets), markets: bits(feed.markets), derived: bits(feed.derived) };
}

/** The name of a feed by its number. */
export function feedName(risk: Pick<RiskState, 'feeds' | 'feedCount'> | undefined, index: number): string {
  const feed = risk && index < risk.feedCount ? risk.feeds[index] : undefined;
  return (feed && nameOf(feed.name)) || `feed ${index}`;
}

/** Where prices come from, in words. */
export function sourceText(source: OracleSource, risk: Pick<RiskState, 'feeds' | 'feedCount'> | undefined): string {
  switch (sourceKindOf(source)) {
    case 'none':
      return 'none';
    case 'pythPull':
      return source.receiver === 2 ? 'Pyth, Pro-compatible receiver' : 'Pyth, posted updates';
    case 'pythLegacy':
      return 'Pyth, legacy account';
    case 'pythPro':
      return `Pyth Pro ${new DataView(Uint8Array.from(source.feed).buffer).getUint32(0, true)}, signed messages in 10^${source.exponent}`;
    case 'derived': {
      const cap = source.cap === NO_FEED ? '' : `, at most ${feedName(risk, source.cap)}`;
      return `stake pool rate × ${feedName(risk, source.base)}${cap}`;
    }
    case 'final':
      return `final price, ${new DataView(Uint8Array.from(source.feed).buffer).getBigUint64(0, true)} × 10^${source.exponent} USD`;
    case null:
      return `a source of kind ${source.kind}`;
  }
}

/** What a source reads: the id of its feed, or an address; nothing for one that its kind says all of. */
export function sourceId(source: OracleSource): string {
  const bytes = Uint8Array.from(source.feed);
  switch (sourceKindOf(source)) {
    case 'pythPull':
      return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    case 'pythLegacy':
    case 'derived':
      return getAddressDecoder().decode(bytes);
    default:
      return '';
  }
}

/** A price that new risk may not rely on: its feed, and the USD that it counts for in a liquidation meanwhile. */
export interface PriceDoubt {
  feed: FeedView;
  /** Of deposits and longs, of debts and shorts. */
  owned: number;
  owed: number;
}

/** What a price in doubt means for whoever holds (`owned`) or owes at it, in words; `price` writes a price. */
export function doubtText({ feed, owned, owed }: PriceDoubt, what: 'deposit' | 'debt' | 'long' | 'short', price: (value: number) => string): string {
  const isOwned = what === 'deposit' || what === 'long';
  const counts = price(isOwned ? owned : owed);
  const lasts = `doubted for ${duration(feed.doubt.seconds)}, decays over ${duration(feed.doubt.lasts)}`;
  const init = what === 'deposit' ? 'This deposit counts nothing towards Init' : 'New risk is refused';
  return `${feed.text} (published ${duration(feed.age)} ago; ${lasts}). ${init}; for Maint and in a liquidation a ${what} counts at ${counts} instead of ${price(feed.price)}.`;
}
