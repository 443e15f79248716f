//! The recorder: following, catching up and sampling side by side, until it is told to stop.
use std::time::Duration;

use anchor_lang::prelude::Pubkey;
use anyhow::{Context as _, Result};
use futures_util::FutureExt;
use plimsoll_client::ExchangeRef;
use tokio::{net::TcpListener, sync::Mutex, task::JoinHandle};

use super::{
    api::router,
    catch_up::CatchUp,
    clock::unix_now,
    config::{RecorderConfig, OFF},
    database::Database,
    live,
    membership::Membership,
    risk::risk_router,
    samples::{self, Sampler, Snapshot},
    source::Node,
};
use crate::{
    config::seconds,
    context::{Context, Reports},
    http,
    shutdown::Shutdown,
    supervise::{every, until_done},
};

/// How often old samples are deleted.
const FORGETTING: Duration = Duration::from_secs(3_600);
const DAY: i64 = 86_400;

/// What is recorded, and where from.
#[derive(Clone, Debug)]
pub struct Target {
    /// Address of the exchange.
    pub exchange: Pubkey,
    /// RPC address of a node.
    pub rpc: String,
    /// WebSocket address of the node; without it transactions are found in the node's list only, some seconds later.
    pub ws: Option<String>,
}

impl Target {
    /// What another bot works with.
    pub fn of(context: &Context) -> Self {
        Self {
            exchange: context.exchange.refs.address,
            rpc: context.connection.rpc().url(),
            ws: context.connection.ws_url().map(str::to_owned),
        }
    }
}

/// Records one exchange into one database.
pub struct Recorder {
    config: RecorderConfig,
    target: Target,
    database: Database,
}

impl Recorder {
    /// Opens the database; `None` when the history is off.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn open(config: RecorderConfig, target: Target) -> Result<Option<Self>> {
        if config.url == OFF {
            return Ok(None);
        }
        let database = Database::open(&config.url).await?;
        Ok(Some(Self {
            config,
            target,
            database,
        }))
    }

    /// The database, for [`super::router`].
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Records until it is told to stop. It may also be dropped at any point, or killed: whatever is half done then is
    /// done again at the next start.
    ///
    /// # Errors
    /// When the database holds the history of another exchange or chain.
    pub async fn run(&self, reports: &Reports, shutdown: &Shutdown) -> Result<()> {
        let node = Node::new(&self.target.rpc);
        let Some(genesis) = until_done("genesis", shutdown, || node.genesis()).await else {
            return Ok(());
        };
        let exchange = self.target.exchange;
        self.database.claim(&exchange.to_string(), &genesis).await?;
        let recording = Recording {
            config: &self.config,
            database: &self.database,
            exchange: ExchangeRef::at(exchange),
            membership: Membership::load(&self.database, exchange).await?,
            node,
        };
        tokio::join!(
            recording.follow(self.target.ws.as_deref(), shutdown),
            recording.catch_up(reports, shutdown),
            recording.sample(reports, shutdown),
            recording.forget(reports, shutdown),
        );
        Ok(())
    }
}

/// The recorder as a bot: records, and serves the history at an address of its own.
///
/// # Errors
/// When the history is off, or its database or address cannot be used.
pub async fn run(config: RecorderConfig, context: Context, shutdown: Shutdown) -> Result<()> {
    let api = config.api;
    let recorder = Recorder::open(config, Target::of(&context)).await?;
    let recorder = recorder.context("a recorder whose url is `off` has nothing to do")?;
    let listener = TcpListener::bind(api)
        .await
        .with_context(|| format!("{api} cannot be listened to: choose another with --api"))?;
    tracing::info!(%api, "serving the history");
    let routes = router(recorder.database()).merge(risk_router(&context.exchange.directory));
    let server = tokio::spawn(http::serve(listener, routes, shutdown.clone()));
    recorder.run(&context.reports, &shutdown).await?;
    server.await?
}

/// Records beside another bot. `None` when the history is off.
///
/// # Errors
/// When the database cannot be opened. What goes wrong later is logged, and leaves the other bot alone.
pub async fn spawn(
    config: RecorderConfig,
    target: Target,
    reports: Reports,
    shutdown: Shutdown,
) -> Result<Option<(Database, JoinHandle<()>)>> {
    let Some(recorder) = Recorder::open(config, target).await? else {
        return Ok(None);
    };
    let database = recorder.database();
    let task = tokio::spawn(async move {
        if let Err(error) = recorder.run(&reports, &shutdown).await {
            tracing::error!("there will be no history: {error:#}");
        }
    });
    Ok(Some((database, task)))
}

/// A recorder at work.
struct Recording<'a> {
    config: &'a RecorderConfig,
    database: &'a Database,
    exchange: ExchangeRef,
    membership: Membership,
    node: Node,
}

impl Recording<'_> {
    async fn follow(&self, ws: Option<&str>, shutdown: &Shutdown) {
        let Some(url) = ws else { return };
        tokio::select! {
            () = live::follow(url, self.database, &self.membership, &self.node).boxed() => {}
            () = shutdown.requested() => {}
        }
    }

    async fn catch_up(&self, reports: &Reports, shutdown: &Shutdown) {
        let catch_up = CatchUp::new(self.database, &self.membership, &self.node);
        let period = seconds(self.config.list_every);
        every("history_list", period, reports, shutdown, || async {
            // A back-fill can take hours, and can be left at any point.
            let events = tokio::select! {
                events = catch_up.run(unix_now()).boxed() => events?,
                () = shutdown.requested() => 0,
            };
            if events > 0 {
                tracing::info!(events, "recorded from the node's list");
            }
            Ok(())
        })
        .await;
    }

    async fn sample(&self, reports: &Reports, shutdown: &Shutdown) {
        let state = Mutex::new(Sampling::default());
        let period = seconds(self.config.sample_every);
        every("history_samples", period, reports, shutdown, || async {
            let slot = self.take_samples(&state).boxed().await?;
            reports.health.at_slot(slot);
            reports.metrics.slot.set(i64::try_from(slot)?);
            Ok(())
        })
        .await;
    }

    /// Writes what is new; returns the chain's slot.
    async fn take_samples(&self, sampling: &Mutex<Sampling>) -> Result<u64> {
        // Looks follow each other: the lock is free whenever one begins.
        let mut sampling = sampling.lock().await;
        let sampling = &mut *sampling;
        let (config, database) = (self.config, self.database);
        let snapshot = samples::snapshot(&self.node, &self.exchange, sampling.markets).await?;
        sampling.markets = snapshot.risk.market_count;
        let sampler = &mut sampling.sampler;
        sampler.prices(database, &snapshot.risk).await?;
        sampler
            .funding(database, &snapshot, config.funding_every as i64)
            .await?;
        let now = unix_now();
        if now >= sampling.healths_due {
            self.take_healths(sampler, &snapshot).await?;
            sampling.healths_due = now.saturating_add(config.health_every as i64);
        }
        Ok(snapshot.clock.slot)
    }

    async fn take_healths(&self, sampler: &mut Sampler, snapshot: &Snapshot) -> Result<()> {
        let accounts = self.node.margin_accounts(&self.exchange.address).await?;
        let percent = self.config.health_percent;
        let written = sampler
            .healths(self.database, snapshot, accounts, percent)
            .await?;
        tracing::debug!(written, "healths");
        Ok(())
    }

    async fn forget(&self, reports: &Reports, shutdown: &Shutdown) {
        let days = i64::from(self.config.keep_samples_days);
        if days == 0 {
            return;
        }
        every(
            "history_retention",
            FORGETTING,
            reports,
            shutdown,
            || async {
                let deleted = self
                    .database
                    .forget_samples(unix_now() - days * DAY)
                    .await?;
                tracing::info!(deleted, "deleted old samples");
                Ok(())
            },
        )
        .await;
    }
}

/// What the loop of samples remembers.
#[derive(Default)]
struct Sampling {
    sampler: Sampler,
    /// Markets there were at the last look.
    markets: u16,
    /// When healths are looked at next, Unix seconds.
    healths_due: i64,
}
