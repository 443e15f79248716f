// Explanations that appear on hover, on focus and on touch.
import { useId, type JSX, type ReactNode } from 'react';
import { cx } from './class.ts';
import styles from './Tooltip.module.css';

/** Properties of {@link Tooltip}. */
export interface TooltipProps {
  text: ReactNode;
  children: ReactNode;
  side?: 'top' | 'bottom' | 'left';
}

/** A word with an explanation; dotted underneath, reachable by the keyboard. */
export function Tooltip({ text, children, side = 'top' }: TooltipProps): JSX.Element {
  const id = useId();
  return (
    <span className={styles.anchor} tabIndex={0} aria-describedby={id}>
      {children}
      <span id={id} role="tooltip" className={cx(styles.tip, styles[side])}>
        {text}
      </span>
    </span>
  );
}
