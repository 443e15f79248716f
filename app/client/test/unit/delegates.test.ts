import { describe, expect, test } from 'vitest';

import { budgetLeft, scopeByte, scopeOf } from '../../src';

const NOW = 1_900_000_000;
const lost = (level: bigint, at = NOW) => ({ lossPerDay: 86_400_000n, lost: { level, updatedAt: BigInt(at) * 1_000_000n } });

describe('the budget of a delegate', () => {
  test('is what it has not lost', () => {
    expect(budgetLeft(lost(0n), NOW)).toBe(86_400_000n);
    expect(budgetLeft(lost(400_000n), NOW)).toBe(86_000_000n);
  });

  test('comes back evenly over a day, and no further than whole', () => {
    expect(budgetLeft(lost(86_400_000n), NOW)).toBe(0n);
    expect(budgetLeft(lost(86_400_000n), NOW + 3_600)).toBe(3_600_000n);
    expect(budgetLeft(lost(86_400_000n), NOW + 86_400)).toBe(86_400_000n);
    expect(budgetLeft(lost(86_400_000n), NOW + 900_000)).toBe(86_400_000n);
  });

  test('is nothing below what was lost, and does not come back before its time', () => {
    expect(budgetLeft({ ...lost(90_000_000n), lossPerDay: 10_000_000n }, NOW)).toBe(0n);
    expect(budgetLeft(lost(400_000n, NOW + 10), NOW)).toBe(86_000_000n);
  });
});

describe('the scope of a delegate', () => {
  test('is a byte of bits', () => {
    expect(scopeByte(['cancel', 'trade'])).toBe(5);
    expect(scopeOf(5)).toEqual(['cancel', 'trade']);
    expect(scopeOf(scopeByte(['cancel', 'reduce', 'trade', 'liquidate']))).toHaveLength(4);
  });
});
