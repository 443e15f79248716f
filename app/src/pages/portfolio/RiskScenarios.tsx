// Losses of the account in the model's scenarios and on the named days, as bars.
import type { RiskModel } from '@plimsoll/client/risk';
import { useState, type JSX } from 'react';
import { change, usd, usdShort } from '../../format/number.ts';
import { CENT, dollars, scenarioText } from '../../model/report.ts';
import { cx } from '../../ui/index.ts';
import styles from './RiskPanel.module.css';

const WIDTH = 960;
const HEIGHT = 180;

/** What the account gains (up) and loses (down) in each scenario; the worst quarter makes the expected shortfall. */
export function Scenarios({ model }: { model: RiskModel }): JSX.Element {
  const worstFirst = model.scenarios.reduce((worst, one, i) => (one.loss > (model.scenarios[worst]?.loss ?? 0n) ? i : worst), 0);
  const [chosen, setChosen] = useState<number>();
  const shown = chosen ?? worstFirst;
  const gains = model.scenarios.map((one) => -dollars(one.loss));
  const shortfall = dollars(model.requirement.init.shortfall);
  const high = Math.max(0, ...gains);
  const low = Math.min(0, -shortfall, ...gains);
  const y = (value: number) => 2 + ((high - value) / Math.max(1, high - low)) * (HEIGHT - 4);
  const step = WIDTH / Math.max(1, gains.length);
  const one = model.scenarios[shown];
  return (
    <>
      <div className={styles.head}>
        <h2>Scenarios</h2>
        <span className="muted small">
          Expected shortfall <strong className="num">{usd(shortfall)}</strong>
        </span>
      </div>
      <div className={styles.plot} onMouseLeave={() => setChosen(undefined)}>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`Gain or loss in ${gains.length} scenarios; the worst loses ${usd(-Math.min(0, ...gains))}`}>
          {gains.map((gain, i) => (
            <g key={i} onMouseEnter={() => setChosen(i)} onClick={() => setChosen(i)}>
              <rect x={i * step} y={0} width={step} height={HEIGHT} className={cx(styles.hit, i === shown && styles.shown)} />
              <rect
                x={i * step + step * 0.18}
                width={step * 0.64}
                y={Math.min(y(0), y(gain))}
                height={Math.abs(y(gain) - y(0))}
                className={cx(styles.column, gain < 0 && styles.loss, model.scenarios[i]?.worst && styles.worst)}
              />
            </g>
          ))}
          <path d={`M0 ${y(0)}H${WIDTH}`} className={styles.zero} />
          {shortfall >= CENT && <path d={`M0 ${y(-shortfall)}H${WIDTH}`} className={styles.mean} />}
        </svg>
        <span className={styles.high}>{high >= CENT ? change(high, usdShort) : ''}</span>
        <span className={styles.low}>{low <= -CENT ? usdShort(low) : ''}</span>
      </div>
      {one && (
        <p className={styles.note}>
          <strong className="num">{change(-dollars(one.loss), usd)}</strong> if {scenarioText(one, model.factors)}
          {one.worst ? '; in the worst quarter.' : '.'}
        </p>
      )}
    </>
  );
}

/** What the named days would do to the account if they came again. */
export function CrashDays({ days }: { days: RiskModel['crashDays'] }): JSX.Element {
  const largest = days.reduce((most, day) => Math.max(most, Math.abs(dollars(day.loss))), 1);
  return (
    <>
      <div className={styles.head}>
        <h2>Named days, if they came again</h2>
      </div>
      <ol className={styles.days}>
        {days.map((day) => {
          const gain = -dollars(day.loss);
          return (
            <li key={day.date}>
              <span className={styles.name}>
                {day.date} <small>{day.name}</small>
              </span>
              <span className={styles.track}>
                <i className={cx(gain < 0 && styles.down)} style={{ width: `${(Math.abs(gain) / largest) * 100}%` }} />
              </span>
              <span className={cx('num', gain <= -CENT && 'sell')}>{change(gain, usd)}</span>
            </li>
          );
        })}
      </ol>
    </>
  );
}
