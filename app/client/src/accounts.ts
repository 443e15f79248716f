// Reading the program's accounts: which decoder reads what, and what the slots of a margin account mean.
import type { ReadonlyUint8Array } from '@solana/kit';

import {
  BANK_DISCRIMINATOR,
  BOOK_DISCRIMINATOR,
  DELEGATION_DISCRIMINATOR,
  EXCHANGE_DISCRIMINATOR,
  FILL_QUEUE_ACCOUNT_DISCRIMINATOR,
  MARGIN_ACCOUNT_DISCRIMINATOR,
  MARKET_DISCRIMINATOR,
  PENDING_CHANGE_DISCRIMINATOR,
  RISK_STATE_DISCRIMINATOR,
  getBankDecoder,
  getChangeDecoder,
  getDelegationDecoder,
  getExchangeDecoder,
  getAccountRiskReportDecoder,
  getHealthReportDecoder,
  getMarginAccountDecoder,
  getMarketDecoder,
  getPendingChangeDecoder,
  getRiskStateDecoder,
  type Balance,
  type Bank,
  type Change,
  type Delegation,
  type Exchange,
  type AccountRiskReport,
  type HealthReport,
  type MarginAccount,
  type Market,
  type OpenOrder,
  type PendingChange,
  type PerpPosition,
  type RiskState,
} from './generated';
import type { ContractScale } from './units';

/** Marks a free slot of balances and positions. */
export const EMPTY = 0xffff;

/** Bytes of a margin account, which tell it from others in `getProgramAccounts`. */
export const MARGIN_ACCOUNT_SIZE = getMarginAccountDecoder().fixedSize;

/** Offsets at which margin accounts are filtered in `getProgramAccounts`. */
export const MARGIN_ACCOUNT_OFFSETS = { exchange: 8, owner: 40 } as const;

/** Bytes of a delegation. */
export const DELEGATION_SIZE = getDelegationDecoder().fixedSize;
/** Offsets at which delegations are filtered in `getProgramAccounts`. */
export const DELEGATION_OFFSETS = { marginAccount: 8, delegate: 40 } as const;

/** What a delegate may do, the lowest bit first. `trade` is any order, `reduce` only such as reduce; either includes `cancel`. */
export const DELEGATE_SCOPES = ['cancel', 'reduce', 'trade', 'liquidate'] as const;
/** One of {@link DELEGATE_SCOPES}. */
export type DelegateScope = (typeof DELEGATE_SCOPES)[number];
/** Every market, those listed later too, as a delegation stores it. */
export const ALL_MARKETS = (1n << 64n) - 1n;
/** The byte of a scope. */
export const scopeByte = (scope: readonly DelegateScope[]): number =>
  DELEGATE_SCOPES.reduce((byte, name, bit) => (scope.includes(name) ? byte | (1 << bit) : byte), 0);
/** The scope of a stored byte. */
export const scopeOf = (byte: number): DelegateScope[] => DELEGATE_SCOPES.filter((_, bit) => (byte & (1 << bit)) !== 0);

/** What operators allow in an exchange, an asset or a market. */
export const MODES = ['active', 'reduceOnly', 'paused'] as const;
/** One of {@link MODES}. */
export type Mode = (typeof MODES)[number];
/** The mode of a stored byte; an unknown byte is the strictest. */
export const modeOf = (byte: number): Mode => MODES[byte] ?? 'paused';

const KINDS = {
  bank: BANK_DISCRIMINATOR,
  book: BOOK_DISCRIMINATOR,
  delegation: DELEGATION_DISCRIMINATOR,
  exchange: EXCHANGE_DISCRIMINATOR,
  fillQueue: FILL_QUEUE_ACCOUNT_DISCRIMINATOR,
  marginAccount: MARGIN_ACCOUNT_DISCRIMINATOR,
  market: MARKET_DISCRIMINATOR,
  pendingChange: PENDING_CHANGE_DISCRIMINATOR,
  riskState: RISK_STATE_DISCRIMINATOR,
} as const;

/** A kind of account of the program. */
export type AccountKind = keyof typeof KINDS;

/** The first eight bytes of a kind of account. */
export const discriminatorOf = (kind: AccountKind): ReadonlyUint8Array => KINDS[kind];

/** The kind of account that bytes are, if of this program. */
export function kindOf(data: ReadonlyUint8Array): AccountKind | null {
  const kinds = Object.keys(KINDS) as AccountKind[];
  return kinds.find((kind) => beginsWith(data, KINDS[kind])) ?? null;
}

/** Bytes that are not the account that was asked for. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** Refuses bytes of another kind, or fewer than the account has. */
export function requireKind(data: ReadonlyUint8Array, kind: AccountKind, size: number): void {
  if (!beginsWith(data, KINDS[kind])) throw new DecodeError(`the account is no ${kind}`);
  if (data.length < size) throw new DecodeError(`the ${kind} has ${data.length} bytes instead of ${size}`);
}

const beginsWith = (data: ReadonlyUint8Array, start: ReadonlyUint8Array) =>
  data.length >= start.length && start.every((byte, i) => data[i] === byte);

interface FixedDecoder<T> {
  readonly fixedSize: number;
  decode(data: ReadonlyUint8Array): T;
}

const reader =
  <T>(kind: AccountKind, decoder: FixedDecoder<T>) =>
  (data: ReadonlyUint8Array): T => {
    requireKind(data, kind, decoder.fixedSize);
    return decoder.decode(data);
  };

/** Reads an `Exchange`. */
export const decodeExchange: (data: ReadonlyUint8Array) => Exchange = reader('exchange', getExchangeDecoder());
/** Reads a `RiskState`. */
export const decodeRiskState: (data: ReadonlyUint8Array) => RiskState = reader('riskState', getRiskStateDecoder());
/** Reads a `Bank`. */
export const decodeBank: (data: ReadonlyUint8Array) => Bank = reader('bank', getBankDecoder());
/** Reads a `Market`. */
export const decodeMarket: (data: ReadonlyUint8Array) => Market = reader('market', getMarketDecoder());
/** Reads a `MarginAccount`. */
export const decodeMarginAccount: (data: ReadonlyUint8Array) => MarginAccount = reader('marginAccount', getMarginAccountDecoder());
/** Reads a `Delegation`. */
export const decodeDelegation: (data: ReadonlyUint8Array) => Delegation = reader('delegation', getDelegationDecoder());

/** A proposal that waits out its delay, with what it would change. */
export interface Proposal extends Omit<PendingChange, 'change' | 'discriminator'> {
  readonly change: Change;
}

/** Reads a `PendingChange`. */
export function decodePendingChange(data: ReadonlyUint8Array): Proposal {
  requireKind(data, 'pendingChange', 8);
  const { discriminator: _, change, ...rest } = getPendingChangeDecoder().decode(data);
  return { ...rest, change: getChangeDecoder().decode(change) };
}

/** What a program can return. */
const MAX_RETURN_DATA = 1024;

/** Return data with the zeros at its end, which the runtime may have dropped. */
function whole(data: ReadonlyUint8Array): Uint8Array {
  const padded = new Uint8Array(Math.max(MAX_RETURN_DATA, data.length));
  padded.set(data);
  return padded;
}

/** Reads the return data of `account_risk`. */
export const decodeAccountRisk = (data: ReadonlyUint8Array): AccountRiskReport => getAccountRiskReportDecoder().decode(whole(data));

/** Reads the return data of `account_health`. */
export const decodeHealthReport = (data: ReadonlyUint8Array): HealthReport => getHealthReportDecoder().decode(whole(data));

/** The slots of a margin account that are in use. */
export interface Holdings {
  readonly balances: readonly Balance[];
  readonly perps: readonly PerpPosition[];
  readonly orders: readonly OpenOrder[];
}

/** What a margin account holds; the quote balance is always there. */
export function holdingsOf(account: MarginAccount): Holdings {
  return {
    balances: account.balances.filter((balance) => balance.asset !== EMPTY),
    perps: account.perps.filter((perp) => perp.market !== EMPTY),
    orders: account.orders.filter((order) => order.id !== 0n),
  };
}

/** How an account can be margined: slot by slot, or as a whole. */
export const MARGIN_MODES = ['standard', 'portfolio'] as const;
/** One of {@link MARGIN_MODES}. */
export type MarginMode = (typeof MARGIN_MODES)[number];
/** How an account is margined; an unknown byte is the mode that nets nothing. */
export const marginModeOf = (account: Pick<MarginAccount, 'marginMode'>): MarginMode => MARGIN_MODES[account.marginMode] ?? 'standard';

/** Whether an account has been flagged for liquidation. */
export const isLiquidating = (account: MarginAccount): boolean => account.state === 1;

/**
 * How far a liquidation is: nobody flagged the account; it is flagged, and what it holds may be seized once later prices find
 * it below its line too; they have.
 */
export const flagOf = (account: Pick<MarginAccount, 'state' | 'flagConfirmed'>): 'none' | 'flagged' | 'confirmed' =>
  account.state !== 1 ? 'none' : account.flagConfirmed === 1 || account.flagConfirmed === 2 ? 'confirmed' : 'flagged';

/** Whether an account holds nothing, so that it can be closed. */
export function isEmpty(account: MarginAccount): boolean {
  const { balances, perps, orders } = holdingsOf(account);
  return perps.length === 0 && orders.length === 0 && balances.every((balance) => balance.shares === 0n);
}

/** The scale of a market's lots and prices. */
export const scaleOf = (market: Market): ContractScale => market.terms;

/** A name as the chain stores it: UTF-8, padded with zeros. */
export function nameOf(bytes: ArrayLike<number>): string {
  return new TextDecoder().decode(Uint8Array.from(bytes)).replace(/\0+$/, '');
}

/** A market's name on chain. */
export const marketName = (market: Market): string => nameOf(market.terms.name);
