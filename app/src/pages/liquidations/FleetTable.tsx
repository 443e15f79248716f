// All accounts, the deepest loaded first.
import { flagOf, marginModeOf } from '@plimsoll/client/accounts';
import type { JSX } from 'react';
import { shortAddress } from '../../format/address.ts';
import { percent, trimmed } from '../../format/number.ts';
import { STANDING_TEXT, tone } from '../../model/load.ts';
import { Button, EmptyState, LoadBar, NumberText, Table, Tooltip, type Column } from '../../ui/index.ts';
import { useWallet } from '../../wallet/store.ts';
import type { FleetRow } from './fleet.ts';
import styles from './LiquidationsPage.module.css';

/** Properties of {@link FleetTable}. */
export interface FleetTableProps {
  rows: readonly FleetRow[];
  /** Names of known accounts by address. */
  names: Readonly<Record<string, string>>;
  onLiquidate: (row: FleetRow) => void;
}

/** The accounts. */
export function FleetTable({ rows, names, onLiquidate }: FleetTableProps): JSX.Element {
  const own = useWallet().connected?.address;
  return (
    <Table
      label="Accounts by load"
      sticky
      sortedBy="-load"
      className={styles.table ?? ''}
      columns={columns(names, own, onLiquidate)}
      rows={rows}
      keyOf={(row) => row.entry.address}
      empty={<EmptyState title="No accounts">An account appears here with its first deposit.</EmptyState>}
    />
  );
}

function columns(names: FleetTableProps['names'], own: string | undefined, onLiquidate: FleetTableProps['onLiquidate']): Column<FleetRow>[] {
  const nameOf = (row: FleetRow) => names[row.entry.address] ?? (row.entry.account.owner === own ? `You · ${row.entry.account.subAccount}` : undefined);
  return [
    {
      id: 'account',
      head: 'Account',
      sort: (row) => nameOf(row) ?? row.entry.address,
      cell: (row) => (
        <span className={styles.account} title={row.entry.address}>
          {nameOf(row) && <strong>{nameOf(row)}</strong>}
          <code>{shortAddress(row.entry.address)}</code>
          {marginModeOf(row.entry.account) === 'portfolio' && <span className={styles.mode}>portfolio</span>}
        </span>
      ),
    },
    {
      id: 'load',
      head: <Tooltip side="bottom" text="How near the account is to its Maint line: at 100% anyone may liquidate it.">Load</Tooltip>,
      sort: (row) => (row.lines.equity <= 0 && row.lines.maintenance < 0 ? 1000 - row.lines.equity : row.load),
      width: '210px',
      cell: (row) => (
        <span className={styles.load}>
          <LoadBar lines={row.lines} />
          <span className={`num ${tone(row.standing)}`}>{row.lines.equity > 0 ? percent(row.load, 0) : '> 100%'}</span>
        </span>
      ),
    },
    {
      id: 'standing',
      head: 'Standing',
      wide: true,
      sort: (row) => row.standing,
      cell: (row) => <span className={tone(row.standing) === 'calm' ? 'muted' : tone(row.standing)}>{row.liquidating ? (flagOf(row.entry.account) === 'flagged' ? 'Flagged' : 'In liquidation') : STANDING_TEXT[row.standing].title}</span>,
    },
    { id: 'maintenance', head: 'Maint', align: 'end', sort: (row) => row.lines.maintenance, cell: (row) => <NumberText value={row.lines.maintenance} className={row.lines.maintenance < 0 ? 'danger' : ''} /> },
    { id: 'equity', head: 'Equity', align: 'end', wide: true, sort: (row) => row.lines.equity, cell: (row) => <NumberText value={row.lines.equity} /> },
    { id: 'notional', head: 'Positions', align: 'end', wide: true, sort: (row) => row.notional, cell: (row) => <NumberText value={row.notional} /> },
    { id: 'debts', head: 'Borrowed', align: 'end', wide: true, sort: (row) => row.debts, cell: (row) => <NumberText value={row.debts} /> },
    {
      id: 'leverage',
      head: 'Leverage',
      align: 'end',
      wide: true,
      sort: (row) => (row.lines.equity > 0 ? row.notional / row.lines.equity : Number.MAX_VALUE),
      cell: (row) => <span className="num">{row.lines.equity > 0 ? `${trimmed(row.notional / row.lines.equity, 1)}×` : '∞'}</span>,
    },
    {
      id: 'action',
      head: <span className="hidden">Actions</span>,
      align: 'end',
      cell: (row) => {
        const open = tone(row.standing) === 'danger' || row.liquidating;
        return (
          <Button size="small" kind={open ? 'danger' : 'quiet'} onClick={() => onLiquidate(row)} aria-label={`${open ? 'Liquidate' : 'Look at'} ${nameOf(row) ?? row.entry.address}`}>
            {open ? 'Liquidate' : 'Look'}
          </Button>
        );
      },
    },
  ];
}
