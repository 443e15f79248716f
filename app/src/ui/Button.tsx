// Buttons: one shape in a few weights.
import type { ButtonHTMLAttributes, JSX, ReactNode } from 'react';
import { cx } from './class.ts';
import styles from './Button.module.css';

/** Properties of {@link Button}. */
export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** `primary` is the one action of its view; `buy` and `sell` place orders; `quiet` has no border. */
  kind?: 'primary' | 'normal' | 'quiet' | 'buy' | 'sell' | 'danger';
  size?: 'small' | 'normal' | 'large';
  /** Work is under way: shows it and takes no further click. */
  busy?: boolean;
  wide?: boolean;
  icon?: ReactNode;
}

/** A button; it never submits a form unless told to. */
export function Button({
  kind = 'normal',
  size = 'normal',
  busy = false,
  wide = false,
  icon,
  className,
  children,
  disabled,
  type = 'button',
  ...rest
}: ButtonProps): JSX.Element {
  return (
    <button
      {...rest}
      type={type}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={cx(styles.button, styles[kind], styles[size], wide && styles.wide, !children && styles.square, className)}
    >
      {busy ? <span className={styles.spinner} aria-hidden="true" /> : icon}
      {children}
    </button>
  );
}
