// What the account has in the markets: positions to close, orders to cancel.
import { useState, type JSX } from 'react';
import { Link } from 'wouter';
import { useActions, useBusy, type Actions } from '../../data/actions.ts';
import { useDoubts, type Doubts } from '../../data/doubt.ts';
import { useAccount, useExchange, useNow } from '../../data/exchange.tsx';
import { useHealth, type HealthView } from '../../data/health.ts';
import { fixed, NONE, trimmed, usd } from '../../format/number.ts';
import { duration } from '../../format/time.ts';
import { doubtText } from '../../model/feeds.ts';
import type { AccountView, OrderView, PositionView } from '../../model/views.ts';
import { useShortcuts } from '../../shell/shortcuts.ts';
import { Button, EmptyState, NumberText, SkeletonRows, Table, Tabs, Tooltip, type Column } from '../../ui/index.ts';
import { useWallet } from '../../wallet/store.ts';
import styles from './PositionsPanel.module.css';

type View = 'positions' | 'orders';

/** Positions and orders of the account. */
export function PositionsPanel(): JSX.Element {
  const [view, setView] = useState<View>('positions');
  const { state } = useExchange();
  const { connected } = useWallet();
  const account = useAccount();
  const actions = useActions();
  const [busy, run] = useBusy();
  const cancelAll = () => void run(async () => account && actions?.cancelAll(account.address));
  useShortcuts([{ keys: 'X', label: 'Cancel all orders', run: cancelAll }], 'Positions and orders');
  const tabs = [
    { id: 'positions' as const, label: 'Positions', count: account?.positions.length },
    { id: 'orders' as const, label: 'Open orders', count: account?.orders.length },
  ];
  const aside = account && account.orders.length > 0 && (
    <Button size="small" kind="quiet" busy={busy} onClick={cancelAll} data-testid="cancel-all">
      Cancel all
    </Button>
  );
  return (
    <div className={styles.panel}>
      <Tabs label="Positions and orders" tabs={tabs} value={view} onChange={setView} aside={aside} />
      {!connected ? (
        <EmptyState compact title="Not connected">Positions and orders of your account appear here.</EmptyState>
      ) : !state?.accounts ? (
        <SkeletonRows rows={3} label="Loading your account" />
      ) : !account ? (
        <EmptyState compact title="No account yet">The first deposit opens it.</EmptyState>
      ) : view === 'positions' ? (
        <Positions account={account} actions={actions} />
      ) : (
        <Orders account={account} actions={actions} />
      )}
    </div>
  );
}

/** Positions with profit, liquidation price and a way out. */
export function Positions({ account, actions }: { account: AccountView; actions: Actions | undefined }): JSX.Element {
  const health = useHealth(account.address);
  const doubts = useDoubts();
  if (!account.positions.length) {
    return (
      <EmptyState compact title="No positions">
        A trade opens one; its profit, funding and liquidation price appear here.
      </EmptyState>
    );
  }
  return <Table label="Positions" sticky columns={positionColumns(account, actions, health, doubts)} rows={account.positions} keyOf={(row) => row.market.name} className={styles.table ?? ''} />;
}

function positionColumns(account: AccountView, actions: Actions | undefined, health: HealthView | undefined, doubts: Doubts): Column<PositionView>[] {
  const price = (row: PositionView, value: number | undefined) => (value === undefined || !(value > 0) ? NONE : fixed(value, row.market.priceDecimals));
  return [
    {
      id: 'market',
      head: 'Market',
      sort: (row) => row.market.name,
      cell: (row) => (
        <Link href={`/trade/${row.market.name}`}>
          <span className={row.size > 0 ? 'buy' : row.size < 0 ? 'sell' : 'muted'}>{row.size > 0 ? 'Long' : row.size < 0 ? 'Short' : 'Closed'}</span> {row.market.name}
        </Link>
      ),
    },
    { id: 'size', head: 'Size', align: 'end', sort: (row) => Math.abs(row.size), cell: (row) => <span className="num">{fixed(Math.abs(row.size), row.market.sizeDecimals)}</span> },
    { id: 'value', head: 'Value', align: 'end', wide: true, sort: (row) => row.notional, cell: (row) => <NumberText value={row.notional} /> },
    {
      id: 'cost',
      head: <Tooltip side="bottom" text="Price at which the profit that is not settled yet is zero. Settling moves it to the oracle’s price.">Basis</Tooltip>,
      align: 'end',
      wide: true,
      cell: (row) => <span className="num">{price(row, row.cost)}</span>,
    },
    { id: 'mark', head: 'Oracle', align: 'end', wide: true, cell: (row) => <OraclePrice row={row} doubts={doubts} text={(value) => price(row, value)} /> },
    {
      id: 'liquidation',
      head: 'Liquidation',
      align: 'end',
      cell: (row) => {
        const found = health?.liquidation.find((one) => one.underlying.symbol === row.market.base);
        return <span className="num">{price(row, row.size > 0 ? found?.below : found?.above)}</span>;
      },
    },
    { id: 'funding', head: 'Funding', align: 'end', wide: true, sort: (row) => row.funding, cell: (row) => <NumberText value={row.funding} signed /> },
    { id: 'pnl', head: <Tooltip side="bottom" text="At the oracle’s price, funding included, since it was last settled into USDC.">Profit</Tooltip>, align: 'end', sort: (row) => row.pnl, cell: (row) => <span data-testid="pnl"><NumberText value={row.pnl} signed /></span> },
    { id: 'close', head: <span className="hidden">Actions</span>, align: 'end', cell: (row) => <PositionActions account={account} row={row} actions={actions} /> },
  ];
}

/** The price that a position is measured at, marked and explained while it is in doubt. */
function OraclePrice({ row: { market, size }, doubts, text }: { row: PositionView; doubts: Doubts; text: (value: number) => string }): JSX.Element {
  const doubt = doubts.market(market.index);
  if (!doubt) return <span className="num">{text(market.oracle)}</span>;
  return (
    <Tooltip side="bottom" text={doubtText(doubt, size < 0 ? 'short' : 'long', text)}>
      <span className="num warn">
        {text(market.oracle)} <span className="small">counts {text(size < 0 ? doubt.owed : doubt.owned)}</span>
      </span>
    </Tooltip>
  );
}

function PositionActions({ account, row, actions }: { account: AccountView; row: PositionView; actions: Actions | undefined }): JSX.Element {
  const [busy, run] = useBusy();
  const close = () =>
    run(async () => {
      const isLong = row.lots > 0n;
      const terms = {
        side: isLong ? ('ask' as const) : ('bid' as const),
        price: isLong ? 0n : (1n << 64n) - 1n,
        lots: isLong ? row.lots : -row.lots,
        kind: 'market' as const,
        reduceOnly: true,
      };
      await actions?.place(account.address, row.market.ref, terms, `Close ${trimmed(Math.abs(row.size), row.market.sizeDecimals)} ${row.market.base}`);
    });
  const settle = () => run(async () => actions?.settle(account.address, row.market.ref));
  return (
    <span className={styles.actions}>
      <Button size="small" kind="quiet" className={styles.settle} disabled={!actions || busy} onClick={() => void settle()} title={`Turn ${usd(row.pnl)} into USDC, as far as the market's pool can pay`}>
        Settle
      </Button>
      {row.lots !== 0n && (
        <Button size="small" busy={busy} disabled={!actions} onClick={() => void close()} data-testid="close-position">
          Close
        </Button>
      )}
    </span>
  );
}

function Orders({ account, actions }: { account: AccountView; actions: Actions | undefined }): JSX.Element {
  const now = useNow();
  if (!account.orders.length) return <EmptyState compact title="No open orders">Orders that wait in a book appear here.</EmptyState>;
  const columns: Column<OrderView>[] = [
    {
      id: 'market',
      head: 'Market',
      sort: (row) => row.market.name,
      cell: (row) => (
        <>
          <span className={row.side}>{row.side === 'buy' ? 'Buy' : 'Sell'}</span> {row.market.name}
        </>
      ),
    },
    { id: 'price', head: 'Price', align: 'end', sort: (row) => row.price, cell: (row) => <span className="num">{fixed(row.price, row.market.priceDecimals)}</span> },
    { id: 'size', head: 'Size', align: 'end', sort: (row) => row.size, cell: (row) => <span className="num">{fixed(row.size, row.market.sizeDecimals)}</span> },
    { id: 'value', head: 'Value', align: 'end', wide: true, sort: (row) => row.size * row.price, cell: (row) => <NumberText value={row.size * row.price} /> },
    { id: 'options', head: 'Options', wide: true, cell: (row) => <span className="muted">{row.reduceOnly ? 'Reduce only' : NONE}</span> },
    { id: 'expiry', head: 'Expires', align: 'end', wide: true, cell: (row) => <span className="muted">{expiryText(row.expiry, now)}</span> },
    { id: 'cancel', head: <span className="hidden">Actions</span>, align: 'end', cell: (row) => <Cancel account={account} row={row} actions={actions} /> },
  ];
  return <Table label="Open orders" sticky columns={columns} rows={account.orders} keyOf={(row) => `${row.market.index}:${row.id}`} className={styles.table ?? ''} />;
}

function expiryText(expiry: number, now: number): string {
  if (expiry === 0) return 'Until cancelled';
  return expiry <= now ? 'Expired' : `in ${duration(expiry - now)}`;
}

function Cancel({ account, row, actions }: { account: AccountView; row: OrderView; actions: Actions | undefined }): JSX.Element {
  const [busy, run] = useBusy();
  return (
    <Button size="small" kind="quiet" busy={busy} disabled={!actions} onClick={() => void run(async () => actions?.cancel(account.address, row.market.ref, row.id))}>
      Cancel
    </Button>
  );
}
