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

export interface MarginAccountView {
  exchange: string;
  owner: string;
  delegate: string;
  /** When it was flagged for liquidation, Unix seconds; zero when it is not. */
  flaggedAt: bigint;
  /** Newest publish time among the prices that it was flagged at, Unix milliseconds. */
  flaggedPriceMs: bigint;
  subAccount: Small;
  /** 0 active, 1 liquidating. */
  state: Small;
  bump: Small;
  version: Small;
  /** 0 standard, 1 portfolio. */
  marginMode: Small;
  /** 1 once later prices have found a flagged account below its line too. */
  flagConfirmed: Small;
  balances: { shares: bigint; asset: Small }[];
  perps: PerpView[];
  orders: OrderView[];
}

export interface PerpView {
  position: bigint;
  quote: bigint;
  fundingEntry: bigint;
  bidLots: bigint;
  askLots: bigint;
  bestBid: bigint;
  bestAsk: bigint;
  openNotional: bigint;
  orderMask: bigint;
  market: Small;
  lastSide: Small;
}

export interface OrderView {
  id: bigint;
  clientId: bigint;
  price: bigint;
  lots: bigint;
  expiry: Small;
  market: Small;
  /** 0 bid, 1 ask. */
  side: Small;
  /** Bit 0: reduce-only. */
  flags: Small;
}

/** A feed's price in an entry's unit. */
export interface PriceView {
  /** Unix milliseconds. */
  publishedMs: bigint;
  /** The exchange's clock of doubt when the price was last not doubted, milliseconds. */
  doubtFrom: bigint;
  spot: bigint;
  conf: bigint;
  stable: bigint;
  /** Ratios over 2^24. */
  confMultiple: Small;
  doubtBenefit: Small;
  doubtFloor: Small;
  doubtSecs: Small;
  /** For trades, payments and seizures. */
  maxAgeSecs: Small[];
  /** Bit 0: broken; bit 1: a newer price was refused. */
  flags: Small;
  feed: Small;
}

/** Where a price comes from. */
export interface SourceView {
  /** Feed id, price account or stake pool, in hex. */
  feed: string;
  /** 0 none, 1 Pyth pull, 2 Pyth legacy, 3 Pyth Pro, 4 derived. */
  kind: Small;
  receiver: Small;
  /** Of a derived feed: the feed that its rate multiplies, and the one that caps it (255: none). */
  base: Small;
  cap: Small;
  exponent: Small;
}

/** A feed. Prices are mantissas: native quote per whole token, times 2^shift. */
export interface FeedView {
  price: {
    publishedMs: bigint;
    primaryMs: bigint;
    refusedMs: bigint;
    spot: bigint;
    conf: bigint;
    stable: bigint;
    average: bigint;
    doubtFrom: bigint;
    jumpedMs: bigint;
    jumpCount: Small;
  };
  /** By the names of the program's interface. */
  limits: { [field: string]: Decoded };
  sources: { primary: SourceView; fallback: SourceView };
  name: string;
  /** Bit i: asset, market or derived feed i follows. */
  assets: bigint;
  markets: bigint;
  derived: bigint;
  /** Of a derived feed: base tokens per token, over 2^48. */
  rate: bigint;
  rateReadAt: bigint;
  shift: Small;
}

/** Prices are mantissas: native quote per native unit, times 2^shift. */
export interface AssetRiskView {
  price: PriceView;
  depositIndex: bigint;
  borrowIndex: bigint;
  /** Per kind: Init, LiquidationEnd, Maint. */
  assetPrice: bigint[];
  liabilityPrice: bigint[];
  /** Ratios over 2^24. */
  assetWeight: Small[];
  liabilityWeight: Small[];
  shift: Small;
  mode: Small;
  decimals: Small;
}

/** Prices are mantissas: native quote per base lot, times 2^shift. */
export interface MarketRiskView {
  price: PriceView;
  fundingLong: bigint;
  fundingShort: bigint;
  priceLow: bigint[];
  priceHigh: bigint[];
  requirementPrice: bigint[];
  sizeScaleNotional: bigint;
  sizeInverseRoot: bigint;
  sizeThresholdLots: bigint;
  tick: bigint;
  initRatio: Small;
  maintRatio: Small;
  profitWeight: Small[];
  makerFee: Small;
  /** (mark − spot) / spot over 2^24. */
  premium: Small;
  shift: Small;
  mode: Small;
}

export interface RiskStateView {
  exchange: string;
  assetCount: Small;
  marketCount: Small;
  /** 0 active, 1 reduce-only, 2 paused. */
  mode: Small;
  bump: Small;
  version: Small;
  /** The clock by which doubt decays, milliseconds. */
  doubtMs: bigint;
  feedCount: Small;
  feeds: FeedView[];
  assets: AssetRiskView[];
  markets: MarketRiskView[];
}

/** A market; parameters by the names of the program's interface. */
export interface MarketView {
  exchange: string;
  book: string;
  fillQueue: string;
  terms: { baseLotSize: bigint; tick: bigint; baseDecimals: Small; name: string };
  longInterest: bigint;
  shortInterest: bigint;
  fundingLong: bigint;
  fundingShort: bigint;
  fundedUntil: bigint;
  pnlPool: bigint;
  feesAccrued: bigint;
  insuranceAccrued: bigint;
  nextOrderId: bigint;
  params: { [field: string]: Decoded };
  /** (mark − spot) / spot over 2^24. */
  premium: Small;
  index: Small;
  mode: Small;
  bump: Small;
  version: Small;
}

/** A bank; parameters by the names of the program's interface. */
export interface BankView {
  exchange: string;
  mint: string;
  vault: string;
  tokenProgram: string;
  depositShares: bigint;
  borrowShares: bigint;
  depositIndex: bigint;
  borrowIndex: bigint;
  accruedUntil: bigint;
  fees: bigint;
  feeFraction: bigint;
  insurance: bigint;
  borrowWindowStart: bigint;
  netBorrowed: bigint;
  outflowWindowStart: bigint;
  outflow: bigint;
  params: { [field: string]: Decoded };
  index: Small;
  decimals: Small;
  mode: Small;
  bump: Small;
  vaultBump: Small;
  version: Small;
}

export interface QueuedFillView {
  maker: string;
  seq: bigint;
  price: bigint;
  lots: bigint;
  makerFee: bigint;
  fundingIndex: bigint;
  time: bigint;
  /** 0 a trade; 1 expired, 2 evicted, 3 self-trade, 4 no longer allowed. */
  kind: Small;
  makerSide: Small;
  makerSlot: Small;
  orderDone: Small;
}

export interface FillQueueView {
  market: string;
  exchange: string;
  index: Small;
  bump: Small;
  version: Small;
  /** Oldest first. */
  queue: QueuedFillView[];
}

export interface ExchangeView {
  authority: string;
  guardian: string;
  riskState: string;
  insuranceVault: string;
  quoteMint: string;
  changeDelay: bigint;
  changeNonce: bigint;
  id: Small;
  bump: Small;
  insuranceBump: Small;
  version: Small;
}

export interface PendingChangeView {
  exchange: string;
  proposer: string;
  nonce: bigint;
  readyAt: bigint;
  bump: Small;
  /** `kind` names the change; the other fields are what it sets. */
  change: { kind: string } & { [field: string]: Decoded };
}
