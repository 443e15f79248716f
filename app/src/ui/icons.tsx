// The few icons of the app, drawn on a 16-unit grid in the colour of the text around them.
import type { JSX } from 'react';

const PATHS = {
  trade: 'M2 12.5 6 8l3 2.5L14 4M10.5 4H14v3.5',
  portfolio: 'M2.5 9.5h11L12 13.5H4zM8 9.5V2.5l4.5 5H8',
  stress: 'M2 4.5c2 0 2 2 4 2s2-2 4-2 2 2 4 2M2 9.5c2 0 2 2 4 2s2-2 4-2 2 2 4 2',
  liquidations: 'M8 2v8M4.5 6.5 8 10l3.5-3.5M2.5 13.5h11',
  markets: 'M2.5 3.5h11M2.5 8h11M2.5 12.5h11',
  settings: 'M2.5 4.5h6m3 0h2M2.5 11.5h2m3 0h6M10 2.8v3.4M6 9.8v3.4',
  close: 'M4 4l8 8M12 4l-8 8',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  check: 'M3 8.5 6.5 12 13 4.5',
  down: 'M4 6.5 8 10.5l4-4',
  up: 'M4 9.5 8 5.5l4 4',
  wallet: 'M13.5 5.5v-2h-10a1 1 0 0 0 0 2h10v8h-11v-9M10.5 9.5h1',
  keyboard: 'M1.5 4h13v8h-13zM4 6.5h.5M6.5 6.5H7M9 6.5h.5M11.5 6.5h.5M5 9.5h6',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z',
  download: 'M8 2v8M4.5 6.5 8 10l3.5-3.5M2.5 13.5h11',
  drop: 'M8 2c2.5 3 4 5 4 7a4 4 0 0 1-8 0c0-2 1.5-4 4-7z',
  swap: 'M3 5.5h9.5M10 3l2.5 2.5L10 8M13 10.5H3.5M6 8l-2.5 2.5L6 13',
  plus: 'M8 3v10M3 8h10',
  info: 'M8 7.5v4M8 4.7v.1M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z',
  warning: 'M8 2 1.5 13.5h13zM8 6.5v3.5M8 12v.1',
} as const;

/** Names of the icons. */
export type IconName = keyof typeof PATHS;

/** A decorative icon; what it means is said by the text or label of the control around it. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}

/** The mark of the app: the circle and line on a ship's side. */
export function PlimsollMark({ size = 22 }: { size?: number }): JSX.Element {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <g fill="none" stroke="var(--accent)" strokeWidth="2.6">
        <circle cx="16" cy="16" r="9" />
        <path d="M2 16h28" />
      </g>
    </svg>
  );
}
