// Health, previews and account decoding: the program's own code as a WebAssembly module, behind typed calls.

import type {
  ChainClock,
  Refusal,
  HealthLines,
  Underlying,
  Line,
  Stable,
  Crossing,
  Scenario,
  StressRow,
  AccountAt,
  OrderInput,
  OrderPreview,
  MaxOrder,
  CancelInput,
  CancelPreview,
  FundsInput,
  FundsPreview,
  MaxWithdrawal,
  PricesInDoubt,
  ProgramEvent,
  BookView,
} from "./risk-types.js";
import type {
  MarginAccountView,
  RiskStateView,
  MarketView,
  BankView,
  FillQueueView,
  ExchangeView,
  PendingChangeView,
} from "./account-types.js";
import type { RiskReport, RiskReportInput } from "./risk-report-types.js";

export type * from "./account-types.js";
export type * from "./risk-types.js";
export type * from "./risk-report-types.js";

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
const TEXT = new Set(["name", "message", "kind", "side", "line", "feed", "ended", "driver", "date"]);
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
  static async load(source: string | URL | Response | ArrayBuffer | ArrayBufferView): Promise<Risk> {
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

  /** The risk report: the document that bots and risk desks share, `docs/risk-report.schema.json`; also in a mode to switch to. */
  riskReport(input: RiskReportInput): RiskReport {
    return this.ask("risk_report", input);
  }

  /** What an order would come to, by the program's own matching and health. */
  previewOrder(input: OrderInput): OrderPreview {
    return this.ask("preview_order", input);
  }

  /** The largest size at which the program accepts an order of these terms, whatever size they name. */
  maxOrder(input: OrderInput): MaxOrder {
    return this.ask("max_order", input);
  }

  previewCancel(input: CancelInput): CancelPreview {
    return this.ask("preview_cancel", input);
  }

  previewDeposit(input: FundsInput & { amount: bigint }): FundsPreview {
    return this.ask("preview_deposit", input);
  }

  /** The highest 64-bit number withdraws the whole deposit. */
  previewWithdraw(input: FundsInput & { amount: bigint; allowBorrow?: boolean }): FundsPreview {
    return this.ask("preview_withdraw", input);
  }

  maxWithdraw(input: FundsInput & { allowBorrow?: boolean }): MaxWithdrawal {
    return this.ask("max_withdraw", input);
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

  /** For every entry, what its price counts for in a liquidation while it is in doubt. */
  pricesInDoubt(input: Pick<AccountAt, "riskState" | "clock">): PricesInDoubt {
    return this.ask("prices_in_doubt", input);
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
