// The live chain for the app: the client's store, slowed to what eyes can follow, with the bytes that the risk module takes.
import type { ExchangeRef } from '@plimsoll/client/addresses';
import { connect, type Connection } from '@plimsoll/client/connection';
import type { Directory } from '@plimsoll/client/directory';
import { ExchangeStore, type Snapshot as StoreSnapshot } from '@plimsoll/client/store/index';
import type { Address } from '@solana/kit';
import type { ConnectionState, Snapshot, Stored } from './types.ts';

/** Least time between two snapshots, milliseconds. A book changes many times a second; rendering each helps nobody. */
const PACE = 200;

/** A connection to the chain and what has been seen over it. */
export class Chain {
  private readonly store: ExchangeStore;
  private readonly listeners = new Set<() => void>();
  private readonly releases: (() => void)[] = [];
  private current: Snapshot;
  private wasLive = false;
  private last = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    readonly connection: Connection,
    private readonly ref: ExchangeRef,
  ) {
    this.store = new ExchangeStore(connection, ref);
    for (const market of ref.markets) this.releases.push(this.store.watchBook(market.index));
    this.releases.push(this.store.subscribe(() => this.schedule()));
    this.current = this.read();
  }

  /** Connects. */
  static start(directory: Directory, ref: ExchangeRef): Chain {
    return new Chain(connect(directory.endpoints), ref);
  }

  /** Ends everything. */
  stop(): void {
    for (const release of this.releases) release();
    clearTimeout(this.timer);
    this.store.stop();
  }

  /** Calls back after each new snapshot. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The chain as last seen; the same object until something changes. */
  readonly snapshot = (): Snapshot => this.current;

  /** Follows the accounts of an owner. */
  follow(owner: Address | undefined): void {
    this.store.setOwner(owner ?? null);
  }

  /** Follows all margin accounts until the function that it returns is called. */
  watchAll(): () => void {
    return this.store.watchAll();
  }

  /** Asks for everything at once, as after a transaction. */
  refresh(): void {
    this.store.refresh();
  }

  private schedule(): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.last = performance.now();
        this.current = this.read();
        for (const listener of this.listeners) listener();
      },
      Math.max(0, this.last + PACE - performance.now()),
    );
  }

  private read(): Snapshot {
    const seen = this.store.getSnapshot();
    return {
      connection: this.state(seen),
      clock: seen.clock ?? { slot: 0n, unixTime: 0n },
      risk: seen.riskState && seen.clock ? this.stored(this.ref.riskState, seen.riskState.state) : undefined,
      banks: this.many(this.ref.assets.map((asset) => [asset.index, asset.bank]), seen.banks),
      markets: this.many(this.ref.markets.map((market) => [market.index, market.address]), seen.markets),
      books: this.many(this.ref.markets.map((market) => [market.index, market.book]), seen.books),
      queues: this.many(this.ref.markets.map((market) => [market.index, market.fillQueue]), seen.queues),
      accounts: this.store.ownIsRead ? seen.own.map((own) => ({ address: own.address, data: own.raw.data, value: own.account })) : undefined,
      all: seen.all,
      exchange: seen.exchange ?? undefined,
      proposals: seen.proposals,
    };
  }

  private state(seen: StoreSnapshot): ConnectionState {
    if (seen.status === 'connecting') return 'connecting';
    if (seen.status === 'lost') return this.wasLive ? 'reconnecting' : 'connecting';
    this.wasLive = true;
    return seen.status;
  }

  private stored<T>(address: Address, value: T): Stored<T> | undefined {
    const raw = this.store.raw(address);
    return raw ? { address, data: raw.data, value } : undefined;
  }

  private many<T>(of: readonly (readonly [number, Address])[], values: ReadonlyMap<number, T>): ReadonlyMap<number, Stored<T>> {
    return new Map(
      of.flatMap(([index, address]) => {
        const value = values.get(index);
        const stored = value === undefined ? undefined : this.stored(address, value);
        return stored ? [[index, stored] as const] : [];
      }),
    );
  }
}
