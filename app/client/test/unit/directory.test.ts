// The directory: what is right is taken, what is wrong is named.
import { describe, expect, test } from 'vitest';

import { DirectoryError, parseDirectory } from '../../src';

const KEY = 'So11111111111111111111111111111111111111112';

const directory = () => ({
  version: 2,
  name: 'Local exchange',
  program: KEY,
  exchange: KEY,
  feeds: [
    { index: 0, name: 'USDC', account: KEY, fallback: KEY },
    { index: 1, name: 'SOL', account: null },
  ],
  assets: [{ index: 0, symbol: 'USDC', name: 'USD Coin', mint: KEY, tokenProgram: KEY, decimals: 6 }],
  markets: [{ index: 0, name: 'SOL-PERP', base: 'SOL' }],
  endpoints: { rpc: 'http://127.0.0.1:8899/', ws: 'ws://127.0.0.1:8900' },
});

describe('a directory', () => {
  test('is read, and what it may leave out is null', () => {
    const { endpoints, feeds } = parseDirectory(directory());
    expect(endpoints).toEqual({ rpc: 'http://127.0.0.1:8899', ws: 'ws://127.0.0.1:8900', history: null, local: null });
    expect(feeds).toEqual([
      { index: 0, name: 'USDC', account: KEY, fallback: KEY },
      { index: 1, name: 'SOL', account: null, fallback: null },
    ]);
  });

  test.each<[string, (d: any) => void]>([
    ['version', (d) => (d.version = 1)],
    ['exchange', (d) => (d.exchange = 'nobody')],
    ['assets[0].mint', (d) => delete d.assets[0].mint],
    ['assets[0].decimals', (d) => (d.assets[0].decimals = 1.5)],
    ['assets', (d) => (d.assets = [])],
    ['assets', (d) => d.assets.push(d.assets[0])],
    ['feeds', (d) => (d.feeds = [])],
    ['feeds', (d) => d.feeds.push(d.feeds[0])],
    ['feeds[1].name', (d) => delete d.feeds[1].name],
    ['feeds[0].fallback', (d) => (d.feeds[0].fallback = 'x')],
    ['endpoints.rpc', (d) => (d.endpoints.rpc = 'nowhere')],
    ['markets', (d) => (d.markets = {})],
  ])('says that its %s is wrong', (path, spoil) => {
    const wrong = directory();
    spoil(wrong);
    expect(() => parseDirectory(wrong)).toThrow(DirectoryError);
    expect(() => parseDirectory(wrong)).toThrow(path);
  });
});
