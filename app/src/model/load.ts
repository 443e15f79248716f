// How deep an account is loaded: the three health lines as marks on a ship's draught scale.
//
// Equity E is what the account would be worth if everything closed at spot. Each line k asks for a requirement
// R_k = E − H_k, and is reached when equity has fallen by H_k. On a scale where the Maint line stands at 1, the water
// stands at R_maint / E, and the distance from the water to a line is the part of equity that may be lost before the
// line is reached. Init stands lowest and is reached first.

/** Health in dollars on each line, and equity. */
export interface Lines {
  init: number;
  liquidationEnd: number;
  maintenance: number;
  equity: number;
}

/** Where water and lines stand on the scale; 1 is the Maint line, 0 the keel. */
export interface Draught {
  water: number;
  init: number;
  liquidationEnd: number;
  maintenance: number;
}

/** How an account stands, from good to bad. */
export type Standing = 'empty' | 'clear' | 'near' | 'past-init' | 'past-end' | 'liquidatable' | 'bankrupt';

/** Part of equity left before Maint under which an account counts as near its lines. */
const NEAR = 0.2;

/** Places an account on the scale. Without equity the hull is under water. */
export function draught(lines: Lines): Draught {
  const { equity } = lines;
  if (equity <= 0) {
    const empty = lines.maintenance >= 0 && equity === 0;
    return { water: empty ? 0 : 1.25, init: 1, liquidationEnd: 1, maintenance: 1 };
  }
  const below = (health: number) => Math.max(0, 1 - (lines.maintenance - health) / equity);
  return {
    water: Math.max(0, 1 - lines.maintenance / equity),
    init: below(lines.init),
    liquidationEnd: below(lines.liquidationEnd),
    maintenance: 1,
  };
}

/** How an account with these lines stands. */
export function standing(lines: Lines): Standing {
  if (lines.equity === 0 && lines.maintenance === 0) return 'empty';
  if (lines.maintenance < 0) return lines.equity <= 0 ? 'bankrupt' : 'liquidatable';
  if (lines.liquidationEnd < 0) return 'past-end';
  if (lines.init < 0) return 'past-init';
  return lines.maintenance < lines.equity * NEAR ? 'near' : 'clear';
}

/** What a standing means for the owner. */
export const STANDING_TEXT: Record<Standing, { title: string; detail: string }> = {
  empty: { title: 'Empty', detail: 'Nothing is deposited.' },
  clear: { title: 'Clear', detail: 'All three lines are above water.' },
  near: { title: 'Near the line', detail: 'Less than a fifth of equity is left before liquidation.' },
  'past-init': {
    title: 'No new risk',
    detail: 'The Init line is under water: only deposits, repayments and orders that reduce risk pass.',
  },
  'past-end': {
    title: 'No new risk',
    detail: 'A liquidation would not stop here, but none may start: Maint is still above water.',
  },
  liquidatable: { title: 'Liquidatable', detail: 'The Maint line is under water: anyone may take over positions.' },
  bankrupt: { title: 'Bankrupt', detail: 'Debts exceed what the account holds.' },
};

/** The colour family of a standing. */
export function tone(is: Standing): 'calm' | 'warn' | 'danger' {
  if (is === 'liquidatable' || is === 'bankrupt') return 'danger';
  return is === 'clear' || is === 'empty' ? 'calm' : 'warn';
}
