// The history server: candles, trades, events and health over time. Without one, pages show the present only.
import { History, type HistoryEvent, type Resolution } from '@plimsoll/client/history';
import { priceNumber } from '@plimsoll/client/units';
import type { Address } from '@solana/kit';
import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Lines } from '../model/load.ts';
import type { MarketView } from '../model/views.ts';
import { useExchange } from './exchange.tsx';

export type { HistoryEvent, Resolution } from '@plimsoll/client/history';

/** Prices of a stretch of time, USD. */
export interface Candle {
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  /** Base units traded. */
  volume: number;
}

/** A trade. */
export interface Trade {
  key: string;
  time: number;
  price: number;
  size: number;
  side: 'buy' | 'sell';
}

/** Health at a moment, USD. */
export interface HealthPoint extends Lines {
  time: number;
}

/** The history server; `undefined` where the directory names none. */
export function useHistoryServer(): History | undefined {
  const endpoint = useExchange().state?.directory.endpoints.history ?? undefined;
  return useMemo(() => (endpoint === undefined ? undefined : new History(endpoint)), [endpoint]);
}

/** A question to the history server, asked again after `every` milliseconds; disabled while its key has a gap. */
export function useHistory<T>(
  key: readonly (string | number | undefined)[],
  every: number,
  ask: (history: History, signal: AbortSignal) => Promise<T>,
): UseQueryResult<T> {
  const history = useHistoryServer();
  return useQuery({
    queryKey: ['history', ...key],
    enabled: history !== undefined && !key.includes(undefined),
    refetchInterval: every,
    retry: 1,
    queryFn: ({ signal }) => (history ? ask(history, signal) : Promise.reject(new Error('No history server'))),
  });
}

/** Candles of a market's trades, oldest first. */
export function useCandles(market: MarketView, resolution: Resolution): UseQueryResult<Candle[]> {
  return useHistory(['candles', market.index, resolution], 4000, async (history, signal) => {
    const candles = await history.candles(market.index, { resolution, limit: 500 }, signal);
    return inOrder(
      candles.map((candle) => ({
        time: candle.time,
        open: candle.open * market.priceStep,
        high: candle.high * market.priceStep,
        low: candle.low * market.priceStep,
        close: candle.close * market.priceStep,
        volume: Number(candle.volume) * market.lotSize,
      })),
    );
  });
}

/** Candles of an asset's oracle price, oldest first. */
export function usePrices(asset: number | undefined, resolution: Resolution, limit = 500): UseQueryResult<Candle[]> {
  return useHistory(['prices', asset, resolution, limit], 10_000, async (history, signal) => {
    const candles = await history.prices(asset ?? 0, { resolution, limit }, signal);
    return inOrder(candles.map((candle) => ({ ...candle, volume: 0 })));
  });
}

function inOrder(candles: Candle[]): Candle[] {
  return candles.sort((a, b) => a.time - b.time).filter((candle, i, all) => candle.time !== all[i - 1]?.time);
}

/** The change of the oracle's price over the last day, or over what is known of it. */
export function useDayChange(market: MarketView): number | undefined {
  const { state } = useExchange();
  const asset = state?.assets.find((known) => known.symbol === market.base);
  const { data } = usePrices(asset?.index, 3600, 25);
  const first = data?.[0]?.open;
  return first && market.oracle ? market.oracle / first - 1 : undefined;
}

/** The latest trades of a market, newest first. */
export function useTrades(market: MarketView, limit = 60): UseQueryResult<Trade[]> {
  return useHistory(['trades', market.index, limit], 3000, async (history, signal) => {
    const trades = await history.trades(market.index, { limit }, signal);
    return trades.map((trade) => ({
      key: trade.position,
      time: trade.time,
      price: priceNumber(trade.price, market.scale),
      size: Number(trade.lots) * market.lotSize,
      side: trade.side,
    }));
  });
}

/** What happened to an account, newest first. */
export function useEvents(account: string | undefined, limit = 200): UseQueryResult<HistoryEvent[]> {
  return useHistory(['events', account, limit], 5000, (history, signal) => history.events(account as Address, { limit }, signal));
}

/** Health of an account over time, oldest first. */
export function useHealthHistory(account: string | undefined, limit = 300): UseQueryResult<HealthPoint[]> {
  return useHistory(['health', account, limit], 10_000, async (history, signal) => {
    const points = await history.health(account as Address, { limit }, signal);
    return points.map((point) => ({
      time: point.time,
      init: Number(point.init) / 1e6,
      liquidationEnd: Number(point.liquidationEnd) / 1e6,
      maintenance: Number(point.maintenance) / 1e6,
      equity: Number(point.equity) / 1e6,
    }));
  });
}
