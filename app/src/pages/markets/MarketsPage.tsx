// The Markets page.
import type { JSX } from 'react';
import { SkeletonRows } from '../../ui/index.ts';

/** The page at /markets. */
export default function MarketsPage(): JSX.Element {
  return <SkeletonRows rows={8} label="Loading markets" />;
}
