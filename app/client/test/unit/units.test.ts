// Conversions: exact both ways, and rounded as told where they cannot be.
import { describe, expect, test } from 'vitest';

import {
  divide,
  formatAssetPrice,
  formatLots,
  formatMarketPrice,
  formatPercent,
  formatPrice,
  formatQuote,
  formatUnits,
  lotDecimals,
  notional,
  parseLots,
  parsePercent,
  parsePrice,
  parseUnits,
  priceDecimals,
  priceOfMantissa,
  sharesToNative,
  UnitsError,
  valueAt,
} from '../../src';

/** A lot of 0.001 SOL and a tick of 10 native quote: a cent per SOL. */
const SOL = { baseLotSize: 1_000_000n, baseDecimals: 9, tick: 10n };

describe('native units', () => {
  test('are read exactly', () => {
    expect(parseUnits('1234.567891', 6)).toBe(1_234_567_891n);
    expect(parseUnits(' 1,000 ', 6)).toBe(1_000_000_000n);
    expect(parseUnits('.5', 9)).toBe(500_000_000n);
    expect(parseUnits('-3', 0)).toBe(-3n);
    expect(parseUnits('18446744073709.551615', 6)).toBe((1n << 64n) - 1n);
    expect(parseUnits('1.500000', 2)).toBe(150n);
  });

  test('refuse what is no amount', () => {
    for (const text of ['', '.', '-', 'abc', '1e5', '1.2.3', '0x10', 'NaN']) {
      expect(() => parseUnits(text, 6), text).toThrow(UnitsError);
    }
    expect(() => parseUnits('0.0000001', 6)).toThrow('at most 6 decimals');
  });

  test('are written as asked', () => {
    expect(formatUnits(1_234_567_891n, 6)).toBe('1234.567891');
    expect(formatUnits(-5n, 6)).toBe('-0.000005');
    expect(formatUnits(-5n, 6, { maximum: 2 })).toBe('0');
    expect(formatUnits(1_999_999n, 6, { maximum: 2 })).toBe('1.99');
    expect(formatUnits(1_999_999n, 6, { maximum: 2, rounding: 'nearest' })).toBe('2');
    expect(formatUnits(1_000_000n, 6, { minimum: 2 })).toBe('1.00');
    expect(formatUnits(123n, 0, { group: true })).toBe('123');
    expect(formatQuote(1_234_567_895_000n)).toBe('1,234,567.90');
    expect(formatQuote(-995_000n)).toBe('-1.00');
  });

  test('survive the way there and back', () => {
    for (const native of [0n, 1n, 999_999n, 10n ** 18n + 1n, -42n]) {
      for (const decimals of [0, 5, 9]) expect(parseUnits(formatUnits(native, decimals), decimals)).toBe(native);
    }
  });

  test('are divided as told', () => {
    expect([divide(-7n, 2n, 'down'), divide(-7n, 2n, 'up'), divide(-7n, 2n, 'nearest')]).toEqual([-4n, -3n, -4n]);
    expect([divide(7n, 2n, 'down'), divide(7n, 2n, 'up'), divide(5n, 2n, 'nearest')]).toEqual([3n, 4n, 3n]);
  });
});

describe('lots and prices of a market', () => {
  test('are sizes and dollars', () => {
    expect(formatLots(1_500n, SOL)).toBe('1.5');
    expect(parseLots('1.5009', SOL)).toBe(1_500n);
    expect(formatPrice(19_025n, SOL)).toBe('190.25');
    expect(parsePrice('190.259', SOL, 'down')).toBe(19_025n);
    expect(parsePrice('190.251', SOL, 'up')).toBe(19_026n);
    expect([lotDecimals(SOL), priceDecimals(SOL)]).toEqual([3, 2]);
  });

  test('have an exact notional', () => {
    expect(formatQuote(notional(1_500n, 19_025n, SOL))).toBe('285.38');
    expect(notional(1_500n, 19_025n, SOL)).toBe(285_375_000n);
  });

  test('of a memecoin and of bitcoin keep their digits', () => {
    const meme = { baseLotSize: 100_000_000n, baseDecimals: 5, tick: 1n };
    expect(priceDecimals(meme)).toBe(9);
    expect(formatPrice(23n, meme)).toBe('0.000000023');
    const bitcoin = { baseLotSize: 1_000n, baseDecimals: 8, tick: 1n };
    expect(formatPrice(1_012_345n, bitcoin)).toBe('101234.5');
  });
});

describe('numbers of the risk state', () => {
  test('are dollars', () => {
    // 190.25 USD per SOL: 0.19025 native quote per lamport.
    const mantissa = (19_025n << 40n) / 100_000n;
    expect(formatAssetPrice(mantissa, 40, 9, 4)).toBe('190.25');
    expect(valueAt(2_000_000_000n, mantissa, 40, 'nearest')).toBe(380_500_000n);
    const perLot = 190_250n << 20n;
    expect(formatMarketPrice(perLot, 20, SOL)).toBe('190.25');
    expect(priceOfMantissa(perLot, 20, SOL)).toBe(19_025n);
  });

  test('round shares against the account', () => {
    const index = (1n << 48n) + 1n;
    expect(sharesToNative(10n, index)).toBe(10n);
    expect(sharesToNative(-10n, index)).toBe(-11n);
  });

  test('are percentages', () => {
    expect(formatPercent(1n << 21n)).toBe('12.5');
    expect(parsePercent('12.5')).toBe(1n << 21n);
    expect(formatPercent(-(1 << 20), 1)).toBe('-6.3');
  });
});
