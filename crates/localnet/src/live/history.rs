//! The history of a local chain: the recorder, with a database that lasts as long as the chain.
use std::path::PathBuf;

use anyhow::{Context, Result};
use axum::Router;
use plimsoll_bots::{
    history::{self, Database, Recorder, RecorderConfig, Target},
    Reports,
};

use super::bots::Bots;

/// A history that is being recorded. Its database is deleted with it: the next chain has another history.
pub struct History {
    database: Database,
    directory: PathBuf,
    risk: Router,
}

impl History {
    /// Opens an empty database and starts the recorder, which knows the chain by its public addresses only.
    pub async fn start(bots: &mut Bots<'_>) -> Result<Self> {
        let exchange = bots.directory;
        let port = exchange
            .endpoints
            .rpc
            .rsplit(':')
            .next()
            .unwrap_or_default();
        let name = format!("plimsoll-history-{}-{port}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let config = RecorderConfig {
            url: format!("sqlite://{}", directory.join("history.db").display()),
            list_every: 30.0,
            ..RecorderConfig::default()
        };
        let target = Target {
            exchange: exchange.exchange,
            rpc: exchange.endpoints.rpc.clone(),
            ws: exchange.endpoints.ws.clone(),
        };
        let recorder = Recorder::open(config, target).await?;
        let recorder = recorder.context("the history is off")?;
        let database = recorder.database();
        let (reports, shutdown) = (Reports::new()?, bots.shutdown.clone());
        bots.tasks
            .spawn(async move { recorder.run(&reports, &shutdown).await });
        Ok(Self {
            database,
            directory,
            risk: history::risk_router(exchange),
        })
    }

    /// What it answers.
    pub fn router(&self) -> Router {
        history::router(self.database.clone()).merge(self.risk.clone())
    }
}

impl Drop for History {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            tracing::warn!("cannot delete {}: {error}", self.directory.display());
        }
    }
}
