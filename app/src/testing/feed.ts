// A feed for tests: SOL at 150 dollars, from posted Pyth updates, with the default ages.
import type { Feed, OracleSource, RiskState } from '@plimsoll/client/generated';

const ONE = 2 ** 24;
/** When tests look, Unix seconds. */
export const NOW = 10_000;

/** A source: posted updates unless told otherwise. */
export const source = (more: Partial<OracleSource> = {}): OracleSource => ({ feed: new Uint8Array(32), kind: 1, receiver: 1, base: 0, cap: 255, exponent: 0, padding: new Uint8Array(3), ...more });

/** A name as the chain stores it. */
export const name = (text: string): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => text.charCodeAt(i) || 0);

/** The feed, published so many seconds ago. */
export function feed(ageSecs: number, price: Partial<Feed['price']> = {}, more: Partial<Feed> = {}): Feed {
  return {
    price: {
      publishedMs: BigInt((NOW - ageSecs) * 1000),
      primaryMs: 0n,
      refusedMs: 0n,
      spot: 150_000_000n << 3n,
      conf: 150_000n << 3n,
      stable: 140_000_000n << 3n,
      average: 150_000_000n << 3n,
      doubtFrom: 5_000n,
      jumpedMs: 0n,
      jumpCount: 0,
      marks: 0,
      primarySpot: 0n,
      padding: new Uint8Array(2),
      fallbackFrom: 0,
      ...price,
    },
    limits: {
      maxConfRatio: ONE / 50,
      confMultiple: 2 * ONE,
      stableRatePerHour: ONE / 5,
      maxDivergence: ONE / 20,
      doubtBenefit: ONE / 10,
      doubtFloor: ONE / 2,
      doubtSecs: 3600,
      maxGrowthPerDay: ONE / 1000,
      tradeAgeSecs: 60,
      payAgeSecs: 20,
      seizeAgeSecs: 10,
      minPublishers: 0,
    },
    sources: { primary: source(), fallback: source({ kind: 0 }) },
    name: name('SOL'),
    assets: 0b10n,
    markets: 0b101n,
    derived: 0b1000n,
    rate: 0n,
    rateReadAt: 0n,
    shift: 3,
    padding: new Uint8Array(7),
    ...more,
  };
}

/** A risk state with these feeds and nothing else, whose clock of doubt is twelve minutes past theirs. */
export const riskOf = (...feeds: Feed[]): RiskState => ({ feeds, feedCount: feeds.length, doubtMs: 725_000n }) as unknown as RiskState;
