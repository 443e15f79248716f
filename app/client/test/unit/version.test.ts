// @vitest-environment node
// Versions of transactions: what fits into each, where its budget stands, and which one a sender chooses on which cluster.
import {
  AccountRole,
  type Address,
  type Base64EncodedWireTransaction,
  compileTransaction,
  createNoopSigner,
  createSolanaRpcFromTransport,
  decompileTransactionMessage,
  generateKeyPairSigner,
  getAddressDecoder,
  getBase64Encoder,
  getCompiledTransactionMessageDecoder,
  getTransactionDecoder,
  getTransactionEncoder,
  type Instruction,
  type RpcTransport,
  type TransactionSigner,
} from '@solana/kit';
import { describe, expect, test } from 'vitest';

import { LIMITS, newestVersion, pack, room, SendError, Sender, VERSION_1_FEATURE, type Connection, type Version, type VersionedSigner } from '../../src';
import { buildMessage, fits, fitsHalf, precedingInstructions, transactionSize } from '../../src/message';

const PAYER = 'So11111111111111111111111111111111111111112' as Address;
const PROGRAM = '2ducq5nhMgwuZ8EaTgmrR8uwVEtZFzkvxhC1LJifVZsS' as Address;
const LIFETIME = { blockhash: '11111111111111111111111111111111' as never, lastValidBlockHeight: 100n };
const BUDGET = { units: 300_000, unitPrice: 7n };
const VERSIONS = ['legacy', 0, 1] as const;

const key = (number: number): Address => getAddressDecoder().decode(new Uint8Array(32).fill(1).fill(number, 1, 2));

/** `accounts` of its own from number `first` on, and `data` bytes. */
function instruction(first: number, accounts: number, data: number, role = AccountRole.WRITABLE): Instruction {
  const metas = Array.from({ length: accounts }, (_, i) => ({ address: key(first + i), role }));
  return { programAddress: PROGRAM, accounts: metas, data: new Uint8Array(data) };
}

describe('a transaction', () => {
  test.each(VERSIONS)('of version %s is measured as it is written', (version) => {
    const cases = [
      [],
      [instruction(1, 2, 10, AccountRole.READONLY_SIGNER)],
      [instruction(1, 5, 200), instruction(3, 7, 0), instruction(40, 1, 300)],
    ];
    for (const instructions of cases) {
      const message = buildMessage(version, createNoopSigner(PAYER), instructions, LIFETIME, BUDGET);
      const written = getTransactionEncoder().encode(compileTransaction(message));
      expect(transactionSize(version, PAYER, instructions).bytes).toBe(written.length);
    }
  });

  test('states its budget in two instructions before version 1, and in its message since', () => {
    const own = instruction(1, 2, 3);
    const [legacy, old, now] = VERSIONS.map((version) => {
      const message = buildMessage(version, createNoopSigner(PAYER), [own], LIFETIME, BUDGET);
      const compiled = getCompiledTransactionMessageDecoder().decode(compileTransaction(message).messageBytes);
      return decompileTransactionMessage(compiled);
    });
    for (const message of [legacy, old]) {
      const own = (message?.instructions ?? []) as readonly Instruction[];
      expect(own.map(({ data }) => [...(data ?? [])])).toEqual([[2, 0xe0, 0x93, 4, 0], [3, 7, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0]]);
    }
    expect(now?.instructions.length).toBe(1);
    // 300,000 units of 7 micro-lamports are 2.1 lamports.
    expect(now).toMatchObject({ config: { computeUnitLimit: 300_000, priorityFeeLamports: 3n, loadedAccountsDataSizeLimit: 67_108_864 } });
    expect(VERSIONS.map(precedingInstructions)).toEqual([2, 2, 0]);
  });

  test.each(VERSIONS)('of version %s has room for as many accounts as still fit', (version) => {
    const order = (makers: number) => [instruction(100, 12, 8), instruction(1, 6 + makers, 60)];
    const more = room(version, PAYER, order(0));
    expect(more).toBeGreaterThan(8);
    expect(fits(version, PAYER, order(more))).toBe(true);
    expect(fits(version, PAYER, order(more + 1))).toBe(false);
    const [many, one] = [instruction(1, 30, 900), instruction(100, 35, 900)];
    expect(room(version, PAYER, [many, one])).toBe(room(version, PAYER, [one]));
  });

  test('of version 1 takes what others need several for', () => {
    const instructions = Array.from({ length: 6 }, (_, i) => instruction(1 + 10 * i, 10, 16));
    expect(VERSIONS.map((version) => pack(version, PAYER, instructions).length)).toEqual([3, 3, 1]);
    const same = Array.from({ length: 65 }, () => instruction(1, 1, 1));
    expect(pack(1, PAYER, same).map(({ length }) => length)).toEqual([64, 1]);
    expect([11, 12].map((accounts) => fitsHalf(0, instruction(1, accounts, 8)))).toEqual([true, false]);
    expect([30, 31].map((accounts) => fitsHalf(1, instruction(1, accounts, 8)))).toEqual([true, false]);
  });
});

/** What a node says, and what it was sent. */
class Node {
  readonly tried: Version[] = [];
  readonly sent: Version[] = [];
  asked = 0;

  constructor(
    private readonly feature: Uint8Array | null,
    private readonly refusal: 'none' | 'unreadable' | 'unsupported' = 'none',
  ) {}

  readonly connection: Connection = {
    rpc: createSolanaRpcFromTransport(((config: { payload: unknown }) => Promise.resolve(this.answer(config.payload as never))) as unknown as RpcTransport) as Connection['rpc'],
    subscriptions: null,
  };

  private answer({ id, method, params }: { id: string; method: string; params: [string, ...unknown[]] }) {
    const reply = this.reply(method, params);
    return { jsonrpc: '2.0', id, ...reply };
  }

  private reply(method: string, params: [string, ...unknown[]]) {
    const context = { slot: 1n };
    switch (method) {
      case 'getAccountInfo': {
        expect(params[0]).toBe(VERSION_1_FEATURE);
        this.asked += 1;
        const data = this.feature && [Buffer.from(this.feature).toString('base64'), 'base64'];
        return { result: { context, value: data && { data, executable: false, lamports: 1n, owner: PROGRAM, rentEpoch: 0n, space: 9n } } };
      }
      case 'getLatestBlockhash':
        return { result: { context, value: LIFETIME } };
      case 'getRecentPrioritizationFees':
        return { result: [] };
      case 'simulateTransaction': {
        const version = versionOf(params[0]);
        if (version === 1 && this.refusal === 'unreadable') return { error: { code: -32602n, message: 'base64 encoded transaction too large' } };
        this.tried.push(version);
        const err = version === 1 && this.refusal === 'unsupported' ? 'UnsupportedVersion' : null;
        return { result: { context, value: { err, logs: [], unitsConsumed: 30_000n, returnData: null } } };
      }
      case 'sendTransaction':
        this.sent.push(versionOf(params[0]));
        return { result: 'signature' };
      case 'getSignatureStatuses':
        return { result: { context, value: [{ slot: 7n, confirmations: 1n, err: null, confirmationStatus: 'confirmed', status: { Ok: null } }] } };
      case 'getBlockHeight':
        return { result: 1n };
      default:
        throw new Error(`no ${method}`);
    }
  }
}

function versionOf(wire: string): Version {
  const transaction = getTransactionDecoder().decode(getBase64Encoder().encode(wire as Base64EncodedWireTransaction));
  return getCompiledTransactionMessageDecoder().decode(transaction.messageBytes).version as Version;
}

const ACTIVE = new Uint8Array([1, 7, 0, 0, 0, 0, 0, 0, 0]);
const PENDING = new Uint8Array(9);

/** A signer that signs what it says, which is all of them unless told. */
async function signer(supportedTransactionVersions?: readonly Version[]): Promise<TransactionSigner & VersionedSigner> {
  const pair = await generateKeyPairSigner();
  return supportedTransactionVersions ? { ...pair, supportedTransactionVersions } : pair;
}

describe('a sender', () => {
  test.each([
    ['an active cluster', ACTIVE, undefined, 1],
    ['an active cluster with a wallet that signs it', ACTIVE, ['legacy', 0, 1], 1],
    ['an active cluster with an older wallet', ACTIVE, ['legacy', 0], 0],
    ['an active cluster with an ancient wallet', ACTIVE, ['legacy'], 'legacy'],
    ['a cluster that activates it at the next epoch', PENDING, undefined, 0],
    ['a cluster that does not know it', null, undefined, 0],
  ] as const)('on %s', async (_, feature, supported, expected) => {
    const node = new Node(feature);
    const sender = new Sender(node.connection, PROGRAM, await signer(supported));
    for (let i = 0; i < 2; i++) await sender.send([instruction(1, 2, 3)]);
    expect(node.tried).toEqual([expected, expected]);
    expect(node.sent).toEqual([expected, expected]);
    // Only where the answer matters, and not at every turn.
    expect(node.asked).toBe(supported && !(supported as readonly Version[]).includes(1) ? 0 : 1);
  });

  test.each(['unreadable', 'unsupported'] as const)('falls back where version 1 turns out %s', async (refusal) => {
    const node = new Node(ACTIVE, refusal);
    const sender = new Sender(node.connection, PROGRAM, await signer());
    // One transaction of version 1, two of version 0.
    const instructions = [instruction(1, 2, 700), instruction(1, 2, 700)];
    expect((await sender.pack(instructions)).length).toBe(1);
    expect((await sender.sendAll(instructions)).length).toBe(2);
    expect(node.sent).toEqual([0, 0]);
    expect(await sender.version()).toBe(0);
  });

  test('says what is too large in any version', async () => {
    for (const [feature, version] of [[ACTIVE, 1], [null, 0]] as const) {
      const node = new Node(feature);
      const sender = new Sender(node.connection, PROGRAM, await signer());
      const error = await sender.send([instruction(1, 2, LIMITS[version].bytes)]).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(SendError);
      expect((error as SendError).kind).toBe('tooLarge');
      expect(String(error)).toContain(`at most ${LIMITS[version].bytes}`);
      expect(node.sent).toEqual([]);
    }
  });

  test('takes the older of what cluster and wallet know', () => {
    expect(newestVersion(true, {})).toBe(1);
    expect(newestVersion(false, {})).toBe(0);
    expect(newestVersion(true, { supportedTransactionVersions: [0] })).toBe(0);
  });
});
