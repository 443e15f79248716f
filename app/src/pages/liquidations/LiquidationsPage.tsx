// The Liquidations page.
import type { JSX } from 'react';
import { SkeletonRows } from '../../ui/index.ts';

/** The page at /liquidations. */
export default function LiquidationsPage(): JSX.Element {
  return <SkeletonRows rows={8} label="Loading liquidations" />;
}
