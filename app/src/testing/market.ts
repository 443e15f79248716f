// A market for tests: SOL in lots of 0.01, priced in cents.
import type { MarketView } from '../model/views.ts';

/** The market. */
export const SOL_PERP: MarketView = {
  index: 0,
  name: 'SOL-PERP',
  base: 'SOL',
  ref: { index: 0 } as MarketView['ref'],
  scale: { baseLotSize: 10_000_000n, baseDecimals: 9, tick: 100n },
  lotSize: 0.01,
  priceStep: 0.01,
  priceDecimals: 2,
  sizeDecimals: 2,
  oracle: 190,
  mark: 190,
  age: { seconds: 1, stale: false, maxSeconds: 60, feed: 1, final: false },
  initRatio: 0.1,
  maintRatio: 0.05,
  makerFee: 0.0001,
  takerFee: 0.0005,
  fundingPerDay: 0,
  openInterest: 0,
  minSize: 0.01,
  sizeScale: 1e6,
  priceBand: 0.1,
  mode: 0,
};
