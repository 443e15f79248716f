// Decoding and remaining accounts, on accounts of the built program: the module decodes them the same.
import { readFileSync } from 'node:fs';
import { createNoopSigner, getAddressDecoder, type Address } from '@solana/kit';
import { beforeAll, describe, expect, test } from 'vitest';

import {
  decodeBank,
  decodeBook,
  decodeExchange,
  decodeFillQueue,
  decodeMarginAccount,
  decodeMarket,
  decodeRiskState,
  dueFeeds,
  entriesOf,
  explain,
  fits,
  holdingsOf,
  levels,
  makersFor,
  OrderType,
  pack,
  planLiquidation,
  refreshFeeds,
  resolveExchange,
  Risk,
  settleFillsOf,
  transferSol,
  type ExchangeRef,
  type OrderBook,
  type RestingOrder,
} from '../../src';

interface Sparse {
  readonly length: number;
  readonly stretches: [number, string][];
}

const here = (path: string) => readFileSync(new URL(path, import.meta.url));
const fixture = JSON.parse(here('../fixtures/risk.json').toString());
const clock = { slot: BigInt(fixture.clock.slot), unixTime: BigInt(fixture.clock.unixTime) };

function bytes(sparse: Sparse): Uint8Array {
  const data = new Uint8Array(sparse.length);
  for (const [at, hex] of sparse.stretches) data.set(Buffer.from(hex, 'hex'), at);
  return data;
}

let risk: Risk;
let exchange: ExchangeRef;
const key = (letter: string) => letter.repeat(43) as Address;
const feedAccount = (index: number) => getAddressDecoder().decode(new Uint8Array(32).fill(100 + index));

beforeAll(async () => {
  risk = await Risk.load(new Uint8Array(here('../../src/wasm/plimsoll.wasm')));
  const program = '2ducq5nhMgwuZ8EaTgmrR8uwVEtZFzkvxhC1LJifVZsS' as Address;
  const token = { name: 'Token', tokenProgram: program, mint: program, decimals: 6 };
  exchange = await resolveExchange({
    version: 2,
    name: 'Test',
    program,
    exchange: program,
    feeds: Array.from({ length: 32 }, (_, index) => ({ index, name: `F${index}`, account: feedAccount(index), fallback: null })),
    assets: Array.from({ length: 16 }, (_, index) => ({ ...token, index, symbol: `A${index}` })),
    markets: Array.from({ length: 16 }, (_, index) => ({ index, name: `M${index}`, base: 'A1' })),
    endpoints: { rpc: 'http://localhost', ws: null, history: null, local: null },
  });
});

describe('accounts of the built program', () => {
  test('decode as the module decodes them', () => {
    const account = bytes(fixture.taker.marginAccount);
    const [ours, theirs] = [decodeMarginAccount(account), risk.decodeMarginAccount(account)];
    const { balances, perps, orders } = holdingsOf(ours);
    expect(balances).toMatchObject(theirs.balances);
    expect(orders).toMatchObject(theirs.orders);
    expect(perps.map(({ position, quote, market }) => ({ position, quote, market }))).toEqual(
      theirs.perps.map(({ position, quote, market }) => ({ position, quote, market })),
    );
    const state = bytes(fixture.riskState);
    expect(decodeRiskState(state).markets[0]).toMatchObject(risk.decodeRiskState(state).markets[0]!);
    expect(decodeRiskState(state).assets[1]).toMatchObject(risk.decodeRiskState(state).assets[1]!);
    expect(decodeMarket(bytes(fixture.market)).longInterest).toBe(risk.decodeMarket(bytes(fixture.market)).longInterest);
    expect(decodeBank(bytes(fixture.bank)).depositShares).toBe(risk.decodeBank(bytes(fixture.bank)).depositShares);
    expect(decodeExchange(bytes(fixture.exchange)).changeDelay).toBe(risk.decodeExchange(bytes(fixture.exchange)).changeDelay);
    expect(decodeFillQueue(bytes(fixture.fillQueue)).length).toBe(risk.decodeFillQueue(bytes(fixture.fillQueue)).queue.length);
  });

  test('have the module’s book', () => {
    const book = decodeBook(bytes(fixture.book));
    const view = risk.decodeBook({ account: bytes(fixture.book), clock });
    expect(book.bids.length + book.asks.length).toBeGreaterThan(0);
    for (const [side, theirs] of [['bid', view.bids], ['ask', view.asks]] as const) {
      expect(levels(book, side, Number(clock.unixTime))).toEqual(theirs.map(({ price, lots, orders }) => ({ price, lots, orders })));
    }
    expect(() => decodeBook(bytes(fixture.market))).toThrow('no book');
    expect(() => decodeBook(bytes(fixture.book).slice(0, 10_240))).toThrow('bytes instead of');
  });

  test('name the entries that they need', () => {
    const account = decodeMarginAccount(bytes(fixture.taker.marginAccount));
    const { balances, perps } = holdingsOf(account);
    const needed = entriesOf([account], { markets: [9] });
    expect(needed.assets).toEqual(balances.filter(({ shares }) => shares !== 0n).map(({ asset }) => asset).sort((a, b) => a - b));
    expect(needed.markets).toEqual([...perps.map(({ market }) => market), 9]);
    const state = decodeRiskState(bytes(fixture.riskState));
    const all = [...needed.assets.map((index) => state.assets[index]!), ...perps.map(({ market }) => state.markets[market]!)];
    const later = { ...clock, unixTime: clock.unixTime + 100_000n };
    const due = dueFeeds(needed, { risk: state, clock: later }, 'trade');
    expect(due).toEqual([...new Set(all.map(({ price }) => price.feed))].sort((a, b) => a - b));
    expect(planLiquidation(exchange, account, state).position?.market.index).toBe(perps[0]?.market);
  });
});

describe('makers to pass', () => {
  const order = (price: bigint, lots: bigint, owner: string): RestingOrder => ({ price, lots, owner: key(owner), id: price, expiry: 0, reduceOnly: false });
  const book: OrderBook = {
    market: key('m'),
    index: 0,
    bids: [order(99n, 5n, 'c')],
    asks: [order(100n, 5n, 'a'), order(101n, 5n, 'a'), order(102n, 5n, 'b'), order(103n, 5n, 'c'), order(104n, 50n, 'd')],
  };
  const buy = { side: 'bid', kind: OrderType.Limit } as const;

  test('are those it meets, each once, best first', () => {
    expect(makersFor(book, { ...buy, price: 103n, lots: 12n }, key('x'), 9)).toEqual([key('a'), key('b')]);
    expect(makersFor(book, { ...buy, price: 101n, lots: 100n }, key('x'), 9)).toEqual([key('a')]);
    expect(makersFor(book, { ...buy, price: 999n, lots: 100n }, key('x'), 3)).toEqual([key('a'), key('b'), key('c')]);
    expect(makersFor(book, { ...buy, price: 999n, lots: 6n }, key('a'), 9)).toEqual([key('b'), key('c')]);
    expect(makersFor(book, { ...buy, price: 999n, lots: 100n, maxFills: 3 }, key('x'), 9)).toEqual([key('a'), key('b')]);
    expect(makersFor(book, { side: 'ask', kind: OrderType.Market, price: 0n, lots: 1n }, key('x'), 9)).toEqual([key('c')]);
  });

  test('are none for an order that only rests', () => {
    expect(makersFor(book, { ...buy, kind: OrderType.PostOnly, price: 103n, lots: 5n }, key('x'), 9)).toEqual([]);
  });

  test('of waiting fills are found in each queue', () => {
    const waiting = { orderId: 1n, price: 1n, lots: 1n, makerSide: 'bid', isFill: true, time: 0n } as const;
    const queues = new Map([[2, [{ ...waiting, maker: key('a') }]], [5, [{ ...waiting, maker: key('b') }]]]);
    const settlements = settleFillsOf(exchange, key('b'), queues);
    expect(settlements.map(({ accounts }) => accounts?.[0]?.address)).toEqual([exchange.markets[5]!.address]);
  });
});

describe('transactions', () => {
  const payer = createNoopSigner('So11111111111111111111111111111111111111112' as Address);

  test('hold as many instructions as fit, in order', () => {
    const feeds = exchange.feeds.map(({ index }) => ({ index, account: feedAccount(index), isFallback: false }));
    const instructions = [...refreshFeeds(exchange, feeds), transferSol(payer, payer.address, 1n)];
    const counts = ([0, 1] as const).map((version) => {
      const packed = pack(version, payer.address, instructions);
      expect(packed.flat()).toEqual(instructions);
      for (const group of packed) expect(fits(version, payer.address, group)).toBe(true);
      return packed.length;
    });
    expect(counts[1]).toBeLessThan(counts[0]!);
  });

  test('are refused in plain words, by the program that refused', () => {
    const program = exchange.program;
    const at = (Custom: number) => ({ InstructionError: [1, { Custom }] });
    const mine = [transferSol(payer, payer.address, 1n), { programAddress: program }];
    expect(explain(at(6049), mine, program)).toMatchObject({ name: 'InsufficientHealth', instruction: 1 });
    const inner = ['Program TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA failed: custom program error: 0x1'];
    expect(explain(at(1), mine, program, inner).text).toBe('The wallet holds too few tokens.');
    expect(explain({ InstructionError: [0, { Custom: 1 }] }, mine, program).text).toBe('The wallet holds too little SOL.');
    expect(explain('BlockhashNotFound', mine, program).text).toBe('The transaction took too long.');
    expect(explain(at(6999), mine, program).text).toBe('The program refused with code 6999.');
  });
});
