// The risk report of an account, as the risk module fills it: the shapes behind `docs/risk-report.schema.json`.

import type { AccountAt, BalancePart, FeedHealth, MarginModeName, PerpPart, Small, Stale } from "./risk-types.js";

export interface RiskReportInput extends AccountAt {
  /** Address of the margin account. */
  address: string;
  /** Names by index. */
  assetNames?: string[];
  marketNames?: string[];
  /** Tells what the report would be in this mode, whichever the account is in. */
  mode?: MarginModeName;
}

/** Value at spot over what resting orders may do, native quote. */
export interface Deltas {
  low: bigint;
  high: bigint;
  long: bigint;
  /** Counted positive. */
  short: bigint;
}

/** A number of now, and the one that the maintenance line is at. */
export interface Ratios {
  current: number;
  binding: number;
}

/** What prices follow, and the account's holdings in it. */
export interface RiskUnderlying {
  /** Its number in the model, from 1; null for a holding that the model does not cover. */
  number: Small | null;
  name: string;
  assets: Small[];
  markets: Small[];
  delta: Deltas;
  /** Standard deviation of a day's return. */
  volatility: Ratios | null;
  /** Where maintenance reaches zero as this underlying alone moves: ratios of its present price. */
  liquidation: { crossed: boolean; below: number | null; above: number | null };
}

/** health = value − requirement. */
export interface RiskLine {
  value: bigint;
  requirement: bigint;
  health: bigint;
}

/** What decides the largest of linear, shortfall and crash. */
export type Binding =
  | { kind: "nothing" | "linear" | "grossFloor" | "shortfall" }
  | { kind: "crashDay"; date: string };

/** total = max(linear, shortfall, crash) + liquidity + basis + depeg + confidence. */
export interface Requirement {
  model: bigint;
  isolated: bigint;
  grossFloor: bigint;
  linear: bigint;
  shortfall: bigint;
  crash: bigint;
  liquidity: bigint;
  basis: bigint;
  depeg: bigint;
  confidence: bigint;
  total: bigint;
  binding: Binding;
}

export interface RiskFactor {
  /** From 1. */
  number: Small;
  /** Name of the underlying that drives it. */
  driver: string | null;
  low: bigint;
  high: bigint;
  volatility: Ratios;
}

export interface RiskScenario {
  /** Move of each factor in its volatilities. */
  shocks: number[];
  /** Relative move of implied volatilities. */
  volatility: number;
  weight: number;
  /** Weighted; negative for a gain. */
  loss: bigint;
  /** Whether it is among the worst quarter. */
  worst: boolean;
}

/** A model's prediction, not a measurement. */
export interface Insolvency {
  source: "model";
  horizonDays: Small;
  deviation: bigint;
  /** Equity by deviation. */
  distance: number | null;
  normal: number;
  student: number;
  degrees: Small;
  uncovered: bigint;
}

/** What the portfolio model says; in standard margin what it would say. */
export interface RiskModel {
  applies: boolean;
  lines: { init: RiskLine; liquidationEnd: RiskLine; maintenance: RiskLine };
  requirement: { init: Requirement; liquidationEnd: Requirement };
  factors: RiskFactor[];
  scenarios: RiskScenario[];
  crashDays: { date: string; name: string; loss: bigint }[];
  insolvency: Insolvency;
}

/** The risk report of an account; `docs/portfolio-margin.md` says what each field means. */
export interface RiskReport {
  version: Small;
  exchange: string;
  account: string;
  owner: string;
  subAccount: Small;
  slot: bigint;
  time: bigint;
  mode: MarginModeName;
  liquidating: boolean;
  health: {
    init: bigint;
    liquidationEnd: bigint;
    maintenance: bigint;
    equity: bigint;
    initRequirement: bigint;
    maintenanceRequirement: bigint;
    /** Maintenance by equity. */
    distance: number | null;
    notional: bigint;
    leverage: number | null;
    marginUse: number | null;
    maintenanceUse: number | null;
  };
  balances: (BalancePart & { name: string })[];
  perps: (PerpPart & { name: string })[];
  stale: (Stale & { name: string })[];
  feeds: (FeedHealth & { name: string })[];
  underlyings: RiskUnderlying[];
  /** Null while the exchange has no model. */
  model: RiskModel | null;
}
