// Conversions between native integers and the decimal strings that people read and type. Exact: no amount is ever a float.

/** Decimals of the quote asset: native quote is a millionth of a dollar. */
export const QUOTE_DECIMALS = 6;
/** One, as a ratio of the program (Q8.24). */
export const RATIO_ONE = 1n << 24n;
/** One, as an index of the program (Q16.48). */
export const INDEX_ONE = 1n << 48n;

/** What one base lot and one price lot of a market are worth; from the market's contract terms. */
export interface ContractScale {
  /** Native units of the underlying in one base lot. */
  readonly baseLotSize: bigint;
  /** Decimals of the underlying. */
  readonly baseDecimals: number;
  /** Native quote per base lot and price lot. */
  readonly tick: bigint;
}

/** Which way a conversion that is not exact goes. */
export type Rounding = 'down' | 'up' | 'nearest';

/** A text that is no amount, in words for the person who typed it. */
export class UnitsError extends Error {
  override readonly name = 'UnitsError';
}

/** Ten to a power. */
export const ten = (power: number): bigint => 10n ** BigInt(power);

/** A quotient of a positive divisor: towards minus infinity, plus infinity, or the nearest with halves away from zero. */
export function divide(numerator: bigint, divisor: bigint, rounding: Rounding): bigint {
  if (rounding === 'nearest') {
    const doubled = 2n * (numerator < 0n ? -numerator : numerator);
    const magnitude = (doubled + divisor) / (2n * divisor);
    return numerator < 0n ? -magnitude : magnitude;
  }
  const quotient = numerator / divisor;
  const rest = numerator % divisor;
  if (rest === 0n) return quotient;
  if (rounding === 'down') return rest < 0n ? quotient - 1n : quotient;
  return rest > 0n ? quotient + 1n : quotient;
}

/** A typed decimal as an exact fraction of a power of ten. */
function parseDecimal(text: string): { digits: bigint; decimals: number } {
  const clean = text.trim().replace(/[,_\u202f\s]/g, '');
  const match = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(clean);
  const [, sign = '', whole = '', fraction = ''] = match ?? [];
  if (!match || whole.length + fraction.length === 0) throw new UnitsError(`"${text}" is not a number`);
  const magnitude = BigInt(`${whole}${fraction}` || '0');
  return { digits: sign === '-' ? -magnitude : magnitude, decimals: fraction.length };
}

/**
 * Native units of a decimal text.
 *
 * @throws UnitsError when it is no number, or has more decimals than the token
 */
export function parseUnits(text: string, decimals: number): bigint {
  const parsed = parseDecimal(text);
  const numerator = parsed.digits * ten(decimals);
  if (numerator % ten(parsed.decimals) !== 0n) throw new UnitsError(`at most ${decimals} decimals`);
  return numerator / ten(parsed.decimals);
}

/** How a decimal is written. */
export interface DecimalFormat {
  /** Decimals that are written even when zero; none unless told. */
  readonly minimum?: number;
  /** Most decimals that are written; all there are unless told. */
  readonly maximum?: number;
  /** Towards zero unless told. */
  readonly rounding?: Rounding;
  /** Whether thousands are set apart by commas; not unless told. */
  readonly group?: boolean;
}

/** Native units as a decimal text. */
export function formatUnits(native: bigint, decimals: number, format: DecimalFormat = {}): string {
  const kept = Math.min(decimals, format.maximum ?? decimals);
  const magnitude = native < 0n ? -native : native;
  const rounded = divide(magnitude, ten(decimals - kept), format.rounding ?? 'down');
  const text = rounded.toString().padStart(kept + 1, '0');
  const whole = text.slice(0, text.length - kept);
  const minimum = format.minimum ?? 0;
  let fraction = text.slice(text.length - kept);
  while (fraction.length > minimum && fraction.endsWith('0')) fraction = fraction.slice(0, -1);
  fraction = fraction.padEnd(minimum, '0');
  const grouped = format.group ? whole.replace(/\B(?=(\d{3})+$)/g, ',') : whole;
  const sign = native < 0n && rounded !== 0n ? '-' : '';
  return `${sign}${grouped}${fraction ? `.${fraction}` : ''}`;
}

/** A fraction as a decimal text with at most `maximum` decimals. The denominator is positive. */
export function formatFraction(numerator: bigint, denominator: bigint, maximum: number, format: DecimalFormat = {}): string {
  const scaled = divide(numerator * ten(maximum), denominator, format.rounding ?? 'nearest');
  return formatUnits(scaled, maximum, { ...format, maximum });
}

/** Native quote as dollars, with two decimals unless told otherwise. */
export function formatQuote(native: bigint, format: DecimalFormat = {}): string {
  return formatUnits(native, QUOTE_DECIMALS, { minimum: 2, maximum: 2, rounding: 'nearest', group: true, ...format });
}

/** A ratio (Q8.24) as a percentage without its sign: `12.5` for an eighth. */
export function formatPercent(ratio: bigint | number, maximum = 2, format: DecimalFormat = {}): string {
  return formatFraction(BigInt(ratio) * 100n, RATIO_ONE, maximum, format);
}

/** The ratio (Q8.24) nearest to a percentage. */
export function parsePercent(text: string): bigint {
  const { digits, decimals } = parseDecimal(text);
  return divide(digits * RATIO_ONE, 100n * ten(decimals), 'nearest');
}

/** An integer with decimals as a number, for charts and proportions only. */
export function toNumber(native: bigint, decimals: number): number {
  return Number(native) / 10 ** decimals;
}

// Sizes and prices of a market.

/** Size in whole units of the underlying, of base lots. */
export function formatLots(lots: bigint, scale: ContractScale, format: DecimalFormat = {}): string {
  return formatUnits(lots * scale.baseLotSize, scale.baseDecimals, format);
}

/** Base lots of a size in whole units of the underlying; what is less than a lot is dropped unless told otherwise. */
export function parseLots(text: string, scale: ContractScale, rounding: Rounding = 'down'): bigint {
  const { digits, decimals } = parseDecimal(text);
  return divide(digits * ten(scale.baseDecimals), scale.baseLotSize * ten(decimals), rounding);
}

/** Decimals in which every size of a market can be written. */
export function lotDecimals(scale: ContractScale): number {
  return decimalsOf(scale.baseLotSize, ten(scale.baseDecimals));
}

/** Dollars per whole unit of the underlying in one price lot, as numerator and denominator. */
function priceLot(scale: ContractScale): [bigint, bigint] {
  return [scale.tick * ten(scale.baseDecimals), scale.baseLotSize * ten(QUOTE_DECIMALS)];
}

/** Decimals in which every price of a market can be written. */
export function priceDecimals(scale: ContractScale): number {
  return decimalsOf(...priceLot(scale));
}

/** A limit price in dollars per whole unit of the underlying, of price lots. */
export function formatPrice(price: bigint, scale: ContractScale, format: DecimalFormat = {}): string {
  const [numerator, denominator] = priceLot(scale);
  return formatFraction(price * numerator, denominator, priceDecimals(scale), format);
}

/** Price lots of a price in dollars: a buyer rounds down, a seller up. */
export function parsePrice(text: string, scale: ContractScale, rounding: Rounding): bigint {
  const { digits, decimals } = parseDecimal(text);
  const [numerator, denominator] = priceLot(scale);
  return divide(digits * denominator, numerator * ten(decimals), rounding);
}

/** A price in dollars as a number, for charts only. */
export function priceNumber(price: bigint, scale: ContractScale): number {
  const [numerator, denominator] = priceLot(scale);
  return (Number(price) * Number(numerator)) / Number(denominator);
}

/** Native quote for `lots` at a limit price: lots × price × tick, exact. */
export function notional(lots: bigint, price: bigint, scale: ContractScale): bigint {
  return lots * price * scale.tick;
}

/** The least decimals that write `numerator / denominator` exactly; twelve when none do. */
function decimalsOf(numerator: bigint, denominator: bigint): number {
  for (let decimals = 0; decimals < 12; decimals += 1) {
    if ((numerator * ten(decimals)) % denominator === 0n) return decimals;
  }
  return 12;
}

// Prices of the risk state: mantissas with binary places.

/** Native quote of native units (an asset) or base lots (a market) at a mantissa; rounded down unless told. */
export function valueAt(amount: bigint, mantissa: bigint, shift: number, rounding: Rounding = 'down'): bigint {
  return divide(amount * mantissa, 1n << BigInt(shift), rounding);
}

/** Dollars per whole token, of an asset's mantissa. */
export function formatAssetPrice(mantissa: bigint, shift: number, decimals: number, maximum = 6, format: DecimalFormat = {}): string {
  return formatFraction(mantissa * ten(decimals), (1n << BigInt(shift)) * ten(QUOTE_DECIMALS), maximum, format);
}

/** Dollars per whole unit of the underlying, of a market's mantissa. */
export function formatMarketPrice(mantissa: bigint, shift: number, scale: ContractScale, format: DecimalFormat = {}): string {
  const denominator = (1n << BigInt(shift)) * scale.baseLotSize * ten(QUOTE_DECIMALS);
  return formatFraction(mantissa * ten(scale.baseDecimals), denominator, priceDecimals(scale), format);
}

/** The price lots nearest to a market's mantissa, rounded as told. */
export function priceOfMantissa(mantissa: bigint, shift: number, scale: ContractScale, rounding: Rounding = 'nearest'): bigint {
  return divide(mantissa, scale.tick << BigInt(shift), rounding);
}

/** Native units of bank shares at an index (Q16.48): deposits down, debts up. */
export function sharesToNative(shares: bigint, index: bigint): bigint {
  const magnitude = (shares < 0n ? -shares : shares) * index;
  return shares < 0n ? -divide(magnitude, INDEX_ONE, 'up') : magnitude / INDEX_ONE;
}
