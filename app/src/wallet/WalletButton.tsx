// The wallet in the top bar: connect, or the address with what can be done about it.
import { useState, type JSX } from 'react';
import { useExchange } from '../data/exchange.tsx';
import { shortAddress } from '../format/address.ts';
import { Button, Dialog, EmptyState, Icon, toast } from '../ui/index.ts';
import { FaucetDialog } from './FaucetDialog.tsx';
import { forgetLocalWallet, LOCAL_WALLET } from './local.ts';
import { connect, disconnect, useWallet } from './store.ts';
import styles from './WalletButton.module.css';

/** The wallet button and its dialogs. */
export function WalletButton(): JSX.Element {
  const { connected, connecting } = useWallet();
  const [open, setOpen] = useState(false);
  const [faucet, setFaucet] = useState(false);
  const { state } = useExchange();
  return (
    <>
      {connected ? (
        <Button onClick={() => setOpen(true)} icon={<img src={connected.wallet.icon} alt="" width={16} height={16} />} data-testid="wallet">
          <span className={styles.address}>{shortAddress(connected.address)}</span>
        </Button>
      ) : (
        <Button kind="primary" busy={connecting} onClick={() => setOpen(true)} data-testid="connect">
          Connect
        </Button>
      )}
      <Dialog title={connected ? 'Wallet' : 'Connect a wallet'} open={open} onClose={() => setOpen(false)}>
        {connected ? (
          <Account
            canFaucet={Boolean(state?.directory.endpoints.local)}
            onFaucet={() => {
              setOpen(false);
              setFaucet(true);
            }}
            onDone={() => setOpen(false)}
          />
        ) : (
          <Choice onDone={() => setOpen(false)} />
        )}
      </Dialog>
      <FaucetDialog open={faucet} onClose={() => setFaucet(false)} />
    </>
  );
}

/** The list of wallets, for the dialog and for empty pages. */
function Choice({ onDone }: { onDone: () => void }): JSX.Element {
  const { wallets, connecting } = useWallet();
  if (!wallets.length) {
    return (
      <EmptyState title="No wallet found">
        Install a wallet that supports Wallet Standard and Solana, then come back to this page.
      </EmptyState>
    );
  }
  return (
    <ul className={styles.list}>
      {wallets.map((wallet) => (
        <li key={wallet.name}>
          <button
            type="button"
            disabled={connecting}
            className={styles.wallet}
            onClick={() => {
              connect(wallet).then(onDone, (error: unknown) =>
                toast({ tone: 'bad', title: `${wallet.name} did not connect`, detail: error instanceof Error ? error.message : String(error) }),
              );
            }}
          >
            <img src={wallet.icon} alt="" width={28} height={28} />
            <span>
              <strong>{wallet.name}</strong>
              <small>{wallet.name === LOCAL_WALLET ? 'Key kept in this browser. For this local chain only.' : 'Installed'}</small>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Account(props: { canFaucet: boolean; onFaucet: () => void; onDone: () => void }): JSX.Element | null {
  const { connected } = useWallet();
  if (!connected) return null;
  const isLocal = connected.wallet.name === LOCAL_WALLET;
  return (
    <div className={styles.account}>
      <code>{connected.address}</code>
      <div className={styles.actions}>
        <Button
          icon={<Icon name="copy" />}
          onClick={() => {
            void navigator.clipboard?.writeText(connected.address);
            toast({ tone: 'good', title: 'Address copied' });
          }}
        >
          Copy address
        </Button>
        {props.canFaucet && (
          <Button icon={<Icon name="drop" />} onClick={props.onFaucet} data-testid="open-faucet">
            Faucet
          </Button>
        )}
        <Button
          onClick={() => {
            void disconnect();
            props.onDone();
          }}
        >
          Disconnect
        </Button>
        {isLocal && (
          <Button
            kind="quiet"
            onClick={() => {
              void disconnect().then(forgetLocalWallet);
              props.onDone();
            }}
          >
            Forget this key
          </Button>
        )}
      </div>
    </div>
  );
}
