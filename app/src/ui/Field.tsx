// Form fields: a label, a control with its unit, a hint or an error below.
import { useId, type InputHTMLAttributes, type JSX, type ReactNode, type Ref, type SelectHTMLAttributes } from 'react';
import { cx } from './class.ts';
import styles from './Field.module.css';
import { Icon } from './icons.tsx';

/** Properties of {@link Input}. */
export interface InputProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange' | 'value'> {
  label: ReactNode;
  value: string;
  onChange: (value: string) => void;
  /** Unit or currency, shown inside the field at its end; may be a control. */
  unit?: ReactNode;
  /** What stands at the end of the label's line, such as a balance or a "max" button. */
  aside?: ReactNode;
  error?: string | undefined;
  hint?: ReactNode;
  /** Numbers: the decimal keypad on phones, figures at the end of the field. */
  numeric?: boolean;
  hideLabel?: boolean;
  ref?: Ref<HTMLInputElement>;
}

/** A text or number field. */
export function Input(props: InputProps): JSX.Element {
  const { label, value, onChange, unit, aside, error, hint, numeric, hideLabel, className, ref, ...rest } = props;
  const id = useId();
  const note = `${id}-note`;
  return (
    <div className={cx(styles.field, className)}>
      <div className={cx(styles.top, hideLabel && !aside && 'hidden')}>
        <label htmlFor={id} className={cx(styles.label, hideLabel && 'hidden')}>
          {label}
        </label>
        {aside}
      </div>
      <div className={cx(styles.box, error && styles.wrong, rest.disabled && styles.off)}>
        <input
          {...rest}
          ref={ref}
          id={id}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          inputMode={numeric ? 'decimal' : rest.inputMode}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={error ? true : undefined}
          aria-describedby={error || hint ? note : undefined}
          className={cx(styles.input, numeric && styles.numeric)}
        />
        {unit !== undefined && <span className={styles.unit}>{unit}</span>}
      </div>
      {(error || hint) && (
        <p id={note} className={cx(styles.note, error && styles.error)}>
          {error ?? hint}
        </p>
      )}
    </div>
  );
}

/** An option of a {@link Select}. */
export interface Option<T extends string> {
  value: T;
  label: string;
}

/** Properties of {@link Select}. */
export interface SelectProps<T extends string>
  extends Omit<SelectHTMLAttributes<HTMLSelectElement>, 'onChange' | 'value'> {
  label: ReactNode;
  value: T;
  onChange: (value: T) => void;
  options: readonly Option<T>[];
  hideLabel?: boolean;
  bare?: boolean;
}

/** A choice of a few; the platform's own control, so that keyboards and phones work as their owners expect. */
export function Select<T extends string>(props: SelectProps<T>): JSX.Element {
  const { label, value, onChange, options, hideLabel, bare, className, ...rest } = props;
  const id = useId();
  return (
    <div className={cx(styles.field, className)}>
      <label htmlFor={id} className={cx(styles.label, hideLabel && 'hidden')}>
        {label}
      </label>
      <div className={cx(styles.box, bare && styles.bare)}>
        <select
          {...rest}
          id={id}
          value={value}
          onChange={(event) => {
            const chosen = options.find((option) => option.value === event.target.value);
            if (chosen) onChange(chosen.value);
          }}
          className={styles.select}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
        <span className={styles.arrow}>
          <Icon name="down" size={12} />
        </span>
      </div>
    </div>
  );
}

/** Properties of {@link Check}. */
export interface CheckProps {
  label: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
  hint?: string;
}

/** A yes or no. */
export function Check({ label, checked, onChange, disabled, hint }: CheckProps): JSX.Element {
  return (
    <label className={cx(styles.check, disabled && styles.off)} title={hint}>
      <input type="checkbox" checked={checked} disabled={disabled} onChange={(event) => onChange(event.target.checked)} />
      <span>{label}</span>
    </label>
  );
}
