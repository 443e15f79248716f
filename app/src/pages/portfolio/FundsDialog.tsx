// Moving tokens in and out of an account.
import type { JSX } from 'react';
import { Dialog } from '../../ui/index.ts';

/** The dialog. */
export function FundsDialog({ onClose }: { kind: 'deposit'; onClose: () => void }): JSX.Element {
  return <Dialog title="Deposit" open onClose={onClose}>{null}</Dialog>;
}
