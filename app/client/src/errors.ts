// From what a node answers to what a person can read: which instruction was refused, why, and what to do about it.
import type { Address, Instruction } from '@solana/kit';

import { PROGRAM_ERRORS, type ProgramErrorName } from './generated';
import { PLAIN_WORDS } from './plainWords';

/** Why an action was refused. */
export interface Refusal {
  /** The custom error code, where there is one. */
  readonly code: number | null;
  /** The refusal's name in the program, where it is the program's. */
  readonly name: ProgramErrorName | null;
  /** What happened, in plain words. */
  readonly text: string;
  /** What can be done about it. */
  readonly advice: string | null;
  /** Position of the refused instruction in the transaction. */
  readonly instruction: number | null;
}

const NAMES = new Map<number, ProgramErrorName>(
  (Object.keys(PROGRAM_ERRORS) as ProgramErrorName[]).map((name) => [PROGRAM_ERRORS[name].code, name]),
);

/** The name of a custom error code of the program. */
export const errorName = (code: number): ProgramErrorName | null => NAMES.get(code) ?? null;

/** A custom error code of the program, or of Anchor on its behalf, in plain words. */
export function describeCode(code: number): Refusal {
  const name = errorName(code);
  if (name !== null) return { code, name, ...PLAIN_WORDS[name], instruction: null };
  const anchor = ANCHOR_WORDS[code];
  const text = anchor ?? `The program refused with code ${code}.`;
  return { code, name: null, text, advice: anchor ? 'Reload the page and try again.' : null, instruction: null };
}

/** What Anchor itself refuses, where a client can run into it. */
const ANCHOR_WORDS: Readonly<Record<number, string>> = {
  101: 'The program does not know this instruction: it is of another version than this page.',
  2006: 'An account has another address than it should.',
  3002: 'An account is not of the expected kind.',
  3007: 'An account belongs to another program.',
  3012: 'An account that this needs does not exist yet.',
};

/** The codes of the token program that a deposit or a withdrawal can meet. */
const TOKEN_WORDS: Readonly<Record<number, [string, string]>> = {
  1: ['The wallet holds too few tokens.', 'Lower the amount, or get more of the token.'],
  4: ['The token account belongs to another wallet.', 'Use a token account of your own.'],
  17: ['The token account is frozen.', "Only the token's issuer can unfreeze it."],
};

const TOKEN_PROGRAMS: readonly string[] = [
  'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA',
  'TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb',
];
const SYSTEM_PROGRAM = '11111111111111111111111111111111';

/**
 * What a transaction's error means.
 *
 * @param error as a simulation or a signature's status reports it
 * @param instructions those of the transaction, to tell whose code it is
 * @param program address of the program, whose own codes are told from others'
 */
export function explain(error: unknown, instructions: readonly Instruction[], program: Address, logs: readonly string[] = []): Refusal {
  const failed = instructionError(error);
  if (failed === null) return transactionRefusal(error);
  const { index, reason } = failed;
  const code = customCode(reason);
  if (code === null) return { ...plain(`The transaction was refused: ${words(reason)}.`), instruction: index };
  const source = failingProgram(logs) ?? instructions[index]?.programAddress;
  return { ...describeFrom(code, source, program), instruction: index };
}

function describeFrom(code: number, source: string | undefined, program: Address): Refusal {
  if (source === undefined || source === program) return describeCode(code);
  if (TOKEN_PROGRAMS.includes(source)) {
    const [text, advice] = TOKEN_WORDS[code] ?? [`The token program refused with code ${code}.`, null];
    return { ...plain(text, advice), code };
  }
  if (source === SYSTEM_PROGRAM && code === 1) {
    return { ...plain('The wallet holds too little SOL.', 'Get some SOL for fees, rent or the deposit.'), code };
  }
  return { ...plain(`Another program refused with code ${code}.`), code };
}

const plain = (text: string, advice: string | null = null): Refusal => ({ code: null, name: null, text, advice, instruction: null });

/** Refusals of a whole transaction, before any instruction ran. */
const TRANSACTION_WORDS: Readonly<Record<string, [string, string]>> = {
  AccountNotFound: ['The wallet has no SOL to pay the fee with.', 'Get some SOL first.'],
  InsufficientFundsForFee: ['The wallet has too little SOL for the fee.', 'Get some SOL first.'],
  InsufficientFundsForRent: ['The wallet has too little SOL for the rent of a new account.', 'Get some SOL first.'],
  BlockhashNotFound: ['The transaction took too long.', 'Try again.'],
  AlreadyProcessed: ['The transaction has been processed already.', 'Reload to see its effect.'],
};

function transactionRefusal(error: unknown): Refusal {
  const name = words(error);
  const known = TRANSACTION_WORDS[name];
  return known ? plain(...known) : plain(`The transaction was refused: ${name}.`, 'Try again.');
}

/** The instruction that failed and its reason, out of `{ InstructionError: [index, reason] }`. */
function instructionError(error: unknown): { index: number; reason: unknown } | null {
  if (typeof error !== 'object' || error === null || !('InstructionError' in error)) return null;
  const pair = error.InstructionError;
  return Array.isArray(pair) ? { index: Number(pair[0]), reason: pair[1] } : null;
}

function customCode(reason: unknown): number | null {
  return typeof reason === 'object' && reason !== null && 'Custom' in reason ? Number(reason.Custom) : null;
}

/** The program that failed first, which is the one that raised the code: those that called it fail after it. */
function failingProgram(logs: readonly string[]): string | undefined {
  return logs.map((line) => /^Program (\w+) failed/.exec(line)?.[1]).find((program) => program !== undefined);
}

function words(value: unknown): string {
  if (typeof value === 'string') return value;
  const bigints = (_: string, item: unknown) => (typeof item === 'bigint' ? item.toString() : item);
  return JSON.stringify(value, bigints);
}
