// All margin accounts of the exchange by how deep they are loaded, and what a move of prices would put at risk.
import type { HealthLines, Risk, Scenario, Underlying as Moving } from '@plimsoll/client/risk';
import type { MarginAccountEntry } from '@plimsoll/client/store/index';
import { draught, standing, type Lines, type Standing } from '../../model/load.ts';

/** One dollar in native quote. */
const USD = 1e6;

/** An account and how it stands. */
export interface FleetRow {
  entry: MarginAccountEntry;
  lines: Lines;
  /** Where the water stands; 1 is the Maint line. */
  load: number;
  notional: number;
  /** Dollars owed to banks. */
  debts: number;
  standing: Standing;
  liquidating: boolean;
}

/** The row of an account; `undefined` for one that holds nothing. */
export function fleetRow(entry: MarginAccountEntry, health: HealthLines, lines: Lines, debts: number): FleetRow | undefined {
  const is = standing(lines);
  if (is === 'empty' && health.perps.length === 0 && health.balances.every((part) => part.native === 0n)) return undefined;
  return {
    entry,
    lines,
    load: draught(lines).water,
    notional: Number(health.notional) / USD,
    debts,
    standing: is,
    liquidating: health.liquidating,
  };
}

/** What the accounts come to together. */
export interface FleetSum {
  accounts: number;
  equity: number;
  notional: number;
  liquidatable: number;
  /** Accounts that have less than a fifth of their equity left before Maint, or are past Init. */
  near: number;
  /** What accounts owe beyond what they hold. */
  badDebt: number;
}

/** Sums over all rows. */
export function sumFleet(rows: readonly FleetRow[]): FleetSum {
  const sum = { accounts: rows.length, equity: 0, notional: 0, liquidatable: 0, near: 0, badDebt: 0 };
  for (const { lines, notional, standing: is } of rows) {
    sum.equity += Math.max(0, lines.equity);
    sum.badDebt += Math.max(0, -lines.equity);
    sum.notional += notional;
    if (is === 'liquidatable' || is === 'bankrupt') sum.liquidatable += 1;
    else if (is !== 'clear' && is !== 'empty') sum.near += 1;
  }
  return sum;
}

/** Moves of prices that are looked at, as parts of the price. */
export const MOVES = [-0.5, -0.4, -0.3, -0.25, -0.2, -0.15, -0.1, -0.05, 0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5] as const;

/** What a move would put below the Maint line. */
export interface AtRisk {
  move: number;
  accounts: number;
  /** Notional and debts of the accounts that could be liquidated. */
  value: number;
  /** What accounts would owe beyond what they hold. */
  badDebt: number;
}

/** The scenarios of {@link MOVES} for what moves together. */
export function scenarios(moving: readonly Moving[]): Scenario[] {
  return MOVES.map((move) => ({ name: String(move), moves: moving.map((of) => ({ of, factor: 1 + move })), stable: 'follows' }));
}

/** Adds what one account would add to each move. */
export function addAtRisk(sums: AtRisk[], outcomes: readonly HealthLines[], debts: number): void {
  outcomes.forEach((lines, i) => {
    const sum = sums[i];
    if (!sum || lines.maintenance >= 0n) return;
    sum.accounts += 1;
    sum.value += Number(lines.notional) / USD + debts;
    if (lines.equity < 0n) sum.badDebt += -Number(lines.equity) / USD;
  });
}

/** Nothing at risk, to add to. */
export const noRisk = (): AtRisk[] => MOVES.map((move) => ({ move, accounts: 0, value: 0, badDebt: 0 }));

/** How an account comes out of each scenario. */
export function outcomes(risk: Risk, at: Parameters<Risk['stress']>[0]): HealthLines[] {
  return risk.stress(at).map((row) => row.lines);
}
