// Sliders on the platform's own range control, with marks to jump to.
import { useId, type CSSProperties, type JSX, type ReactNode } from 'react';
import styles from './Slider.module.css';

/** Properties of {@link Slider}. */
export interface SliderProps {
  label: ReactNode;
  value: number;
  min: number;
  max: number;
  step: number;
  onChange: (value: number) => void;
  /** The value in words, beside the label and for screen readers. */
  text: string;
  marks?: readonly { at: number; label: string }[];
  disabled?: boolean;
  /** Where the filled part begins; the left end unless told. */
  origin?: number;
}

/** A slider. */
export function Slider(props: SliderProps): JSX.Element {
  const { label, value, min, max, step, onChange, text, marks, disabled, origin = min } = props;
  const id = useId();
  const place = (at: number) => ((Math.min(Math.max(at, min), max) - min) / (max - min || 1)) * 100;
  const [from, to] = [place(origin), place(value)].sort((a, b) => a - b) as [number, number];
  return (
    <div className={styles.slider}>
      <div className={styles.top}>
        <label htmlFor={id}>{label}</label>
        <output htmlFor={id} className="num">
          {text}
        </output>
      </div>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        disabled={disabled}
        aria-valuetext={text}
        style={{ '--from': `${from}%`, '--to': `${to}%` } as CSSProperties}
        onChange={(event) => onChange(Number(event.target.value))}
      />
      {marks && (
        <div className={styles.marks}>
          {marks.map((mark) => (
            <button
              key={mark.at}
              type="button"
              tabIndex={-1}
              disabled={disabled}
              style={{ left: `${place(mark.at)}%` }}
              onClick={() => onChange(mark.at)}
            >
              {mark.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
