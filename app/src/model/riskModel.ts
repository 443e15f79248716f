// The portfolio model of an exchange as people read it: underlyings, their volatilities, and what follows them.
import { nameOf } from '@plimsoll/client/accounts';
import type { ModelParams, RiskState } from '@plimsoll/client/generated';

const RATIO_ONE = 2 ** 24;
const LOADING_ONE = 2 ** 20;

/** A volatility as parts of one per square root of a day: what Init uses, what is announced, what Maint uses. */
export interface VolatilityView {
  current: number;
  /** What Maint may rise to at `bindsAt`; `undefined` when nothing is announced. */
  announced: number | undefined;
  binding: number;
  bindsAt: number;
  /** Unix second of the last price that it learnt from; `undefined` before the first. */
  sampledAt: number | undefined;
}

/** An underlying. */
export interface UnderlyingView {
  /** From 1. */
  number: number;
  name: string;
  /** Number of the factor that it drives, from 1. */
  drives: number | undefined;
  /** Moves per move of each factor in use. */
  loadings: number[];
  volatility: VolatilityView;
  /** What no factor explains, at the current volatility; the factor's own for its driver. */
  own: number;
  floor: number;
  ownFloor: number;
  /** USD of delta above which size costs more. */
  depth: number;
  impact: number;
  basis: number;
  /** Returns on the named days. */
  crashReturns: number[];
  /** Indices of the assets and markets that follow it. */
  assets: number[];
  markets: number[];
  /** Which of them teaches its volatility. */
  taughtBy: { kind: 'asset' | 'market'; index: number } | undefined;
}

/** The model; `undefined` while the exchange has none. */
export interface RiskModelView {
  params: ModelParams;
  underlyings: UnderlyingView[];
}

/** The named days, in the order of the returns that every underlying carries. */
export const NAMED_DAYS = ['2020-03-12', '2021-05-19', '2021-05-24', '2022-05-11', '2022-06-13', '2022-11-09', '2024-08-05', '2025-10-10'] as const;

/** Reads the model from the risk state. */
export function riskModelView(risk: RiskState): RiskModelView | undefined {
  const { params } = risk.model;
  if (params.scenarioCount === 0) return undefined;
  const underlyings = risk.underlyings.slice(0, risk.underlyingCount).map((_, i) => underlyingView(risk, i));
  return { params, underlyings };
}

function underlyingView(risk: RiskState, i: number): UnderlyingView {
  const { params, volatility, own } = risk.underlyings[i]!;
  const number = i + 1;
  const following = (entries: readonly { underlying: number }[], count: number) =>
    entries.slice(0, count).flatMap((entry, index) => (entry.underlying === number ? [index] : []));
  const assets = following(risk.assets, risk.assetCount);
  const markets = following(risk.markets, risk.marketCount);
  const asset = assets.find((index) => risk.assets[index]!.samples !== 0);
  const market = markets.find((index) => risk.markets[index]!.samples !== 0);
  const { announced } = volatility.pending;
  return {
    number,
    name: nameOf(params.name) || `Underlying ${number}`,
    drives: params.factor || undefined,
    loadings: params.loadings.slice(0, risk.model.params.factorCount).map((loading) => loading / LOADING_ONE),
    volatility: {
      current: volatility.current / RATIO_ONE,
      announced: announced > volatility.binding ? announced / RATIO_ONE : undefined,
      binding: volatility.binding / RATIO_ONE,
      bindsAt: Number(volatility.bindsAt),
      sampledAt: volatility.sampledAt > 0n ? Number(volatility.sampledAt) : undefined,
    },
    own: (own[0] ?? 0) / RATIO_ONE,
    floor: params.volatilityFloor / RATIO_ONE,
    ownFloor: params.idiosyncraticFloor / RATIO_ONE,
    depth: Number(params.depthNotional) / 1e6,
    impact: params.liquidityRatio / RATIO_ONE,
    basis: params.basisRatio / RATIO_ONE,
    crashReturns: params.crashReturns.map((value) => value / LOADING_ONE),
    assets,
    markets,
    taughtBy: asset !== undefined ? { kind: 'asset', index: asset } : market !== undefined ? { kind: 'market', index: market } : undefined,
  };
}
