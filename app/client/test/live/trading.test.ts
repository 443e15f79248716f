// On a running chain: a new trader opens an account, deposits, trades, moves funds and leaves again.
import type { Address } from '@solana/kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  cancelAllOrders,
  closeMarginAccount,
  createMarginAccount,
  deposit,
  EVERYTHING,
  holdingsOf,
  levels,
  makersFor,
  marginAccountAddress,
  MARKET_PRICE,
  marketOf,
  OrderType,
  placeOrder,
  refreshFor,
  SendError,
  revokeDelegate,
  setDelegate,
  settlePnl,
  transfer,
  withdraw,
  type MarginAccountEntry,
  type OrderTerms,
} from '../../src';
import { DIRECTORY, live, pricesAt, seen, type Live } from './chain';

describe.skipIf(!DIRECTORY)('a trader on a running chain', () => {
  let chain: Live;

  beforeAll(async () => {
    chain = await live();
    chain.store.watchBook(0);
  }, 30_000);

  afterAll(() => chain.store.stop());

  const own = (subAccount: number, test: (entry: MarginAccountEntry) => boolean = () => true) =>
    seen(chain.store, (snapshot) => snapshot.own.find((entry) => entry.account.subAccount === subAccount && test(entry)));

  async function place(terms: OrderTerms) {
    const { exchange, trader, account, store, sender } = chain;
    const market = marketOf(exchange, 0);
    const book = await seen(store, (snapshot) => snapshot.books.get(0));
    const entry = await own(0);
    // docs: place
    const refreshes = refreshFor(exchange, pricesAt(store), 'trade', [entry.account], { markets: [0] });
    const order = (makers: Address[]) => placeOrder(exchange, { trader, marginAccount: account, market, terms, makers });
    const room = await sender.room([...refreshes, order([])]);
    return sender.send([...refreshes, order(makersFor(book, terms, account, room))]);
    // docs: end
  }

  test('opens an account and deposits', async () => {
    const { exchange, trader, account, sender, store, local } = chain;
    await local.faucet(trader.address, 'USDC', '10000');
    await seen(store, ({ riskState, clock }) => riskState !== null && clock !== null);
    // docs: open
    const open = await createMarginAccount(exchange, trader, 0);
    const move = await deposit(exchange, { depositor: trader, marginAccount: account, asset: exchange.quote, amount: 9_000_000_000n });
    // Nothing is deposited at a price in doubt: an old one is refreshed first.
    const due = refreshFor(exchange, pricesAt(store), 'trade', [], { assets: [0] });
    const landed = await sender.send([open, ...due, ...move]);
    // docs: end
    expect(landed.units).toBeGreaterThan(0);
    // Written in the version that the chain has activated, and read back in it.
    expect(await sender.version()).toBe(1);
    const request = chain.connection.rpc.getTransaction(landed.signature, { commitment: 'confirmed', encoding: 'base64', maxSupportedTransactionVersion: 1 });
    expect((await request.send())?.version).toBe(1);
    const { account: stored, raw } = await own(0, (entry) => entry.account.balances[0]?.shares !== 0n);
    expect(stored.owner).toBe(trader.address);
    // docs: health
    const snapshot = chain.store.getSnapshot();
    const lines = chain.risk.health({ riskState: snapshot.riskState!.raw.data, marginAccount: raw.data, clock: snapshot.clock! });
    // docs: end
    // A deposit is worth its shares rounded down.
    expect(9_000_000_000n - (lines.balances[0]?.native ?? 0n)).toBeLessThanOrEqual(1n);
  }, 60_000);

  test('rests an order and cancels it', async () => {
    const { exchange, trader, account, sender, store } = chain;
    const book = await seen(store, (snapshot) => snapshot.books.get(0));
    const [best] = levels(book, 'bid', 0, 1);
    const price = ((best?.price ?? 0n) * 9n) / 10n;
    await place({ side: 'bid', price, lots: 1_000n, kind: OrderType.PostOnly, clientId: 77n });
    const entry = await own(0, ({ account: stored }) => holdingsOf(stored).orders.length === 1);
    expect(holdingsOf(entry.account).orders[0]?.clientId).toBe(77n);
    // docs: cancel
    const cancel = cancelAllOrders(exchange, trader, account, entry.account);
    await sender.send([cancel!]);
    // docs: end
    await own(0, ({ account: stored }) => holdingsOf(stored).orders.length === 0);
  }, 60_000);

  test('buys from a maker at hand, and closes', async () => {
    const terms = { kind: OrderType.Market, lots: 5_000n } as const;
    await place({ ...terms, side: 'bid', price: MARKET_PRICE.bid });
    const entry = await own(0, ({ account }) => (account.perps[0]?.position ?? 0n) > 0n);
    const bought = holdingsOf(entry.account).perps[0]?.position ?? 0n;
    await place({ ...terms, lots: bought, side: 'ask', price: MARKET_PRICE.ask, reduceOnly: true });
    await own(0, ({ account }) => holdingsOf(account).perps.every((perp) => perp.position === 0n));
  }, 60_000);

  test('is told in plain words why it may not', async () => {
    const refused = place({ side: 'bid', price: 1n, lots: 1_000n, kind: OrderType.Limit });
    const error = await refused.catch((reason: unknown) => reason);
    // docs: errors
    expect(error).toBeInstanceOf(SendError);
    expect((error as SendError).refusal).toMatchObject({ name: 'PriceOutOfBand', code: 6055 });
    expect((error as SendError).message).toBe("The price is too far from the oracle's. Choose a limit nearer to the oracle price.");
    // docs: end
  }, 60_000);

  test('moves funds to a second account, names a delegate, borrows, and leaves', async () => {
    const { exchange, trader, account, sender } = chain;
    const second = await marginAccountAddress(exchange.program, exchange.address, trader.address, 1);
    const { quote } = exchange;
    const entry = await own(0);
    const refresh = () => refreshFor(exchange, pricesAt(chain.store), 'pay', [entry.account], { assets: [1] });
    await sender.send([
      await createMarginAccount(exchange, trader, 1),
      ...refresh(),
      transfer(exchange, { owner: trader, from: account, to: second, asset: quote, amount: 2_000_000_000n, allowBorrow: false }),
    ]);
    const terms = { scope: ['cancel', 'trade'], expiresAt: BigInt(Math.floor(Date.now() / 1000) + 86_400), lossPerDay: 100_000_000n } as const;
    await sender.send([await setDelegate(exchange, trader, second, exchange.quote.mint, terms)]);
    const named = await own(1, ({ account: stored }) => stored.delegates === 1);
    expect(holdingsOf(named.account).balances).toHaveLength(1);
    await sender.send([await revokeDelegate(exchange, trader, second, exchange.quote.mint)]);

    const sol = exchange.assets.find((asset) => asset.symbol === 'SOL')!;
    const borrow = { owner: trader, marginAccount: second, asset: sol, amount: 1_000_000n, allowBorrow: true };
    await sender.send([...refresh(), ...(await withdraw(exchange, borrow))]);
    const indebted = await own(1, ({ account: stored }) => holdingsOf(stored).balances.some(({ shares }) => shares < 0n));
    expect(holdingsOf(indebted.account).balances).toHaveLength(2);

    // A borrow costs a fee at once, so repaying takes a little more than was borrowed.
    await chain.local.faucet(trader.address, 'SOL', '1');
    await sender.send([...refresh(), ...(await deposit(exchange, { depositor: trader, marginAccount: second, asset: sol, amount: 2_000_000n }))]);
    for (const asset of [sol, quote]) {
      const all = { owner: trader, marginAccount: second, asset, amount: EVERYTHING, allowBorrow: false };
      await sender.send([...refresh(), ...(await withdraw(exchange, all))]);
    }
    await sender.send([closeMarginAccount(exchange, trader, second)]);
    await seen(chain.store, (snapshot) => snapshot.own.length === 1);
  }, 90_000);

  test('settles what its closed position left', async () => {
    const { exchange, account, sender } = chain;
    const { account: stored } = await own(0);
    const refresh = refreshFor(exchange, pricesAt(chain.store), 'pay', [stored], { markets: [0] });
    const outcome = await sender.simulate([...refresh, settlePnl(exchange, account, marketOf(exchange, 0))]);
    expect([null, 'NothingToSettle', 'NoSuchPosition']).toContain(outcome.refusal?.name ?? null);
  }, 60_000);
});
