// What a proposal changes is said in the words of its parameters, and a feed's state is the program's.
import { describe, expect, test } from 'vitest';
import type { ExchangeState } from '../../data/types.ts';
import { describeProposal, oracleStatus, parameterName, parameterText } from './parameters.ts';

const price = { publishTime: 1000n, refreshSlot: 1n, spot: 1000n, conf: 1n, stable: 1000n, average: 1000n };
const limits = { maxAgeSecs: 60, maxConfRatio: 2 ** 24 / 100 };
const at = (seconds: number) => ({ slot: 5n, unixTime: BigInt(seconds) });

describe('a feed', () => {
  test('is fresh, stale, wide or broken', () => {
    expect(oracleStatus(price, limits, at(1060))).toMatchObject({ is: 'fresh', age: 60, confidence: 0.001 });
    expect(oracleStatus(price, limits, at(1061)).is).toBe('stale');
    expect(oracleStatus({ ...price, spot: 0n }, limits, at(1000)).is).toBe('stale');
    expect(oracleStatus({ ...price, conf: 20n }, limits, at(1000)).is).toBe('wide');
    expect(oracleStatus({ ...price, average: 2001n }, limits, at(1000)).is).toBe('broken');
  });
});

describe('parameters', () => {
  test('are written by their units', () => {
    expect(parameterText('depositCapUsd', 100_000_000_000_000n)).toBe('$100,000,000');
    expect(parameterText('sizeScaleNotional', (1n << 64n) - 1n)).toBe('no limit');
    expect(parameterText('initRatio', 2 ** 23)).toBe('50%');
    expect(parameterText('oracle.maxAgeSecs', 120)).toBe('2m');
    expect(parameterText('deviations', 3.25 * 2 ** 24)).toBe('3.25×');
    expect(parameterText('grossFloor', Math.ceil(0.03 * 2 ** 24))).toBe('3%');
    expect(parameterText('loadings.1', -1.5 * 2 ** 20)).toBe('−1.5');
    expect(parameterText('crashReturns.0', -0.25 * 2 ** 20)).toBe('−25.0%');
    expect(parameterText('mode', 1)).toBe('Reduce only');
    expect(parameterText('changeDelay', 172_800n)).toBe('2d');
    expect(parameterName('oracle.maxAgeSecs')).toBe('Oracle · max age');
  });

  test('that a proposal leaves alone are not listed', () => {
    const oracles = { primary: { feed: new Uint8Array(32), kind: 1, receivers: 1 }, fallback: { feed: new Uint8Array(32), kind: 0, receivers: 0 } };
    const params = { depositCapUsd: 1_000_000n, assetWeightInit: 2 ** 23, liquidation: { feeMin: 1, feeMax: 2 } };
    const state = {
      assets: [{ index: 1, symbol: 'SOL' }],
      markets: [],
      snapshot: { banks: new Map([[1, { value: { params, oracles, mode: 0 } }]]), markets: new Map() },
    } as unknown as ExchangeState;
    const edit = { __kind: 'EditAsset', asset: 1, params: { ...params, depositCapUsd: 2_000_000n, liquidation: { feeMin: 1, feeMax: 2 ** 22 } }, oracles };
    expect(describeProposal({ change: edit } as never, state)).toEqual({
      title: 'Edit SOL',
      differences: [
        { name: 'Deposit cap', from: '$1.00', to: '$2.00' },
        { name: 'Liquidation · fee max', from: '0%', to: '25%' },
      ],
    });
    const feed = { ...edit, params, oracles: { ...oracles, primary: { ...oracles.primary, feed: new Uint8Array(32).fill(1) } } };
    expect(describeProposal({ change: feed } as never, state).differences.map(({ name }) => name)).toEqual(['Price feed']);
    const follow = { __kind: 'AssignUnderlying', isMarket: false, index: 1, underlying: 2, samples: true };
    expect(describeProposal({ change: follow } as never, state).title).toBe('Let SOL follow underlying 2');
    expect(describeProposal({ change: { __kind: 'SetAssetMode', asset: 1, mode: 2 } } as never, state).differences).toEqual([{ name: 'Mode', from: 'Active', to: 'Paused' }]);
  });
});
