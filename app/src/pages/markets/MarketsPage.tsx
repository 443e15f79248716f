// The Markets page: what can be traded and deposited, on what terms, how much of each cap is used, and what will change.
import { useQuery } from '@tanstack/react-query';
import { useState, type JSX } from 'react';
import { useLocation } from 'wouter';
import { useExchange } from '../../data/exchange.tsx';
import type { ExchangeState } from '../../data/types.ts';
import { shortAddress } from '../../format/address.ts';
import { usd } from '../../format/number.ts';
import { duration } from '../../format/time.ts';
import type { MarketView } from '../../model/views.ts';
import { Notice, SkeletonRows, Tabs } from '../../ui/index.ts';
import { AssetList } from './AssetList.tsx';
import { FeedList } from './FeedList.tsx';
import { MarketList } from './MarketList.tsx';
import styles from './MarketsPage.module.css';
import { ModelList } from './ModelList.tsx';
import { modeText } from './parameters.ts';
import { Proposals } from './Proposals.tsx';

type View = 'markets' | 'assets' | 'feeds' | 'model' | 'changes';

/** The page at /markets and /markets/NAME. */
export default function MarketsPage({ params }: { params?: { market?: string | undefined } }): JSX.Element {
  const { state } = useExchange();
  const [, navigate] = useLocation();
  const [view, setView] = useState<View>('markets');
  const [asset, setAsset] = useState(0);
  if (!state) return <SkeletonRows rows={10} label="Loading markets" />;
  const named = state.markets.find((market) => market.name === params?.market);
  const tabs = [
    { id: 'markets' as const, label: 'Markets', count: state.markets.length },
    { id: 'assets' as const, label: 'Assets', count: state.assets.length },
    { id: 'feeds' as const, label: 'Price feeds', count: state.snapshot.risk?.value.feedCount },
    { id: 'model' as const, label: 'Risk model', count: state.snapshot.risk?.value.underlyingCount },
    { id: 'changes' as const, label: 'Pending changes', count: state.snapshot.proposals.length },
  ];
  const choose = (market: MarketView) => navigate(`/markets/${market.name}`, { replace: true });
  return (
    <div className={styles.page}>
      <Operators state={state} />
      {state.snapshot.connection === 'reconnecting' && <Notice>The connection is lost: everything here is as last seen.</Notice>}
      <Tabs label="Markets, assets, price feeds, risk model and changes" tabs={tabs} value={view} onChange={setView} />
      {view === 'markets' && <MarketList state={state} chosen={named ?? state.markets[0]} onChoose={choose} />}
      {view === 'assets' && <AssetList state={state} chosen={state.assets.find((one) => one.index === asset)} onChoose={(one) => setAsset(one.index)} />}
      {view === 'feeds' && <FeedList state={state} />}
      {view === 'model' && <ModelList state={state} />}
      {view === 'changes' && <Proposals state={state} />}
    </div>
  );
}

/** Who may change the exchange, how long a loosening waits, and what backs bankruptcies. */
function Operators({ state }: { state: ExchangeState }): JSX.Element {
  const { exchange, risk } = state.snapshot;
  const insurance = useInsurance();
  const mode = risk?.value.mode ?? 0;
  const delay = exchange && (exchange.changeDelay === 0n ? 'none' : duration(Number(exchange.changeDelay)));
  const facts: [name: string, value: string | undefined, title?: string | undefined][] = [
    ['Exchange', state.directory.name],
    ['Mode', modeText(mode)],
    ['Insurance', insurance === undefined ? undefined : usd(insurance)],
    ['Delay of changes', delay],
    ['Authority', exchange && shortAddress(exchange.authority), exchange?.authority],
    ['Guardian', exchange && shortAddress(exchange.guardian), exchange?.guardian],
  ];
  return (
    <header className={styles.operators}>
      <dl>
        {facts.map(([name, value, title]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="num" title={title}>
              {value ?? '–'}
            </dd>
          </div>
        ))}
      </dl>
      {mode !== 0 && <Notice tone={mode === 1 ? 'warn' : 'danger'}>{mode === 1 ? 'The exchange only accepts what reduces risk.' : 'The exchange is paused: only cancels, settlements and liquidations run.'}</Notice>}
    </header>
  );
}

/** Dollars in the insurance vault. */
function useInsurance(): number | undefined {
  const { state, chain } = useExchange();
  const vault = state?.ref.insuranceVault;
  const { data } = useQuery({
    queryKey: ['insurance', vault],
    enabled: Boolean(chain && vault),
    refetchInterval: 10_000,
    queryFn: async ({ signal }) => {
      if (!chain || !vault) return 0;
      const { value } = await chain.connection.rpc.getTokenAccountBalance(vault).send({ abortSignal: signal });
      return Number(value.amount) / 10 ** value.decimals;
    },
  });
  return data;
}
