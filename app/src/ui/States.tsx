// What stands in a view while it loads, when it has nothing to show, and when it failed.
import type { JSX, ReactNode } from 'react';
import { Button } from './Button.tsx';
import { cx } from './class.ts';
import { Icon } from './icons.tsx';
import styles from './States.module.css';

/** A grey bar where a value will stand. */
export function Skeleton({ width = '100%', height = 12 }: { width?: number | string; height?: number }): JSX.Element {
  return <span className={styles.skeleton} style={{ width, height }} aria-hidden="true" />;
}

/** Rows of grey bars where a list will stand. */
export function SkeletonRows({ rows = 5, label = 'Loading' }: { rows?: number; label?: string }): JSX.Element {
  return (
    <div className={styles.rows} role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} width={`${92 - ((i * 17) % 38)}%`} />
      ))}
    </div>
  );
}

/** Properties of {@link EmptyState} and {@link ErrorState}. */
export interface StateProps {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  compact?: boolean;
}

/** Says that there is nothing here, and what would put something here. */
export function EmptyState({ title, children, action, compact }: StateProps): JSX.Element {
  return (
    <div className={cx(styles.state, compact && styles.compact)}>
      <strong>{title}</strong>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

/** Says what failed and offers another try. */
export function ErrorState({ title, children, onRetry, compact }: StateProps & { onRetry?: () => void }): JSX.Element {
  return (
    <div className={cx(styles.state, compact && styles.compact)} role="alert">
      <strong className="danger">{title}</strong>
      {children && <p>{children}</p>}
      {onRetry && (
        <Button size="small" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** A sentence that the reader should not miss. */
export function Notice({ tone = 'warn', children, action }: { tone?: 'warn' | 'danger' | 'info'; children: ReactNode; action?: ReactNode }): JSX.Element {
  return (
    <div className={cx(styles.notice, styles[tone])} role={tone === 'info' ? undefined : 'status'}>
      <Icon name={tone === 'info' ? 'info' : 'warning'} size={14} />
      <div>{children}</div>
      {action}
    </div>
  );
}
