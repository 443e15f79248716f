// The directory of an exchange: what its accounts do not say, such as symbols, price accounts and where its servers are.
import { type Address, isAddress } from '@solana/kit';

/** The version of the document that this client reads. Version 1 named price accounts by asset and market. */
export const DIRECTORY_VERSION = 2;

/** A feed, and where its prices are found. Which assets and markets follow it stands on the chain. */
export interface DirectoryFeed {
  /** Number in the risk state. */
  readonly index: number;
  readonly name: string;
  /**
   * The account to pass to `refresh`: with the price, or the stake pool of a derived feed. Null for a feed whose prices come
   * in signed messages.
   */
  readonly account: Address | null;
  /** The same of the fallback. */
  readonly fallback: Address | null;
}

/** A listed asset. */
export interface DirectoryAsset {
  /** Entry in the risk state; 0 is the quote asset. */
  readonly index: number;
  readonly symbol: string;
  readonly name: string;
  readonly mint: Address;
  readonly tokenProgram: Address;
  readonly decimals: number;
}

/** A perpetual market. */
export interface DirectoryMarket {
  readonly index: number;
  readonly name: string;
  /** Symbol of the underlying. */
  readonly base: string;
}

/** Where an exchange is reached. */
export interface Endpoints {
  readonly rpc: string;
  readonly ws: string | null;
  /** The recorder's API. */
  readonly history: string | null;
  /** Faucet and scenarios: on a local chain only. */
  readonly local: string | null;
}

/** Everything about an exchange that is not on chain. */
export interface Directory {
  readonly version: typeof DIRECTORY_VERSION;
  readonly name: string;
  readonly program: Address;
  readonly exchange: Address;
  readonly feeds: readonly DirectoryFeed[];
  readonly assets: readonly DirectoryAsset[];
  readonly markets: readonly DirectoryMarket[];
  readonly endpoints: Endpoints;
}

/** A directory that cannot be used, and which part of it is wrong. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError';
}

/** Reads a directory's JSON, and checks all of it: an address that is wrong here would otherwise cost a failed trade. */
export function parseDirectory(json: unknown): Directory {
  const root = record(json, 'directory');
  if (root['version'] !== DIRECTORY_VERSION) throw new DirectoryError(`version: this client reads version ${DIRECTORY_VERSION}`);
  const feeds = list(root, 'feeds').map((item, i) => feed(record(item, `feeds[${i}]`), `feeds[${i}]`));
  const assets = list(root, 'assets').map((item, i) => asset(record(item, `assets[${i}]`), `assets[${i}]`));
  const markets = list(root, 'markets').map((item, i) => market(record(item, `markets[${i}]`), `markets[${i}]`));
  requireIndices(feeds, 'feeds');
  requireIndices(assets, 'assets');
  requireIndices(markets, 'markets');
  if (assets[0]?.index !== 0) throw new DirectoryError('assets: the quote asset, index 0, is missing');
  if (feeds.length === 0) throw new DirectoryError('feeds: none prices the quote asset');
  return {
    version: DIRECTORY_VERSION,
    name: text(root, 'name', ''),
    program: key(root, 'program', ''),
    exchange: key(root, 'exchange', ''),
    feeds,
    assets,
    markets,
    endpoints: endpoints(record(root['endpoints'], 'endpoints')),
  };
}

/** Fetches and reads a directory. */
export async function loadDirectory(url: string, signal?: AbortSignal): Promise<Directory> {
  const response = await fetch(url, signal ? { signal } : {});
  if (!response.ok) throw new DirectoryError(`${url} answers ${response.status}`);
  return parseDirectory(await response.json());
}

type Fields = Readonly<Record<string, unknown>>;

function feed(fields: Fields, path: string): DirectoryFeed {
  return {
    index: count(fields, 'index', path),
    name: text(fields, 'name', path),
    account: optionalKey(fields, 'account', path),
    fallback: optionalKey(fields, 'fallback', path),
  };
}

function asset(fields: Fields, path: string): DirectoryAsset {
  return {
    index: count(fields, 'index', path),
    symbol: text(fields, 'symbol', path),
    name: text(fields, 'name', path),
    mint: key(fields, 'mint', path),
    tokenProgram: key(fields, 'tokenProgram', path),
    decimals: count(fields, 'decimals', path),
  };
}

function market(fields: Fields, path: string): DirectoryMarket {
  return {
    index: count(fields, 'index', path),
    name: text(fields, 'name', path),
    base: text(fields, 'base', path),
  };
}

function endpoints(fields: Fields): Endpoints {
  const optional = (name: string) => (fields[name] == null ? null : url(fields, name));
  return { rpc: url(fields, 'rpc'), ws: optional('ws'), history: optional('history'), local: optional('local') };
}

function record(value: unknown, path: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new DirectoryError(`${path}: not an object`);
  return value as Fields;
}

function list(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new DirectoryError(`${name}: not a list`);
  return value;
}

const at = (path: string, name: string) => (path ? `${path}.${name}` : name);

function text(fields: Fields, name: string, path: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value.length === 0) throw new DirectoryError(`${at(path, name)}: not a text`);
  return value;
}

function count(fields: Fields, name: string, path: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffff) {
    throw new DirectoryError(`${at(path, name)}: not a small whole number`);
  }
  return value;
}

function key(fields: Fields, name: string, path: string): Address {
  const value = text(fields, name, path);
  if (!isAddress(value)) throw new DirectoryError(`${at(path, name)}: "${value}" is not an address`);
  return value;
}

function optionalKey(fields: Fields, name: string, path: string): Address | null {
  return fields[name] == null ? null : key(fields, name, path);
}

function url(fields: Fields, name: string): string {
  const value = text(fields, name, 'endpoints');
  if (!URL.canParse(value)) throw new DirectoryError(`endpoints.${name}: "${value}" is not a URL`);
  return value.replace(/\/+$/, '');
}

function requireIndices(items: readonly { readonly index: number }[], path: string): void {
  const seen = new Set(items.map((item) => item.index));
  if (seen.size !== items.length) throw new DirectoryError(`${path}: an index occurs twice`);
}
