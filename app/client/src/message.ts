// Transaction messages: compute-unit limit, priority fee, and how many instructions fit.
import {
  type Address,
  appendTransactionMessageInstructions,
  type Blockhash,
  compileTransaction,
  createNoopSigner,
  createTransactionMessage,
  getTransactionEncoder,
  getU32Encoder,
  getU64Encoder,
  type Instruction,
  pipe,
  setTransactionMessageFeePayerSigner,
  setTransactionMessageLifetimeUsingBlockhash,
  type TransactionSigner,
} from '@solana/kit';

const COMPUTE_BUDGET = 'ComputeBudget111111111111111111111111111111' as Address;
/** Most bytes of a transaction. */
export const MAX_TRANSACTION_BYTES = 1232;
/** Most compute units of a transaction. */
export const MAX_UNITS = 1_400_000;

/** What a transaction may use and pays for it. */
export interface Budget {
  /** Compute units. */
  readonly units: number;
  /** Micro-lamports for each compute unit. */
  readonly unitPrice: bigint;
}

/** How long a transaction is valid. */
export interface Lifetime {
  readonly blockhash: Blockhash;
  readonly lastValidBlockHeight: bigint;
}

/** The message of a version-0 transaction. */
export function buildMessage(payer: TransactionSigner, instructions: readonly Instruction[], lifetime: Lifetime, budget: Budget) {
  return pipe(
    createTransactionMessage({ version: 0 }),
    (message) => setTransactionMessageFeePayerSigner(payer, message),
    (message) => setTransactionMessageLifetimeUsingBlockhash(lifetime, message),
    (message) => appendTransactionMessageInstructions([...budgetInstructions(budget), ...instructions], message),
  );
}

/** The instructions that state a budget; always two, so that positions do not depend on it. */
export const BUDGET_INSTRUCTIONS = 2;

function budgetInstructions({ units, unitPrice }: Budget): Instruction[] {
  const limit = new Uint8Array([2, ...getU32Encoder().encode(units)]);
  const price = new Uint8Array([3, ...getU64Encoder().encode(unitPrice)]);
  return [limit, price].map((data) => ({ programAddress: COMPUTE_BUDGET, data }));
}

/** A lifetime of the right size, for measuring. */
const ANY_LIFETIME: Lifetime = { blockhash: '11111111111111111111111111111111' as Blockhash, lastValidBlockHeight: 0n };

/** Bytes of a transaction of these instructions. */
export function transactionBytes(payer: Address, instructions: readonly Instruction[]): number {
  const message = buildMessage(createNoopSigner(payer), instructions, ANY_LIFETIME, { units: 0, unitPrice: 0n });
  return getTransactionEncoder().encode(compileTransaction(message)).length;
}

/** Whether these instructions fit one transaction. */
export function fits(payer: Address, instructions: readonly Instruction[]): boolean {
  return transactionBytes(payer, instructions) <= MAX_TRANSACTION_BYTES;
}

/** The instructions in order, as many in each transaction as fit. */
export function pack(payer: Address, instructions: readonly Instruction[]): Instruction[][] {
  const packed: Instruction[][] = [];
  for (const instruction of instructions) {
    const last = packed.at(-1);
    if (last && fits(payer, [...last, instruction])) last.push(instruction);
    else packed.push([instruction]);
  }
  return packed;
}
