// The account at a glance in the top bar: equity, and how deep it is loaded.
import type { JSX } from 'react';
import { Link } from 'wouter';
import { useAccount } from '../data/exchange.tsx';
import { useHealth } from '../data/health.ts';
import { percent, usdShort } from '../format/number.ts';
import { draught } from '../model/load.ts';
import { LoadBar } from '../ui/index.ts';
import styles from './AccountMeter.module.css';

/** Equity and load of the chosen account; nothing without one. */
export function AccountMeter(): JSX.Element | null {
  const account = useAccount();
  const health = useHealth(account?.address);
  if (!account || !health) return null;
  return (
    <Link href="/portfolio" className={styles.meter} title="Load: how near the account is to its Maint line">
      <span className={styles.figure}>
        <span className="num">{usdShort(health.lines.equity)}</span>
        <span className={`num muted ${styles.load}`} data-testid="load">
          {percent(draught(health.lines).water, 0)} load
        </span>
      </span>
      <span className={styles.barBox}>
        <LoadBar lines={health.lines} />
      </span>
    </Link>
  );
}
