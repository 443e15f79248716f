// The pages of the app and how they are reached.
import type { IconName } from '../ui/index.ts';

/** A page in the navigation. */
export interface Route {
  path: string;
  label: string;
  icon: IconName;
  /** The second key after "g". */
  key: string;
}

/** All pages, in the order of the navigation. */
export const ROUTES: readonly Route[] = [
  { path: '/trade', label: 'Trade', icon: 'trade', key: 't' },
  { path: '/portfolio', label: 'Portfolio', icon: 'portfolio', key: 'p' },
  { path: '/stress', label: 'Stress', icon: 'stress', key: 's' },
  { path: '/liquidations', label: 'Liquidations', icon: 'liquidations', key: 'l' },
  { path: '/markets', label: 'Markets', icon: 'markets', key: 'm' },
];
