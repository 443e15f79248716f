// Markets, and the parameters, funding and open interest of the chosen one.
import type { JSX } from 'react';
import { useHistory } from '../../data/history.ts';
import type { ExchangeState } from '../../data/types.ts';
import { change, fixed, percent, short, usd } from '../../format/number.ts';
import { duration } from '../../format/time.ts';
import { feedView } from '../../model/feeds.ts';
import { premiumOf, type MarketView } from '../../model/views.ts';
import { EmptyState, ErrorState, SkeletonRows, Table, Tooltip, type Column } from '../../ui/index.ts';
import styles from './MarketsPage.module.css';
import { dollars, poolFacts, ratio } from './parameters.ts';
import { CapUse, Facts, FeedAge, FeedFacts, ModeTag, ZeroLine } from './parts.tsx';

/** Properties of {@link MarketList}. */
export interface MarketListProps {
  state: ExchangeState;
  chosen: MarketView | undefined;
  onChoose: (market: MarketView) => void;
}

/** The markets; a click shows all about one. */
export function MarketList({ state, chosen, onChoose }: MarketListProps): JSX.Element {
  return (
    <>
      <Table label="Markets" columns={columns(state)} rows={state.markets} keyOf={(row) => row.name} onRow={onChoose} isChosen={(row) => row.index === chosen?.index} empty={<EmptyState title="No markets">The exchange lists none yet.</EmptyState>} />
      {chosen && <MarketDetail state={state} market={chosen} />}
    </>
  );
}

const storedOf = (state: ExchangeState, row: MarketView) => state.snapshot.markets.get(row.index)?.value;

/** Dollars of a number of base lots at the oracle's price. */
const lotsValue = (row: MarketView, lots: bigint) => Number(lots) * row.lotSize * row.oracle;

function feedOf(state: ExchangeState, row: MarketView) {
  const { risk, clock } = state.snapshot;
  return risk && feedView(risk.value, row.age.feed, clock);
}

function columns(state: ExchangeState): Column<MarketView>[] {
  const price = (row: MarketView, value: number) => <span className="num">{fixed(value, row.priceDecimals)}</span>;
  return [
    { id: 'name', head: 'Market', sort: (row) => row.name, cell: (row) => <strong>{row.name}</strong> },
    { id: 'oracle', head: 'Oracle', align: 'end', sort: (row) => row.oracle, cell: (row) => price(row, row.oracle) },
    {
      id: 'feed',
      head: 'Age',
      cell: (row) => <FeedAge feed={feedOf(state, row)} />,
    },
    { id: 'mark', head: 'Mark', align: 'end', wide: true, sort: (row) => row.mark, cell: (row) => price(row, row.mark) },
    {
      id: 'funding',
      head: <Tooltip side="bottom" text="What longs pay shorts in a day, or receive if negative.">Funding, day</Tooltip>,
      align: 'end',
      sort: (row) => row.fundingPerDay,
      cell: (row) => <span className="num">{change(row.fundingPerDay, (n) => percent(n, 4))}</span>,
    },
    {
      id: 'interest',
      head: 'Open interest',
      align: 'end',
      wide: true,
      width: '170px',
      sort: (row) => row.openInterest * row.oracle,
      cell: (row) => {
        const stored = storedOf(state, row);
        const more = stored && (stored.longInterest > stored.shortInterest ? stored.longInterest : stored.shortInterest);
        return <CapUse label="Open interest" used={more === undefined ? undefined : lotsValue(row, more)} cap={lotsValue(row, stored?.params.openInterestCapLots ?? 0n)} />;
      },
    },
    { id: 'margin', head: 'Init / Maint', align: 'end', wide: true, sort: (row) => row.initRatio, cell: (row) => <span className="num">{percent(row.initRatio, 1)} / {percent(row.maintRatio, 1)}</span> },
    { id: 'fees', head: 'Maker / taker', align: 'end', wide: true, sort: (row) => row.takerFee, cell: (row) => <span className="num">{percent(row.makerFee, 3)} / {percent(row.takerFee, 3)}</span> },
    { id: 'mode', head: 'Mode', wide: true, cell: (row) => <ModeTag mode={storedOf(state, row)?.mode} /> },
  ];
}

function MarketDetail({ state, market }: { state: ExchangeState; market: MarketView }): JSX.Element {
  const stored = storedOf(state, market);
  if (!stored) return <SkeletonRows rows={6} label={`Loading ${market.name}`} />;
  const { params } = stored;
  const size = (lots: bigint) => `${short(Number(lots) * market.lotSize)} ${market.base}`;
  return (
    <section className={styles.detail} aria-label={market.name}>
      <h2>{market.name}</h2>
      <div className={styles.columns}>
        <Facts
          title="Open interest and pool"
          facts={[
            ['Longs', `${size(stored.longInterest)} · ${usd(lotsValue(market, stored.longInterest))}`],
            ['Shorts', `${size(stored.shortInterest)} · ${usd(lotsValue(market, stored.shortInterest))}`, 'Differs from the longs only while fills wait to be settled.'],
            ['Cap', `${size(params.openInterestCapLots)} a side`],
            ...poolFacts(stored),
            ['Fees not collected', usd(dollars(stored.feesAccrued))],
            ['For insurance', usd(dollars(stored.insuranceAccrued)), 'Share of liquidation fees that is owed to the insurance vault.'],
          ]}
        />
        <Facts
          title="Margin"
          facts={[
            ['Init', ratios(market.initRatio, ratio(params.initRatio)), 'Of now. It is more than listed while the underlying’s volatility asks for more.'],
            ['Maint', ratios(market.maintRatio, ratio(params.maintRatio)), 'Likewise, after an announcement.'],
            ['Grows above', usd(market.sizeScale), 'Notional from which both ratios grow with its square root.'],
            ['Profit counts', params.profitWeight.map((weight) => percent(ratio(weight), 0)).join(' / '), 'Part of an unrealised profit that counts for Init, LiquidationEnd and Maint.'],
            ['Liquidation fee', `${percent(ratio(params.liquidation.feeMin))} to ${percent(ratio(params.liquidation.feeMax))}`, `Rises over ${duration(params.liquidation.rampSecs)} from the moment an account is flagged.`],
            ['Of it to insurance', percent(ratio(params.liquidation.insuranceShare), 0)],
          ]}
        />
        <Facts
          title="Orders and funding"
          facts={[
            ['Lot and tick', `${market.lotSize} ${market.base}, ${usd(market.priceStep)}`],
            ['Smallest order', usd(dollars(params.minOrderNotional))],
            ['Price band', `±${percent(ratio(params.priceBandRatio), 1)}`, 'How far beyond the oracle an order may trade to its owner’s loss.'],
            ['Premium', change(premiumOf(stored), (n) => percent(n, 4)), 'Smoothed distance of the mark from the oracle, which funding follows.'],
            ['Most funding', `±${percent(ratio(params.maxFundingPerDay), 1)} a day`],
            ['Book sampled at', usd(dollars(params.impactNotional))],
          ]}
        />
        <FeedFacts feed={feedOf(state, market)} />
      </div>
      <FundingHistory market={market} />
    </section>
  );
}

function FundingHistory({ market }: { market: MarketView }): JSX.Element {
  const { data, error, refetch, fetchStatus } = useHistory(['funding', market.index], 10_000, (history, signal) => history.funding(market.index, { limit: 500 }, signal));
  const rate = (value: number) => `${change(value, (n) => percent(n, 3))} a day`;
  const points = data?.map(({ time, rate: value }) => ({ time, value })).reverse() ?? [];
  return (
    <section className={styles.funding}>
      <h3>Funding rate</h3>
      {points.length > 1 ? (
        <ZeroLine points={points} text={rate} label={`Funding of ${market.name} over time`} />
      ) : error ? (
        <ErrorState compact title="Past funding could not be read" onRetry={() => void refetch()}>
          {error.message}
        </ErrorState>
      ) : data || fetchStatus === 'idle' ? (
        <EmptyState compact title="No past funding">The history has no samples of this market yet.</EmptyState>
      ) : (
        <SkeletonRows rows={3} label="Loading past funding" />
      )}
    </section>
  );
}

/** A ratio of now, and the listed one where that is less. */
function ratios(now: number, listed: number): string {
  return now > listed * 1.0001 ? `${percent(now)}, listed ${percent(listed)}` : percent(listed);
}
