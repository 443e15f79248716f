// What an order would do: the gauge before and after, liquidation price, fees, and why it would be refused.
import type { JSX } from 'react';
import { describeCode } from '@plimsoll/client/errors';
import type { HealthView } from '../../data/health.ts';
import { fixed, NONE, percent, trimmed, usd } from '../../format/number.ts';
import { draught } from '../../model/load.ts';
import type { OrderDraft } from '../../model/order.ts';
import type { MarketView } from '../../model/views.ts';
import { LoadBar, Notice } from '../../ui/index.ts';
import styles from './OrderPreview.module.css';
import type { Liquidation, Preview } from './usePreview.ts';

/** Properties of {@link OrderPreview}. */
export interface OrderPreviewProps {
  preview: Preview | undefined;
  health: HealthView | undefined;
  market: MarketView;
  draft: OrderDraft;
}

/** The preview; before anything is typed, the account as it stands. */
export function OrderPreview({ preview, health, market, draft }: OrderPreviewProps): JSX.Element {
  const before = preview?.before ?? health?.lines;
  const refusal = preview?.raw.refusal;
  return (
    <div className={styles.preview} data-testid="preview">
      {before && (
        <div className={styles.load}>
          <span className={styles.label}>Load</span>
          <LoadBar lines={before} after={preview?.after} />
          <span className="num">
            {percent(draught(before).water, 0)}
            {preview?.after && <> → {percent(draught(preview.after).water, 0)}</>}
          </span>
        </div>
      )}
      <dl className={styles.rows}>
        <Row name="Liquidation price" value={liquidationText(preview, health, market)} />
        <Row name="Average price" value={preview?.average === undefined ? NONE : fixed(preview.average, market.priceDecimals)} />
        <Row name="Fee" value={preview ? usd(preview.fee) : NONE} note={preview?.fee !== undefined && preview.fee < 0 ? 'received' : undefined} />
        <Row name="Init after" value={preview?.after ? usd(preview.after.init) : NONE} />
      </dl>
      {preview && !refusal && <Outcome preview={preview} market={market} draft={draft} />}
      {refusal && <Refused code={refusal.code} message={refusal.message} />}
    </div>
  );
}

function Row({ name, value, note }: { name: string; value: string; note?: string | undefined }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="num">
        {value} {note && <span className="muted">{note}</span>}
      </dd>
    </div>
  );
}

function nearest({ below, above }: Liquidation, at: number, places: number): string {
  const candidates = [below, above].filter((price): price is number => price !== undefined);
  const [first] = candidates.sort((a, b) => Math.abs(a - at) - Math.abs(b - at));
  return first === undefined ? 'none' : fixed(first, places);
}

function liquidationText(preview: Preview | undefined, health: HealthView | undefined, market: MarketView): string {
  const known = health?.liquidation.find((one) => one.underlying.symbol === market.base);
  const now = preview?.liquidationBefore ?? known;
  if (!now) return NONE;
  const text = nearest(now, market.oracle, market.priceDecimals);
  return preview?.after ? `${text} → ${nearest(preview.liquidationAfter, market.oracle, market.priceDecimals)}` : text;
}

function Outcome({ preview, market, draft }: { preview: Preview; market: MarketView; draft: OrderDraft }): JSX.Element {
  const size = (value: number) => `${trimmed(value, market.sizeDecimals)} ${market.base}`;
  const parts = [
    preview.filled > 0 && `${size(preview.filled)} trades now`,
    preview.resting > 0 && `${size(preview.resting)} waits at ${fixed(preview.restingPrice, market.priceDecimals)}`,
    preview.dropped > 0 && `${size(preview.dropped)} is dropped`,
  ].filter(Boolean);
  const nothing = draft.reduceOnly ? 'There is nothing to reduce.' : 'Nothing would trade.';
  return <p className={styles.outcome}>{parts.length ? `${parts.join(', ')}.` : nothing}</p>;
}

/** A refusal in plain words, with what to do about it. */
export function Refused({ code, message }: { code: number; message: string }): JSX.Element {
  const words = describeCode(code);
  const isKnown = words.name !== null;
  return (
    <Notice tone="danger">
      {isKnown ? words.text : message} {isKnown && words.advice}
    </Notice>
  );
}
