// Feeds and the prices of entries that follow them: how old a price may be for what, and when it is doubted. The program's
// rules, in its own units; crates/risk has them with their reasons.
import type { EntryPrice, Feed, RiskState } from './generated';
import type { ChainClock } from './risk';

/**
 * What a price is used for: new risk in a trade; whatever leaves, such as withdrawals, borrows and profits; flagging an
 * account and seizing what it owns.
 */
export const PURPOSES = ['trade', 'pay', 'seize'] as const;
/** One of {@link PURPOSES}. */
export type Purpose = (typeof PURPOSES)[number];

/** A price more than half away from its own average: nothing is seized at it. */
export const BROKEN = 1;
/** A newer observation was refused: the price carries no new risk and pays nothing. */
export const REFUSED = 2;
/** The price is the fallback's. */
export const FALLBACK = 4;
/** The fallback has spoken for less than a tenth of the time that doubt lasts: nothing is paid or seized at its price. */
export const YOUNG_FALLBACK = 8;

/** No feed, where one may be named. */
export const NO_FEED = 255;

/** Kinds of sources, by the byte that stands for them. */
export const SOURCE_KINDS = ['none', 'pythPull', 'pythLegacy', 'pythPro', 'derived', 'final'] as const;
/** One of {@link SOURCE_KINDS}. */
export type SourceKind = (typeof SOURCE_KINDS)[number];
/** The kind of a source; null for a byte that stands for none. */
export const sourceKindOf = (source: { readonly kind: number }): SourceKind | null => SOURCE_KINDS[source.kind] ?? null;

/** Publish time of a final price, at which everything that follows a feed is wound down: it never ages, and is never doubted. */
export const FINAL_MS = (1n << 63n) - 1n;
/** Whether a price is final. */
export const isFinal = (price: { readonly publishedMs: bigint }): boolean => price.publishedMs === FINAL_MS;

/** The chain's time, milliseconds. */
export const nowMs = (clock: ChainClock): number => Number(clock.unixTime) * 1_000;

/** Oldest publish time for a purpose, milliseconds. */
export const ageOf = (price: Pick<EntryPrice, 'maxAgeSecs'>, purpose: Purpose): number => (price.maxAgeSecs[PURPOSES.indexOf(purpose)] ?? 0) * 1_000;

/** Flags that keep a price from serving a purpose. */
const REFUSING: Record<Purpose, number> = { trade: BROKEN | REFUSED, pay: BROKEN | REFUSED | YOUNG_FALLBACK, seize: BROKEN | YOUNG_FALLBACK };

/** Whether a price serves a purpose, now or so many milliseconds from now. */
export function isFresh(price: Pick<EntryPrice, 'publishedMs' | 'maxAgeSecs' | 'flags'>, clock: ChainClock, purpose: Purpose, inMs = 0): boolean {
  return (price.flags & REFUSING[purpose]) === 0 && nowMs(clock) + inMs - Number(price.publishedMs) <= ageOf(price, purpose);
}

/** For how long a price has been doubted, by the exchange's clock of doubt, milliseconds; a final one never is. */
export const doubtedMs = (price: { readonly publishedMs: bigint; readonly doubtFrom: bigint }, risk: Pick<RiskState, 'doubtMs'>): number =>
  isFinal(price) ? 0 : Math.max(0, Number(risk.doubtMs - price.doubtFrom));

/** {@link BROKEN}, {@link REFUSED}, {@link FALLBACK} and {@link YOUNG_FALLBACK} of a feed's price, as far as they apply. */
export function flagsOf({ spot, average, refusedMs, publishedMs, marks }: Feed['price']): number {
  const away = spot > average ? spot - average : average - spot;
  return marks | (away > average / 2n ? BROKEN : 0) | (refusedMs > publishedMs ? REFUSED : 0);
}

/** For how long a rate counts after it was read, milliseconds. */
export const RATE_AGE_MS = 3_600_000;

/**
 * The feeds that have prices of their own, of which a feed is made: a derived one moves with its base and with the price of
 * its own market; its own account, the rate, is needed before the first price, and once the rate was read half an hour before
 * the base's price.
 */
export function sourcesOf(risk: Pick<RiskState, 'feeds' | 'feedCount'>, index: number): number[] {
  const feed = index < risk.feedCount ? risk.feeds[index] : undefined;
  if (!feed) return [];
  const source = feed.sources.primary;
  if (sourceKindOf(source) !== 'derived') return [index];
  const made = [source.base, source.cap].filter((one) => one !== NO_FEED);
  const base = risk.feeds[source.base];
  const unread = base ? Number(base.price.publishedMs) - Number(feed.rateReadAt) * 1_000 : 0;
  return feed.rate === 0n || unread > RATE_AGE_MS / 2 ? [...made, index] : made;
}

/** Whether a feed's fallback counts: the primary has been silent for more than twice the age that trades allow. */
export function needsFallback(feed: Pick<Feed, 'price' | 'limits'>, clock: ChainClock): boolean {
  const silent = nowMs(clock) - Number(feed.price.primaryMs);
  return feed.price.spot !== 0n && silent > feed.limits.tradeAgeSecs * 2_000;
}
