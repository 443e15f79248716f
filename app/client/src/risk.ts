// Health, previews and account decoding: the program's own code as a WebAssembly module, behind typed calls.
//
// Integers of 64 bits are bigint on this side. Amounts are native units, quote amounts native quote (six decimals),
// sizes base lots and prices price lots, as in the program; prices of the risk state are mantissas with a shift.

/** Index of an asset or market, a byte, a decimal count: what fits a number. */
export type Small = number;

/** The chain's clock, against which entries are stale or fresh. */
export interface ChainClock {
  slot: bigint;
  /** Unix seconds. */
  unixTime: bigint;
}

/** Why the program would refuse an instruction, or why a call cannot be answered (code 0). */
export interface Refusal {
  code: number;
  name: string;
  message: string;
}

/** A call that has no answer. */
export class RiskError extends Error {
  readonly code: number;
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.name = "RiskError";
    this.code = refusal.code;
    this.refusal = refusal;
  }
}

export type StaleKind = "deposit" | "debt" | "market";

/** A stale entry that an account uses, and how old it is against its limits. */
export interface Stale {
  kind: StaleKind;
  index: Small;
  ageSeconds: bigint;
  maxAgeSeconds: Small;
  ageSlots: bigint;
  maxAgeSlots: Small;
  /** Whether it keeps the account from what increases risk; a stale deposit only counts nothing. */
  blocks: boolean;
}

export interface BalancePart {
  asset: Small;
  /** Native units, negative for a debt. */
  native: bigint;
  init: bigint;
  maintenance: bigint;
}

export interface PerpPart {
  market: Small;
  /** Base lots, signed. */
  position: bigint;
  /** Profit at spot, funding included, orders left aside. */
  pnl: bigint;
  init: bigint;
  maintenance: bigint;
}

/** The lines of an account, native quote. */
export interface HealthLines {
  /** At least zero after whatever increases risk. */
  init: bigint;
  liquidationEnd: bigint;
  /** Below zero the account may be liquidated. */
  maintenance: bigint;
  equity: bigint;
  liquidating: boolean;
  notional: bigint;
  /** Notional by equity, basis points; null without equity. */
  leverage: bigint | null;
  /** Part of the Init collateral in use, basis points; null without collateral. */
  marginUse: bigint | null;
  /** The same of the maintenance collateral: above 10,000 the account may be liquidated. */
  maintenanceUse: bigint | null;
  balances: BalancePart[];
  perps: PerpPart[];
  stale: Stale[];
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
  flaggedSlot: bigint;
  subAccount: Small;
  /** 0 active, 1 liquidating. */
  state: Small;
  bump: Small;
  version: Small;
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

export interface PriceView {
  publishTime: bigint;
  refreshSlot: bigint;
  spot: bigint;
  conf: bigint;
  stable: bigint;
  average: bigint;
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
  maxAgeSecs: Small;
  maxAgeSlots: Small;
  shift: Small;
  mode: Small;
  decimals: Small;
}

/** Prices are mantissas: native quote per base lot, times 2^shift. */
export interface MarketRiskView {
  price: PriceView;
  mark: bigint;
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
  maxAgeSecs: Small;
  maxAgeSlots: Small;
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
  oracles: { [field: string]: Decoded };
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
  oracles: { [field: string]: Decoded };
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

/** A value of a call's input: account data goes beside the JSON, bigint as a decimal string. */
type Input = unknown;

interface Exports {
  memory: WebAssembly.Memory;
  alloc(length: number): number;
  dealloc(pointer: number, length: number): void;
  call(name: number, nameLength: number, input: number, inputLength: number): number;
  last_panic(): number;
}

/** Strings that are text even when they look like an integer. */
const TEXT = new Set(["name", "message", "kind", "side", "line", "feed", "stop"]);
const INTEGER = /^-?\d+$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The module. Calls are synchronous, and take microseconds to a few milliseconds.
 *
 * A panic inside throws, and the next call runs on a new instance: nothing is kept between calls.
 */
export class Risk {
  private exports: Exports;

  private constructor(private readonly module: WebAssembly.Module) {
    this.exports = instantiate(module);
  }

  /** Loads the module from its address (in a browser: `import url from "./wasm/plimsoll.wasm?url"`) or its bytes. */
  static async load(source: string | URL | Response | BufferSource): Promise<Risk> {
    if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
      return new Risk(await WebAssembly.compile(source as BufferSource));
    }
    const response = source instanceof Response ? source : await fetch(source as string | URL);
    if (!response.ok) {
      throw new Error(`the risk module cannot be loaded: ${response.status} ${response.statusText}`);
    }
    return new Risk(await WebAssembly.compile(await response.arrayBuffer()));
  }

  /** The lines of an account and what each of its slots adds to them. */
  health(input: AccountAt): HealthLines {
    return this.ask("health", input);
  }

  /** For each underlying, where lines (by default maintenance alone) cross zero: factors of the present price. */
  liquidationPrices(
    input: AccountAt & { underlyings: Underlying[]; lines?: Line[]; stable?: Stable },
  ): Crossing[][] {
    return this.ask("liquidation_prices", input);
  }

  /** Health under each scenario. */
  stress(input: AccountAt & { scenarios: Scenario[] }): StressRow[] {
    return this.ask("stress", input);
  }

  /** Name (null when it is not the program's) and message of a custom error code. */
  describeError(code: number): { name: string | null; message: string } {
    return this.ask("describe_error", { code });
  }

  /** The program's events in a transaction's logs, in order. */
  events(logs: readonly string[]): ProgramEvent[] {
    return this.ask("events", { logs });
  }

  decodeMarginAccount(account: Uint8Array): MarginAccountView {
    return this.ask("decode_margin_account", { account });
  }

  decodeRiskState(account: Uint8Array): RiskStateView {
    return this.ask("decode_risk_state", { account });
  }

  decodeMarket(account: Uint8Array): MarketView {
    return this.ask("decode_market", { account });
  }

  decodeBank(account: Uint8Array): BankView {
    return this.ask("decode_bank", { account });
  }

  /** Levels of both sides, and the orders of one margin account. */
  decodeBook(input: { account: Uint8Array; clock: ChainClock; owner?: string; depth?: number }): BookView {
    return this.ask("decode_book", input);
  }

  decodeFillQueue(account: Uint8Array): FillQueueView {
    return this.ask("decode_fill_queue", { account });
  }

  decodeExchange(account: Uint8Array): ExchangeView {
    return this.ask("decode_exchange", { account });
  }

  decodePendingChange(account: Uint8Array): PendingChangeView {
    return this.ask("decode_pending_change", { account });
  }

  private ask<Output>(name: string, input: Input): Output {
    const answer = this.call(encoder.encode(name), pack(input));
    const output = JSON.parse(answer, revive) as Output & { error?: Refusal };
    if (output !== null && typeof output === "object" && output.error !== undefined) {
      throw new RiskError(output.error);
    }
    return output;
  }

  private call(name: Uint8Array, input: Uint8Array): string {
    const exports = this.exports;
    try {
      const nameAt = put(exports, name);
      const inputAt = put(exports, input);
      const answer = exports.call(nameAt, name.length, inputAt, input.length);
      exports.dealloc(nameAt, name.length);
      exports.dealloc(inputAt, input.length);
      return take(exports, answer);
    } catch (trap) {
      throw this.recovered(trap);
    }
  }

  /** After a trap nothing in the instance can be trusted: reads what the panic said, and starts anew. */
  private recovered(trap: unknown): RiskError {
    let message = trap instanceof Error ? trap.message : String(trap);
    try {
      const said = this.exports.last_panic();
      if (said !== 0) message = take(this.exports, said);
    } catch {
      // The trap's own message will do.
    }
    this.exports = instantiate(this.module);
    return new RiskError({ code: 0, name: "Panic", message });
  }
}

function instantiate(module: WebAssembly.Module): Exports {
  return new WebAssembly.Instance(module, {}).exports as unknown as Exports;
}

function put(exports: Exports, bytes: Uint8Array): number {
  const pointer = exports.alloc(bytes.length);
  if (pointer === 0) throw new Error("the risk module is out of memory");
  new Uint8Array(exports.memory.buffer, pointer, bytes.length).set(bytes);
  return pointer;
}

/** Reads an answer and frees it. */
function take(exports: Exports, pointer: number): string {
  if (pointer === 0) throw new Error("the risk module is out of memory");
  const length = new DataView(exports.memory.buffer).getUint32(pointer, true);
  const text = decoder.decode(new Uint8Array(exports.memory.buffer, pointer + 4, length));
  exports.dealloc(pointer, length + 4);
  return text;
}

/** The parts of an input: JSON, and account data by its number. */
function pack(input: Input): Uint8Array {
  const parts: Uint8Array[] = [new Uint8Array()];
  parts[0] = encoder.encode(JSON.stringify(apart(input, parts)));
  const head = 4 * (parts.length + 1);
  const packed = new Uint8Array(parts.reduce((sum, part) => sum + part.length, head));
  const lengths = new DataView(packed.buffer);
  lengths.setUint32(0, parts.length, true);
  let at = head;
  parts.forEach((part, i) => {
    lengths.setUint32(4 * (i + 1), part.length, true);
    packed.set(part, at);
    at += part.length;
  });
  return packed;
}

/** The input with account data replaced by the number of its part. */
function apart(value: unknown, parts: Uint8Array[]): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return parts.push(value) - 1;
  if (Array.isArray(value)) return value.map((element) => apart(element, parts));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, apart(field, parts)]));
  }
  return value;
}

function revive(field: string, value: unknown): unknown {
  return typeof value === "string" && INTEGER.test(value) && !TEXT.has(field) ? BigInt(value) : value;
}

/** A price of the risk state in USD for a whole token or base unit: `decimals` are the token's, or the base's. */
export function usdPrice(mantissa: bigint, shift: number, decimals: number, size = 1n): number {
  return ((Number(mantissa) / 2 ** shift) * 10 ** (decimals - 6)) / Number(size);
}
