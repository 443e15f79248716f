// Who may act for the account beside its owner: a list with what each may do and lose, and a form to add one or change it.
import type { DelegateScope } from '@plimsoll/client/accounts';
import { isAddress } from '@solana/kit';
import { useState, type JSX } from 'react';
import { useActions, useBusy } from '../../data/actions.ts';
import { useDelegates, type DelegateView } from '../../data/delegates.ts';
import { useExchange } from '../../data/exchange.tsx';
import { shortAddress } from '../../format/address.ts';
import { usd } from '../../format/number.ts';
import { stamp } from '../../format/time.ts';
import type { AccountView } from '../../model/views.ts';
import { Button, Check, Input, Select } from '../../ui/index.ts';
import styles from './AccountBar.module.css';

/** What each scope is called. */
const SCOPES: readonly { scope: DelegateScope; label: string }[] = [
  { scope: 'cancel', label: 'Cancel orders' },
  { scope: 'reduce', label: 'Reduce positions' },
  { scope: 'trade', label: 'Trade' },
  { scope: 'liquidate', label: 'Liquidate other accounts' },
];

/** What it may do with orders; whoever may place some may cancel, too. */
const ORDERS = [
  { value: 'trade', label: 'Any' },
  { value: 'reduce', label: 'Only such as reduce' },
  { value: 'cancel', label: 'Cancel only' },
  { value: 'none', label: 'None' },
] as const;
type Orders = (typeof ORDERS)[number]['value'];

/** For how long, days. */
const TERMS = [
  { value: '1', label: 'For a day' },
  { value: '7', label: 'For a week' },
  { value: '30', label: 'For 30 days' },
  { value: '365', label: 'For a year' },
] as const;
type Days = (typeof TERMS)[number]['value'];

/** How long its orders may rest, seconds; 0 for any time. */
const RESTS = [
  { value: '60', label: 'A minute' },
  { value: '3600', label: 'An hour' },
  { value: '86400', label: 'A day' },
  { value: '0', label: 'Any time' },
] as const;
type Rests = (typeof RESTS)[number]['value'];

/** The dialog's content. */
export function Delegates({ account }: { account: AccountView }): JSX.Element {
  const found = useDelegates(account.address, account.delegates);
  const delegates = account.delegates > 0 ? (found.data ?? []) : [];
  return (
    <div className={styles.form}>
      <p className="muted">
        A delegate acts for this account within what you allow it. It can neither withdraw nor transfer, and what it trades may lose no more
        against the oracle than its budget.
      </p>
      {account.delegates > 0 && !found.data && <p className="muted">{found.error ? 'The delegates could not be read.' : 'Reading the delegates…'}</p>}
      {delegates.length > 0 && (
        <ul className={styles.delegates} aria-label="Delegates">
          {delegates.map((one) => (
            <Delegate key={one.key} account={account} delegate={one} />
          ))}
        </ul>
      )}
      <DelegateForm account={account} />
    </div>
  );
}

function Delegate({ account, delegate }: { account: AccountView; delegate: DelegateView }): JSX.Element {
  const { state } = useExchange();
  const actions = useActions();
  const [busy, run] = useBusy();
  const name = (index: number) => state?.markets.find((market) => market.index === index)?.name ?? `market ${index}`;
  const may = SCOPES.filter(({ scope }) => delegate.scope.includes(scope)).map(({ label }) => label);
  const where = delegate.markets ? delegate.markets.map(name).join(', ') : 'all markets';
  const until = delegate.expired ? 'expired' : `until ${stamp(delegate.expiresAt)}`;
  return (
    <li className={styles.delegate}>
      <span>
        <strong title={delegate.key}>{shortAddress(delegate.key)}</strong> {may.join(' · ')}
        <br />
        <span className="muted">
          In {where}, {until}. May lose {usd(delegate.lossLeft)} now, {usd(delegate.lossPerDay)} a day{delegate.leastEquity ? `; no new risk below ${usd(delegate.leastEquity)}` : ''}.
        </span>
      </span>
      <Button
        size="small"
        busy={busy}
        aria-label={`Revoke ${shortAddress(delegate.key)}`}
        onClick={() => void run(async () => actions?.revoke(account.address, delegate.key))}
      >
        Revoke
      </Button>
    </li>
  );
}

function DelegateForm({ account }: { account: AccountView }): JSX.Element {
  const { state } = useExchange();
  const actions = useActions();
  const [busy, run] = useBusy();
  const [key, setKey] = useState('');
  const [orders, setOrders] = useState<Orders>('trade');
  const [liquidates, setLiquidates] = useState(false);
  const [market, setMarket] = useState('all');
  const [days, setDays] = useState<Days>('7');
  const [loss, setLoss] = useState('100');
  const [rests, setRests] = useState<Rests>('60');
  const [least, setLeast] = useState('');
  const address = key.trim();
  const scope: DelegateScope[] = [...(orders === 'none' ? [] : [orders]), ...(liquidates ? (['liquidate'] as const) : [])];
  const budget = Number(loss);
  const wrongKey = !address || isAddress(address) ? undefined : 'Not an address';
  const wrongLoss = loss.trim() && Number.isFinite(budget) && budget >= 0 ? undefined : 'An amount in dollars';
  const line = Number(least || '0');
  const wrongLine = Number.isFinite(line) && line >= 0 ? undefined : 'An amount in dollars, or nothing';
  const markets = [{ value: 'all', label: 'All markets' }, ...(state?.markets ?? []).map(({ index, name }) => ({ value: String(index), label: name }))];
  const add = () =>
    run(async () => {
      if (!isAddress(address)) return;
      const landed = await actions?.delegate(account.address, address, {
        scope,
        ...(market !== 'all' && { markets: [Number(market)] }),
        expiresAt: BigInt(Math.floor(Date.now() / 1000) + Number(days) * 86_400),
        lossPerDay: BigInt(Math.round(budget * 1e6)),
        restSecs: Number(rests),
        leastEquity: BigInt(Math.round(line * 1e6)),
      });
      if (landed) setKey('');
    });
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <Input label="Address" value={key} onChange={setKey} error={wrongKey} />
      <div className={styles.terms}>
        <Select<Orders> label="Orders" value={orders} options={ORDERS} onChange={setOrders} />
        <Select label="Markets" value={market} options={markets} onChange={setMarket} />
        <Select<Days> label="Expiry" value={days} options={TERMS} onChange={setDays} />
        <Select<Rests> label="Its orders rest at most" value={rests} options={RESTS} onChange={setRests} />
        <Input numeric label="May lose a day" unit="USD" value={loss} onChange={setLoss} error={wrongLoss} />
        <Input numeric label="No new risk below an equity of" unit="USD" value={least} onChange={setLeast} error={wrongLine} />
      </div>
      <Check label="May liquidate other accounts" checked={liquidates} onChange={setLiquidates} />
      <div className={styles.buttons}>
        <Button kind="primary" type="submit" busy={busy} disabled={!address || Boolean(wrongKey ?? wrongLoss ?? wrongLine) || scope.length === 0 || !actions}>
          Set delegate
        </Button>
      </div>
    </form>
  );
}
