// Where the order form will stand: connect, get test tokens, deposit, in one column.
import { useState, type JSX } from 'react';
import { useExchange } from '../../data/exchange.tsx';
import { Button, SkeletonRows } from '../../ui/index.ts';
import { FaucetDialog } from '../../wallet/FaucetDialog.tsx';
import { useWallet } from '../../wallet/store.ts';
import { FundsDialog } from '../portfolio/FundsDialog.tsx';
import styles from './StartTrading.module.css';

/** The steps to a first trade. */
export function StartTrading(): JSX.Element {
  const { state } = useExchange();
  const { connected } = useWallet();
  const [faucet, setFaucet] = useState(false);
  const [deposit, setDeposit] = useState(false);
  if (connected && !state?.accounts) return <SkeletonRows rows={8} label="Looking for your account" />;
  return (
    <div className={styles.start}>
      <h2>One account, every market</h2>
      <p>Deposit any listed token and trade all markets against the pooled value. Health shows how deep the account is loaded.</p>
      {connected ? (
        <>
          <Button kind="primary" size="large" wide onClick={() => setDeposit(true)} data-testid="first-deposit">
            Open an account and deposit
          </Button>
          {state?.directory.endpoints.local && (
            <Button wide onClick={() => setFaucet(true)}>
              Get test tokens
            </Button>
          )}
        </>
      ) : (
        <p className={styles.hint}>Connect a wallet, at the top, to begin.</p>
      )}
      <FaucetDialog open={faucet} onClose={() => setFaucet(false)} />
      {deposit && <FundsDialog kind="deposit" onClose={() => setDeposit(false)} />}
    </div>
  );
}
