// Tests of the table: sorting and the keyboard.
import { cleanup, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { Table, type Column } from './Table.tsx';

interface Row {
  name: string;
  size: number;
}

const ROWS: Row[] = [
  { name: 'b', size: 2 },
  { name: 'a', size: 10 },
  { name: 'c', size: 1 },
];
const COLUMNS: Column<Row>[] = [
  { id: 'name', head: 'Name', cell: (row) => row.name, sort: (row) => row.name },
  { id: 'size', head: 'Size', cell: (row) => row.size, sort: (row) => row.size, align: 'end' },
];
const names = () => screen.getAllByRole('row').slice(1).map((row) => row.textContent?.[0]);

afterEach(cleanup);

it('sorts by a column, and the other way at the second click', async () => {
  render(<Table label="Rows" columns={COLUMNS} rows={ROWS} keyOf={(row) => row.name} />);
  expect(names()).toEqual(['b', 'a', 'c']);
  await userEvent.click(screen.getByRole('button', { name: /Size/ }));
  expect(names()).toEqual(['a', 'b', 'c']);
  await userEvent.click(screen.getByRole('button', { name: /Size/ }));
  expect(names()).toEqual(['c', 'b', 'a']);
  expect(screen.getByRole('columnheader', { name: /Size/ }).getAttribute('aria-sort')).toBe('ascending');
});

it('is moved through by arrow keys and opened by enter', async () => {
  const onRow = vi.fn();
  render(<Table label="Rows" columns={COLUMNS} rows={ROWS} keyOf={(row) => row.name} onRow={onRow} />);
  await userEvent.tab();
  await userEvent.tab();
  await userEvent.tab();
  await userEvent.keyboard('{ArrowDown}{Enter}');
  expect(onRow).toHaveBeenCalledWith(ROWS[1]);
});

it('shows what to do when there is nothing', () => {
  render(<Table label="Rows" columns={COLUMNS} rows={[]} keyOf={(row: Row) => row.name} empty={<p>Nothing yet</p>} />);
  expect(screen.getByText('Nothing yet')).toBeTruthy();
});
