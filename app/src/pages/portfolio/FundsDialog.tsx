// Moving tokens: deposit, withdraw, borrow, transfer, each with what it does to the account before it is signed.
import { useMemo, useState, type JSX } from 'react';
import { useActions, useBusy } from '../../data/actions.ts';
import { useAccount, useExchange } from '../../data/exchange.tsx';
import { accountAt, linesOf, useRisk } from '../../data/health.ts';
import { useSettings } from '../../data/settings.ts';
import { useTokens } from '../../data/tokens.ts';
import { fromNative, nativeToNumber, percent, toNative, trimmed, usd } from '../../format/number.ts';
import { draught, type Lines } from '../../model/load.ts';
import type { AccountView, AssetView } from '../../model/views.ts';
import { Button, Dialog, Input, LoadBar, Notice, Select } from '../../ui/index.ts';
import { Refused } from '../trade/OrderPreview.tsx';
import styles from './FundsDialog.module.css';

/** What the dialog moves. */
export type FundsKind = 'deposit' | 'withdraw' | 'borrow' | 'transfer';

const WORDS: Record<FundsKind, { title: string; about: string }> = {
  deposit: { title: 'Deposit', about: 'Every deposit counts towards all your positions, by its weight.' },
  withdraw: { title: 'Withdraw', about: 'Out of your deposit. Nothing is borrowed.' },
  borrow: { title: 'Borrow', about: 'To your wallet, against all you have here. Interest runs until it is repaid by a deposit.' },
  transfer: { title: 'Transfer', about: 'Between your own accounts.' },
};

/** Properties of {@link FundsDialog}. */
export interface FundsDialogProps {
  kind: FundsKind;
  asset?: number | undefined;
  onClose: () => void;
}

/** The dialog; open as long as it is mounted. */
export function FundsDialog(props: FundsDialogProps): JSX.Element {
  return (
    <Dialog title={WORDS[props.kind].title} open onClose={props.onClose}>
      <Form {...props} />
    </Dialog>
  );
}

function Form({ kind, asset: first = 0, onClose }: FundsDialogProps): JSX.Element | null {
  const { state } = useExchange();
  const account = useAccount();
  const { subAccount } = useSettings();
  const actions = useActions();
  const [busy, run] = useBusy();
  const [index, setIndex] = useState(String(first));
  const [amount, setAmount] = useState('');
  const [target, setTarget] = useState(() => String(otherAccount(state?.accounts, account)));
  const asset = state?.assets.find((one) => String(one.index) === index);
  const native = asset && toNative(amount, asset.decimals);
  const limit = useLimit(kind, asset, account);
  const preview = useFundsPreview(kind, asset, account, native);
  if (!state || !asset) return null;
  const over = native !== undefined && limit !== undefined && native > limit.most;
  const bad = amount.trim() !== '' && native === undefined ? 'Not an amount' : over ? overText(kind, asset) : undefined;
  const words = `${WORDS[kind].title} ${amount ? trimmed(Number(amount.replaceAll(',', '')), asset.decimals) : ''} ${asset.symbol}`;
  const send = () =>
    run(async () => {
      if (!actions || !native) return;
      const moves: Record<FundsKind, () => Promise<boolean>> = {
        deposit: () => actions.deposit(account?.subAccount ?? subAccount, asset.ref, native, limit?.held ?? 0n, words),
        withdraw: () => actions.withdraw(account?.address ?? '', asset.ref, native, false, words),
        borrow: () => actions.withdraw(account?.address ?? '', asset.ref, native, true, words),
        transfer: () => actions.transfer(account?.address ?? '', Number(target), asset.ref, native, words),
      };
      if (await moves[kind]()) onClose();
    });
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <p className="muted">{!account && kind === 'deposit' ? 'This opens your account and deposits in one transaction.' : WORDS[kind].about}</p>
      <Select label="Token" value={index} onChange={setIndex} options={state.assets.map((one) => ({ value: String(one.index), label: assetLabel(one, account) }))} />
      {kind === 'transfer' && <Select label="To" value={target} onChange={setTarget} options={targets(state.accounts, account)} />}
      <Input
        label="Amount"
        numeric
        autoFocus
        value={amount}
        onChange={setAmount}
        placeholder="0"
        unit={asset.symbol}
        error={bad}
        hint={native ? `≈ ${usd(nativeToNumber(native, asset.decimals) * asset.price)}` : undefined}
        data-testid="funds-amount"
        aside={
          limit && (
            <button type="button" className={styles.max} onClick={() => setAmount(fromNative(limit.most, asset.decimals))} data-testid="funds-max">
              max {trimmed(nativeToNumber(limit.most, asset.decimals), 6)}
            </button>
          )
        }
      />
      {kind === 'deposit' && limit?.most === 0n && (
        <Notice tone="info">
          Your wallet holds no {asset.symbol}
          {state.directory.endpoints.local ? ': the faucet, behind the wallet button, gives some.' : '.'}
        </Notice>
      )}
      {asset.age.final && (
        <Notice>
          {asset.symbol} is being wound down at its final price: you can repay and withdraw, and nothing else. What you leave is returned to your wallet.
        </Notice>
      )}
      {asset.age.stale && (
        <Notice>
          The price of {asset.symbol} is in doubt: until a fresh one arrives nothing beyond a repayment can be deposited, and borrowing is refused.
        </Notice>
      )}
      {preview && <Change before={preview.before} after={preview.after} />}
      {preview?.refusal && <Refused code={preview.refusal.code} message={preview.refusal.message} />}
      {kind === 'borrow' && asset.borrowRate !== undefined && (
        <p className="small muted">
          Interest now {percent(asset.borrowRate)} a year{preview && preview.borrowed > 0n ? `, on ${trimmed(nativeToNumber(preview.borrowed, asset.decimals), 6)} ${asset.symbol}` : ''}.
        </p>
      )}
      <Button kind="primary" size="large" wide type="submit" busy={busy} disabled={!actions || !native || Boolean(bad) || Boolean(preview?.refusal)} data-testid="funds-send">
        {words}
      </Button>
    </form>
  );
}

/** The lines before and after, as a bar and in figures. */
function Change({ before, after }: { before: Lines; after: Lines | undefined }): JSX.Element {
  const to = after ?? before;
  return (
    <div className={styles.change}>
      <div className={styles.bar}>
        <span className="muted">Load</span>
        <LoadBar lines={before} after={after} />
        <span className="num">
          {percent(draught(before).water, 0)} → {percent(draught(to).water, 0)}
        </span>
      </div>
      <dl>
        <div>
          <dt>Init</dt>
          <dd className="num">
            {usd(before.init)} → {usd(to.init)}
          </dd>
        </div>
        <div>
          <dt>Maint</dt>
          <dd className="num">
            {usd(before.maintenance)} → {usd(to.maintenance)}
          </dd>
        </div>
      </dl>
    </div>
  );
}

interface Limit {
  most: bigint;
  /** What the wallet's token account holds, for a deposit. */
  held: bigint;
}

/** The most that can be moved: what the wallet holds, what was deposited, or what Init health allows. */
function useLimit(kind: FundsKind, asset: AssetView | undefined, account: AccountView | undefined): Limit | undefined {
  const tokens = useTokens().data;
  const input = useFundsInput(asset, account);
  const risk = useRisk();
  return useMemo(() => {
    if (!asset) return undefined;
    if (kind === 'deposit') {
      const token = tokens?.get(asset.index);
      return token && { most: token.available, held: token.held };
    }
    if (!input || !risk) return undefined;
    return { most: risk.maxWithdraw({ ...input, allowBorrow: kind === 'borrow' }).amount, held: 0n };
  }, [kind, asset, tokens, input, risk]);
}

function useFundsPreview(kind: FundsKind, asset: AssetView | undefined, account: AccountView | undefined, amount: bigint | undefined) {
  const input = useFundsInput(asset, account);
  const risk = useRisk();
  return useMemo(() => {
    if (!input || !risk || !amount) return undefined;
    const raw = kind === 'deposit' ? risk.previewDeposit({ ...input, amount }) : risk.previewWithdraw({ ...input, amount, allowBorrow: kind === 'borrow' });
    return {
      refusal: raw.refusal,
      borrowed: raw.borrowed,
      before: linesOf(raw.before.lines),
      after: raw.after ? linesOf(raw.after.lines) : undefined,
    };
  }, [kind, input, risk, amount]);
}

function useFundsInput(asset: AssetView | undefined, account: AccountView | undefined) {
  const { state } = useExchange();
  return useMemo(() => {
    const at = state && accountAt(state.snapshot, account?.address);
    const bank = asset && state?.snapshot.banks.get(asset.index);
    if (!at || !bank || !account) return undefined;
    // The action refreshes prices that trades may go by and that payments need younger.
    return { ...at, clock: { ...at.clock, heard: true }, bank: bank.data, address: account.address, signer: account.owner };
  }, [state, asset, account]);
}

function overText(kind: FundsKind, asset: AssetView): string {
  if (kind === 'deposit') return `The wallet does not hold that much ${asset.symbol}`;
  return kind === 'borrow' ? 'More than Init health or the bank allows' : 'More than can be taken out without borrowing';
}

function assetLabel(asset: AssetView, account: AccountView | undefined): string {
  const balance = account?.balances.find((one) => one.asset.index === asset.index);
  return balance ? `${asset.symbol} · ${trimmed(balance.amount, 6)} here` : asset.symbol;
}

function otherAccount(accounts: readonly AccountView[] | undefined, account: AccountView | undefined): number {
  const other = accounts?.find((one) => one.address !== account?.address);
  return other?.subAccount ?? (account?.subAccount ?? 0) + 1;
}

function targets(accounts: readonly AccountView[] | undefined, account: AccountView | undefined) {
  const others = (accounts ?? []).filter((one) => one.address !== account?.address);
  const taken = new Set((accounts ?? []).map((one) => one.subAccount));
  let free = 0;
  while (taken.has(free)) free += 1;
  return [...others.map((one) => ({ value: String(one.subAccount), label: `Account ${one.subAccount}` })), { value: String(free), label: `New account ${free}` }];
}
