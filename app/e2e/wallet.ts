// A wallet as an extension would bring it: announced to the page by Wallet Standard, its key made there by WebCrypto.
import type { Page } from 'playwright-core';

/** Its name in the list of wallets. */
export const WALLET = 'Journeyman';

/** Brings the wallet to every page opened from now on. */
export async function installWallet(page: Page): Promise<void> {
  await page.addInitScript(register, WALLET);
}

/** Whether the person behind the wallet declines what it is asked to sign from now on. */
export async function decline(page: Page, declines: boolean): Promise<void> {
  await page.evaluate((answer) => Object.assign(window, { walletDeclines: answer }), declines);
}

/** Runs in the page, and so stands alone. */
function register(name: string): void {
  const chains = ['solana:localnet'];
  let account: { address: string; publicKey: Uint8Array; chains: string[]; features: string[] } | undefined;
  let key: CryptoKey | undefined;

  function base58(bytes: Uint8Array): string {
    const letters = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
    let number = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    let text = '';
    for (; number > 0n; number /= 58n) text = letters[Number(number % 58n)] + text;
    for (const byte of bytes) {
      if (byte) break;
      text = `1${text}`;
    }
    return text;
  }

  async function connect() {
    if (!account) {
      const pair = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
      const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
      key = pair.privateKey;
      account = { address: base58(publicKey), publicKey, chains, features: ['solana:signTransaction'] };
    }
    return { accounts: [account] };
  }

  /** A transaction is a count of signatures, the signatures, and the message; this wallet's is the first, for it pays. */
  async function sign({ transaction }: { transaction: Uint8Array }) {
    if (!key || !account) throw new Error('Not connected');
    if ((window as { walletDeclines?: boolean }).walletDeclines) throw new Error('User rejected the request.');
    const count = transaction[0] ?? 0;
    const message = transaction.slice(1 + 64 * count);
    const signedTransaction = transaction.slice();
    signedTransaction.set(new Uint8Array(await crypto.subtle.sign('Ed25519', key, message)), 1);
    return { signedTransaction };
  }

  const wallet = {
    version: '1.0.0',
    name,
    icon: 'data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=',
    chains,
    get accounts() {
      return account ? [account] : [];
    },
    features: {
      'standard:connect': { version: '1.0.0', connect },
      'standard:events': { version: '1.0.0', on: () => () => undefined },
      'solana:signTransaction': {
        version: '1.0.0',
        supportedTransactionVersions: ['legacy', 0],
        signTransaction: (...inputs: { transaction: Uint8Array }[]) => Promise.all(inputs.map(sign)),
      },
    },
  };
  // Whichever of the two comes first: the page asks for wallets when it is ready, and listens to those who come later.
  const announce = ({ register: add }: { register: (one: typeof wallet) => void }) => add(wallet);
  window.addEventListener('wallet-standard:app-ready', (event) => announce((event as CustomEvent).detail));
  window.dispatchEvent(new CustomEvent('wallet-standard:register-wallet', { detail: announce }));
}
