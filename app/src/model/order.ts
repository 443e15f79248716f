// The order form's logic: from what was typed to the terms of an order, or to the reason why there are none yet.
import type { OrderKind, Terms } from '@plimsoll/client/risk';
import { parseLots, parsePrice } from '@plimsoll/client/units';
import { parse } from '../format/number.ts';
import type { MarketView } from './views.ts';

/** How a size is stated. */
export type SizeMode = 'amount' | 'value' | 'leverage';

/** How long an order rests, in seconds; zero is until it is cancelled. */
export const LIFETIMES = [
  { value: '0', label: 'Until cancelled' },
  { value: '300', label: '5 minutes' },
  { value: '3600', label: '1 hour' },
  { value: '86400', label: '1 day' },
  { value: '604800', label: '7 days' },
] as const;

/** The kinds of orders, as the form names them. */
export const KINDS: readonly { value: OrderKind; label: string; about: string }[] = [
  { value: 'limit', label: 'Limit', about: 'Trades what it can at this price or better; the rest waits in the book.' },
  { value: 'market', label: 'Market', about: 'Trades at once at the best prices within the band around the oracle; the rest is dropped.' },
  { value: 'postOnly', label: 'Post-only', about: 'Waits in the book; refused if it would trade at once.' },
  { value: 'postOnlySlide', label: 'Post-only, slide', about: 'Waits in the book; moves one tick behind the best price if it would trade at once.' },
  { value: 'immediateOrCancel', label: 'Immediate or cancel', about: 'Trades what it can at this price or better; the rest is dropped.' },
  { value: 'fillOrKill', label: 'Fill or kill', about: 'Trades whole at this price or better, or not at all.' },
];

/** What is in the form. */
export interface OrderDraft {
  side: 'buy' | 'sell';
  kind: OrderKind;
  price: string;
  mode: SizeMode;
  /** Base units or dollars, by the mode. */
  size: string;
  /** Notional of the order by equity, in the mode `leverage`. */
  leverage: number;
  reduceOnly: boolean;
  lifetime: (typeof LIFETIMES)[number]['value'];
  selfTrade: NonNullable<Terms['selfTrade']>;
}

/** The form as it opens. */
export const NEW_ORDER: OrderDraft = {
  side: 'buy',
  kind: 'limit',
  price: '',
  mode: 'amount',
  size: '',
  leverage: 0,
  reduceOnly: false,
  lifetime: '0',
  selfTrade: 'cancelProvide',
};

/** What the form needs to know besides. */
export interface OrderContext {
  market: MarketView;
  /** Best price of the other side of the book, if there is one. */
  best: number | undefined;
  /** Equity of the account, USD. */
  equity: number;
  /** Unix second. */
  now: number;
}

/** Terms, or the field that is not filled in yet and why. */
export type Drafted =
  | { terms: Terms; price: number; size: number }
  | { terms: undefined; field: 'price' | 'size'; problem: string | undefined };

/** Whether orders of this kind may wait in the book. */
export function rests(kind: OrderKind): boolean {
  return kind === 'limit' || kind === 'postOnly' || kind === 'postOnlySlide';
}

/** The price that a size in dollars is divided by: the limit, or where a market order would begin to trade. */
export function referencePrice(draft: OrderDraft, context: OrderContext): number | undefined {
  if (draft.kind === 'market') return context.best ?? context.market.oracle;
  const typed = parse(draft.price);
  return typed !== undefined && typed > 0 ? typed : undefined;
}

/** Base units that the form asks for. */
export function draftedSize(draft: OrderDraft, context: OrderContext): number | undefined {
  if (draft.mode === 'amount') return parse(draft.size);
  const price = referencePrice(draft, context) ?? context.market.oracle;
  const value = draft.mode === 'value' ? parse(draft.size) : draft.leverage * Math.max(0, context.equity);
  return value === undefined || !(price > 0) ? undefined : value / price;
}

/** Terms of the order that the form describes. */
export function termsOf(draft: OrderDraft, context: OrderContext): Drafted {
  const { market, now } = context;
  const side = draft.side === 'buy' ? 'bid' : 'ask';
  const limit = limitOf(draft, market);
  if (limit === undefined) {
    const problem = draft.price.trim() ? 'Not a price' : undefined;
    return { terms: undefined, field: 'price', problem };
  }
  const size = draftedSize(draft, context);
  if (size === undefined || size < 0) {
    return { terms: undefined, field: 'size', problem: draft.size.trim() ? 'Not a number' : undefined };
  }
  const lots =
    draft.mode === 'amount' ? parseLots(draft.size, market.scale) : BigInt(Math.floor(size / market.lotSize + 1e-9));
  if (lots <= 0n) {
    const problem = size > 0 ? `Less than a lot of ${market.lotSize} ${market.base}` : undefined;
    return { terms: undefined, field: 'size', problem };
  }
  const lifetime = rests(draft.kind) ? Number(draft.lifetime) : 0;
  return {
    terms: {
      side,
      price: limit,
      lots,
      kind: draft.kind,
      reduceOnly: draft.reduceOnly,
      expiry: lifetime ? now + lifetime : 0,
      selfTrade: draft.selfTrade,
      maxFills: 16,
    },
    price: referencePrice(draft, context) ?? market.oracle,
    size: Number(lots) * market.lotSize,
  };
}

/** A market order accepts any price within the band; other limits round in the trader's favour. */
function limitOf(draft: OrderDraft, market: MarketView): bigint | undefined {
  if (draft.kind === 'market') return draft.side === 'buy' ? (1n << 64n) - 1n : 0n;
  const price = parse(draft.price);
  if (price === undefined || !(price > 0)) return undefined;
  const lots = parsePrice(draft.price, market.scale, draft.side === 'buy' ? 'down' : 'up');
  return lots > 0n ? lots : undefined;
}

/** The most leverage that the market's margin ratio allows. A ratio is a binary fraction: a tenth falls just short of one. */
export function maxLeverage(market: MarketView): number {
  return market.initRatio > 0 ? Math.max(1, Math.floor(1 / market.initRatio + 1e-3)) : 1;
}
