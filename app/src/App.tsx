// The app: providers, and which page stands at which address.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, type JSX } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { ExchangeProvider, useExchange } from './data/exchange.tsx';
import { applyTheme, useSettings } from './data/settings.ts';
import { ErrorBoundary } from './shell/ErrorBoundary.tsx';
import { Shell } from './shell/Shell.tsx';
import { EmptyState, ErrorState, SkeletonRows } from './ui/index.ts';

const Trade = lazy(() => import('./pages/trade/TradePage.tsx'));
const Portfolio = lazy(() => import('./pages/portfolio/PortfolioPage.tsx'));
const Stress = lazy(() => import('./pages/stress/StressPage.tsx'));
const Liquidations = lazy(() => import('./pages/liquidations/LiquidationsPage.tsx'));
const Markets = lazy(() => import('./pages/markets/MarketsPage.tsx'));

const queries = new QueryClient({
  defaultOptions: { queries: { staleTime: 1000, refetchOnWindowFocus: false, retry: 1 } },
});

/** The app. */
export function App(): JSX.Element {
  return (
    <QueryClientProvider client={queries}>
      <ExchangeProvider>
        <Theme />
        <Shell>
          <Pages />
        </Shell>
      </ExchangeProvider>
    </QueryClientProvider>
  );
}

/** Follows the system's theme where no other is chosen. */
function Theme(): null {
  const { theme } = useSettings();
  useEffect(() => {
    const system = matchMedia('(prefers-color-scheme: light)');
    system.addEventListener('change', applyTheme);
    applyTheme();
    return () => system.removeEventListener('change', applyTheme);
  }, [theme]);
  return null;
}

function Pages(): JSX.Element {
  const [location] = useLocation();
  const { state, error, retry } = useExchange();
  if (!state && error) {
    return (
      <ErrorState title="No connection to the exchange" onRetry={retry}>
        {error.message}. Trying again every few seconds; the address of the directory is in the settings.
      </ErrorState>
    );
  }
  return (
    <ErrorBoundary at={location}>
      <Suspense fallback={<SkeletonRows rows={10} label="Loading the page" />}>
        <Switch>
          <Route path="/">
            <Redirect to="/trade" replace />
          </Route>
          <Route path="/trade/:market?">{({ market }) => <Trade name={market} />}</Route>
          <Route path="/portfolio" component={Portfolio} />
          <Route path="/stress" component={Stress} />
          <Route path="/liquidations" component={Liquidations} />
          <Route path="/markets/:market?" component={Markets} />
          <Route>
            <EmptyState title="No such page">The address is not one of this app's.</EmptyState>
          </Route>
        </Switch>
      </Suspense>
    </ErrorBoundary>
  );
}
