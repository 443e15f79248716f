// Numbers as traders read them: fixed places, true minus signs, no exponent, and exact conversion of what they type.

const formats = new Map<string, Intl.NumberFormat>();

function formatter(least: number, most: number, compact = false): Intl.NumberFormat {
  const key = `${least}:${most}:${compact}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.NumberFormat('en-US', {
      minimumFractionDigits: least,
      maximumFractionDigits: most,
      ...(compact ? { notation: 'compact' as const } : {}),
    });
    formats.set(key, found);
  }
  return found;
}

/** What stands where a number is not known. */
export const NONE = '–';

/** A number with a true minus sign; a rounded zero has no sign. */
function signed(value: number, text: (positive: number) => string): string {
  if (!Number.isFinite(value)) return NONE;
  const body = text(Math.abs(value));
  const isZero = !/[1-9]/.test(body);
  return value < 0 && !isZero ? `−${body}` : body;
}

/** A number with exactly `places` decimals. */
export function fixed(value: number, places: number): string {
  return signed(value, (n) => formatter(places, places).format(n));
}

/** A number with at most `places` decimals, without trailing zeros. */
export function trimmed(value: number, places: number): string {
  return signed(value, (n) => formatter(0, places).format(n));
}

/** Dollars: cents below a million, whole dollars above. */
export function usd(value: number): string {
  return signed(value, (n) => `$${formatter(n >= 1e6 ? 0 : 2, n >= 1e6 ? 0 : 2).format(n)}`);
}

/** Dollars in little room: 1.2K, 3.4M. */
export function usdShort(value: number): string {
  return signed(value, (n) => `$${n < 1000 ? formatter(0, 2).format(n) : formatter(0, 2, true).format(n)}`);
}

/** A number in little room. */
export function short(value: number): string {
  return signed(value, (n) => (n < 1000 ? formatter(0, 3).format(n) : formatter(0, 2, true).format(n)));
}

/** A change: always with its sign. */
export function change(value: number, text: (value: number) => string): string {
  const body = text(value);
  return value > 0 && /[1-9]/.test(body) ? `+${body}` : body;
}

/** A fraction as per cent: 0.0123 is 1.23 %. */
export function percent(fraction: number, places = 2): string {
  return signed(fraction * 100, (n) => `${formatter(places, places).format(n)}%`);
}

/** Decimals that show a price of this magnitude to about six figures, where its tick is not known. */
export function pricePlaces(price: number): number {
  if (!(price > 0)) return 2;
  return Math.min(8, Math.max(0, 5 - Math.floor(Math.log10(price))) || 0);
}

/** Native units as a decimal string of the token, exact whatever its size. */
export function fromNative(amount: bigint, decimals: number): string {
  const negative = amount < 0n;
  const digits = (negative ? -amount : amount).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const part = decimals ? digits.slice(digits.length - decimals).replace(/0+$/, '') : '';
  return `${negative ? '-' : ''}${whole}${part ? `.${part}` : ''}`;
}

/** A decimal string as native units, rounded down; `undefined` for what is no plain decimal number. */
export function toNative(text: string, decimals: number): bigint | undefined {
  const match = /^(\d*)(?:\.(\d*))?$/.exec(text.trim().replaceAll(',', '').replaceAll('_', ''));
  if (!match || (!match[1] && !match[2])) return undefined;
  const part = (match[2] ?? '').slice(0, decimals).padEnd(decimals, '0');
  return BigInt(`${match[1] || '0'}${part}`);
}

/** Native units as a number, for showing and for drawing, never for sending. */
export function nativeToNumber(amount: bigint, decimals: number): number {
  return Number(amount) / 10 ** decimals;
}

/** What was typed as a number; `undefined` when it is none. */
export function parse(text: string): number | undefined {
  const cleaned = text.trim().replaceAll(',', '').replaceAll('_', '').replace('−', '-');
  if (!/^-?(\d+\.?\d*|\.\d+)$/.test(cleaned)) return undefined;
  return Number(cleaned);
}
