// Who may act for an account beside its owner.
import { ALL_MARKETS, scopeOf, type DelegateScope } from '@plimsoll/client/accounts';
import { budgetLeft, delegationsOf } from '@plimsoll/client/delegates';
import type { Address } from '@solana/kit';
import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useExchange } from './exchange.tsx';

/** A delegate as the page shows it. */
export interface DelegateView {
  key: Address;
  scope: DelegateScope[];
  /** Indices of its markets; undefined for all. */
  markets: number[] | undefined;
  /** Unix seconds. */
  expiresAt: number;
  expired: boolean;
  /** Quote tokens, a day and now. */
  lossPerDay: number;
  lossLeft: number;
  /** Most seconds for which an order rests; undefined for any. */
  restSecs: number | undefined;
  /** Quote tokens below which it adds no risk; undefined for no such line. */
  leastEquity: number | undefined;
}

/** The delegates of an account; `count` is how many the account says it has, so that a change is read at once. */
export function useDelegates(account: string, count: number): UseQueryResult<DelegateView[]> {
  const { state, chain } = useExchange();
  return useQuery({
    queryKey: ['delegates', account, count],
    enabled: Boolean(state && chain) && count > 0,
    refetchInterval: 8000,
    queryFn: async () => {
      if (!state || !chain) return [];
      const now = Date.now() / 1000;
      const found = await delegationsOf(chain.connection, state.ref.program, account as Address);
      return found.map((one) => ({
        key: one.delegate,
        scope: scopeOf(one.scope),
        markets: one.markets === ALL_MARKETS ? undefined : state.ref.markets.map(({ index }) => index).filter((index) => (one.markets >> BigInt(index)) & 1n),
        expiresAt: Number(one.expiresAt),
        expired: Number(one.expiresAt) <= now,
        lossPerDay: Number(one.lossPerDay) / 1e6,
        lossLeft: Number(budgetLeft(one, now)) / 1e6,
        restSecs: one.restSecs || undefined,
        leastEquity: Number(one.leastEquity) / 1e6 || undefined,
      }));
    },
  });
}
