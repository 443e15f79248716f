// Which feeds an action needs refreshed: by the age of each price and what it is for, as the Rust client decides it.
import type { Address } from '@solana/kit';
import { describe, expect, test } from 'vitest';

import {
  BROKEN,
  doubtedMs,
  dueFeeds,
  feedRefs,
  FALLBACK,
  FINAL_MS,
  flagsOf,
  flagging,
  isDue,
  isFinal,
  isFresh,
  liquidationFeeds,
  NO_FEED,
  PURPOSES,
  REFUSED,
  refreshFor,
  sourcesOf,
  YOUNG_FALLBACK,
  type EntryPrice,
  type ExchangeRef,
  type Feed,
  type MarginAccount,
  type PricesAt,
  type Purpose,
  type RiskState,
} from '../../src';

const NOW = 50_000;
const clock = { slot: 1_000n, unixTime: BigInt(NOW) };
/** Feeds: of quote, of a base, of a token's own market, and of the token, which is derived. */
const [QUOTE, BASE, CAP, DERIVED] = [0, 1, 2, 3] as const;

const price = (feed: number, ageMs: number, flags = 0): EntryPrice => ({
  publishedMs: BigInt(NOW * 1_000 - ageMs),
  doubtFrom: 0n,
  spot: 1n,
  conf: 0n,
  stable: 1n,
  confMultiple: 0,
  doubtBenefit: 0,
  doubtFloor: 0,
  doubtSecs: 3_600,
  maxAgeSecs: [60, 20, 10],
  flags,
  movesWith: feed,
  padding: 0,
  feed,
});

/** Asset i and market i follow feed i; all prices are of this age. */
function aged(ageMs: number): RiskState {
  const entries = [QUOTE, BASE, CAP, DERIVED].map((feed) => ({ price: price(feed, ageMs) }));
  const feeds = [QUOTE, BASE, CAP, DERIVED].map((index) => ({
    price: { spot: 1n, primaryMs: BigInt(NOW * 1_000), publishedMs: BigInt(NOW * 1_000) },
    limits: { tradeAgeSecs: 60 },
    rate: 1n,
    rateReadAt: BigInt(NOW),
    sources: { primary: index === DERIVED ? { kind: 4, base: BASE, cap: CAP } : { kind: 1, base: 0, cap: 0 } },
  }));
  return { assets: entries, markets: entries, feeds, assetCount: 4, marketCount: 4, feedCount: 4, doubtMs: 0n } as unknown as RiskState;
}

const at = (ageMs: number): PricesAt => ({ risk: aged(ageMs), clock });
const both = { assets: [QUOTE], markets: [BASE] };

describe('a price', () => {
  test.each<[Purpose, number]>([['trade', 60], ['pay', 20], ['seize', 10]])('serves to %s for %d seconds', (purpose, seconds) => {
    expect(isFresh(price(0, seconds * 1_000), clock, purpose)).toBe(true);
    expect(isFresh(price(0, seconds * 1_000 + 1), clock, purpose)).toBe(false);
  });

  test('is due before it is too old, since a transaction lands later; of a short age at most half is kept for that', () => {
    const due = (ageMs: number, purpose: Purpose) => isDue(price(0, ageMs), clock, purpose);
    expect([due(47_000, 'trade'), due(47_001, 'trade')]).toEqual([false, true]);
    expect([due(10_000, 'pay'), due(10_001, 'pay')]).toEqual([false, true]);
    expect([due(5_000, 'seize'), due(5_001, 'seize')]).toEqual([false, true]);
  });

  test('that is doubted serves nothing, one with a refused successor only to seize', () => {
    const serves = (flags: number) => PURPOSES.filter((purpose) => isFresh(price(0, 0, flags), clock, purpose));
    expect(serves(0)).toEqual(PURPOSES);
    expect(serves(REFUSED)).toEqual(['seize']);
    expect(serves(BROKEN)).toEqual([]);
    // A fallback's, while it has not spoken for long, and from then on.
    expect([serves(FALLBACK | YOUNG_FALLBACK), serves(FALLBACK)]).toEqual([['trade'], PURPOSES]);
    expect([serves(FALLBACK | REFUSED), serves(FALLBACK | YOUNG_FALLBACK | REFUSED), serves(FALLBACK | BROKEN)]).toEqual([['seize'], [], []]);
  });

  test('that is final serves everything for ever, and is in no doubt', () => {
    const final = { ...price(0, 0), publishedMs: FINAL_MS };
    const later = { slot: 1n, unixTime: 1n << 40n };
    expect(PURPOSES.filter((purpose) => isDue(final, later, purpose))).toEqual([]);
    expect([isFinal(final), isFinal(price(0, 0))]).toEqual([true, false]);
    expect(doubtedMs({ ...final, doubtFrom: 0n }, { doubtMs: 5n })).toBe(0);
  });

  test('is flagged by its average and by what was refused', () => {
    const flags = (of: Partial<Feed['price']>) => flagsOf({ spot: 100n, average: 100n, refusedMs: 0n, publishedMs: 5n, marks: 0, ...of } as Feed['price']);
    expect([flags({}), flags({ average: 200n }), flags({ average: 201n }), flags({ refusedMs: 6n }), flags({ marks: FALLBACK })]).toEqual([0, 0, BROKEN, REFUSED, FALLBACK]);
  });
});

describe('an action', () => {
  const exchange = {
    program: '2ducq5nhMgwuZ8EaTgmrR8uwVEtZFzkvxhC1LJifVZsS' as Address,
    riskState: 'r' as Address,
    feeds: [
      { index: QUOTE, name: 'USDC', account: 'q' as Address, fallback: 'f' as Address },
      { index: BASE, name: 'SOL', account: null, fallback: null },
    ],
  } as unknown as ExchangeRef;
  const holder = (more: object = {}) =>
    ({ balances: [{ asset: QUOTE, shares: 5n }, { asset: CAP, shares: 0n }], perps: [{ market: BASE }], orders: [], state: 0, flagConfirmed: 0, flaggedPriceMs: 0n, ...more }) as unknown as MarginAccount;

  test('refreshes what its purpose finds too old, and nothing else', () => {
    const feeds = (ageMs: number) => PURPOSES.map((purpose) => dueFeeds(both, at(ageMs), purpose));
    expect(feeds(0)).toEqual([[], [], []]);
    expect(feeds(5_001)).toEqual([[], [], [QUOTE, BASE]]);
    expect(feeds(10_001)).toEqual([[], [QUOTE, BASE], [QUOTE, BASE]]);
    expect(feeds(47_001)).toEqual([[QUOTE, BASE], [QUOTE, BASE], [QUOTE, BASE]]);
    expect(dueFeeds({ assets: [9], markets: [9] }, at(1e6), 'trade')).toEqual([]);
    expect(refreshFor(exchange, at(5_000), 'trade', [holder()])).toEqual([]);
    // The other feed's prices come in signed messages: there is no account to read.
    const [refresh] = refreshFor(exchange, at(50_000), 'trade', [holder()]);
    expect(refresh?.accounts?.map(({ address }) => address)).toEqual(['r', 'q']);
  });

  test('refreshes a derived price by what it is made of, and by its rate before the first', () => {
    const risk = aged(0);
    expect(sourcesOf(risk, DERIVED)).toEqual([BASE, CAP]);
    risk.feeds[DERIVED]!.rate = 0n;
    risk.feeds[DERIVED]!.sources.primary.cap = NO_FEED;
    expect(sourcesOf(risk, DERIVED)).toEqual([BASE, DERIVED]);
    expect(sourcesOf(risk, 4)).toEqual([]);
  });

  test('takes the fallback along once the primary has been silent for twice the age of trades', () => {
    const state = at(0);
    const refs = (silentMs: number) => {
      state.risk.feeds[QUOTE]!.price.primaryMs = BigInt(NOW * 1_000 - silentMs);
      return feedRefs(exchange, state, [QUOTE, BASE, CAP]).map(({ account, isFallback }) => [account, isFallback]);
    };
    expect(refs(120_000)).toEqual([['q', false]]);
    expect(refs(120_001)).toEqual([['q', false], ['f', true]]);
  });

  test('on a flagged account refreshes what it was flagged at, until later prices have confirmed it', () => {
    const own = holder({ balances: [], perps: [] });
    const feeds = (flag: object) => liquidationFeeds(at(4_000), own, holder(flag));
    const flaggedPriceMs = BigInt(NOW * 1_000 - 4_000);
    expect(feeds({})).toEqual([]);
    expect(feeds({ state: 1, flaggedPriceMs })).toEqual([QUOTE, BASE]);
    expect(feeds({ state: 1, flaggedPriceMs: flaggedPriceMs - 1n })).toEqual([]);
    expect(feeds({ state: 1, flaggedPriceMs, flagConfirmed: 1 })).toEqual([]);
    const what = { cancelIn: [], position: { market: {} as never }, swap: null };
    expect(flagging(what)).toEqual({ cancelIn: [], position: null, swap: null });
  });
});
