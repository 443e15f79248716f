//! The chain that stays up: blocks come with the clock, prices move by themselves or on demand, everybody trades, and
//! wallets, bots and the web app connect to the ports that they expect.
mod bots;
pub mod directory;
mod faucet;
mod flow;
mod history;
mod market;
pub mod prices;
mod pro;
pub mod progress;
mod server;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anchor_lang::prelude::Pubkey;
use anyhow::{anyhow, ensure, Result};
use plimsoll::state::RiskState;
use plimsoll_bots::shutdown::{self, Trigger};
use plimsoll_client::directory::Directory;
use solana_keypair::Keypair;
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    chain::Chain,
    node::{require_free, taken, Ports},
    random::Random,
    reading::fetch,
    setup::{create_exchange, World},
    wire::{Pace, Wire},
};
use bots::Bots;
use directory::Addresses;
use flow::Cast;
use history::History;
use prices::Prices;
use progress::Progress;

/// Chain time that a transaction takes while everything is set up, milliseconds: next to nothing, so that the chain is
/// not ahead of this machine's clock when it is handed over to it.
const SET_UP_BLOCK_MILLIS: u64 = 1;
/// How long the first refresh may take, and how often to look.
const FIRST_REFRESH: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long tasks may take to end by themselves.
const PATIENCE: Duration = Duration::from_secs(5);

/// How to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The built program.
    pub program: PathBuf,
    pub ports: Ports,
    /// Port of the web app and of what is local to this chain.
    pub http_port: u16,
    /// The built web app, if it is to be served.
    pub app: Option<PathBuf>,
    /// Keys, prices' noise and order flow follow from it.
    pub seed: u64,
    /// Insurance fund at the start, whole units of the quote token.
    pub insurance: u64,
    /// How old a price may be that carries new risk, seconds.
    pub price_age: u16,
    /// Whether traders and bots take part.
    pub populated: bool,
    /// Whether a liquidator is among the bots.
    pub liquidator: bool,
    /// Whether history is recorded and served.
    pub history: bool,
}

/// What all tasks share.
pub struct Shared {
    pub chain: Chain,
    pub wire: Wire,
    pub world: World,
    /// Names of the margin accounts that are ours.
    pub names: BTreeMap<Pubkey, String>,
    /// The exchange's directory, as it is served.
    pub directory: Directory,
    prices: Mutex<Prices>,
}

impl Shared {
    /// Prices, for as long as the guard is held.
    pub fn prices(&self) -> MutexGuard<'_, Prices> {
        self.prices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Waits until somebody has brought newer prices to the chain than the set-up did.
    async fn first_refresh(&self) -> Result<()> {
        let address = &self.world.exchange.risk_state;
        let newest = || async {
            let risk: Box<RiskState> = fetch(&self.wire, address).await?;
            anyhow::Ok(risk.feeds[0].price.published_ms)
        };
        let (since, before) = (Instant::now(), newest().await?);
        while newest().await? == before {
            ensure!(since.elapsed() < FIRST_REFRESH, "nobody brings prices");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

/// A running chain with everything on it.
pub struct Local {
    shared: Arc<Shared>,
    address: SocketAddr,
    tasks: JoinSet<Result<()>>,
    trigger: Trigger,
    history: Option<History>,
}

impl Local {
    /// Starts everything; returns when prices move and the exchange may be used.
    pub async fn start(options: Options, progress: &Progress) -> Result<Self> {
        require_free(options.ports.rpc, "RPC server", "--rpc-port")?;
        require_free(options.ports.ws, "WebSocket server", "--ws-port")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.http_port)).await;
        let listener =
            listener.map_err(|error| taken(options.http_port, "web app", "--port", &error))?;
        let address = listener.local_addr()?;
        let signer = pro::listen().await?;
        let addresses = Addresses {
            pages: address,
            signer: signer.local_addr()?,
        };
        let (shared, cast) = set_up(&options, addresses, progress).await?;
        let (trigger, shutdown) = shutdown::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(market::run(shared.clone(), shutdown.clone()));
        let signing = shared.world.feeds.signer.clone();
        tasks.spawn(pro::run(signer, signing, shutdown.clone()));
        let mut bots = Bots {
            directory: &shared.directory,
            tasks: &mut tasks,
            shutdown: &shutdown,
        };
        let history = match options.history {
            true => Some(History::start(&mut bots).await?),
            false => None,
        };
        if let Some(cast) = cast {
            progress.step("starting the bots");
            flow::spawn(&mut bots, &shared, cast, &options).await?;
            progress.step("waiting for the first refresh");
            shared.first_refresh().await?;
        }
        let pages = server::router(shared.clone(), options.app, history.as_ref());
        tasks.spawn(server::run(listener, pages, shutdown.clone()));
        Ok(Self {
            shared,
            address,
            tasks,
            trigger,
            history,
        })
    }

    /// Everything that is on the chain.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Where the web app is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until a task ends, which none does by itself unless something is wrong.
    pub async fn failed(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(error)) => error.into(),
            Some(Ok(Ok(()))) | None => anyhow!("a task ended by itself"),
        }
    }

    /// Ends all tasks, shuts the chain down and frees the ports.
    pub async fn stop(mut self) -> Result<()> {
        self.trigger.fire();
        let ending = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, ending).await.is_err() {
            self.tasks.shutdown().await;
        }
        drop(self.history);
        self.shared.chain.stop()
    }
}

/// Starts the chain, lists everything and lets everybody in, transaction by transaction as fast as it goes; then hands
/// the chain over to the clock.
async fn set_up(
    options: &Options,
    addresses: Addresses,
    progress: &Progress,
) -> Result<(Arc<Shared>, Option<Cast>)> {
    let seed = options.seed;
    progress.step("starting the chain and deploying the program");
    let payer = Keypair::new_from_array(Random::new(seed, "payer").bytes());
    let chain = Chain::start(&options.program, &payer, options.ports).await?;
    chain.node().set_block_millis(SET_UP_BLOCK_MILLIS);
    let wire = Wire::new(chain.rpc_url(), payer);
    progress
        .step("listing 5 assets and 4 markets, setting up the portfolio model, funding insurance");
    let mut prices = Prices::new(seed);
    let tick = prices.step(0.0);
    let world = create_exchange(
        &chain,
        &wire,
        seed,
        &tick,
        options.insurance,
        options.price_age,
    )
    .await?;
    let cast = match options.populated {
        true => Some(Cast::enter(&wire, &world, seed, &tick, progress).await?),
        false => None,
    };
    wire.set_pace(Pace::Clock);
    chain.node().run_by_clock()?;
    // The set-up took its time by this machine's clock: the exchange begins with prices of now.
    world.publish(&chain, &tick, chain.node().keep_time()?)?;
    wire.send(&world.refreshed(&wire, []).await?, &[]).await?;
    let shared = Shared {
        directory: directory::of(&world, chain.node(), addresses),
        names: cast.as_ref().map(Cast::names).unwrap_or_default(),
        chain,
        wire,
        world,
        prices: Mutex::new(prices),
    };
    Ok((Arc::new(shared), cast))
}

impl Local {
    /// Where everything is and what to try, for whoever has started it.
    pub fn welcome(&self) -> String {
        let (node, url) = (self.shared.chain.node(), self.url());
        format!(
            "\nPlimsoll runs on a chain of its own on this machine.

  open       {url}
  exchange   {url}/exchange.json
  RPC        {}
  WebSocket  {}
  prices     {}, as Pyth Pro signs them

To try:
  curl {url}/local/status
  curl -X POST {url}/local/faucet -H 'content-type: application/json' \\
    -d '{{\"owner\": \"<your address>\", \"asset\": \"USDC\", \"amount\": \"10000\"}}'
  curl -X POST {url}/local/shock -H 'content-type: application/json' \\
    -d '{{\"assets\": [\"SOL\", \"lstSOL\"], \"percent\": -20, \"seconds\": 10}}'
  curl -X POST {url}/local/scenario -H 'content-type: application/json' \\
    -d '{{\"name\": \"october-2025\", \"seconds\": 120}}'
  curl {url}/local/conservation

Ctrl-C ends it.",
            node.rpc_url(),
            node.ws_url(),
            self.shared
                .directory
                .endpoints
                .pro
                .as_deref()
                .unwrap_or("none"),
        )
    }
}
