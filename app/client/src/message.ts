// Transaction messages: in which versions they are written, what fits into one, and where it states its compute budget.
//
// Version 1 holds more than three times the bytes of the others and states unit limit and priority fee in its message; the
// others state them in two instructions ahead of their own.
import {
  type AccountMeta,
  type Address,
  appendTransactionMessageInstructions,
  type Blockhash,
  createTransactionMessage,
  getU32Encoder,
  getU64Encoder,
  type Instruction,
  isSignerRole,
  pipe,
  setTransactionMessageConfig,
  setTransactionMessageFeePayerSigner,
  setTransactionMessageLifetimeUsingBlockhash,
  type TransactionSigner,
} from '@solana/kit';

/** How a transaction is written. Here always without lookup tables. */
export type Version = 'legacy' | 0 | 1;

/** What a transaction takes, or may take at most. */
export interface Size {
  /** Signatures included. */
  readonly bytes: number;
  /** Accounts and programs, each once. */
  readonly addresses: number;
  /** Those that state the compute budget included. */
  readonly instructions: number;
}

const COMPUTE_BUDGET = 'ComputeBudget111111111111111111111111111111' as Address;
/** The most that a transaction may take: whatever follows from its size follows from this. */
export const LIMITS: Readonly<Record<Version, Size>> = {
  legacy: { bytes: 1_232, addresses: 64, instructions: 64 },
  0: { bytes: 1_232, addresses: 64, instructions: 64 },
  1: { bytes: 4_096, addresses: 64, instructions: 64 },
};
/** Most compute units of a transaction. */
export const MAX_UNITS = 1_400_000;
/** Bytes of accounts that a transaction may load: what others allow where nothing is said. Version 1 allows none. */
const LOADED_BYTES = 64 * 1024 * 1024;
/** What one more account takes: its address, and the index by which an instruction names it. */
const ACCOUNT_BYTES = 33;

/** What a transaction may use and pays for it. */
export interface Budget {
  /** Compute units. */
  readonly units: number;
  /** Micro-lamports for each compute unit. */
  readonly unitPrice: bigint;
}

/** All that a transaction may use, for nothing on top. */
export const UNLIMITED: Budget = { units: MAX_UNITS, unitPrice: 0n };

/** How long a transaction is valid. */
export interface Lifetime {
  readonly blockhash: Blockhash;
  readonly lastValidBlockHeight: bigint;
}

/** The message of a transaction: the one place where a budget is written down. */
export function buildMessage(version: Version, payer: TransactionSigner, instructions: readonly Instruction[], lifetime: Lifetime, budget: Budget) {
  const empty = version === 1 ? setTransactionMessageConfig(configOf(budget), createTransactionMessage({ version })) : createTransactionMessage({ version });
  const ahead = version === 1 ? [] : budgetInstructions(budget);
  return pipe(
    empty,
    (message) => setTransactionMessageFeePayerSigner(payer, message),
    (message) => setTransactionMessageLifetimeUsingBlockhash(lifetime, message),
    (message) => appendTransactionMessageInstructions([...ahead, ...instructions], message),
  );
}

/** Instructions of a message that precede those it was made of. */
export const precedingInstructions = (version: Version): number => (version === 1 ? 0 : 2);

/** What version 1 says of a budget. The fee is the whole transaction's, rounded up as it is where the price is stated. */
function configOf({ units, unitPrice }: Budget) {
  const fee = (BigInt(units) * unitPrice + 999_999n) / 1_000_000n;
  return {
    computeUnitLimit: units,
    loadedAccountsDataSizeLimit: LOADED_BYTES,
    // A zero would take eight bytes to say nothing.
    ...(fee > 0n ? { priorityFeeLamports: fee } : {}),
  };
}

/** What the other versions say of a budget; always both, so that positions do not depend on it. */
function budgetInstructions({ units, unitPrice }: Budget): Instruction[] {
  const limit = new Uint8Array([2, ...getU32Encoder().encode(units)]);
  const price = new Uint8Array([3, ...getU64Encoder().encode(unitPrice)]);
  return [limit, price].map((data) => ({ programAddress: COMPUTE_BUDGET, data }));
}

/** What a transaction of these instructions takes, whatever its budget. */
export function transactionSize(version: Version, payer: Address, instructions: readonly Instruction[]): Size {
  const all = version === 1 ? instructions : [...budgetInstructions(UNLIMITED), ...instructions];
  const metas = all.flatMap(({ accounts = [] }) => accounts as readonly AccountMeta[]);
  const addresses = new Set([payer, ...all.map(({ programAddress }) => programAddress), ...metas.map(({ address }) => address)]);
  const signers = new Set([payer, ...metas.filter(({ role }) => isSignerRole(role)).map(({ address }) => address)]);
  const own = all.map(({ accounts = [], data = [] }) => {
    const lengths = version === 1 ? 4 : 1 + lengthBytes(accounts.length) + lengthBytes(data.length);
    return lengths + accounts.length + data.length;
  });
  const counts = lengthBytes(signers.size) + lengthBytes(addresses.size) + lengthBytes(all.length);
  const header = 3 + 32 + { legacy: counts, 0: 1 + counts + 1, 1: 1 + 2 + 4 + 8 + 4 + 4 }[version];
  return {
    bytes: header + 64 * signers.size + 32 * addresses.size + own.reduce((sum, bytes) => sum + bytes, 0),
    addresses: addresses.size,
    instructions: all.length,
  };
}

/** Bytes in which versions before 1 write a length. */
const lengthBytes = (length: number): number => (length < 0x80 ? 1 : length < 0x4000 ? 2 : 3);

const isWithin = (size: Size, limits: Size): boolean =>
  size.bytes <= limits.bytes && size.addresses <= limits.addresses && size.instructions <= limits.instructions;

/** Whether these instructions fit one transaction. */
export function fits(version: Version, payer: Address, instructions: readonly Instruction[]): boolean {
  return isWithin(transactionSize(version, payer, instructions), LIMITS[version]);
}

/** Whether an instruction takes at most half of a transaction that a key which it does not name pays for. */
export function fitsHalf(version: Version, instruction: Instruction): boolean {
  const { bytes, addresses, instructions } = LIMITS[version];
  const nobody = '' as Address;
  return isWithin(transactionSize(version, nobody, [instruction]), { bytes: bytes / 2, addresses: addresses / 2, instructions });
}

/** The instructions in order, as many in each transaction as fit. */
export function pack(version: Version, payer: Address, instructions: readonly Instruction[]): Instruction[][] {
  const packed: Instruction[][] = [];
  for (const instruction of instructions) {
    const last = packed.at(-1);
    if (last && fits(version, payer, [...last, instruction])) last.push(instruction);
    else packed.push([instruction]);
  }
  return packed;
}

/** How many more accounts the last of these instructions can name without needing another transaction than it does. */
export function room(version: Version, payer: Address, instructions: readonly Instruction[]): number {
  const size = transactionSize(version, payer, pack(version, payer, instructions).at(-1) ?? []);
  const bytes = Math.floor((LIMITS[version].bytes - size.bytes) / ACCOUNT_BYTES);
  return Math.max(0, Math.min(bytes, LIMITS[version].addresses - size.addresses));
}
