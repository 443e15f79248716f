// Tests of the order form's sizes, prices and terms.
import { describe, expect, it } from 'vitest';
import { SOL_PERP } from '../testing/market.ts';
import { draftedSize, maxLeverage, NEW_ORDER, referencePrice, termsOf, type OrderContext, type OrderDraft } from './order.ts';

const context: OrderContext = { market: SOL_PERP, best: 190.5, equity: 1000, now: 1_700_000_000 };
const draft = (change: Partial<OrderDraft>): OrderDraft => ({ ...NEW_ORDER, ...change });

describe('sizes', () => {
  it('by amount are cut to lots', () => {
    const { terms } = termsOf(draft({ price: '190', size: '1.239' }), context);
    expect(terms?.lots).toBe(123n);
  });

  it('by value divide by the limit price', () => {
    expect(draftedSize(draft({ mode: 'value', price: '200', size: '1000' }), context)).toBeCloseTo(5);
    expect(termsOf(draft({ mode: 'value', price: '200', size: '1000' }), context).terms?.lots).toBe(500n);
  });

  it('by value of a market order divide by the best price of the other side', () => {
    expect(draftedSize(draft({ mode: 'value', kind: 'market', size: '381' }), context)).toBeCloseTo(2);
  });

  it('by leverage are multiples of equity', () => {
    expect(draftedSize(draft({ mode: 'leverage', kind: 'market', leverage: 3.81 }), context)).toBeCloseTo(20);
    expect(draftedSize(draft({ mode: 'leverage', kind: 'market', leverage: 3 }), { ...context, equity: -5 })).toBe(0);
  });

  it('do not lose a lot to a float', () => {
    expect(termsOf(draft({ mode: 'value', price: '190', size: '0.57' }), { ...context }).terms).toBeUndefined();
    expect(termsOf(draft({ mode: 'value', price: '0.1', size: '0.03' }), context).terms?.lots).toBe(30n);
  });

  it('below a lot say so', () => {
    const drafted = termsOf(draft({ price: '190', size: '0.001' }), context);
    expect(drafted.terms).toBeUndefined();
    expect(drafted).toMatchObject({ field: 'size', problem: 'Less than a lot of 0.01 SOL' });
  });
});

describe('prices', () => {
  it('round in the trader’s favour', () => {
    expect(termsOf(draft({ side: 'buy', price: '190.009', size: '1' }), context).terms?.price).toBe(19_000n);
    expect(termsOf(draft({ side: 'sell', price: '190.001', size: '1' }), context).terms?.price).toBe(19_001n);
  });

  it('of market orders accept whatever the band allows', () => {
    expect(termsOf(draft({ kind: 'market', side: 'buy', size: '1' }), context).terms?.price).toBe((1n << 64n) - 1n);
    expect(termsOf(draft({ kind: 'market', side: 'sell', size: '1' }), context).terms?.price).toBe(0n);
    expect(referencePrice(draft({ kind: 'market' }), { ...context, best: undefined })).toBe(190);
  });

  it('that are none are refused, silently while nothing was typed', () => {
    expect(termsOf(draft({ price: '', size: '1' }), context)).toMatchObject({ field: 'price', problem: undefined });
    expect(termsOf(draft({ price: 'abc', size: '1' }), context)).toMatchObject({ field: 'price', problem: 'Not a price' });
    expect(termsOf(draft({ price: '0', size: '1' }), context)).toMatchObject({ field: 'price', problem: 'Not a price' });
  });
});

describe('terms', () => {
  it('expire only where the order rests', () => {
    expect(termsOf(draft({ price: '190', size: '1', lifetime: '3600' }), context).terms?.expiry).toBe(1_700_003_600);
    expect(termsOf(draft({ price: '190', size: '1', lifetime: '3600', kind: 'fillOrKill' }), context).terms?.expiry).toBe(0);
  });

  it('carry the options', () => {
    const { terms } = termsOf(draft({ price: '190', size: '1', reduceOnly: true, selfTrade: 'abortTransaction', kind: 'postOnlySlide' }), context);
    expect(terms).toMatchObject({ reduceOnly: true, selfTrade: 'abortTransaction', kind: 'postOnlySlide', side: 'bid' });
  });

  it('know the most leverage of a market', () => {
    expect(maxLeverage(SOL_PERP)).toBe(10);
    expect(maxLeverage({ ...SOL_PERP, initRatio: 1_677_722 / 2 ** 24 })).toBe(10);
    expect(maxLeverage({ ...SOL_PERP, initRatio: 0 })).toBe(1);
  });
});
