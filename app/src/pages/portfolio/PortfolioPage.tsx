// The Portfolio page.
import type { JSX } from 'react';
import { SkeletonRows } from '../../ui/index.ts';

/** The page at /portfolio. */
export default function PortfolioPage(): JSX.Element {
  return <SkeletonRows rows={8} label="Loading portfolio" />;
}
