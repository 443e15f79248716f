// What the data layer hands to pages.
import type { Directory } from '@plimsoll/client/directory';
import type { ExchangeRef } from '@plimsoll/client/addresses';
import type { OrderBook, WaitingFill } from '@plimsoll/client/book';
import type { Proposal } from '@plimsoll/client/accounts';
import type { Bank, Exchange, MarginAccount, Market, RiskState } from '@plimsoll/client/generated';
import type { MarginAccountEntry } from '@plimsoll/client/store/index';
import type { AccountView, AssetView, ChainClock, MarketView } from '../model/views.ts';

/** An account of the chain: its bytes for the program's own arithmetic, and the same decoded. */
export interface Stored<T> {
  address: string;
  data: Uint8Array;
  value: T;
}

/** How the live connection stands. */
export type ConnectionState = 'connecting' | 'live' | 'polling' | 'reconnecting';

/** Everything known of the chain at one moment. */
export interface Snapshot {
  connection: ConnectionState;
  clock: ChainClock;
  risk: Stored<RiskState> | undefined;
  banks: ReadonlyMap<number, Stored<Bank>>;
  markets: ReadonlyMap<number, Stored<Market>>;
  books: ReadonlyMap<number, Stored<OrderBook>>;
  queues: ReadonlyMap<number, Stored<readonly WaitingFill[]>>;
  /** Margin accounts of the connected owner; `undefined` until they have been looked for. */
  accounts: readonly Stored<MarginAccount>[] | undefined;
  /** All margin accounts of the exchange, while a page watches them. */
  all: readonly MarginAccountEntry[];
  /** Operators, delay and insurance; `undefined` until it has been read. */
  exchange: Exchange | undefined;
  /** Changes that wait out their delay. */
  proposals: readonly Proposal[];
}

/** The exchange as pages show it. */
export interface ExchangeState {
  directory: Directory;
  ref: ExchangeRef;
  snapshot: Snapshot;
  assets: readonly AssetView[];
  markets: readonly MarketView[];
  /** The owner's accounts, by sub-account number; `undefined` while they are not known. */
  accounts: readonly AccountView[] | undefined;
}
