// Tabs: a row of views, moved through with the arrow keys.
import { useRef, type JSX, type KeyboardEvent, type ReactNode } from 'react';
import { cx } from './class.ts';
import styles from './Tabs.module.css';

/** A view that can be chosen. */
export interface Tab<T extends string> {
  id: T;
  label: ReactNode;
  /** How many things are inside. */
  count?: number | undefined;
}

/** Properties of {@link Tabs}. */
export interface TabsProps<T extends string> {
  label: string;
  tabs: readonly Tab<T>[];
  value: T;
  onChange: (id: T) => void;
  /** `line` underlines the chosen one; `fill` makes a segmented control. */
  look?: 'line' | 'fill';
  aside?: ReactNode;
  className?: string | undefined;
  /** A colour for the chosen segment, for buy and sell. */
  toneOf?: (id: T) => 'buy' | 'sell' | undefined;
}

/** A list of tabs; the panel belongs to the caller. */
export function Tabs<T extends string>(props: TabsProps<T>): JSX.Element {
  const { label, tabs, value, onChange, look = 'line', aside, className, toneOf } = props;
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.id === value);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (!next) return;
    onChange(next.id);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <div className={cx(styles.bar, styles[look], className)}>
      <div ref={list} role="tablist" aria-label={label} className={styles.list} onKeyDown={onKeyDown}>
        {tabs.map((tab) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            data-tab={tab.id}
            aria-selected={tab.id === value}
            tabIndex={tab.id === value ? 0 : -1}
            className={cx(styles.tab, tab.id === value && styles.chosen, tab.id === value && styles[toneOf?.(tab.id) ?? ''])}
            onClick={() => onChange(tab.id)}
          >
            {tab.label}
            {tab.count ? <span className={styles.count}>{tab.count}</span> : null}
          </button>
        ))}
      </div>
      {aside && <div className={styles.aside}>{aside}</div>}
    </div>
  );
}
