//! What every bot is given: the node, the exchange, a sender, and where it reports.
use std::{ops::Deref, sync::Arc, time::Duration};

use anyhow::{Context as _, Error, Result};
use plimsoll::state::RiskState;
use plimsoll_client::{
    directory::{Directory, DirectoryError},
    rpc::{Connection, Exchange, LoadError, PriorityFee, SendPolicy, Sender},
};
use solana_keypair::Keypair;

use crate::{
    config::{masked, Common},
    health::Health,
    metrics::Metrics,
    shutdown::Shutdown,
    signed::{Access, Signed},
    supervise::until_done,
};

/// How often the chain is looked at, for `/health`.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Below this many lamports, some hundred transactions, a payer is said to run out.
const LOW_LAMPORTS: u64 = 1_000_000;

/// What a bot works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The node.
    pub connection: Connection,
    /// What is listed, as of the start.
    pub exchange: Arc<Exchange>,
    /// Sends what the keypair pays for; a bot that only reads has none.
    pub sender: Option<Sender>,
    /// Signs for margin accounts, besides paying; a bot that only reads has none.
    pub keypair: Option<Arc<Keypair>>,
    /// Where signed prices come from.
    pub signed: Signed,
    /// Address of the history service.
    pub history: Option<String>,
    /// Where it reports. A context stands for its reports, as in `context.metrics`.
    pub reports: Reports,
}

/// Where a bot reports. Cheap to clone.
#[derive(Clone)]
pub struct Reports {
    /// Counts and measures.
    pub metrics: Metrics,
    /// What `/health` answers.
    pub health: Health,
}

impl Reports {
    /// Empty ones.
    ///
    /// # Errors
    /// When the metrics cannot be made.
    pub fn new() -> Result<Self> {
        Ok(Self {
            metrics: Metrics::new()?,
            health: Health::default(),
        })
    }
}

impl Deref for Context {
    type Target = Reports;

    fn deref(&self) -> &Reports {
        &self.reports
    }
}

impl Context {
    /// Puts a context together for a bot in this process, without signed prices. Every bot has its own metrics and health.
    ///
    /// # Errors
    /// When its metrics cannot be made.
    pub fn new(
        connection: Connection,
        exchange: Arc<Exchange>,
        keypair: Option<Arc<Keypair>>,
        policy: SendPolicy,
    ) -> Result<Self> {
        let payer = keypair.clone();
        Ok(Self {
            sender: payer.map(|payer| Sender::new(connection.clone(), payer, policy)),
            history: exchange.directory.endpoints.history.clone(),
            signed: Signed::default(),
            connection,
            exchange,
            keypair,
            reports: Reports::new()?,
        })
    }

    /// Reads directory and exchange, again and again until the node answers; `None` when the end was asked for before.
    ///
    /// # Errors
    /// When what they say is wrong, which trying again does not change.
    pub async fn connect(
        common: &Common,
        keypair: Option<Arc<Keypair>>,
        reports: Reports,
        shutdown: &Shutdown,
    ) -> Result<Option<Self>> {
        let attempt = || async {
            let outcome = load(common).await;
            if let Err(Failure::Passing(error)) = &outcome {
                reports.health.disconnected(format!("{error:#}"));
            }
            match outcome {
                Ok(found) => Ok(Ok(found)),
                Err(Failure::Passing(error)) => Err(error),
                Err(Failure::Lasting(error)) => Ok(Err(error)),
            }
        };
        let Some(found) = until_done("connect", shutdown, attempt).await else {
            return Ok(None);
        };
        let (connection, exchange) = found?;
        let mut context = Self::new(connection, Arc::new(exchange), keypair, policy(common))?;
        context.reports = reports.clone();
        context.history = common.history.clone().or(context.history);
        Ok(Some(context))
    }

    /// The same with signed prices, from the servers that the options or the directory name; without, where neither does.
    ///
    /// # Errors
    /// When the token cannot be read, or the addresses make no sense.
    pub async fn with_signed(mut self, common: &Common, shutdown: &Shutdown) -> Result<Self> {
        let access = Access::of(common, &self.exchange.directory)?;
        let risk = until_done("read the feeds", shutdown, || self.risk()).await;
        if let Some(risk) = risk {
            self.signed = Signed::connect(access, &risk)?;
        }
        Ok(self)
    }

    async fn risk(&self) -> Result<Box<RiskState>> {
        let address = self.exchange.refs.risk_state;
        Ok(self.connection.fetch::<RiskState>(&address).await?)
    }

    /// The sender of a bot that cannot do without.
    ///
    /// # Errors
    /// When no keypair was named.
    pub fn require_sender(&self) -> Result<&Sender> {
        let sender = self.sender.as_ref();
        sender.context("this bot sends transactions: name its keypair file with --keypair")
    }

    /// The keypair of a bot that signs for a margin account.
    ///
    /// # Errors
    /// When none was named.
    pub fn require_keypair(&self) -> Result<Arc<Keypair>> {
        let keypair = self.keypair.clone();
        keypair.context("this bot signs transactions: name its keypair file with --keypair")
    }

    /// Looks at the chain, and at what is left to pay fees from, until the end is asked for, and notes in `health` and
    /// `metrics` what it sees.
    pub async fn watch(self, shutdown: Shutdown) {
        let mut poor = false;
        loop {
            self.look_at_funds(&mut poor).await;
            match self.connection.clock().await {
                Ok(clock) => {
                    self.health.at_slot(clock.slot);
                    let slot = i64::try_from(clock.slot).unwrap_or(i64::MAX);
                    self.metrics.slot.set(slot);
                }
                Err(error) => self.health.disconnected(error),
            }
            if shutdown.sleep(LOOK_EVERY).await {
                return;
            }
        }
    }

    /// Says once when the payer runs out of lamports; an outage leaves it at what was known.
    async fn look_at_funds(&self, poor: &mut bool) {
        let Some(sender) = &self.sender else { return };
        let payer = sender.payer();
        let Ok(lamports) = self.connection.rpc().get_balance(&payer).await else {
            return;
        };
        let left = i64::try_from(lamports).unwrap_or(i64::MAX);
        self.metrics.payer_lamports.set(left);
        let is_poor = lamports < LOW_LAMPORTS;
        if is_poor && !*poor {
            tracing::warn!(%payer, lamports, "nearly nothing is left to pay fees from");
        }
        *poor = is_poor;
        self.health.short_of_funds(
            is_poor.then(|| format!("{payer} has {lamports} lamports left to pay fees from")),
        );
    }
}

/// Why there is no exchange to work for.
enum Failure {
    /// The node or the directory's host does not answer (yet).
    Passing(Error),
    /// What they answer is wrong.
    Lasting(Error),
}

async fn load(common: &Common) -> Result<(Connection, Exchange), Failure> {
    let directory = Directory::load(&common.directory).await.map_err(|error| {
        let passes = matches!(error, DirectoryError::Unreadable { .. });
        let from = masked(&common.directory);
        let error = Error::new(error).context(format!("the directory {from}"));
        match passes {
            true => Failure::Passing(error),
            false => Failure::Lasting(error),
        }
    })?;
    let endpoints = &directory.endpoints;
    let rpc = common.rpc.clone().unwrap_or_else(|| endpoints.rpc.clone());
    let ws = common.ws.clone().or_else(|| endpoints.ws.clone());
    tracing::info!(rpc = masked(&rpc), exchange = %directory.exchange, name = directory.name, "connecting");
    let connection = Connection::new(rpc, ws);
    match Exchange::load(&connection, directory).await {
        Ok(exchange) => Ok((connection, exchange)),
        Err(error @ LoadError::Read(_)) => Err(Failure::Passing(error.into())),
        Err(error @ LoadError::Mismatch(_)) => Err(Failure::Lasting(error.into())),
    }
}

/// How transactions are paid for.
fn policy(common: &Common) -> SendPolicy {
    let fee = match (common.priority_fee, common.priority_fee_percentile) {
        (0, 0) => PriorityFee::None,
        (fixed, 0) => PriorityFee::Fixed(fixed),
        (at_least, percentile) => PriorityFee::Recent {
            percentile,
            at_least,
            at_most: common.priority_fee_cap,
        },
    };
    SendPolicy {
        fee,
        ..SendPolicy::default()
    }
}
