// What a proposal changes is said in the words of its parameters, and what a market has collected in dollars.
import { describe, expect, test } from 'vitest';
import type { ExchangeState } from '../../data/types.ts';
import { name, source as plain } from '../../testing/feed.ts';
import { describeProposal, parameterName, parameterText, poolFacts } from './parameters.ts';

test('a market says what of its pool is set aside, and what is missing', () => {
  const values = (open: number, shortfall: bigint) => {
    const profits = { covered: 1_500_000n, reserved: 500_000n, announced: 250_000n, shortfall, haircuts: { open } };
    return poolFacts({ pnlPool: 5_000_000n, profits }).map(([what, value]) => `${what}: ${value}`);
  };
  expect(values(0, 0n)).toEqual(['Profit pool: $5.00', 'Set aside for profits: $2.00', 'Announced: $0.25', 'Shortfall: $0.00']);
  expect(values(3, 750_000_000n)[3]).toBe('Shortfall: $750.00 · being shared');
});

describe('parameters', () => {
  test('are written by their units', () => {
    expect(parameterText('depositCapUsd', 100_000_000_000_000n)).toBe('$100,000,000');
    expect(parameterText('sizeScaleNotional', (1n << 64n) - 1n)).toBe('no limit');
    expect(parameterText('initRatio', 2 ** 23)).toBe('50%');
    expect(parameterText('tradeAgeSecs', 120)).toBe('2m');
    expect(parameterText('maxDivergence', 2 ** 24 / 20)).toBe('5%');
    expect(parameterText('maxGrowthPerDay', 2 ** 24 / 1000)).toBe('0.1%');
    expect(parameterText('doubtFloor', 2 ** 23)).toBe('50%');
    expect(parameterText('minPublishers', 3)).toBe('3');
    expect(parameterText('deviations', 3.25 * 2 ** 24)).toBe('3.25×');
    expect(parameterText('grossFloor', Math.ceil(0.03 * 2 ** 24))).toBe('3%');
    expect(parameterText('loadings.1', -1.5 * 2 ** 20)).toBe('−1.5');
    expect(parameterText('crashReturns.0', -0.25 * 2 ** 20)).toBe('−25.0%');
    expect(parameterText('mode', 1)).toBe('Reduce only');
    expect(parameterText('changeDelay', 172_800n)).toBe('2d');
    expect(parameterName('liquidation.rampSecs')).toBe('Liquidation · ramp');
  });

  test('that a proposal leaves alone are not listed', () => {
    const risk = { feeds: [{ name: name('USDC') }, { name: name('SOL') }], feedCount: 2, assets: [{}, { price: { feed: 0 } }], markets: [] };
    const params = { depositCapUsd: 1_000_000n, assetWeightInit: 2 ** 23, liquidation: { feeMin: 1, feeMax: 2 } };
    const state = {
      assets: [{ index: 1, symbol: 'SOL' }],
      markets: [],
      snapshot: { banks: new Map([[1, { value: { params, mode: 0 } }]]), markets: new Map(), risk: { value: risk } },
    } as unknown as ExchangeState;
    const edit = { __kind: 'EditAsset', asset: 1, params: { ...params, depositCapUsd: 2_000_000n, liquidation: { feeMin: 1, feeMax: 2 ** 22 } }, feed: 0 };
    expect(describeProposal({ change: edit } as never, state)).toEqual({
      title: 'Edit SOL',
      differences: [
        { name: 'Deposit cap', from: '$1.00', to: '$2.00' },
        { name: 'Liquidation · fee max', from: '0%', to: '25%' },
      ],
    });
    const other = { ...edit, params, feed: 1 };
    expect(describeProposal({ change: other } as never, state).differences).toEqual([{ name: 'Feed', from: 'USDC', to: 'SOL' }]);
    const follow = { __kind: 'AssignUnderlying', isMarket: false, index: 1, underlying: 2, samples: true };
    expect(describeProposal({ change: follow } as never, state).title).toBe('Let SOL follow underlying 2');
    expect(describeProposal({ change: { __kind: 'SetAssetMode', asset: 1, mode: 2 } } as never, state).differences).toEqual([{ name: 'Mode', from: 'Active', to: 'Paused' }]);
  });

  test('of a feed are its limits and its sources, an id whole', () => {
    const source = plain();
    const none = plain({ kind: 0, receiver: 0, cap: 0 });
    const limits = { tradeAgeSecs: 60, seizeAgeSecs: 10, doubtFloor: 2 ** 23 };
    const pool = plain({ kind: 4, receiver: 0, feed: new Uint8Array(32).fill(6) });
    const risk = { feeds: [{ name: name('SOL'), limits, sources: { primary: source, fallback: none } }], feedCount: 1 };
    const state = { assets: [], markets: [], snapshot: { risk: { value: risk } } } as unknown as ExchangeState;
    const edited = { __kind: 'EditFeed', feed: 0, limits: { ...limits, tradeAgeSecs: 120 }, sources: { primary: { ...source, feed: new Uint8Array(32).fill(1) }, fallback: none } };
    expect(describeProposal({ change: edited } as never, state)).toEqual({
      title: 'Edit the price feed SOL',
      differences: [
        { name: 'Source', from: `Pyth, posted updates 0x${'00'.repeat(32)}`, to: `Pyth, posted updates 0x${'01'.repeat(32)}` },
        { name: 'Trade age', from: '1m', to: '2m' },
      ],
    });
    const listed = { __kind: 'ListFeed', name: name('lstSOL'), limits, sources: { primary: pool, fallback: none } };
    expect(describeProposal({ change: listed } as never, state)).toMatchObject({
      title: 'List the price feed lstSOL',
      differences: [{ name: 'Source', to: expect.stringMatching(/^stake pool rate × SOL [1-9A-Za-z]{43,44}$/) }, { name: 'Fallback', to: 'none' }, { name: 'Trade age', to: '1m' }, {}, {}],
    });
  });
});
