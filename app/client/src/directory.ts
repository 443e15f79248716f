// The directory of an exchange: what its accounts do not say, such as symbols, oracle accounts and where its servers are.
import { type Address, isAddress } from '@solana/kit';

/** A listed asset. */
export interface DirectoryAsset {
  /** Entry in the risk state; 0 is the quote asset. */
  readonly index: number;
  readonly symbol: string;
  readonly name: string;
  readonly mint: Address;
  readonly tokenProgram: Address;
  readonly decimals: number;
  /** The account that holds its price, for `refresh`. */
  readonly oracle: Address;
  /** The account of its fallback price, if it has one. */
  readonly fallback: Address | null;
}

/** A perpetual market. */
export interface DirectoryMarket {
  readonly index: number;
  readonly name: string;
  /** Symbol of the underlying. */
  readonly base: string;
  readonly oracle: Address;
  readonly fallback: Address | null;
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
  readonly version: 1;
  readonly name: string;
  readonly program: Address;
  readonly exchange: Address;
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
  if (root['version'] !== 1) throw new DirectoryError('version: this client reads version 1');
  const assets = list(root, 'assets').map((item, i) => asset(record(item, `assets[${i}]`), `assets[${i}]`));
  const markets = list(root, 'markets').map((item, i) => market(record(item, `markets[${i}]`), `markets[${i}]`));
  requireIndices(assets, 'assets');
  requireIndices(markets, 'markets');
  if (assets[0]?.index !== 0) throw new DirectoryError('assets: the quote asset, index 0, is missing');
  return {
    version: 1,
    name: text(root, 'name', ''),
    program: key(root, 'program', ''),
    exchange: key(root, 'exchange', ''),
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

function asset(fields: Fields, path: string): DirectoryAsset {
  return {
    index: count(fields, 'index', path),
    symbol: text(fields, 'symbol', path),
    name: text(fields, 'name', path),
    mint: key(fields, 'mint', path),
    tokenProgram: key(fields, 'tokenProgram', path),
    decimals: count(fields, 'decimals', path),
    oracle: key(fields, 'oracle', path),
    fallback: optionalKey(fields, 'fallback', path),
  };
}

function market(fields: Fields, path: string): DirectoryMarket {
  return {
    index: count(fields, 'index', path),
    name: text(fields, 'name', path),
    base: text(fields, 'base', path),
    oracle: key(fields, 'oracle', path),
    fallback: optionalKey(fields, 'fallback', path),
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
