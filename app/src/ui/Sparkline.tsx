// A line of the last prices without axes.
import type { JSX } from 'react';

/** Properties of {@link Sparkline}. */
export interface SparklineProps {
  values: readonly number[];
  width?: number;
  height?: number;
}

/** The line rises in the buy colour and falls in the sell colour, first to last. */
export function Sparkline({ values, width = 88, height = 24 }: SparklineProps): JSX.Element {
  const [first = 0] = values;
  const last = values.at(-1) ?? first;
  const low = Math.min(...values);
  const range = Math.max(...values) - low || 1;
  const points = values
    .map((value, i) => {
      const x = (i / Math.max(1, values.length - 1)) * (width - 2) + 1;
      return `${x.toFixed(1)},${(height - 2 - ((value - low) / range) * (height - 4)).toFixed(1)}`;
    })
    .join(' ');
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true" focusable="false">
      {values.length > 1 && (
        <polyline points={points} fill="none" stroke={last >= first ? 'var(--buy)' : 'var(--sell)'} strokeWidth="1.3" strokeLinejoin="round" />
      )}
    </svg>
  );
}
