//! A running chain on free ports, with what its users have.
use std::{
    future::Future,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{bail, Context as _, Result};
use plimsoll::state::{MarginAccount, RiskState};
use plimsoll_client::{
    directory::Directory,
    health,
    rpc::{Connection, Exchange, SendPolicy, Sender},
};
use plimsoll_localnet::{
    listing,
    live::{progress::Progress, Local, Options},
    node::Ports,
};
use serde_json::Value;
use solana_keypair::Keypair;
use tokio::sync::{Mutex, MutexGuard};

/// How long anything may take on a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Time between two looks at whether something has come about.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Chains with everybody on them run one after another: side by side they take each other's processor time.
static TURN: Mutex<()> = Mutex::const_new(());

/// A running chain.
pub struct Chain {
    pub local: Local,
    pub ports: Ports,
    pub connection: Connection,
    pub exchange: Exchange,
    http: reqwest::Client,
    _turn: MutexGuard<'static, ()>,
}

impl Chain {
    /// Starts one with everybody on it; what is known of it is what its directory says.
    pub async fn start() -> Result<Self> {
        let turn = TURN.lock().await;
        let ports = Ports::free()?;
        let local = Local::start(options(ports, true), &Progress::silent()).await?;
        let directory = Directory::load(&format!("{}/exchange.json", local.url())).await?;
        let endpoints = &directory.endpoints;
        let connection = Connection::new(endpoints.rpc.clone(), endpoints.ws.clone());
        Ok(Self {
            local,
            ports,
            exchange: Exchange::load(&connection, directory).await?,
            connection,
            http: reqwest::Client::builder().timeout(PATIENCE).build()?,
            _turn: turn,
        })
    }

    /// Sends as `payer`.
    pub fn sender(&self, payer: &Keypair) -> Sender {
        let payer = Arc::new(payer.insecure_clone());
        Sender::new(self.connection.clone(), payer, SendPolicy::default())
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.http.get(format!("{}{path}", self.local.url()));
        Ok(answer.send().await?.error_for_status()?.json().await?)
    }

    /// Status and body of the answer to a request.
    pub async fn ask(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        let request = self.http.post(format!("{}{path}", self.local.url()));
        let answer = request.json(body).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        match self.ask(path, body).await? {
            (200, answer) => Ok(answer),
            (status, answer) => bail!("{path}: {status} {answer}"),
        }
    }

    /// Prices and parameters as the program sees them.
    pub async fn risk(&self) -> Result<Box<RiskState>> {
        let address = &self.exchange.refs.risk_state;
        Ok(self.connection.fetch::<RiskState>(address).await?)
    }

    /// Names of the accounts that a liquidator should act on.
    pub async fn below_maintenance(&self) -> Result<Vec<String>> {
        let clock = self.connection.clock().await?.sysvar();
        let risk = self.risk().await?;
        let mut below = Vec::new();
        for (address, name) in &self.local.shared().names {
            let found = self.connection.fetch::<MarginAccount>(address).await?;
            let lines = health::lines(&risk, &found, &clock)?;
            if lines.maintenance < 0 || lines.liquidating {
                below.push(format!(
                    "{name}: maintenance {}, liquidation end {}, flagged {}, equity {}",
                    lines.maintenance, lines.liquidation_end, lines.liquidating, lines.equity
                ));
            }
        }
        Ok(below)
    }
}

/// Looks again and again until `look` finds something.
pub async fn until<T, F>(what: &str, look: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let found = look().await.with_context(|| what.to_owned())?;
        match found {
            Some(found) => return Ok(found),
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
    bail!("waited for {what} in vain")
}

/// How the tests start a chain.
pub fn options(ports: Ports, populated: bool) -> Options {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    Options {
        program: workspace.join("target/deploy/plimsoll.so"),
        ports,
        http_port: 0,
        app: None,
        seed: 1,
        insurance: 250_000,
        price_age: listing::PRICE_AGE,
        populated,
        liquidator: populated,
        history: populated,
    }
}

/// Why a chain does not start.
pub async fn refused(options: Options) -> anyhow::Error {
    match Local::start(options, &Progress::silent()).await {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}
