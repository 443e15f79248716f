//! How a history is kept.
use std::net::SocketAddr;

use anyhow::{bail, Result};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::config::{require_positive, Section};

/// The URL that stands for no history at all.
pub const OFF: &str = "off";

/// The recorder's options.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecorderConfig {
    /// The database: sqlite://FILE, postgres://…, or off.
    #[arg(long, default_value_t = Self::default().url)]
    pub url: String,
    /// Address of the HTTP API.
    #[arg(long, default_value_t = Self::default().api)]
    pub api: SocketAddr,
    /// How often to look at the node's list of transactions, which finds what the subscription missed, seconds.
    #[arg(long, default_value_t = Self::default().list_every)]
    pub list_every: f64,
    /// How often to look for new prices and funding, seconds.
    #[arg(long, default_value_t = Self::default().sample_every)]
    pub sample_every: f64,
    /// How often to look at the healths of all margin accounts, seconds.
    #[arg(long, default_value_t = Self::default().health_every)]
    pub health_every: f64,
    /// A health is written when the account changed, or when it moved by more than this percentage of its equity.
    #[arg(long, default_value_t = Self::default().health_percent)]
    pub health_percent: f64,
    /// Shortest time between two samples of a market's funding, seconds of the chain.
    #[arg(long, default_value_t = Self::default().funding_every)]
    pub funding_every: f64,
    /// Days after which samples (healths, prices, funding; never events) are deleted; 0 keeps them.
    #[arg(long, default_value_t = Self::default().keep_samples_days)]
    pub keep_samples_days: u32,
}

impl Default for RecorderConfig {
    fn default() -> Self {
        Self {
            url: "sqlite://plimsoll-history.db".to_owned(),
            api: SocketAddr::from(([127, 0, 0, 1], 9610)),
            list_every: 15.0,
            sample_every: 1.0,
            health_every: 15.0,
            health_percent: 1.0,
            funding_every: 60.0,
            keep_samples_days: 0,
        }
    }
}

impl Section for RecorderConfig {
    const NAME: &'static str = "recorder";
    const PORT: u16 = 9604;

    fn check(&self) -> Result<()> {
        require_positive(&[
            ("list_every", self.list_every),
            ("sample_every", self.sample_every),
            ("health_every", self.health_every),
            ("funding_every", self.funding_every),
        ])?;
        if self.health_percent.is_nan() || self.health_percent < 0.0 {
            bail!(
                "health_percent is a percentage, not {}",
                self.health_percent
            );
        }
        Ok(())
    }
}
