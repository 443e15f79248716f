//! What the keeper is told to do, and how often.
use anyhow::{bail, Result};
use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize};

use crate::config::{require_positive, Renamed, Section};

/// The keeper's options. Each duty can be switched off and has its own period; several keepers of one exchange can share
/// the duties or double them.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeeperConfig {
    /// Whether to refresh the risk state: prices, interest and funding.
    #[arg(long, default_value_t = Self::default().refresh, action = ArgAction::Set)]
    pub refresh: bool,
    /// How often to look for feeds that are due, seconds: once a slot.
    #[arg(long, default_value_t = Self::default().refresh_every)]
    pub refresh_every: f64,
    /// Age of a feed's price after which it is due, seconds since its publication.
    #[arg(long, default_value_t = Self::default().refresh_after)]
    pub refresh_after: f64,
    /// Shortest time between two refreshes of a feed that has published nothing newer, seconds.
    #[arg(long, default_value_t = Self::default().refresh_retry)]
    pub refresh_retry: f64,
    /// How often banks accrue interest and markets funding, seconds.
    #[arg(long, default_value_t = Self::default().accrue_every)]
    pub accrue_every: f64,

    /// Whether to bring queued fills to the accounts of their makers.
    #[arg(long, default_value_t = Self::default().settle_fills, action = ArgAction::Set)]
    pub settle_fills: bool,
    /// How often to look at the fill queues, seconds.
    #[arg(long, default_value_t = Self::default().settle_fills_every)]
    pub settle_fills_every: f64,

    /// Whether to settle profits and losses: losses first, which fill the pools that profits are paid from. All profits of a market
    /// are marked before.
    #[arg(long, default_value_t = Self::default().settle_pnl, action = ArgAction::Set)]
    pub settle_pnl: bool,
    /// How often to look for profits and losses, seconds.
    #[arg(long, default_value_t = Self::default().settle_pnl_every)]
    pub settle_pnl_every: f64,
    /// Smallest profit or loss that is settled, whole quote tokens; claims of closed positions from a hundredth of it.
    #[arg(long, default_value_t = Self::default().settle_pnl_above)]
    pub settle_pnl_above: f64,
    /// Most settlements in one go.
    #[arg(long, default_value_t = Self::default().settle_pnl_most)]
    pub settle_pnl_most: usize,
    /// How long to leave a settlement that was refused, seconds.
    #[arg(long, default_value_t = Self::default().settle_pnl_retry)]
    pub settle_pnl_retry: f64,

    /// Whether to mark profits and share the shortfall of a market whose losers could not pay.
    #[arg(long, default_value_t = Self::default().share_shortfalls, action = ArgAction::Set)]
    pub share_shortfalls: bool,
    /// How often to look for shortfalls, seconds.
    #[arg(long, default_value_t = Self::default().share_shortfalls_every)]
    pub share_shortfalls_every: f64,

    /// Whether to remove expired orders from the books.
    #[arg(long, default_value_t = Self::default().prune, action = ArgAction::Set)]
    pub prune: bool,
    /// How often to look for expired orders, seconds.
    #[arg(long, default_value_t = Self::default().prune_every)]
    pub prune_every: f64,
    /// Expired orders of a book that are worth a transaction.
    #[arg(long, default_value_t = Self::default().prune_from)]
    pub prune_from: usize,

    /// Whether to close out what is being wound down and return deposits, opening the owners' token accounts at the payer's
    /// expense.
    #[arg(long, default_value_t = Self::default().wind_down, action = ArgAction::Set)]
    pub wind_down: bool,
    /// How often to look for what is being wound down, seconds.
    #[arg(long, default_value_t = Self::default().wind_down_every)]
    pub wind_down_every: f64,
    /// Most steps of winding down in one go.
    #[arg(long, default_value_t = Self::default().wind_down_most)]
    pub wind_down_most: usize,
}

impl Default for KeeperConfig {
    fn default() -> Self {
        Self {
            refresh: true,
            refresh_every: 0.4,
            refresh_after: 0.4,
            refresh_retry: 1.0,
            accrue_every: 5.0,
            settle_fills: true,
            settle_fills_every: 1.0,
            settle_pnl: true,
            settle_pnl_every: 10.0,
            settle_pnl_above: 10.0,
            settle_pnl_most: 64,
            settle_pnl_retry: 120.0,
            share_shortfalls: true,
            share_shortfalls_every: 5.0,
            prune: true,
            prune_every: 15.0,
            prune_from: 1,
            wind_down: true,
            wind_down_every: 30.0,
            wind_down_most: 64,
        }
    }
}

impl Section for KeeperConfig {
    const NAME: &'static str = "keeper";
    const PORT: u16 = 9601;
    const SIGNED: bool = true;
    const RENAMED: &'static [Renamed] = &[
        Renamed {
            old: "refresh_at",
            new: "refresh_after",
            why: "feeds are refreshed by the age of their prices in seconds",
        },
        Renamed {
            old: "refresh_within",
            new: "accrue_every",
            why: "prices have a pace of their own, refresh_after",
        },
    ];

    fn check(&self) -> Result<()> {
        require_positive(&[
            ("refresh_every", self.refresh_every),
            ("refresh_retry", self.refresh_retry),
            ("accrue_every", self.accrue_every),
            ("settle_fills_every", self.settle_fills_every),
            ("settle_pnl_every", self.settle_pnl_every),
            ("settle_pnl_above", self.settle_pnl_above),
            ("settle_pnl_retry", self.settle_pnl_retry),
            ("share_shortfalls_every", self.share_shortfalls_every),
            ("prune_every", self.prune_every),
            ("wind_down_every", self.wind_down_every),
        ])?;
        if !self.refresh_after.is_finite() || self.refresh_after < 0.0 {
            bail!(
                "refresh_after is an age in seconds, not {}",
                self.refresh_after
            );
        }
        if self.prune_from == 0 || self.settle_pnl_most == 0 || self.wind_down_most == 0 {
            bail!("prune_from, settle_pnl_most and wind_down_most are at least one");
        }
        Ok(())
    }
}
