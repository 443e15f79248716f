// The health lines against a common move of all prices: where each goes under water.
import { useState, type JSX, type PointerEvent } from 'react';
import { percent, usd, usdShort } from '../../format/number.ts';
import type { Lines } from '../../model/load.ts';
import styles from './StressChart.module.css';

/** Health at a factor of today's prices. */
export interface StressPoint {
  factor: number;
  lines: Lines;
}

const WIDTH = 600;
const HEIGHT = 330;
const PLOT = { left: 56, right: 588, top: 14, bottom: 300 };
const SHOWN = [
  { key: 'equity', name: 'Equity' },
  { key: 'maintenance', name: 'Maint' },
  { key: 'liquidationEnd', name: 'LiquidationEnd' },
  { key: 'init', name: 'Init' },
] as const;

/** The picture. */
export function StressChart({ points }: { points: readonly StressPoint[] }): JSX.Element {
  const [at, setAt] = useState<number>();
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return <></>;
  const values = points.flatMap((point) => SHOWN.map(({ key }) => point.lines[key]));
  const low = Math.min(0, ...values);
  const range = Math.max(1, ...values) - low;
  const x = (factor: number) => PLOT.left + ((factor - first.factor) / (last.factor - first.factor)) * (PLOT.right - PLOT.left);
  const y = (value: number) => PLOT.bottom - ((value - low) / range) * (PLOT.bottom - PLOT.top);
  const path = (key: (typeof SHOWN)[number]['key']) => points.map((point, i) => `${i ? 'L' : 'M'}${x(point.factor).toFixed(1)} ${y(point.lines[key]).toFixed(1)}`).join('');
  const crossings = crossed(points);
  const hovered = at === undefined ? undefined : points[at];
  const move = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const part = (((event.clientX - box.left) / box.width) * WIDTH - PLOT.left) / (PLOT.right - PLOT.left);
    setAt(Math.round(Math.min(1, Math.max(0, part)) * (points.length - 1)));
  };
  return (
    <figure className={styles.figure}>
      <figcaption className={styles.head}>
        <h2>Health if everything moves together</h2>
        <ul className={styles.legend}>
          {SHOWN.map(({ key, name }) => (
            <li key={key} className={styles[key]}>
              <i /> {name}
            </li>
          ))}
        </ul>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className={styles.svg} onPointerMove={move} onPointerLeave={() => setAt(undefined)} role="img" aria-label={crossingText(crossings)}>
        <rect x={PLOT.left} y={y(0)} width={PLOT.right - PLOT.left} height={Math.max(0, PLOT.bottom - y(0))} className={styles.water} />
        {ticks(low, low + range).map((value) => (
          <g key={value} className={styles.grid}>
            <path d={`M${PLOT.left} ${y(value)}H${PLOT.right}`} />
            <text x={PLOT.left - 8} y={y(value) + 4} textAnchor="end">
              {usdShort(value)}
            </text>
          </g>
        ))}
        {[0.4, 0.6, 0.8, 1, 1.2, 1.4].map((factor) => (
          <text key={factor} x={x(factor)} y={PLOT.bottom + 18} textAnchor="middle" className={styles.axis}>
            {factor === 1 ? 'now' : `${factor > 1 ? '+' : ''}${percent(factor - 1, 0)}`}
          </text>
        ))}
        <path d={`M${x(1)} ${PLOT.top}V${PLOT.bottom}`} className={styles.now} />
        <path d={`M${PLOT.left} ${y(0)}H${PLOT.right}`} className={styles.zero} />
        {SHOWN.map(({ key }) => (
          <path key={key} d={path(key)} className={styles[key]} />
        ))}
        {crossings.map((factor) => (
          <g key={factor} className={styles.crossing}>
            <circle cx={x(factor)} cy={y(0)} r={4.5} />
            <text x={x(factor) + (factor < 1 ? 8 : -8)} y={y(0) + 18} textAnchor={factor < 1 ? 'start' : 'end'}>
              liquidation {percent(factor - 1, 0)}
            </text>
          </g>
        ))}
        {hovered && <path d={`M${x(hovered.factor)} ${PLOT.top}V${PLOT.bottom}`} className={styles.cursor} />}
      </svg>
      <p className={styles.readout}>
        {hovered
          ? `At ${hovered.factor > 1 ? '+' : ''}${percent(hovered.factor - 1, 0)}: equity ${usd(hovered.lines.equity)}, Maint ${usd(hovered.lines.maintenance)}, Init ${usd(hovered.lines.init)}`
          : crossingText(crossings)}
      </p>
    </figure>
  );
}

/** Factors at which Maint crosses zero, between two points in a straight line. */
function crossed(points: readonly StressPoint[]): number[] {
  return points.flatMap((point, i) => {
    const next = points[i + 1];
    if (!next) return [];
    const [a, b] = [point.lines.maintenance, next.lines.maintenance];
    return a < 0 === b < 0 ? [] : [point.factor + ((next.factor - point.factor) * a) / (a - b)];
  });
}

function crossingText(crossings: readonly number[]): string {
  if (!crossings.length) return 'No common move between −70 % and +50 % takes Maint under water.';
  return `Maint reaches zero at a common move of ${crossings.map((factor) => percent(factor - 1, 1)).join(' and ')}.`;
}

/** Round values between two ends, about five of them. */
function ticks(from: number, to: number): number[] {
  const rough = (to - from) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= rough) ?? rough;
  const out: number[] = [];
  for (let value = Math.ceil(from / step) * step; value <= to; value += step) out.push(Math.round(value / step) * step);
  return out;
}
