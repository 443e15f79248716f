// Order books and fill queues read in place: of their hundred thousand bytes only those in use are looked at.
import { type Address, getAddressDecoder, type ReadonlyUint8Array } from '@solana/kit';

import { requireKind } from './accounts';

/** Side of an order: buys or sells. */
export type Side = 'bid' | 'ask';

/** The side that an order trades against. */
export const opposite = (side: Side): Side => (side === 'bid' ? 'ask' : 'bid');

/** A resting order. */
export interface RestingOrder {
  /** Limit price in price lots. */
  readonly price: bigint;
  /** Order id; the lower, the older. */
  readonly id: bigint;
  /** Base lots still open. */
  readonly lots: bigint;
  /** Margin account that placed it. */
  readonly owner: Address;
  /** Unix second from which it no longer trades; 0 for never. */
  readonly expiry: number;
  readonly reduceOnly: boolean;
}

/** A book's orders, best first on both sides, expired ones included. */
export interface OrderBook {
  readonly market: Address;
  readonly index: number;
  readonly bids: readonly RestingOrder[];
  readonly asks: readonly RestingOrder[];
}

/** Orders of one price together. */
export interface Level {
  readonly price: bigint;
  readonly lots: bigint;
  readonly orders: number;
}

/** Something that happened to a resting order and that its margin account has yet to be told. */
export interface WaitingFill {
  /** Margin account of the resting order. */
  readonly maker: Address;
  readonly orderId: bigint;
  readonly price: bigint;
  readonly lots: bigint;
  readonly makerSide: Side;
  /** A trade, rather than lots that left the book without one. */
  readonly isFill: boolean;
  readonly time: bigint;
}

/** Bytes before the first list, the same in both kinds of account. */
const HEADER = 136;
const ORDER = { capacity: 1024, bytes: 64 } as const;
const ENTRY = { capacity: 256, bytes: 88 } as const;
const SIDE_BYTES = 8 + ORDER.capacity * ORDER.bytes;

/** Size of a book account. */
export const BOOK_SIZE = HEADER + 2 * SIDE_BYTES;
/** Size of a fill queue account. */
export const FILL_QUEUE_SIZE = HEADER + 8 + ENTRY.capacity * ENTRY.bytes;

/** Reads a `Book`. */
export function decodeBook(data: ReadonlyUint8Array): OrderBook {
  requireKind(data, 'book', BOOK_SIZE);
  const reader = new Reader(data);
  return {
    market: reader.address(8),
    index: reader.u16(80),
    bids: side(reader, HEADER),
    asks: side(reader, HEADER + SIDE_BYTES),
  };
}

/** Orders are stored worst first, so that the best leave without a move. */
function side(reader: Reader, start: number): RestingOrder[] {
  const length = reader.shortLength(start, ORDER.capacity);
  return Array.from({ length }, (_, i) => order(reader, start + 8 + (length - 1 - i) * ORDER.bytes));
}

function order(reader: Reader, at: number): RestingOrder {
  return {
    price: reader.u64(at),
    id: reader.u64(at + 8),
    lots: reader.i64(at + 16),
    owner: reader.address(at + 24),
    expiry: reader.u32(at + 56),
    reduceOnly: (reader.u8(at + 61) & 1) === 1,
  };
}

/** Reads a `FillQueue`: what waits, oldest first. */
export function decodeFillQueue(data: ReadonlyUint8Array): WaitingFill[] {
  requireKind(data, 'fillQueue', FILL_QUEUE_SIZE);
  const reader = new Reader(data);
  const length = reader.length(HEADER, ENTRY.capacity);
  return Array.from({ length }, (_, i) => entry(reader, HEADER + 8 + i * ENTRY.bytes));
}

function entry(reader: Reader, at: number): WaitingFill {
  return {
    maker: reader.address(at),
    orderId: reader.u64(at + 32),
    price: reader.u64(at + 40),
    lots: reader.i64(at + 48),
    time: reader.i64(at + 72),
    isFill: reader.u8(at + 80) === 0,
    makerSide: reader.u8(at + 81) === 0 ? 'bid' : 'ask',
  };
}

/** Whether an order no longer trades at `now` (Unix seconds). */
export const isExpired = (resting: RestingOrder, now: number): boolean => resting.expiry !== 0 && resting.expiry <= now;

/** The orders of one side that still trade, best first. */
export function liveOrders(book: OrderBook, which: Side, now: number): RestingOrder[] {
  return (which === 'bid' ? book.bids : book.asks).filter((resting) => !isExpired(resting, now));
}

/** The best `depth` levels of one side. */
export function levels(book: OrderBook, which: Side, now: number, depth = Number.POSITIVE_INFINITY): Level[] {
  const result: { price: bigint; lots: bigint; orders: number }[] = [];
  for (const resting of liveOrders(book, which, now)) {
    const last = result.at(-1);
    if (last?.price === resting.price) {
      last.lots += resting.lots;
      last.orders += 1;
    } else {
      if (result.length >= depth) break;
      result.push({ price: resting.price, lots: resting.lots, orders: 1 });
    }
  }
  return result;
}

/** Margin accounts seen so far: base58 is slow, and the same few makers own most orders. */
const known = new Map<string, Address>();
const addressDecoder = getAddressDecoder();

class Reader {
  private readonly view: DataView;

  constructor(private readonly data: ReadonlyUint8Array) {
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  u8 = (at: number): number => this.view.getUint8(at);
  u16 = (at: number): number => this.view.getUint16(at, true);
  u32 = (at: number): number => this.view.getUint32(at, true);
  u64 = (at: number): bigint => this.view.getBigUint64(at, true);
  i64 = (at: number): bigint => this.view.getBigInt64(at, true);

  /** The length of a list of which four bytes tell it. */
  shortLength(at: number, capacity: number): number {
    return Math.min(this.u32(at), capacity);
  }

  /** The length of a list, which the program keeps within its capacity. */
  length(at: number, capacity: number): number {
    const length = this.u64(at);
    return length > BigInt(capacity) ? capacity : Number(length);
  }

  address(at: number): Address {
    const name = [0, 8, 16, 24].map((offset) => this.u64(at + offset).toString(36)).join('.');
    const seen = known.get(name);
    if (seen) return seen;
    const address = addressDecoder.decode(this.data.slice(at, at + 32));
    known.set(name, address);
    return address;
  }
}
