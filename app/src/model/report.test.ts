// Tests of the risk report in words and dollars.
import type { Requirement, RiskReport } from '@plimsoll/client/risk';
import { describe, expect, it } from 'vitest';
import { addOns, bindingText, chanceText, deltaText, distanceText, liquidationText, measures, needOf, scenarioText } from './report.ts';

const REQUIREMENT: Requirement = {
  model: 3_000_000n,
  isolated: 9_000_000n,
  grossFloor: 1_000_000n,
  linear: 4_500_000n,
  shortfall: 5_000_000n,
  crash: 2_000_000n,
  liquidity: 0n,
  basis: 250_000n,
  depeg: 0n,
  confidence: 10_000n,
  total: 5_260_000n,
  binding: { kind: 'shortfall' },
};

const FACTORS = [{ number: 1, driver: 'BTC' }, { number: 2, driver: 'ETH' }, { number: 3, driver: null }];

describe('the requirement', () => {
  it('is the largest of three ways, and what is added', () => {
    const ways = measures(REQUIREMENT);
    expect(ways.map((way) => [way.name, way.amount, way.decides])).toEqual([
      ['Factor model', 4.5, false],
      ['Scenarios', 5, true],
      ['Worst named day', 2, false],
    ]);
    expect(addOns(REQUIREMENT).map((part) => [part.name, part.amount])).toEqual([
      ['Basis', 0.25],
      ['Uncertain prices', 0.01],
    ]);
    const sum = Math.max(...ways.map((way) => way.amount)) + addOns(REQUIREMENT).reduce((all, part) => all + part.amount, 0);
    expect(sum).toBeCloseTo(Number(REQUIREMENT.total) / 1e6);
  });

  it('counts the gross floor as the factor model’s', () => {
    const [linear] = measures({ ...REQUIREMENT, binding: { kind: 'grossFloor' } });
    expect(linear?.decides).toBe(true);
    expect(linear?.hint).toContain('$1.00');
  });

  it('says what decides', () => {
    const days = [{ date: '2022-11-09', name: 'failure of a large exchange' }];
    expect(bindingText({ ...REQUIREMENT, binding: { kind: 'crashDay', date: '2022-11-09' } }, days)).toBe('A named day decides: 2022-11-09, failure of a large exchange.');
    expect(bindingText({ ...REQUIREMENT, binding: { kind: 'crashDay', date: '2020-03-12' } }, days)).toBe('A named day decides: 2020-03-12.');
    const hedged = { ...REQUIREMENT, linear: 3n, shortfall: 2n, crash: 1n };
    expect(bindingText(hedged, days)).toMatch(/only the add-ons/);
    expect(bindingText({ ...hedged, total: 0n, binding: { kind: 'nothing' } }, days)).toBe('Nothing is at risk.');
  });
});

describe('words', () => {
  it('tell a scenario by its drivers, and leave out what does not move', () => {
    expect(scenarioText({ shocks: [-4, 0, 0], volatility: 0.45, weight: 1 }, FACTORS)).toBe('BTC −4σ, volatility +45%');
    expect(scenarioText({ shocks: [2.7, -2.7, 1], volatility: 0, weight: 0.385 }, FACTORS)).toBe('BTC +2.7σ, ETH −2.7σ, Factor 3 +1σ, counts 39%');
    expect(scenarioText({ shocks: [0, 0, 0], volatility: 0, weight: 1 }, FACTORS)).toBe('Nothing moves');
  });

  it('tell both ends of a delta that orders may move', () => {
    expect(deltaText(5_000_000n, 5_000_000n)).toBe('+$5.00');
    expect(deltaText(-1_000_000n, 5_000_000n)).toBe('−$1.00 to +$5.00');
    expect(deltaText(-1n, 2n)).toBe('$0.00');
  });

  it('tell how far a price may move', () => {
    const at = (below: number | null, above: number | null, crossed = false) => liquidationText({ liquidation: { crossed, below, above } });
    expect(at(0.68, null)).toBe('−32.0%');
    expect(at(0.5, 1.25)).toBe('−50.0% or +25.0%');
    expect(at(null, null)).toBe('at no price');
    expect(at(1.1, null, true)).toBe('now');
  });

  it('do not count deviations beyond what means anything', () => {
    expect([null, 3.14, 5e9].map(distanceText)).toEqual([undefined, '3.1 deviations', 'over 1,000 deviations']);
  });

  it('do not make much of a small chance', () => {
    expect([0, 0.00001, 0.0004, 0.2].map(chanceText)).toEqual(['none', 'below 0.01%', '0.04%', '20.0%']);
  });
});

it('holds back what Init does not leave of equity', () => {
  const health = { equity: 100_000_000n, init: 60_000_000n, maintenance: 80_000_000n } as RiskReport['health'];
  expect(needOf({ health })).toEqual({ held: 40, init: 60, maintenance: 80 });
});
