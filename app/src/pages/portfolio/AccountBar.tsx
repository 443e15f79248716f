// Which account this is: switching between the owner's accounts, opening another, and who may trade for it.
import { nextSubAccount } from '@plimsoll/client/instructions/traders';
import { useState, type JSX } from 'react';
import { useActions, useBusy } from '../../data/actions.ts';
import { useExchange } from '../../data/exchange.tsx';
import { changeSettings } from '../../data/settings.ts';
import { shortAddress } from '../../format/address.ts';
import type { AccountView } from '../../model/views.ts';
import { Button, Dialog, Icon, Select, toast } from '../../ui/index.ts';
import styles from './AccountBar.module.css';
import { Delegates } from './Delegates.tsx';

/** The line above the portfolio. */
export function AccountBar({ account }: { account: AccountView }): JSX.Element {
  const { state } = useExchange();
  const actions = useActions();
  const [busy, run] = useBusy();
  const [delegates, showDelegates] = useState(false);
  const accounts = state?.accounts ?? [];
  const open = () =>
    run(async () => {
      const next = nextSubAccount(accounts);
      if (await actions?.create(next)) changeSettings({ subAccount: next });
    });
  const close = () => run(async () => actions?.close(account.address));
  const isEmpty = !account.balances.length && !account.positions.length && !account.orders.length;
  return (
    <div className={styles.bar}>
      <Select
        label="Account"
        hideLabel
        className={styles.choice ?? ''}
        value={String(account.subAccount)}
        options={accounts.map((one) => ({ value: String(one.subAccount), label: `Account ${one.subAccount}` }))}
        onChange={(value) => changeSettings({ subAccount: Number(value) })}
      />
      <button
        type="button"
        className={styles.address}
        title="Copy the address of this margin account"
        onClick={() => {
          void navigator.clipboard?.writeText(account.address);
          toast({ tone: 'good', title: 'Address copied' });
        }}
      >
        {shortAddress(account.address)} <Icon name="copy" size={12} />
      </button>
      <span className={styles.right}>
        <Button size="small" kind="quiet" busy={busy} icon={<Icon name="plus" size={12} />} onClick={() => void open()}>
          New account
        </Button>
        <Button size="small" kind="quiet" onClick={() => showDelegates(true)}>
          {account.delegates > 0 ? `Delegates (${account.delegates})` : 'Delegates'}
        </Button>
        {isEmpty && accounts.length > 1 && (
          <Button size="small" kind="quiet" disabled={busy} onClick={() => void close()}>
            Close
          </Button>
        )}
      </span>
      <Dialog title="Delegates" open={delegates} onClose={() => showDelegates(false)}>
        <Delegates account={account} />
      </Dialog>
    </div>
  );
}
