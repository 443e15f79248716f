// A figure: tabular, with its sign's colour where the sign matters, greyed while it is not known.
import type { JSX } from 'react';
import { change, NONE, usd } from '../format/number.ts';
import { cx } from './class.ts';

/** Properties of {@link NumberText}. */
export interface NumberTextProps {
  value: number | undefined;
  /** How it is written; dollars unless told. */
  text?: (value: number) => string;
  /** Writes the sign and colours it: gains as buys, losses as sells. */
  signed?: boolean;
  className?: string;
}

/** A figure. */
export function NumberText({ value, text = usd, signed = false, className }: NumberTextProps): JSX.Element {
  if (value === undefined || !Number.isFinite(value)) return <span className={cx('num faint', className)}>{NONE}</span>;
  const written = signed ? change(value, text) : text(value);
  const coloured = signed && /[1-9]/.test(written);
  return <span className={cx('num', coloured && (value > 0 ? 'buy' : 'sell'), className)}>{written}</span>;
}
