// The strip of markets under the bar: mark price and change, each a link to its trading page.
import type { JSX } from 'react';
import { Link, useLocation } from 'wouter';
import { useExchange } from '../data/exchange.tsx';
import { useDayChange } from '../data/history.ts';
import { fixed, percent, change } from '../format/number.ts';
import type { MarketView } from '../model/views.ts';
import { cx, NumberText, Skeleton } from '../ui/index.ts';
import styles from './Ticker.module.css';

/** Prices of all markets. */
export function Ticker(): JSX.Element {
  const { state } = useExchange();
  return (
    <div className={styles.strip} aria-label="Markets">
      {state ? (
        state.markets.map((market) => <Item key={market.index} market={market} />)
      ) : (
        <span className={styles.item}>
          <Skeleton width={180} />
        </span>
      )}
    </div>
  );
}

function Item({ market }: { market: MarketView }): JSX.Element {
  const [location] = useLocation();
  const moved = useDayChange(market);
  const path = `/trade/${market.name}`;
  return (
    <Link href={path} className={cx(styles.item, location === path && styles.current)}>
      <span className={styles.name}>{market.name}</span>
      <span className={cx('num', market.age.stale && 'warn')}>{fixed(market.mark, market.priceDecimals)}</span>
      <NumberText value={moved} signed text={(n) => percent(n)} className={styles.change ?? ''} />
      <span className={cx('num', styles.extra)} title="Funding that longs pay shorts, per day">
        {change(market.fundingPerDay, (n) => percent(n, 3))}
      </span>
    </Link>
  );
}
