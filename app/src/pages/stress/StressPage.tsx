// Stress: what prices would do to the account, as a picture and a table, and on a local chain for real.
import { useMemo, useState, type JSX } from 'react';
import { useAccount, useExchange } from '../../data/exchange.tsx';
import { accountAt, linesOf, useHealth, useRisk } from '../../data/health.ts';
import { percent } from '../../format/number.ts';
import type { Lines } from '../../model/load.ts';
import { underlyings, type Underlying } from '../../model/markets.ts';
import { CRASHES, factorOf, type Crash } from '../../model/scenarios.ts';
import type { AccountView } from '../../model/views.ts';
import { Button, cx, EmptyState, Gauge, Skeleton, SkeletonRows, Slider } from '../../ui/index.ts';
import { useWallet } from '../../wallet/store.ts';
import { RealCrash } from './RealCrash.tsx';
import { StressChart, type StressPoint } from './StressChart.tsx';
import styles from './StressPage.module.css';
import { StressTable } from './StressTable.tsx';

/** Ends of the picture: prices from 70 % down to 50 % up. */
const RANGE = { from: 0.3, to: 1.5, steps: 60 };

/** The page at /stress. */
export default function StressPage(): JSX.Element {
  const { state } = useExchange();
  const { connected } = useWallet();
  const account = useAccount();
  if (!state || (connected && !state.accounts)) return <SkeletonRows rows={10} label="Loading your account" />;
  return (
    <div className={styles.page}>
      {account ? (
        <Workbench account={account} />
      ) : (
        <EmptyState title={connected ? 'No account yet' : 'Not connected'}>
          {connected ? 'Deposit on the trading page first; then this page shows how your account weathers a crash.' : 'Connect a wallet to see how your account weathers a crash.'}
        </EmptyState>
      )}
      <RealCrash />
    </div>
  );
}

function Workbench({ account }: { account: AccountView }): JSX.Element {
  const { state } = useExchange();
  const risk = useRisk();
  const health = useHealth(account.address);
  const [moves, setMoves] = useState<Readonly<Record<string, number>>>({});
  const [chosen, setChosen] = useState('custom');
  const all = useMemo(() => (state ? underlyings(state.assets, state.markets) : []), [state]);
  const at = state && accountAt(state.snapshot, account.address);
  const moving = all.filter((one) => !one.assets.includes(0));
  const result = useMemo(() => (risk && at ? study(risk, at, all, moves) : undefined), [risk, at?.riskState, at?.marginAccount, all, moves]);
  if (!health || !result) return <Skeleton height={420} />;
  const set = (symbol: string, factor: number) => {
    setChosen('custom');
    setMoves((now) => ({ ...now, [symbol]: factor }));
  };
  const choose = (crash: Crash) => {
    setChosen(crash.id);
    setMoves(Object.fromEntries(all.map((one) => [one.symbol, factorOf(crash, one.symbol)])));
  };
  return (
    <>
      <section className={styles.controls} aria-label="Price moves">
        <div className={styles.head}>
          <h1>What if prices move?</h1>
          <Button size="small" kind="quiet" disabled={!Object.keys(moves).length} onClick={() => (setChosen('custom'), setMoves({}))}>
            Reset
          </Button>
        </div>
        <div className={styles.crashes}>
          {CRASHES.map((crash) => (
            <Button key={crash.id} size="small" title={crash.about} className={cx(chosen === crash.id && styles.chosen)} aria-pressed={chosen === crash.id} onClick={() => choose(crash)}>
              {crash.name}
            </Button>
          ))}
        </div>
        <p className={styles.about}>{CRASHES.find((crash) => crash.id === chosen)?.about ?? 'Move each underlying; the account is valued by the program’s own arithmetic.'}</p>
        {moving.map((one) => (
          <Slider
            key={one.symbol}
            label={`${one.symbol} · ${(one.price * (moves[one.symbol] ?? 1)).toLocaleString('en-US', { maximumSignificantDigits: 6 })}`}
            value={Math.round((moves[one.symbol] ?? 1) * 1000) / 10 - 100}
            min={-90}
            max={100}
            step={0.5}
            origin={0}
            text={signedPercent((moves[one.symbol] ?? 1) - 1)}
            onChange={(move) => set(one.symbol, 1 + move / 100)}
          />
        ))}
      </section>
      <section className={styles.outcome} aria-label="Health after the move">
        <Gauge lines={health.lines} after={Object.keys(moves).length ? result.custom : undefined} />
      </section>
      <section className={styles.picture} aria-label="Health lines against price">
        <StressChart points={result.curve} />
      </section>
      <section className={styles.table} aria-label="Scenarios">
        <StressTable rows={result.rows} />
      </section>
    </>
  );
}

function signedPercent(part: number): string {
  return part > 0.0005 ? `+${percent(part, 1)}` : percent(part, 1);
}

/** Health under the sliders' moves, under the named crashes, and along a common move of everything but the quote. */
function study(
  risk: NonNullable<ReturnType<typeof useRisk>>,
  at: NonNullable<ReturnType<typeof accountAt>>,
  all: readonly Underlying[],
  moves: Readonly<Record<string, number>>,
): { custom: Lines; rows: { name: string; about: string; lines: Lines }[]; curve: StressPoint[] } {
  const of = ({ assets, markets }: Underlying) => ({ assets, markets });
  const scenario = (name: string, factor: (one: Underlying) => number) => ({ name, moves: all.map((one) => ({ of: of(one), factor: factor(one) })) });
  const steps = Array.from({ length: RANGE.steps + 1 }, (_, i) => RANGE.from + ((RANGE.to - RANGE.from) * i) / RANGE.steps);
  const scenarios = [
    scenario('Now', () => 1),
    scenario('Your moves', (one) => moves[one.symbol] ?? 1),
    ...CRASHES.map((crash) => scenario(crash.name, (one) => factorOf(crash, one.symbol))),
    ...steps.map((factor) => scenario(String(factor), (one) => (one.assets.includes(0) ? 1 : factor))),
  ];
  const lines = risk.stress({ ...at, scenarios }).map((row) => ({ name: row.name, lines: linesOf(row.lines) }));
  const named = lines.slice(0, 2 + CRASHES.length);
  return {
    custom: named[1]?.lines ?? linesOf(risk.health(at)),
    rows: named.map((row, i) => ({ ...row, about: CRASHES[i - 2]?.about ?? '' })),
    curve: lines.slice(named.length).map((row, i) => ({ factor: steps[i] ?? 1, lines: row.lines })),
  };
}
