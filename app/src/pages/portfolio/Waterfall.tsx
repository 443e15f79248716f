// What a health line is made of: each collateral adds, each debt and position takes, and in portfolio margin the
// requirement of the whole, from zero down to the sum.
import type { HealthLines } from '@plimsoll/client/risk';
import { useState, type JSX } from 'react';
import { useExchange } from '../../data/exchange.tsx';
import { useHealth } from '../../data/health.ts';
import { change, trimmed, usd } from '../../format/number.ts';
import type { AccountView } from '../../model/views.ts';
import { cx, EmptyState, SkeletonRows, Tabs } from '../../ui/index.ts';
import styles from './Waterfall.module.css';

type Line = 'init' | 'maintenance';
const LINES = [
  { id: 'maintenance', label: 'Maint' },
  { id: 'init', label: 'Init' },
] as const;

const NOTES: Record<AccountView['mode'], Record<Line, string>> = {
  standard: {
    init: 'Init uses the worse of spot and stable price, and counts no unrealised profit. It must stay above zero for new risk.',
    maintenance: 'Maint uses spot prices and maintenance weights. Below zero anyone may liquidate.',
  },
  portfolio: {
    init: 'Holdings count whole, unrealised profit not at all; what they may lose together is taken off. Init must stay above zero for new risk.',
    maintenance: 'Holdings count whole at spot; a part of what they may lose together is taken off. Below zero anyone may liquidate.',
  },
};

interface Step {
  name: string;
  detail: string;
  amount: number;
  from: number;
}

/** The steps to a line. */
export function Waterfall({ account }: { account: AccountView }): JSX.Element {
  const [line, setLine] = useState<Line>('maintenance');
  const health = useHealth(account.address);
  const { state } = useExchange();
  if (!health || !state) return <SkeletonRows rows={6} label="Loading health" />;
  const parts = [
    ...health.raw.balances.map((part) => {
      const balance = account.balances.find((one) => one.asset.index === part.asset);
      const symbol = balance?.asset.symbol ?? `Asset ${part.asset}`;
      return { name: symbol, detail: balance ? `${trimmed(balance.amount, 4)} worth ${usd(balance.value)}` : '', amount: Number(part[line]) / 1e6 };
    }),
    ...health.raw.perps.map((part) => {
      const position = account.positions.find((one) => one.market.index === part.market);
      const market = state.markets.find((one) => one.index === part.market);
      const held = position && position.size !== 0 ? `${trimmed(position.size, 4).replace('−', 'short ')} ${market?.base ?? ''}, profit ${change(position.pnl, usd)}` : 'resting orders';
      return { name: market?.name ?? `Market ${part.market}`, detail: held, amount: Number(part[line]) / 1e6 };
    }),
  ].sort((a, b) => b.amount - a.amount);
  const steps: Step[] = [];
  let sum = 0;
  for (const part of [...parts, ...requirement(health.raw, line)]) {
    steps.push({ ...part, from: sum });
    sum += part.amount;
  }
  const total = health.lines[line];
  return (
    <div className={styles.box}>
      <div className={styles.head}>
        <h2>What health is made of</h2>
        <Tabs look="fill" label="Line" tabs={LINES} value={line} onChange={setLine} className={styles.tabs} />
      </div>
      {steps.length ? <Steps steps={steps} total={total} line={line} /> : <EmptyState compact title="Nothing yet">A deposit is the first step up.</EmptyState>}
      <p className={styles.note}>{NOTES[account.mode][line]}</p>
    </div>
  );
}

/** What portfolio margin takes for the account as a whole; standard margin takes it slot by slot. */
function requirement(raw: HealthLines, line: Line): Omit<Step, 'from'>[] {
  if (raw.mode !== 'portfolio') return [];
  const taken = line === 'init' ? raw.initRequirement : raw.maintenanceRequirement;
  return [{ name: 'Requirement', detail: 'of everything together', amount: -Number(taken) / 1e6 }];
}

function Steps({ steps, total, line }: { steps: Step[]; total: number; line: Line }): JSX.Element {
  const ends = [0, total, ...steps.flatMap((step) => [step.from, step.from + step.amount])];
  const low = Math.min(...ends);
  const range = Math.max(...ends) - low || 1;
  const place = (value: number) => ((value - low) / range) * 100;
  const bar = (from: number, to: number) => ({ left: `${Math.min(place(from), place(to))}%`, width: `${Math.max(0.4, Math.abs(place(to) - place(from)))}%` });
  return (
    <ol className={styles.steps}>
      {steps.map((step) => (
        <li key={step.name}>
          <span className={styles.name}>
            {step.name} <small>{step.detail}</small>
          </span>
          <span className={styles.track}>
            <i className={styles.zero} style={{ left: `${place(0)}%` }} />
            <i className={cx(styles.bar, step.amount < 0 && styles.down)} style={bar(step.from, step.from + step.amount)} />
          </span>
          <span className="num">{change(step.amount, usd)}</span>
        </li>
      ))}
      <li className={styles.total}>
        <span className={styles.name}>{line === 'init' ? 'Init' : 'Maint'} health</span>
        <span className={styles.track}>
          <i className={styles.zero} style={{ left: `${place(0)}%` }} />
          <i className={cx(styles.bar, styles.sum, total < 0 && styles.down)} style={bar(0, total)} />
        </span>
        <span className={cx('num', total < 0 && 'danger')}>{usd(total)}</span>
      </li>
    </ol>
  );
}
