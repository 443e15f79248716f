// Accounts kept in memory: a snapshot of each, then every change, older never over newer, through outages.
import { type Address, type Base64EncodedBytes, getBase58Decoder, type ReadonlyUint8Array } from '@solana/kit';

import { deadline, fromBase64, sleep, type Connection } from '../connection';

/** An account's bytes and the slot at which they were so. */
export interface Raw {
  readonly data: Uint8Array;
  readonly slot: bigint;
}

/** How fresh a feed is. */
export type FeedStatus =
  /** Nothing has arrived yet. */
  | 'connecting'
  /** Changes are announced. */
  | 'live'
  /** There is no WebSocket, so accounts are asked for instead. */
  | 'polling'
  /** The node does not answer. */
  | 'lost';

/** Accounts of a program that have these bytes, and this size. */
export interface ProgramFilter {
  readonly program: Address;
  readonly size: number;
  readonly bytes: readonly { readonly offset: number; readonly bytes: ReadonlyUint8Array }[];
}

/** How often things happen, in milliseconds. */
const PACE = { live: 10_000, polling: 1_000, backoff: 500, longestBackoff: 10_000, coalesce: 40 } as const;
/** Most accounts of one request. */
const CHUNK = 100;

interface Watched {
  count: number;
  readonly stop: AbortController;
}

/** Keeps accounts current for whoever watches them. */
export class AccountFeed {
  private readonly accounts = new Map<Address, Raw>();
  private readonly singles = new Map<Address, Watched>();
  private readonly sets = new Map<string, Watched & { readonly filter: ProgramFilter; members: Set<Address>; read: boolean }>();
  private readonly stopped = new AbortController();
  private announcing = 0;
  private answered: boolean | null = null;
  private scheduled = false;
  private wake = new AbortController();
  private highest = 0n;

  constructor(
    private readonly connection: Connection,
    private readonly onChange: () => void,
  ) {
    void this.poll();
  }

  /** Keeps these accounts current until the function that it returns is called. */
  watch(addresses: readonly Address[]): () => void {
    for (const address of addresses) {
      const watched = this.singles.get(address);
      if (watched) watched.count += 1;
      else this.begin(address);
    }
    this.hurry();
    return once(() => addresses.forEach((address) => this.release(address)));
  }

  /** Keeps all accounts of a filter current until the function that it returns is called. */
  watchProgram(filter: ProgramFilter): () => void {
    const name = filterName(filter);
    const watched = this.sets.get(name);
    if (watched) {
      watched.count += 1;
    } else {
      const stop = new AbortController();
      this.sets.set(name, { count: 1, stop, filter, members: new Set(), read: false });
      void this.follow(stop.signal, (signal) => this.setNotices(name, filter, signal));
    }
    this.hurry();
    return once(() => this.releaseSet(name));
  }

  /** The account, once it has arrived and while it exists. */
  get(address: Address): Raw | undefined {
    return this.accounts.get(address);
  }

  /** The accounts of a watched filter. */
  members(filter: ProgramFilter): Address[] {
    return [...(this.sets.get(filterName(filter))?.members ?? [])];
  }

  /** Whether the accounts of a watched filter have been asked for and have arrived. */
  isRead(filter: ProgramFilter): boolean {
    return this.sets.get(filterName(filter))?.read ?? false;
  }

  /** The highest slot of which anything has been seen. */
  get slot(): bigint {
    return this.highest;
  }

  get status(): FeedStatus {
    if (this.answered === null) return 'connecting';
    if (!this.answered) return 'lost';
    const wanted = this.singles.size + this.sets.size;
    return this.connection.subscriptions !== null && this.announcing >= wanted ? 'live' : 'polling';
  }

  /** Asks for everything at once, as after sending a transaction. */
  hurry(): void {
    this.wake.abort();
    this.wake = new AbortController();
  }

  /** Ends all requests and subscriptions. */
  stop(): void {
    this.stopped.abort();
    for (const { stop } of [...this.singles.values(), ...this.sets.values()]) stop.abort();
  }

  private begin(address: Address): void {
    const stop = new AbortController();
    this.singles.set(address, { count: 1, stop });
    void this.follow(stop.signal, (signal) => this.notices(address, signal));
  }

  private release(address: Address): void {
    const watched = this.singles.get(address);
    if (!watched) return;
    watched.count -= 1;
    if (watched.count > 0) return;
    watched.stop.abort();
    this.singles.delete(address);
    if (![...this.sets.values()].some(({ members }) => members.has(address))) this.accounts.delete(address);
  }

  private releaseSet(name: string): void {
    const watched = this.sets.get(name);
    if (!watched) return;
    watched.count -= 1;
    if (watched.count > 0) return;
    watched.stop.abort();
    this.sets.delete(name);
  }

  /** Subscribes again, ever more slowly, until it is no longer wanted. */
  private async follow(signal: AbortSignal, listen: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (!this.connection.subscriptions) return;
    let pause: number = PACE.backoff;
    while (!signal.aborted && !this.stopped.signal.aborted) {
      const began = Date.now();
      await listen(signal).catch(() => undefined);
      if (signal.aborted) return;
      if (Date.now() - began > PACE.longestBackoff) pause = PACE.backoff;
      this.changed();
      await sleep(pause, signal).catch(() => undefined);
      pause = Math.min(PACE.longestBackoff, pause * 2);
      // What changed while nobody listened is asked for.
      this.hurry();
    }
  }

  private async notices(address: Address, signal: AbortSignal): Promise<void> {
    const subscriptions = this.connection.subscriptions;
    if (!subscriptions) return;
    const request = subscriptions.accountNotifications(address, { commitment: 'confirmed', encoding: 'base64' });
    const notices = await request.subscribe({ abortSignal: signal });
    await this.listening(async () => {
      for await (const { context, value } of notices) {
        this.put(address, value.lamports === 0n ? null : fromBase64(value.data[0]), context.slot);
      }
    });
  }

  private async setNotices(name: string, filter: ProgramFilter, signal: AbortSignal): Promise<void> {
    const subscriptions = this.connection.subscriptions;
    if (!subscriptions) return;
    const config = { commitment: 'confirmed', encoding: 'base64', filters: rpcFilters(filter) } as const;
    const notices = await subscriptions.programNotifications(filter.program, config).subscribe({ abortSignal: signal });
    await this.listening(async () => {
      for await (const { context, value } of notices) {
        const gone = value.account.lamports === 0n;
        this.sets.get(name)?.members[gone ? 'delete' : 'add'](value.pubkey);
        this.put(value.pubkey, gone ? null : fromBase64(value.account.data[0]), context.slot);
      }
    });
  }

  private async listening(listen: () => Promise<void>): Promise<void> {
    this.announcing += 1;
    this.changed();
    try {
      await listen();
    } finally {
      this.announcing -= 1;
    }
  }

  private async poll(): Promise<void> {
    const signal = this.stopped.signal;
    while (!signal.aborted) {
      const wake = this.wake.signal;
      try {
        await Promise.all([this.fetchSingles(signal), ...[...this.sets.keys()].map((name) => this.fetchSet(name, signal))]);
        this.answered = this.singles.size + this.sets.size > 0 ? true : this.answered;
      } catch {
        if (signal.aborted) return;
        this.answered = false;
      }
      this.changed();
      const pause = this.status === 'live' ? PACE.live : PACE.polling;
      await sleep(pause, AbortSignal.any([signal, wake])).catch(() => undefined);
    }
  }

  private async fetchSingles(signal: AbortSignal): Promise<void> {
    const addresses = [...this.singles.keys()];
    const chunks = Array.from({ length: Math.ceil(addresses.length / CHUNK) }, (_, i) => addresses.slice(i * CHUNK, (i + 1) * CHUNK));
    await Promise.all(chunks.map((chunk) => this.fetchChunk(chunk, signal)));
  }

  private async fetchChunk(addresses: Address[], signal: AbortSignal): Promise<void> {
    const request = this.connection.rpc.getMultipleAccounts(addresses, { commitment: 'confirmed', encoding: 'base64' });
    const { context, value } = await request.send({ abortSignal: deadline(signal) });
    addresses.forEach((address, i) => {
      const account = value[i];
      this.put(address, account ? bytesOf(account.data) : null, context.slot);
    });
  }

  private async fetchSet(name: string, signal: AbortSignal): Promise<void> {
    const watched = this.sets.get(name);
    if (!watched) return;
    const config = { commitment: 'confirmed', encoding: 'base64', withContext: true, filters: rpcFilters(watched.filter) } as const;
    const request = this.connection.rpc.getProgramAccounts(watched.filter.program, config);
    const { context, value } = await request.send({ abortSignal: deadline(signal) });
    const present = new Set(value.map(({ pubkey }) => pubkey));
    for (const address of watched.members) {
      if (!present.has(address) && (this.accounts.get(address)?.slot ?? 0n) <= context.slot) {
        watched.members.delete(address);
        this.put(address, null, context.slot);
      }
    }
    for (const { pubkey, account } of value) {
      watched.members.add(pubkey);
      this.put(pubkey, bytesOf(account.data), context.slot);
    }
    watched.read = true;
  }

  /** Takes an account's bytes unless newer ones are there; unchanged bytes stay the same object. */
  private put(address: Address, data: Uint8Array | null, slot: bigint): void {
    if (slot > this.highest) this.highest = slot;
    const present = this.accounts.get(address);
    if (present && present.slot > slot) return;
    if (data === null) {
      if (this.accounts.delete(address)) this.changed();
      return;
    }
    if (present && sameBytes(present.data, data)) return;
    this.accounts.set(address, { data, slot });
    this.changed();
  }

  /** Tells of changes a few at a time. */
  private changed(): void {
    if (this.scheduled || this.stopped.signal.aborted) return;
    this.scheduled = true;
    setTimeout(() => {
      this.scheduled = false;
      if (!this.stopped.signal.aborted) this.onChange();
    }, PACE.coalesce);
  }
}

const bytesOf = (data: readonly [Base64EncodedBytes, 'base64']) => fromBase64(data[0]);

function rpcFilters(filter: ProgramFilter) {
  const decoder = getBase58Decoder();
  const memcmp = filter.bytes.map(({ offset, bytes }) => ({
    memcmp: { offset: BigInt(offset), bytes: decoder.decode(bytes), encoding: 'base58' },
  }));
  return [{ dataSize: BigInt(filter.size) }, ...memcmp] as never;
}

function filterName(filter: ProgramFilter): string {
  const parts = filter.bytes.map(({ offset, bytes }) => `${offset}:${getBase58Decoder().decode(bytes)}`);
  return [filter.program, filter.size, ...parts].join(' ');
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
