// A headless browser for the end-to-end run: fresh profile, and every console error remembered.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';

/** Where Chromium is, unless CHROMIUM says otherwise. */
const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Sizes at which pages are looked at. */
export const DESKTOP = { width: 1440, height: 900 };
/** A phone. */
export const PHONE = { width: 390, height: 844 };

/** A page, and the errors that it logged. */
export interface Session {
  page: Page;
  errors: string[];
  close: () => Promise<void>;
}

/** Opens a browser of its own. */
export async function openBrowser(theme: 'dark' | 'light' = 'dark'): Promise<Session> {
  const profile = await mkdtemp(join(tmpdir(), 'plimsoll-e2e-'));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE,
    headless: true,
    args: FLAGS,
    viewport: DESKTOP,
    colorScheme: theme,
    reducedMotion: 'reduce',
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => errors.push(error.stack ?? error.message));
  return {
    page,
    errors,
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
