//! A running chain on free ports, with what its users have.
use std::{path::PathBuf, sync::Arc};

use anyhow::{bail, Result};
use plimsoll::state::{MarginAccount, RiskState};
use plimsoll_client::{
    directory::Directory,
    health,
    rpc::{Connection, Exchange, SendPolicy, Sender},
};
use plimsoll_localnet::{
    live::{progress::Progress, Local, Options},
    node::Ports,
};
use serde_json::Value;
use solana_keypair::Keypair;

/// A running chain.
pub struct Chain {
    pub local: Local,
    pub ports: Ports,
    pub connection: Connection,
    pub exchange: Exchange,
    http: reqwest::Client,
}

impl Chain {
    /// Starts one; what is known of it is what its directory says.
    pub async fn start(populated: bool) -> Result<Self> {
        let ports = Ports::free()?;
        let local = Local::start(options(ports, populated), &Progress::silent()).await?;
        let directory = Directory::load(&format!("{}/exchange.json", local.url())).await?;
        let endpoints = &directory.endpoints;
        let connection = Connection::new(endpoints.rpc.clone(), endpoints.ws.clone());
        Ok(Self {
            local,
            ports,
            exchange: Exchange::load(&connection, directory).await?,
            connection,
            http: reqwest::Client::new(),
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
        populated,
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

/// Names of the accounts that a liquidator should act on.
pub async fn below_maintenance(chain: &Chain) -> Result<Vec<String>> {
    let (connection, refs) = (&chain.connection, &chain.exchange.refs);
    let clock = connection.clock().await?.sysvar();
    let risk = connection.fetch::<RiskState>(&refs.risk_state).await?;
    let mut below = Vec::new();
    for (address, name) in &chain.local.shared().names {
        let found = connection.fetch::<MarginAccount>(address).await?;
        let lines = health::lines(&risk, &found, &clock)?;
        if lines.maintenance < 0 || lines.liquidating {
            below.push(name.clone());
        }
    }
    Ok(below)
}
