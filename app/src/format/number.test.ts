// Tests of how numbers are written and read.
import { describe, expect, it } from 'vitest';
import { change, fixed, fromNative, NONE, parse, percent, pricePlaces, toNative, trimmed, usd, usdShort } from './number.ts';

describe('writing numbers', () => {
  it('keeps decimals and groups thousands', () => {
    expect(fixed(1234.5, 2)).toBe('1,234.50');
    expect(trimmed(1234.5, 4)).toBe('1,234.5');
    expect(usd(1_234_567.8)).toBe('$1,234,568');
    expect(usd(12.345)).toBe('$12.35');
    expect(usdShort(1_234_567)).toBe('$1.23M');
  });

  it('has a true minus sign, in front of the currency, and none for a rounded zero', () => {
    expect(usd(-5)).toBe('−$5.00');
    expect(usd(-0.001)).toBe('$0.00');
    expect(change(5, usd)).toBe('+$5.00');
    expect(change(0.0001, usd)).toBe('$0.00');
    expect(percent(-0.1234, 1)).toBe('−12.3%');
  });

  it('says when a number is not known', () => {
    expect(fixed(Number.NaN, 2)).toBe(NONE);
    expect(usd(Number.POSITIVE_INFINITY)).toBe(NONE);
  });

  it('chooses decimals by magnitude', () => {
    expect(pricePlaces(117_000)).toBe(0);
    expect(pricePlaces(190)).toBe(3);
    expect(pricePlaces(0.00002)).toBe(8);
  });
});

describe('reading amounts', () => {
  it('is exact, beyond what a float holds', () => {
    expect(toNative('9007199254740993.123456', 6)).toBe(9007199254740993123456n);
    expect(fromNative(9007199254740993123456n, 6)).toBe('9007199254740993.123456');
  });

  it('drops what is finer than the token', () => {
    expect(toNative('1.9999999', 6)).toBe(1_999_999n);
    expect(toNative('.5', 9)).toBe(500_000_000n);
    expect(toNative('1,000', 6)).toBe(1_000_000_000n);
  });

  it('refuses what is no plain decimal', () => {
    for (const text of ['', '.', 'abc', '1e9', '-5', '1.2.3']) expect(toNative(text, 6)).toBeUndefined();
    expect(parse('-5.5')).toBe(-5.5);
    expect(parse('1e9')).toBeUndefined();
  });

  it('writes native units without loose zeros', () => {
    expect(fromNative(1_500_000n, 6)).toBe('1.5');
    expect(fromNative(-1n, 6)).toBe('-0.000001');
    expect(fromNative(7n, 0)).toBe('7');
  });
});
