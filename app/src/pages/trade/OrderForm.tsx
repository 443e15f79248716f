// The order form: what to trade, and what it would do to the account, before anything is signed.
import { useMemo, useRef, useState, type JSX, type KeyboardEvent } from 'react';
import { useActions, useBusy } from '../../data/actions.ts';
import { useAccount, useBook, useExchange, useNow } from '../../data/exchange.tsx';
import { useHealth } from '../../data/health.ts';
import { useSettings } from '../../data/settings.ts';
import { fixed, trimmed, usd } from '../../format/number.ts';
import { draftedSize, KINDS, LIFETIMES, maxLeverage, rests, termsOf, type Drafted, type OrderDraft, type SizeMode } from '../../model/order.ts';
import type { MarketView } from '../../model/views.ts';
import { useShortcuts } from '../../shell/shortcuts.ts';
import { Button, Check, Dialog, Icon, Input, Select, Slider, Tabs } from '../../ui/index.ts';
import { useWallet } from '../../wallet/store.ts';
import styles from './OrderForm.module.css';
import { OrderPreview } from './OrderPreview.tsx';
import { StartTrading } from './StartTrading.tsx';
import { useLargest, usePreview } from './usePreview.ts';

const SIDES = [
  { id: 'buy', label: 'Buy / Long' },
  { id: 'sell', label: 'Sell / Short' },
] as const;

const MODES = [
  { id: 'amount', label: 'Amount' },
  { id: 'value', label: 'Value' },
  { id: 'leverage', label: 'Leverage' },
] as const;

const SELF_TRADE = [
  { value: 'cancelProvide', label: 'Cancel my resting order' },
  { value: 'decrementAndCancel', label: 'Reduce both' },
  { value: 'abortTransaction', label: 'Refuse the new order' },
] as const;

/** Properties of {@link OrderForm}. */
export interface OrderFormProps {
  market: MarketView;
  draft: OrderDraft;
  onChange: (change: Partial<OrderDraft>) => void;
}

/** The order form. */
export function OrderForm({ market, draft, onChange }: OrderFormProps): JSX.Element {
  const { state } = useExchange();
  const { connected } = useWallet();
  const account = useAccount();
  const health = useHealth(account?.address);
  const book = useBook(market, 1);
  const now = useNow();
  const { confirmOrders } = useSettings();
  const actions = useActions();
  const [busy, run] = useBusy();
  const [asking, setAsking] = useState(false);
  const size = useRef<HTMLInputElement>(null);
  const price = useRef<HTMLInputElement>(null);
  const best = (draft.side === 'buy' ? book?.asks : book?.bids)?.[0]?.price;
  const equity = health?.lines.equity ?? 0;
  const minute = Math.floor(now / 60) * 60;
  const drafted = useMemo(() => termsOf(draft, { market, best, equity, now: minute }), [draft, market, best, equity, minute]);
  const preview = usePreview(market, account, drafted.terms);
  const title = titleOf(draft, drafted, market);
  const refused = preview?.raw.refusal;

  const send = () =>
    run(async () => {
      setAsking(false);
      if (!actions || !account || !drafted.terms) return;
      const expiry = drafted.terms.expiry ? { expiry: now + Number(draft.lifetime) } : {};
      const landed = await actions.place(account.address, market.ref, { ...drafted.terms, ...expiry }, title);
      if (landed) onChange({ size: '', leverage: 0 });
    });
  const submit = () => {
    if (!drafted.terms || busy || refused) {
      (drafted.terms || drafted.field === 'size' ? size : price).current?.focus();
      return;
    }
    if (confirmOrders) setAsking(true);
    else void send();
  };
  useFormShortcuts(draft, onChange, () => size.current?.focus(), submit);

  if (!connected || (state?.accounts && !account)) return <StartTrading />;
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={clearOnEscape(onChange)}
    >
      <Tabs look="fill" label="Side" tabs={SIDES} value={draft.side} onChange={(side) => onChange({ side })} toneOf={(id) => id} />
      <Select label="Order type" value={draft.kind} options={KINDS} onChange={(kind) => onChange({ kind })} title={KINDS.find((kind) => kind.value === draft.kind)?.about} />
      {draft.kind !== 'market' && (
        <PriceField market={market} draft={draft} onChange={onChange} best={best} drafted={drafted} inputRef={price} />
      )}
      <SizeField market={market} draft={draft} onChange={onChange} drafted={drafted} inputRef={size} equity={equity} best={best} now={minute} />
      <div className={styles.options}>
        <Check label="Reduce only" checked={draft.reduceOnly} onChange={(reduceOnly) => onChange({ reduceOnly })} hint="May only shrink the position" />
        <Advanced draft={draft} onChange={onChange} />
      </div>
      <OrderPreview preview={preview} health={health} market={market} draft={draft} />
      <Button
        type="submit"
        kind={draft.side}
        size="large"
        wide
        busy={busy}
        disabled={!drafted.terms || Boolean(refused) || !actions}
        data-testid="place-order"
      >
        {title}
      </Button>
      <Dialog
        title="Send this order?"
        open={asking}
        onClose={() => setAsking(false)}
        footer={
          <>
            <Button onClick={() => setAsking(false)}>Back</Button>
            <Button kind={draft.side} onClick={() => void send()} autoFocus>
              {title}
            </Button>
          </>
        }
      >
        <OrderPreview preview={preview} health={health} market={market} draft={draft} />
      </Dialog>
    </form>
  );
}

function titleOf(draft: OrderDraft, drafted: Drafted, market: MarketView): string {
  const verb = draft.side === 'buy' ? 'Buy' : 'Sell';
  if (!drafted.terms) return `${verb} ${market.base}`;
  const at = draft.kind === 'market' ? 'at market' : `at ${fixed(drafted.price, market.priceDecimals)}`;
  return `${verb} ${trimmed(drafted.size, market.sizeDecimals)} ${market.base} ${at}`;
}

function clearOnEscape(onChange: OrderFormProps['onChange']) {
  return (event: KeyboardEvent) => {
    if (event.key === 'Escape') onChange({ size: '', leverage: 0 });
  };
}

interface FieldProps extends OrderFormProps {
  drafted: Drafted;
  best: number | undefined;
  inputRef: React.Ref<HTMLInputElement>;
}

function PriceField({ market, draft, onChange, best, drafted, inputRef }: FieldProps): JSX.Element {
  const set = (value: number) => onChange({ price: value.toFixed(market.priceDecimals) });
  return (
    <Input
      ref={inputRef}
      label="Price"
      numeric
      unit="USD"
      value={draft.price}
      placeholder={fixed(market.mark, market.priceDecimals)}
      onChange={(price) => onChange({ price })}
      error={!drafted.terms && drafted.field === 'price' ? drafted.problem : undefined}
      data-testid="order-price"
      aside={
        <span className={styles.quick}>
          <button type="button" onClick={() => set(market.mark)}>
            Mark
          </button>
          {best !== undefined && (
            <button type="button" onClick={() => set(best)}>
              {draft.side === 'buy' ? 'Ask' : 'Bid'}
            </button>
          )}
        </span>
      }
    />
  );
}

function SizeField(props: FieldProps & { equity: number; now: number }): JSX.Element {
  const { market, draft, onChange, drafted, inputRef, equity, best, now } = props;
  const account = useAccount();
  const context = { market, best, equity, now };
  const sized = draftedSize(draft, context);
  const probe = termsOf({ ...draft, mode: 'amount', size: String(market.minSize || market.lotSize), price: draft.price || String(market.mark) }, context);
  const largest = useLargest(market, account, probe.terms);
  const top = maxLeverage(market);
  const mode = (next: SizeMode) => onChange({ mode: next, size: '', leverage: 0 });
  const aside = largest !== undefined && (
    <span className={styles.quick}>
      <button type="button" onClick={() => onChange({ mode: 'amount', size: largest.toFixed(market.sizeDecimals) })} title="The largest size that Init health allows">
        max {trimmed(largest, market.sizeDecimals)}
      </button>
    </span>
  );
  return (
    <div className={styles.size}>
      <Tabs look="fill" label="Size by" tabs={MODES} value={draft.mode} onChange={mode} />
      {draft.mode === 'leverage' ? (
        <>
          <Slider
            label="Order by equity"
            value={draft.leverage}
            min={0}
            max={top}
            step={0.1}
            text={`${trimmed(draft.leverage, 1)}×`}
            marks={[0, 0.25, 0.5, 0.75, 1].map((part) => ({ at: part * top, label: `${trimmed(part * top, 1)}×` }))}
            onChange={(leverage) => onChange({ leverage })}
          />
          <p className={styles.result}>
            {trimmed(sized ?? 0, market.sizeDecimals)} {market.base} {aside}
          </p>
        </>
      ) : (
        <Input
          ref={inputRef}
          label={draft.mode === 'amount' ? 'Size' : 'Value'}
          numeric
          value={draft.size}
          placeholder="0"
          unit={draft.mode === 'amount' ? market.base : 'USD'}
          onChange={(size) => onChange({ size })}
          error={!drafted.terms && drafted.field === 'size' ? drafted.problem : undefined}
          aside={aside || undefined}
          data-testid="order-size"
          hint={otherUnit(draft, sized, market, best)}
        />
      )}
    </div>
  );
}

function otherUnit(draft: OrderDraft, sized: number | undefined, market: MarketView, best: number | undefined): string | undefined {
  if (!sized) return undefined;
  if (draft.mode === 'value') return `≈ ${trimmed(sized, market.sizeDecimals)} ${market.base}`;
  const price = draft.kind === 'market' ? (best ?? market.mark) : Number(draft.price) || market.mark;
  return `≈ ${usd(sized * price)}`;
}

function Advanced({ draft, onChange }: Pick<OrderFormProps, 'draft' | 'onChange'>): JSX.Element {
  const changed = draft.lifetime !== '0' || draft.selfTrade !== 'cancelProvide';
  return (
    <details className={styles.advanced}>
      <summary>
        Advanced{changed && <i aria-label="changed" />} <Icon name="down" size={12} />
      </summary>
      <div>
        <Select label="Expires" value={draft.lifetime} options={LIFETIMES} disabled={!rests(draft.kind)} onChange={(lifetime) => onChange({ lifetime })} />
        <Select label="Meeting my own order" value={draft.selfTrade} options={SELF_TRADE} onChange={(selfTrade) => onChange({ selfTrade })} />
      </div>
    </details>
  );
}

function useFormShortcuts(draft: OrderDraft, onChange: OrderFormProps['onChange'], focus: () => void, submit: () => void): void {
  const kind = (value: OrderDraft['kind']) => () => onChange({ kind: value });
  useShortcuts(
    [
      { keys: 'b', label: 'Buy', run: () => (onChange({ side: 'buy' }), focus()) },
      { keys: 's', label: 'Sell', run: () => (onChange({ side: 'sell' }), focus()) },
      { keys: '/', label: 'Type a size', run: focus },
      { keys: 'l', label: 'Limit order', run: kind('limit') },
      { keys: 'm', label: 'Market order', run: kind('market') },
      { keys: 'r', label: 'Reduce only, or not', run: () => onChange({ reduceOnly: !draft.reduceOnly }) },
      { keys: 'Enter', label: 'Send the order', run: submit },
      { keys: 'Escape', label: 'Leave a field; clear the size', run: () => onChange({ size: '', leverage: 0 }) },
    ],
    'Order form',
  );
}
