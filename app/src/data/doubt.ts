// Prices that new risk may not rely on, and what the program counts them for meanwhile.
import type { PriceInDoubt, Risk } from '@plimsoll/client/risk';
import { useMemo } from 'react';
import { feedView, type PriceDoubt } from '../model/feeds.ts';
import type { PriceAge } from '../model/views.ts';
import { useExchange } from './exchange.tsx';
import { useRisk } from './health.ts';
import type { ExchangeState } from './types.ts';

/** Doubts by index; nothing for a price that is good. */
export interface Doubts {
  asset: (index: number) => PriceDoubt | undefined;
  market: (index: number) => PriceDoubt | undefined;
}

const NONE: Doubts = { asset: () => undefined, market: () => undefined };

/** The prices in doubt; none until the risk module is there. */
export function useDoubts(): Doubts {
  const { state } = useExchange();
  const module = useRisk();
  return useMemo(() => (state && module ? doubtsOf(state, module) : NONE), [state, module]);
}

function doubtsOf(state: ExchangeState, module: Risk): Doubts {
  const { assets, markets, snapshot } = state;
  const { risk, clock } = snapshot;
  if (!risk || ![...assets, ...markets].some((one) => one.age.stale)) return NONE;
  const counted = module.pricesInDoubt({ riskState: risk.data, clock });
  const doubt = (age: PriceAge | undefined, price: number, spot: bigint | undefined, found: PriceInDoubt | null | undefined): PriceDoubt | undefined => {
    const feed = age?.stale ? feedView(risk.value, age.feed, clock) : undefined;
    if (!feed || !found || !spot) return undefined;
    const usd = (mantissa: bigint) => (Number(mantissa) / Number(spot)) * price;
    return { feed, owned: usd(found.owned), owed: usd(found.owed) };
  };
  return {
    asset: (index) => {
      const view = assets.find((one) => one.index === index);
      return doubt(view?.age, view?.price ?? 0, risk.value.assets[index]?.price.spot, counted.assets[index]);
    },
    market: (index) => {
      const view = markets.find((one) => one.index === index);
      return doubt(view?.age, view?.oracle ?? 0, risk.value.markets[index]?.price.spot, counted.markets[index]);
    },
  };
}
