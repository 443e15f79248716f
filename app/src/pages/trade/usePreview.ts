// What an order would come to, by the program's own code, for the form to show before anything is signed.
import { useDeferredValue, useMemo } from 'react';
import type { OrderPreview, Terms } from '@plimsoll/client/risk';
import { accountAt, linesOf, useRisk } from '../../data/health.ts';
import { useExchange } from '../../data/exchange.tsx';
import { underlyings } from '../../model/markets.ts';
import type { Lines } from '../../model/load.ts';
import type { AccountView, MarketView } from '../../model/views.ts';

/** A preview in dollars and base units. */
export interface Preview {
  raw: OrderPreview;
  before: Lines;
  after: Lines | undefined;
  /** Average price of what trades at once. */
  average: number | undefined;
  filled: number;
  resting: number;
  restingPrice: number;
  dropped: number;
  /** Fee of what trades at once; negative is received. */
  fee: number;
  liquidationBefore: Liquidation;
  liquidationAfter: Liquidation;
}

/** Prices of the market's underlying at which Maint is reached. */
export interface Liquidation {
  below: number | undefined;
  above: number | undefined;
}

/** The preview of these terms, or why there is none. */
export function usePreview(market: MarketView, account: AccountView | undefined, terms: Terms | undefined): Preview | undefined {
  const input = useOrderInput(market, account, terms);
  const risk = useRisk();
  return useMemo(() => {
    if (!input || !risk) return undefined;
    const raw = risk.previewOrder(input);
    const liquidation = (standing: typeof raw.after): Liquidation => ({
      below: price(standing?.liquidation?.below, market),
      above: price(standing?.liquidation?.above, market),
    });
    return {
      raw,
      before: linesOf(raw.before.lines),
      after: raw.after ? linesOf(raw.after.lines) : undefined,
      average: raw.averagePrice === null ? undefined : raw.averagePrice * market.priceStep,
      filled: Number(raw.filledLots) * market.lotSize,
      resting: Number(raw.restingLots) * market.lotSize,
      restingPrice: Number(raw.restingPrice) * market.priceStep,
      dropped: Number(raw.droppedLots + raw.decrementedLots) * market.lotSize,
      fee: Number(raw.fee) / 1e6,
      liquidationBefore: liquidation(raw.before),
      liquidationAfter: liquidation(raw.after),
    };
  }, [input, risk, market]);
}

function price(factor: number | null | undefined, market: MarketView): number | undefined {
  return factor == null ? undefined : factor * market.oracle;
}

/** The largest size of an order with these terms. */
export function useLargest(market: MarketView, account: AccountView | undefined, terms: Terms | undefined): number | undefined {
  const input = useOrderInput(market, account, terms);
  const risk = useRisk();
  return useMemo(() => (input && risk ? Number(risk.maxOrder(input).lots) * market.lotSize : undefined), [input, risk, market]);
}

function useOrderInput(market: MarketView, account: AccountView | undefined, terms: Terms | undefined) {
  const { state } = useExchange();
  // Typing stays fast: the preview follows as soon as there is time.
  const later = useDeferredValue(terms);
  return useMemo(() => {
    const at = state && accountAt(state.snapshot, account?.address);
    const stored = state?.snapshot.markets.get(market.index);
    const book = state?.snapshot.books.get(market.index);
    const queue = state?.snapshot.queues.get(market.index);
    if (!state || !at || !account || !stored || !book || !queue || !later) return undefined;
    const underlying = underlyings(state.assets, state.markets).find((one) => one.markets.includes(market.index));
    return {
      ...at,
      market: stored.data,
      book: book.data,
      fillQueue: queue.data,
      address: account.address,
      trader: account.owner,
      terms: later,
      underlying: underlying ? { assets: underlying.assets, markets: underlying.markets } : null,
    };
  }, [state, account, market, later]);
}
