// Tables: sortable by click or key, rows reachable by arrow keys, figures in columns.
import { useMemo, useState, type JSX, type KeyboardEvent, type ReactNode } from 'react';
import { cx } from './class.ts';
import styles from './Table.module.css';

/** A column of a {@link Table}. */
export interface Column<Row> {
  id: string;
  head: ReactNode;
  cell: (row: Row) => ReactNode;
  /** Figures stand at the end of the column, words at the start. */
  align?: 'start' | 'end';
  /** What rows are sorted by under this column; without it the column does not sort. */
  sort?: (row: Row) => number | string | bigint;
  /** Left out on phones. */
  wide?: boolean;
  width?: string;
}

/** Properties of {@link Table}. */
export interface TableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** The column sorted by at first; a minus sign in front means falling. */
  sortedBy?: string;
  onRow?: (row: Row) => void;
  isChosen?: (row: Row) => boolean;
  /** Shown instead of rows when there are none. */
  empty?: ReactNode;
  /** Keeps the head in view inside a scrolling parent. */
  sticky?: boolean;
  className?: string;
}

interface Sorting {
  id: string;
  falling: boolean;
}

/** A table of rows. */
export function Table<Row>(props: TableProps<Row>): JSX.Element {
  const { label, columns, rows, keyOf, sortedBy, onRow, isChosen, empty, sticky, className } = props;
  const [sorting, setSorting] = useState<Sorting | undefined>(
    sortedBy ? { id: sortedBy.replace(/^-/, ''), falling: sortedBy.startsWith('-') } : undefined,
  );
  const sorted = useMemo(() => order(rows, columns, sorting), [rows, columns, sorting]);
  if (!rows.length && empty) return <>{empty}</>;
  const toggle = (id: string) =>
    setSorting((now) => (now?.id === id ? { id, falling: !now.falling } : { id, falling: true }));
  return (
    <div className={cx(styles.scroll, className)}>
      <table className={cx(styles.table, sticky && styles.sticky)} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.id} column={column} sorting={sorting} onSort={toggle} />
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={moveFocus}>
          {sorted.map((row) => (
            <tr
              key={keyOf(row)}
              className={cx(onRow && styles.link, isChosen?.(row) && styles.chosen)}
              tabIndex={onRow ? 0 : undefined}
              onClick={onRow && (() => onRow(row))}
              onKeyDown={
                onRow &&
                ((event) => {
                  if (event.key === 'Enter' && event.target === event.currentTarget) onRow(row);
                })
              }
            >
              {columns.map((column) => (
                <td key={column.id} className={cx(column.align === 'end' && styles.end, column.wide && styles.wide)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Head<Row>(props: { column: Column<Row>; sorting: Sorting | undefined; onSort: (id: string) => void }): JSX.Element {
  const { column, sorting, onSort } = props;
  const active = sorting?.id === column.id;
  return (
    <th
      scope="col"
      style={column.width ? { width: column.width } : undefined}
      className={cx(column.align === 'end' && styles.end, column.wide && styles.wide)}
      aria-sort={active ? (sorting.falling ? 'descending' : 'ascending') : undefined}
    >
      {column.sort ? (
        <button type="button" className={styles.sort} onClick={() => onSort(column.id)}>
          {column.head}
          <span aria-hidden="true" className={styles.arrow}>
            {active ? (sorting.falling ? '↓' : '↑') : ''}
          </span>
        </button>
      ) : (
        column.head
      )}
    </th>
  );
}

function order<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sorting: Sorting | undefined): readonly Row[] {
  const by = sorting && columns.find((column) => column.id === sorting.id)?.sort;
  if (!by) return rows;
  const sign = sorting.falling ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    return x < y ? -sign : x > y ? sign : 0;
  });
}

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const row = (event.target as HTMLElement).closest('tr');
  const next = event.key === 'ArrowDown' ? row?.nextElementSibling : event.key === 'ArrowUp' ? row?.previousElementSibling : null;
  if (next instanceof HTMLElement && next.tabIndex === 0) {
    event.preventDefault();
    next.focus();
  }
}
