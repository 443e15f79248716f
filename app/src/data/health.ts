// Health by the program's own arithmetic, which runs here as a WebAssembly module.
import { Risk, type Crossing, type HealthLines } from '@plimsoll/client/risk';
import wasm from '../../client/src/wasm/plimsoll.wasm?url';
import { useMemo, useSyncExternalStore } from 'react';
import type { Lines } from '../model/load.ts';
import { underlyings, type Underlying } from '../model/markets.ts';
import { useExchange } from './exchange.tsx';
import type { ExchangeState, Snapshot } from './types.ts';

/** One dollar in native quote. */
const USD = 1e6;

/** Health of an account. */
export interface HealthView {
  lines: Lines;
  /** Notional by equity. */
  leverage: number;
  notional: number;
  raw: HealthLines;
  /** Where Maint would reach zero, by underlying. */
  liquidation: readonly { underlying: Underlying; below: number | undefined; above: number | undefined }[];
}

let risk: Risk | undefined;
let failure: Error | undefined;
const listeners = new Set<() => void>();

function changed(): void {
  for (const listener of listeners) listener();
}

Risk.load(wasm).then(
  (loaded) => {
    risk = loaded;
    changed();
  },
  (error: unknown) => {
    failure = error instanceof Error ? error : new Error(String(error));
    changed();
  },
);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The module, once it has been loaded. */
export function useRisk(): Risk | undefined {
  return useSyncExternalStore(subscribe, () => risk);
}

/** Why the module could not be loaded. */
export function useRiskFailure(): Error | undefined {
  return useSyncExternalStore(subscribe, () => failure);
}

/** Native quote as dollars, of all lines. */
export function linesOf(raw: Pick<HealthLines, 'init' | 'liquidationEnd' | 'maintenance' | 'equity'>): Lines {
  return {
    init: Number(raw.init) / USD,
    liquidationEnd: Number(raw.liquidationEnd) / USD,
    maintenance: Number(raw.maintenance) / USD,
    equity: Number(raw.equity) / USD,
  };
}

/** What the module needs to know of an account; `undefined` until all of it has been read. */
export function accountAt(snapshot: Snapshot, address: string | undefined) {
  const account = snapshot.accounts?.find((stored) => stored.address === address);
  if (!snapshot.risk || !account) return undefined;
  return { riskState: snapshot.risk.data, marginAccount: account.data, clock: snapshot.clock };
}

/** Health of one of the owner's accounts; `undefined` until it is known. */
export function useHealth(address: string | undefined): HealthView | undefined {
  const { state } = useExchange();
  const module = useRisk();
  return useMemo(() => (state && module && address ? healthOf(state, module, address) : undefined), [state, module, address]);
}

/** Health by state and account: several parts of a page ask for the same at each change. */
const known = new WeakMap<ExchangeState, Map<string, HealthView>>();

function healthOf(state: ExchangeState, module: Risk, address: string): HealthView | undefined {
  const views = known.get(state) ?? new Map<string, HealthView>();
  known.set(state, views);
  const view = views.get(address) ?? computed(state, module, address);
  if (view) views.set(address, view);
  return view;
}

function computed(state: ExchangeState, module: Risk, address: string): HealthView | undefined {
  const at = accountAt(state.snapshot, address);
  if (!at) return undefined;
  const raw = module.health(at);
  const moving = underlyings(state.assets, state.markets);
  const found = module.liquidationPrices({ ...at, underlyings: moving.map(({ assets, markets }) => ({ assets, markets })) });
  const lines = linesOf(raw);
  return {
    lines,
    notional: Number(raw.notional) / USD,
    leverage: lines.equity > 0 ? Number(raw.notional) / USD / lines.equity : 0,
    raw,
    liquidation: moving.map((underlying, i) => ({ underlying, ...prices(underlying, found[i]?.[0]) })),
  };
}

function prices(underlying: Underlying, crossing: Crossing | undefined): { below: number | undefined; above: number | undefined } {
  const at = (factor: number | null | undefined) => (factor == null ? undefined : factor * underlying.price);
  return { below: at(crossing?.below), above: at(crossing?.above) };
}
