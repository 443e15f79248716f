//! The task that asks: which accounts there are, and what is in those that changed unheard, or may have.
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use anchor_lang::prelude::Pubkey;
use futures_util::future::join_all;
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{sleep, sleep_until},
};

use super::{
    held::{Ask, Shared},
    table::Source,
    Feed, StoreConfig,
};
use crate::{
    backoff::Backoff,
    rpc::{
        connection::{ReadError, READ_AT_ONCE},
        Connection,
    },
};

/// Calls at the same time.
const AT_ONCE: usize = 4;
/// How long to gather accounts to look at again before asking.
const GATHER: Duration = Duration::from_millis(20);
/// Most calls per second, on average, that reading everything again takes.
const CALLS_PER_SECOND: usize = 10;

/// See the module.
pub(super) struct Reader {
    pub shared: Arc<Shared>,
    pub connection: Connection,
    pub config: StoreConfig,
    pub asks: UnboundedReceiver<Ask>,
    /// Accounts that may have changed: first.
    urgent: BTreeSet<Pubkey>,
    /// The rest of a round over everything.
    round: VecDeque<Pubkey>,
    next_census: Instant,
    next_round: Instant,
}

impl Reader {
    pub(super) fn new(
        shared: Arc<Shared>,
        connection: Connection,
        config: StoreConfig,
        asks: UnboundedReceiver<Ask>,
    ) -> Self {
        Self {
            shared,
            connection,
            config,
            asks,
            urgent: BTreeSet::new(),
            round: VecDeque::new(),
            next_census: Instant::now(),
            next_round: Instant::now(),
        }
    }

    /// Reads until the task is aborted.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            match self.step().await {
                Ok(()) => {
                    backoff = Backoff::new();
                    self.shared.progress().read_error = None;
                }
                Err(error) => {
                    tracing::warn!(%error, "accounts cannot be read");
                    self.shared.progress().read_error = Some(error.to_string());
                    sleep(backoff.next_wait()).await;
                }
            }
        }
    }

    /// The most urgent thing there is to do, or a wait for the next.
    async fn step(&mut self) -> Result<(), ReadError> {
        self.note_asks();
        if self.next_census <= Instant::now() {
            return self.census().await;
        }
        if self.next_round <= Instant::now() && self.round.is_empty() {
            self.begin_round();
        }
        if self.urgent.is_empty() && self.round.is_empty() {
            self.shared
                .ready
                .send_if_modified(|ready| !std::mem::replace(ready, true));
            self.wait().await;
            return Ok(());
        }
        self.read_some().await
    }

    /// Takes in what was asked meanwhile, without waiting.
    fn note_asks(&mut self) {
        while let Ok(ask) = self.asks.try_recv() {
            self.note(ask);
        }
    }

    fn note(&mut self, ask: Ask) {
        match ask {
            Ask::Again(address) => {
                self.urgent.insert(address);
            }
            Ask::Everything => {
                self.round.clear();
                self.next_census = Instant::now();
                self.next_round = Instant::now();
            }
        }
    }

    /// Until something is asked or due.
    async fn wait(&mut self) {
        let due = self.next_census.min(self.next_round);
        tokio::select! {
            ask = self.asks.recv() => {
                if let Some(ask) = ask {
                    self.note(ask);
                    sleep(GATHER).await;
                }
            }
            () = sleep_until(due.into()) => {}
        }
    }

    /// Finds out which accounts there are: new ones are to be read, and those that are gone are to be looked at, which
    /// shows them closed. A subscription tells of neither a closed account nor one opened while it was down.
    async fn census(&mut self) -> Result<(), ReadError> {
        let mut found = BTreeSet::new();
        for filters in self.shared.filters() {
            found.extend(self.connection.census(filters).await?.1);
        }
        let held = self.shared.addresses();
        self.urgent.extend(held.symmetric_difference(&found));
        self.next_census = Instant::now() + self.config.census_every;
        Ok(())
    }

    /// Puts everything held on the list, not to be read faster than a node likes.
    fn begin_round(&mut self) {
        let all = self.shared.addresses();
        let every = match self.shared.progress().feed {
            Feed::Subscribed => self.config.audit_every,
            _ => self.config.poll_every,
        };
        let calls = all.len().div_ceil(READ_AT_ONCE);
        let pace = Duration::from_secs_f64(calls as f64 / CALLS_PER_SECOND as f64);
        self.next_round = Instant::now() + every.max(pace);
        self.round = all.into_iter().collect();
    }

    /// Reads a few hundred accounts, urgent ones first.
    async fn read_some(&mut self) -> Result<(), ReadError> {
        let mut batch = Vec::new();
        while batch.len() < AT_ONCE * READ_AT_ONCE {
            match self.urgent.pop_first().or_else(|| self.round.pop_front()) {
                Some(address) => batch.push(address),
                None => break,
            }
        }
        let asked = Instant::now();
        let calls = batch
            .chunks(READ_AT_ONCE)
            .map(|some| self.connection.read(some));
        let mut failure = None;
        for (answer, addresses) in join_all(calls)
            .await
            .into_iter()
            .zip(batch.chunks(READ_AT_ONCE))
        {
            match answer {
                Ok(found) => {
                    for keyed in found {
                        let data = keyed.account.as_deref();
                        self.shared
                            .take(keyed.address, keyed.slot, data, Source::Read(asked));
                    }
                }
                Err(error) => {
                    self.urgent.extend(addresses);
                    failure = Some(error);
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }
}
