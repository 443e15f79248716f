//! Harness of the integration tests: an exchange on a real bank, running the built program.
//!
//! [`Env::new`] starts a bank with an exchange of five assets and two markets. Everything a test does goes through
//! [`Env::send`], which keeps count of what entered and left the vaults, so that [`Env::assert_conserved`] can compare.
pub mod accounts;
pub mod attack;
pub mod chain;
pub mod conservation;
pub mod env;
pub mod listing;
pub mod oracles;
pub mod params;
pub mod portfolio;
pub mod pyth_pro;
pub mod refusal;
pub mod scenarios;
pub mod send;
pub mod signed_feeds;
pub mod stake_pool;
pub mod tokens;
pub mod traders;
pub mod trading;
pub mod winding_down;

pub use env::{Env, ListedAsset, ListedMarket};
pub use send::{TestError, TxOutcome};
pub use traders::Trader;

/// Whole native quote of an amount in dollars.
pub const fn usd(dollars: u64) -> u64 {
    dollars * 1_000_000
}
