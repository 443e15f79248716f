// A wallet for local chains, built in: its key is kept in the browser, so it must never hold anything of value. It speaks
// Wallet Standard like any other, so that the app has one way to connect and to sign.
import {
  createKeyPairFromPrivateKeyBytes,
  getAddressEncoder,
  getAddressFromPublicKey,
  getTransactionDecoder,
  getTransactionEncoder,
  partiallySignTransaction,
  type Address,
} from '@solana/kit';
import type { SolanaSignTransactionFeature } from '@solana/wallet-standard-features';
import type { Wallet, WalletAccount } from '@wallet-standard/base';
import type { StandardConnectFeature, StandardDisconnectFeature, StandardEventsFeature } from '@wallet-standard/features';

const KEY = 'plimsoll.local-wallet';
const CHAINS = ['solana:localnet', 'solana:devnet', 'solana:testnet', 'solana:mainnet'] as const;
/** Its name in the list of wallets. */
export const LOCAL_WALLET = 'Local test wallet';

const ICON =
  'data:image/svg+xml;base64,' +
  btoa(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#11161a"/>' +
      '<g fill="none" stroke="#57b5d2" stroke-width="2.5"><circle cx="16" cy="16" r="7"/><path d="M4 16h24"/></g></svg>',
  );

/** The key of this browser, made on first use. */
function seed(): Uint8Array<ArrayBuffer> {
  const kept = localStorage.getItem(KEY);
  if (kept && /^[0-9a-f]{64}$/.test(kept)) {
    return Uint8Array.from(kept.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  }
  const made = crypto.getRandomValues(new Uint8Array(32));
  localStorage.setItem(KEY, [...made].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
  return made;
}

/** Forgets the key: the next connection is a new owner. */
export function forgetLocalWallet(): void {
  localStorage.removeItem(KEY);
}

type Features = StandardConnectFeature & StandardDisconnectFeature & StandardEventsFeature & SolanaSignTransactionFeature;

/** The wallet. */
export function localWallet(): Wallet & { features: Features } {
  let keys: CryptoKeyPair | undefined;
  let accounts: readonly WalletAccount[] = [];
  const features: Features = {
    'standard:connect': {
      version: '1.0.0',
      connect: async () => {
        keys = await createKeyPairFromPrivateKeyBytes(seed());
        accounts = [accountOf(await getAddressFromPublicKey(keys.publicKey))];
        return { accounts };
      },
    },
    'standard:disconnect': {
      version: '1.0.0',
      disconnect: async () => {
        keys = undefined;
        accounts = [];
      },
    },
    // It never changes by itself, so there is nothing to tell.
    'standard:events': { version: '1.0.0', on: () => () => undefined },
    'solana:signTransaction': {
      version: '1.0.0',
      supportedTransactionVersions: ['legacy', 0, 1],
      signTransaction: async (...inputs) => {
        const pair = keys;
        if (!pair) throw new Error('The local test wallet is not connected');
        return Promise.all(inputs.map(async ({ transaction }) => ({ signedTransaction: await sign(pair, transaction) })));
      },
    },
  };
  return {
    version: '1.0.0',
    name: LOCAL_WALLET,
    icon: ICON as `data:image/svg+xml;base64,${string}`,
    chains: CHAINS,
    features,
    get accounts() {
      return accounts;
    },
  };
}

function accountOf(address: Address): WalletAccount {
  return {
    address,
    publicKey: new Uint8Array(getAddressEncoder().encode(address)),
    chains: CHAINS,
    features: ['solana:signTransaction'],
  };
}

async function sign(keys: CryptoKeyPair, transaction: Uint8Array): Promise<Uint8Array> {
  const signed = await partiallySignTransaction([keys], getTransactionDecoder().decode(transaction));
  return new Uint8Array(getTransactionEncoder().encode(signed));
}
