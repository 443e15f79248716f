// One account: what it holds, what the next step of its liquidation would do now, and the button that does it.
import { flagOf } from '@plimsoll/client/accounts';
import { eventsOf } from '@plimsoll/client/events';
import type { MarginAccount, ProgramEvent } from '@plimsoll/client/generated';
import { planLiquidation, type Liquidation } from '@plimsoll/client/instructions/index';
import type { Simulation } from '@plimsoll/client/send';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState, type JSX } from 'react';
import { useActions, useBusy, waitsForPrices, type LiquidationPlan } from '../../data/actions.ts';
import { useAccount, useExchange } from '../../data/exchange.tsx';
import type { ExchangeState } from '../../data/types.ts';
import { shortAddress } from '../../format/address.ts';
import { percent, trimmed, usd } from '../../format/number.ts';
import { STANDING_TEXT } from '../../model/load.ts';
import { accountView, type AccountView } from '../../model/views.ts';
import { Button, Dialog, EmptyState, LoadBar, Notice, Skeleton, Slider } from '../../ui/index.ts';
import type { FleetRow } from './fleet.ts';
import styles from './LiquidationsPage.module.css';

/** Properties of {@link LiquidateDialog}. */
export interface LiquidateDialogProps {
  /** `undefined` once the account has been closed. */
  row: FleetRow | undefined;
  name: string | undefined;
  onClose: () => void;
}

/** The dialog of an account. */
export function LiquidateDialog({ row, name, onClose }: LiquidateDialogProps): JSX.Element {
  const { state } = useExchange();
  const title = row ? `${name ?? 'Account'} ${shortAddress(row.entry.address)}` : 'Account';
  return row && state?.snapshot.risk ? (
    <Opened key={row.entry.address} row={row} state={state} title={title} onClose={onClose} />
  ) : (
    <Dialog title={title} open onClose={onClose}>
      <EmptyState compact title="The account is empty now" />
    </Dialog>
  );
}

function Opened({ row, state, title, onClose }: { row: FleetRow; state: ExchangeState; title: string; onClose: () => void }): JSX.Element {
  const own = useAccount();
  const actions = useActions();
  const [busy, run] = useBusy();
  const [share, setShare] = useState(1);
  const risk = state.snapshot.risk?.value;
  const view = risk && accountView(row.entry.address, row.entry.account, risk, state.assets, state.markets);
  const { address, account } = row.entry;
  const plan = useMemo<LiquidationPlan>(() => (of, prices) => scaled(planLiquidation(state.ref, of, prices), of, share), [share, state.ref]);
  const what = useMemo(() => (risk ? plan(account, risk) : undefined), [risk, account, plan]);
  const flag = flagOf(account);
  const isOpen = row.lines.maintenance < 0 || row.liquidating;
  const isOwn = own?.address === address;
  const { data: check, error } = useQuery({
    queryKey: ['liquidation', address, own?.address, share, flag],
    enabled: Boolean(actions && own && what && isOpen && !isOwn),
    refetchInterval: 1200,
    retry: false,
    queryFn: ({ signal }) => (actions && own ? actions.checkLiquidation(own.address, address, plan, signal) : Promise.reject(new Error('Not connected'))),
  });
  const send = () => run(async () => {
    if (own && (await actions?.liquidate(own.address, address, plan))) onClose();
  });
  const footer = isOpen && own && !isOwn && (
    <Button kind="danger" wide busy={busy} disabled={!actions || (check !== undefined && check.refusal !== null && !waitsForPrices(check))} onClick={() => void send()} data-testid="liquidate">
      {flag === 'none' ? 'Flag, then liquidate' : 'Liquidate'} into account {own.subAccount}
    </Button>
  );
  return (
    <Dialog title={title} open onClose={onClose} footer={footer || undefined} size="large">
      <LoadBar lines={row.lines} legend />
      <p className={styles.standingText}>
        <strong>{STANDING_TEXT[row.standing].title}.</strong> {STANDING_TEXT[row.standing].detail} Equity {usd(row.lines.equity)}, Maint {usd(row.lines.maintenance)}, LiquidationEnd {usd(row.lines.liquidationEnd)}.
      </p>
      {view && <Holdings view={view} />}
      {!isOpen ? (
        <Notice tone="info">Nothing to liquidate: Maint is above zero. {percent(Math.max(0, 1 - row.load), 0)} of its equity is left before that.</Notice>
      ) : isOwn ? (
        <Notice>This is your own account. Another of your accounts could take it over; a deposit helps more.</Notice>
      ) : !own ? (
        <Notice tone="info">Connect a wallet with a margin account to liquidate. What you take over becomes yours, and must pass your own Init line.</Notice>
      ) : (
        <>
          {what?.position && (
            <Slider label={`Take over of ${what.position.market.name}, at most`} value={share} min={0.1} max={1} step={0.1} onChange={setShare} text={percent(share, 0)} />
          )}
          <Outcome check={check} error={error} state={state} />
          <Steps flag={flag} />
        </>
      )}
    </Dialog>
  );
}

/** What is still to come before anything is seized. */
function Steps({ flag }: { flag: ReturnType<typeof flagOf> }): JSX.Element | null {
  if (flag === 'confirmed') return null;
  return (
    <p className="small muted" data-testid="liquidation-steps">
      {flag === 'none'
        ? 'Two steps: the account is flagged now, and what it holds is seized at prices published after those that it was flagged at. The button does both, and waits in between.'
        : 'The account has been flagged. What it holds is seized at prices published after those that it was flagged at; the button waits for them.'}
    </p>
  );
}

/** At most this share of the position: health may need less, never more than is asked for. */
function scaled(plan: Liquidation, account: MarginAccount, share: number): Liquidation {
  const { position } = plan;
  const held = account.perps.find((perp) => perp.market === position?.market.index)?.position ?? 0n;
  if (!position || share >= 1) return plan;
  const lots = ((held < 0n ? -held : held) * BigInt(Math.round(share * 10))) / 10n;
  return { ...plan, position: { ...position, maxLots: lots > 0n ? lots : 1n } };
}

function Holdings({ view }: { view: AccountView }): JSX.Element {
  return (
    <ul className={styles.holdings}>
      {view.balances.map((balance) => (
        <li key={balance.asset.index}>
          <span>
            {balance.amount < 0 ? 'Owes' : 'Holds'} {trimmed(Math.abs(balance.amount), 4)} {balance.asset.symbol}
          </span>
          <span className="num muted">{usd(balance.value)}</span>
        </li>
      ))}
      {view.positions.map((position) => (
        <li key={position.market.name}>
          <span>
            <span className={position.size > 0 ? 'buy' : 'sell'}>{position.size > 0 ? 'Long' : position.size < 0 ? 'Short' : 'Unsettled'}</span> {trimmed(Math.abs(position.size), position.market.sizeDecimals)} {position.market.base} in {position.market.name}
          </span>
          <span className="num muted">
            {usd(position.notional)}, profit {usd(position.pnl)}
          </span>
        </li>
      ))}
      {view.orders.length > 0 && (
        <li>
          <span>{view.orders.length} open orders, which a liquidation cancels first</span>
        </li>
      )}
    </ul>
  );
}

/** What the chain would do now. */
function Outcome({ check, error, state }: { check: Simulation | undefined; error: Error | null; state: ExchangeState }): JSX.Element {
  if (error) return <Notice tone="danger">The liquidation could not be tried: {error.message}</Notice>;
  if (!check) return <Skeleton height={48} />;
  if (check.refusal) {
    return (
      <Notice tone="warn">
        {check.refusal.text} {check.refusal.advice}
      </Notice>
    );
  }
  const lines = eventsOf(check.logs, state.ref.program).flatMap((event) => describe(event, state) ?? []);
  return (
    <Notice tone="info">
      <strong>At this moment:</strong> {lines.length ? `${lines.join('. ')}.` : 'The account has recovered; this only clears its flag.'}
    </Notice>
  );
}

function describe(event: ProgramEvent, state: ExchangeState): string | undefined {
  if (event.kind === 'LiquidationFlag' && event.data.flagged) return 'The account is flagged';
  if (event.kind === 'PositionLiquidated') {
    const { market: index, lots, notional, fee, insuranceFee, topUp } = event.data;
    const market = state.markets.find((one) => one.index === index);
    const size = market ? `${trimmed(Math.abs(Number(lots)) * market.lotSize, market.sizeDecimals)} ${market.base}` : `${lots} lots`;
    return `You ${lots > 0n ? 'buy' : 'sell'} ${size} for ${usd(Number(notional) / 1e6)} and earn ${usd(Number(fee - insuranceFee + topUp) / 1e6)}`;
  }
  if (event.kind === 'CollateralLiquidated') {
    const { collateral, collateralIsPnl, seized, insurance, topUp, debt, debtIsPnl, repaid } = event.data;
    const amount = (index: number, isPnl: boolean, native: bigint) => {
      const asset = state.assets.find((one) => one.index === (isPnl ? 0 : index));
      const text = asset ? `${trimmed(Number(native) / 10 ** asset.decimals, 6)} ${asset.symbol}` : `${native} native units`;
      return isPnl ? `${text} of profit and loss` : text;
    };
    return `You repay ${amount(debt, debtIsPnl, repaid)} and receive ${amount(collateral, collateralIsPnl, seized - insurance + topUp)}`;
  }
  return undefined;
}
