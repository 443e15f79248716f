// What the account is exposed to: deltas by underlying with their liquidation prices, and by factor.
import type { RiskFactor, RiskModel, RiskReport, RiskUnderlying } from '@plimsoll/client/risk';
import type { JSX } from 'react';
import { useExchange } from '../../data/exchange.tsx';
import type { ExchangeState } from '../../data/types.ts';
import { fixed, percent, pricePlaces } from '../../format/number.ts';
import { CENT, deltaText, dollars, liquidationText } from '../../model/report.ts';
import { cx, EmptyState, Table, Tooltip, type Column } from '../../ui/index.ts';
import styles from './RiskPanel.module.css';

/** Both tables. */
export function RiskDeltas({ report, model }: { report: RiskReport; model: RiskModel }): JSX.Element {
  const { state } = useExchange();
  return (
    <>
      <div className={styles.head}>
        <h2>Deltas</h2>
      </div>
      <Table label="Deltas by underlying" columns={underlyingColumns(state)} rows={report.underlyings} keyOf={(row) => row.name} empty={<EmptyState compact title="No exposure">Only the quote asset is held.</EmptyState>} />
      <Table label="Deltas by factor" columns={FACTORS} rows={model.factors} keyOf={(row) => String(row.number)} />
    </>
  );
}

/** A volatility of a day, and the one that Maint is still at where that is lower. */
function Volatility({ of }: { of: RiskUnderlying['volatility'] }): JSX.Element {
  if (!of) return <span className="faint">–</span>;
  const lags = of.binding < of.current * 0.999;
  return (
    <span className="num">
      {percent(of.current, 1)}
      {lags && <span className="muted"> / {percent(of.binding, 1)}</span>}
    </span>
  );
}

const VOLATILITY = <Tooltip side="bottom" text="Standard deviation of a day; after the stroke the lower one that Maint is still at.">σ a day</Tooltip>;

function underlyingColumns(state: ExchangeState | undefined): Column<RiskUnderlying>[] {
  return [
    {
      id: 'name',
      head: 'Underlying',
      cell: (row) => (
        <span>
          <strong>{row.name}</strong>
          {row.number === null && <span className="faint"> not in the model</span>}
        </span>
      ),
    },
    { id: 'delta', head: 'Net delta', align: 'end', cell: (row) => <Delta low={row.delta.low} high={row.delta.high} /> },
    { id: 'gross', head: 'Long / short', align: 'end', wide: true, cell: (row) => <span className="num muted">{deltaText(row.delta.long, row.delta.long)} / {deltaText(-row.delta.short, -row.delta.short)}</span> },
    { id: 'volatility', head: VOLATILITY, align: 'end', wide: true, cell: (row) => <Volatility of={row.volatility} /> },
    {
      id: 'liquidation',
      head: <Tooltip side="bottom" text="How far this price alone may move before Maint is at zero.">Liquidation</Tooltip>,
      align: 'end',
      cell: (row) => (
        <span className={cx('num', row.liquidation.crossed && 'danger')} title={prices(row, state)}>
          {liquidationText(row)}
        </span>
      ),
    },
  ];
}

const FACTORS: Column<RiskFactor>[] = [
  {
    id: 'factor',
    head: <Tooltip side="bottom" text="Common causes of moves. The first is its driver’s price; each later one is what its driver does beyond the factors before.">Factor</Tooltip>,
    cell: (row) => (
      <span>
        {row.number} <span className="muted">{row.driver ?? 'no driver'}{row.number > 1 && row.driver ? ' by itself' : ''}</span>
      </span>
    ),
  },
  { id: 'delta', head: 'Net delta', align: 'end', cell: (row) => <Delta low={row.low} high={row.high} /> },
  { id: 'volatility', head: 'σ a day', align: 'end', cell: (row) => <Volatility of={row.volatility} /> },
];

function Delta({ low, high }: { low: bigint; high: bigint }): JSX.Element {
  const [least, most] = [dollars(low), dollars(high)];
  return <span className={cx('num', least > -CENT && most >= CENT && 'buy', most < CENT && least <= -CENT && 'sell')}>{deltaText(low, high)}</span>;
}

/** The liquidation prices themselves, of the entry that has the underlying's name. */
function prices({ name, assets, markets, liquidation }: RiskUnderlying, state: ExchangeState | undefined): string | undefined {
  const asset = state?.assets.find((one) => assets.includes(one.index) && one.symbol === name);
  const market = state?.markets.find((one) => markets.includes(one.index) && one.base === name);
  const price = asset?.price ?? market?.oracle;
  if (price === undefined) return undefined;
  const found = [liquidation.below, liquidation.above].flatMap((ratio) => (ratio === null ? [] : [ratio * price]));
  return found.length ? `${name} at ${found.map((at) => fixed(at, pricePlaces(at))).join(' or ')}` : undefined;
}
