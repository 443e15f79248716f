// Wallets: finds those that speak Wallet Standard, connects one, and signs with it.
import { walletSigner } from '@plimsoll/client/wallet';
import type { Address, TransactionModifyingSigner } from '@solana/kit';
import type { SolanaSignTransactionFeature } from '@solana/wallet-standard-features';
import { getWallets } from '@wallet-standard/app';
import type { Wallet, WalletAccount } from '@wallet-standard/base';
import type { StandardConnectFeature, StandardDisconnectFeature, StandardEventsFeature } from '@wallet-standard/features';
import { useSyncExternalStore } from 'react';
import { LOCAL_WALLET, localWallet } from './local.ts';

/** The wallet that is connected. */
export interface Connected {
  wallet: Wallet;
  address: Address;
  signer: TransactionModifyingSigner;
}

/** Wallets and the connection. */
export interface WalletState {
  /** Wallets that can sign Solana transactions. */
  wallets: readonly Wallet[];
  connected: Connected | undefined;
  connecting: boolean;
}

const LAST = 'plimsoll.wallet';
let state: WalletState = { wallets: [], connected: undefined, connecting: false };
let offerLocal = false;
let local: Wallet | undefined;
let unwatch: (() => void) | undefined;
const listeners = new Set<() => void>();

function set(change: Partial<WalletState>): void {
  state = { ...state, ...change };
  for (const listener of listeners) listener();
}

function find(): void {
  const signing = getWallets().get().filter((wallet) => 'solana:signTransaction' in wallet.features && 'standard:connect' in wallet.features);
  if (offerLocal) local ??= localWallet();
  set({ wallets: offerLocal && local ? [...signing, local] : signing });
  reconnect();
}

getWallets().on('register', find);
getWallets().on('unregister', find);

/** Offers the built-in wallet, on a local chain only. */
export function offerLocalWallet(offered: boolean): void {
  if (offerLocal === offered && state.wallets.length) return;
  offerLocal = offered;
  find();
}

/** Connects the wallet of the last visit, if it agrees without asking. */
function reconnect(): void {
  const last = readLast();
  if (state.connected || state.connecting || !last) return;
  const wallet = state.wallets.find((known) => known.name === last);
  if (wallet) void connect(wallet, true).catch(() => undefined);
}

/** Connects a wallet. */
export async function connect(wallet: Wallet, silent = false): Promise<void> {
  const feature = (wallet.features as Partial<StandardConnectFeature>)['standard:connect'];
  if (!feature) throw new Error(`${wallet.name} cannot connect`);
  set({ connecting: true });
  try {
    const { accounts } = await feature.connect(silent && wallet.name !== LOCAL_WALLET ? { silent: true } : undefined);
    use(wallet, accounts[0] ?? wallet.accounts[0]);
    if (state.connected) writeLast(wallet.name);
  } finally {
    set({ connecting: false });
  }
  unwatch?.();
  const events = (wallet.features as Partial<StandardEventsFeature>)['standard:events'];
  unwatch = events?.on('change', ({ accounts }) => accounts && use(wallet, accounts[0]));
}

function use(wallet: Wallet, account: WalletAccount | undefined): void {
  set({
    connected: account && { wallet, address: account.address as Address, signer: signerOf(wallet, account) },
  });
}

/** Disconnects, and does not come back at the next visit. */
export async function disconnect(): Promise<void> {
  const wallet = state.connected?.wallet;
  unwatch?.();
  unwatch = undefined;
  writeLast(undefined);
  set({ connected: undefined });
  await (wallet?.features as Partial<StandardDisconnectFeature> | undefined)?.['standard:disconnect']?.disconnect();
}

/** The wallets and the connection, for components. */
export function useWallet(): WalletState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

function signerOf(wallet: Wallet, account: WalletAccount): TransactionModifyingSigner {
  const feature = (wallet.features as Partial<SolanaSignTransactionFeature>)['solana:signTransaction'];
  if (!feature) throw new Error(`${wallet.name} cannot sign transactions`);
  return walletSigner<WalletAccount>(feature, account);
}

function readLast(): string | null {
  try {
    return localStorage.getItem(LAST);
  } catch {
    return null;
  }
}

function writeLast(name: string | undefined): void {
  try {
    if (name) localStorage.setItem(LAST, name);
    else localStorage.removeItem(LAST);
  } catch {
    // Nothing is remembered where nothing can be stored.
  }
}
