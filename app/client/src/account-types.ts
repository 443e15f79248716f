// The program's accounts as the risk module decodes them. Integers of 64 bits are bigint; prices are mantissas with a shift.

import type { Decoded, Small } from "./risk-types.js";

export interface MarginAccountView {
  exchange: string;
  owner: string;
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
  balances: { shares: bigint; asset: Small; crowding: Small; crowdedUntil: Small }[];
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
  /** What the lots held brought when they were opened, fees aside. */
  opened: bigint;
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
  /** Interest on unpaid losses since the beginning, per unit, over 2^40. */
  lossIndex: bigint;
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
  sampledOrderId: bigint;
  /** Averaged (mark − spot) / spot over 2^40. */
  premium: bigint;
  params: { [field: string]: Decoded };
  /** What funding has moved beyond the last unit of its indices, over 2^32. */
  fundingFraction: Small;
  /** Lots that fills in the queue buy for makers who have not been told yet. */
  waitingBids: bigint;
  /** Interest on unpaid losses since the beginning, per unit, over 2^40, and the quote bank's borrow index up to then. */
  lossIndex: bigint;
  lossAccruedTo: bigint;
  index: Small;
  mode: Small;
  bump: Small;
  version: Small;
}

/** A leaky bucket: what is in it, and up to when it has drained, microseconds of unix time. */
export interface BucketView {
  level: bigint;
  updatedAt: bigint;
}

/** A net outflow: what has left and not leaked yet, and what came in lately and may leave again. */
export interface FlowView {
  left: BucketView;
  credit: BucketView;
  credited: bigint;
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
  fractions: { [field: string]: Decoded };
  insurance: bigint;
  netBorrows: FlowView;
  outflow: FlowView;
  /** Deposits that insurance has set quote aside for, native; anyone's deposit is bought with it. */
  missing: bigint;
  buyoutFund: bigint;
  insuranceDraw: BucketView;
  movedSlot: bigint;
  withdrawn: bigint;
  /** The totals that scale Init weights, which follow the true ones at a rate. */
  scaled: { deposits: bigint; borrows: bigint };
  scaleStarts: bigint[];
  params: { [field: string]: Decoded };
  index: Small;
  decimals: Small;
  mode: Small;
  bump: Small;
  vaultBump: Small;
  version: Small;
  /** 1 where wallets display raw amounts times a multiplier. */
  multiplies: Small;
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
