// Parameters of assets and markets as people read them, and what a proposed change would change.
import { nameOf, type Proposal } from '@plimsoll/client/accounts';
import type { Feed, Market, ProfitLedger, RiskState } from '@plimsoll/client/generated';
import { isAddress } from '@solana/kit';
import type { ExchangeState } from '../../data/types.ts';
import { percent, trimmed, usd } from '../../format/number.ts';
import { shortAddress } from '../../format/address.ts';
import { duration } from '../../format/time.ts';
import { feedName, sourceId, sourceText } from '../../model/feeds.ts';

const RATIO_ONE = 2 ** 24;
/** One as a loading, or as a return of the portfolio model. */
const LOADING_ONE = 2 ** 20;
const U64_MAX = (1n << 64n) - 1n;

/** A ratio of the program as a part of one. */
export const ratio = (value: number): number => value / RATIO_ONE;

/** Native quote as dollars. */
export const dollars = (native: bigint): number => Number(native) / 1e6;

/** A market's pool of collected losses, what of it is somebody's, and what losers could not pay. */
export function poolFacts({ pnlPool, profits }: PoolOf): [name: string, value: string, hint: string][] {
  const sharing = profits.haircuts.open === 0 ? '' : ' · being shared';
  return [
    ['Profit pool', usd(dollars(pnlPool)), 'Losses collected and not yet paid out: profits become withdrawable only out of it.'],
    ['Set aside for profits', usd(dollars(profits.covered + profits.reserved)), 'What of the pool belongs to profits already, marked or known to be there: each is paid out of its own part.'],
    ['Announced', usd(dollars(profits.announced)), 'What losers have paid and will be set aside for all profits once everybody had time to be marked.'],
    ['Shortfall', `${usd(dollars(profits.shortfall))}${sharing}`, 'What losers could not pay and profits will share, each giving up the same part of what is not set aside for it.'],
  ];
}

/** What {@link poolFacts} reads of a market. */
export type PoolOf = Pick<Market, 'pnlPool'> & { profits: Pick<ProfitLedger, 'covered' | 'reserved' | 'announced' | 'shortfall'> & { haircuts: Pick<ProfitLedger['haircuts'], 'open'> } };

/** Modes of a bank, a market or the exchange. */
const MODES = ['Active', 'Reduce only', 'Paused'];

/** A mode in words. */
export const modeText = (mode: number): string => MODES[mode] ?? 'Paused';

/** A parameter in words, by the name that it has in the program. */
export function parameterText(name: string, value: unknown): string {
  if (typeof value === 'bigint') {
    if (value === U64_MAX) return 'no limit';
    if (/(usd|notional)$/i.test(name)) return usd(dollars(value));
    return /delay/i.test(name) ? duration(Number(value)) : value.toLocaleString('en-US');
  }
  if (typeof value !== 'number') return typeof value === 'string' && isAddress(value) ? shortAddress(value) : String(value);
  if (name === 'mode') return modeText(value);
  if (/secs$/i.test(name)) return duration(value);
  if (/^loadings/.test(name)) return trimmed(value / LOADING_ONE, 3);
  if (/^crashReturns/.test(name)) return percent(value / LOADING_ONE, 1);
  if (/(multiple|deviations)/i.test(name)) return `${trimmed(ratio(value), 2)}×`;
  return /(ratio|weight|fee|rate|share|premium|funding|breakdown|floor|fraction|decay|PerHour|PerDay|slippage|divergence|benefit|^util)/i.test(name) ? percent(ratio(value), 3).replace(/\.?0+%$/, '%') : value.toLocaleString('en-US');
}

/** A name of the program's interface in words: `tradeAgeSecs` is "trade age". */
export function parameterName(path: string): string {
  const words = path.replace(/(Usd|Secs)\b/g, '').replace(/([a-z])([A-Z0-9])/g, '$1 $2').replaceAll('.', ' · ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A parameter that a proposal changes. */
export interface Difference {
  name: string;
  from: string | undefined;
  to: string;
}

/** A proposal in words. */
export interface ProposalView {
  title: string;
  differences: Difference[];
}

/** What a proposal would change, against what is in force. */
export function describeProposal({ change }: Pick<Proposal, 'change'>, state: ExchangeState): ProposalView {
  const { snapshot } = state;
  const asset = (index: number) => state.assets.find((one) => one.index === index)?.symbol ?? `asset ${index}`;
  const market = (index: number) => state.markets.find((one) => one.index === index)?.name ?? `market ${index}`;
  const bank = (index: number) => snapshot.banks.get(index)?.value;
  const stored = (index: number) => snapshot.markets.get(index)?.value;
  const risk = snapshot.risk?.value;
  const feed = (index: number | undefined) => (index === undefined ? undefined : risk ? feedName(risk, index) : `feed ${index}`);
  switch (change.__kind) {
    case 'EditAsset':
      return { title: `Edit ${asset(change.asset)}`, differences: differences({ feed: feed(risk?.assets[change.asset]?.price.feed), ...bank(change.asset)?.params }, { ...change.params, feed: feed(change.feed) }) };
    case 'EditMarket':
      return { title: `Edit ${market(change.market)}`, differences: differences({ feed: feed(risk?.markets[change.market]?.price.feed), ...stored(change.market)?.params }, { ...change.params, feed: feed(change.feed) }) };
    case 'SetAssetMode':
      return { title: `Set the mode of ${asset(change.asset)}`, differences: differences({ mode: bank(change.asset)?.mode }, { mode: change.mode }) };
    case 'SetMarketMode':
      return { title: `Set the mode of ${market(change.market)}`, differences: differences({ mode: stored(change.market)?.mode }, { mode: change.mode }) };
    case 'SetExchangeMode':
      return { title: 'Set the mode of the exchange', differences: differences({ mode: snapshot.risk?.value.mode }, { mode: change.mode }) };
    case 'EditExchange': {
      const { authority, guardian, changeDelay } = change;
      return { title: 'Edit the exchange', differences: differences({ ...snapshot.exchange }, { authority, guardian, changeDelay }) };
    }
    case 'ListAsset':
      return { title: `List ${shortAddress(change.mint)} as an asset`, differences: differences({}, { ...change.params, feed: feed(change.feed) }) };
    case 'CreateMarket':
      return { title: `Create a market in ${nameOf(change.terms.name)}`, differences: differences({}, { ...change.params, feed: feed(change.feed) }) };
    case 'ListFeed':
      return { title: `List the price feed ${nameOf(change.name)}`, differences: differences({}, feedParameters(change, risk)) };
    case 'EditFeed': {
      const current = change.feed < (risk?.feedCount ?? 0) ? risk?.feeds[change.feed] : undefined;
      const found = differences(current ? feedParameters(current, risk) : {}, feedParameters(change, risk));
      return { title: `Edit the price feed ${feed(change.feed)}`, differences: found };
    }
    case 'EditPortfolioModel':
      return { title: 'Edit the portfolio model', differences: differences({ ...snapshot.risk?.value.model.params }, { ...change.params }) };
    case 'EditUnderlying': {
      const underlying = snapshot.risk?.value.underlyings[change.number - 1];
      const isKnown = change.number <= (snapshot.risk?.value.underlyingCount ?? 0);
      const before = isKnown ? { ...underlying?.params, name: undefined } : {};
      const name = nameOf(change.params.name);
      return { title: `${isKnown ? 'Edit' : 'Add'} the underlying ${name}`, differences: differences(before, { ...change.params, name: undefined }) };
    }
    case 'AssignUnderlying': {
      const { isMarket, index, underlying, samples } = change;
      const entry = isMarket ? snapshot.risk?.value.markets[index] : snapshot.risk?.value.assets[index];
      return {
        title: `Let ${isMarket ? market(index) : asset(index)} follow ${underlying === 0 ? 'no underlying' : `underlying ${underlying}`}`,
        differences: differences({ underlying: entry?.underlying, samples: entry && entry.samples !== 0 }, { underlying, samples }),
      };
    }
  }
}

/** Limits and sources of a feed, a source in words and with all of its id: what looks alike in short need not be the same. */
function feedParameters({ sources, limits }: Pick<Feed, 'sources' | 'limits'>, risk: RiskState | undefined): Record<string, unknown> {
  const source = (of: Feed['sources']['primary']) => [sourceText(of, risk), sourceId(of)].filter(Boolean).join(' ');
  return { source: source(sources.primary), fallback: source(sources.fallback), ...limits };
}

function differences(from: Record<string, unknown>, to: Record<string, unknown>, path = ''): Difference[] {
  return Object.entries(to).flatMap(([key, value]): Difference[] => {
    const name = path ? `${path}.${key}` : key;
    const before = from[key];
    if (/reserved|padding/.test(key)) return [];
    if (typeof value === 'object' && value !== null) return differences({ ...(before as object | undefined) }, { ...value }, name);
    if (before === value) return [];
    return [{ name: parameterName(name), from: before === undefined ? undefined : parameterText(name, before), to: parameterText(name, value) }];
  });
}
