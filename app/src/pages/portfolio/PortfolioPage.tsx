// The portfolio: how deep the account is loaded and by what, its balances, positions and past.
import { useState, type JSX } from 'react';
import { useActions } from '../../data/actions.ts';
import { useDoubts } from '../../data/doubt.ts';
import { useAccount, useExchange } from '../../data/exchange.tsx';
import { useHealth, useRiskFailure } from '../../data/health.ts';
import { fixed, pricePlaces, trimmed, usd } from '../../format/number.ts';
import { doubtText } from '../../model/feeds.ts';
import { duration } from '../../format/time.ts';
import type { Stale } from '@plimsoll/client/risk';
import type { AccountView } from '../../model/views.ts';
import { Button, EmptyState, ErrorState, Gauge, Notice, Skeleton, SkeletonRows } from '../../ui/index.ts';
import { useWallet } from '../../wallet/store.ts';
import { Positions } from '../trade/PositionsPanel.tsx';
import { StartTrading } from '../trade/StartTrading.tsx';
import { AccountBar } from './AccountBar.tsx';
import { Balances } from './Balances.tsx';
import { FundsDialog, type FundsKind } from './FundsDialog.tsx';
import { HealthHistory } from './HealthHistory.tsx';
import { HistoryTable } from './HistoryTable.tsx';
import { MarginMode } from './MarginMode.tsx';
import styles from './PortfolioPage.module.css';
import { RiskPanel } from './RiskPanel.tsx';
import { Waterfall } from './Waterfall.tsx';

/** The page at /portfolio. */
export default function PortfolioPage(): JSX.Element {
  const { state } = useExchange();
  const { connected, connecting } = useWallet();
  const account = useAccount();
  if (!connected && !connecting) {
    return (
      <EmptyState title="Not connected">
        Connect a wallet to see your accounts. Without one you can still watch the markets, and every liquidation.
      </EmptyState>
    );
  }
  if (!state?.accounts) return <SkeletonRows rows={10} label="Loading your accounts" />;
  if (!account) {
    return (
      <div className={styles.start}>
        <StartTrading />
      </div>
    );
  }
  return <Account account={account} />;
}

function Account({ account }: { account: AccountView }): JSX.Element {
  const [funds, setFunds] = useState<{ kind: FundsKind; asset?: number }>();
  const actions = useActions();
  const open = (kind: FundsKind, asset?: number) => setFunds(asset === undefined ? { kind } : { kind, asset });
  return (
    <div className={styles.page}>
      <AccountBar account={account} />
      <section className={styles.health} aria-label="Health">
        <Health account={account} />
        <MarginMode account={account} />
        <div className={styles.move}>
          <Button kind="primary" onClick={() => open('deposit')} data-testid="deposit">
            Deposit
          </Button>
          <Button onClick={() => open('withdraw')} data-testid="withdraw">
            Withdraw
          </Button>
          <Button onClick={() => open('borrow')}>Borrow</Button>
          <Button onClick={() => open('transfer')}>Transfer</Button>
        </div>
      </section>
      <section className={styles.waterfall} aria-label="What health is made of">
        <Waterfall account={account} />
        <HealthHistory account={account} />
      </section>
      {account.mode === 'portfolio' && (
        <section className={styles.section} aria-label="Portfolio risk">
          <RiskPanel account={account} />
        </section>
      )}
      <section className={styles.section}>
        <h2>Balances</h2>
        <Balances account={account} onMove={open} />
      </section>
      <section className={styles.section}>
        <h2>Positions</h2>
        <Positions account={account} actions={actions} />
      </section>
      <section className={styles.section}>
        <HistoryTable account={account} />
      </section>
      {funds && <FundsDialog {...funds} onClose={() => setFunds(undefined)} />}
    </div>
  );
}

function Health({ account }: { account: AccountView }): JSX.Element {
  const health = useHealth(account.address);
  const failure = useRiskFailure();
  if (failure) return <ErrorState title="Health cannot be computed">{failure.message}</ErrorState>;
  if (!health) return <Skeleton height={260} />;
  const stale = health.raw.stale;
  return (
    <>
      <div className={styles.figures}>
        <div>
          <span className="muted small">Equity</span>
          <strong className="num" data-testid="equity">
            {usd(health.lines.equity)}
          </strong>
        </div>
        <div>
          <span className="muted small">Leverage</span>
          <strong className="num">{trimmed(health.leverage, 2)}×</strong>
        </div>
      </div>
      <Gauge lines={health.lines} />
      {account.liquidating && (
        <Notice tone="danger">
          {account.seizable
            ? 'This account is being liquidated. A deposit that lifts LiquidationEnd above water ends it.'
            : 'This account is flagged: it will be liquidated if later prices find Maint below water too. A deposit that lifts it above ends that.'}
        </Notice>
      )}
      {stale.map((entry) => (
        <StaleNotice key={`${entry.kind}${entry.index}`} account={account} entry={entry} />
      ))}
    </>
  );
}

/** Which price is in doubt, why, and what it counts for meanwhile. */
function StaleNotice({ account, entry: { kind, index, ageSeconds } }: { account: AccountView; entry: Stale }): JSX.Element {
  const { state } = useExchange();
  const doubts = useDoubts();
  const isMarket = kind === 'market';
  const name = isMarket ? state?.markets.find((one) => one.index === index)?.name : state?.assets.find((one) => one.index === index)?.symbol;
  const doubt = isMarket ? doubts.market(index) : doubts.asset(index);
  const isShort = isMarket && (account.positions.find((one) => one.market.index === index)?.size ?? 0) < 0;
  const what = kind === 'market' ? (isShort ? 'short' : 'long') : kind;
  return (
    <Notice>
      The price of {name} is in doubt. {doubt ? doubtText(doubt, what, (value) => fixed(value, pricePlaces(value))) : `It is ${duration(Number(ageSeconds))} old: new risk is refused until a fresh one arrives.`}
    </Notice>
  );
}
