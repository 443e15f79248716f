// The Stress page.
import type { JSX } from 'react';
import { SkeletonRows } from '../../ui/index.ts';

/** The page at /stress. */
export default function StressPage(): JSX.Element {
  return <SkeletonRows rows={8} label="Loading stress" />;
}
