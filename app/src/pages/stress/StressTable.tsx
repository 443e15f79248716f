// The account under each scenario, line by line.
import type { JSX } from 'react';
import { percent } from '../../format/number.ts';
import { draught, standing, STANDING_TEXT, tone, type Lines } from '../../model/load.ts';
import { LoadBar, NumberText, Table, type Column } from '../../ui/index.ts';
import styles from './StressTable.module.css';

interface Row {
  name: string;
  about: string;
  lines: Lines;
}

const health = (name: string, of: (row: Row) => number, wide = false): Column<Row> => ({
  id: name,
  head: name,
  align: 'end',
  wide,
  cell: (row) => <NumberText value={of(row)} className={of(row) < 0 ? 'danger' : ''} />,
});

const COLUMNS: Column<Row>[] = [
  { id: 'name', head: 'Scenario', cell: (row) => <strong title={row.about}>{row.name}</strong> },
  health('Equity', (row) => row.lines.equity),
  health('Init', (row) => row.lines.init, true),
  health('LiquidationEnd', (row) => row.lines.liquidationEnd, true),
  health('Maint', (row) => row.lines.maintenance),
  {
    id: 'load',
    head: 'Load',
    wide: true,
    width: '22%',
    cell: (row) => (
      <div className={styles.load}>
        <LoadBar lines={row.lines} />
        <span className="num muted">{row.lines.equity > 0 ? percent(draught(row.lines).water, 0) : 'over'}</span>
      </div>
    ),
  },
  {
    id: 'standing',
    head: 'Outcome',
    cell: (row) => {
      const is = standing(row.lines);
      return <span className={tone(is) === 'calm' ? '' : tone(is)}>{STANDING_TEXT[is].title}</span>;
    },
  },
];

/** The table. */
export function StressTable({ rows }: { rows: readonly Row[] }): JSX.Element {
  return <Table label="Health by scenario" columns={COLUMNS} rows={rows} keyOf={(row) => row.name} />;
}
