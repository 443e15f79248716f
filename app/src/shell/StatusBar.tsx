// The line at the bottom: whether the connection lives, the slot, and which prices are too old, or in doubt.
import type { JSX } from 'react';
import { useExchange } from '../data/exchange.tsx';
import { duration } from '../format/time.ts';
import { cx } from '../ui/index.ts';
import styles from './StatusBar.module.css';

const WORDS = { live: 'Live', polling: 'Live, by polling', connecting: 'Connecting', reconnecting: 'Reconnecting' };

/** Connection and freshness. On phones only trouble is shown. */
export function StatusBar(): JSX.Element {
  const { state, error } = useExchange();
  const connection = state?.snapshot.connection ?? 'connecting';
  const stale = [...(state?.assets ?? []), ...(state?.markets ?? [])].filter((one) => one.age.stale);
  const calm = (connection === 'live' || connection === 'polling') && !stale.length;
  return (
    <footer className={cx(styles.bar, calm && styles.calm)} aria-live="polite">
      <span className={cx(styles.state, styles[error ? 'lost' : connection])} data-connection={connection}>
        {error ? 'Not connected' : WORDS[connection]}
      </span>
      {state && <span className={styles.name}>{state.directory.name}</span>}
      {state && <span className={cx('num', styles.slot)}>slot {state.snapshot.clock.slot.toString()}</span>}
      {stale.length > 0 && (
        <span className="warn">
          Prices in doubt: {stale.map((one) => `${'symbol' in one ? one.symbol : one.name} ${duration(one.age.seconds)} old`).join(', ')}
        </span>
      )}
    </footer>
  );
}
