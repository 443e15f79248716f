// On a running chain: a trader flags and liquidates whom a crash has put below the line, beside the chain's own liquidator.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  createMarginAccount,
  deposit,
  flagging,
  flagOf,
  liquidation,
  planLiquidation,
  refreshFor,
  SendError,
  type MarginAccountEntry,
  type ProgramErrorName,
} from '../../src';
import { DIRECTORY, live, pricesAt, seen, type Live } from './chain';

/** How long to look for somebody, in milliseconds. */
const PATIENCE = 60_000;
/** Why another liquidator, or the next price, may have been faster. */
const TOO_LATE: readonly (ProgramErrorName | null)[] = ['NotLiquidatable', 'NothingToLiquidate', 'FillsPending', 'NothingToSettle', 'CannotPayLoss', 'SliceTooSmall', 'SameObservation', 'StaleEntry'];

describe.skipIf(!DIRECTORY)('a liquidator on a running chain', () => {
  let chain: Live;

  beforeAll(async () => {
    chain = await live();
    chain.store.watchAll();
    const { exchange, trader, account, sender, local } = chain;
    await local.faucet(trader.address, 'USDC', '100000');
    const open = await createMarginAccount(exchange, trader, 0);
    await seen(chain.store, ({ riskState, clock }) => riskState !== null && clock !== null);
    const due = refreshFor(exchange, pricesAt(chain.store), 'trade', [], { assets: [0] });
    await sender.send([open, ...due, ...(await deposit(exchange, { depositor: trader, marginAccount: account, asset: exchange.quote, amount: 90_000_000_000n }))]);
    await seen(chain.store, ({ own, all }) => own.length > 0 && all.length > 1);
  }, 60_000);

  afterAll(() => chain.store.stop());

  /** Accounts below their maintenance line by the module's health, other than our own. */
  function below(): MarginAccountEntry[] {
    const { riskState, clock, all } = chain.store.getSnapshot();
    if (!riskState || !clock) return [];
    return all.filter(({ address, raw }) => {
      const lines = chain.risk.health({ riskState: riskState.raw.data, marginAccount: raw.data, clock });
      return address !== chain.account && lines.maintenance < 0n;
    });
  }

  /** One slice; null when it landed, otherwise why it was refused. */
  async function slice(target: MarginAccountEntry): Promise<SendError | null> {
    // docs: slice
    const { exchange, trader, store, sender } = chain;
    const { riskState, queues, own } = store.getSnapshot();
    const [mine] = own;
    if (!riskState || !mine) throw new Error('our own account is missing');
    const plan = planLiquidation(exchange, target.account, riskState.state);
    // Whoever is not flagged yet is flagged now, and liquidated at later prices.
    const what = flagOf(target.account) === 'none' ? flagging(plan) : plan;
    const instructions = liquidation(exchange, { at: pricesAt(store), liquidator: trader, own: mine, target, queues, what });
    // docs: end
    return sender.sendAll(instructions).then(
      () => null,
      (error: unknown) => {
        if (error instanceof SendError) return error;
        throw error;
      },
    );
  }

  test('takes over slices, or is told that it is too late', async () => {
    await chain.local.shock(['SOL', 'lstSOL', 'BTC', 'ETH'], -25, 5);
    const until = Date.now() + PATIENCE;
    let [flagged, landed, late] = [0, 0, 0];
    while (Date.now() < until && landed < 2) {
      for (const target of below()) {
        const flags = flagOf(target.account) === 'none';
        const refused = await slice(target);
        if (refused) expect(TOO_LATE, refused.message).toContain(refused.refusal.name);
        if (refused) late += 1;
        else if (flags) flagged += 1;
        else landed += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    console.info(`${flagged} accounts flagged, ${landed} slices landed, ${late} came too late`);
    expect(landed + late).toBeGreaterThan(0);
  }, PATIENCE + 30_000);
});
