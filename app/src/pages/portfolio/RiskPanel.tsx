// What portfolio margin sees in the account: what it requires and why, deltas, scenarios, and the model's view of tomorrow.
import type { RiskModel, RiskReport } from '@plimsoll/client/risk';
import { useState, type JSX } from 'react';
import { useReport } from '../../data/report.ts';
import { change, percent, usd } from '../../format/number.ts';
import { addOns, bindingText, CENT, chanceText, distanceText, dollars, measures, type Part } from '../../model/report.ts';
import type { AccountView } from '../../model/views.ts';
import { cx, SkeletonRows, Tabs, Tooltip } from '../../ui/index.ts';
import { RiskDeltas } from './RiskDeltas.tsx';
import styles from './RiskPanel.module.css';
import { CrashDays, Scenarios } from './RiskScenarios.tsx';

type Line = 'init' | 'maintenance';

const LINES = [
  { id: 'init', label: 'Init' },
  { id: 'maintenance', label: 'Maint' },
] as const;

/** The panel; the account is in portfolio margin. */
export function RiskPanel({ account }: { account: AccountView }): JSX.Element {
  const report = useReport(account.address);
  if (!report?.model) return <SkeletonRows rows={8} label="Loading the risk report" />;
  const { model } = report;
  return (
    <div className={styles.panel} data-testid="risk-panel">
      <Required model={model} />
      <div className={styles.block}>
        <RiskDeltas report={report} model={model} />
      </div>
      <div className={styles.block}>
        <Scenarios model={model} />
        <Tomorrow report={report} model={model} />
      </div>
      <div className={styles.block}>
        <CrashDays days={model.crashDays} />
      </div>
    </div>
  );
}

/** The parts of the requirement, and which of them decides. */
function Required({ model }: { model: RiskModel }): JSX.Element {
  const [line, setLine] = useState<Line>('init');
  const of = line === 'init' ? model.requirement.init : model.requirement.liquidationEnd;
  const at = line === 'init' ? model.lines.init : model.lines.maintenance;
  const ways = measures(of);
  const largest = Math.max(1, ...ways.map((way) => way.amount));
  const total = dollars(of.total);
  return (
    <div className={styles.block}>
      <div className={styles.head}>
        <h2>What portfolio margin requires</h2>
        <Tabs look="fill" label="Requirement of" tabs={LINES} value={line} onChange={setLine} className={styles.tabs} />
      </div>
      <p className={styles.note} data-testid="binding">
        {bindingText(of, model.crashDays)}
      </p>
      <ol className={styles.parts}>
        {ways.map((way) => (
          <Row key={way.name} part={{ ...way, decides: way.decides && way.amount >= CENT }} text={usd(way.amount)} share={way.amount / largest} />
        ))}
        {addOns(of).map((part) => (
          <Row key={part.name} part={{ ...part, name: `+ ${part.name}` }} text={usd(part.amount)} />
        ))}
        <Sum name="Largest of the three, with add-ons" amount={usd(total)} />
        {line === 'maintenance' && <Sum name={`Of that for Maint, ${percent(total ? dollars(at.requirement) / total : 0, 0)}`} amount={usd(dollars(at.requirement))} />}
        <Sum name="Value that counts" amount={usd(dollars(at.value))} />
        <Sum name={`${line === 'init' ? 'Init' : 'Maint'} health`} amount={usd(dollars(at.health))} strong bad={at.health < 0n} />
      </ol>
    </div>
  );
}

function Row({ part, text, share }: { part: Part; text: string; share?: number }): JSX.Element {
  return (
    <li className={cx(part.decides && styles.decides)}>
      <span className={styles.name}>
        <Tooltip text={part.hint}>{part.name}</Tooltip>
        {part.decides && <em>decides</em>}
      </span>
      <span className={styles.track}>{share !== undefined && <i style={{ width: `${share * 100}%` }} />}</span>
      <span className="num">{text}</span>
    </li>
  );
}

function Sum({ name, amount, strong, bad }: { name: string; amount: string; strong?: boolean; bad?: boolean }): JSX.Element {
  return (
    <li className={cx(styles.sum, strong && styles.strong)}>
      <span>{name}</span>
      <span className={cx('num', bad && 'danger')}>{amount}</span>
    </li>
  );
}

/** The chance of owing more than is owned after a day: the model's, and nobody's measurement. */
function Tomorrow({ report, model }: { report: RiskReport; model: RiskModel }): JSX.Element {
  const { insolvency } = model;
  const distance = distanceText(insolvency.distance);
  const uncovered = dollars(insolvency.uncovered);
  return (
    <div className={styles.tomorrow} data-testid="insolvency">
      <h3>Insolvent within a day, by the model</h3>
      <dl>
        <div>
          <dt>
            <Tooltip text={`Student’s distribution of ${insolvency.degrees} degrees, scaled to the same deviation: large moves are likelier than the normal one has them.`}>With fat tails</Tooltip>
          </dt>
          <dd className="num">{chanceText(insolvency.student)}</dd>
        </div>
        <div>
          <dt>
            <Tooltip text="The normal distribution makes too little of large moves.">Normal</Tooltip>
          </dt>
          <dd className="num">{chanceText(insolvency.normal)}</dd>
        </div>
        <div>
          <dt>Deviation of a day</dt>
          <dd className="num">{usd(dollars(insolvency.deviation))}</dd>
        </div>
        <div>
          <dt>Equity</dt>
          <dd className="num">
            {change(dollars(report.health.equity), usd)}
            {distance && <span className="muted"> · {distance}</span>}
          </dd>
        </div>
      </dl>
      <p className={styles.note}>
        A prediction from the volatilities of now, if nobody acted for a day; not a measurement, and no promise.
        {uncovered > 0 && ` ${usd(uncovered)} that the model does not cover is left out.`}
      </p>
    </div>
  );
}
