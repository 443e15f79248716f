// Parameters of assets and markets as people read them, and what a proposed change would change.
import type { Proposal } from '@plimsoll/client/accounts';
import type { Change, PriceState } from '@plimsoll/client/generated';
import type { ExchangeState } from '../../data/types.ts';
import { percent, trimmed, usd } from '../../format/number.ts';
import { shortAddress } from '../../format/address.ts';
import { duration } from '../../format/time.ts';
import type { ChainClock } from '../../model/views.ts';

const RATIO_ONE = 2 ** 24;
/** One as a loading, or as a return of the portfolio model. */
const LOADING_ONE = 2 ** 20;
const U64_MAX = (1n << 64n) - 1n;

/** A ratio of the program as a part of one. */
export const ratio = (value: number): number => value / RATIO_ONE;

/** Native quote as dollars. */
export const dollars = (native: bigint): number => Number(native) / 1e6;

/** How a price feed stands. */
export interface OracleStatus {
  is: 'fresh' | 'stale' | 'wide' | 'broken';
  text: string;
  /** Seconds since it was published. */
  age: number;
  /** Confidence interval as a part of the price. */
  confidence: number;
}

/** Whether a price is fresh, certain and near its own average, as the program asks. */
export function oracleStatus(price: PriceState, limits: { maxAgeSecs: number; maxConfRatio: number }, now: ChainClock): OracleStatus {
  const age = Math.max(0, Number(now.unixTime - price.publishTime));
  const confidence = price.spot > 0n ? Number(price.conf) / Number(price.spot) : 0;
  const away = price.spot > price.average ? price.spot - price.average : price.average - price.spot;
  const status = (is: OracleStatus['is'], text: string) => ({ is, text, age, confidence });
  if (price.spot === 0n) return status('stale', 'No price yet');
  if (age > limits.maxAgeSecs) return status('stale', `Stale: more than ${duration(limits.maxAgeSecs)} old`);
  if (2n * away > price.average) return status('broken', 'More than half away from its own average');
  if (confidence > ratio(limits.maxConfRatio)) return status('wide', `Too uncertain: at most ${percent(ratio(limits.maxConfRatio))} is accepted`);
  return status('fresh', 'Fresh');
}

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
  if (typeof value !== 'number') return typeof value === 'string' ? shortAddress(value) : String(value);
  if (name === 'mode') return modeText(value);
  if (/secs$/i.test(name)) return duration(value);
  if (/slots$/i.test(name)) return `${value} slots`;
  if (/^loadings/.test(name)) return trimmed(value / LOADING_ONE, 3);
  if (/^crashReturns/.test(name)) return percent(value / LOADING_ONE, 1);
  if (/(multiple|deviations)/i.test(name)) return `${trimmed(ratio(value), 2)}×`;
  return /(ratio|weight|fee|rate|share|premium|funding|breakdown|floor|fraction|decay|PerHour|slippage|^util)/i.test(name) ? percent(ratio(value), 3).replace(/\.?0+%$/, '%') : value.toLocaleString('en-US');
}

/** A name of the program's interface in words: `maxAgeSecs` is "max age". */
export function parameterName(path: string): string {
  const words = path.replace(/(Usd|Secs|Slots)\b/g, '').replace(/([a-z])([A-Z0-9])/g, '$1 $2').replaceAll('.', ' · ').toLowerCase();
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
  switch (change.__kind) {
    case 'EditAsset':
      return { title: `Edit ${asset(change.asset)}`, differences: edits(change, bank(change.asset)) };
    case 'EditMarket':
      return { title: `Edit ${market(change.market)}`, differences: edits(change, stored(change.market)) };
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
      return { title: `List ${shortAddress(change.mint)} as an asset`, differences: differences({}, { ...change.params }) };
    case 'CreateMarket':
      return { title: `Create a market in ${nameOf(change.terms.name)}`, differences: differences({}, { ...change.params }) };
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

type Edit = Extract<Change, { __kind: 'EditAsset' | 'EditMarket' }>;

/** Which feed an entry listens to is told by its id; only whether it changes matters here. */
function edits(change: Edit, current: { params: object; oracles: object } | undefined): Difference[] {
  const found = differences({ ...current?.params }, { ...change.params });
  const changed = current !== undefined && text(current.oracles) !== text(change.oracles);
  return changed ? [...found, { name: 'Price feed', from: 'the present one', to: 'another one' }] : found;
}

const text = (value: unknown) => JSON.stringify(value, (_, item: unknown) => (item instanceof Uint8Array ? [...item] : typeof item === 'bigint' ? String(item) : item));

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

function nameOf(bytes: ArrayLike<number>): string {
  return new TextDecoder().decode(Uint8Array.from(bytes)).replace(/\0+$/, '');
}
