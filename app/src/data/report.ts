// The risk report of an account by the program's own arithmetic: what portfolio margin sees in it.
import type { MarginModeName, Risk, RiskReport } from '@plimsoll/client/risk';
import { useMemo } from 'react';
import { accountAt, useRisk } from './health.ts';
import { useExchange } from './exchange.tsx';
import type { ExchangeState } from './types.ts';

/** The report of one of the owner's accounts, in its own mode or in another; `undefined` until it is known. */
export function useReport(address: string | undefined, mode?: MarginModeName): RiskReport | undefined {
  const { state } = useExchange();
  const module = useRisk();
  return useMemo(() => (state && module && address ? reportOf(state, module, address, mode) : undefined), [state, module, address, mode]);
}

/** Reports by state: several parts of a page ask for the same at each change. */
const known = new WeakMap<ExchangeState, Map<string, RiskReport>>();

function reportOf(state: ExchangeState, module: Risk, address: string, mode: MarginModeName | undefined): RiskReport | undefined {
  const reports = known.get(state) ?? new Map<string, RiskReport>();
  known.set(state, reports);
  const key = `${address} ${mode ?? ''}`;
  const report = reports.get(key) ?? told(state, module, address, mode);
  if (report) reports.set(key, report);
  return report;
}

function told(state: ExchangeState, module: Risk, address: string, mode: MarginModeName | undefined): RiskReport | undefined {
  const at = accountAt(state.snapshot, address);
  return at && module.riskReport({ ...at, address, ...names(state), ...(mode && { mode }) });
}

/** Names by index, as the report wants them. */
function names(state: ExchangeState): { assetNames: string[]; marketNames: string[] } {
  const assetNames: string[] = [];
  const marketNames: string[] = [];
  for (const asset of state.assets) assetNames[asset.index] = asset.symbol;
  for (const market of state.markets) marketNames[market.index] = market.name;
  return { assetNames: Array.from(assetNames, (name) => name ?? ''), marketNames: Array.from(marketNames, (name) => name ?? '') };
}
