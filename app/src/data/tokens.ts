// What the wallet holds outside the exchange: the tokens that could be deposited.
import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { NATIVE_MINT } from '@plimsoll/client/instructions/tokens';
import { associatedTokenAddress } from '@plimsoll/client/addresses';
import { fromBase64 } from '@plimsoll/client/connection';
import { useWallet } from '../wallet/store.ts';
import { useExchange } from './exchange.tsx';

/** Lamports that stay with the owner for fees when SOL itself is deposited. */
const FEE_RESERVE = 50_000_000n;
/** Where a token account's amount stands. */
const AMOUNT_AT = 64;

/** A token of the wallet. */
export interface TokenBalance {
  /** Native units in the token account. */
  held: bigint;
  /** Native units that can be deposited: for SOL also what is not wrapped yet, less a reserve for fees. */
  available: bigint;
}

/** Balances of all listed tokens, by asset index. */
export function useTokens(): UseQueryResult<ReadonlyMap<number, TokenBalance>> {
  const { state, chain } = useExchange();
  const owner = useWallet().connected?.address;
  return useQuery({
    queryKey: ['tokens', owner, state?.directory.exchange],
    enabled: Boolean(state && chain && owner),
    refetchInterval: 8000,
    queryFn: async () => {
      if (!state || !chain || !owner) return new Map<number, TokenBalance>();
      const { assets } = state.ref;
      const addresses = await Promise.all(assets.map((asset) => associatedTokenAddress(owner, asset.mint, asset.tokenProgram)));
      const { rpc } = chain.connection;
      const [accounts, lamports] = await Promise.all([
        rpc.getMultipleAccounts(addresses, { encoding: 'base64', commitment: 'confirmed' }).send(),
        rpc.getBalance(owner, { commitment: 'confirmed' }).send(),
      ]);
      return new Map(
        assets.map((asset, i) => {
          const held = amountOf(accounts.value[i]?.data[0]);
          const spare = asset.mint === NATIVE_MINT && lamports.value > FEE_RESERVE ? lamports.value - FEE_RESERVE : 0n;
          return [asset.index, { held, available: held + spare }];
        }),
      );
    },
  });
}

function amountOf(data: string | undefined): bigint {
  if (!data) return 0n;
  const bytes = fromBase64(data);
  return bytes.length < AMOUNT_AT + 8 ? 0n : new DataView(bytes.buffer).getBigUint64(AMOUNT_AT, true);
}
