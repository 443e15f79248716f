// Remaining accounts: appended to an instruction after the accounts that its definition names.
import { AccountRole, type AccountMeta, type Address, type Instruction } from '@solana/kit';

/** An instruction with further accounts at its end. */
export function withRemaining(instruction: Instruction, remaining: readonly AccountMeta[]): Instruction {
  return { ...instruction, accounts: [...(instruction.accounts ?? []), ...remaining] };
}

/** An account that the program may write. */
export const writable = (address: Address): AccountMeta => ({ address, role: AccountRole.WRITABLE });

/** An account that the program only reads. */
export const readonly = (address: Address): AccountMeta => ({ address, role: AccountRole.READONLY });
