// The permissionless refresh, and which entries of the risk state an account needs.
import type { AccountMeta, Instruction } from '@solana/kit';

import { holdingsOf } from '../accounts';
import { assetOf, marketOf, type ExchangeRef } from '../addresses';
import { getRefreshInstruction, type MarginAccount, type RiskState } from '../generated';
import { fitsHalf } from '../message';
import type { ChainClock } from '../risk';
import { readonly, withRemaining, writable } from './remaining';

/** Entries of the risk state, by index. */
export interface Entries {
  readonly assets: readonly number[];
  readonly markets: readonly number[];
}

/** The entries that the health of these accounts is computed from, and any others that an action adds. */
export function entriesOf(accounts: readonly MarginAccount[], extra: Partial<Entries> = {}): Entries {
  const assets = new Set([0, ...(extra.assets ?? [])]);
  const markets = new Set(extra.markets ?? []);
  for (const { balances, perps } of accounts.map(holdingsOf)) {
    for (const balance of balances) assets.add(balance.asset);
    for (const perp of perps) markets.add(perp.market);
  }
  const ascending = (indices: Set<number>) => [...indices].sort((a, b) => a - b);
  return { assets: ascending(assets), markets: ascending(markets) };
}

/** Those of some entries that are stale already, or will be within a share of their age limits. */
export function staleEntries(entries: Entries, risk: RiskState, clock: ChainClock, share = 0.5): Entries {
  const percent = BigInt(Math.round(share * 100));
  const aging = (entry: RiskState['assets'][number] | RiskState['markets'][number] | undefined) =>
    entry === undefined ||
    (clock.unixTime - entry.price.publishTime) * 100n > BigInt(entry.maxAgeSecs) * percent ||
    (clock.slot - entry.price.refreshSlot) * 100n > BigInt(entry.maxAgeSlots) * percent;
  return {
    assets: entries.assets.filter((index) => aging(risk.assets[index])),
    markets: entries.markets.filter((index) => aging(risk.markets[index])),
  };
}

/**
 * Rewrites entries from their oracles, banks and markets. Nobody signs. Each instruction takes at most half of a
 * transaction of any version, so that what it is needed for can go along.
 */
export function refresh(exchange: ExchangeRef, entries: Entries): Instruction[] {
  const groups = [
    ...entries.assets.map((index) => assetGroup(exchange, index)),
    ...entries.markets.map((index) => marketGroup(exchange, index)),
  ];
  const instruction = getRefreshInstruction({ riskState: exchange.riskState }, { programAddress: exchange.program });
  const result: Instruction[] = [];
  let together: AccountMeta[] = [];
  for (const group of groups) {
    const more = withRemaining(instruction, [...together, ...group]);
    if (together.length > 0 && fitsHalf(0, more)) result[result.length - 1] = more;
    else {
      together = [];
      result.push(withRemaining(instruction, group));
    }
    together.push(...group);
  }
  return result;
}

/** The refresh that these accounts need before an action on them. */
export function refreshFor(exchange: ExchangeRef, accounts: readonly MarginAccount[], extra: Partial<Entries> = {}): Instruction[] {
  return refresh(exchange, entriesOf(accounts, extra));
}

function assetGroup(exchange: ExchangeRef, index: number): AccountMeta[] {
  const asset = assetOf(exchange, index);
  return [writable(asset.bank), ...oracles(asset)];
}

function marketGroup(exchange: ExchangeRef, index: number): AccountMeta[] {
  const market = marketOf(exchange, index);
  return [writable(market.address), readonly(market.book), ...oracles(market)];
}

const oracles = ({ oracle, fallback }: Pick<ExchangeRef['markets'][number], 'oracle' | 'fallback'>) =>
  fallback === null ? [readonly(oracle)] : [readonly(oracle), readonly(fallback)];
