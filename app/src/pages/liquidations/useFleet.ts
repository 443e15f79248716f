// The health of every margin account, computed here by the program's own arithmetic, a little at a time.
import type { Risk } from '@plimsoll/client/risk';
import { useEffect, useRef, useState } from 'react';
import { useExchange } from '../../data/exchange.tsx';
import { linesOf, useRisk } from '../../data/health.ts';
import type { ExchangeState } from '../../data/types.ts';
import { underlyings, type Underlying } from '../../model/markets.ts';
import type { HealthLines } from '@plimsoll/client/risk';
import { addAtRisk, fleetRow, noRisk, outcomes, scenarios, type AtRisk, type FleetRow } from './fleet.ts';

/** How often healths and scenarios are computed anew, milliseconds. */
const PACE = { health: 1000, scenarios: 4000 };
/** Accounts between two pauses, so that the page goes on answering. */
const SLICE = 20;

/** Keeps all margin accounts of the exchange coming while a component is shown. */
export function useWatchAll(): void {
  const { chain } = useExchange();
  useEffect(() => chain?.watchAll(), [chain]);
}

/** The latest of what changes many times a second, for work that runs at its own pace. */
function useLatest(): { current: { state: ExchangeState | undefined; risk: Risk | undefined } } {
  const { state } = useExchange();
  const risk = useRisk();
  const latest = useRef({ state, risk });
  latest.current = { state, risk };
  return latest;
}

/** All accounts that hold anything; `undefined` until they have been read. */
export function useFleet(): readonly FleetRow[] | undefined {
  const latest = useLatest();
  const [rows, setRows] = useState<readonly FleetRow[]>();
  useRepeatedly(PACE.health, async (stopped) => {
    const { state, risk } = latest.current;
    if (!state?.snapshot.risk || !risk || state.snapshot.all.length === 0) return false;
    const next: FleetRow[] = [];
    await inSlices(state.snapshot.all, stopped, (entry) => {
      const at = accountAt(state, entry.raw.data);
      const health = at && risk.health(at);
      const row = health && fleetRow(entry, health, linesOf(health), debtsOf(state, health));
      if (row) next.push(row);
    });
    if (!stopped()) setRows(next);
    return true;
  });
  return rows;
}

/** What each move of these underlyings would put at risk; `undefined` until it has been computed. */
export function useAtRisk(symbol: string): readonly AtRisk[] | undefined {
  const latest = useLatest();
  const [sums, setSums] = useState<{ symbol: string; atRisk: readonly AtRisk[] }>();
  useRepeatedly(
    PACE.scenarios,
    async (stopped) => {
      const { state, risk } = latest.current;
      if (!state?.snapshot.risk || !risk || state.snapshot.all.length === 0) return false;
      const asked = scenarios(movable(state).filter((one) => symbol === ALL || one.symbol === symbol).map(({ assets, markets }) => ({ assets, markets })));
      const next = noRisk();
      await inSlices(state.snapshot.all, stopped, (entry) => {
        const at = accountAt(state, entry.raw.data);
        if (at) addAtRisk(next, outcomes(risk, { ...at, scenarios: asked }), debtsOf(state, risk.health(at)));
      });
      if (!stopped()) setSums({ symbol, atRisk: next });
      return true;
    },
    symbol,
  );
  return sums?.symbol === symbol ? sums.atRisk : undefined;
}

/** Stands for all underlyings moving together. */
export const ALL = 'all';

/** Underlyings that a scenario moves: all but the quote asset, in which everything is counted. */
export function movable(state: ExchangeState): Underlying[] {
  const quote = state.assets.find((asset) => asset.index === 0)?.symbol;
  return underlyings(state.assets, state.markets).filter((one) => one.symbol !== quote);
}

function accountAt(state: ExchangeState, marginAccount: Uint8Array) {
  const { risk, clock } = state.snapshot;
  return risk && { riskState: risk.data, marginAccount, clock };
}

function debtsOf(state: ExchangeState, health: HealthLines): number {
  return health.balances
    .filter((part) => part.native < 0n)
    .reduce((sum, part) => {
      const asset = state.assets.find((one) => one.index === part.asset);
      return asset ? sum + (Number(-part.native) / 10 ** asset.decimals) * asset.price : sum;
    }, 0);
}

async function inSlices<T>(items: readonly T[], stopped: () => boolean, work: (item: T) => void): Promise<void> {
  for (let first = 0; first < items.length; first += SLICE) {
    if (stopped()) return;
    items.slice(first, first + SLICE).forEach(work);
    if (first + SLICE < items.length) await new Promise((resolve) => setTimeout(resolve));
  }
}

/** Runs work again and again; soon again while it has nothing to work on. */
function useRepeatedly(every: number, work: (stopped: () => boolean) => Promise<boolean>, key = ''): void {
  const run = useRef(work);
  run.current = work;
  useEffect(() => {
    let stopped = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const turn = async () => {
      const worked = await run.current(() => stopped).catch(() => true);
      if (!stopped) timer = setTimeout(() => void turn(), worked ? every : 250);
    };
    void turn();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [every, key]);
}
