// Assets: prices, deposits and borrows against their caps, interest, and the parameters of the chosen one.
import type { JSX } from 'react';
import type { ExchangeState } from '../../data/types.ts';
import { fixed, percent, pricePlaces, usd } from '../../format/number.ts';
import { duration } from '../../format/time.ts';
import { feedView } from '../../model/feeds.ts';
import type { AssetView } from '../../model/views.ts';
import { NumberText, SkeletonRows, Table, Tooltip, type Column } from '../../ui/index.ts';
import styles from './MarketsPage.module.css';
import { dollars, ratio } from './parameters.ts';
import { CapUse, Facts, FeedAge, FeedFacts, ModeTag } from './parts.tsx';

/** Properties of {@link AssetList}. */
export interface AssetListProps {
  state: ExchangeState;
  chosen: AssetView | undefined;
  onChoose: (asset: AssetView) => void;
}

/** The assets; a click shows all about one. */
export function AssetList({ state, chosen, onChoose }: AssetListProps): JSX.Element {
  return (
    <>
      <Table label="Assets" columns={columns(state)} rows={state.assets} keyOf={(row) => row.symbol} onRow={onChoose} isChosen={(row) => row.index === chosen?.index} />
      {chosen && <AssetDetail state={state} asset={chosen} />}
    </>
  );
}

const bankOf = (state: ExchangeState, row: AssetView) => state.snapshot.banks.get(row.index)?.value;
const valueOf = (row: AssetView, tokens: number | undefined) => (tokens === undefined ? undefined : tokens * row.price);

function feedOf(state: ExchangeState, row: AssetView) {
  const { risk, clock } = state.snapshot;
  return risk && feedView(risk.value, row.age.feed, clock);
}

function columns(state: ExchangeState): Column<AssetView>[] {
  const cap = (row: AssetView, name: 'depositCapUsd' | 'borrowCapUsd') => dollars(bankOf(state, row)?.params[name] ?? 0n);
  return [
    {
      id: 'name',
      head: 'Asset',
      sort: (row) => row.symbol,
      cell: (row) => (
        <span>
          <strong>{row.symbol}</strong> <span className="faint">{row.name}</span>
        </span>
      ),
    },
    { id: 'price', head: 'Price', align: 'end', sort: (row) => row.price, cell: (row) => <span className="num">{fixed(row.price, pricePlaces(row.price))}</span> },
    {
      id: 'feed',
      head: 'Age',
      cell: (row) => <FeedAge feed={feedOf(state, row)} />,
    },
    { id: 'deposits', head: 'Deposits', align: 'end', width: '160px', wide: true, sort: (row) => valueOf(row, row.deposits) ?? 0, cell: (row) => <CapUse label="Deposits" used={valueOf(row, row.deposits)} cap={cap(row, 'depositCapUsd')} /> },
    { id: 'borrows', head: 'Borrows', align: 'end', width: '160px', wide: true, sort: (row) => valueOf(row, row.borrows) ?? 0, cell: (row) => <CapUse label="Borrows" used={valueOf(row, row.borrows)} cap={cap(row, 'borrowCapUsd')} /> },
    { id: 'utilization', head: 'Lent out', align: 'end', wide: true, sort: (row) => row.utilization ?? 0, cell: (row) => <NumberText value={row.utilization} text={(n) => percent(n, 1)} /> },
    {
      id: 'rates',
      head: <Tooltip side="bottom" text="Interest a year at the present use: what depositors earn, what borrowers pay.">Earn / pay</Tooltip>,
      align: 'end',
      wide: true,
      sort: (row) => row.borrowRate ?? 0,
      cell: (row) => <span className="num">{row.depositRate === undefined || row.borrowRate === undefined ? '–' : `${percent(row.depositRate)} / ${percent(row.borrowRate)}`}</span>,
    },
    {
      id: 'weight',
      head: <Tooltip side="bottom" text="Part of a deposit's value that counts towards Init and Maint.">Counts</Tooltip>,
      align: 'end',
      sort: (row) => row.weights.assetInit,
      cell: (row) => <span className="num">{percent(row.weights.assetInit, 0)} / {percent(row.weights.assetMaint, 0)}</span>,
    },
    { id: 'mode', head: 'Mode', wide: true, cell: (row) => <ModeTag mode={bankOf(state, row)?.mode} /> },
  ];
}

function AssetDetail({ state, asset }: { state: ExchangeState; asset: AssetView }): JSX.Element {
  const bank = bankOf(state, asset);
  if (!bank) return <SkeletonRows rows={6} label={`Loading ${asset.symbol}`} />;
  const { params } = bank;
  const { curve, liquidation } = params;
  const tokens = (native: bigint) => (Number(native) / 10 ** asset.decimals) * asset.price;
  const now = Number(state.snapshot.clock.unixTime);
  // What was counted leaks at the rate of the limit in its time.
  const flow = ({ left }: { readonly left: { readonly level: bigint; readonly updatedAt: bigint } }, limitUsd: bigint, secs: number) => {
    const leaked = (dollars(limitUsd) * Math.max(0, now - Number(left.updatedAt) / 1e6)) / secs;
    return Math.max(0, tokens(left.level) - leaked);
  };
  return (
    <section className={styles.detail} aria-label={asset.symbol}>
      <h2>{asset.symbol}</h2>
      <div className={styles.columns}>
        <Facts
          title="Deposits and borrows"
          facts={[
            ['Deposits', <CapUse key="d" label="Deposits" used={valueOf(asset, asset.deposits)} cap={dollars(params.depositCapUsd)} />],
            ['Borrows', <CapUse key="b" label="Borrows" used={valueOf(asset, asset.borrows)} cap={dollars(params.borrowCapUsd)} />],
            ['Net borrows lately', <CapUse key="n" label="Net borrows" used={flow(bank.netBorrows, params.netBorrowLimitUsd, params.netBorrowWindowSecs)} cap={dollars(params.netBorrowLimitUsd)} />, `Borrowed less repaid; as much as the limit leaks away in ${duration(params.netBorrowWindowSecs)}.`],
            ['Outflow lately', <CapUse key="o" label="Outflow" used={flow(bank.outflow, params.outflowLimitUsd, params.outflowWindowSecs)} cap={dollars(params.outflowLimitUsd)} />, `Withdrawn less deposited; as much as the limit leaks away in ${duration(params.outflowWindowSecs)}.`],
            ['Own insurance', usd(tokens(bank.insurance)), 'Share of liquidation fees that covers bad debt in this asset.'],
          ]}
        />
        <Facts
          title="Weights"
          facts={[
            ['Deposits count', `${percent(asset.weights.assetInit, 1)} Init, ${percent(asset.weights.assetMaint, 1)} Maint`],
            ['Shrinks above', usd(dollars(params.depositScaleStartUsd)), 'Total deposits from which the Init weight falls.'],
            ['Debts count', `${percent(asset.weights.liabilityInit, 1)} Init, ${percent(asset.weights.liabilityMaint, 1)} Maint`],
            ['Grows above', usd(dollars(params.borrowScaleStartUsd)), 'Total borrows from which the Init weight of debts rises.'],
            ['Liquidation fee', `${percent(ratio(liquidation.feeMin))} to ${percent(ratio(liquidation.feeMax))}`, `Rises over ${duration(liquidation.rampSecs)} from the moment an account is flagged.`],
            ['Closed whole below', usd(dollars(params.dustUsd))],
          ]}
        />
        <Facts
          title="Interest"
          facts={[
            ['Now', asset.borrowRate === undefined ? '–' : `${percent(asset.borrowRate)} at ${percent(asset.utilization ?? 0, 0)} lent out`],
            ['At none', percent(ratio(curve.zeroRate))],
            [`At ${percent(ratio(curve.util0), 0)}`, percent(ratio(curve.rate0))],
            [`At ${percent(ratio(curve.util1), 0)}`, percent(ratio(curve.rate1))],
            ['At all', percent(ratio(curve.maxRate))],
            ['Kept by the exchange', `${percent(ratio(params.interestFee), 0)} of it, ${percent(ratio(params.loanOriginationFee), 3)} of a new borrow`],
          ]}
        />
        <FeedFacts feed={feedOf(state, asset)} />
      </div>
    </section>
  );
}
