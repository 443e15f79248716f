//! What every bot is given: how it reports, and whose keypair it uses.
use std::sync::Arc;

use anyhow::{Context as _, Result};
use solana_keypair::Keypair;

use crate::{health::Health, metrics::Metrics};

/// What a bot works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// Counts and measures.
    pub metrics: Metrics,
    /// What `/health` answers.
    pub health: Health,
    /// Pays for transactions and signs for margin accounts; a bot that only reads has none.
    pub keypair: Option<Arc<Keypair>>,
}

impl Context {
    /// The keypair of a bot that cannot do without.
    ///
    /// # Errors
    /// When none was named.
    pub fn require_keypair(&self) -> Result<Arc<Keypair>> {
        let keypair = self.keypair.clone();
        keypair.context("this bot signs transactions: name its keypair file with --keypair")
    }
}
