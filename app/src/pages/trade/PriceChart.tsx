// The price chart: candles of trades, the oracle's line, and the account's own prices drawn across.
import {
  CandlestickSeries,
  createChart,
  HistogramSeries,
  LineSeries,
  LineStyle,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  type UTCTimestamp,
} from 'lightweight-charts';
import { useEffect, useRef, useState, type JSX } from 'react';
import { useExchange, useNow } from '../../data/exchange.tsx';
import { useHealth } from '../../data/health.ts';
import { useCandles, useHistoryServer, usePrices, type Candle, type Resolution } from '../../data/history.ts';
import { shownTheme, useSettings } from '../../data/settings.ts';
import type { AccountView, MarketView } from '../../model/views.ts';
import { Tabs } from '../../ui/index.ts';
import styles from './PriceChart.module.css';

const RESOLUTIONS = [
  { id: '5', label: '5s' },
  { id: '60', label: '1m' },
  { id: '300', label: '5m' },
  { id: '900', label: '15m' },
  { id: '3600', label: '1h' },
  { id: '14400', label: '4h' },
  { id: '86400', label: '1d' },
] as const;

interface Series {
  /** False once the chart has been taken down: its parts must not be touched any more. */
  alive: boolean;
  chart: IChartApi;
  candles: ISeriesApi<'Candlestick'>;
  volume: ISeriesApi<'Histogram'>;
  oracle: ISeriesApi<'Line'>;
}

/** The chart of a market. */
export default function PriceChart({ market, account }: { market: MarketView; account: AccountView | undefined }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [series, setSeries] = useState<Series>();
  const { state } = useExchange();
  const { theme } = useSettings();
  const local = Boolean(state?.directory.endpoints.local);
  const [resolution, setResolution] = useState<(typeof RESOLUTIONS)[number]['id']>(local ? '5' : '900');
  const asset = state?.assets.find((known) => known.symbol === market.base);
  const candles = useCandles(market, Number(resolution) as Resolution).data;
  const prices = usePrices(asset?.index, Number(resolution) as Resolution).data;
  const history = useHistoryServer();
  const now = useNow();

  useEffect(() => {
    const node = box.current;
    if (!node) return undefined;
    const made = makeChart(node, market.priceDecimals);
    setSeries(made);
    return () => {
      made.alive = false;
      made.chart.remove();
    };
  }, [market.priceDecimals]);

  useEffect(() => {
    if (series?.alive) paint(series);
  }, [series, theme]);

  useEffect(() => {
    if (!series?.alive || !candles) return;
    series.candles.setData(candles.map((candle) => ({ ...candle, time: candle.time as UTCTimestamp })));
    series.volume.setData(candles.map(volumeBar));
  }, [series, candles, theme]);

  useEffect(() => {
    if (!series?.alive || !now) return;
    const live = { time: (Math.floor(now / Number(resolution)) * Number(resolution)) as UTCTimestamp, value: market.oracle };
    const past = (prices ?? []).filter((price) => price.time < live.time);
    series.oracle.setData([...past.map((price) => ({ time: price.time as UTCTimestamp, value: price.close })), live]);
  }, [series, prices, market.oracle, now, resolution]);

  useOwnLines(series, market, account);

  return (
    <div className={styles.chart}>
      <div className={styles.top}>
        <Tabs label="Candle length" tabs={RESOLUTIONS} value={resolution} onChange={setResolution} className={styles.tabs} />
        <span className={styles.legend}>
          <i /> Oracle
        </span>
      </div>
      <div ref={box} className={styles.canvas} />
      {!history && <p className={styles.note}>This exchange's directory names no history server: the line begins now.</p>}
    </div>
  );
}

function volumeBar(candle: Candle): { time: UTCTimestamp; value: number; color: string } {
  return { time: candle.time as UTCTimestamp, value: candle.volume, color: colour(candle.close >= candle.open ? '--buy-soft' : '--sell-soft') };
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function makeChart(node: HTMLElement, places: number): Series {
  const chart = createChart(node, {
    autoSize: true,
    layout: { attributionLogo: false, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily },
    timeScale: { timeVisible: true, secondsVisible: true, rightOffset: 4, borderVisible: false },
    rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.08, bottom: 0.18 } },
  });
  const format = { type: 'price' as const, precision: places, minMove: 10 ** -places };
  const volume = chart.addSeries(HistogramSeries, { priceScaleId: 'volume', priceFormat: { type: 'volume' }, lastValueVisible: false, priceLineVisible: false });
  chart.priceScale('volume').applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
  const oracle = chart.addSeries(LineSeries, { lineWidth: 1, priceFormat: format, priceLineVisible: false, crosshairMarkerRadius: 3 });
  const candles = chart.addSeries(CandlestickSeries, { priceFormat: format, borderVisible: false });
  return { alive: true, chart, candles, volume, oracle };
}

/** Colours of the theme in effect. */
function paint({ chart, candles, oracle }: Series): void {
  const dark = shownTheme() === 'dark';
  const grid = dark ? '#182025' : '#e9eeef';
  chart.applyOptions({
    layout: { background: { color: colour('--surface') }, textColor: colour('--muted') },
    grid: { vertLines: { color: grid }, horzLines: { color: grid } },
    crosshair: { vertLine: { color: colour('--faint') }, horzLine: { color: colour('--faint') } },
  });
  candles.applyOptions({ upColor: colour('--buy'), downColor: colour('--sell'), wickUpColor: colour('--buy'), wickDownColor: colour('--sell') });
  oracle.applyOptions({ color: colour('--accent') });
}

/** Draws the account's cost, liquidation price and resting orders across the chart. */
function useOwnLines(series: Series | undefined, market: MarketView, account: AccountView | undefined): void {
  const health = useHealth(account?.address);
  const position = account?.positions.find((one) => one.market.index === market.index);
  const orders = account?.orders.filter((order) => order.market.index === market.index) ?? [];
  const liquidation = health?.liquidation.find((one) => one.underlying.symbol === market.base);
  const lines: { price: number; title: string; color: string; style: LineStyle }[] = [];
  if (position && position.size !== 0) {
    const price = position.size > 0 ? liquidation?.below : liquidation?.above;
    lines.push({ price: position.cost, title: position.size > 0 ? 'Long' : 'Short', color: '--muted', style: LineStyle.Dashed });
    if (price !== undefined) lines.push({ price, title: 'Liquidation', color: '--danger', style: LineStyle.Solid });
  }
  for (const order of orders) lines.push({ price: order.price, title: order.side === 'buy' ? 'Buy' : 'Sell', color: order.side === 'buy' ? '--buy' : '--sell', style: LineStyle.Dotted });
  const key = lines.map((line) => `${line.title}${line.price.toPrecision(7)}`).join();
  const { theme } = useSettings();
  useEffect(() => {
    if (!series?.alive) return undefined;
    const drawn: IPriceLine[] = lines
      .filter((line) => line.price > 0)
      .map((line) => series.oracle.createPriceLine({ price: line.price, title: line.title, color: colour(line.color), lineStyle: line.style, lineWidth: 1, axisLabelVisible: true }));
    return () => {
      for (const line of drawn) if (series.alive) series.oracle.removePriceLine(line);
    };
    // The key says all that the lines depend on.
  }, [series, key, theme]);
}
