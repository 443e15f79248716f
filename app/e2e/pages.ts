// What the journey does on the pages, in the words of the person doing it.
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { DESKTOP, PHONE } from './browser.ts';

/** The app under test, served by the local chain. */
export const URL_BASE = process.env['PLIMSOLL_URL'] ?? 'http://127.0.0.1:8080';
/** Where pictures go: `docs/images` when they are for the documentation. */
const PICTURES = resolve(import.meta.dirname, process.env['PLIMSOLL_SCREENSHOTS'] ?? 'screenshots');

/** Connects a wallet: the built-in one unless another is named. */
export async function connect(page: Page, wallet = 'Local test wallet'): Promise<void> {
  await page.getByTestId('connect').click();
  await page.getByRole('button', { name: wallet }).click();
  await page.getByTestId('wallet').waitFor();
}

/** Gets tokens from the faucet: its usual amount of them unless another is named. */
export async function faucet(page: Page, symbol: string, amount?: string): Promise<void> {
  await page.getByTestId('wallet').click();
  await page.getByTestId('open-faucet').click();
  await page.getByLabel('Token').selectOption(symbol);
  if (amount) await page.getByLabel('Amount').fill(amount);
  await page.getByTestId('faucet-get').click();
  await landed(page, /received/);
}

/** Moves the most that can be moved in the open funds dialog. */
export async function moveAll(page: Page): Promise<string> {
  await page.getByTestId('funds-max').click({ timeout: 20_000 });
  const amount = await page.getByTestId('funds-amount').inputValue();
  await page.getByTestId('funds-send').click();
  return amount;
}

/** Waits for good news of this kind, and fails at bad news. */
export async function landed(page: Page, title: RegExp): Promise<void> {
  const good = page.locator('[data-toast=good]').filter({ hasText: title });
  const bad = page.locator('[data-toast=bad]');
  await Promise.race([
    good.first().waitFor({ timeout: 60_000 }),
    bad.first().waitFor({ timeout: 60_000 }).then(async () => {
      throw new Error(`refused: ${await bad.first().innerText()}`);
    }),
  ]);
  await page.getByRole('button', { name: 'Dismiss' }).first().click().catch(() => undefined);
}

/** Waits for bad news, and gives its words. */
export async function refused(page: Page): Promise<string> {
  const bad = page.locator('[data-toast=bad]').first();
  await bad.waitFor({ timeout: 30_000 });
  const words = await bad.innerText();
  await bad.getByRole('button', { name: 'Dismiss' }).click();
  return words;
}

/** Asks the local chain to do something. */
export async function post(path: string, body: unknown): Promise<void> {
  const answer = await fetch(`${URL_BASE}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
}

/** Load of the account in per cent, from the top bar. */
export async function load(page: Page): Promise<number> {
  return Number.parseFloat(await page.getByTestId('load').innerText());
}

/** Waits until `ask` answers yes. */
export async function until(what: string, ask: () => Promise<boolean>, seconds = 60): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    if (await ask()) return;
    await new Promise((done) => setTimeout(done, 500));
  }
  throw new Error(`waited ${seconds} seconds for ${what}`);
}

/** Whether something appears within some seconds. */
export function seen(what: Locator, seconds: number): Promise<boolean> {
  return what
    .first()
    .waitFor({ timeout: seconds * 1000 })
    .then(() => true, () => false);
}

/** Goes to a page by its name in the navigation. */
export async function go(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name }).first().click();
  await page.waitForTimeout(600);
}

/** A page that can be pushed sideways is a page that does not fit. */
async function requireNoOverflow(page: Page, what: string): Promise<void> {
  const over = await page.evaluate(() => {
    const box = document.querySelector('#page');
    return Math.max(document.documentElement.scrollWidth - innerWidth, box ? box.scrollWidth - box.clientWidth : 0);
  });
  if (over > 0) throw new Error(`${what}: ${over} pixels wider than the screen`);
}

/** A picture of the page as it is. */
export async function snapshot(page: Page, name: string): Promise<void> {
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

/** Pictures of a page at both sizes. */
export async function pictures(page: Page, name: string): Promise<void> {
  await mkdir(PICTURES, { recursive: true });
  for (const [size, viewport] of [['desktop', DESKTOP], ['phone', PHONE]] as const) {
    await page.setViewportSize(viewport);
    await page.waitForTimeout(700);
    await requireNoOverflow(page, `${name} on a ${size}`);
    await page.screenshot({ path: join(PICTURES, `${name}-${size}.png`) });
  }
  await page.setViewportSize(DESKTOP);
}
