// The frame around every page: bar on top, prices below it, the page, and on phones the navigation at the bottom.
import { useState, type JSX, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { cx, Icon, PlimsollMark, Toasts, Button } from '../ui/index.ts';
import { AccountMeter } from './AccountMeter.tsx';
import { KeyboardHelp } from './KeyboardHelp.tsx';
import { useShortcuts } from './shortcuts.ts';
import { ROUTES } from './routes.ts';
import { SettingsDialog } from './SettingsDialog.tsx';
import styles from './Shell.module.css';
import { StatusBar } from './StatusBar.tsx';
import { Ticker } from './Ticker.tsx';
import { WalletButton } from '../wallet/WalletButton.tsx';

/** The frame. */
export function Shell({ children }: { children: ReactNode }): JSX.Element {
  const [location, navigate] = useLocation();
  const [settings, setSettings] = useState(false);
  const [help, setHelp] = useState(false);
  useShortcuts(
    [
      { keys: '?', label: 'Show the keyboard shortcuts', run: () => setHelp(true) },
      { keys: ',', label: 'Open the settings', run: () => setSettings(true) },
      ...ROUTES.map((route) => ({ keys: `g ${route.key}`, label: `Go to ${route.label}`, run: () => navigate(route.path) })),
    ],
    'Everywhere',
  );
  const isAt = (path: string) => location === path || location.startsWith(`${path}/`) || (path === '/trade' && location === '/');
  return (
    <div className={styles.shell}>
      <a href="#page" className={styles.skip}>
        Skip to the page
      </a>
      <header className={styles.bar}>
        <Link href="/trade" className={styles.brand} aria-label="Plimsoll">
          <PlimsollMark />
          <span>Plimsoll</span>
        </Link>
        <nav className={styles.nav} aria-label="Pages">
          {ROUTES.map((route) => (
            <Link key={route.path} href={route.path} className={cx(isAt(route.path) && styles.current)} aria-current={isAt(route.path) ? 'page' : undefined}>
              {route.label}
            </Link>
          ))}
        </nav>
        <div className={styles.right}>
          <AccountMeter />
          <Button kind="quiet" className={styles.keys} aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" icon={<Icon name="keyboard" />} onClick={() => setHelp(true)} />
          <Button kind="quiet" aria-label="Settings" title="Settings (,)" icon={<Icon name="settings" />} onClick={() => setSettings(true)} />
          <WalletButton />
        </div>
      </header>
      <Ticker />
      <main id="page" className={styles.page} tabIndex={-1}>
        {children}
      </main>
      <StatusBar />
      <nav className={styles.bottom} aria-label="Pages">
        {ROUTES.map((route) => (
          <Link key={route.path} href={route.path} className={cx(isAt(route.path) && styles.current)} aria-current={isAt(route.path) ? 'page' : undefined}>
            <Icon name={route.icon} size={18} />
            {route.label}
          </Link>
        ))}
      </nav>
      <Toasts />
      <SettingsDialog open={settings} onClose={() => setSettings(false)} />
      <KeyboardHelp open={help} onClose={() => setHelp(false)} />
    </div>
  );
}
