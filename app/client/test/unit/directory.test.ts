// The directory: what is right is taken, what is wrong is named.
import { describe, expect, test } from 'vitest';

import { DirectoryError, parseDirectory } from '../../src';

const KEY = 'So11111111111111111111111111111111111111112';

const directory = () => ({
  version: 1,
  name: 'Local exchange',
  program: KEY,
  exchange: KEY,
  assets: [{ index: 0, symbol: 'USDC', name: 'USD Coin', mint: KEY, tokenProgram: KEY, decimals: 6, oracle: KEY, fallback: null }],
  markets: [{ index: 0, name: 'SOL-PERP', base: 'SOL', oracle: KEY, fallback: KEY }],
  endpoints: { rpc: 'http://127.0.0.1:8899/', ws: 'ws://127.0.0.1:8900' },
});

describe('a directory', () => {
  test('is read, and what it may leave out is null', () => {
    const { endpoints, markets, assets } = parseDirectory(directory());
    expect(endpoints).toEqual({ rpc: 'http://127.0.0.1:8899', ws: 'ws://127.0.0.1:8900', history: null, local: null });
    expect(markets[0]?.fallback).toBe(KEY);
    expect(assets[0]?.fallback).toBeNull();
  });

  test.each<[string, (d: any) => void]>([
    ['version', (d) => (d.version = 2)],
    ['exchange', (d) => (d.exchange = 'nobody')],
    ['assets[0].mint', (d) => delete d.assets[0].mint],
    ['assets[0].decimals', (d) => (d.assets[0].decimals = 1.5)],
    ['assets', (d) => (d.assets = [])],
    ['assets', (d) => d.assets.push(d.assets[0])],
    ['markets[0].fallback', (d) => (d.markets[0].fallback = 'x')],
    ['endpoints.rpc', (d) => (d.endpoints.rpc = 'nowhere')],
    ['markets', (d) => (d.markets = {})],
  ])('says that its %s is wrong', (path, spoil) => {
    const wrong = directory();
    spoil(wrong);
    expect(() => parseDirectory(wrong)).toThrow(DirectoryError);
    expect(() => parseDirectory(wrong)).toThrow(path);
  });
});
