// What the exchange's underlyings are: assets and markets that follow one price move together.
import type { AssetView, MarketView } from './views.ts';

/** Assets and markets that follow one price. */
export interface Underlying {
  symbol: string;
  price: number;
  assets: number[];
  markets: number[];
}

/** Groups by the directory's symbols: SOL as collateral and SOL-PERP move together. */
export function underlyings(assets: readonly AssetView[], markets: readonly MarketView[]): Underlying[] {
  const out = new Map<string, Underlying>();
  const of = (symbol: string, price: number) => {
    const known = out.get(symbol) ?? { symbol, price, assets: [], markets: [] };
    out.set(symbol, known);
    return known;
  };
  for (const asset of assets) of(asset.symbol, asset.price).assets.push(asset.index);
  for (const market of markets) of(market.base, market.oracle).markets.push(market.index);
  return [...out.values()];
}
