// The trading page: chart, book, order form, and what the account has in the markets.
import { lazy, Suspense, useEffect, useState, type JSX } from 'react';
import { useLocation } from 'wouter';
import { useAccount, useExchange } from '../../data/exchange.tsx';
import { NEW_ORDER, type OrderDraft } from '../../model/order.ts';
import type { MarketView } from '../../model/views.ts';
import { cx, EmptyState, Notice, Skeleton, SkeletonRows, Tabs } from '../../ui/index.ts';
import { fixed } from '../../format/number.ts';
import { duration } from '../../format/time.ts';
import { BookPanel } from './BookPanel.tsx';
import { MarketHeader } from './MarketHeader.tsx';
import { OrderForm } from './OrderForm.tsx';
import { PositionsPanel } from './PositionsPanel.tsx';
import styles from './TradePage.module.css';

const PriceChart = lazy(() => import('./PriceChart.tsx'));

/** What a phone shows of the page at a time. */
type Pane = 'order' | 'chart' | 'book';
const PANES = [
  { id: 'order', label: 'Trade' },
  { id: 'chart', label: 'Chart' },
  { id: 'book', label: 'Book' },
] as const;

/** The page at /trade and /trade/MARKET. */
export default function TradePage({ name }: { name: string | undefined }): JSX.Element {
  const { state } = useExchange();
  if (!state) return <Loading />;
  const market = state.markets.find((known) => known.name === name) ?? (name ? undefined : state.markets[0]);
  if (!market) return <EmptyState title={name ? `No market is called ${name}` : 'This exchange has no markets yet'} />;
  return <Market key={market.index} market={market} />;
}

function Market({ market }: { market: MarketView }): JSX.Element {
  const [draft, setDraft] = useState<OrderDraft>(() => ({ ...NEW_ORDER, price: market.mark.toFixed(market.priceDecimals) }));
  const [pane, setPane] = useState<Pane>('order');
  const [location, navigate] = useLocation();
  const account = useAccount();
  const path = `/trade/${market.name}`;
  useEffect(() => {
    if (location !== path) navigate(path, { replace: true });
  }, [location, path, navigate]);
  const change = (next: Partial<OrderDraft>) => setDraft((now) => ({ ...now, ...next }));
  const pick = (price: number) => {
    change({ price: price.toFixed(market.priceDecimals), ...(draft.kind === 'market' && { kind: 'limit' as const }) });
    setPane('order');
  };
  return (
    <div className={styles.page}>
      <MarketHeader market={market} />
      <Tabs className={styles.panes} label="View" tabs={PANES} value={pane} onChange={setPane} />
      <section className={cx(styles.chart, pane !== 'chart' && styles.away)} aria-label="Price chart">
        <Suspense fallback={<Skeleton height={300} />}>
          <PriceChart market={market} account={account} />
        </Suspense>
      </section>
      <section className={cx(styles.book, pane !== 'book' && styles.away)} aria-label="Order book">
        <BookPanel market={market} onPick={pick} />
      </section>
      <section className={cx(styles.form, pane !== 'order' && styles.away)} aria-label="New order">
        {market.age.final && (
          <Notice>
            {market.name} is being wound down at its final price of {fixed(market.oracle, market.priceDecimals)}: nothing is traded any more. Open positions are
            closed at that price by anyone, and profits and losses settled as always.
          </Notice>
        )}
        {market.age.stale && (
          <Notice>
            The oracle price of {market.base} is {duration(market.age.seconds)} old{market.age.seconds > market.age.maxSeconds ? `, over the limit of ${duration(market.age.maxSeconds)}` : ', and in doubt'}.
            Until a fresh one arrives, trades happen only where both sides reduce their positions; cancels still work.
          </Notice>
        )}
        <OrderForm market={market} draft={draft} onChange={change} />
      </section>
      <section className={styles.positions} aria-label="Positions and orders">
        <PositionsPanel />
      </section>
    </div>
  );
}

function Loading(): JSX.Element {
  return (
    <div className={styles.page}>
      <div className={styles.headerBox} />
      <section className={styles.chart}>
        <SkeletonRows rows={9} label="Loading the chart" />
      </section>
      <section className={styles.book}>
        <SkeletonRows rows={14} label="Loading the book" />
      </section>
      <section className={styles.form}>
        <SkeletonRows rows={9} label="Loading the form" />
      </section>
      <section className={styles.positions}>
        <SkeletonRows rows={4} label="Loading positions" />
      </section>
    </div>
  );
}
