// @vitest-environment node
// Tests of the built-in wallet: the same key at the next visit, and signatures that hold.
import { beforeEach, expect, it } from 'vitest';
import {
  appendTransactionMessageInstruction,
  assertIsFullySignedTransaction,
  compileTransaction,
  createTransactionMessage,
  getTransactionDecoder,
  getTransactionEncoder,
  pipe,
  setTransactionMessageFeePayer,
  setTransactionMessageLifetimeUsingBlockhash,
  type Address,
  type Blockhash,
} from '@solana/kit';
import { localWallet } from './local.ts';

const kept = new Map<string, string>();
beforeEach(() => {
  kept.clear();
  globalThis.localStorage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  } as Storage;
});

it('keeps its key between visits', async () => {
  const first = await localWallet().features['standard:connect'].connect();
  const second = await localWallet().features['standard:connect'].connect();
  expect(first.accounts[0]?.address).toBe(second.accounts[0]?.address);
});

it.each([0, 1] as const)('signs a transaction of version %s that it pays for', async (version) => {
  const wallet = localWallet();
  const { accounts } = await wallet.features['standard:connect'].connect();
  const account = accounts[0];
  if (!account) throw new Error('no account');
  const message = pipe(
    createTransactionMessage({ version }),
    (empty) => setTransactionMessageFeePayer(account.address as Address, empty),
    (paid) => setTransactionMessageLifetimeUsingBlockhash({ blockhash: '11111111111111111111111111111111' as Blockhash, lastValidBlockHeight: 1n }, paid),
    (lasting) => appendTransactionMessageInstruction({ programAddress: '11111111111111111111111111111111' as Address }, lasting),
  );
  const transaction = new Uint8Array(getTransactionEncoder().encode(compileTransaction(message)));
  const [output] = await wallet.features['solana:signTransaction'].signTransaction({ account, transaction });
  expect(() => assertIsFullySignedTransaction(getTransactionDecoder().decode(output!.signedTransaction))).not.toThrow();
});

it('refuses to sign before it is connected', async () => {
  const [account] = (await localWallet().features['standard:connect'].connect()).accounts;
  await expect(localWallet().features['solana:signTransaction'].signTransaction({ account: account!, transaction: new Uint8Array() })).rejects.toThrow('not connected');
});
