// Tokens for nothing, on a local chain.
import { useQueryClient } from '@tanstack/react-query';
import { useState, type JSX } from 'react';
import { useExchange } from '../data/exchange.tsx';
import { useLocal } from '../data/local.ts';
import { Button, Dialog, Input, Select, toast } from '../ui/index.ts';
import styles from './FaucetDialog.module.css';
import { useWallet } from './store.ts';

/** Amounts worth offering, by symbol; what is not listed starts at ten. */
const USUAL: Record<string, string> = { USDC: '10000', SOL: '50', BTC: '0.1', ETH: '2', lstSOL: '40' };

/** Asks the local chain for tokens. */
export function FaucetDialog({ open, onClose }: { open: boolean; onClose: () => void }): JSX.Element | null {
  return (
    <Dialog title="Faucet" open={open} onClose={onClose}>
      <Form onClose={onClose} />
    </Dialog>
  );
}

function Form({ onClose }: { onClose: () => void }): JSX.Element | null {
  const { state } = useExchange();
  const { connected } = useWallet();
  const queries = useQueryClient();
  const [symbol, setSymbol] = useState('USDC');
  const [amount, setAmount] = useState(USUAL['USDC'] ?? '10');
  const [busy, setBusy] = useState(false);
  const local = useLocal();
  if (!state || !local || !connected) return null;
  const request = async () => {
    setBusy(true);
    try {
      await local.faucet(connected.address, symbol, amount);
      toast({ tone: 'good', title: `${amount} ${symbol} received`, detail: 'SOL for fees was topped up too.' });
      await queries.invalidateQueries({ queryKey: ['tokens'] });
      onClose();
    } catch (error) {
      toast({ tone: 'bad', title: 'The faucet refused', detail: error instanceof Error ? error.message : String(error) });
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void request();
      }}
    >
      <p className="muted">Test tokens of this local chain. They are worth nothing.</p>
      <Select
        label="Token"
        value={symbol}
        options={state.assets.map((asset) => ({ value: asset.symbol, label: `${asset.symbol} · ${asset.name}` }))}
        onChange={(next) => {
          setSymbol(next);
          setAmount(USUAL[next] ?? '10');
        }}
      />
      <Input label="Amount" numeric value={amount} onChange={setAmount} unit={symbol} />
      <Button kind="primary" type="submit" size="large" busy={busy} wide data-testid="faucet-get">
        Get {symbol}
      </Button>
    </form>
  );
}
