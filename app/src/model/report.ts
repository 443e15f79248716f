// The risk report in dollars and words: what is required and why, what each scenario would cost, where liquidation is.
import type { Binding, Requirement, RiskFactor, RiskReport, RiskScenario, RiskUnderlying } from '@plimsoll/client/risk';
import { change, percent, trimmed, usd } from '../format/number.ts';

/** Native quote as dollars. */
export const dollars = (native: bigint): number => Number(native) / 1e6;

/** What a mode of margin holds back of an account, and what it leaves. */
export interface Need {
  /** Equity that Init holds back: what is owned less Init health. */
  held: number;
  init: number;
  maintenance: number;
}

/** What the mode that a report is told in needs. */
export function needOf({ health }: Pick<RiskReport, 'health'>): Need {
  const [equity, init, maintenance] = [dollars(health.equity), dollars(health.init), dollars(health.maintenance)];
  return { held: equity - init, init, maintenance };
}

/** One of several ways to measure, of which the largest counts; or what is added to it. */
export interface Part {
  name: string;
  amount: number;
  hint: string;
  /** Whether it decides the requirement. */
  decides: boolean;
}

/** The three ways to measure. */
export function measures(of: Requirement): Part[] {
  const is = (...kinds: Binding['kind'][]) => kinds.includes(of.binding.kind);
  const floor = is('grossFloor') ? `The least part of all deltas together, ${usd(dollars(of.grossFloor))}, is more than that.` : '';
  const linear = `Netted by the factors ${usd(dollars(of.model))}, as if nothing hedged anything ${usd(dollars(of.isolated))}; a mix of both. ${floor}`;
  return [
    { name: 'Factor model', amount: dollars(of.linear), hint: linear.trim(), decides: is('linear', 'grossFloor') },
    { name: 'Scenarios', amount: dollars(of.shortfall), hint: 'Expected shortfall: the mean loss in the worst quarter of the scenarios.', decides: is('shortfall') },
    { name: 'Worst named day', amount: dollars(of.crash), hint: 'A fixed part of the loss if the worst of the named days came again.', decides: is('crashDay') },
  ];
}

/** What comes on top of the largest of {@link measures}; what is nothing is left out. */
export function addOns(of: Requirement): Part[] {
  const all: [string, bigint, string][] = [
    ['Size', of.liquidity, 'For deltas beyond the depth of their market.'],
    ['Basis', of.basis, 'For longs that only shorts of the same underlying hedge.'],
    ['Quote peg', of.depeg, 'For what is owned in the quote asset.'],
    ['Uncertain prices', of.confidence, 'For oracle confidence, and where the stable price lags behind; Init only.'],
  ];
  return all.filter(([, amount]) => amount > 0n).map(([name, amount, hint]) => ({ name, amount: dollars(amount), hint, decides: false }));
}

/** Below this, dollars are the rounding of a hedge and not a risk. */
export const CENT = 0.01;

/** What decides a requirement, in a sentence. */
export function bindingText(of: Requirement, days: readonly { date: string; name: string }[]): string {
  const { binding } = of;
  if (measures(of).every((way) => way.amount < CENT)) return of.total > 0n ? 'What is held hedges itself: only the add-ons count.' : 'Nothing is at risk.';
  switch (binding.kind) {
    case 'nothing':
      return 'Nothing is at risk.';
    case 'linear':
      return 'The factor model decides: no scenario and no named day would cost more.';
    case 'grossFloor':
      return 'The account is hedged so well that the least part of its gross delta decides.';
    case 'shortfall':
      return 'The scenarios decide: their worst quarter costs more than the factor model says.';
    case 'crashDay': {
      const day = days.find((one) => one.date === binding.date);
      return `A named day decides: ${binding.date}${day ? `, ${day.name}` : ''}.`;
    }
  }
}

/** A joint shock in words: "BTC −4σ, ETH +2.7σ". The factors after the first are what their driver does by itself. */
export function scenarioText({ shocks, volatility, weight }: Pick<RiskScenario, 'shocks' | 'volatility' | 'weight'>, factors: readonly Pick<RiskFactor, 'number' | 'driver'>[]): string {
  const moves = shocks.flatMap((shock, i) => {
    const name = factors[i]?.driver ?? `Factor ${i + 1}`;
    return shock === 0 ? [] : [`${name} ${change(shock, (n) => trimmed(n, 1))}σ`];
  });
  const implied = volatility === 0 ? [] : [`volatility ${change(volatility, (n) => percent(n, 0))}`];
  const counted = weight < 1 ? [`counts ${percent(weight, 0)}`] : [];
  return [...moves, ...implied, ...counted].join(', ') || 'Nothing moves';
}

/** A delta, or the two ends between which resting orders may move it. */
export function deltaText(low: bigint, high: bigint): string {
  const text = (native: bigint) => change(dollars(native), usd);
  return dollars(high - low) < 2 * CENT ? text(high) : `${text(low)} to ${text(high)}`;
}

/** Where an account would be liquidated as an underlying alone moves: "−32.1%", "+18.0%". */
export function liquidationText({ liquidation }: Pick<RiskUnderlying, 'liquidation'>): string {
  if (liquidation.crossed) return 'now';
  const moved = (ratio: number | null) => (ratio === null ? [] : [change(ratio - 1, (n) => percent(n, 1))]);
  return [...moved(liquidation.below), ...moved(liquidation.above)].join(' or ') || 'at no price';
}

/** How many deviations of a day the equity is; nobody can tell more than a thousand from any other number. */
export function distanceText(distance: number | null): string | undefined {
  if (distance === null) return undefined;
  return distance > 1000 ? 'over 1,000 deviations' : `${trimmed(distance, 1)} deviations`;
}

/** A small chance, which no model knows to many figures. */
export function chanceText(chance: number): string {
  if (chance <= 0) return 'none';
  if (chance < 0.0001) return 'below 0.01%';
  return percent(chance, chance < 0.01 ? 2 : 1);
}
