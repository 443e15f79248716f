// Equity and the Maint line over time, with zero where it matters.
import type { JSX } from 'react';
import { useHealthHistory, type HealthPoint } from '../../data/history.ts';
import { usdShort } from '../../format/number.ts';
import { clock } from '../../format/time.ts';
import type { AccountView } from '../../model/views.ts';
import styles from './HealthHistory.module.css';

const WIDTH = 1000;
const HEIGHT = 120;

/** The last few hundred healths; nothing where no history is kept. */
export function HealthHistory({ account }: { account: AccountView }): JSX.Element | null {
  const { data } = useHealthHistory(account.address);
  if (!data || data.length < 2) return null;
  const values = data.flatMap((point) => [point.equity, point.maintenance, point.init]);
  const low = Math.min(0, ...values);
  const range = Math.max(...values) - low || 1;
  const [first, last] = [data[0]!.time, data.at(-1)!.time];
  const x = (time: number) => ((time - first) / (last - first || 1)) * WIDTH;
  const y = (value: number) => HEIGHT - ((value - low) / range) * HEIGHT;
  const path = (of: (point: HealthPoint) => number) => data.map((point, i) => `${i ? 'L' : 'M'}${x(point.time).toFixed(1)} ${y(of(point)).toFixed(1)}`).join('');
  return (
    <div className={styles.box}>
      <h2>Health over time</h2>
      <div className={styles.plot}>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label="Equity, Maint and Init over time">
          <path d={`M0 ${y(0)}H${WIDTH}`} className={styles.zero} />
          <path d={path((point) => point.equity)} className={styles.equity} />
          <path d={path((point) => point.maintenance)} className={styles.maint} />
          <path d={path((point) => point.init)} className={styles.init} />
        </svg>
        <span className={styles.top}>{usdShort(low + range)}</span>
        <span className={styles.bottom}>{usdShort(low)}</span>
      </div>
      <div className={styles.foot}>
        <span>{clock(first)}</span>
        <span className={styles.legend}>
          <i className={styles.equityKey} /> Equity <i className={styles.maintKey} /> Maint <i className={styles.initKey} /> Init
        </span>
        <span>{clock(last)}</span>
      </div>
    </div>
  );
}
