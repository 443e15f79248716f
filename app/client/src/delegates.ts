// The delegates of a margin account, as the chain has them.
import type { Address, Base58EncodedBytes } from '@solana/kit';

import { decodeDelegation, DELEGATION_OFFSETS, DELEGATION_SIZE } from './accounts';
import { deadline, fromBase64, type Connection } from './connection';
import type { Delegation } from './generated';

/** Reads all delegations of a margin account. */
export async function delegationsOf(connection: Pick<Connection, 'rpc'>, program: Address, marginAccount: Address): Promise<Delegation[]> {
  const ofAccount = { offset: BigInt(DELEGATION_OFFSETS.marginAccount), bytes: marginAccount as string as Base58EncodedBytes, encoding: 'base58' } as const;
  const filters = [{ dataSize: BigInt(DELEGATION_SIZE) }, { memcmp: ofAccount }];
  const request = connection.rpc.getProgramAccounts(program, { commitment: 'confirmed', encoding: 'base64', filters });
  const found = await request.send({ abortSignal: deadline() });
  return found.map(({ account }) => decodeDelegation(fromBase64(account.data[0])));
}

/** Seconds in which a loss budget comes back. */
const DAY = 86_400;

/** What a delegate may still lose at a time, Unix seconds: native quote. */
export function budgetLeft(delegation: Pick<Delegation, 'lossPerDay' | 'lost'>, now: number): bigint {
  const { level, updatedAt } = delegation.lost;
  const elapsed = BigInt(Math.floor(now)) * 1_000_000n - updatedAt;
  const back = elapsed > 0n ? (delegation.lossPerDay * elapsed) / BigInt(DAY * 1_000_000) : 0n;
  const lost = level > back ? level - back : 0n;
  return delegation.lossPerDay > lost ? delegation.lossPerDay - lost : 0n;
}
