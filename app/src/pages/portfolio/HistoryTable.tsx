// What happened to the account, newest first, and the same as a CSV file.
import { useMemo, type JSX } from 'react';
import { useExchange } from '../../data/exchange.tsx';
import { useEvents, useHistoryServer, type HistoryEvent } from '../../data/history.ts';
import { stamp } from '../../format/time.ts';
import { shortAddress } from '../../format/address.ts';
import { describeEvent, eventsCsv } from '../../model/events.ts';
import type { AccountView } from '../../model/views.ts';
import { Button, EmptyState, ErrorState, Icon, SkeletonRows, Table, type Column } from '../../ui/index.ts';
import styles from './HistoryTable.module.css';

/** The account's history. */
export function HistoryTable({ account }: { account: AccountView }): JSX.Element {
  const { state } = useExchange();
  const server = useHistoryServer();
  const { data, error, refetch } = useEvents(account.address);
  const columns = useMemo<Column<HistoryEvent>[]>(
    () => [
      { id: 'time', head: 'Time', sort: (row) => row.position.padStart(40, '0'), cell: (row) => <span className="num muted">{stamp(row.time)}</span> },
      { id: 'what', head: 'What', cell: (row) => describeEvent(row, account.address, state?.assets ?? [], state?.markets ?? []) },
      { id: 'kind', head: 'Event', wide: true, sort: (row) => row.kind, cell: (row) => <span className="muted">{row.kind}</span> },
      { id: 'signature', head: 'Transaction', wide: true, align: 'end', cell: (row) => <code className={styles.code} title={row.signature}>{shortAddress(row.signature)}</code> },
    ],
    [account.address, state?.assets, state?.markets],
  );
  const save = () => data && download(`plimsoll-${account.address.slice(0, 8)}.csv`, eventsCsv(data));
  return (
    <>
      <div className={styles.head}>
        <h2>History</h2>
        <Button size="small" kind="quiet" disabled={!data?.length} icon={<Icon name="download" size={13} />} onClick={save}>
          CSV
        </Button>
      </div>
      {!server ? (
        <EmptyState compact title="No history server">This exchange's directory names none.</EmptyState>
      ) : error && !data ? (
        <ErrorState compact title="The history could not be read" onRetry={() => void refetch()}>
          {error.message}
        </ErrorState>
      ) : !data ? (
        <SkeletonRows rows={4} label="Loading the history" />
      ) : (
        <Table label="History" columns={columns} rows={data} keyOf={(row) => row.position} empty={<EmptyState compact title="Nothing has happened yet" />} />
      )}
    </>
  );
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
