// The permissionless refresh of feeds, banks and markets, and which feeds an action needs refreshed.
import type { AccountMeta, Address, Instruction } from '@solana/kit';

import { holdingsOf } from '../accounts';
import { assetOf, marketOf, type ExchangeRef } from '../addresses';
import { ageOf, isFresh, needsFallback, sourcesOf, type Purpose } from '../feeds';
import { getRefreshInstruction, type EntryPrice, type MarginAccount, type RiskState, type SignedPricesArgs } from '../generated';
import { fitsHalf } from '../message';
import type { ChainClock } from '../risk';
import { readonly, withRemaining, writable } from './remaining';

/** Where an instruction reads the others of its transaction, among them the one that carries a signed message. */
const INSTRUCTIONS_SYSVAR = 'Sysvar1nstructions1111111111111111111111111' as Address;
/** Pyth's account of the keys that sign its messages. */
const PYTH_PRO_STORAGE = '3rdJbqfnagQ4yx9HXJViD4zc4xpiSqmFsKpPuSCQVyQL' as Address;
/** Set in a feed's number where its fallback is meant. */
const FALLBACK = 0x80;
/** Time that a transaction may take to land, milliseconds; at most half of an age counts. */
const LANDING_MS = 13_000;

/** Entries of the risk state, by index. */
export interface Entries {
  readonly assets: readonly number[];
  readonly markets: readonly number[];
}

/** What says which prices are old: the risk state, and the chain's time. */
export interface PricesAt {
  readonly risk: RiskState;
  readonly clock: ChainClock;
}

/** A feed, and the account with its price: that of its primary source, or of its fallback. */
export interface FeedRef {
  readonly index: number;
  readonly account: Address;
  readonly isFallback: boolean;
}

/** What to bring up to date. An account's health needs prices; banks and markets need it for interest and funding alone. */
export interface RefreshInput {
  readonly feeds?: readonly FeedRef[];
  /** Assets whose banks are accrued, by index. */
  readonly assets?: readonly number[];
  /** Markets whose funding is advanced, by index: each only with a new price of its feed in the same instruction. */
  readonly markets?: readonly number[];
  /** The prices of a signed message, which an ed25519 instruction of the same transaction carries. */
  readonly message?: SignedPricesArgs;
}

/** Takes prices into feeds and brings banks and markets up to date. Nobody signs. */
export function refresh(exchange: ExchangeRef, { feeds = [], assets = [], markets = [], message }: RefreshInput): Instruction {
  const instruction = getRefreshInstruction(
    {
      riskState: exchange.riskState,
      feeds: Uint8Array.from(feeds, ({ index, isFallback }) => (isFallback ? index | FALLBACK : index)),
      message: message ?? null,
    },
    { programAddress: exchange.program },
  );
  return withRemaining(instruction, [
    ...(message ? [readonly(INSTRUCTIONS_SYSVAR), readonly(PYTH_PRO_STORAGE)] : []),
    ...feeds.map(({ account }) => readonly(account)),
    ...assets.map((index) => writable(assetOf(exchange, index).bank)),
    ...markets.flatMap((index) => marketMetas(exchange, index)),
  ]);
}

function marketMetas(exchange: ExchangeRef, index: number): AccountMeta[] {
  const { address, book } = marketOf(exchange, index);
  return [writable(address), readonly(book)];
}

/** Refreshes of feeds, each in at most half of a transaction of any version, so that what it is needed for can go along. */
export function refreshFeeds(exchange: ExchangeRef, feeds: readonly FeedRef[]): Instruction[] {
  const groups: FeedRef[][] = [];
  for (const feed of feeds) {
    const last = groups.at(-1);
    if (last && fitsHalf(0, refresh(exchange, { feeds: [...last, feed] }))) last.push(feed);
    else groups.push([feed]);
  }
  return groups.map((group) => refresh(exchange, { feeds: group }));
}

/** The entries that the health of these accounts is computed from, and any others that an action adds. */
export function entriesOf(accounts: readonly MarginAccount[], extra: Partial<Entries> = {}): Entries {
  const assets = new Set(extra.assets ?? []);
  const markets = new Set(extra.markets ?? []);
  for (const { balances, perps } of accounts.map(holdingsOf)) {
    for (const { asset, shares } of balances) if (shares !== 0n) assets.add(asset);
    for (const { market } of perps) markets.add(market);
  }
  return { assets: ascending(assets), markets: ascending(markets) };
}

const ascending = (indices: Iterable<number>) => [...new Set(indices)].sort((a, b) => a - b);

/** The feeds with prices of their own whose refresh brings those entries up to date of which `isWanted` holds. */
export function feedsOf(entries: Entries, risk: RiskState, isWanted: (price: EntryPrice) => boolean = () => true): number[] {
  const prices = [
    ...entries.assets.filter((index) => index < risk.assetCount).map((index) => risk.assets[index]!.price),
    ...entries.markets.filter((index) => index < risk.marketCount).map((index) => risk.markets[index]!.price),
  ];
  return ascending(prices.filter(isWanted).flatMap(({ feed }) => sourcesOf(risk, feed)));
}

/** Whether a price is too old or doubted for a purpose, or will be by the time a transaction lands. */
export function isDue(price: EntryPrice, clock: ChainClock, purpose: Purpose): boolean {
  const limit = ageOf(price, purpose);
  return !isFresh(price, clock, purpose, Math.min(LANDING_MS, limit / 2));
}

/** The feeds to refresh before these entries serve a purpose. */
export function dueFeeds(entries: Entries, at: PricesAt, purpose: Purpose): number[] {
  return feedsOf(entries, at.risk, (price) => isDue(price, at.clock, purpose));
}

/**
 * The price accounts of feeds: of the primary source, and once that has long been silent of the fallback as well. None for a
 * feed that the directory does not list, or whose prices come in signed messages.
 */
export function feedRefs(exchange: ExchangeRef, { risk, clock }: PricesAt, feeds: readonly number[]): FeedRef[] {
  return feeds.flatMap((index) => {
    const listed = exchange.feeds.find((candidate) => candidate.index === index);
    const feed = risk.feeds[index];
    const fallback = feed && needsFallback(feed, clock) ? listed?.fallback : null;
    const found: FeedRef[] = [];
    if (listed?.account) found.push({ index, account: listed.account, isFallback: false });
    if (fallback) found.push({ index, account: fallback, isFallback: true });
    return found;
  });
}

/** The refreshes, often none, that these accounts need before an action of that purpose. */
export function refreshFor(exchange: ExchangeRef, at: PricesAt, purpose: Purpose, accounts: readonly MarginAccount[], extra: Partial<Entries> = {}): Instruction[] {
  return refreshFeeds(exchange, feedRefs(exchange, at, dueFeeds(entriesOf(accounts, extra), at, purpose)));
}
