// Wallets of the Wallet Standard as signers of transactions.
import {
  type Address,
  getTransactionDecoder,
  getTransactionEncoder,
  type Transaction,
  type TransactionModifyingSigner,
  type TransactionWithLifetime,
  type TransactionWithinSizeLimit,
} from '@solana/kit';

import type { Version } from './message';
import type { VersionedSigner } from './version';

/** The part of a wallet's feature `solana:signTransaction` that is used. */
export interface SignTransactionFeature<Account> {
  /** What it can sign. */
  readonly supportedTransactionVersions: readonly Version[];
  signTransaction(
    ...inputs: readonly { account: Account; transaction: Uint8Array; chain?: `${string}:${string}` }[]
  ): Promise<readonly { readonly signedTransaction: Uint8Array }[]>;
}

/** An account of a connected wallet and how it signs. */
export interface WalletAccountLike {
  readonly address: string;
}

type Signed = Transaction & TransactionWithinSizeLimit & TransactionWithLifetime;

/**
 * A wallet's account as a signer.
 *
 * A wallet may change what it signs, for example add a priority fee; what it returns is what is sent.
 */
export function walletSigner<Account extends WalletAccountLike>(
  feature: SignTransactionFeature<Account>,
  account: Account,
  chain?: `${string}:${string}`,
): TransactionModifyingSigner & VersionedSigner {
  const [encoder, decoder] = [getTransactionEncoder(), getTransactionDecoder()];
  return {
    address: account.address as Address,
    supportedTransactionVersions: feature.supportedTransactionVersions,
    async modifyAndSignTransactions(transactions) {
      const inputs = transactions.map((transaction) => ({
        account,
        transaction: new Uint8Array(encoder.encode(transaction)),
        ...(chain === undefined ? {} : { chain }),
      }));
      const outputs = await feature.signTransaction(...inputs);
      return outputs.map((output, i) => {
        const signed = decoder.decode(output.signedTransaction);
        return { ...transactions[i], ...signed } as Signed;
      });
    },
  };
}
