// On a local chain: buttons that move the prices of all participants for real.
import { useQueryClient } from '@tanstack/react-query';
import { useState, type JSX } from 'react';
import { useBusy } from '../../data/actions.ts';
import { useExchange } from '../../data/exchange.tsx';
import { useLocal, useLocalStatus } from '../../data/local.ts';
import { percent } from '../../format/number.ts';
import { Button, Select, toast } from '../../ui/index.ts';
import styles from './RealCrash.module.css';

const SECONDS = [
  { value: '15', label: 'in 15 seconds' },
  { value: '60', label: 'in a minute' },
  { value: '240', label: 'in 4 minutes' },
] as const;

const SHOCKS = [
  { value: '-5', label: '−5 %' },
  { value: '-10', label: '−10 %' },
  { value: '-20', label: '−20 %' },
  { value: '-35', label: '−35 %' },
  { value: '-50', label: '−50 %' },
  { value: '25', label: '+25 %' },
] as const;

/** The controls; nothing on any other chain. */
export function RealCrash(): JSX.Element | null {
  const local = useLocal();
  const { data: status } = useLocalStatus();
  const { state } = useExchange();
  const queries = useQueryClient();
  const [busy, run] = useBusy();
  const [seconds, setSeconds] = useState<(typeof SECONDS)[number]['value']>('60');
  const [asset, setAsset] = useState('all');
  const [percents, setPercents] = useState<(typeof SHOCKS)[number]['value']>('-35');
  if (!local || !state) return null;
  const act = (title: string, ask: () => Promise<void>) =>
    run(async () => {
      try {
        await ask();
        toast({ tone: 'good', title, detail: 'Every participant of this chain feels it.' });
        await queries.invalidateQueries({ queryKey: ['local'] });
      } catch (error) {
        toast({ tone: 'bad', title: 'The local chain refused', detail: error instanceof Error ? error.message : String(error) });
      }
    });
  const symbols = state.assets.filter((one) => one.index !== 0).map((one) => one.symbol);
  // Staked SOL falls with SOL: its price is a multiple of it.
  const shocked = asset === 'all' ? ('all' as const) : asset === 'SOL' ? symbols.filter((symbol) => symbol.endsWith('SOL')) : [asset];
  return (
    <section className={styles.box} aria-label="Crash this chain">
      <div className={styles.head}>
        <h2>Crash this chain</h2>
        <p className="muted">A local chain: these move the oracles for real, for you and for every bot on it.</p>
      </div>
      <div className={styles.controls}>
        {(status?.scenarios ?? []).map((scenario) => (
          <Button
            key={scenario.name}
            size="small"
            disabled={busy}
            title={scenario.about}
            data-testid={`scenario-${scenario.name}`}
            onClick={() => void act(`Playing ${scenario.name}`, () => local.scenario(scenario.name, Number(seconds)))}
          >
            {scenario.name}
          </Button>
        ))}
        <Select label="Duration" hideLabel value={seconds} options={SECONDS} onChange={setSeconds} />
      </div>
      <div className={styles.controls}>
        <Select label="What moves" hideLabel value={asset} options={[{ value: 'all', label: 'All prices' }, ...symbols.map((symbol) => ({ value: symbol, label: symbol }))]} onChange={setAsset} />
        <Select label="By how much" hideLabel value={percents} options={SHOCKS} onChange={setPercents} />
        <Button
          size="small"
          kind="danger"
          disabled={busy}
          data-testid="shock"
          onClick={() => void act(`Shock of ${percents} %`, () => local.shock(shocked, Number(percents), 5))}
        >
          Shock
        </Button>
      </div>
      {status && (
        <p className={styles.status} data-testid="scenario-status">
          Now: <strong>{status.scenario}</strong>
          {status.progress !== null && ` · ${percent(status.progress, 0)}`}
        </p>
      )}
    </section>
  );
}
