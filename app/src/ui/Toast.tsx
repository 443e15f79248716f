// Short messages about what happened: a transaction sent, landed or refused.
import { useEffect, useSyncExternalStore, type JSX, type ReactNode } from 'react';
import { Button } from './Button.tsx';
import { cx } from './class.ts';
import { Icon } from './icons.tsx';
import styles from './Toast.module.css';

/** A message. */
export interface Toast {
  id: number;
  tone: 'busy' | 'good' | 'bad';
  title: string;
  detail?: ReactNode;
}

let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Shows a message, or replaces the one with the same id; returns the id. */
export function toast(message: Omit<Toast, 'id'> & { id?: number }): number {
  const id = message.id ?? (last += 1);
  set([...toasts.filter((known) => known.id !== id), { ...message, id }].slice(-4));
  return id;
}

/** Takes a message away. */
export function dismiss(id: number): void {
  set(toasts.filter((known) => known.id !== id));
}

/** Where messages appear. */
export function Toasts(): JSX.Element {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <ol className={styles.stack} role="status" aria-live="polite">
      {shown.map((message) => (
        <Message key={message.id} message={message} />
      ))}
    </ol>
  );
}

/** How long good and bad news stay, milliseconds: bad news takes longer to read. */
const STAY = { good: 5000, bad: 12_000 };

function Message({ message }: { message: Toast }): JSX.Element {
  useEffect(() => {
    if (message.tone === 'busy') return undefined;
    const timer = setTimeout(() => dismiss(message.id), STAY[message.tone]);
    return () => clearTimeout(timer);
  }, [message]);
  return (
    <li className={cx(styles.toast, styles[message.tone])} data-toast={message.tone}>
      <div className={styles.text}>
        <strong>{message.title}</strong>
        {message.detail && <div className={styles.detail}>{message.detail}</div>}
      </div>
      <Button
        kind="quiet"
        size="small"
        aria-label="Dismiss"
        icon={<Icon name="close" size={12} />}
        onClick={() => dismiss(message.id)}
      />
    </li>
  );
}
