// How the account is margined, and what it would need in the other mode before the owner switches.
import { useState, type JSX } from 'react';
import { useActions, useBusy } from '../../data/actions.ts';
import { useReport } from '../../data/report.ts';
import { usd } from '../../format/number.ts';
import { needOf, type Need } from '../../model/report.ts';
import type { AccountView } from '../../model/views.ts';
import { Button, cx, Dialog, Notice, SkeletonRows, Tabs } from '../../ui/index.ts';
import styles from './MarginMode.module.css';

type Mode = AccountView['mode'];

const MODES = [
  { id: 'standard', label: 'Standard' },
  { id: 'portfolio', label: 'Portfolio' },
] as const;
const OTHER: Record<Mode, Mode> = { standard: 'portfolio', portfolio: 'standard' };
const ABOUT: Record<Mode, string> = {
  standard: 'Each deposit, debt and position is margined by itself, whatever the others do.',
  portfolio: 'Everything is margined together by the exchange’s risk model: what hedges needs less, and what leans one way may need more. The model follows volatility, so the requirement moves with the market.',
};

/** The choice of mode; nothing where the exchange has no portfolio model. */
export function MarginMode({ account }: { account: AccountView }): JSX.Element | null {
  const [asking, setAsking] = useState(false);
  const own = useReport(account.address);
  const other = useReport(account.address, OTHER[account.mode]);
  if (!own?.model || !other) return null;
  const [now, then] = [needOf(own), needOf(other)];
  return (
    <div className={styles.mode}>
      <div className={styles.line}>
        <span className="muted small">Margin</span>
        <Tabs look="fill" label="Margin mode" tabs={MODES} value={account.mode} onChange={() => setAsking(true)} className={styles.tabs} />
      </div>
      <p className="muted small" data-testid="margin-need">
        Needs {usd(now.held)}. In {OTHER[account.mode]} margin it would be {usd(then.held)}.
      </p>
      <Dialog title={`Switch to ${OTHER[account.mode]} margin`} open={asking} onClose={() => setAsking(false)}>
        <Switch account={account} to={OTHER[account.mode]} onClose={() => setAsking(false)} />
      </Dialog>
    </div>
  );
}

function Switch({ account, to, onClose }: { account: AccountView; to: Mode; onClose: () => void }): JSX.Element {
  const actions = useActions();
  const [busy, run] = useBusy();
  const standard = useReport(account.address, 'standard');
  const portfolio = useReport(account.address, 'portfolio');
  if (!standard || !portfolio) return <SkeletonRows rows={4} label="Loading both requirements" />;
  const needs = { standard: needOf(standard), portfolio: needOf(portfolio) };
  const refusal = refusalOf(account, needs[to], to);
  const send = () =>
    run(async () => {
      if (await actions?.setMarginMode(account.address, to)) onClose();
    });
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <p className="muted">{ABOUT[to]}</p>
      <Needs needs={needs} to={to} />
      {refusal && <Notice tone="danger">{refusal}</Notice>}
      {!refusal && needs[to].held > needs[account.mode].held && <Notice>This account needs more there. You can switch back whenever the other mode’s Init is above zero.</Notice>}
      <div className={styles.buttons}>
        <Button onClick={onClose}>Back</Button>
        <Button kind="primary" type="submit" busy={busy} disabled={!actions || Boolean(refusal)} data-testid="set-mode">
          Switch to {to} margin
        </Button>
      </div>
    </form>
  );
}

/** Both modes side by side. */
function Needs({ needs, to }: { needs: Record<Mode, Need>; to: Mode }): JSX.Element {
  const rows: [name: string, of: (need: Need) => number][] = [
    ['Held back as margin', (need) => need.held],
    ['Left for new risk (Init)', (need) => need.init],
    ['Left before liquidation (Maint)', (need) => need.maintenance],
  ];
  return (
    <table className={styles.needs} aria-label="Requirements in both modes">
      <thead>
        <tr>
          <td />
          {MODES.map(({ id, label }) => (
            <th key={id} scope="col" className={cx(id === to && styles.to)}>
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, of]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {MODES.map(({ id }) => (
              <td key={id} className={cx('num', of(needs[id]) < 0 ? 'danger' : id === to && styles.to)}>
                {usd(of(needs[id]))}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Why the program would refuse the switch, in plain words. */
export function refusalOf(account: Pick<AccountView, 'liquidating'>, need: Need, to: Mode): string | undefined {
  if (account.liquidating) return 'The account is being liquidated: its margin mode cannot change until that has ended.';
  if (need.init >= 0) return undefined;
  const much = usd(-need.init);
  return `The account has too little for ${to} margin: Init would be ${much} below zero. Deposit that much, repay, or reduce positions, then switch.`;
}
