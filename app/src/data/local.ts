// The local chain's own server: its faucet, its scenarios, and what it is doing.
import { LocalChain, type LocalStatus } from '@plimsoll/client/local';
import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useExchange } from './exchange.tsx';

/** The server of the local chain; `undefined` on any other. */
export function useLocal(): LocalChain | undefined {
  const endpoint = useExchange().state?.directory.endpoints.local ?? undefined;
  return useMemo(() => (endpoint === undefined ? undefined : new LocalChain(endpoint)), [endpoint]);
}

/** What the local chain is doing, asked every other second. */
export function useLocalStatus(): UseQueryResult<LocalStatus> {
  const local = useLocal();
  return useQuery({
    queryKey: ['local'],
    enabled: local !== undefined,
    refetchInterval: 2000,
    queryFn: ({ signal }) => (local ? local.status(signal) : Promise.reject(new Error('Not a local chain'))),
  });
}
