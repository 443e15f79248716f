//! The history of an exchange: every event of its transactions, and samples of what no event tells, in SQLite or
//! PostgreSQL, served over HTTP.
//!
//! Nothing here is needed to trade. A history can be deleted and recorded again from any node that still has the
//! transactions; only the samples are lost then.
mod api;
mod candles;
mod catch_up;
mod clock;
mod database;
#[cfg(test)]
mod fixture;
mod live;
mod membership;
mod record;
mod samples;
mod source;

use std::time::Duration;

use anchor_lang::prelude::Pubkey;
use anyhow::Result;
use plimsoll_client::ExchangeRef;
use serde::{Deserialize, Serialize};
use tokio::time::{interval, MissedTickBehavior};

pub use api::router;
pub use database::{Database, Progress};

use catch_up::CatchUp;
use clock::unix_now;
use membership::Membership;
use samples::{Sampler, Snapshot};
use source::Node;

/// The URL that stands for no history at all.
pub const OFF: &str = "off";
/// How often old samples are deleted.
const FORGETTING: Duration = Duration::from_secs(3_600);
const DAY: i64 = 86_400;

/// How a history is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryConfig {
    /// `sqlite://FILE`, `postgres://…`, or `off`.
    pub url: String,
    /// Seconds between looks at the node's list of transactions, which find what the subscription missed.
    pub list_seconds: u64,
    /// Seconds between looks at prices and funding; each price is written once.
    pub price_seconds: u64,
    /// Seconds between looks at the healths of all margin accounts.
    pub health_seconds: u64,
    /// A health is written when the account changed, or when it moved by more than this percentage of its equity.
    pub health_percent: f64,
    /// Shortest time in seconds between two samples of a market's funding.
    pub funding_seconds: u64,
    /// Days after which samples (healths, prices, funding; never events) are deleted; 0 keeps them.
    pub keep_samples_days: u32,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            url: "sqlite://plimsoll-history.db".into(),
            list_seconds: 15,
            price_seconds: 1,
            health_seconds: 15,
            health_percent: 1.0,
            funding_seconds: 60,
            keep_samples_days: 0,
        }
    }
}

/// Records one exchange into one database.
pub struct Recorder {
    config: HistoryConfig,
    exchange: ExchangeRef,
    node: Node,
    /// Where the node can be subscribed to; without it transactions are only found in its list.
    ws: Option<String>,
    database: Database,
    membership: Membership,
}

impl Recorder {
    /// Opens the database and makes sure that it is this exchange's on this chain; `None` when the history is off.
    pub async fn open(
        config: HistoryConfig,
        exchange: Pubkey,
        rpc: &str,
        ws: Option<String>,
    ) -> Result<Option<Self>> {
        if config.url == OFF {
            return Ok(None);
        }
        let (node, database) = (Node::new(rpc), Database::open(&config.url).await?);
        let genesis = node.genesis().await?;
        database.claim(&exchange.to_string(), &genesis).await?;
        let membership = Membership::load(&database, exchange).await?;
        Ok(Some(Self {
            config,
            exchange: ExchangeRef::at(exchange),
            node,
            ws,
            database,
            membership,
        }))
    }

    /// The database, for [`router`].
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Records until it is dropped, which it may be at any point: whatever is half done is done again at the next start.
    pub async fn run(self) {
        tokio::join!(
            self.follow(),
            self.catch_up_always(),
            self.sample_always(),
            self.forget_always()
        );
    }

    async fn follow(&self) {
        if let Some(url) = &self.ws {
            live::follow(url, &self.database, &self.membership, &self.node).await;
        }
    }

    async fn catch_up_always(&self) {
        let mut ticks = every(self.config.list_seconds);
        let catch_up = CatchUp::new(&self.database, &self.membership, &self.node);
        loop {
            ticks.tick().await;
            match catch_up.run(unix_now()).await {
                Ok(0) => {}
                Ok(events) => tracing::info!(events, "recorded from the node's list"),
                Err(error) => tracing::warn!("the history is behind: {error:#}"),
            }
        }
    }

    async fn sample_always(&self) {
        let mut ticks = every(self.config.price_seconds);
        let mut sampler = Sampler::default();
        let (mut markets, mut next_healths) = (0, 0);
        loop {
            ticks.tick().await;
            let now = unix_now();
            let due = now >= next_healths;
            match self.sample(&mut sampler, markets, due).await {
                Ok(snapshot) => markets = snapshot.risk.market_count,
                Err(error) => tracing::warn!("no samples were taken: {error:#}"),
            }
            if due {
                next_healths = now.saturating_add_unsigned(self.config.health_seconds);
            }
        }
    }

    async fn sample(&self, sampler: &mut Sampler, markets: u16, healths: bool) -> Result<Snapshot> {
        let (config, database) = (&self.config, &self.database);
        let snapshot = samples::snapshot(&self.node, &self.exchange, markets).await?;
        sampler.prices(database, &snapshot.risk).await?;
        let period = i64::try_from(config.funding_seconds)?;
        sampler.funding(database, &snapshot, period).await?;
        if healths {
            let accounts = self.node.margin_accounts(&self.exchange.address).await?;
            sampler
                .healths(database, &snapshot, accounts, config.health_percent)
                .await?;
        }
        Ok(snapshot)
    }

    async fn forget_always(&self) {
        if self.config.keep_samples_days == 0 {
            return;
        }
        let mut ticks = every(FORGETTING.as_secs());
        loop {
            ticks.tick().await;
            let before = unix_now() - i64::from(self.config.keep_samples_days) * DAY;
            match self.database.forget_samples(before).await {
                Ok(deleted) => tracing::info!(deleted, "deleted old samples"),
                Err(error) => tracing::warn!("old samples stay for now: {error:#}"),
            }
        }
    }
}

/// Ticks at least so many seconds apart, at once for the first time.
fn every(seconds: u64) -> tokio::time::Interval {
    let mut ticks = interval(Duration::from_secs(seconds.max(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
