// Tests of events in words and as a table file.
import type { HistoryEvent } from '@plimsoll/client/history';
import { describe, expect, it } from 'vitest';
import { SOL_PERP } from '../testing/market.ts';
import { describeEvent, eventsCsv } from './events.ts';

const event = (kind: string, data: Record<string, unknown>): HistoryEvent =>
  ({ position: '1', signature: 'sig', index: 0, slot: 5, time: 0, kind, data }) as unknown as HistoryEvent;

describe('events in words', () => {
  it('tell a maker’s fill from a taker’s', () => {
    const fills = [
      { maker: 'me', price: '19000', lots: '250' },
      { maker: 'she', price: '18900', lots: '250' },
    ];
    const data = { market: 0, taker: 'you', makerSide: 0, fills };
    expect(describeEvent(event('OrderFilled', data), 'me', [], [SOL_PERP])).toBe('Bought 2.5 SOL at 190.00 from a resting order');
    expect(describeEvent(event('OrderFilled', data), 'you', [], [SOL_PERP])).toBe('Sold 5 SOL at 189.50');
  });

  it('tell of all orders that were cancelled', () => {
    const orders = [{ lots: '100' }, { lots: '50' }];
    expect(describeEvent(event('OrdersCancelled', { market: 0, orders }), 'me', [], [SOL_PERP])).toBe('Cancelled 2 orders of 1.5 SOL');
  });

  it('say who a liquidation was done to', () => {
    const data = { market: 0, margin_account: 'me', liquidator: 'bot', lots: '100', notional: '190000000', fee: '950000' };
    expect(describeEvent(event('PositionLiquidated', data), 'me', [], [SOL_PERP])).toBe('Lost to a liquidator: 1 SOL worth $190.00, fee $0.95');
  });

  it('say what was forfeited', () => {
    expect(describeEvent(event('DustForfeited', { marginAccount: 'me', asset: 7, amount: '5' }), 'me', [], [])).toBe('Dust of 5 forfeited to insurance');
  });

  it('say what was closed out at a final price', () => {
    const data = { market: 0, long: 'me', short: 'you', lots: '100', notional: '190000000' };
    expect(describeEvent(event('PositionsClosedOut', data), 'me', [], [SOL_PERP])).toBe('Long position closed out: 1 SOL for $190.00, the final price');
    const debt = { asset: 7, depositor: 'you', debtor: 'me', amount: '5', paid: '2000000', received: '1999999' };
    expect(describeEvent(event('DebtClosedOut', debt), 'me', [], [])).toBe('Debt of 5 settled for $2.00, the final price');
    expect(describeEvent(event('DebtClosedOut', debt), 'you', [], [])).toBe('Deposit of 5 settled for $2.00, the final price');
  });

  it('leave unknown ones by their name', () => {
    expect(describeEvent(event('SomethingNew', {}), 'me', [], [])).toBe('SomethingNew');
  });
});

describe('the table file', () => {
  it('has every field of any event as a column, and quotes what needs it', () => {
    const text = eventsCsv([event('Deposited', { amount: '5' }), event('DelegateSet', { delegate: 'a,"b"' })]);
    expect(text.split('\n')[0]).toBe('time,kind,signature,slot,amount,delegate');
    expect(text.split('\n')[2]).toContain('"a,""b"""');
  });

  it('holds no formula', () => {
    expect(eventsCsv([event('DelegateSet', { delegate: '=1+1' })])).toContain("'=1+1");
  });
});
