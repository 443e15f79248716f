// Which version of transactions a cluster and a signer take.
import { type Address, isSolanaError, SOLANA_ERROR__JSON_RPC__INVALID_PARAMS } from '@solana/kit';

import { deadline, fromBase64, type Connection } from './connection';
import type { Version } from './message';

/** The account of the feature that activates version 1 on a cluster. */
export const VERSION_1_FEATURE = 'txv1aq4pp281K9um3tnPgkfX8UqtFT6wcVW3hNezGLL' as Address;
/** How long a cluster that has not activated version 1 is not asked again, and a node that refused it is spared, in milliseconds. */
const AGAIN_AFTER = 60_000;

/** A signer that may say which versions it signs, as wallets do; one that says nothing signs all. */
export interface VersionedSigner {
  readonly supportedTransactionVersions?: readonly Version[];
}

/** The newest version that a signer takes on a cluster that takes version 1, or does not. */
export function newestVersion(isActive: boolean, { supportedTransactionVersions }: VersionedSigner): Version {
  const newest = ([1, 0, 'legacy'] as const).find(
    (version) => (isActive || version !== 1) && (supportedTransactionVersions?.includes(version) ?? true),
  );
  return newest ?? 0;
}

/** Whether a feature's account says that it is active: an option of the slot since when, none while it waits for the next epoch. */
export const isActiveFeature = (data: Uint8Array | null): boolean => data !== null && data.length >= 9 && data[0] === 1;

/** Chooses the version of a signer's transactions. */
export class Versions {
  /** Features stay active. */
  private active = false;
  /** Until when version 1 is not tried. */
  private notBefore = 0;

  constructor(
    private readonly connection: Connection,
    private readonly signer: VersionedSigner,
  ) {}

  /**
   * The version of the next transaction. The cluster is asked once where version 1 is active, every minute where it is
   * not; a node that does not answer is taken for one that wants an older version, which all take.
   */
  async current(signal?: AbortSignal): Promise<Version> {
    const older = newestVersion(false, this.signer);
    const newest = newestVersion(true, this.signer);
    if (newest === older || Date.now() < this.notBefore) return older;
    if (this.active) return newest;
    const request = this.connection.rpc.getAccountInfo(VERSION_1_FEATURE, { commitment: 'confirmed', encoding: 'base64' });
    const answer = await request.send({ abortSignal: deadline(signal) }).catch(() => null);
    if (!answer) return older;
    this.active = isActiveFeature(answer.value && fromBase64(answer.value.data[0]));
    if (!this.active) this.spare();
    return this.active ? newest : older;
  }

  /** Does without version 1 for a while: the node refuses it, whatever its cluster takes. */
  spare(): void {
    this.notBefore = Date.now() + AGAIN_AFTER;
  }
}

/** A node's refusal of a transaction for its version. */
export class VersionRefused extends Error {
  override readonly name = 'VersionRefused';
}

/** Whether a node did not take a transaction as it is written: it says so itself, or cannot read it. */
export const isVersionRefused = (error: unknown): boolean =>
  error instanceof VersionRefused || isSolanaError(error, SOLANA_ERROR__JSON_RPC__INVALID_PARAMS);
