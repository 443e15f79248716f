// Modal dialogs on the platform's own <dialog>: focus stays inside, Escape closes, focus returns to where it was.
import { useEffect, useId, useRef, type JSX, type ReactNode } from 'react';
import { Button } from './Button.tsx';
import { cx } from './class.ts';
import styles from './Dialog.module.css';
import { Icon } from './icons.tsx';

/** Properties of {@link Dialog}. */
export interface DialogProps {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
  /** Buttons at the bottom. */
  footer?: ReactNode;
  size?: 'normal' | 'large';
}

/** A modal dialog; a sheet from the bottom on phones. Its content exists only while it is open. */
export function Dialog({ title, open, onClose, children, footer, size = 'normal' }: DialogProps): JSX.Element | null {
  return open ? (
    <Opened title={title} onClose={onClose} footer={footer} size={size}>
      {children}
    </Opened>
  ) : null;
}

function Opened({ title, onClose, children, footer, size = 'normal' }: Omit<DialogProps, 'open'>): JSX.Element {
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const node = box.current;
    const before = document.activeElement;
    // Where the platform lacks modal dialogs the element still shows, only without the backdrop.
    if (node && !node.open) node.showModal ? node.showModal() : node.setAttribute('open', '');
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={box}
      aria-labelledby={heading}
      className={cx(styles.dialog, size === 'large' && styles.large)}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onKeyDown={(event) => event.stopPropagation()}
      onPointerDown={(event) => {
        if (event.target === box.current) onClose();
      }}
    >
      <div className={styles.body}>
        <header className={styles.head}>
          <h2 id={heading}>{title}</h2>
          <Button kind="quiet" size="small" aria-label="Close" icon={<Icon name="close" size={14} />} onClick={onClose} />
        </header>
        <div className={styles.content}>{children}</div>
        {footer && <footer className={styles.footer}>{footer}</footer>}
      </div>
    </dialog>
  );
}
