// The market's line of figures: prices, funding, open interest, margin.
import type { JSX } from 'react';
import { useLocation } from 'wouter';
import { useExchange } from '../../data/exchange.tsx';
import { useDayChange } from '../../data/history.ts';
import { change, fixed, percent, short, usdShort } from '../../format/number.ts';
import { duration } from '../../format/time.ts';
import type { MarketView } from '../../model/views.ts';
import { cx, NumberText, Select, Tooltip } from '../../ui/index.ts';
import styles from './MarketHeader.module.css';

/** The figures of a market, with a choice of markets. */
export function MarketHeader({ market }: { market: MarketView }): JSX.Element {
  const { state } = useExchange();
  const [, navigate] = useLocation();
  const moved = useDayChange(market);
  const names = (state?.markets ?? []).map((one) => ({ value: one.name, label: one.name }));
  return (
    <header className={styles.header}>
      <Select label="Market" hideLabel bare className={styles.choice ?? ''} value={market.name} options={names} onChange={(name) => navigate(`/trade/${name}`)} />
      <strong className={cx(styles.price, 'num')} data-testid="mark">
        {fixed(market.mark, market.priceDecimals)}
      </strong>
      <NumberText value={moved} signed text={(n) => percent(n)} className={styles.change ?? ''} />
      <dl className={styles.figures}>
        <div>
          <dt>Oracle</dt>
          <dd className={cx('num', market.age.stale && 'warn')}>
            {fixed(market.oracle, market.priceDecimals)}
            {market.age.stale && ` · ${duration(market.age.seconds)} old`}
          </dd>
        </div>
        <div>
          <dt>
            <Tooltip side="bottom" text="What longs pay shorts, or receive if negative, at the present premium of the book over the oracle.">
              Funding, day
            </Tooltip>
          </dt>
          <dd className="num">{change(market.fundingPerDay, (n) => percent(n, 4))}</dd>
        </div>
        <div>
          <dt>Open interest</dt>
          <dd className="num">
            {short(market.openInterest)} {market.base} <span className="faint">{usdShort(market.openInterest * market.oracle)}</span>
          </dd>
        </div>
        <div>
          <dt>
            <Tooltip side="bottom" text="Part of the notional that Init and Maint require; both grow with the square root of large positions.">
              Margin
            </Tooltip>
          </dt>
          <dd className="num">
            {percent(market.initRatio, 1)} / {percent(market.maintRatio, 1)}
          </dd>
        </div>
        <div>
          <dt>Fees</dt>
          <dd className="num">
            {percent(market.makerFee, 3)} / {percent(market.takerFee, 3)}
          </dd>
        </div>
      </dl>
    </header>
  );
}
