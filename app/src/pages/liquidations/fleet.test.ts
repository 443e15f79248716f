// Sums over accounts, and what moves of prices add to what is at risk.
import type { HealthLines } from '@plimsoll/client/risk';
import type { MarginAccountEntry } from '@plimsoll/client/store/index';
import { expect, test } from 'vitest';
import { addAtRisk, fleetRow, MOVES, noRisk, scenarios, sumFleet } from './fleet.ts';

const health = (maintenance: number, equity: number, notional = 100): HealthLines => ({
  init: BigInt(maintenance - 10) * 1_000_000n,
  liquidationEnd: BigInt(maintenance - 5) * 1_000_000n,
  maintenance: BigInt(maintenance) * 1_000_000n,
  equity: BigInt(equity) * 1_000_000n,
  liquidating: maintenance < 0,
  mode: 'standard',
  initRequirement: 0n,
  maintenanceRequirement: 0n,
  notional: BigInt(notional) * 1_000_000n,
  leverage: null,
  marginUse: null,
  maintenanceUse: null,
  balances: [],
  perps: [{ market: 0, position: 1n, pnl: 0n, init: 0n, maintenance: 0n }],
  stale: [],
  feeds: [],
});

const row = (health: HealthLines) => {
  const usd = (native: bigint) => Number(native) / 1e6;
  const { init, liquidationEnd, maintenance, equity } = health;
  const lines = { init: usd(init), liquidationEnd: usd(liquidationEnd), maintenance: usd(maintenance), equity: usd(equity) };
  return fleetRow({} as MarginAccountEntry, health, lines, 0);
};

test('accounts are counted where they stand', () => {
  const rows = [row(health(80, 100)), row(health(5, 100)), row(health(-1, 20)), row(health(-30, -20))].flatMap((one) => one ?? []);
  expect(sumFleet(rows)).toEqual({ accounts: 4, equity: 220, notional: 400, liquidatable: 2, near: 1, badDebt: 20 });
});

test('an account that holds nothing is left out', () => {
  const empty = { ...health(0, 0, 0), perps: [], balances: [{ asset: 0, native: 0n, init: 0n, maintenance: 0n }] };
  expect(row(empty)).toBeUndefined();
});

test('only accounts below their line are at risk', () => {
  const sums = noRisk();
  const outcomes = MOVES.map((move) => health(move < 0 ? -10 : 10, move <= -0.3 ? -7 : 50));
  addAtRisk(sums, outcomes, 25);
  const of = (move: number) => sums.find((one) => one.move === move);
  expect(of(-0.5)).toEqual({ move: -0.5, accounts: 1, value: 125, badDebt: 7 });
  expect(of(-0.05)).toEqual({ move: -0.05, accounts: 1, value: 125, badDebt: 0 });
  expect(of(0.5)).toEqual({ move: 0.5, accounts: 0, value: 0, badDebt: 0 });
  expect(scenarios([{ assets: [1], markets: [0] }])[0]).toEqual({ name: '-0.5', moves: [{ of: { assets: [1], markets: [0] }, factor: 0.5 }], stable: 'follows' });
});
