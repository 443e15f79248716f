// The Liquidations page: every account by how deep it is loaded, what a move would put at risk, and what was liquidated.
import { useState, type JSX } from 'react';
import { useExchange } from '../../data/exchange.tsx';
import { useRiskFailure } from '../../data/health.ts';
import { useLocalStatus } from '../../data/local.ts';
import { usd, usdShort } from '../../format/number.ts';
import { ErrorState, Notice, SkeletonRows, Skeleton } from '../../ui/index.ts';
import { AtRiskPanel } from './AtRiskPanel.tsx';
import { sumFleet, type FleetRow } from './fleet.ts';
import { FleetTable } from './FleetTable.tsx';
import { LiquidateDialog } from './LiquidateDialog.tsx';
import { LiquidationHistory } from './LiquidationHistory.tsx';
import styles from './LiquidationsPage.module.css';
import { useFleet, useWatchAll } from './useFleet.ts';

/** The page at /liquidations. */
export default function LiquidationsPage(): JSX.Element {
  const { state } = useExchange();
  const failure = useRiskFailure();
  const own = state?.accounts?.map((account) => [account.address, `You · ${account.subAccount}`]) ?? [];
  const names: Record<string, string> = { ...useLocalStatus().data?.names, ...Object.fromEntries(own) };
  const [chosen, setChosen] = useState<string>();
  useWatchAll();
  const rows = useFleet();
  if (failure) return <ErrorState title="Health cannot be computed">{failure.message}</ErrorState>;
  if (!state) return <SkeletonRows rows={10} label="Loading the exchange" />;
  const row = rows?.find((one) => one.entry.address === chosen);
  return (
    <div className={styles.page}>
      <section className={styles.summary} aria-label="All accounts together">
        <Summary rows={rows} />
        {state.snapshot.connection === 'reconnecting' && <Notice>The connection is lost: these healths are as last seen.</Notice>}
      </section>
      <section className={styles.accounts}>
        <h2>Accounts by load</h2>
        {rows ? <FleetTable rows={rows} names={names} onLiquidate={(one) => setChosen(one.entry.address)} /> : <SkeletonRows rows={8} label="Reading all margin accounts" />}
      </section>
      <section className={styles.risk}>
        <AtRiskPanel />
      </section>
      <section className={styles.history}>
        <h2>Liquidations</h2>
        <LiquidationHistory names={names} />
      </section>
      {chosen && <LiquidateDialog row={row} name={names[chosen]} onClose={() => setChosen(undefined)} />}
    </div>
  );
}

function Summary({ rows }: { rows: readonly FleetRow[] | undefined }): JSX.Element {
  const sum = rows && sumFleet(rows);
  const figures: [string, string | undefined, string | undefined][] = [
    ['Accounts', sum && String(sum.accounts), undefined],
    ['Equity', sum && usdShort(sum.equity), undefined],
    ['Positions', sum && usdShort(sum.notional), undefined],
    ['Near a line', sum && String(sum.near), sum && sum.near > 0 ? 'warn' : undefined],
    ['Liquidatable', sum && String(sum.liquidatable), sum && sum.liquidatable > 0 ? 'danger' : undefined],
    ['Bad debt', sum && usd(sum.badDebt), sum && sum.badDebt > 0 ? 'danger' : undefined],
  ];
  return (
    <dl className={styles.figures}>
      {figures.map(([label, value, tone]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd className={`num ${tone ?? ''}`} data-testid={`fleet-${label.toLowerCase().replaceAll(' ', '-')}`}>
            {value ?? <Skeleton width={56} height={18} />}
          </dd>
        </div>
      ))}
    </dl>
  );
}
