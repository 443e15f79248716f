// The program's events in words, from the point of view of one account, and as a table file.
import type { EventItem, HistoryEvent } from '@plimsoll/client/history';
import { priceNumber } from '@plimsoll/client/units';
import { shortAddress } from '../format/address.ts';
import { fixed, trimmed, usd } from '../format/number.ts';
import type { AssetView, MarketView } from './views.ts';

type Fields = HistoryEvent['data'];
const number = (fields: Fields, name: string) => Number(fields[name] ?? 0);
const list = (fields: Fields, name: string): readonly EventItem[] => {
  const field = fields[name];
  return typeof field === 'object' && field !== null ? field : [];
};

/** An event in one line. */
export function describeEvent(event: HistoryEvent, account: string, assets: readonly AssetView[], markets: readonly MarketView[]): string {
  const { data } = event;
  const amount = (name: string, index = 'asset') => {
    const asset = assets.find((one) => one.index === number(data, index));
    return asset ? `${trimmed(number(data, name) / 10 ** asset.decimals, 6)} ${asset.symbol}` : String(data[name]);
  };
  const market = markets.find((one) => one.index === number(data, 'market'));
  const sizeOf = (lots: number) => (market ? `${trimmed(Math.abs(lots) * market.lotSize, market.sizeDecimals)} ${market.base}` : String(lots));
  const size = (name: string) => sizeOf(number(data, name));
  const priceOf = (lots: number) => (market ? fixed(priceNumber(1n, market.scale) * lots, market.priceDecimals) : String(lots));
  const price = (name: string) => (market ? fixed(priceNumber(BigInt(String(data[name] ?? 0)), market.scale), market.priceDecimals) : String(data[name]));
  const dollars = (name: string) => usd(number(data, name) / 1e6);
  switch (event.kind) {
    case 'MarginAccountCreated':
      return 'Account opened';
    case 'MarginAccountClosed':
      return 'Account closed';
    case 'Deposited':
      return `Deposited ${amount('amount')}`;
    case 'Withdrawn':
      return number(data, 'borrowed') > 0 ? `Withdrew ${amount('amount')}, of which ${amount('borrowed')} borrowed` : `Withdrew ${amount('amount')}`;
    case 'Transferred':
      return `Transferred ${amount('amount')} ${data['from'] === account ? 'out' : 'in'}`;
    case 'DelegateSet':
      return `Allowed ${shortAddress(String(data['delegate']))} to act for the account, losing at most ${dollars('lossPerDay')} a day`;
    case 'DelegateRevoked':
      return `Revoked the delegate ${shortAddress(String(data['delegate']))}`;
    case 'MarginModeSet':
      return number(data, 'mode') === 0 ? 'Switched to standard margin' : 'Switched to portfolio margin';
    case 'OrderPlaced': {
      const verb = number(data, 'side') === 0 ? 'Buy' : 'Sell';
      const filled = number(data, 'filledLots') > 0 ? `${size('filledLots')} traded for ${dollars('filledQuote')}, fee ${dollars('fee')}` : '';
      const resting = number(data, 'restingLots') > 0 ? `${size('restingLots')} resting at ${price('price')}` : '';
      return `${verb} order in ${market?.name ?? 'a market'}: ${[filled, resting].filter(Boolean).join(', ') || 'nothing traded'}`;
    }
    case 'OrdersCancelled': {
      const orders = list(data, 'orders');
      const lots = orders.reduce((sum, order) => sum + number(order, 'lots'), 0);
      return `Cancelled ${orders.length === 1 ? 'an order' : `${orders.length} orders`} of ${sizeOf(lots)}`;
    }
    case 'OrderFilled': {
      const isTaker = data['taker'] === account;
      const makerBuys = number(data, 'makerSide') === 0;
      const fills = list(data, 'fills').filter((fill) => isTaker || fill['maker'] === account);
      const lots = fills.reduce((sum, fill) => sum + number(fill, 'lots'), 0);
      const value = fills.reduce((sum, fill) => sum + number(fill, 'lots') * number(fill, 'price'), 0);
      const average = lots === 0 ? 0 : value / lots;
      return `${isTaker === makerBuys ? 'Sold' : 'Bought'} ${sizeOf(lots)} at ${priceOf(average)}${isTaker ? '' : ' from a resting order'}`;
    }
    case 'FillsSettled':
      return `${number(data, 'count')} fills settled`;
    case 'PnlSettled':
      return `Settled ${dollars('amount')} of profit and loss in ${market?.name ?? 'a market'}`;
    case 'LiquidationFlag':
      return data['flagged'] ? 'Flagged for liquidation: Maint was below zero' : 'Liquidation ended';
    case 'PositionLiquidated':
      return `${data['liquidator'] === account ? 'Took over' : 'Lost to a liquidator:'} ${size('lots')} worth ${dollars('notional')}, fee ${dollars('fee')}`;
    case 'CollateralLiquidated':
      return `${amount('seized', 'collateral')} seized for ${amount('repaid', 'debt')} of debt`;
    case 'DustForfeited':
      return `Dust of ${amount('amount')} forfeited to insurance`;
    case 'BankruptcyResolved':
      return `Bankruptcy resolved: ${dollars('loss')} of loss`;
    case 'BankRestocked':
      return `Sold what a bank lacked for ${dollars('paid')} of insurance`;
    case 'PositionsClosedOut':
      return `${data['long'] === account ? 'Long' : 'Short'} position closed out: ${size('lots')} for ${dollars('notional')}, the final price`;
    case 'DebtClosedOut':
      return data['debtor'] === account
        ? `Debt of ${amount('amount')} settled for ${dollars('paid')}, the final price`
        : `Deposit of ${amount('amount')} settled for ${dollars('received')}, the final price`;
    default:
      return event.kind;
  }
}

/** A cell of a table file: quoted when it must be, and never a formula for a spreadsheet to run. */
function cell(value: unknown): string {
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '');
  const harmless = /^[=+@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** Events as a table file: one line each, every field of any of them a column. */
export function eventsCsv(events: readonly HistoryEvent[]): string {
  const fields = [...new Set(events.flatMap((event) => Object.keys(event.data)))].sort();
  const lines = events.map((event) => [
    new Date(event.time * 1000).toISOString(),
    event.kind,
    event.signature,
    event.slot,
    ...fields.map((field) => event.data[field]),
  ]);
  return [['time', 'kind', 'signature', 'slot', ...fields], ...lines].map((line) => line.map(cell).join(',')).join('\n');
}
