// The list of keyboard shortcuts.
import type { JSX } from 'react';
import { Dialog } from '../ui/index.ts';
import styles from './KeyboardHelp.module.css';
import { useListedShortcuts } from './shortcuts.ts';

/** The help dialog: what works on the page that is open. */
export function KeyboardHelp({ open, onClose }: { open: boolean; onClose: () => void }): JSX.Element {
  const groups = useListedShortcuts();
  return (
    <Dialog title="Keyboard shortcuts" open={open} onClose={onClose} size="large">
      <div className={styles.groups}>
        {groups.map((group) => (
          <section key={group.title}>
            <h3>{group.title}</h3>
            <dl>
              {group.shortcuts.map((shortcut) => (
                <div key={shortcut.keys}>
                  <dt>{shortcut.label}</dt>
                  <dd>
                    {shortcut.keys.split(' ').map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
