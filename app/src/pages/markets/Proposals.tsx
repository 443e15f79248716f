// Changes that operators have proposed and that wait out their delay, with what they would change.
import type { JSX } from 'react';
import type { ExchangeState } from '../../data/types.ts';
import { shortAddress } from '../../format/address.ts';
import { duration, stamp } from '../../format/time.ts';
import { EmptyState } from '../../ui/index.ts';
import styles from './MarketsPage.module.css';
import { describeProposal } from './parameters.ts';

/** Seconds after which a change that nobody executed lapses. */
const LIFETIME = 14 * 24 * 3600;

/** The proposals, the next one due first. */
export function Proposals({ state }: { state: ExchangeState }): JSX.Element {
  const { proposals, clock, exchange } = state.snapshot;
  const now = Number(clock.unixTime);
  if (!proposals.length) {
    const delay = exchange?.changeDelay;
    const wait = delay === undefined ? '' : delay === 0n ? ' This exchange has no delay: its operators can loosen limits at once.' : ` Here they wait ${duration(Number(delay))}.`;
    return (
      <EmptyState title="No change is pending">
        Listings, changes of price feeds and everything that loosens a limit are announced here before they take effect.{wait}
      </EmptyState>
    );
  }
  const due = [...proposals].sort((a, b) => Number(a.readyAt - b.readyAt));
  return (
    <ol className={styles.proposals}>
      {due.map((proposal) => {
        const { title, differences } = describeProposal(proposal, state);
        const readyAt = Number(proposal.readyAt);
        return (
          <li key={String(proposal.nonce)}>
            <header>
              <h3>{title}</h3>
              <Countdown readyAt={readyAt} now={now} />
            </header>
            <p className="muted small">
              Proposal {String(proposal.nonce)} by <span title={proposal.proposer}>{shortAddress(proposal.proposer)}</span>, due {stamp(readyAt)}. The guardian can cancel it until it is executed.
            </p>
            <dl className={styles.differences}>
              {differences.map(({ name, from, to }) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd className="num">
                    {from !== undefined && <del>{from}</del>} <ins>{to}</ins>
                  </dd>
                </div>
              ))}
              {differences.length === 0 && <p className="muted">It would change nothing that is not so already.</p>}
            </dl>
          </li>
        );
      })}
    </ol>
  );
}

function Countdown({ readyAt, now }: { readyAt: number; now: number }): JSX.Element {
  if (now < readyAt) return <strong className="num warn">in {precise(readyAt - now)}</strong>;
  if (now > readyAt + LIFETIME) return <strong className="faint">lapsed</strong>;
  return <strong className="num danger">can be executed, lapses in {duration(readyAt + LIFETIME - now)}</strong>;
}

/** Two units, so that a countdown is seen to move. */
function precise(seconds: number): string {
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days > 0) return `${days}d ${hours}h`;
  return hours > 0 ? `${hours}h ${minutes}m` : `${minutes}m ${Math.floor(seconds % 60)}s`;
}
