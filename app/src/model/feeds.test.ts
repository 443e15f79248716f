// How a feed stands, by the program's own rules, and what a price in doubt means in words.
import { describe, expect, test } from 'vitest';
import { feed, NOW, riskOf as state, source } from '../testing/feed.ts';
import { doubtText, feedView, feedViews, sourceText } from './feeds.ts';

const now = { slot: 1n, unixTime: BigInt(NOW) };
const view = (ageSecs: number, price: Parameters<typeof feed>[1] = {}, more: Parameters<typeof feed>[2] = {}) => feedView(state(feed(ageSecs, price, more)), 0, now)!;

describe('a feed', () => {
  test('is told in dollars, with what follows it', () => {
    expect(view(2)).toMatchObject({ name: 'SOL', price: 150, stable: 140, confidence: 0.001, age: 2, limits: { trade: 60, pay: 20, seize: 10 }, assets: [1], markets: [0, 2], derived: [3], fallback: undefined, rate: undefined });
    expect(feedView(state(feed(2)), 1, now)).toBeUndefined();
    expect(feedViews(state(feed(2), feed(3)), now).map(({ age }) => age)).toEqual([2, 3]);
  });

  test('serves less as it grows old', () => {
    const serves = (ageSecs: number) => Object.values(view(ageSecs).serves);
    expect([serves(10), serves(11), serves(21), serves(61)]).toEqual([[true, true, true], [true, true, false], [true, false, false], [false, false, false]]);
  });

  test('is fresh, unpriced, silent, broken, or has refused a newer price; doubt counts in all but the first two', () => {
    const is = (of: ReturnType<typeof view>) => [of.is, of.doubt.seconds];
    expect(is(view(60))).toEqual(['fresh', 0]);
    expect(is(view(60, { spot: 0n }))).toEqual(['unpriced', 0]);
    expect(is(view(61))).toEqual(['silent', 720]);
    expect(is(view(1, { average: 301_000_000n << 3n }))).toEqual(['broken', 720]);
    expect(is(view(1, { refusedMs: BigInt(NOW * 1000) }))).toEqual(['refused', 720]);
    expect(is(view(1, { marks: 4, doubtFrom: 700_000n }))).toEqual(['fallback', 25]);
    expect(view(1, { marks: 12, doubtFrom: 700_000n }).serves).toEqual({ trade: true, pay: false, seize: false });
    expect(view(1, { refusedMs: BigInt(NOW * 1000) }).serves).toEqual({ trade: false, pay: false, seize: true });
  });

  test('with a final price never ages, serves everything, and is in no doubt', () => {
    const price = { publishedMs: (1n << 63n) - 1n, average: 150_000_000n << 3n };
    const final = view(0, price, { sources: { primary: source({ kind: 5, feed: Uint8Array.from({ length: 32 }, (_, i) => (i < 2 ? 1 : 0)), exponent: -2 }), fallback: source({ kind: 0 }) } });
    expect(final).toMatchObject({ is: 'final', age: 0, serves: { trade: true, pay: true, seize: true }, source: 'final price, 257 × 10^-2 USD' });
    expect(final.doubt.seconds).toBe(0);
  });

  test('says where its prices come from', () => {
    const risk = state(feed(1));
    const text = (more: Parameters<typeof source>[0]) => sourceText(source(more), risk);
    expect(text({})).toBe('Pyth, posted updates');
    expect(text({ receiver: 2 })).toBe('Pyth, Pro-compatible receiver');
    expect(text({ kind: 3, feed: Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 6 : 0)), exponent: -8 })).toBe('Pyth Pro 6, signed messages in 10^-8');
    expect(text({ kind: 4 })).toBe('stake pool rate × SOL');
    expect(text({ kind: 4, cap: 0 })).toBe('stake pool rate × SOL, at most SOL');
    expect(view(1, {}, { sources: { primary: source({ kind: 4 }), fallback: source() }, rate: 3n << 47n })).toMatchObject({ fallback: 'Pyth, posted updates', rate: { now: 1.5 } });
  });
});

test('a price in doubt is told with what it counts for, by what is held', () => {
  const doubt = { feed: view(90), owned: 160, owed: 140 };
  const price = (value: number) => value.toFixed(1);
  expect(doubtText(doubt, 'deposit', price)).toBe(
    'Silent: more than 1m old (published 1m ago; doubted for 12m, decays over 1h). This deposit counts nothing towards Init; for Maint and in a liquidation a deposit counts at 160.0 instead of 150.0.',
  );
  expect(doubtText(doubt, 'short', price)).toContain('New risk is refused; for Maint and in a liquidation a short counts at 140.0 instead of 150.0.');
});
