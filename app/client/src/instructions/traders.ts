// Instructions of traders on their accounts and funds.
import type { Address, Instruction, TransactionSigner } from '@solana/kit';

import { ALL_MARKETS, MARGIN_MODES, scopeByte, type DelegateScope, type MarginMode } from '../accounts';
import { associatedTokenAddress, delegationAddress, marginAccountAddress, type AssetRef, type ExchangeRef } from '../addresses';
import {
  getCloseMarginAccountInstruction,
  getCreateMarginAccountInstruction,
  getDepositInstruction,
  getRevokeDelegateInstruction,
  getSetDelegateInstruction,
  getSetMarginModeInstruction,
  getTransferInstruction,
  getWithdrawInstruction,
  type MarginAccount,
} from '../generated';
import { withRemaining, writable } from './remaining';
import { closeTokenAccount, createTokenAccount, NATIVE_MINT, syncNative, transferSol } from './tokens';

/** An amount that stands for the whole deposit. */
export const EVERYTHING = (1n << 64n) - 1n;

/** Opens the owner's margin account number `subAccount`; the owner signs and pays the rent. */
export async function createMarginAccount(exchange: ExchangeRef, owner: TransactionSigner, subAccount: number): Promise<Instruction> {
  const marginAccount = await marginAccountAddress(exchange.program, exchange.address, owner.address, subAccount);
  return getCreateMarginAccountInstruction(
    { payer: owner, owner, riskState: exchange.riskState, marginAccount, subAccount },
    { programAddress: exchange.program },
  );
}

/** The lowest number that none of an owner's accounts has. */
export function nextSubAccount(accounts: readonly Pick<MarginAccount, 'subAccount'>[]): number {
  const taken = new Set(accounts.map((account) => account.subAccount));
  let number = 0;
  while (taken.has(number)) number += 1;
  return number;
}

/** Closes an empty margin account; its rent returns to the owner. */
export function closeMarginAccount(exchange: ExchangeRef, owner: TransactionSigner, marginAccount: Address): Instruction {
  return getCloseMarginAccountInstruction(
    { owner, riskState: exchange.riskState, marginAccount, rentReceiver: owner.address },
    { programAddress: exchange.program },
  );
}

/** What an owner allows a delegate. */
export interface DelegateTerms {
  readonly scope: readonly DelegateScope[];
  /** Markets in which it may act, by index; every one, those listed later too, unless told. */
  readonly markets?: readonly number[];
  /** Unix second from which it may do nothing any more. */
  readonly expiresAt: bigint;
  /** Most that it may lose against the oracle, fees included: native quote at once, and as much again in each day. */
  readonly lossPerDay: bigint;
  /** Most seconds for which an order of it may rest; any time unless told. */
  readonly restSecs?: number;
  /** While the account is worth less, native quote, the delegate adds no risk; no such line unless told. */
  readonly leastEquity?: bigint;
}

/** Lets `delegate` act for an account on these terms, or changes them; the owner signs and pays the rent. */
export async function setDelegate(
  exchange: ExchangeRef,
  owner: TransactionSigner,
  marginAccount: Address,
  delegate: Address,
  terms: DelegateTerms,
): Promise<Instruction> {
  return getSetDelegateInstruction(
    {
      payer: owner,
      owner,
      marginAccount,
      delegation: await delegationAddress(exchange.program, marginAccount, delegate),
      delegate,
      scope: scopeByte(terms.scope),
      markets: terms.markets?.reduce((mask, market) => mask | (1n << BigInt(market)), 0n) ?? ALL_MARKETS,
      expiresAt: terms.expiresAt,
      lossPerDay: terms.lossPerDay,
      restSecs: terms.restSecs ?? 0,
      leastEquity: terms.leastEquity ?? 0n,
    },
    { programAddress: exchange.program },
  );
}

/** Stops `delegate` from acting for an account; its rent returns to the owner. */
export async function revokeDelegate(
  exchange: ExchangeRef,
  owner: TransactionSigner,
  marginAccount: Address,
  delegate: Address,
): Promise<Instruction> {
  const delegation = await delegationAddress(exchange.program, marginAccount, delegate);
  return getRevokeDelegateInstruction(
    { owner, marginAccount, delegation, rentReceiver: owner.address },
    { programAddress: exchange.program },
  );
}

/** An order, a cancel or a liquidation that `delegate` signs for an account: names its delegation, as the last account. */
export async function byDelegate(exchange: ExchangeRef, instruction: Instruction, marginAccount: Address, delegate: Address): Promise<Instruction> {
  return withRemaining(instruction, [writable(await delegationAddress(exchange.program, marginAccount, delegate))]);
}

/** Chooses how an account is margined; its owner signs. It needs the margin of the new mode, by fresh entries. */
export function setMarginMode(exchange: ExchangeRef, owner: TransactionSigner, marginAccount: Address, mode: MarginMode): Instruction {
  return getSetMarginModeInstruction(
    { owner, riskState: exchange.riskState, marginAccount, mode: MARGIN_MODES.indexOf(mode) },
    { programAddress: exchange.program },
  );
}

/** A deposit from the depositor's ordinary token account. */
export interface DepositInput {
  readonly depositor: TransactionSigner;
  readonly marginAccount: Address;
  readonly asset: AssetRef;
  /** Native units. */
  readonly amount: bigint;
  /** What the depositor's token account holds, native; wrapped SOL is topped up from SOL by what it lacks. */
  readonly tokenBalance?: bigint;
}

/** Moves tokens into a margin account; of SOL, first wraps as much as is needed. */
export async function deposit(exchange: ExchangeRef, input: DepositInput): Promise<Instruction[]> {
  const { depositor, asset, amount } = input;
  const from = await associatedTokenAddress(depositor.address, asset.mint, asset.tokenProgram);
  const move = getDepositInstruction(
    {
      depositor,
      marginAccount: input.marginAccount,
      riskState: exchange.riskState,
      bank: asset.bank,
      vault: asset.vault,
      from,
      mint: asset.mint,
      tokenProgram: asset.tokenProgram,
      amount,
    },
    { programAddress: exchange.program },
  );
  const missing = amount - (input.tokenBalance ?? 0n);
  if (asset.mint !== NATIVE_MINT || missing <= 0n) return [move];
  return [
    await createTokenAccount(depositor, depositor.address, asset),
    transferSol(depositor, from, missing),
    syncNative(from, asset.tokenProgram),
    move,
  ];
}

/** A withdrawal to the owner's ordinary token account. */
export interface WithdrawInput {
  readonly owner: TransactionSigner;
  readonly marginAccount: Address;
  readonly asset: AssetRef;
  /** Native units, or {@link EVERYTHING}. */
  readonly amount: bigint;
  /** Whether to borrow what the deposit lacks. */
  readonly allowBorrow: boolean;
  /** Whether wrapped SOL is paid out as SOL, with all else that the token account holds; it is unless told otherwise. */
  readonly unwrap?: boolean;
}

/** Pays tokens out, into an account that is created if need be. */
export async function withdraw(exchange: ExchangeRef, input: WithdrawInput): Promise<Instruction[]> {
  const { owner, asset } = input;
  const to = await associatedTokenAddress(owner.address, asset.mint, asset.tokenProgram);
  const move = getWithdrawInstruction(
    {
      owner,
      exchange: exchange.address,
      riskState: exchange.riskState,
      marginAccount: input.marginAccount,
      bank: asset.bank,
      vault: asset.vault,
      to,
      mint: asset.mint,
      tokenProgram: asset.tokenProgram,
      amount: input.amount,
      allowBorrow: input.allowBorrow,
    },
    { programAddress: exchange.program },
  );
  const instructions = [await createTokenAccount(owner, owner.address, asset), move];
  const unwraps = asset.mint === NATIVE_MINT && (input.unwrap ?? true);
  return unwraps ? [...instructions, closeTokenAccount(to, owner, asset.tokenProgram)] : instructions;
}

/** A transfer between two margin accounts of one owner. */
export interface TransferInput {
  readonly owner: TransactionSigner;
  readonly from: Address;
  readonly to: Address;
  readonly asset: AssetRef;
  /** Native units, or {@link EVERYTHING}. */
  readonly amount: bigint;
  readonly allowBorrow: boolean;
}

/** Moves a balance between two margin accounts of one owner. */
export function transfer(exchange: ExchangeRef, input: TransferInput): Instruction {
  const { asset, ...rest } = input;
  return getTransferInstruction({ ...rest, riskState: exchange.riskState, bank: asset.bank }, { programAddress: exchange.program });
}
