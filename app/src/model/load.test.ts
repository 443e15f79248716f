// Tests of the draught scale.
import { describe, expect, it } from 'vitest';
import { draught, standing, tone, type Lines } from './load.ts';

const lines = (init: number, liquidationEnd: number, maintenance: number, equity: number): Lines => ({ init, liquidationEnd, maintenance, equity });

describe('the draught scale', () => {
  it('puts the water at the part of equity that Maint requires', () => {
    const at = draught(lines(400, 450, 750, 1000));
    expect(at.water).toBeCloseTo(0.25);
    expect(at.maintenance).toBe(1);
  });

  it('puts each line as far above the water as its health is of equity', () => {
    const at = draught(lines(400, 450, 750, 1000));
    expect(at.init - at.water).toBeCloseTo(0.4);
    expect(at.liquidationEnd - at.water).toBeCloseTo(0.45);
    expect(at.init).toBeLessThanOrEqual(at.liquidationEnd);
    expect(at.liquidationEnd).toBeLessThanOrEqual(at.maintenance);
  });

  it('sinks a line exactly when its health is negative', () => {
    const at = draught(lines(-50, 20, 300, 1000));
    expect(at.init).toBeLessThan(at.water);
    expect(at.liquidationEnd).toBeGreaterThan(at.water);
  });

  it('floods the hull when equity is gone', () => {
    expect(draught(lines(-900, -800, -700, -10)).water).toBeGreaterThan(1);
    expect(draught(lines(0, 0, 0, 0)).water).toBe(0);
  });
});

describe('standings', () => {
  it('go from clear to bankrupt', () => {
    expect(standing(lines(0, 0, 0, 0))).toBe('empty');
    expect(standing(lines(500, 600, 700, 1000))).toBe('clear');
    expect(standing(lines(50, 80, 150, 1000))).toBe('near');
    expect(standing(lines(-1, 80, 400, 1000))).toBe('past-init');
    expect(standing(lines(-9, -1, 400, 1000))).toBe('past-end');
    expect(standing(lines(-9, -5, -1, 1000))).toBe('liquidatable');
    expect(standing(lines(-9, -5, -1, -1))).toBe('bankrupt');
  });

  it('warn before they alarm', () => {
    expect(tone('clear')).toBe('calm');
    expect(tone('past-init')).toBe('warn');
    expect(tone('liquidatable')).toBe('danger');
  });
});
