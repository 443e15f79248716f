// What the live tests share: the exchange of a running local chain, and a trader on it.
import { readFileSync } from 'node:fs';
import { generateKeyPairSigner, type Address, type KeyPairSigner } from '@solana/kit';

import {
  connect,
  ExchangeStore,
  loadDirectory,
  LocalChain,
  marginAccountAddress,
  resolveExchange,
  Risk,
  Sender,
  type Connection,
  type Directory,
  type ExchangeRef,
  type PricesAt,
  type Snapshot,
} from '../../src';

/** Where the directory of the running chain is; without it the live tests are skipped. */
export const DIRECTORY = process.env['PLIMSOLL_DIRECTORY'];

/** A running local chain and a trader on it. */
export interface Live {
  readonly directory: Directory;
  readonly exchange: ExchangeRef;
  readonly connection: Connection;
  readonly store: ExchangeStore;
  readonly local: LocalChain;
  readonly risk: Risk;
  readonly trader: KeyPairSigner;
  readonly account: Address;
  readonly sender: Sender;
}

const here = (path: string) => readFileSync(new URL(path, import.meta.url));

/** Connects to the chain with a new trader. */
export async function live(): Promise<Live> {
  // docs: connect
  const directory = await loadDirectory(DIRECTORY ?? '');
  const exchange = await resolveExchange(directory);
  const connection = connect(directory.endpoints);
  const trader = await generateKeyPairSigner();
  const store = new ExchangeStore(connection, exchange);
  store.setOwner(trader.address);
  // docs: end
  return {
    directory,
    exchange,
    connection,
    store,
    local: new LocalChain(directory.endpoints.local ?? ''),
    risk: await Risk.load(new Uint8Array(here('../../src/wasm/plimsoll.wasm'))),
    trader,
    account: await marginAccountAddress(exchange.program, exchange.address, trader.address, 0),
    sender: new Sender(connection, exchange.program, trader),
  };
}

/** The prices of the latest snapshot, and its time. */
export function pricesAt(store: ExchangeStore): PricesAt {
  const { riskState, clock } = store.getSnapshot();
  if (!riskState || !clock) throw new Error('the risk state has not been read yet');
  return { risk: riskState.state, clock };
}

/** The first snapshot that satisfies `test`. */
export function seen<T>(store: ExchangeStore, test: (snapshot: Snapshot) => T | null | undefined | false): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      end();
      reject(new Error('the store did not show it within 20 seconds'));
    }, 20_000);
    const look = () => {
      const found = test(store.getSnapshot());
      if (!found) return;
      end();
      resolve(found);
    };
    const release = store.subscribe(look);
    const end = () => {
      clearTimeout(timer);
      release();
    };
    look();
  });
}
