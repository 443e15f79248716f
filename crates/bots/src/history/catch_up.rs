//! Recording whatever happened since the last time, oldest first.
//!
//! The rule of the cursor: everything up to and including the transaction that it names is recorded. A node lists
//! newest first, so the list from its newest transaction down to the cursor is read in full before the oldest of it is
//! recorded, and the cursor follows behind what is recorded. A process killed at any point therefore leaves a prefix
//! and no hole; what it had recorded beyond the cursor is met again and left alone. Because nodes can enter the
//! transactions of a slot into their lists late, the cursor also stays [`OVERLAP`] slots behind the newest listed.
use std::collections::VecDeque;

use anyhow::{bail, Result};
use futures_util::{stream, StreamExt, TryStreamExt};

use super::{
    database::{Database, Progress},
    membership::Membership,
    record::{is_recorded, record},
    source::{Executed, Listed, Source},
};

/// Transactions per request for a list: the most that nodes return.
const PAGE: usize = 1_000;
/// Transactions of a list held at a time. A longer list is read again for its next part, which bounds memory.
const WINDOW: usize = 200_000;
/// Transactions requested at the same time.
const REQUESTS: usize = 8;
/// Slots that the cursor stays behind the newest listed transaction.
const OVERLAP: u64 = 64;
/// A listed transaction that the node still does not return after this many slots (about an hour) is recorded as a gap:
/// waiting longer would stop the record for good.
const GIVEN_UP: u64 = 9_000;

/// Records transactions of the program for one exchange.
pub struct CatchUp<'a, S> {
    pub database: &'a Database,
    pub membership: &'a Membership,
    pub source: &'a S,
    /// Longest list held at a time.
    pub window: usize,
}

impl<'a, S: Source> CatchUp<'a, S> {
    pub fn new(database: &'a Database, membership: &'a Membership, source: &'a S) -> Self {
        Self {
            database,
            membership,
            source,
            window: WINDOW,
        }
    }

    /// Records everything that the node lists beyond the cursor; returns the number of new events. `now` is Unix time.
    pub async fn run(&self, now: i64) -> Result<usize> {
        let mut events = 0;
        let mut progress = self.database.progress().await?;
        loop {
            let from = progress.signature.clone();
            let list = self.list(from.as_deref()).await?;
            events += self.record_all(&list, &mut progress).await?;
            if list.complete {
                progress.last_slot = progress.last_slot.max(i64::try_from(list.newest_slot)?);
                progress.checked_at = now;
                progress.backfilling = false;
                self.database.set_progress(&progress).await?;
                return Ok(events);
            }
            if progress.signature == from {
                bail!(
                    "{} transactions within {OVERLAP} slots are more than the recorder can hold",
                    self.window
                );
            }
        }
    }

    /// The oldest part of the node's list beyond the cursor.
    async fn list(&self, until: Option<&str>) -> Result<List> {
        let mut list = List {
            entries: VecDeque::new(),
            newest_slot: 0,
            complete: true,
        };
        let mut before: Option<String> = None;
        loop {
            let page = self.source.list(before.as_deref(), until, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(list);
            };
            before = Some(last.signature.clone());
            list.newest_slot = list.newest_slot.max(page[0].slot);
            for entry in page {
                list.entries.push_front(entry);
                if list.entries.len() > self.window {
                    list.entries.pop_back();
                    list.complete = false;
                }
            }
        }
    }

    /// Records a list, oldest first, and moves the cursor along.
    async fn record_all(&self, list: &List, progress: &mut Progress) -> Result<usize> {
        let mut events = 0;
        let mut time = 0;
        let entries: Vec<&Listed> = list.entries.iter().collect();
        for chunk in entries.chunks(PAGE) {
            let new = self.unrecorded(chunk).await?;
            if new.len() == PAGE && !progress.backfilling {
                progress.backfilling = true;
                self.database.set_progress(progress).await?;
            }
            let mut fetched = stream::iter(new)
                .map(|entry| self.fetch(entry, list.newest_slot))
                .buffered(REQUESTS);
            while let Some(mut executed) = fetched.try_next().await? {
                // A node that forgot the time of a block: the block before it is the nearest known.
                time = if executed.time > 0 {
                    executed.time
                } else {
                    time
                };
                executed.time = time;
                events += record(self.database, self.membership, self.source, &executed).await?;
            }
            self.advance(chunk, list.newest_slot, progress).await?;
        }
        Ok(events)
    }

    async fn unrecorded(&self, entries: &[&Listed]) -> Result<Vec<Listed>> {
        let mut new = Vec::new();
        for entry in entries {
            if !entry.failed && !is_recorded(self.database, &entry.signature).await? {
                new.push(Listed::clone(entry));
            }
        }
        Ok(new)
    }

    async fn fetch(&self, entry: Listed, newest_slot: u64) -> Result<Executed> {
        let found = self.source.transaction(&entry.signature).await?;
        if found.is_none() && newest_slot.saturating_sub(entry.slot) < GIVEN_UP {
            bail!(
                "the node lists transaction {} and does not return it yet",
                entry.signature
            );
        }
        Ok(Executed {
            signature: entry.signature,
            slot: entry.slot,
            // The list of a local chain makes its times up from the numbers of slots; both are the same elsewhere.
            time: found
                .as_ref()
                .and_then(|found| found.time)
                .or(entry.time)
                .unwrap_or(0),
            logs: found.map(|found| found.logs),
        })
    }

    /// Moves the cursor to the newest recorded entry that is old enough.
    async fn advance(&self, chunk: &[&Listed], newest: u64, progress: &mut Progress) -> Result<()> {
        let settled = |entry: &&&Listed| entry.slot.saturating_add(OVERLAP) <= newest;
        if let Some(entry) = chunk.iter().rev().find(settled) {
            progress.signature = Some(entry.signature.clone());
            progress.last_slot = progress.last_slot.max(i64::try_from(entry.slot)?);
            self.database.set_progress(progress).await?;
        }
        Ok(())
    }
}

/// Part of a node's list, oldest first.
struct List {
    entries: VecDeque<Listed>,
    newest_slot: u64,
    /// Whether it goes up to the newest.
    complete: bool,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use anchor_lang::prelude::Pubkey;
    use plimsoll::events::MarginAccountCreated;
    use sqlx::Row;

    use super::*;
    use crate::history::fixture::{self, exchange, fill, line, trader, Chain};

    async fn run(database: &Database, chain: &Chain) -> Result<usize> {
        let membership = Membership::load(database, exchange().address).await?;
        CatchUp::new(database, &membership, chain).run(9_999).await
    }

    /// Counts of rows, and a text of all events in their order.
    async fn contents(database: &Database) -> (Vec<i64>, String) {
        let mut counts = Vec::new();
        for table in ["transactions", "events", "fills", "touched", "members"] {
            let query = format!("SELECT COUNT(*) FROM {table}");
            let row = sqlx::query(&query)
                .fetch_one(database.pool())
                .await
                .unwrap();
            counts.push(row.get(0));
        }
        let rows = sqlx::query("SELECT signature, kind, data FROM events ORDER BY position")
            .fetch_all(database.pool())
            .await
            .unwrap();
        let text = rows.iter().map(|row| {
            let text = |column| row.get::<String, _>(column);
            format!("{} {} {}\n", text(0), text(1), text(2))
        });
        (counts, text.collect())
    }

    #[tokio::test]
    async fn records_everything_once_and_goes_on_from_there() {
        let (database, chain) = (fixture::database().await, Chain::default());
        chain.trade(20);
        assert_eq!(run(&database, &chain).await.unwrap(), 4 + 16);
        let first = contents(&database).await;
        assert_eq!(first.0, [18, 20, 16, 6 + 32, 2]);
        // Everything is within the overlap: it is listed again and not fetched again.
        let requests = chain.requests.load(Ordering::Relaxed);
        assert_eq!(run(&database, &chain).await.unwrap(), 0);
        assert_eq!(contents(&database).await, first);
        assert_eq!(chain.requests.load(Ordering::Relaxed), requests);

        chain.trade(200);
        assert_eq!(run(&database, &chain).await.unwrap(), 4 + 160);
        let progress = database.progress().await.unwrap();
        assert_eq!((progress.last_slot, progress.checked_at), (201, 9_999));
        assert!(!progress.backfilling);
        // 201 is the newest slot.
        let cursor = chain.transaction(&progress.signature.unwrap()).await;
        assert_eq!(cursor.unwrap().unwrap().slot, 201 - OVERLAP);
    }

    /// Fails at every request in turn, as a process does that is killed there, and starts over on the same database.
    #[tokio::test]
    async fn loses_and_doubles_nothing_wherever_it_is_stopped() {
        let (whole, chain) = (fixture::database().await, Chain::default());
        chain.trade(90);
        run(&whole, &chain).await.unwrap();
        let expected = contents(&whole).await;

        let database = fixture::database().await;
        let mut stops = 0;
        for stop in 1.. {
            chain.requests.store(0, Ordering::Relaxed);
            chain.fails_after.store(1 + stop % 4, Ordering::Relaxed);
            match run(&database, &chain).await {
                Ok(_) => break,
                Err(_) => stops += 1,
            }
            assert!(stops < 1_000, "no progress");
        }
        assert!(stops > 20, "only {stops} stops");
        assert_eq!(contents(&database).await, expected);
    }

    #[tokio::test]
    async fn reads_a_long_list_in_parts() {
        let (whole, parts, chain) = (
            fixture::database().await,
            fixture::database().await,
            Chain::default(),
        );
        chain.trade(400);
        run(&whole, &chain).await.unwrap();
        let membership = Membership::load(&parts, exchange().address).await.unwrap();
        let mut catch_up = CatchUp::new(&parts, &membership, &chain);
        catch_up.window = 90;
        catch_up.run(9_999).await.unwrap();
        assert_eq!(contents(&parts).await, contents(&whole).await);
        assert_eq!(
            parts.progress().await.unwrap(),
            whole.progress().await.unwrap()
        );
    }

    #[tokio::test]
    async fn leaves_other_exchanges_out() {
        let (database, chain) = (fixture::database().await, Chain::default());
        chain.trade(1);
        let ours = contents_after(&database, &chain).await;
        let (foreign, known) = (trader(8).0, trader(9).1);
        let created = MarginAccountCreated {
            margin_account: foreign,
            owner: trader(8).0,
            sub_account: 0,
        };
        chain.push(
            7,
            false,
            &[line(&created), line(&fill(foreign, foreign, 1))],
        );
        assert_eq!(contents_after(&database, &chain).await.0[1..], ours.0[1..]);
        // An account older than the node's list is looked up.
        let other = Pubkey::new_from_array([3; 32]);
        chain
            .accounts
            .lock()
            .unwrap()
            .extend([(known, exchange().address), (foreign, other)]);
        chain.push(
            8,
            false,
            &[
                line(&fill(foreign, foreign, 2)),
                line(&fill(known, known, 3)),
            ],
        );
        assert_eq!(
            contents_after(&database, &chain).await.0,
            [5, 6, 2, 6 + 2 + 1, 3]
        );
    }

    async fn contents_after(database: &Database, chain: &Chain) -> (Vec<i64>, String) {
        run(database, chain).await.unwrap();
        contents(database).await
    }
}
