// What was liquidated, newest first.
import type { HistoryEvent } from '@plimsoll/client/history';
import { useMemo, type JSX } from 'react';
import { useExchange, useNow } from '../../data/exchange.tsx';
import { useHistory, useHistoryServer } from '../../data/history.ts';
import { shortAddress } from '../../format/address.ts';
import { trimmed, usd } from '../../format/number.ts';
import { ago, stamp } from '../../format/time.ts';
import type { AssetView, MarketView } from '../../model/views.ts';
import { EmptyState, ErrorState, SkeletonRows, Table, type Column } from '../../ui/index.ts';
import styles from './LiquidationsPage.module.css';

/** Liquidations and resolved bankruptcies of all accounts. */
export function LiquidationHistory({ names }: { names: Readonly<Record<string, string>> }): JSX.Element {
  const { state } = useExchange();
  const now = useNow();
  const server = useHistoryServer();
  const { data, error, refetch } = useHistory(['liquidations'], 4000, (history, signal) => history.liquidations({ limit: 200 }, signal));
  const columns = useMemo<Column<HistoryEvent>[]>(() => {
    const who = (field: string) => (row: HistoryEvent) => {
      const address = row.data[field];
      if (typeof address !== 'string') return <span className="faint">–</span>;
      return <span title={address}>{names[address] ?? shortAddress(address)}</span>;
    };
    const facts = (row: HistoryEvent) => factsOf(row, state?.assets ?? [], state?.markets ?? []);
    return [
      { id: 'time', head: 'Time', sort: (row) => row.position.padStart(40, '0'), cell: (row) => <span className="num muted" title={stamp(row.time)}>{ago(row.time, now)}</span> },
      { id: 'account', head: 'Account', cell: who('marginAccount') },
      { id: 'what', head: 'What', cell: (row) => facts(row).what },
      { id: 'value', head: 'Value', align: 'end', sort: (row) => facts(row).value ?? 0, cell: (row) => <span className="num">{dollars(facts(row).value)}</span> },
      { id: 'fee', head: 'Fee', align: 'end', wide: true, sort: (row) => facts(row).fee ?? 0, cell: (row) => <span className="num">{dollars(facts(row).fee)}</span> },
      { id: 'liquidator', head: 'By', wide: true, cell: who('liquidator') },
      { id: 'signature', head: 'Transaction', wide: true, align: 'end', cell: (row) => <code title={row.signature}>{shortAddress(row.signature)}</code> },
    ];
  }, [names, now, state?.assets, state?.markets]);
  if (!server) return <EmptyState compact title="No history server">This exchange's directory names none, so only the present is shown.</EmptyState>;
  if (error && !data) {
    return (
      <ErrorState compact title="The history could not be read" onRetry={() => void refetch()}>
        {error.message}
      </ErrorState>
    );
  }
  if (!data) return <SkeletonRows rows={4} label="Loading past liquidations" />;
  const empty = <EmptyState compact title="Nothing has been liquidated yet">A crash usually changes that: a local chain can play one.</EmptyState>;
  return <Table label="Liquidations" sticky className={styles.past ?? ''} columns={columns} rows={data} keyOf={(row) => row.position} empty={empty} />;
}

const dollars = (value: number | undefined) => (value === undefined ? '–' : usd(value));

/** What a row says; amounts in dollars where the event has them, or at present prices. */
interface Facts {
  what: string;
  value: number | undefined;
  fee: number | undefined;
}

function factsOf({ kind, data }: HistoryEvent, assets: readonly AssetView[], markets: readonly MarketView[]): Facts {
  const number = (field: string) => Number(data[field] ?? 0);
  const amount = (index: string, isPnl: string, field: string) => {
    const asset = assets.find((one) => one.index === (data[isPnl] ? 0 : number(index)));
    const native = number(field) / 10 ** (asset?.decimals ?? 0);
    const market = markets.find((one) => one.index === number(index));
    const text = data[isPnl] ? `${usd(native)} of ${market?.name ?? 'a market'}` : `${trimmed(native, 6)} ${asset?.symbol ?? ''}`;
    return { text, value: asset && native * asset.price };
  };
  if (kind === 'PositionLiquidated') {
    const market = markets.find((one) => one.index === number('market'));
    const size = trimmed(Math.abs(number('lots')) * (market?.lotSize ?? 1), market?.sizeDecimals ?? 0);
    return { what: `${number('lots') > 0 ? 'Long' : 'Short'} ${size} ${market?.base ?? 'lots'}`, value: number('notional') / 1e6, fee: number('fee') / 1e6 };
  }
  if (kind === 'CollateralLiquidated') {
    const [seized, repaid] = [amount('collateral', 'collateralIsPnl', 'seized'), amount('debt', 'debtIsPnl', 'repaid')];
    const fee = seized.value !== undefined && repaid.value !== undefined ? Math.max(0, seized.value - repaid.value) : undefined;
    return { what: `${seized.text} for ${repaid.text} of debt`, value: repaid.value, fee };
  }
  if (kind === 'DustForfeited') {
    const dust = amount('asset', 'isPnl', 'amount');
    return { what: `Dust: ${dust.text} forfeited to insurance`, value: dust.value, fee: undefined };
  }
  const loss = amount('index', 'isPnl', 'loss');
  const shared = number('socialized') > 0 ? ', partly shared' : '';
  return { what: `Bankruptcy: ${loss.text} of loss${shared}`, value: loss.value, fee: undefined };
}
