// What could be liquidated if prices moved: positions and debts of all accounts that would be below their Maint line.
import { useState, type JSX } from 'react';
import { useExchange } from '../../data/exchange.tsx';
import { change, percent, usd, usdShort } from '../../format/number.ts';
import { Select, SkeletonRows, Table, Tooltip, type Column } from '../../ui/index.ts';
import type { AtRisk } from './fleet.ts';
import styles from './LiquidationsPage.module.css';
import { ALL, movable, useAtRisk } from './useFleet.ts';

const WIDTH = 560;
const HEIGHT = 150;

/** Value at risk by move, of one underlying or of all together. */
export function AtRiskPanel(): JSX.Element {
  const { state } = useExchange();
  const [symbol, setSymbol] = useState(ALL);
  const atRisk = useAtRisk(symbol);
  const options = [{ value: ALL, label: 'All together' }, ...(state ? movable(state) : []).map((one) => ({ value: one.symbol, label: one.symbol }))];
  return (
    <>
      <div className={styles.head}>
        <h2>
          <Tooltip side="bottom" text="Positions and debts of all accounts whose Maint would be below zero if prices stood this far from where they are.">
            At risk by price move
          </Tooltip>
        </h2>
        <Select label="What moves" hideLabel bare value={symbol} options={options} onChange={setSymbol} />
      </div>
      {atRisk ? (
        <>
          <Bars rows={atRisk} />
          <Table label="At risk by price move" className={styles.risks ?? ''} columns={COLUMNS} rows={atRisk.filter((row) => MAIN.has(row.move))} keyOf={(row) => String(row.move)} />
        </>
      ) : (
        <SkeletonRows rows={6} label="Computing scenarios" />
      )}
    </>
  );
}

/** The moves that the table lists; the chart has them all. */
const MAIN = new Set([-0.5, -0.3, -0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2, 0.3, 0.5]);

const moveText = (move: number) => (move === 0 ? 'now' : change(move, (n) => percent(n, 0)));

const COLUMNS: Column<AtRisk>[] = [
  { id: 'move', head: 'Move', cell: (row) => <span className={`num ${row.move < 0 ? 'sell' : row.move > 0 ? 'buy' : ''}`}>{moveText(row.move)}</span> },
  { id: 'accounts', head: 'Accounts', align: 'end', cell: (row) => <span className="num">{row.accounts}</span> },
  { id: 'value', head: 'At risk', align: 'end', cell: (row) => <span className="num">{usdShort(row.value)}</span> },
  { id: 'debt', head: 'Bad debt', align: 'end', cell: (row) => <span className={`num ${row.badDebt > 0 ? 'danger' : 'faint'}`}>{row.badDebt > 0 ? usdShort(row.badDebt) : '–'}</span> },
];

/** A bar for each move: at risk, and the part of it that would be bad debt. */
function Bars({ rows }: { rows: readonly AtRisk[] }): JSX.Element {
  const most = Math.max(...rows.map((row) => row.value), 1);
  const step = WIDTH / rows.length;
  const height = (value: number) => (value / most) * (HEIGHT - 34);
  return (
    <svg className={styles.bars} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`At most ${usd(most)} at risk`}>
      <path d={`M0 ${HEIGHT - 18}H${WIDTH}`} className={styles.axis} />
      {rows.map((row, i) => (
        <g key={row.move} transform={`translate(${i * step + step * 0.14} ${HEIGHT - 18})`}>
          <title>{`${moveText(row.move)}: ${usdShort(row.value)} at risk in ${row.accounts} accounts, bad debt ${usdShort(row.badDebt)}`}</title>
          <rect y={-HEIGHT + 26} width={step * 0.72} height={HEIGHT - 26} className={styles.hit} />
          <rect y={-height(row.value)} width={step * 0.72} height={height(row.value)} className={row.move === 0 ? styles.now : styles.atRisk} />
          <rect y={-height(row.badDebt)} width={step * 0.72} height={height(row.badDebt)} className={styles.badDebt} />
          {i % 2 === 0 && (
            <text x={step * 0.36} y={13} textAnchor="middle">
              {moveText(row.move)}
            </text>
          )}
        </g>
      ))}
      <text x={0} y={9}>
        {usdShort(most)}
      </text>
    </svg>
  );
}
