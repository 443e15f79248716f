// Addresses and instructions are those of the Rust client, account for account and byte for byte.
import { readFileSync } from 'node:fs';
import {
  AccountRole,
  createNoopSigner,
  getAddressDecoder,
  type Address,
  type Instruction,
} from '@solana/kit';
import { beforeAll, describe, expect, test } from 'vitest';

import {
  accountHealth,
  accountRisk,
  associatedTokenAddress,
  cancelOrder,
  cancelOrders,
  closeMarginAccount,
  closeOutDebt,
  closeOutPosition,
  createMarginAccount,
  deposit,
  exchangeAddress,
  liquidate,
  marginAccountAddress,
  OrderType,
  pendingChangeAddress,
  placeOrder,
  pruneOrders,
  refresh,
  resolveBankruptcy,
  resolveExchange,
  restockBank,
  returnDeposit,
  SelfTradeBehavior,
  revokeDelegate,
  setDelegate,
  setMarginMode,
  settleFills,
  settlePnl,
  transfer,
  withdraw,
  type AssetRef,
  type ExchangeRef,
  type MarketRef,
} from '../../src';

interface Fixture {
  readonly program: Address;
  readonly addresses: Readonly<Record<string, Address>>;
  readonly instructions: Readonly<Record<string, { accounts: string[]; readonly data: string }>>;
}

const here = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const fixture = JSON.parse(here('../fixtures/instructions.json')) as Fixture;
const key = (byte: number): Address => getAddressDecoder().decode(new Uint8Array(32).fill(byte));
const owner = createNoopSigner(key(9));

let exchange: ExchangeRef;
let asset: AssetRef;
let market: MarketRef;
let account: Address;
let other: Address;

beforeAll(async () => {
  const { program } = fixture;
  const token = { name: 'Token', tokenProgram: key(2), decimals: 6 };
  exchange = await resolveExchange({
    version: 2,
    name: 'Test',
    program,
    exchange: await exchangeAddress(program, 7),
    assets: [
      { ...token, index: 0, symbol: 'USDC', mint: key(1) },
      { ...token, index: 1, symbol: 'SOL', mint: key(3) },
    ],
    feeds: [{ index: 0, name: 'USDC', account: key(30), fallback: null }],
    markets: [{ index: 1, name: 'SOL-PERP', base: 'SOL' }],
    endpoints: { rpc: 'http://localhost', ws: null, history: null, local: null },
  });
  asset = exchange.assets[1]!;
  market = exchange.markets[0]!;
  account = await marginAccountAddress(program, exchange.address, owner.address, 0);
  other = await marginAccountAddress(program, exchange.address, owner.address, 258);
});

const ROLES: Readonly<Record<AccountRole, string>> = {
  [AccountRole.READONLY]: 'r',
  [AccountRole.WRITABLE]: 'w',
  [AccountRole.READONLY_SIGNER]: 'rs',
  [AccountRole.WRITABLE_SIGNER]: 'ws',
};

const describeInstruction = (instruction: Instruction) => ({
  accounts: (instruction.accounts ?? []).map(({ address, role }) => `${address} ${ROLES[role]}`),
  data: Buffer.from(instruction.data ?? []).toString('hex'),
});

test('addresses are derived from the same seeds', async () => {
  const { program } = fixture;
  expect({
    exchange: exchange.address,
    riskState: exchange.riskState,
    insuranceVault: exchange.insuranceVault,
    bank: asset.bank,
    vault: asset.vault,
    market: market.address,
    book: market.book,
    fillQueue: market.fillQueue,
    marginAccount: account,
    otherMarginAccount: other,
    pendingChange: await pendingChangeAddress(program, exchange.address, 300n),
  }).toEqual(fixture.addresses);
});

describe('instructions', () => {
  const made: Record<string, () => Promise<Instruction> | Instruction> = {
    createMarginAccount: () => createMarginAccount(exchange, owner, 258),
    closeMarginAccount: () => closeMarginAccount(exchange, owner, account),
    setDelegate: () =>
      setDelegate(exchange, owner, account, key(11), {
        scope: ['cancel', 'trade'],
        markets: [0, 2, 63],
        expiresAt: 1_900_000_000n,
        lossPerDay: 250_000_000n,
        restSecs: 600,
        leastEquity: 5_000_000_000n,
      }),
    revokeDelegate: () => revokeDelegate(exchange, owner, account, key(11)),
    setMarginMode: () => setMarginMode(exchange, owner, account, 'portfolio'),
    deposit: async () => (await deposit(exchange, { depositor: owner, marginAccount: account, asset, amount: 5n })).at(-1)!,
    withdraw: async () =>
      (await withdraw(exchange, { owner, marginAccount: account, asset, amount: 6n, allowBorrow: true })).at(-1)!,
    transfer: () => transfer(exchange, { owner, from: account, to: other, asset, amount: 7n, allowBorrow: false }),
    placeOrder: () =>
      placeOrder(exchange, {
        trader: owner,
        marginAccount: account,
        market,
        makers: [key(12), key(13)],
        terms: {
          side: 'ask',
          price: 1234n,
          lots: 56n,
          kind: OrderType.PostOnlySlide,
          maxQuote: 789n,
          reduceOnly: true,
          expiry: 1_800_000_000,
          clientId: 42n,
          selfTrade: SelfTradeBehavior.AbortTransaction,
          maxFills: 9,
        },
      }),
    cancelOrder: () => cancelOrder(exchange, owner, account, market, { clientId: 42n }),
    cancelOrders: () => cancelOrders(exchange, { trader: owner, marginAccount: account, markets: [market], side: 'bid' }),
    pruneOrders: () => pruneOrders(exchange, market, [account], 3),
    settleFills: () => settleFills(exchange, market, [account]),
    refresh: () =>
      refresh(exchange, {
        feeds: [
          { index: 0, account: key(30), isFallback: false },
          { index: 3, account: key(31), isFallback: false },
          { index: 3, account: key(32), isFallback: true },
        ],
        assets: [1],
        markets: [1],
      }),
    settlePnl: () => settlePnl(exchange, account, market),
    accountHealth: () => accountHealth(exchange, account),
    accountRisk: () => accountRisk(exchange, account),
    liquidate: () =>
      liquidate(exchange, {
        liquidator: owner,
        liquidatorAccount: other,
        marginAccount: account,
        what: {
          cancelIn: [market],
          fillsIn: [market],
          position: { market, maxLots: 8n },
          swap: { collateral: asset, debt: market, maxDebt: 9n },
        },
      }),
    liquidateNothing: () =>
      liquidate(exchange, {
        liquidator: owner,
        liquidatorAccount: other,
        marginAccount: account,
        what: { cancelIn: [], position: null, swap: null },
      }),
    resolveDebt: () => resolveBankruptcy(exchange, owner, account, { asset, resolverAccount: other, maxRepay: 10n }),
    resolveLoss: () => resolveBankruptcy(exchange, owner, account, { market }),
    resolveWithDust: () => resolveBankruptcy(exchange, owner, account, { market }, [asset]),
    restockBank: () => restockBank(exchange, owner, account, asset, 11n),
    closeOutPosition: () => closeOutPosition(exchange, market, account, other),
    closeOutDebt: () => closeOutDebt(exchange, asset, account, other),
    closeOutDebtWithFees: () => closeOutDebt(exchange, asset, null, other),
    returnDeposit: () => returnDeposit(exchange, asset, account, owner.address),
  };

  test('are all compared', () => {
    expect(Object.keys(made).sort()).toEqual(Object.keys(fixture.instructions).sort());
  });

  test('of a signed message name its accounts first, and the feeds that take its prices', () => {
    const message = { instruction: 1, feeds: new Uint8Array([4, 255, 0x85]) };
    const plain = refresh(exchange, { feeds: [{ index: 0, account: key(30), isFallback: false }] });
    const signed = refresh(exchange, { feeds: [{ index: 0, account: key(30), isFallback: false }], message });
    expect(signed.accounts!.map(({ address }) => address)).toEqual([
      exchange.riskState,
      'Sysvar1nstructions1111111111111111111111111',
      '3rdJbqfnagQ4yx9HXJViD4zc4xpiSqmFsKpPuSCQVyQL',
      key(30),
    ]);
    expect(Buffer.from(plain.data!).toString('hex').slice(16)).toBe('010000000000');
    expect(Buffer.from(signed.data!).toString('hex').slice(16)).toBe('0100000000' + '01' + '01' + '03000000' + '04ff85');
  });

  test.each(Object.keys(made))('%s is the same', async (name) => {
    const ours = describeInstruction(await made[name]!());
    const theirs = structuredClone(fixture.instructions[name]!);
    if (name === 'deposit' || name === 'withdraw') {
      // Here the token account is the owner's ordinary one; the fixture names any.
      const tokens = await associatedTokenAddress(owner.address, asset.mint, asset.tokenProgram);
      theirs.accounts = theirs.accounts.map((meta) => meta.replace(key(20), tokens));
    }
    expect(ours).toEqual(theirs);
  });
});
