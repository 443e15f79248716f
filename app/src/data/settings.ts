// What a reader chose, kept in the browser: where the exchange is, the theme, and habits of the order form.
import { useSyncExternalStore } from 'react';

/** Settings. An empty address means the directory's own. */
export interface Settings {
  theme: 'dark' | 'light' | 'system';
  /** Where the directory is. */
  directory: string;
  /** RPC and WebSocket addresses that replace the directory's. */
  rpc: string;
  ws: string;
  /** Asks once more before an order is sent. */
  confirmOrders: boolean;
  /** Number of the margin account that pages are about. */
  subAccount: number;
}

const KEY = 'plimsoll.settings';
const DEFAULTS: Settings = { theme: 'system', directory: '/exchange.json', rpc: '', ws: '', confirmOrders: false, subAccount: 0 };

function read(): Settings {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>) };
  } catch {
    return DEFAULTS;
  }
}

let settings = read();
const listeners = new Set<() => void>();

/** Changes some settings. */
export function changeSettings(change: Partial<Settings>): void {
  settings = { ...settings, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // A browser that stores nothing still works; the choice lasts until the page is closed.
  }
  applyTheme();
  for (const listener of listeners) listener();
}

/** The settings, for components. */
export function useSettings(): Settings {
  return useSyncExternalStore(subscribe, () => settings);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The theme in effect. */
export function shownTheme(): 'dark' | 'light' {
  return document.documentElement.dataset['theme'] === 'light' ? 'light' : 'dark';
}

/** Puts the chosen theme, or the system's, on the page. */
export function applyTheme(): void {
  const system = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
  const theme = settings.theme === 'system' ? system : settings.theme;
  document.documentElement.dataset['theme'] = theme;
  document.querySelector('meta[name=theme-color]')?.setAttribute('content', theme === 'light' ? '#f4f6f6' : '#0c1013');
}
