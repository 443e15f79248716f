// On a running chain: what the risk module says of every margin account is what the program returns, byte for byte.
import { getStructDecoder, getU64Decoder, type Address, type Instruction } from '@solana/kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { accountHealth, accountRisk, decodeAccountRisk, holdingsOf, type ChainClock, type HealthLines, type MarginAccountEntry } from '../../src';
import { fromBase64 } from '../../src/connection';
import { getHealthReportEncoder, type HealthReportArgs } from '../../src/generated';
import { DIRECTORY, live, seen, type Live } from './chain';

const CLOCK = 'SysvarC1ock11111111111111111111111111111111' as Address;
const ATTEMPTS = 40;

/** An account as the chain has it at one slot. */
interface Seen {
  readonly riskState: Uint8Array;
  readonly marginAccount: Uint8Array;
  readonly clock: ChainClock;
}

describe.skipIf(!DIRECTORY)('health on a running chain', () => {
  let chain: Live;
  let accounts: readonly MarginAccountEntry[];

  beforeAll(async () => {
    chain = await live();
    // A simulation is refused to a payer without SOL.
    await chain.local.faucet(chain.trader.address, 'USDC', '1');
    chain.store.watchAll();
    accounts = await seen(chain.store, ({ all }) => all.length > 0 && all);
  }, 30_000);

  afterAll(() => chain.store.stop());

  test('is the same by the module and by the program, for every account', async () => {
    let held = 0;
    for (const { address, account } of accounts) {
      const { seen, returned } = await atOneSlot(chain, address, accountHealth(chain.exchange, address));
      const lines = chain.risk.health(seen);
      expect(Buffer.from(bytesOf(lines)).toString('hex'), address).toBe(Buffer.from(returned).toString('hex'));
      held += holdingsOf(account).perps.length;
    }
    console.info(`${accounts.length} margin accounts with ${held} positions compared`);
    expect(accounts.length).toBeGreaterThan(5);
    expect(held).toBeGreaterThan(0);
  }, 180_000);

  test('and so is what portfolio margin says of it', async () => {
    let told = 0;
    for (const { address } of accounts) {
      const { seen, returned } = await atOneSlot(chain, address, accountRisk(chain.exchange, address));
      const { model, health } = chain.risk.riskReport({ ...seen, address });
      if (model === null) continue;
      const report = decodeAccountRisk(returned);
      const lines = [model.lines.init, model.lines.liquidationEnd, model.lines.maintenance];
      expect(lines.map((line) => line.health), address).toEqual(report.health);
      expect(lines.map((line) => line.requirement)).toEqual(report.requirement);
      expect(model.scenarios.map((scenario) => scenario.loss)).toEqual(report.scenarioLosses);
      expect(model.requirement.init.total).toBe(report.requirement[0]);
      expect(model.requirement.liquidationEnd.basis).toBe(report.liquidationEnd.basis);
      if (model.applies) expect(health.init).toBe(report.health[0]);
      told += 1;
    }
    console.info(`what portfolio margin says of ${told} margin accounts compared`);
  }, 180_000);
});

/** What the program returns, and the accounts that it saw: the chain must be the same before and after asking. */
async function atOneSlot(chain: Live, address: Address, ask: Instruction): Promise<{ seen: Seen; returned: Uint8Array }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = await read(chain, address);
    const { returnData, refusal } = await chain.sender.simulate([ask]);
    expect(refusal).toBeNull();
    const after = await read(chain, address);
    if (isSame(before, after) && returnData) return { seen: before, returned: returnData };
  }
  throw new Error(`the chain changed ${ATTEMPTS} times while ${address} was looked at`);
}

async function read(chain: Live, address: Address): Promise<Seen> {
  const asked = [chain.exchange.riskState, address, CLOCK];
  const request = chain.connection.rpc.getMultipleAccounts(asked, { encoding: 'base64', commitment: 'confirmed' });
  const { value } = await request.send();
  const [riskState, marginAccount, clock] = value.map((account) => fromBase64(account?.data[0] ?? ''));
  if (!riskState || !marginAccount || !clock) throw new Error('an account is missing');
  return { riskState, marginAccount, clock: clockOf(clock) };
}

function clockOf(data: Uint8Array): ChainClock {
  const [slot] = [getStructDecoder([['slot', getU64Decoder()]]).decode(data).slot];
  return { slot, unixTime: new DataView(data.buffer, data.byteOffset).getBigInt64(32, true) };
}

function isSame(left: Seen, right: Seen): boolean {
  return (
    left.clock.slot === right.clock.slot &&
    left.clock.unixTime === right.clock.unixTime &&
    Buffer.from(left.riskState).equals(right.riskState) &&
    Buffer.from(left.marginAccount).equals(right.marginAccount)
  );
}

/** The module's answer in the form in which the program returns it. */
function bytesOf(lines: HealthLines): Uint8Array {
  const mask = (kind: string) =>
    lines.stale.filter((entry) => entry.kind === kind).reduce((bits, { index }) => bits | (1n << BigInt(index)), 0n);
  const report: HealthReportArgs = {
    init: lines.init,
    liquidationEnd: lines.liquidationEnd,
    maintenance: lines.maintenance,
    equity: lines.equity,
    staleDeposits: mask('deposit'),
    staleDebts: mask('debt'),
    staleMarkets: mask('market'),
    state: lines.liquidating ? 1 : 0,
    marginMode: lines.mode === 'portfolio' ? 1 : 0,
    initRequirement: lines.initRequirement,
    maintenanceRequirement: lines.maintenanceRequirement,
    balances: lines.balances,
    perps: lines.perps,
  };
  return new Uint8Array(getHealthReportEncoder().encode(report));
}
