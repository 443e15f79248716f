// Deposits and debts: amount, worth, weights, interest, and where the price would have to go.
import type { JSX } from 'react';
import { useDoubts, type Doubts } from '../../data/doubt.ts';
import { useExchange } from '../../data/exchange.tsx';
import { useTokens } from '../../data/tokens.ts';
import { useHealth } from '../../data/health.ts';
import type { ExchangeState } from '../../data/types.ts';
import { nativeToNumber, NONE, percent, pricePlaces, fixed, trimmed, usd } from '../../format/number.ts';
import { doubtText } from '../../model/feeds.ts';
import type { AccountView, AssetView, BalanceView } from '../../model/views.ts';
import { Button, NumberText, Table, Tooltip, type Column } from '../../ui/index.ts';
import styles from './Balances.module.css';
import type { FundsKind } from './FundsDialog.tsx';

interface Row {
  asset: AssetView;
  balance: BalanceView | undefined;
  wallet: number | undefined;
}

/** Properties of {@link Balances}. */
export interface BalancesProps {
  account: AccountView;
  onMove: (kind: FundsKind, asset: number) => void;
}

/** One row for each listed asset: what is not held can be deposited or borrowed all the same. */
export function Balances({ account, onMove }: BalancesProps): JSX.Element {
  const { state } = useExchange();
  const tokens = useTokens().data;
  const health = useHealth(account.address);
  const doubts = useDoubts();
  const rows = (state?.assets ?? []).map((asset): Row => {
    const token = tokens?.get(asset.index);
    return {
      asset,
      balance: account.balances.find((one) => one.asset.index === asset.index),
      wallet: token && nativeToNumber(token.available, asset.decimals),
    };
  });
  const columns: Column<Row>[] = [
    { id: 'asset', head: 'Asset', sort: (row) => row.asset.symbol, cell: (row) => <><strong>{row.asset.symbol}</strong> <span className={styles.full}>{row.asset.name}</span></> },
    { id: 'amount', head: 'Balance', align: 'end', cell: (row) => <NumberText value={row.balance?.amount} text={(n) => trimmed(n, 6)} /> },
    { id: 'value', head: 'Value', align: 'end', sort: (row) => row.balance?.value ?? 0, cell: (row) => <Value row={row} doubts={doubts} /> },
    { id: 'price', head: 'Price', align: 'end', wide: true, cell: (row) => <Price row={row} doubts={doubts} /> },
    {
      id: 'weights',
      head: <Tooltip side="bottom" text="Part of its value that a deposit counts for: Init / Maint. A debt counts for more than its value. In portfolio margin what the model covers counts whole, and its risk is taken off the account.">Weights</Tooltip>,
      align: 'end',
      wide: true,
      cell: (row) => weights(row, account, state),
    },
    { id: 'rate', head: 'Interest, year', align: 'end', wide: true, cell: (row) => rate(row) },
    { id: 'liquidation', head: 'Liquidation', align: 'end', wide: true, cell: (row) => liquidation(row, health) },
    { id: 'wallet', head: 'In wallet', align: 'end', wide: true, cell: (row) => <NumberText value={row.wallet} text={(n) => trimmed(n, 4)} /> },
    {
      id: 'move',
      head: <span className="hidden">Actions</span>,
      align: 'end',
      cell: (row) => (
        <span className={styles.actions}>
          <Button size="small" kind="quiet" onClick={() => onMove('deposit', row.asset.index)}>
            Deposit
          </Button>
          <Button size="small" kind="quiet" className={styles.second} onClick={() => onMove(row.balance && row.balance.amount > 0 ? 'withdraw' : 'borrow', row.asset.index)}>
            {row.balance && row.balance.amount > 0 ? 'Withdraw' : 'Borrow'}
          </Button>
        </span>
      ),
    },
  ];
  return <Table label="Balances" columns={columns} rows={rows} keyOf={(row) => row.asset.symbol} />;
}

/** What a balance is worth, and what it counts for while its price is in doubt. */
function Value({ row: { asset, balance }, doubts }: { row: Row; doubts: Doubts }): JSX.Element {
  const doubt = balance && doubts.asset(asset.index);
  return (
    <>
      <NumberText value={balance?.value} />
      {doubt && <span className={`num warn ${styles.counts}`}>counts {usd(balance.amount * (balance.amount < 0 ? doubt.owed : doubt.owned))}</span>}
    </>
  );
}

function Price({ row: { asset, balance }, doubts }: { row: Row; doubts: Doubts }): JSX.Element {
  const doubt = doubts.asset(asset.index);
  const price = (value: number) => fixed(value, pricePlaces(asset.price));
  const shown = <span className={asset.age.stale ? 'num warn' : 'num'}>{price(asset.price)}</span>;
  if (asset.age.final) {
    return (
      <Tooltip side="bottom" text="Being wound down at this final price: repay or withdraw. Debts are settled in quote, and deposits returned to your wallet.">
        <span className="num warn">{price(asset.price)}</span>
      </Tooltip>
    );
  }
  if (!doubt) return shown;
  return (
    <Tooltip side="bottom" text={doubtText(doubt, (balance?.amount ?? 0) < 0 ? 'debt' : 'deposit', price)}>
      {shown}
    </Tooltip>
  );
}

function weights({ asset, balance }: Row, account: AccountView, state: ExchangeState | undefined): JSX.Element {
  const isCovered = state?.snapshot.risk?.value.assets[asset.index]?.underlying !== 0;
  if (account.mode === 'portfolio' && isCovered) return <span className="muted">whole</span>;
  const isDebt = (balance?.amount ?? 0) < 0;
  const { assetInit, assetMaint, liabilityInit, liabilityMaint } = asset.weights;
  const [init, maint] = isDebt ? [liabilityInit, liabilityMaint] : [assetInit, assetMaint];
  return (
    <span className="num muted">
      {percent(init, 0)} / {percent(maint, 0)}
    </span>
  );
}

function rate({ asset, balance }: Row): JSX.Element {
  const isDebt = (balance?.amount ?? 0) < 0;
  const value = isDebt ? asset.borrowRate : asset.depositRate;
  if (value === undefined) return <span className="faint">{NONE}</span>;
  return <span className={isDebt ? 'num sell' : 'num'}>{isDebt ? `−${percent(value)}` : percent(value)}</span>;
}

function liquidation({ asset }: Row, health: ReturnType<typeof useHealth>): JSX.Element {
  const found = health?.liquidation.find((one) => one.underlying.assets.includes(asset.index));
  const text = [found?.below, found?.above].map((price) => (price === undefined || asset.index === 0 ? undefined : fixed(price, pricePlaces(price))));
  const shown = text.filter(Boolean);
  return <span className="num">{shown.length ? shown.join(' / ') : NONE}</span>;
}
