// Named crashes as factors of today's prices, by symbol: the depths of two historic days, and a plain dip.

/** A crash. */
export interface Crash {
  id: string;
  name: string;
  about: string;
  /** Factor of the price by symbol; symbols not named follow `others`. */
  factors: Readonly<Record<string, number>>;
  others: number;
}

/** The crashes that the page offers. */
export const CRASHES: readonly Crash[] = [
  {
    id: 'mild',
    name: 'A mild dip',
    about: 'Several a month look like this: 5.5 % off bitcoin within hours.',
    factors: { USDC: 1, BTC: 0.945, ETH: 0.93, SOL: 0.92, lstSOL: 0.917 },
    others: 0.92,
  },
  {
    id: 'march-2020',
    name: '12 March 2020',
    about: 'Bitcoin lost 47 % within a day, in two legs. SOL had no market yet and takes the shape of ether.',
    factors: { USDC: 1, BTC: 0.534, ETH: 0.458, SOL: 0.458, lstSOL: 0.444 },
    others: 0.458,
  },
  {
    id: 'october-2025',
    name: '10 October 2025',
    about: 'A flash crash within half an hour: 14.5 % off bitcoin, 30 % off SOL, staked tokens below parity.',
    factors: { USDC: 1, BTC: 0.855, ETH: 0.79, SOL: 0.7, lstSOL: 0.672 },
    others: 0.7,
  },
];

/** The factor that a crash has for a symbol. */
export function factorOf(crash: Crash, symbol: string): number {
  return crash.factors[symbol] ?? crash.others;
}
