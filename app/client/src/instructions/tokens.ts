// Instructions of other programs that a deposit or a withdrawal needs: token accounts and wrapped SOL.
import { AccountRole, type Address, getU64Encoder, type Instruction, type TransactionSigner } from '@solana/kit';

import { associatedTokenAddress } from '../addresses';

const SYSTEM_PROGRAM = '11111111111111111111111111111111' as Address;
const ASSOCIATED_TOKEN_PROGRAM = 'ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL' as Address;

/** The mint of wrapped SOL. */
export const NATIVE_MINT = 'So11111111111111111111111111111111111111112' as Address;

/** A mint and the program that owns it. */
export interface TokenRef {
  readonly mint: Address;
  readonly tokenProgram: Address;
}

/** Creates `owner`'s ordinary token account unless it is there; `payer` pays the rent. */
export async function createTokenAccount(payer: TransactionSigner, owner: Address, token: TokenRef): Promise<Instruction> {
  const account = await associatedTokenAddress(owner, token.mint, token.tokenProgram);
  return {
    programAddress: ASSOCIATED_TOKEN_PROGRAM,
    accounts: [
      signs(payer),
      { address: account, role: AccountRole.WRITABLE },
      { address: owner, role: AccountRole.READONLY },
      { address: token.mint, role: AccountRole.READONLY },
      { address: SYSTEM_PROGRAM, role: AccountRole.READONLY },
      { address: token.tokenProgram, role: AccountRole.READONLY },
    ],
    data: new Uint8Array([1]),
  };
}

/** Moves lamports from a signer. */
export function transferSol(from: TransactionSigner, to: Address, lamports: bigint): Instruction {
  return {
    programAddress: SYSTEM_PROGRAM,
    accounts: [signs(from), { address: to, role: AccountRole.WRITABLE }],
    data: new Uint8Array([2, 0, 0, 0, ...getU64Encoder().encode(lamports)]),
  };
}

/** Makes a wrapped-SOL account count the lamports it was sent. */
export function syncNative(account: Address, tokenProgram: Address): Instruction {
  return {
    programAddress: tokenProgram,
    accounts: [{ address: account, role: AccountRole.WRITABLE }],
    data: new Uint8Array([17]),
  };
}

/** Closes a token account of `owner`: of wrapped SOL, this pays out all it holds as SOL. */
export function closeTokenAccount(account: Address, owner: TransactionSigner, tokenProgram: Address): Instruction {
  const accounts = [
    { address: account, role: AccountRole.WRITABLE },
    { address: owner.address, role: AccountRole.WRITABLE },
    { address: owner.address, role: AccountRole.READONLY_SIGNER, signer: owner },
  ];
  return { programAddress: tokenProgram, accounts, data: new Uint8Array([9]) };
}

const signs = (signer: TransactionSigner) =>
  ({ address: signer.address, role: AccountRole.WRITABLE_SIGNER, signer }) as const;
