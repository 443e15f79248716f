// An exchange as it is on chain, kept current: for React's `useSyncExternalStore`, or for anything that can subscribe.
import { type Address, getAddressEncoder, type ReadonlyUint8Array } from '@solana/kit';

import {
  decodeBank,
  decodeExchange,
  decodeMarginAccount,
  decodeMarket,
  decodePendingChange,
  decodeRiskState,
  discriminatorOf,
  MARGIN_ACCOUNT_OFFSETS,
  MARGIN_ACCOUNT_SIZE,
  type Proposal,
} from '../accounts';
import { pendingChangeAddress, type ExchangeRef } from '../addresses';
import { decodeBook, decodeFillQueue, type OrderBook, type WaitingFill } from '../book';
import type { Connection } from '../connection';
import type { Bank, Exchange, MarginAccount, Market, RiskState } from '../generated';
import type { ChainClock } from '../risk';
import { AccountFeed, type FeedStatus, type ProgramFilter, type Raw } from './feed';

export type { FeedStatus, Raw } from './feed';

/** A margin account with its address and bytes; the bytes are what the risk module takes. */
export interface MarginAccountEntry {
  readonly address: Address;
  readonly raw: Raw;
  readonly account: MarginAccount;
}

/** An exchange at one moment. A snapshot never changes; what did not change stays the same object in the next. */
export interface Snapshot {
  readonly status: FeedStatus;
  /** The highest slot of which anything has been seen. */
  readonly slot: bigint;
  readonly clock: ChainClock | null;
  readonly exchange: Exchange | null;
  readonly riskState: { readonly raw: Raw; readonly state: RiskState } | null;
  /** By index. */
  readonly banks: ReadonlyMap<number, Bank>;
  readonly markets: ReadonlyMap<number, Market>;
  /** Of the markets that are watched. */
  readonly books: ReadonlyMap<number, OrderBook>;
  readonly queues: ReadonlyMap<number, readonly WaitingFill[]>;
  /** The owner's accounts, by number; empty until they have been read. */
  readonly own: readonly MarginAccountEntry[];
  /** All accounts of the exchange; empty unless somebody watches them. */
  readonly all: readonly MarginAccountEntry[];
  /** Proposals that wait out their delay, the oldest first. */
  readonly proposals: readonly Proposal[];
}

const CLOCK = 'SysvarC1ock11111111111111111111111111111111' as Address;
/** Proposals looked at: only the latest can still be waiting. */
const PROPOSALS = 32n;

/** Keeps an exchange current from a node. */
export class ExchangeStore {
  private readonly feed: AccountFeed;
  private readonly listeners = new Set<() => void>();
  private readonly decoded = new WeakMap<Raw, unknown>();
  private readonly releases: (() => void)[] = [];
  private readonly books = new Map<number, number>();
  private readonly allAccounts: ProgramFilter;
  private ownAccounts: ProgramFilter | null = null;
  private releaseOwn: (() => void) | null = null;
  private releaseProposals: (() => void) | null = null;
  private proposalAddresses: Address[] = [];
  private proposalsUpTo = -1n;
  private watchingAll = 0;
  private snapshot: Snapshot;

  constructor(
    connection: Connection,
    readonly exchange: ExchangeRef,
  ) {
    this.allAccounts = marginAccounts(exchange, []);
    this.feed = new AccountFeed(connection, () => this.publish());
    this.releases.push(this.feed.watch(fixedAccounts(exchange)));
    this.snapshot = this.read(null);
  }

  /** Calls `listener` after each change, until the function that it returns is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The exchange as it is now. The same object until something changes. */
  readonly getSnapshot = (): Snapshot => this.snapshot;

  /** The bytes of an account that is kept current, as the risk module takes them; null until they have arrived. */
  readonly raw = (address: Address): Raw | null => this.feed.get(address) ?? null;

  /** Whether the owner's accounts have been read: until then, none in a snapshot does not mean that there are none. */
  get ownIsRead(): boolean {
    return this.ownAccounts !== null && this.feed.isRead(this.ownAccounts);
  }

  /** Whose accounts are kept current: nobody's when null. */
  setOwner(owner: Address | null): void {
    this.releaseOwn?.();
    this.releaseOwn = null;
    this.ownAccounts = null;
    if (owner !== null) {
      const bytes = getAddressEncoder().encode(owner);
      this.ownAccounts = marginAccounts(this.exchange, [{ offset: MARGIN_ACCOUNT_OFFSETS.owner, bytes }]);
      this.releaseOwn = this.feed.watchProgram(this.ownAccounts);
    }
    this.publish();
  }

  /** Keeps a market's book current until the function that it returns is called. */
  watchBook(index: number): () => void {
    const market = this.exchange.markets.find((candidate) => candidate.index === index);
    if (!market) return () => undefined;
    this.books.set(index, (this.books.get(index) ?? 0) + 1);
    const release = this.feed.watch([market.book]);
    return () => {
      this.books.set(index, (this.books.get(index) ?? 1) - 1);
      release();
    };
  }

  /** Keeps all margin accounts current until the function that it returns is called. */
  watchAll(): () => void {
    this.watchingAll += 1;
    const release = this.feed.watchProgram(this.allAccounts);
    return () => {
      this.watchingAll -= 1;
      release();
    };
  }

  /** Asks the node for everything at once, as after sending a transaction. */
  refresh(): void {
    this.feed.hurry();
  }

  /** Ends all requests and subscriptions. */
  stop(): void {
    this.feed.stop();
    this.listeners.clear();
  }

  private publish(): void {
    this.snapshot = this.read(this.snapshot);
    void this.findProposals();
    for (const listener of this.listeners) listener();
  }

  /** The previous snapshot's parts are kept where they did not change, so that nothing renders for nothing. */
  private read(previous: Snapshot | null): Snapshot {
    const { assets, markets } = this.exchange;
    const raw = this.feed.get(this.exchange.riskState);
    const same = previous?.riskState && previous.riskState.raw === raw ? previous.riskState : null;
    const riskState = same ?? (raw ? { raw, state: this.decode(raw, decodeRiskState) } : null);
    const watched = markets.filter((market) => (this.books.get(market.index) ?? 0) > 0);
    const next: Snapshot = {
      status: this.feed.status,
      slot: this.feed.slot,
      clock: this.clock(),
      exchange: this.one(this.exchange.address, decodeExchange),
      riskState,
      banks: this.many(assets.map((asset) => [asset.index, asset.bank]), decodeBank),
      markets: this.many(markets.map((market) => [market.index, market.address]), decodeMarket),
      books: this.many(watched.map((market) => [market.index, market.book]), decodeBook),
      queues: this.many(markets.map((market) => [market.index, market.fillQueue]), decodeFillQueue),
      own: this.entries(this.ownAccounts),
      all: this.watchingAll > 0 ? this.entries(this.allAccounts) : [],
      proposals: this.proposalAddresses.flatMap((address) => this.one(address, decodePendingChange) ?? []),
    };
    return previous ? keep(previous, next) : next;
  }

  private decode<T>(raw: Raw, decoder: (data: ReadonlyUint8Array) => T): T {
    if (!this.decoded.has(raw)) this.decoded.set(raw, decoder(raw.data));
    return this.decoded.get(raw) as T;
  }

  private one<T>(address: Address, decoder: (data: ReadonlyUint8Array) => T): T | null {
    const raw = this.feed.get(address);
    return raw ? this.decode(raw, decoder) : null;
  }

  private many<T>(of: [number, Address][], decoder: (data: ReadonlyUint8Array) => T): ReadonlyMap<number, T> {
    return new Map(of.flatMap(([index, address]) => {
      const value = this.one(address, decoder);
      return value === null ? [] : [[index, value] as const];
    }));
  }

  private entries(filter: ProgramFilter | null): MarginAccountEntry[] {
    if (!filter) return [];
    const entries = this.feed.members(filter).flatMap((address) => {
      const raw = this.feed.get(address);
      return raw ? [this.entry(address, raw)] : [];
    });
    return entries.sort((a, b) => a.account.subAccount - b.account.subAccount || (a.address < b.address ? -1 : 1));
  }

  private readonly entryOf = new WeakMap<Raw, MarginAccountEntry>();

  private entry(address: Address, raw: Raw): MarginAccountEntry {
    const known = this.entryOf.get(raw);
    if (known) return known;
    const entry = { address, raw, account: this.decode(raw, decodeMarginAccount) };
    this.entryOf.set(raw, entry);
    return entry;
  }

  /** The chain's time as of the last look, its slot as of the last change. */
  private clock(): ChainClock | null {
    const raw = this.feed.get(CLOCK);
    if (!raw) return null;
    const view = new DataView(raw.data.buffer, raw.data.byteOffset, raw.data.byteLength);
    const slot = view.getBigUint64(0, true);
    return { slot: slot > this.feed.slot ? slot : this.feed.slot, unixTime: view.getBigInt64(32, true) };
  }

  /** Watches the latest proposals anew whenever another one was made. */
  private async findProposals(): Promise<void> {
    const nonce = this.snapshot.exchange?.changeNonce;
    if (nonce === undefined || nonce === this.proposalsUpTo) return;
    this.proposalsUpTo = nonce;
    const first = nonce > PROPOSALS ? nonce - PROPOSALS : 0n;
    const nonces = Array.from({ length: Number(nonce - first) }, (_, i) => first + BigInt(i));
    const { program, address } = this.exchange;
    const addresses = await Promise.all(nonces.map((each) => pendingChangeAddress(program, address, each)));
    if (this.proposalsUpTo !== nonce) return;
    const release = this.feed.watch(addresses);
    this.releaseProposals?.();
    this.releaseProposals = release;
    this.proposalAddresses = addresses;
  }
}

/** Accounts of an exchange that every page needs. Books are large, so they are watched one by one. */
function fixedAccounts(exchange: ExchangeRef): Address[] {
  return [
    exchange.address,
    exchange.riskState,
    CLOCK,
    ...exchange.assets.map((asset) => asset.bank),
    ...exchange.markets.flatMap((market) => [market.address, market.fillQueue]),
  ];
}

/** The margin accounts of an exchange. */
function marginAccounts(exchange: ExchangeRef, bytes: ProgramFilter['bytes']): ProgramFilter {
  const kind = { offset: 0, bytes: discriminatorOf('marginAccount') };
  const ours = { offset: MARGIN_ACCOUNT_OFFSETS.exchange, bytes: getAddressEncoder().encode(exchange.address) };
  return { program: exchange.program, size: MARGIN_ACCOUNT_SIZE, bytes: [kind, ours, ...bytes] };
}

/** The next snapshot with those parts of the previous one that are equal to its own. */
function keep(previous: Snapshot, next: Snapshot): Snapshot {
  const parts = { ...next } as Record<keyof Snapshot, unknown>;
  for (const name of Object.keys(next) as (keyof Snapshot)[]) {
    if (sameParts(previous[name], next[name])) parts[name] = previous[name];
  }
  return parts as unknown as Snapshot;
}

function sameParts(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, i) => item === right[i]);
  }
  if (left instanceof Map && right instanceof Map) {
    return left.size === right.size && [...left].every(([key, value]) => right.get(key) === value);
  }
  return false;
}
