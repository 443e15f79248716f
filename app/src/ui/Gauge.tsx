// The draught scale: a ship's side with the three health lines, and the water as high as the account is loaded.
import { useId, type JSX } from 'react';
import { usd } from '../format/number.ts';
import { draught, standing, STANDING_TEXT, tone, type Lines } from '../model/load.ts';
import { cx } from './class.ts';
import styles from './Gauge.module.css';

/** The part of the scale shown above the Maint line. */
const TOP = 1.2;
const WIDTH = 330;
const HEIGHT = 252;
const HULL = { left: 44, right: 132, top: 8, bottom: 244 };
/** Least distance between two labels, so that lines close together stay readable. */
const LABEL_GAP = 34;

const y = (part: number) => HULL.bottom - (Math.min(Math.max(part, 0), TOP) / TOP) * (HULL.bottom - HULL.top);

interface Mark {
  name: string;
  health: number;
  at: number;
  label: number;
}

/** Lines from top to bottom with their labels spread so that none covers another. */
function marks(lines: Lines): Mark[] {
  const at = draught(lines);
  const out: Mark[] = [
    { name: 'Maint', health: lines.maintenance, at: y(at.maintenance), label: 0 },
    { name: 'LiquidationEnd', health: lines.liquidationEnd, at: y(at.liquidationEnd), label: 0 },
    { name: 'Init', health: lines.init, at: y(at.init), label: 0 },
  ];
  let free = HULL.top + 10;
  for (const mark of out) {
    mark.label = Math.max(mark.at, free);
    free = mark.label + LABEL_GAP;
  }
  const over = free - LABEL_GAP - (HULL.bottom - 12);
  if (over > 0) for (const mark of out) mark.label -= over;
  return out;
}

/** Properties of {@link Gauge}. */
export interface GaugeProps {
  lines: Lines;
  /** Where the account would stand after what is being considered. */
  after?: Lines | undefined;
}

/** The large scale of the portfolio page. */
export function Gauge({ lines, after }: GaugeProps): JSX.Element {
  const clip = useId();
  const shown = after ?? lines;
  const is = standing(shown);
  const now = draught(lines);
  const next = after && draught(after);
  const water = y(now.water);
  return (
    <figure className={cx(styles.gauge, styles[tone(is)])}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={describe(shown)}>
        <clipPath id={clip}>
          <path d={hull()} />
        </clipPath>
        <path d={hull()} className={styles.hull} />
        <g clipPath={`url(#${clip})`}>
          <g className={styles.water} style={{ transform: `translateY(${water}px)` }}>
            <rect x={0} y={0} width={WIDTH} height={HEIGHT + 40} />
            <path d={wave()} className={styles.surface} />
          </g>
          {next && <rect x={0} y={y(next.water)} width={WIDTH} height={HEIGHT} className={styles.after} />}
        </g>
        <Scale />
        {marks(shown).map((mark) => (
          <LineMark key={mark.name} mark={mark} />
        ))}
        <g className={styles.load} transform={`translate(${HULL.left - 6} ${clampLabel(next ? y(next.water) : water)})`}>
          <path d="M0 0 -7 -4.5v9z" />
        </g>
      </svg>
      <figcaption className={styles.caption}>
        <strong className={styles.standing}>{STANDING_TEXT[is].title}</strong>
        <span>{STANDING_TEXT[is].detail}</span>
      </figcaption>
    </figure>
  );
}

function clampLabel(at: number): number {
  return Math.min(Math.max(at, HULL.top + 4), HULL.bottom - 4);
}

function hull(): string {
  const { left, right, top, bottom } = HULL;
  return `M${left} ${top}H${right}V${bottom - 26}Q${right} ${bottom} ${right - 26} ${bottom}H${left}Z`;
}

function wave(): string {
  const step = 22;
  let path = `M${HULL.left - step * 2} 0`;
  for (let x = HULL.left - step * 2; x < HULL.right + step * 2; x += step) path += `q${step / 4} -2.5 ${step / 2} 0t${step / 2} 0`;
  return path;
}

function Scale(): JSX.Element {
  const ticks = Array.from({ length: 25 }, (_, i) => i / 20);
  return (
    <g className={styles.scale}>
      {ticks.map((part) => {
        const major = Math.round(part * 20) % 4 === 0;
        return (
          <g key={part}>
            <path d={`M${HULL.left} ${y(part)}h${major ? 9 : 5}`} />
            {major && part <= 1.01 && (
              <text x={HULL.left - 18} y={y(part) + 3.5} textAnchor="end">
                {Math.round(part * 100)}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
}

function LineMark({ mark }: { mark: Mark }): JSX.Element {
  const under = mark.health < 0;
  const main = mark.name === 'Maint';
  const middle = 96;
  return (
    <g className={cx(styles.mark, under && styles.under)}>
      {main && <circle cx={middle} cy={mark.at} r={11} className={styles.disc} />}
      <path d={`M${main ? middle - 24 : middle - 14} ${mark.at}H${HULL.right}`} className={styles.line} />
      <path d={`M${HULL.right} ${mark.at}L${HULL.right + 14} ${mark.label}h6`} className={styles.leader} />
      <text x={HULL.right + 26} y={mark.label - 2} className={styles.name}>
        {mark.name}
      </text>
      <text x={HULL.right + 26} y={mark.label + 13} className={styles.value}>
        {usd(mark.health)}
      </text>
    </g>
  );
}

function describe(lines: Lines): string {
  const is = STANDING_TEXT[standing(lines)];
  return (
    `Health: ${is.title}. Init ${usd(lines.init)}, LiquidationEnd ${usd(lines.liquidationEnd)}, ` +
    `Maint ${usd(lines.maintenance)}, equity ${usd(lines.equity)}.`
  );
}

/** The scale lying down, for little room: the water from the left, the three lines as marks. */
export function LoadBar({ lines, after, legend = false }: GaugeProps & { legend?: boolean }): JSX.Element {
  const now = draught(lines);
  const next = after && draught(after);
  const shown = after ?? lines;
  const at = next ?? now;
  const within = (part: number) => Math.min(Math.max(part, 0), TOP);
  const place = (part: number) => `${(within(part) / TOP) * 100}%`;
  return (
    <div className={cx(styles.bar, styles[tone(standing(shown))])} role="img" aria-label={describe(shown)}>
      <div className={styles.barTrack}>
        <div className={styles.barWater} style={{ width: place(now.water) }} />
        {next && (
          <div
            className={styles.barAfter}
            style={{
              left: place(Math.min(now.water, next.water)),
              width: `calc(${place(Math.abs(within(next.water) - within(now.water)))} + 1px)`,
            }}
          />
        )}
        {(['init', 'liquidationEnd', 'maintenance'] as const).map((line) => (
          <i key={line} className={cx(styles.barMark, line === 'maintenance' && styles.barMain)} style={{ left: place(at[line]) }} />
        ))}
      </div>
      {legend && (
        <div className={styles.barLegend} aria-hidden="true">
          <span>keel</span>
          <span style={{ left: place(1) }}>Maint</span>
        </div>
      )}
    </div>
  );
}
