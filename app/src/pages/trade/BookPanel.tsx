// The book, its depth as a picture, and the latest trades.
import { useState, type CSSProperties, type JSX } from 'react';
import { useBook } from '../../data/exchange.tsx';
import { useHistoryServer, useTrades } from '../../data/history.ts';
import { fixed, percent, short } from '../../format/number.ts';
import { clock } from '../../format/time.ts';
import type { BookLevel, BookView, MarketView } from '../../model/views.ts';
import { cx, EmptyState, ErrorState, SkeletonRows, Tabs } from '../../ui/index.ts';
import styles from './BookPanel.module.css';
import { DepthChart } from './DepthChart.tsx';

type View = 'book' | 'depth' | 'trades';
const VIEWS = [
  { id: 'book', label: 'Book' },
  { id: 'depth', label: 'Depth' },
  { id: 'trades', label: 'Trades' },
] as const;

/** Properties of {@link BookPanel}. */
export interface BookPanelProps {
  market: MarketView;
  /** A price was clicked. */
  onPick: (price: number) => void;
}

/** Book, depth or trades. */
export function BookPanel({ market, onPick }: BookPanelProps): JSX.Element {
  const [view, setView] = useState<View>('book');
  const book = useBook(market);
  return (
    <div className={styles.panel}>
      <Tabs label="Book view" tabs={VIEWS} value={view} onChange={setView} />
      {view === 'trades' ? (
        <Trades market={market} />
      ) : !book ? (
        <SkeletonRows rows={14} label="Loading the book" />
      ) : !book.bids.length && !book.asks.length ? (
        <EmptyState title="The book is empty">The first limit order sets a price.</EmptyState>
      ) : view === 'book' ? (
        <Ladder book={book} market={market} onPick={onPick} />
      ) : (
        <DepthChart book={book} market={market} />
      )}
    </div>
  );
}

/** Levels that a side shows; the pane cuts what does not fit. */
const SHOWN = 24;

function Ladder({ book, market, onPick }: { book: BookView } & BookPanelProps): JSX.Element {
  const bids = book.bids.slice(0, SHOWN);
  const asks = book.asks.slice(0, SHOWN);
  const most = Math.max(bids.at(-1)?.total ?? 0, asks.at(-1)?.total ?? 0) || 1;
  const [bid, ask] = [bids[0]?.price, asks[0]?.price];
  const spread = bid !== undefined && ask !== undefined ? ask - bid : undefined;
  const row = (side: 'buy' | 'sell') => (level: BookLevel) => (
    <button
      key={level.priceLots.toString()}
      type="button"
      tabIndex={-1}
      className={cx(styles.level, styles[side])}
      style={{ '--part': level.total / most } as CSSProperties}
      title={level.own ? 'Your order is at this price' : undefined}
      onClick={() => onPick(level.price)}
    >
      <span className={side}>
        {fixed(level.price, market.priceDecimals)}
        {level.own && <i className={styles.own} aria-label="your order" />}
      </span>
      <span>{fixed(level.size, market.sizeDecimals)}</span>
      <span className="muted">{short(level.total)}</span>
    </button>
  );
  return (
    <div className={styles.ladder}>
      <div className={styles.head}>
        <span>Price, USD</span>
        <span>Size, {market.base}</span>
        <span>Total</span>
      </div>
      <div className={styles.asks}>{asks.map(row('sell'))}</div>
      <div className={styles.middle}>
        <strong className="num">{fixed(market.mark, market.priceDecimals)}</strong>
        <span className="muted num">
          {spread === undefined ? 'one side is empty' : `spread ${fixed(spread, market.priceDecimals)} · ${percent(spread / market.mark, 3)}`}
        </span>
      </div>
      <div className={styles.bids}>{bids.map(row('buy'))}</div>
    </div>
  );
}

function Trades({ market }: { market: MarketView }): JSX.Element {
  const endpoint = useHistoryServer();
  const { data, error, refetch } = useTrades(market);
  if (!endpoint) return <EmptyState title="No history server">This exchange's directory names none, so past trades are not known.</EmptyState>;
  if (error && !data) return <ErrorState title="Trades could not be read" onRetry={() => void refetch()} />;
  if (!data) return <SkeletonRows rows={14} label="Loading trades" />;
  if (!data.length) return <EmptyState title="No trades yet" />;
  return (
    <div className={styles.trades}>
      <div className={styles.head}>
        <span>Price, USD</span>
        <span>Size, {market.base}</span>
        <span>Time</span>
      </div>
      {data.map((trade) => (
        <div key={trade.key} className={styles.level}>
          <span className={trade.side}>{fixed(trade.price, market.priceDecimals)}</span>
          <span>{fixed(trade.size, market.sizeDecimals)}</span>
          <span className="muted">{clock(trade.time)}</span>
        </div>
      ))}
    </div>
  );
}
