// The recorder's API: what happened on an exchange, newest first unless it is a chart's.
import type { Address, Signature } from '@solana/kit';

import type { ProgramEventKind } from './generated';
import { query, request } from './http';

/** Periods of candles, in seconds. */
export const RESOLUTIONS = [1, 5, 15, 60, 300, 900, 3600, 14400, 86400] as const;
/** One of {@link RESOLUTIONS}. */
export type Resolution = (typeof RESOLUTIONS)[number];

/** A candle of trades. Prices are price lots. */
export interface Candle {
  /** When it begins, Unix seconds. */
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** Base lots. */
  readonly volume: bigint;
  readonly trades: number;
}

/** A candle of oracle prices, dollars. */
export type PriceCandle = Omit<Candle, 'volume' | 'trades'>;

/** A trade. */
export interface Trade {
  /** Where it stands in the history: pass the last one's as `before` for the next page. */
  readonly position: string;
  readonly signature: Signature;
  readonly slot: number;
  readonly time: number;
  /** Price lots. */
  readonly price: bigint;
  readonly lots: bigint;
  /** What the taker did. */
  readonly side: 'buy' | 'sell';
  readonly maker: Address;
  readonly taker: Address;
}

/** Funding of a market at one moment. */
export interface FundingSample {
  readonly time: number;
  /** What longs pay per day as a part of notional; negative when shorts pay. */
  readonly rate: number;
  readonly premium: number;
  /** Price lots. */
  readonly mark: number;
  /** Price lots. */
  readonly oracle: number;
  /** Cumulative, Q40.24 native quote per lot. */
  readonly indexLong: bigint;
  readonly indexShort: bigint;
}

/** A field of an event: integers as decimal strings, addresses in base58. */
export type EventField = string | number | boolean | null | readonly EventItem[];

/** One of several things that an event tells of: a trade of an order, an order that was cancelled. */
export type EventItem = Readonly<Record<string, string | number | boolean>>;

/** Something that the program logged. */
export interface HistoryEvent {
  readonly position: string;
  readonly signature: Signature;
  /** Its number within the transaction. */
  readonly index: number;
  readonly slot: number;
  readonly time: number;
  readonly kind: ProgramEventKind;
  readonly data: Readonly<Record<string, EventField>>;
}

/** Healths of an account at one moment, native quote. */
export interface HealthSample {
  readonly time: number;
  readonly init: bigint;
  readonly liquidationEnd: bigint;
  readonly maintenance: bigint;
  readonly equity: bigint;
}

/** How far the history reaches. */
export interface HistoryStatus {
  readonly lastSlot: number;
  /** Seconds behind the chain; null before it first caught up. */
  readonly lag: number | null;
  readonly backfilling: boolean;
  readonly gaps: number;
}

/** Which candles: the newest `limit` before `to`, or those from `from`. Unix seconds. */
export interface Span {
  readonly resolution: Resolution;
  readonly from?: number;
  readonly to?: number;
  readonly limit?: number;
}

/** A page of a list that is newest first. */
export interface Page {
  readonly limit?: number;
  /** The position of the last row received. */
  readonly before?: string;
}

type Wire<T, Fields extends keyof T> = Omit<T, Fields> & Record<Fields, string>;

/** The history of one exchange. */
export class History {
  constructor(private readonly base: string) {}

  status(signal?: AbortSignal): Promise<HistoryStatus> {
    return this.get('/v1/status', {}, signal);
  }

  async candles(market: number, span: Span, signal?: AbortSignal): Promise<Candle[]> {
    const rows = await this.get<Wire<Candle, 'volume'>[]>(`/v1/markets/${market}/candles`, { ...span }, signal);
    return rows.map((row) => ({ ...row, volume: BigInt(row.volume) }));
  }

  /** Oracle prices, for markets that trade seldom. */
  prices(asset: number, span: Span, signal?: AbortSignal): Promise<PriceCandle[]> {
    return this.get(`/v1/assets/${asset}/prices`, { ...span }, signal);
  }

  async trades(market: number, page: Page = {}, signal?: AbortSignal): Promise<Trade[]> {
    const rows = await this.get<Wire<Trade, 'price' | 'lots'>[]>(`/v1/markets/${market}/trades`, { ...page }, signal);
    return rows.map((row) => ({ ...row, price: BigInt(row.price), lots: BigInt(row.lots) }) as Trade);
  }

  async funding(market: number, options: { limit?: number; from?: number } = {}, signal?: AbortSignal): Promise<FundingSample[]> {
    const rows = await this.get<Wire<FundingSample, 'indexLong' | 'indexShort'>[]>(`/v1/markets/${market}/funding`, options, signal);
    return rows.map((row) => ({ ...row, indexLong: BigInt(row.indexLong), indexShort: BigInt(row.indexShort) }) as FundingSample);
  }

  /** Events that touched an account. */
  events(account: Address, page: Page & { kind?: ProgramEventKind } = {}, signal?: AbortSignal): Promise<HistoryEvent[]> {
    return this.get(`/v1/accounts/${account}/events`, { ...page }, signal);
  }

  /** Past healths of an account, oldest first. */
  async health(account: Address, options: { from?: number; limit?: number } = {}, signal?: AbortSignal): Promise<HealthSample[]> {
    type Lines = 'init' | 'liquidationEnd' | 'maintenance' | 'equity';
    const rows = await this.get<Wire<HealthSample, Lines>[]>(`/v1/accounts/${account}/health`, options, signal);
    return rows.map((row) => ({
      time: row.time as number,
      init: BigInt(row.init),
      liquidationEnd: BigInt(row.liquidationEnd),
      maintenance: BigInt(row.maintenance),
      equity: BigInt(row.equity),
    }));
  }

  /** Liquidations and resolved bankruptcies of all accounts. */
  liquidations(page: Page = {}, signal?: AbortSignal): Promise<HistoryEvent[]> {
    return this.get('/v1/liquidations', { ...page }, signal);
  }

  private get<T>(path: string, parameters: Parameters<typeof query>[0], signal?: AbortSignal): Promise<T> {
    return request<T>(`${this.base}${path}${query(parameters)}`, {}, signal);
  }
}
