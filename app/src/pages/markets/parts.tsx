// Small parts of the Markets page: use of a cap, the state of a feed, lists of facts, a line over time.
import type { JSX, ReactNode } from 'react';
import { PURPOSES } from '@plimsoll/client/feeds';
import { percent, pricePlaces, trimmed, usd, usdShort } from '../../format/number.ts';
import { clock, duration } from '../../format/time.ts';
import type { FeedView } from '../../model/feeds.ts';
import { cx, Tooltip } from '../../ui/index.ts';
import styles from './MarketsPage.module.css';
import { modeText } from './parameters.ts';

/** How much of a cap is used, in dollars. */
export function CapUse({ used, cap, label }: { used: number | undefined; cap: number; label: string }): JSX.Element {
  if (used === undefined) return <span className="faint">–</span>;
  const part = cap > 0 ? Math.min(1, Math.max(0, used / cap)) : 1;
  const tone = part >= 0.98 ? styles.full : part >= 0.8 ? styles.nearly : undefined;
  return (
    <span className={styles.use} role="img" aria-label={`${label}: ${usd(used)} of ${usd(cap)}`} title={`${usd(used)} of ${usd(cap)}`}>
      <span className="num">
        {usdShort(used)} <span className="faint">/ {usdShort(cap)}</span>
      </span>
      <span className={styles.track}>
        <span className={cx(styles.fill, tone)} style={{ width: `${part * 100}%` }} />
      </span>
    </span>
  );
}

/** Whether a price may be relied on, how old it is, and how certain. */
export function FeedAge({ feed }: { feed: FeedView | undefined }): JSX.Element {
  if (!feed) return <span className="faint">–</span>;
  if (feed.is === 'final') return <span className="warn">Final price</span>;
  const good = feed.is === 'fresh';
  const age = feed.is === 'unpriced' ? '–' : duration(feed.age);
  return (
    <Tooltip side="bottom" text={`${feed.text}. Published ${age} ago, certain to ±${percent(feed.confidence, 3)}. ${servesText(feed)}`}>
      <span className={cx(styles.feed, 'num')}>
        <i className={cx(styles.dot, !good && (feed.is === 'silent' ? styles.warn : styles.bad))} aria-hidden="true" />
        {age} <span className="faint">±{percent(feed.confidence, 2)}</span>
        {!good && <span className="hidden">{feed.text}</span>}
      </span>
    </Tooltip>
  );
}

const SERVES = { trade: 'trades', pay: 'payments', seize: 'seizures' } as const;

/** What a price is good for at its present age. */
export function servesText({ serves }: FeedView): string {
  const [good, bad] = [true, false].map((is) => PURPOSES.filter((purpose) => serves[purpose] === is).map((purpose) => SERVES[purpose]));
  if (!bad?.length) return 'It serves trades, payments and seizures.';
  if (!good?.length) return 'Nobody may rely on it.';
  return `It serves ${good.join(' and ')}; ${bad.join(' and ')} need a newer one.`;
}

/** All about a feed: source, ages, confidence, doubt. */
export function FeedFacts({ feed, title = 'Price feed' }: { feed: FeedView | undefined; title?: string }): JSX.Element {
  if (!feed) return <Facts title={title} facts={[['Status', '–']]} />;
  const { doubt, limits, rate } = feed;
  const doubted = doubt.seconds > 0 ? `for ${duration(doubt.seconds)}` : 'none';
  return (
    <Facts
      title={title}
      facts={[
        ['Feed', feed.name],
        ['Status', <span key="s" className={feed.is === 'fresh' ? 'buy' : 'warn'}>{feed.text}</span>],
        ['Source', feed.source],
        ['Fallback', feed.fallback ?? 'none', 'Counts only once the source has been silent for twice the age that trades allow.'],
        ['Age', feed.is === 'unpriced' ? '–' : `${duration(feed.age)} of ${PURPOSES.map((purpose) => duration(limits[purpose])).join(' / ')}`, `The oldest for trades, payments and seizures. ${servesText(feed)}`],
        ['Confidence', `±${percent(feed.confidence, 3)} of at most ${percent(feed.maxConfidence)}`],
        ['Stable price', `${trimmed(feed.stable, pricePlaces(feed.stable))}, moves ${percent(feed.stablePerHour, 1)} an hour at most`, 'Init takes the worse of spot and this.'],
        ['In doubt', doubted, 'By the exchange’s clock of doubt, which stands still while more than half of all feeds are silent.'],
        ['Doubt counts', `+${percent(doubt.benefit, 0)}, within ${duration(doubt.lasts)} down to ${percent(doubt.floor, 0)}`, 'What a deposit at a price in doubt is worth in a liquidation, against its last price; a debt likewise the other way.'],
        ...(rate ? ([['Rate', `${trimmed(rate.now, 6)}, grows ${percent(rate.growthPerDay, 3)} a day at most`]] as const) : []),
      ]}
    />
  );
}

/** A mode, coloured where it restricts. */
export function ModeTag({ mode }: { mode: number | undefined }): JSX.Element {
  if (mode === undefined) return <span className="faint">–</span>;
  return <span className={mode === 0 ? 'muted' : mode === 1 ? 'warn' : 'danger'}>{modeText(mode)}</span>;
}

/** A fact: what it is, its value, and what it means. */
export type Fact = readonly [name: string, value: ReactNode, hint?: string];

/** Facts of one kind under a heading. */
export function Facts({ title, facts }: { title: string; facts: readonly Fact[] }): JSX.Element {
  return (
    <section className={styles.facts}>
      <h3>{title}</h3>
      <dl>
        {facts.map(([name, value, hint]) => (
          <div key={name}>
            <dt>{hint ? <Tooltip text={hint}>{name}</Tooltip> : name}</dt>
            <dd className="num">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

const WIDTH = 1000;
const HEIGHT = 110;

/** A value over time around zero, such as a rate that either side may pay. */
export function ZeroLine({ points, text, label }: { points: readonly { time: number; value: number }[]; text: (value: number) => string; label: string }): JSX.Element {
  const values = points.map((point) => point.value);
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const range = high - low || 1;
  const [first, last] = [points[0]?.time ?? 0, points.at(-1)?.time ?? 1];
  const x = (time: number) => ((time - first) / (last - first || 1)) * WIDTH;
  const y = (value: number) => HEIGHT - 2 - ((value - low) / range) * (HEIGHT - 4);
  const line = points.map((point, i) => `${i ? 'L' : 'M'}${x(point.time).toFixed(1)} ${y(point.value).toFixed(1)}`).join('');
  return (
    <figure className={styles.line}>
      <div className={styles.plot}>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
          <path d={`${line}V${y(0)}H${x(first)}Z`} className={styles.area} />
          <path d={line} className={styles.stroke} />
          <path d={`M0 ${y(0)}H${WIDTH}`} className={styles.zero} />
        </svg>
        <span className={styles.high}>{text(high)}</span>
        <span className={styles.low}>{text(low)}</span>
      </div>
      <figcaption>
        <span>{clock(first)}</span>
        <span>{clock(last)}</span>
      </figcaption>
    </figure>
  );
}
