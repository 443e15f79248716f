// Tests of the portfolio model as people read it.
import type { RiskState } from '@plimsoll/client/generated';
import { expect, it } from 'vitest';
import { riskModelView } from './riskModel.ts';

const RATIO_ONE = 2 ** 24;
const entry = (underlying: number, samples = 0) => ({ underlying, samples });

function state(announced: number): RiskState {
  const name = new Uint8Array(8);
  name.set(new TextEncoder().encode('SOL'));
  const underlying = {
    params: {
      name,
      depthNotional: 6_000_000_000_000n,
      loadings: [1.2, 1, 0].map((loading) => Math.round(loading * 2 ** 20)),
      crashReturns: Array.from({ length: 8 }, () => -(2 ** 19)),
      volatilityFloor: RATIO_ONE / 16,
      idiosyncraticFloor: RATIO_ONE / 32,
      liquidityRatio: 0,
      basisRatio: RATIO_ONE / 64,
      factor: 2,
    },
    volatility: { sampledAt: 0n, bindsAt: 1_000n, current: RATIO_ONE / 8, binding: RATIO_ONE / 16, pending: { announced, ceiling: 0 } },
    own: [RATIO_ONE / 32, RATIO_ONE / 32],
  };
  return {
    assetCount: 2,
    marketCount: 1,
    underlyingCount: 1,
    assets: [entry(0), entry(1, 1), entry(1)],
    markets: [entry(1), entry(1)],
    model: { params: { scenarioCount: 24, factorCount: 2 } },
    underlyings: [underlying, underlying],
  } as unknown as RiskState;
}

it('reads an underlying with what follows and teaches it', () => {
  const view = riskModelView(state(RATIO_ONE / 10));
  expect(view?.underlyings).toHaveLength(1);
  const [sol] = view!.underlyings;
  expect(sol).toMatchObject({ number: 1, name: 'SOL', drives: 2, floor: 1 / 16, depth: 6e6, basis: 1 / 64, assets: [1], markets: [0], taughtBy: { kind: 'asset', index: 1 } });
  expect(sol?.loadings.map((loading) => loading.toFixed(2))).toEqual(['1.20', '1.00']);
  expect(sol?.crashReturns).toEqual(Array.from({ length: 8 }, () => -0.5));
  expect(sol?.volatility).toMatchObject({ current: 1 / 8, binding: 1 / 16, bindsAt: 1_000, sampledAt: undefined });
  expect(sol?.volatility.announced).toBeCloseTo(0.1);
});

it('announces nothing where Maint is already there, and has no model without scenarios', () => {
  const calm = state(RATIO_ONE / 16);
  expect(riskModelView(calm)?.underlyings[0]?.volatility.announced).toBeUndefined();
  calm.model.params.scenarioCount = 0;
  expect(riskModelView(calm)).toBeUndefined();
});
