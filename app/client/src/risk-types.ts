// What the risk module is asked with and answers: the shapes of every call.
//
// Integers of 64 bits are bigint. Amounts are native units, quote amounts native quote (six decimals), sizes base lots
// and prices price lots, as in the program; prices of the risk state are mantissas with a shift.

/** Index of an asset or market, a byte, a decimal count: what fits a number. */
export type Small = number;

/** The chain's clock, against which entries are stale or fresh. */
export interface ChainClock {
  slot: bigint;
  /** Unix seconds. */
  unixTime: bigint;
  /** Takes every entry for just refreshed at its present price: for a transaction that refreshes first. */
  refreshed?: boolean;
  /** Takes those for just refreshed whose prices serve trades, since their oracles are heard: likewise. */
  heard?: boolean;
}

/** Why the program would refuse an instruction, or why a call cannot be answered (code 0). */
export interface Refusal {
  code: number;
  name: string;
  message: string;
}

export type StaleKind = "deposit" | "debt" | "market";

/** An entry that an account uses and whose price is too old for what was asked, or doubted. */
export interface Stale {
  kind: StaleKind;
  index: Small;
  /** Number of the feed that prices it. */
  feed: Small;
  /** Since the oracle published the price. */
  ageSeconds: bigint;
  maxAgeSeconds: Small;
  /** Whether it keeps the account from what increases risk; a stale deposit only counts nothing. */
  blocks: boolean;
}

/** A feed that an account counts on: how old its price is, and how far it is doubted. */
export interface FeedHealth {
  /** Number in the risk state. */
  feed: Small;
  ageMs: bigint;
  /** Whether the price is good for new risk, for what leaves, and to be seized at. */
  trades: boolean;
  pays: boolean;
  seizes: boolean;
  /** Whether it is more than half away from its own average. */
  broken: boolean;
  /** Whether a newer price was refused for its width or its distance. */
  refused: boolean;
  /** By the exchange's clock of doubt. */
  doubtedMs: bigint;
  /** Time over which what doubt is worth decays. */
  doubtSeconds: Small;
}

/** What a price counts for in a liquidation while it is in doubt: mantissas of its entry. */
export interface PriceInDoubt {
  /** Of deposits and longs. */
  owned: bigint;
  /** Of debts and shorts. */
  owed: bigint;
}

/** By index; null for an entry without a price. */
export interface PricesInDoubt {
  assets: (PriceInDoubt | null)[];
  markets: (PriceInDoubt | null)[];
}

/** How an account is margined: each balance and position by itself, or the portfolio as a whole. */
export type MarginModeName = "standard" | "portfolio";

export interface BalancePart {
  asset: Small;
  /** Native units, negative for a debt. */
  native: bigint;
  /** What it adds to a line, in portfolio margin before the requirement of the account as a whole. */
  init: bigint;
  maintenance: bigint;
}

export interface PerpPart {
  market: Small;
  /** Base lots, signed. */
  position: bigint;
  /** Profit at spot, funding included, orders left aside. */
  pnl: bigint;
  /** What it adds to a line, in portfolio margin before the requirement of the account as a whole. */
  init: bigint;
  maintenance: bigint;
}

/** The lines of an account, native quote: each is the sum of the slots' parts less the requirement. */
export interface HealthLines {
  /** At least zero after whatever increases risk. */
  init: bigint;
  liquidationEnd: bigint;
  /** Below zero the account may be liquidated. */
  maintenance: bigint;
  equity: bigint;
  liquidating: boolean;
  mode: MarginModeName;
  /** What portfolio margin requires of the account as a whole; zero in standard margin. */
  initRequirement: bigint;
  maintenanceRequirement: bigint;
  notional: bigint;
  /** Notional by equity, basis points; null without equity. */
  leverage: bigint | null;
  /** Part of the Init collateral in use, basis points; null without collateral. */
  marginUse: bigint | null;
  /** The same of the maintenance collateral: above 10,000 the account may be liquidated. */
  maintenanceUse: bigint | null;
  balances: BalancePart[];
  perps: PerpPart[];
  /** What is too old, or doubted, for trades. */
  stale: Stale[];
  /** Every feed that the account counts on. */
  feeds: FeedHealth[];
}

/** Entries that move together: SOL as collateral and SOL-PERP. Indices of assets and markets. */
export interface Underlying {
  assets?: Small[];
  markets?: Small[];
}

export type Line = "init" | "liquidationEnd" | "maintenance" | "equity";

/** What the stable price does when spot moves: it has caught up, or it is where it was. It bounds Init health only. */
export type Stable = "follows" | "stays";

/** Where a line crosses zero as an underlying moves; a factor of one is the present price. */
export interface Crossing {
  line: Line;
  /** Whether the line is below zero now. */
  crossed: boolean;
  below: number | null;
  above: number | null;
}

export interface Scenario {
  name: string;
  moves: { of: Underlying; factor: number }[];
  stable?: Stable;
}

export interface StressRow {
  name: string;
  lines: HealthLines;
}

/** The market-wide numbers, an account, and when. */
export interface AccountAt {
  /** Data of the RiskState account. */
  riskState: Uint8Array;
  /** Data of the MarginAccount account. */
  marginAccount: Uint8Array;
  clock: ChainClock;
}

/** An account before or after an instruction. */
export interface Standing {
  lines: HealthLines;
  /** Where maintenance crosses zero as the underlying that was asked about moves; null when none was. */
  liquidation: Crossing | null;
}

export type OrderKind =
  | "limit"
  | "postOnly"
  | "postOnlySlide"
  | "immediateOrCancel"
  | "fillOrKill"
  | "market";

/** Terms of an order, as the program takes them. */
export interface Terms {
  side: "bid" | "ask";
  /** Worst acceptable price in price lots. */
  price: bigint;
  /** Base lots. */
  lots: bigint;
  kind: OrderKind;
  /** Most native quote, before fees. */
  maxQuote?: bigint | null;
  reduceOnly?: boolean;
  /** Unix second from which it no longer trades; 0 for never. */
  expiry?: Small;
  clientId?: bigint;
  selfTrade?: "decrementAndCancel" | "cancelProvide" | "abortTransaction";
  /** Most resting orders to touch; 255 when left out. */
  maxFills?: Small;
}

export interface OrderInput extends AccountAt {
  /** Account data. */
  market: Uint8Array;
  book: Uint8Array;
  fillQueue: Uint8Array;
  /** Address of the margin account. */
  address: string;
  /** Who signs: owner or delegate. */
  trader: string;
  /** By which a delegate signs. */
  delegation?: Uint8Array;
  /** Margin accounts that the instruction will carry. */
  makers?: { address: string; marginAccount: Uint8Array }[];
  terms: Terms;
  /** What the liquidation price is asked for. */
  underlying?: Underlying | null;
}

export interface FillPreview {
  maker: string;
  orderId: bigint;
  price: bigint;
  lots: bigint;
  /** False while the maker's side would wait in the fill queue. */
  settled: boolean;
}

/** What becomes of an order: lots = filled + decremented + resting + dropped. */
export interface OrderPreview {
  /** Why the program would refuse it; nothing then changes. */
  refusal: Refusal | null;
  /** What has to be refreshed for it, when that is why it is refused. */
  stale: Stale[];
  orderId: bigint;
  /** Its limit in price lots: a market order's as cut to the band. */
  limit: bigint;
  fills: FillPreview[];
  filledLots: bigint;
  /** Native quote, before the fee. */
  filledQuote: bigint;
  /** Price lots. */
  averagePrice: number | null;
  fee: bigint;
  restingLots: bigint;
  restingPrice: bigint;
  decrementedLots: bigint;
  droppedLots: bigint;
  ended: "exhausted" | "price" | "maxFills" | "quoteBudget" | "queueFull" | "bookFull" | null;
  before: Standing;
  /** Afterwards; what it would be, for an order refused over health or open interest; null for other refusals. */
  after: Standing | null;
}

export interface MaxOrder {
  lots: bigint;
  /** Why a lot more is refused; null when more would be accepted and come to nothing. */
  limit: Refusal | null;
}

export interface CancelInput extends AccountAt {
  book: Uint8Array;
  address: string;
  trader: string;
  /** By which a delegate signs. */
  delegation?: Uint8Array;
  /** One order; without it all of the market, or of a side. */
  orderId?: bigint | null;
  side?: "bid" | "ask" | null;
  underlying?: Underlying | null;
}

export interface CancelPreview {
  refusal: Refusal | null;
  cancelled: Small;
  /** Orders whose fate waits in the fill queue. */
  waiting: Small;
  before: Standing;
  after: Standing;
}

export interface FundsInput extends AccountAt {
  /** Account data of the asset's bank. */
  bank: Uint8Array;
  /** Tokens in the bank's vault; without it liquidity is not checked. */
  vault?: bigint | null;
  address: string;
  signer: string;
  underlying?: Underlying | null;
}

export interface FundsPreview {
  refusal: Refusal | null;
  /** What has to be refreshed for it, when that is why it is refused. */
  stale: Stale[];
  amount: bigint;
  borrowed: bigint;
  /** Native units, interest included; negative for a debt. */
  balanceBefore: bigint;
  balanceAfter: bigint;
  before: Standing;
  after: Standing | null;
}

export interface MaxWithdrawal {
  amount: bigint;
  borrowed: bigint;
  /** Why one unit more is refused. */
  limit: Refusal | null;
}

export interface ProgramEvent {
  /** Name of the event, as in the program: `Deposited`, `Filled`, ... */
  kind: string;
  /** Its fields in camel case; addresses in base58. */
  data: Record<string, Decoded>;
}

/** A decoded field. */
export type Decoded = null | boolean | number | bigint | string | Decoded[] | { [field: string]: Decoded };

export interface BookLevel {
  price: bigint;
  lots: bigint;
  orders: Small;
  ownLots: bigint;
}

export interface OwnOrder {
  side: "bid" | "ask";
  orderId: bigint;
  price: bigint;
  lots: bigint;
  expiry: Small;
  reduceOnly: boolean;
}

export interface BookView {
  market: string;
  index: Small;
  tick: bigint;
  /** Best first; expired orders are left out. */
  bids: BookLevel[];
  asks: BookLevel[];
  bidOrders: Small;
  askOrders: Small;
  /** Orders of the margin account that was asked about, best first, expired ones included. */
  own: OwnOrder[];
  /** Margin accounts with resting orders, the best priced first: whom an order may want at hand. */
  bidOwners: string[];
  askOwners: string[];
}
