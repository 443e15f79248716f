// Program-derived addresses of every account of an exchange, and an exchange with all of them worked out.
import {
  type Address,
  getAddressEncoder,
  getProgramDerivedAddress,
  getU16Encoder,
  getU64Encoder,
  type ReadonlyUint8Array,
} from '@solana/kit';

import type { Directory, DirectoryAsset, DirectoryFeed, DirectoryMarket } from './directory';

const ASSOCIATED_TOKEN_PROGRAM = 'ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL' as Address;
const key = (address: Address): ReadonlyUint8Array => getAddressEncoder().encode(address);
const u16 = (value: number): ReadonlyUint8Array => getU16Encoder().encode(value);
const u64 = (value: bigint): ReadonlyUint8Array => getU64Encoder().encode(value);

async function derive(program: Address, seeds: (ReadonlyUint8Array | string)[]): Promise<Address> {
  const [address] = await getProgramDerivedAddress({ programAddress: program, seeds });
  return address;
}

/** Exchange number `id`. */
export const exchangeAddress = (program: Address, id: number) => derive(program, ['exchange', u16(id)]);
/** The risk array of an exchange. */
export const riskStateAddress = (program: Address, exchange: Address) => derive(program, ['risk', key(exchange)]);
/** The quote vault that backs bankruptcies. */
export const insuranceVaultAddress = (program: Address, exchange: Address) => derive(program, ['insurance', key(exchange)]);
/** The bank of a mint. */
export const bankAddress = (program: Address, exchange: Address, mint: Address) =>
  derive(program, ['bank', key(exchange), key(mint)]);
/** The token vault of a bank. */
export const vaultAddress = (program: Address, bank: Address) => derive(program, ['vault', key(bank)]);
/** Market number `index`. */
export const marketAddress = (program: Address, exchange: Address, index: number) =>
  derive(program, ['market', key(exchange), u16(index)]);
/** The order book of a market. */
export const bookAddress = (program: Address, market: Address) => derive(program, ['book', key(market)]);
/** The fill queue of a market. */
export const fillQueueAddress = (program: Address, market: Address) => derive(program, ['fills', key(market)]);
/** An owner's margin account number `subAccount`. */
export const marginAccountAddress = (program: Address, exchange: Address, owner: Address, subAccount: number) =>
  derive(program, ['margin', key(exchange), key(owner), u16(subAccount)]);
/** What an owner allows a delegate of a margin account. */
export const delegationAddress = (program: Address, marginAccount: Address, delegate: Address) =>
  derive(program, ['delegate', key(marginAccount), key(delegate)]);
/** Proposal number `nonce`. */
export const pendingChangeAddress = (program: Address, exchange: Address, nonce: bigint) =>
  derive(program, ['change', key(exchange), u64(nonce)]);
/** An owner's ordinary token account for a mint. */
export const associatedTokenAddress = (owner: Address, mint: Address, tokenProgram: Address) =>
  derive(ASSOCIATED_TOKEN_PROGRAM, [key(owner), key(tokenProgram), key(mint)]);

/** A listed asset with its accounts. */
export interface AssetRef extends DirectoryAsset {
  readonly bank: Address;
  readonly vault: Address;
}

/** A market with its accounts. */
export interface MarketRef extends DirectoryMarket {
  readonly address: Address;
  readonly book: Address;
  readonly fillQueue: Address;
}

/** An exchange with all its accounts: what every instruction builder takes. */
export interface ExchangeRef {
  readonly name: string;
  readonly program: Address;
  readonly address: Address;
  readonly riskState: Address;
  readonly insuranceVault: Address;
  /** Asset 0. */
  readonly quote: AssetRef;
  readonly feeds: readonly DirectoryFeed[];
  readonly assets: readonly AssetRef[];
  readonly markets: readonly MarketRef[];
}

/** Derives every address of a directory's exchange. */
export async function resolveExchange(directory: Directory): Promise<ExchangeRef> {
  const { program, exchange } = directory;
  const assets = await Promise.all(directory.assets.map((asset) => resolveAsset(program, exchange, asset)));
  const markets = await Promise.all(directory.markets.map((market) => resolveMarket(program, exchange, market)));
  const quote = assets.find((asset) => asset.index === 0);
  if (!quote) throw new Error('the directory lists no quote asset');
  return {
    name: directory.name,
    program,
    address: exchange,
    riskState: await riskStateAddress(program, exchange),
    insuranceVault: await insuranceVaultAddress(program, exchange),
    quote,
    feeds: directory.feeds,
    assets,
    markets,
  };
}

async function resolveAsset(program: Address, exchange: Address, asset: DirectoryAsset): Promise<AssetRef> {
  const bank = await bankAddress(program, exchange, asset.mint);
  return { ...asset, bank, vault: await vaultAddress(program, bank) };
}

async function resolveMarket(program: Address, exchange: Address, market: DirectoryMarket): Promise<MarketRef> {
  const address = await marketAddress(program, exchange, market.index);
  const [book, fillQueue] = await Promise.all([bookAddress(program, address), fillQueueAddress(program, address)]);
  return { ...market, address, book, fillQueue };
}

/** A listed asset by its index in the risk state. */
export function assetOf(exchange: ExchangeRef, index: number): AssetRef {
  const asset = exchange.assets.find((candidate) => candidate.index === index);
  if (!asset) throw new Error(`asset ${index} is not in the directory`);
  return asset;
}

/** A market by its index in the risk state. */
export function marketOf(exchange: ExchangeRef, index: number): MarketRef {
  const market = exchange.markets.find((candidate) => candidate.index === index);
  if (!market) throw new Error(`market ${index} is not in the directory`);
  return market;
}
