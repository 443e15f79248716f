// Price feeds: where each price comes from, how old it is, whether it is silent or doubted, and who follows it.
import { PURPOSES } from '@plimsoll/client/feeds';
import { useState, type JSX } from 'react';
import type { ExchangeState } from '../../data/types.ts';
import { fixed, percent, pricePlaces } from '../../format/number.ts';
import { duration } from '../../format/time.ts';
import { feedViews, type FeedView } from '../../model/feeds.ts';
import { EmptyState, Table, Tooltip, type Column } from '../../ui/index.ts';
import styles from './MarketsPage.module.css';
import { Facts, FeedAge, FeedFacts } from './parts.tsx';

/** The feeds; a click shows all about one. */
export function FeedList({ state }: { state: ExchangeState }): JSX.Element {
  const [chosen, setChosen] = useState(0);
  const { risk, clock } = state.snapshot;
  const feeds = risk ? feedViews(risk.value, clock) : [];
  const feed = feeds.find((one) => one.index === chosen) ?? feeds[0];
  return (
    <>
      <Table label="Price feeds" columns={columns(state, feeds)} rows={feeds} keyOf={(row) => String(row.index)} onRow={(row) => setChosen(row.index)} isChosen={(row) => row.index === feed?.index} empty={<EmptyState title="No price feeds">The exchange lists none yet.</EmptyState>} />
      {feed && (
        <section className={styles.detail} aria-label={feed.name}>
          <h2>{feed.name}</h2>
          <div className={styles.columns}>
            <FeedFacts feed={feed} title="Price and doubt" />
            <Facts
              title="Followed by"
              facts={[
                ['Assets', feed.assets.map((index) => assetName(state, index)).join(', ') || 'none'],
                ['Markets', feed.markets.map((index) => marketName(state, index)).join(', ') || 'none'],
                ['Feeds made of it', feed.derived.map((index) => feeds[index]?.name ?? `feed ${index}`).join(', ') || 'none', 'Rates times this price, or capped by it.'],
              ]}
            />
          </div>
        </section>
      )}
    </>
  );
}

const assetName = (state: ExchangeState, index: number) => state.assets.find((one) => one.index === index)?.symbol ?? `asset ${index}`;
const marketName = (state: ExchangeState, index: number) => state.markets.find((one) => one.index === index)?.name ?? `market ${index}`;

function columns(state: ExchangeState, feeds: readonly FeedView[]): Column<FeedView>[] {
  const followers = ({ assets, markets, derived }: FeedView) => [
    ...assets.map((index) => assetName(state, index)),
    ...markets.map((index) => marketName(state, index)),
    ...derived.map((index) => feeds[index]?.name ?? `feed ${index}`),
  ];
  return [
    { id: 'name', head: 'Feed', sort: (row) => row.name, cell: (row) => <strong>{row.name}</strong> },
    { id: 'price', head: 'Price', align: 'end', sort: (row) => row.price, cell: (row) => <span className="num">{row.is === 'unpriced' ? '–' : fixed(row.price, pricePlaces(row.price))}</span> },
    { id: 'age', head: 'Age', sort: (row) => row.age, cell: (row) => <FeedAge feed={row} /> },
    {
      id: 'limits',
      head: <Tooltip side="bottom" text="The oldest price that serves trades, payments (withdrawals, borrows, profits) and seizures.">Oldest</Tooltip>,
      wide: true,
      cell: (row) => <span className="num">{PURPOSES.map((purpose) => duration(row.limits[purpose])).join(' / ')}</span>,
    },
    { id: 'standing', head: 'Standing', sort: (row) => row.is, cell: (row) => <Standing feed={row} /> },
    { id: 'source', head: 'Source', wide: true, cell: (row) => <span className="muted">{row.source}</span> },
    { id: 'follows', head: 'Followed by', wide: true, cell: (row) => <span className="muted">{followers(row).join(', ') || 'nothing'}</span> },
  ];
}

const WORDS: Record<FeedView['is'], string> = { fresh: 'Fresh', final: 'Final price', unpriced: 'No price yet', silent: 'Silent', refused: 'Newer price refused', fallback: 'Fallback', broken: 'Jumped, not confirmed' };

/** How a feed stands; for one in doubt, for how long and how far doubt has decayed. */
function Standing({ feed }: { feed: FeedView }): JSX.Element {
  if (feed.is === 'fresh') return <span className="muted">{WORDS.fresh}</span>;
  const { seconds, lasts } = feed.doubt;
  const decayed = `Doubted for ${duration(seconds)} of ${duration(lasts)} (${percent(Math.min(1, seconds / lasts), 0)}), after which nothing is left of its benefit.`;
  return (
    <Tooltip side="bottom" text={`${feed.text}. ${feed.is === 'unpriced' || feed.is === 'final' ? '' : decayed}`}>
      <span className={['silent', 'fallback', 'final'].includes(feed.is) ? 'warn' : 'danger'}>{WORDS[feed.is]}</span>
    </Tooltip>
  );
}
