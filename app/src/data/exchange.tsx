// The exchange for components: directory, live accounts, and the views made of them, from one provider.
import { resolveExchange, type ExchangeRef } from '@plimsoll/client/addresses';
import { loadDirectory, type Directory } from '@plimsoll/client/directory';
import { createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore, type JSX, type ReactNode } from 'react';
import { accountView, assetView, bookView, marketView, type AccountView, type BookView, type MarketView } from '../model/views.ts';
import { offerLocalWallet, useWallet } from '../wallet/store.ts';
import { Chain } from './chain.ts';
import { useSettings } from './settings.ts';
import type { ExchangeState, Snapshot } from './types.ts';

/** The exchange, or why there is none. */
export interface ExchangeContext {
  /** Present once prices and markets have been read. */
  state: ExchangeState | undefined;
  chain: Chain | undefined;
  error: Error | undefined;
  retry: () => void;
}

const Context = createContext<ExchangeContext>({ state: undefined, chain: undefined, error: undefined, retry: () => undefined });

interface Opened {
  directory: Directory;
  ref: ExchangeRef;
  chain: Chain;
}

/** Connects to the exchange of the settings' directory, and again when they change. */
export function ExchangeProvider({ children }: { children: ReactNode }): JSX.Element {
  const { directory: url, rpc, ws } = useSettings();
  const { connected } = useWallet();
  const [opened, setOpened] = useState<Opened>();
  const [error, setError] = useState<Error>();
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    let chain: Chain | undefined;
    open(url, { rpc, ws }, control.signal).then(
      (next) => {
        chain = next.chain;
        if (control.signal.aborted) return chain.stop();
        offerLocalWallet(next.directory.endpoints.local !== null);
        setError(undefined);
        setOpened(next);
      },
      (reason: unknown) => {
        if (!control.signal.aborted) setError(reason instanceof Error ? reason : new Error(String(reason)));
      },
    );
    return () => {
      control.abort();
      chain?.stop();
    };
  }, [url, rpc, ws, attempt]);
  useEffect(() => {
    if (!error) return undefined;
    const timer = setTimeout(() => setAttempt((count) => count + 1), 4000);
    return () => clearTimeout(timer);
  }, [error]);
  useEffect(() => opened?.chain.follow(connected?.address), [opened, connected?.address]);
  const snapshot = useSnapshot(opened?.chain);
  const state = useMemo(() => (opened && snapshot ? stateOf(opened, snapshot) : undefined), [opened, snapshot]);
  const value = useMemo<ExchangeContext>(
    () => ({ state, chain: opened?.chain, error, retry: () => setAttempt((count) => count + 1) }),
    [state, opened, error],
  );
  return <Context value={value}>{children}</Context>;
}

async function open(url: string, override: { rpc: string; ws: string }, signal: AbortSignal): Promise<Opened> {
  const listed = await loadDirectory(new URL(url, location.href).toString(), signal);
  const endpoints = { ...listed.endpoints, ...(override.rpc && { rpc: override.rpc }), ...(override.ws && { ws: override.ws }) };
  const directory = { ...listed, endpoints };
  const ref = await resolveExchange(directory);
  return { directory, ref, chain: Chain.start(directory, ref) };
}

const nothing = () => () => undefined;

function useSnapshot(chain: Chain | undefined): Snapshot | undefined {
  return useSyncExternalStore(chain?.subscribe ?? nothing, () => chain?.snapshot());
}

function stateOf({ directory, ref }: Opened, snapshot: Snapshot): ExchangeState | undefined {
  const risk = snapshot.risk?.value;
  if (!risk) return undefined;
  const now = snapshot.clock;
  const assets = ref.assets.flatMap((asset) => {
    const entry = risk.assets[asset.index];
    return entry ? [assetView(asset, entry, snapshot.banks.get(asset.index)?.value, now)] : [];
  });
  const markets = ref.markets.flatMap((market) => {
    const entry = risk.markets[market.index];
    const stored = snapshot.markets.get(market.index)?.value;
    return entry && stored ? [marketView(market, entry, stored, now)] : [];
  });
  if (markets.length < ref.markets.length) return undefined;
  const accounts = snapshot.accounts
    ?.map((stored) => accountView(stored.address, stored.value, risk, assets, markets))
    .sort((a, b) => a.subAccount - b.subAccount);
  return { directory, ref, snapshot, assets, markets, accounts };
}

/** The exchange. */
export function useExchange(): ExchangeContext {
  return useContext(Context);
}

/** The account that pages are about: the chosen sub-account, or the owner's first. */
export function useAccount(): AccountView | undefined {
  const { subAccount } = useSettings();
  const accounts = useExchange().state?.accounts;
  return accounts?.find((account) => account.subAccount === subAccount) ?? accounts?.[0];
}

/** The levels of a market's book, with the account's own marked. */
export function useBook(market: MarketView, depth?: number): BookView | undefined {
  const { state } = useExchange();
  const account = useAccount();
  const book = state?.snapshot.books.get(market.index)?.value;
  return useMemo(() => {
    if (!book || !state) return undefined;
    const own = new Set(account?.orders.filter((order) => order.market.index === market.index).map((order) => order.id));
    return bookView(book, market, state.snapshot.clock, own, depth);
  }, [book, market, account, state, depth]);
}

/** The chain's time in Unix seconds. */
export function useNow(): number {
  const { state } = useExchange();
  return Number(state?.snapshot.clock.unixTime ?? 0n);
}
