// What goes wrong around a person, on a chain without a liquidator on which prices count for 20 seconds: a price that
// falls silent, a connection that breaks, a signature that is declined, and an account that nobody else liquidates.
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openBrowser, type Session } from './browser.ts';
import { connect, faucet, go, landed, moveAll, post, refused, snapshot, until, URL_BASE } from './pages.ts';
import { decline, installWallet, WALLET } from './wallet.ts';

let session: Session;

beforeAll(async () => {
  session = await openBrowser('dark');
  await installWallet(session.page);
});

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await snapshot(session.page, `failed-${task.name.replace(/\W+/g, '-')}`);
});

afterAll(async () => {
  await session.close();
});

it('connects a wallet from outside and signs a deposit with it', async () => {
  const { page } = session;
  await page.goto(`${URL_BASE}/trade/lstSOL-PERP`);
  await page.locator('[data-connection=live]').waitFor({ timeout: 60_000 });
  await connect(page, WALLET);
  await faucet(page, 'USDC', '100000');
  await page.getByTestId('first-deposit').click();
  await moveAll(page);
  await landed(page, /Deposit/);
  await page.getByTestId('load').waitFor({ timeout: 30_000 });
});

it('says in plain words that a signature was declined', async () => {
  const { page } = session;
  await decline(page, true);
  await rest(page, 'ETH-PERP');
  expect(await refused(page)).toMatch(/not sent[^]*did not sign: User rejected/i);
  await decline(page, false);
  await page.getByTestId('place-order').click();
  await landed(page, /Buy 1/);
});

it('says which price has fallen silent, and what still works', async () => {
  const { page } = session;
  await rest(page, 'ETH-PERP');
  await landed(page, /Buy 1/);
  await post('/local/feed', { asset: 'ETH', publishing: false });
  const notice = page.getByText(/oracle price of ETH is \d+[sm] old/);
  await notice.waitFor({ timeout: 60_000 });
  await page.getByText(/Prices in doubt: ETH \d+[sm] old, ETH-PERP \d+[sm] old/).waitFor();
  await page.getByTestId('order-size').fill('1');
  await page.getByTestId('preview').getByText(/price .*stale/).waitFor();
  expect(await page.getByTestId('place-order').isDisabled()).toBe(true);
  await page.getByRole('tab', { name: /Open orders/ }).click();
  await page.getByTestId('cancel-all').click();
  await landed(page, /Cancel/);
  await post('/local/feed', { asset: 'ETH', publishing: true });
  await notice.waitFor({ state: 'detached', timeout: 30_000 });
  await rest(page, 'ETH-PERP');
  await landed(page, /Buy 1/);
});

it('says that the connection is lost, and comes back', async () => {
  const { page } = session;
  await page.context().setOffline(true);
  await page.locator('[data-connection=reconnecting]').waitFor({ timeout: 60_000 });
  await page.getByText('Reconnecting').waitFor();
  await page.context().setOffline(false);
  await page.locator('[data-connection=live]').waitFor({ timeout: 60_000 });
  session.errors.splice(0, session.errors.length, ...session.errors.filter((error) => !/ERR_INTERNET_DISCONNECTED|ERR_NETWORK/.test(error)));
});

it('saves the history as a table file', async () => {
  const { page } = session;
  await go(page, 'Portfolio');
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV' }).click()]);
  const [head, ...rows] = (await readFile(await file.path(), 'utf8')).split('\n');
  expect(head).toMatch(/^time,kind,signature,slot,/);
  const kinds = rows.map((row) => row.split(',')[1]);
  expect(kinds).toContain('Deposited');
  expect(kinds).toContain('OrderPlaced');
});

it('starts a named scenario', async () => {
  const { page } = session;
  await go(page, 'Stress');
  await page.getByTestId('scenario-october-2025').click();
  await landed(page, /Playing october-2025/);
  await page.getByTestId('scenario-status').filter({ hasText: /october-2025 · \d+/ }).waitFor({ timeout: 10_000 });
});

it('liquidates an account that nobody else does', async () => {
  const { page } = session;
  await post('/local/shock', { assets: 'all', percent: -25, seconds: 3 });
  await go(page, 'Liquidations');
  await until('an account below its line', async () => (await page.getByTestId('fleet-liquidatable').innerText()) !== '0');
  await page.getByRole('button', { name: /Liquidate/ }).first().click();
  await page.getByTestId('liquidation-steps').getByText(/flagged now/).waitFor();
  await page.getByTestId('liquidate').click();
  // Flagged at one price, seized at later ones.
  await landed(page, /Flag/);
  await landed(page, /Liquidate/);
  await page.getByRole('table', { name: 'Liquidations' }).getByText(/You/).first().waitFor({ timeout: 30_000 });
});

it('logged no error', () => {
  expect(session.errors).toEqual([]);
});

/** Rests a bid for one far below the mark. */
async function rest(page: Session['page'], market: string): Promise<void> {
  await go(page, 'Trade');
  await page.getByLabel('Markets').getByText(market, { exact: true }).click();
  await page.getByLabel('Order type').selectOption('postOnly');
  const mark = Number((await page.getByTestId('mark').innerText()).replaceAll(',', ''));
  await page.getByTestId('order-price').fill((mark * 0.96).toFixed(2));
  await page.getByTestId('order-size').fill('1');
  await page.getByTestId('place-order').click();
}
