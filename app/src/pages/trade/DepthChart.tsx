// The depth of the book: how much waits down to each price, as two steps that meet at the spread.
import type { JSX } from 'react';
import { fixed, short } from '../../format/number.ts';
import type { BookLevel, BookView, MarketView } from '../../model/views.ts';
import styles from './DepthChart.module.css';

const WIDTH = 264;
const HEIGHT = 340;

/** Both sides' totals by price. */
export function DepthChart({ book, market }: { book: BookView; market: MarketView }): JSX.Element {
  const middle = market.mark;
  const reach = Math.max(middle - (book.bids.at(-1)?.price ?? middle), (book.asks.at(-1)?.price ?? middle) - middle) || middle * 0.01;
  const most = Math.max(book.bids.at(-1)?.total ?? 0, book.asks.at(-1)?.total ?? 0) || 1;
  const x = (price: number) => ((price - middle + reach) / (2 * reach)) * WIDTH;
  const y = (total: number) => HEIGHT - (total / most) * (HEIGHT - 30);
  const path = (levels: readonly BookLevel[], end: number) => {
    const [first] = levels;
    if (!first) return '';
    let line = `M${x(first.price)} ${y(0)}`;
    for (const level of levels) line += `H${x(level.price)}V${y(level.total)}`;
    return `${line}H${end}V${y(0)}Z`;
  };
  return (
    <div className={styles.depth}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label="Depth of the book">
        <path d={path(book.bids, 0)} className={styles.bids} />
        <path d={path(book.asks, WIDTH)} className={styles.asks} />
        <path d={`M${WIDTH / 2} 24V${HEIGHT}`} className={styles.middle} />
      </svg>
      <span className={styles.most}>
        {short(most)} {market.base}
      </span>
      <div className={styles.axis}>
        <span>{fixed(middle - reach, market.priceDecimals)}</span>
        <span>{fixed(middle, market.priceDecimals)}</span>
        <span>{fixed(middle + reach, market.priceDecimals)}</span>
      </div>
    </div>
  );
}
