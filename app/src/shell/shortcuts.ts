// Keyboard shortcuts: single keys and two-key sequences, silent while something is being typed or a dialog is open.
import { useEffect, useRef, useSyncExternalStore } from 'react';

/** A shortcut: "b", or "g t" for one key after another. */
export interface Shortcut {
  keys: string;
  label: string;
  run: () => void;
}

interface Group {
  title: string;
  shortcuts: readonly Shortcut[];
}

/** How long the second key may take, milliseconds. */
const SEQUENCE_WAIT = 900;

const groups = new Set<{ current: Group }>();
const listeners = new Set<() => void>();
let listed: readonly Group[] = [];
let first: { key: string; at: number } | undefined;

function publish(): void {
  listed = [...groups].map((group) => group.current);
  for (const listener of listeners) listener();
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && Boolean(target.closest('input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable]'));
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (isTyping(event.target)) {
    // Escape leaves a field, so that the shortcuts work again.
    if (event.key === 'Escape' && event.target instanceof HTMLElement) event.target.blur();
    return;
  }
  const sequence = first && event.timeStamp - first.at < SEQUENCE_WAIT ? `${first.key} ${event.key}` : undefined;
  const all = [...groups].flatMap((group) => group.current.shortcuts);
  const found = all.find((one) => one.keys === sequence) ?? all.find((one) => one.keys === event.key);
  first = !found && all.some((one) => one.keys.startsWith(`${event.key} `)) ? { key: event.key, at: event.timeStamp } : undefined;
  if (!found) return;
  event.preventDefault();
  found.run();
}

/** Makes shortcuts work while the component is shown, and lists them in the help under `title`. */
export function useShortcuts(shortcuts: readonly Shortcut[], title: string): void {
  const group = useRef<Group>({ title, shortcuts });
  useEffect(() => {
    group.current = { title, shortcuts };
  });
  useEffect(() => {
    if (!groups.size) addEventListener('keydown', onKeyDown);
    groups.add(group);
    publish();
    return () => {
      groups.delete(group);
      if (!groups.size) removeEventListener('keydown', onKeyDown);
      publish();
    };
  }, []);
}

/** The shortcuts that work now, by group. */
export function useListedShortcuts(): readonly Group[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => listed,
  );
}
