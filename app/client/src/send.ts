// Sending transactions: simulated first, signed, resent until confirmed or expired, and refused in plain words.
import {
  type Address,
  type Base64EncodedWireTransaction,
  compileTransaction,
  getBase64EncodedWireTransaction,
  getSignatureFromTransaction,
  type Instruction,
  isWritableRole,
  type Signature,
  signTransactionMessageWithSigners,
  type TransactionSigner,
} from '@solana/kit';

import { deadline, fromBase64, sleep, type Connection } from './connection';
import { explain, type Refusal } from './errors';
import { buildMessage, fits, LIMITS, MAX_UNITS, pack, precedingInstructions, room, transactionSize, UNLIMITED, type Lifetime, type Version } from './message';
import { isVersionRefused, VersionRefused, Versions, type VersionedSigner } from './version';

/** How transactions are sent. */
export interface SendPolicy {
  /** Share of the simulated compute units added to the limit: the chain moves on between simulation and landing. */
  readonly unitMargin: number;
  /** Percentile of the fees lately paid for the same accounts. */
  readonly feePercentile: number;
  /** Most micro-lamports for each compute unit. */
  readonly maxUnitPrice: bigint;
  /** How often the signature is asked for, in milliseconds. */
  readonly pollMs: number;
  /** How often the transaction is sent again, in milliseconds. */
  readonly resendMs: number;
}

/** The policy unless told otherwise. */
export const DEFAULT_POLICY: SendPolicy = { unitMargin: 0.2, feePercentile: 60, maxUnitPrice: 200_000n, pollMs: 500, resendMs: 2_000 };

/**
 * What a transaction may take beyond its simulation and the margin: between the two, refreshes in front of it may have
 * become due to sample the volatility of several underlyings.
 */
const SAMPLES = 20_000;

/** Where a transaction stands. */
export type SendStage = 'simulating' | 'signing' | 'sending' | 'confirmed';

/** A confirmed transaction. */
export interface Landed {
  readonly signature: Signature;
  readonly slot: bigint;
  /** Compute units that the simulation took. */
  readonly units: number;
}

/** What a simulation found. */
export interface Simulation {
  readonly refusal: Refusal | null;
  readonly units: number;
  readonly logs: readonly string[];
  readonly returnData: Uint8Array | null;
}

/** Why a transaction did not land. */
export type SendFailure = 'refused' | 'declined' | 'expired' | 'tooLarge' | 'unreachable';

/** A transaction that did not land, and why in plain words. */
export class SendError extends Error {
  override readonly name = 'SendError';

  constructor(
    readonly kind: SendFailure,
    readonly refusal: Refusal,
    /** The signature, once it was sent: it may still be looked up. */
    readonly signature: Signature | null = null,
    readonly logs: readonly string[] = [],
  ) {
    super(refusal.advice ? `${refusal.text} ${refusal.advice}` : refusal.text);
  }
}

/** Options of one sending. */
export interface SendOptions {
  readonly signal?: AbortSignal;
  readonly onStage?: (stage: SendStage, signature?: Signature) => void;
}

const plain = (text: string, advice: string | null = null): Refusal => ({ code: null, name: null, text, advice, instruction: null });

/** Sends transactions of one payer, in the newest version that the cluster takes and the payer signs. */
export class Sender {
  private readonly versions: Versions;

  constructor(
    private readonly connection: Connection,
    private readonly program: Address,
    private readonly payer: TransactionSigner & VersionedSigner,
    private readonly policy: SendPolicy = DEFAULT_POLICY,
  ) {
    this.versions = new Versions(connection, payer);
  }

  /** The version of the next transaction. */
  version(signal?: AbortSignal): Promise<Version> {
    return this.versions.current(signal);
  }

  /** The instructions in order, as many in each transaction as fit. */
  async pack(instructions: readonly Instruction[], signal?: AbortSignal): Promise<Instruction[][]> {
    return pack(await this.version(signal), this.payer.address, instructions);
  }

  /**
   * How many more accounts the last of these instructions can name, for example makers of an order, without needing
   * another transaction than it does.
   */
  async room(instructions: readonly Instruction[], signal?: AbortSignal): Promise<number> {
    return room(await this.version(signal), this.payer.address, instructions);
  }

  /** Runs instructions without sending them; nobody has to sign. */
  async simulate(instructions: readonly Instruction[], signal?: AbortSignal): Promise<Simulation> {
    const { simulation } = await this.tried(instructions, signal);
    return simulation;
  }

  /** Simulates in the newest version that the node turns out to take. */
  private async tried(instructions: readonly Instruction[], signal?: AbortSignal): Promise<{ version: Version; simulation: Simulation }> {
    const version = await this.version(signal);
    try {
      return { version, simulation: await simulate(this.connection, this.program, this.payer, version, instructions, signal) };
    } catch (error) {
      if (version !== 1 || !isVersionRefused(error)) throw error;
      this.versions.spare();
      return this.tried(instructions, signal);
    }
  }

  /**
   * Sends one transaction and waits until it is confirmed.
   *
   * @throws SendError
   */
  async send(instructions: readonly Instruction[], options: SendOptions = {}): Promise<Landed> {
    const { signal, onStage } = options;
    onStage?.('simulating');
    const [{ version, simulation }, unitPrice] = await reach(() =>
      Promise.all([this.tried(instructions, signal), this.unitPrice(instructions, signal)]),
    );
    if (simulation.refusal) throw new SendError('refused', simulation.refusal, null, simulation.logs);
    const units = Math.min(MAX_UNITS, Math.ceil(simulation.units * (1 + this.policy.unitMargin)) + SAMPLES);
    const lifetime = await reach(() => latestBlockhash(this.connection, signal));
    const message = buildMessage(version, this.payer, instructions, lifetime, { units, unitPrice });
    onStage?.('signing');
    const transaction = await signed(() => signTransactionMessageWithSigners(message));
    const signature = getSignatureFromTransaction(transaction);
    onStage?.('sending', signature);
    const wire = getBase64EncodedWireTransaction(transaction);
    const slot = await this.land(wire, version, signature, lifetime, instructions, signal);
    onStage?.('confirmed', signature);
    return { signature, slot, units: simulation.units };
  }

  /** Sends instructions in as many transactions as they need, each once the one before has landed. */
  async sendAll(instructions: readonly Instruction[], options: SendOptions = {}): Promise<Landed[]> {
    const landed: Landed[] = [];
    for (let rest = instructions; rest.length > 0; ) {
      const version = await this.version(options.signal);
      const [batch = []] = pack(version, this.payer.address, rest);
      try {
        landed.push(await this.send(batch, options));
        rest = rest.slice(batch.length);
      } catch (error) {
        // Refused in the version that it was put together for: taken apart for an older one.
        const isLarge = error instanceof SendError && error.kind === 'tooLarge';
        if (!isLarge || (await this.version(options.signal)) === version) throw error;
      }
    }
    return landed;
  }

  /** What the policy's percentile of recent transactions on the same accounts paid for each compute unit. */
  private async unitPrice(instructions: readonly Instruction[], signal?: AbortSignal): Promise<bigint> {
    const metas = instructions.flatMap((instruction) => instruction.accounts ?? []);
    const written = [...new Set(metas.filter((meta) => isWritableRole(meta.role)).map((meta) => meta.address))];
    const request = this.connection.rpc.getRecentPrioritizationFees(written.slice(0, 128));
    const fees = await request.send({ abortSignal: deadline(signal) }).catch(() => []);
    const prices = fees.map((fee) => BigInt(fee.prioritizationFee)).sort((a, b) => (a < b ? -1 : 1));
    const price = prices[Math.floor((prices.length * this.policy.feePercentile) / 100)] ?? 0n;
    return price < this.policy.maxUnitPrice ? price : this.policy.maxUnitPrice;
  }

  /** Sends until the signature is confirmed or can no longer be. */
  private async land(
    wire: Base64EncodedWireTransaction,
    version: Version,
    signature: Signature,
    lifetime: Lifetime,
    instructions: readonly Instruction[],
    signal?: AbortSignal,
  ): Promise<bigint> {
    const done = new AbortController();
    const noticed = notice(this.connection, signature, done.signal);
    let [sentAt, expired] = [0, false];
    try {
      for (;;) {
        if (Date.now() - sentAt >= this.policy.resendMs) {
          sentAt = Date.now();
          await this.submit(wire, signature, signal);
        }
        const status = await this.status(signature, signal);
        if (status?.err) throw this.landedRefused(status.err, version, signature, instructions);
        if (status) return status.slot;
        if (expired) throw new SendError('expired', plain('The transaction took too long and did not go through.', 'Try again.'), signature);
        expired = await this.isOver(lifetime, signal);
        await Promise.race([sleep(this.policy.pollMs, signal), noticed]);
      }
    } finally {
      done.abort();
    }
  }

  /** A node that does not answer is asked again: the transaction may have arrived all the same. */
  private async submit(wire: Base64EncodedWireTransaction, signature: Signature, signal?: AbortSignal): Promise<void> {
    const options = { encoding: 'base64', skipPreflight: true, maxRetries: 0n } as const;
    const request = this.connection.rpc.sendTransaction(wire, options);
    await request.send({ abortSignal: deadline(signal) }).catch((error: unknown) => {
      if (signal?.aborted) throw new SendError('unreachable', plain('Stopped waiting for the transaction.'), signature);
      return error;
    });
  }

  private async status(signature: Signature, signal?: AbortSignal) {
    const request = this.connection.rpc.getSignatureStatuses([signature]);
    const answer = await request.send({ abortSignal: deadline(signal) }).catch(() => null);
    const status = answer?.value[0];
    const settled = status?.confirmationStatus === 'confirmed' || status?.confirmationStatus === 'finalized';
    return status && (settled || status.err !== null) ? status : null;
  }

  /** Whether the blockhash is too old for the transaction to land any more. */
  private async isOver(lifetime: Lifetime, signal?: AbortSignal): Promise<boolean> {
    const request = this.connection.rpc.getBlockHeight({ commitment: 'confirmed' });
    const height = await request.send({ abortSignal: deadline(signal) }).catch(() => 0n);
    return height > lifetime.lastValidBlockHeight;
  }

  private landedRefused(error: unknown, version: Version, signature: Signature, instructions: readonly Instruction[]): SendError {
    return new SendError('refused', refusalOf(error, version, instructions, this.program, []), signature);
  }
}

/** Simulates instructions as if `payer` had signed. */
async function simulate(
  connection: Connection,
  program: Address,
  payer: TransactionSigner,
  version: Version,
  instructions: readonly Instruction[],
  signal?: AbortSignal,
): Promise<Simulation> {
  if (!fits(version, payer.address, instructions)) throw tooLarge(version, payer.address, instructions);
  const lifetime = await latestBlockhash(connection, signal);
  const message = buildMessage(version, payer, instructions, lifetime, UNLIMITED);
  const wire = getBase64EncodedWireTransaction(compileTransaction(message));
  const options = { encoding: 'base64', commitment: 'confirmed', sigVerify: false, replaceRecentBlockhash: true } as const;
  const { value } = await connection.rpc.simulateTransaction(wire, options).send({ abortSignal: deadline(signal) });
  if (value.err === 'UnsupportedVersion') throw new VersionRefused();
  const logs = value.logs ?? [];
  const data = value.returnData?.data[0];
  return {
    refusal: value.err === null ? null : refusalOf(value.err, version, instructions, program, logs),
    units: Number(value.unitsConsumed ?? 0n),
    logs,
    returnData: data === undefined ? null : fromBase64(data),
  };
}

/** A transaction's error, with the position of the refused instruction counted without those of the budget. */
function refusalOf(error: unknown, version: Version, instructions: readonly Instruction[], program: Address, logs: readonly string[]): Refusal {
  const preceding = precedingInstructions(version);
  const budget = Array.from({ length: preceding }, () => ({ programAddress: program }));
  const refusal = explain(error, [...budget, ...instructions], program, logs);
  return { ...refusal, instruction: refusal.instruction === null ? null : refusal.instruction - preceding };
}

async function latestBlockhash(connection: Connection, signal?: AbortSignal): Promise<Lifetime> {
  const request = connection.rpc.getLatestBlockhash({ commitment: 'confirmed' });
  const { value } = await request.send({ abortSignal: deadline(signal) });
  return value;
}

/** Resolves when the node announces the signature; never when it cannot. */
async function notice(connection: Connection, signature: Signature, signal: AbortSignal): Promise<void> {
  const never = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  if (!connection.subscriptions) return never;
  try {
    const request = connection.subscriptions.signatureNotifications(signature, { commitment: 'confirmed' });
    for await (const _ of await request.subscribe({ abortSignal: signal })) return;
  } catch {
    // Polling goes on without the announcement.
  }
  return never;
}

function tooLarge(version: Version, payer: Address, instructions: readonly Instruction[]): SendError {
  const [size, most] = [transactionSize(version, payer, instructions), LIMITS[version]];
  const text = `The transaction has ${size.bytes} bytes of at most ${most.bytes}, and ${size.addresses} addresses of at most ${most.addresses}.`;
  return new SendError('tooLarge', plain(text, 'Do it in smaller steps.'));
}

/** Turns a failure to reach the node into plain words. */
async function reach<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof SendError) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    throw new SendError('unreachable', plain(`The node did not answer: ${detail}.`, 'Check the connection and try again.'));
  }
}

/** Turns a wallet's refusal to sign into plain words. */
async function signed<T>(sign: () => Promise<T>): Promise<T> {
  try {
    return await sign();
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new SendError('declined', plain(`The wallet did not sign: ${detail}`));
  }
}
