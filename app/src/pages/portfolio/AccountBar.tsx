// Which account this is: switching between the owner's accounts, opening another, and who may trade for it.
import { nextSubAccount } from '@plimsoll/client/instructions/traders';
import { isAddress } from '@solana/kit';
import { useState, type JSX } from 'react';
import { useActions, useBusy } from '../../data/actions.ts';
import { useExchange } from '../../data/exchange.tsx';
import { changeSettings } from '../../data/settings.ts';
import { shortAddress } from '../../format/address.ts';
import type { AccountView } from '../../model/views.ts';
import { Button, Dialog, Icon, Input, Select, toast } from '../../ui/index.ts';
import styles from './AccountBar.module.css';

/** The line above the portfolio. */
export function AccountBar({ account }: { account: AccountView }): JSX.Element {
  const { state } = useExchange();
  const actions = useActions();
  const [busy, run] = useBusy();
  const [delegate, setDelegate] = useState(false);
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
        <Button size="small" kind="quiet" onClick={() => setDelegate(true)}>
          {account.delegate ? `Delegate ${shortAddress(account.delegate)}` : 'Delegate'}
        </Button>
        {isEmpty && accounts.length > 1 && (
          <Button size="small" kind="quiet" disabled={busy} onClick={() => void close()}>
            Close
          </Button>
        )}
      </span>
      <Dialog title="Delegate" open={delegate} onClose={() => setDelegate(false)}>
        <DelegateForm account={account} onClose={() => setDelegate(false)} />
      </Dialog>
    </div>
  );
}

function DelegateForm({ account, onClose }: { account: AccountView; onClose: () => void }): JSX.Element {
  const actions = useActions();
  const [busy, run] = useBusy();
  const [key, setKey] = useState(account.delegate ?? '');
  const wrong = key.trim() && !isAddress(key.trim()) ? 'Not an address' : undefined;
  const send = (to: string | null) =>
    run(async () => {
      if (to !== null && !isAddress(to)) return;
      if (await actions?.delegate(account.address, to)) onClose();
    });
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void send(key.trim());
      }}
    >
      <p className="muted">A delegate may place and cancel orders for this account. It can neither withdraw nor transfer.</p>
      <Input label="Address" value={key} onChange={setKey} error={wrong} />
      <div className={styles.buttons}>
        {account.delegate && (
          <Button disabled={busy} onClick={() => void send(null)}>
            Remove
          </Button>
        )}
        <Button kind="primary" type="submit" busy={busy} disabled={!key.trim() || Boolean(wrong) || !actions}>
          Set delegate
        </Button>
      </div>
    </form>
  );
}
