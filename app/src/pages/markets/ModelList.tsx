// The portfolio model: its multiples, each underlying with its volatility now, announced and binding, and what follows it.
import { useState, type JSX } from 'react';
import type { ExchangeState } from '../../data/types.ts';
import { change, percent, trimmed, usd } from '../../format/number.ts';
import { duration } from '../../format/time.ts';
import { NAMED_DAYS, riskModelView, type RiskModelView, type UnderlyingView } from '../../model/riskModel.ts';
import { cx, EmptyState, Table, Tooltip, type Column } from '../../ui/index.ts';
import styles from './MarketsPage.module.css';
import { ratio } from './parameters.ts';
import { Facts } from './parts.tsx';

/** The model; a click on an underlying shows all about it. */
export function ModelList({ state }: { state: ExchangeState }): JSX.Element {
  const [chosen, setChosen] = useState(1);
  const risk = state.snapshot.risk?.value;
  const model = risk && riskModelView(risk);
  if (!model) return <EmptyState title="No portfolio model">This exchange offers standard margin only.</EmptyState>;
  const underlying = model.underlyings.find((one) => one.number === chosen) ?? model.underlyings[0];
  return (
    <>
      <Table label="Underlyings" columns={columns(state)} rows={model.underlyings} keyOf={(row) => String(row.number)} onRow={(row) => setChosen(row.number)} isChosen={(row) => row.number === underlying?.number} />
      <section className={styles.detail} aria-label="Portfolio model">
        {underlying && <h2>{underlying.name}</h2>}
        <div className={styles.columns}>
          {underlying && <UnderlyingFacts state={state} of={underlying} />}
          <ModelFacts model={model} />
        </div>
      </section>
    </>
  );
}

const now = (state: ExchangeState) => Number(state.snapshot.clock.unixTime);

/** When what is announced binds, in words. */
function bindsText(state: ExchangeState, at: number): string {
  const left = at - now(state);
  return left > 0 ? `in ${duration(left)}` : 'at the next price';
}

function columns(state: ExchangeState): Column<UnderlyingView>[] {
  return [
    {
      id: 'name',
      head: 'Underlying',
      sort: (row) => row.name,
      cell: (row) => (
        <span>
          <strong>{row.name}</strong> <span className="faint">{row.drives ? `drives factor ${row.drives}` : ''}</span>
        </span>
      ),
    },
    {
      id: 'current',
      head: <Tooltip side="bottom" text="Standard deviation of a day’s return that Init uses.">σ now</Tooltip>,
      align: 'end',
      sort: (row) => row.volatility.current,
      cell: (row) => <span className={cx('num', row.volatility.current > row.floor * 1.001 && 'warn')}>{percent(row.volatility.current)}</span>,
    },
    {
      id: 'announced',
      head: <Tooltip side="bottom" text="What the maintenance line rises to next, and when.">Announced</Tooltip>,
      align: 'end',
      wide: true,
      cell: ({ volatility }) =>
        volatility.announced === undefined ? (
          <span className="faint">–</span>
        ) : (
          <span className="num">
            {percent(volatility.announced)} <span className="faint">{bindsText(state, volatility.bindsAt)}</span>
          </span>
        ),
    },
    { id: 'binding', head: <Tooltip side="bottom" text="The one that liquidations use.">Binding</Tooltip>, align: 'end', sort: (row) => row.volatility.binding, cell: (row) => <span className="num">{percent(row.volatility.binding)}</span> },
    { id: 'floor', head: <Tooltip side="bottom" text="The least volatility, however calm the market is.">Floor</Tooltip>, align: 'end', sort: (row) => row.floor, cell: (row) => <span className="num">{percent(row.floor)}</span> },
    { id: 'loadings', head: <Tooltip side="bottom" text="Moves per move of each factor.">Loadings</Tooltip>, align: 'end', wide: true, cell: (row) => <span className="num">{row.loadings.map((loading) => trimmed(loading, 2)).join(' · ')}</span> },
    { id: 'follows', head: 'Followed by', wide: true, cell: (row) => <span className="muted">{followers(state, row)}</span> },
  ];
}

function followers(state: ExchangeState, of: UnderlyingView): string {
  const assets = of.assets.map((index) => state.assets.find((one) => one.index === index)?.symbol ?? `asset ${index}`);
  const markets = of.markets.map((index) => state.markets.find((one) => one.index === index)?.name ?? `market ${index}`);
  return [...assets, ...markets].join(', ') || 'nothing';
}

function teacher(state: ExchangeState, { taughtBy }: UnderlyingView): string {
  if (!taughtBy) return 'nothing: it stays at its floor';
  const { kind, index } = taughtBy;
  return (kind === 'asset' ? state.assets.find((one) => one.index === index)?.symbol : state.markets.find((one) => one.index === index)?.name) ?? `${kind} ${index}`;
}

function UnderlyingFacts({ state, of }: { state: ExchangeState; of: UnderlyingView }): JSX.Element {
  const { volatility } = of;
  const announced = volatility.announced === undefined ? 'nothing' : `${percent(volatility.announced)}, ${bindsText(state, volatility.bindsAt)}`;
  return (
    <>
      <Facts
        title="Volatility of a day"
        facts={[
          ['Now (Init)', percent(volatility.current)],
          ['Announced', announced, 'A rise is announced before the maintenance line follows, so that nobody is liquidated without notice.'],
          ['Binding (Maint)', percent(volatility.binding)],
          ['Floor', percent(of.floor)],
          [of.drives ? `Of factor ${of.drives} itself` : 'That no factor explains', `${percent(of.own)}, at least ${percent(of.ownFloor)}`],
          ['Learns from', teacher(state, of)],
          ['Last sample', volatility.sampledAt === undefined ? 'none yet' : `${duration(Math.max(0, now(state) - volatility.sampledAt))} ago`],
        ]}
      />
      <Facts
        title="Size and hedges"
        facts={[
          ['Followed by', followers(state, of)],
          ['Loadings', of.loadings.map((loading) => trimmed(loading, 2)).join(' · '), 'Moves per move of each factor.'],
          ['Size costs more above', usd(of.depth), 'Delta beyond which the add-on for liquidity grows with the square root of size.'],
          ['Growth', percent(of.impact)],
          ['Basis', percent(of.basis), 'On longs that only shorts of the same underlying hedge.'],
        ]}
      />
      <Facts title="Returns on the named days" facts={NAMED_DAYS.map((day, i) => [day, change(of.crashReturns[i] ?? 0, (n) => percent(n, 1))])} />
    </>
  );
}

function ModelFacts({ model: { params } }: { model: RiskModelView }): JSX.Element {
  return (
    <Facts
      title="The model"
      facts={[
        ['Deviations covered', `${trimmed(ratio(params.deviations), 2)}×`, 'How many standard deviations of a day the factor model covers.'],
        ['Charged unhedged', percent(ratio(params.correlationBreakdown), 0), 'The part charged as if nothing hedged anything: correlations break down.'],
        ['Least of all deltas', percent(ratio(params.grossFloor), 1), 'The requirement is at least this part of all deltas together.'],
        ['Of the worst named day', percent(ratio(params.crashMultiple), 0), 'The requirement is at least this part of what the worst of the named days would cost.'],
        ['Maint by Init', percent(ratio(params.maintFraction), 0)],
        ['Quote peg', percent(ratio(params.depegRatio)), 'On what is owned in the quote asset.'],
        ['Scenarios', `${params.scenarioCount}, on ${params.factorCount} factors`],
        ['Memory of a day', `${percent(ratio(params.fastDecay), 0)} fast, ${percent(ratio(params.slowDecay), 0)} slow`, 'The weight that a day leaves to what was before; the larger of both variances counts.'],
        ['Rises at most', `${percent(ratio(params.maxRisePerHour), 0)} an hour`],
        ['Announced for', duration(params.announcementSecs)],
      ]}
    />
  );
}
