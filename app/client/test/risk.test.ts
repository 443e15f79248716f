// The risk module on accounts of the built program: what it says is what the chain did.

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";

import { Risk, RiskError, usdPrice, type AccountAt, type Crossing, type OrderInput } from "../src/risk.js";

interface Sparse {
  length: number;
  stretches: [number, string][];
}

interface Trader {
  address: string;
  owner: string;
  marginAccount: Sparse;
}

interface Fixture {
  clock: { slot: string; unixTime: string };
  riskState: Sparse;
  exchange: Sparse;
  bank: Sparse;
  market: Sparse;
  book: Sparse;
  fillQueue: Sparse;
  vault: string;
  taker: Trader;
  maker: Trader;
  health: Record<"init" | "liquidationEnd" | "maintenance" | "equity", string>;
  order: Record<
    "price" | "lots" | "orderId" | "filledLots" | "filledQuote" | "fee" | "restingLots" | "initAfter" | "maintenanceAfter",
    string
  > & { logs: string[] };
}

const here = (path: string): Buffer => readFileSync(new URL(path, import.meta.url));
const fixture = JSON.parse(here("fixtures/risk.json").toString()) as Fixture;

function data(sparse: Sparse): Uint8Array {
  const bytes = new Uint8Array(sparse.length);
  for (const [at, hex] of sparse.stretches) bytes.set(Buffer.from(hex, "hex"), at);
  return bytes;
}

const clock = { slot: BigInt(fixture.clock.slot), unixTime: BigInt(fixture.clock.unixTime) };
const sol = { assets: [1], markets: [0] };
const at: AccountAt = {
  riskState: data(fixture.riskState),
  marginAccount: data(fixture.taker.marginAccount),
  clock,
};
// docs: order
const order: OrderInput = {
  ...at,
  market: data(fixture.market),
  book: data(fixture.book),
  fillQueue: data(fixture.fillQueue),
  address: fixture.taker.address,
  trader: fixture.taker.owner,
  makers: [{ address: fixture.maker.address, marginAccount: data(fixture.maker.marginAccount) }],
  terms: { side: "bid", price: BigInt(fixture.order.price), lots: BigInt(fixture.order.lots), kind: "limit" },
  underlying: sol,
};
// docs: end
const funds = {
  ...at,
  bank: data(fixture.bank),
  vault: BigInt(fixture.vault),
  address: fixture.taker.address,
  signer: fixture.taker.owner,
};

let risk: Risk;

beforeAll(async () => {
  risk = await Risk.load(new Uint8Array(here("../src/wasm/plimsoll.wasm")));
});

describe("health", () => {
  test("is what the chain reports", () => {
    const lines = risk.health(at);
    for (const line of ["init", "liquidationEnd", "maintenance", "equity"] as const) {
      expect(lines[line]).toBe(BigInt(fixture.health[line]));
    }
    const parts = [...lines.balances, ...lines.perps];
    expect(parts.reduce((sum, part) => sum + part.init, 0n)).toBe(lines.init);
    expect(lines.stale).toEqual([]);
    expect(lines.feeds.every((feed) => feed.trades && feed.pays && feed.seizes && feed.doubtedMs === 0n)).toBe(true);
    expect(lines.leverage).toBeGreaterThan(0n);
  });

  test("crosses its maintenance line where stress says so", () => {
    // The account owes 200 SOL and is long a tenth of that.
    const [[{ above, below, crossed }]] = risk.liquidationPrices({ ...at, underlyings: [sol] }) as [[Crossing]];
    expect([crossed, below]).toEqual([false, null]);
    const scenarios = [0.999, 1.001].map((by) => ({
      name: String(by),
      moves: [{ of: sol, factor: above! * by }],
    }));
    const [lower, upper] = risk.stress({ ...at, scenarios });
    expect(lower!.lines.maintenance).toBeGreaterThan(0n);
    expect(upper!.lines.maintenance).toBeLessThan(0n);
  });

  test("says what a price in doubt counts for", () => {
    const { assets, markets } = risk.pricesInDoubt(at);
    const state = risk.decodeRiskState(at.riskState);
    expect([assets.length, markets.length]).toEqual([state.assets.length, state.markets.length]);
    // Nothing is doubted yet, so the benefit of doubt would count whole: a tenth, rounded against the account.
    const spot = Number(state.assets[1]!.price.spot);
    expect(Number(assets[1]!.owned) / spot).toBeCloseTo(1.1, 4);
    expect(Number(assets[1]!.owed) / spot).toBeCloseTo(0.9, 4);
  });

  test("names a stale entry and its age", () => {
    const later = { ...at, clock: { slot: clock.slot, unixTime: clock.unixTime + 86_400n } };
    const stale = risk.health(later).stale;
    expect(stale.map((entry) => entry.kind)).toEqual(["deposit", "debt", "market"]);
    expect(stale.every((entry) => entry.ageSeconds >= 86_400n && entry.maxAgeSeconds === 60)).toBe(true);
    const feeds = risk.health(later).feeds;
    expect(feeds.map(({ feed }) => feed)).toEqual([...new Set(stale.map(({ feed }) => feed))].sort((a, b) => a - b));
    expect(feeds.some((feed) => feed.trades || feed.pays || feed.seizes || feed.ageMs < 86_400_000n)).toBe(false);
    expect(stale.map((entry) => entry.blocks)).toEqual([false, true, true]);
    const refused = risk.previewOrder({ ...order, ...later });
    expect(refused.refusal?.name).toBe("StaleEntry");
    expect(refused.stale.map((entry) => entry.kind)).toEqual(["debt", "market"]);
    const refreshed = { ...later.clock, refreshed: true };
    expect(risk.previewOrder({ ...order, clock: refreshed }).refusal).toBeNull();
  });
});

describe("the risk report", () => {
  test("is the document that bots and desks share", () => {
    const { clock, riskState, marginAccount } = at;
    // docs: report
    const report = risk.riskReport({
      riskState,
      marginAccount,
      clock,
      address: fixture.taker.address,
      assetNames: ["USDC", "SOL"],
      marketNames: ["SOL-PERP"],
    });
    // docs: end
    const lines = risk.health(at);
    expect(report.mode).toBe("standard");
    expect(report.health.init).toBe(lines.init);
    expect(report.health.maintenance).toBe(lines.maintenance);
    expect([report.version, report.account, report.owner]).toEqual([2, fixture.taker.address, fixture.taker.owner]);
    expect(report.balances.map(({ name }) => name)).toEqual(["USDC", "SOL"]);
    const alone = report.underlyings.find(({ assets }) => assets.includes(1))!;
    expect(alone.delta.high).toBeLessThan(0n);
    // The exchange of the fixture has no model: everything stands alone.
    expect([alone.number, alone.volatility, report.model]).toEqual([null, null, null]);
    expect(alone.liquidation.above).toBeGreaterThan(1);
  });
});

describe("previews", () => {
  test("an order comes to what the chain made of it", () => {
    const preview = risk.previewOrder(order);
    expect(preview.refusal).toBeNull();
    for (const field of ["orderId", "filledLots", "filledQuote", "fee", "restingLots"] as const) {
      expect(preview[field]).toBe(BigInt(fixture.order[field]));
    }
    expect(preview.after!.lines.init).toBe(BigInt(fixture.order.initAfter));
    expect(preview.after!.lines.maintenance).toBe(BigInt(fixture.order.maintenanceAfter));
    expect(preview.fills.length).toBe(2);
    expect(preview.averagePrice).toBeGreaterThan(15_010);
  });

  test("a refusal has the program's code and words", () => {
    const terms = { ...order.terms, lots: 2_000_000n };
    const { refusal, after } = risk.previewOrder({ ...order, terms });
    expect(refusal).toEqual({ code: 6049, name: "InsufficientHealth", message: "Initial health would be negative" });
    expect(after!.lines.init).toBeLessThan(0n);
    const far = risk.previewOrder({ ...order, terms: { ...order.terms, price: 20_000n } });
    expect(far.refusal?.name).toBe("PriceOutOfBand");
    expect(far.after).toBeNull();
  });

  test("the largest order is accepted and one lot more is not", () => {
    const { lots, limit } = risk.maxOrder(order);
    expect(limit?.name).toBe("InsufficientHealth");
    const sized = (lots: bigint) => risk.previewOrder({ ...order, terms: { ...order.terms, lots } }).refusal;
    expect(sized(lots)).toBeNull();
    expect(sized(lots + 1n)).toEqual(limit);
  });

  test("the most is withdrawn and one unit more is not", () => {
    const { amount, limit } = risk.maxWithdraw(funds);
    expect(amount).toBeGreaterThan(0n);
    expect(risk.previewWithdraw({ ...funds, amount }).refusal).toBeNull();
    expect(risk.previewWithdraw({ ...funds, amount: amount + 1n }).refusal).toEqual(limit);
    const deposit = risk.previewDeposit({ ...funds, amount: 5_000_000n });
    expect(deposit.balanceAfter - deposit.balanceBefore).toBe(5_000_000n);
  });

  test("cancelling sets margin free", () => {
    const cancel = risk.previewCancel(order);
    expect(cancel.cancelled).toBe(1);
    expect(cancel.after.lines.init).toBeGreaterThan(cancel.before.lines.init);
  });
});

describe("accounts and events", () => {
  test("are decoded", () => {
    const account = risk.decodeMarginAccount(at.marginAccount);
    expect(account.owner).toBe(fixture.taker.owner);
    expect(account.perps[0]!.position).toBe(2_010n);
    expect(account.orders.map((open) => open.price)).toEqual([14_970n]);
    const state = risk.decodeRiskState(at.riskState);
    expect([state.assets.length, state.markets.length]).toEqual([5, 2]);
    const { price, shift, decimals } = state.assets[1]!;
    expect(usdPrice(price.spot, shift, decimals)).toBeCloseTo(150);
    const feed = state.feeds[price.feed]!;
    expect(state.feeds.length).toBe(state.feedCount);
    // A feed is priced by the whole token.
    expect(usdPrice(feed.price.spot, feed.shift, 0)).toBeCloseTo(150);
    expect(feed.sources.primary.feed).toMatch(/^[0-9a-f]{64}$/);
    const market = risk.decodeMarket(order.market);
    expect(market.terms.name).toBe("SOL-PERP");
    const perLot = state.markets[0]!;
    expect(usdPrice(perLot.price.spot, perLot.shift, market.terms.baseDecimals, market.terms.baseLotSize)).toBeCloseTo(150);
    expect(risk.decodeBank(funds.bank).decimals).toBe(6);
    expect(risk.decodeExchange(data(fixture.exchange)).changeDelay).toBe(0n);
    const waiting = risk.decodeFillQueue(order.fillQueue).queue;
    expect(waiting.map((entry) => [entry.maker, entry.lots])).toEqual([[fixture.maker.address, 10n]]);
  });

  test("a book is its levels and one's own orders", () => {
    const book = risk.decodeBook({ account: order.book, clock, owner: fixture.maker.address });
    expect(book.asks.map((level) => [level.price, level.lots, level.ownLots])).toEqual([
      [15_010n, 2_990n, 2_990n],
      [15_020n, 800n, 800n],
    ]);
    expect(book.bids.map((level) => level.ownLots)).toEqual([0n]);
    expect(book.own.length).toBe(2);
    expect(book.askOwners).toEqual([fixture.maker.address]);
  });

  test("events are named", () => {
    const events = risk.events(fixture.order.logs);
    expect(events.map((event) => event.kind)).toEqual(['FillsSettled', 'OrderFilled', 'OrderPlaced']);
    expect(events[2]!.data["filledLots"]).toBe(BigInt(fixture.order.filledLots));
  });

  test("errors are described", () => {
    expect(risk.describeError(6049).name).toBe("InsufficientHealth");
    expect(risk.describeError(1).name).toBeNull();
    expect(() => risk.decodeBank(at.marginAccount)).toThrow(RiskError);
  });
});

test("calls leave no memory behind and are quick", () => {
  risk.previewOrder(order);
  const memory = (risk as unknown as { exports: { memory: WebAssembly.Memory } }).exports.memory;
  const size = memory.buffer.byteLength;
  const timed = (count: number, run: () => unknown): number => {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    return ((performance.now() - start) * 1_000) / count;
  };
  const health = timed(3_000, () => risk.health(at));
  const preview = timed(300, () => risk.previewOrder(order));
  const most = timed(30, () => risk.maxOrder(order));
  console.log(`health ${health.toFixed(0)} µs, order ${preview.toFixed(0)} µs, largest order ${most.toFixed(0)} µs`);
  expect(memory.buffer.byteLength).toBe(size);
});

test("a trap is an error, and the next call runs on a new instance", () => {
  const inner = risk as unknown as { exports: { call: unknown } };
  inner.exports = {
    ...inner.exports,
    call: () => {
      throw new WebAssembly.RuntimeError("unreachable");
    },
  };
  expect(() => risk.health(at)).toThrow(expect.objectContaining({ refusal: { code: 0, name: "Panic", message: "unreachable" } }));
  expect(risk.health(at).init).toBe(BigInt(fixture.health.init));
});
