// The page of price feeds shows how each stands, what its ages are, and who follows it.
import { cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test } from 'vitest';
import type { ExchangeState } from '../../data/types.ts';
import { feed, name, NOW, riskOf, source } from '../../testing/feed.ts';
import { FeedList } from './FeedList.tsx';

afterEach(cleanup);

const pool = source({ kind: 4, base: 0, cap: 255 });
const risk = riskOf(
  feed(3),
  feed(90, {}, { name: name('lstSOL'), sources: { primary: pool, fallback: source({ kind: 0 }) }, rate: 3n << 47n, assets: 0b100n, markets: 0n, derived: 0n }),
  feed(1, { spot: 0n }, { name: name('NEW'), assets: 0n, markets: 0n, derived: 0n }),
);
const state = {
  assets: [{ index: 1, symbol: 'SOL' }, { index: 2, symbol: 'lstSOL' }],
  markets: [{ index: 0, name: 'SOL-PERP' }],
  snapshot: { risk: { value: risk }, clock: { slot: 1n, unixTime: BigInt(NOW) } },
} as unknown as ExchangeState;

test('lists feeds, and tells all about the chosen one', async () => {
  render(<FeedList state={state} />);
  const rows = within(screen.getByRole('table', { name: 'Price feeds' })).getAllByRole('row').slice(1);
  expect(rows.map((row) => row.textContent)).toEqual([
    expect.stringMatching(/^SOL150\.000.*3s.*1m \/ 20s \/ 10s.*Fresh.*SOL, SOL-PERP, market 2, feed 3$/),
    expect.stringMatching(/^lstSOL150\.000.*1m.*Silent.*Doubted for 12m of 1h \(20%\).*stake pool rate × SOL/),
    expect.stringMatching(/^NEW–.*No price yet.*nothing$/),
  ]);
  await userEvent.click(rows[1]!);
  const detail = within(screen.getByRole('region', { name: 'lstSOL' }));
  expect(detail.getByText('for 12m')).toBeDefined();
  expect(detail.getByText('+10%, within 1h down to 50%')).toBeDefined();
  expect(detail.getByText('1.5, grows 0.100% a day at most')).toBeDefined();
  expect(detail.getByText('Silent: more than 1m old')).toBeDefined();
});
