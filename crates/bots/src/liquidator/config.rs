//! The liquidator's options.
use anyhow::{bail, Result};
use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize};

use super::plan::Limits;
use crate::config::{require_positive, Renamed, Section};

/// Native quote of a dollar.
const DOLLAR: f64 = 1e6;

/// What a liquidator takes on, at which price, and what it does with what it took over. Amounts are in dollars.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Liquidator options")]
pub struct LiquidatorConfig {
    /// Number of the keypair's margin account that takes over; it is opened when there is none.
    #[arg(long, default_value_t = Self::default().sub_account)]
    pub sub_account: u16,
    /// Simulate and log what would be done, send nothing.
    #[arg(long, default_value_t = Self::default().dry_run, action = ArgAction::Set, num_args = 0..=1,
          default_missing_value = "true")]
    pub dry_run: bool,
    /// Least profit of a call, after the costs below; negative to accept losses for the sake of the exchange.
    #[arg(long, default_value_t = Self::default().min_profit, allow_negative_numbers = true)]
    pub min_profit: f64,
    /// Most value that one call takes over.
    #[arg(long, default_value_t = Self::default().max_move)]
    pub max_move: f64,
    /// Init health of the own account that is never used up.
    #[arg(long, default_value_t = Self::default().reserve)]
    pub reserve: f64,
    /// What a transaction costs, fees and all.
    #[arg(long, default_value_t = Self::default().transaction_cost)]
    pub transaction_cost: f64,
    /// What getting rid of a position is expected to cost, per ten thousand of its value.
    #[arg(long, default_value_t = Self::default().position_cost_bps)]
    pub position_cost_bps: u32,
    /// What exchanging tokens is expected to cost, per ten thousand of their value.
    #[arg(long, default_value_t = Self::default().token_cost_bps)]
    pub token_cost_bps: u32,
    /// Also send calls that bring no reward: flags, which start the ramp of the fee, cancels, clears, and resolutions of
    /// bankruptcies.
    #[arg(long, default_value_t = Self::default().chores, action = ArgAction::Set)]
    pub chores: bool,
    /// Prices published within so many seconds are not refreshed again in front of a call, where the program does not ask
    /// for younger ones.
    #[arg(long, default_value_t = Self::default().fresh_within)]
    pub fresh_within: f64,
    /// Refresh feeds that somebody uses whose prices were published longer ago, in seconds: accounts are valued at the
    /// prices of the risk state, so that this bounds how late a crash is seen where keepers are slow; 0 leaves it to them.
    #[arg(long, default_value_t = Self::default().refresh_after)]
    pub refresh_after: f64,
    /// Shortest time between two such refreshes of a feed that has published nothing newer, in seconds.
    #[arg(long, default_value_t = Self::default().refresh_retry)]
    pub refresh_retry: f64,
    /// Calls in flight at the same time, each on another account.
    #[arg(long, default_value_t = Self::default().concurrency)]
    pub concurrency: usize,
    /// Seconds after which an account is tried again when a call on it failed; doubled with each failure until the
    /// account changes.
    #[arg(long, default_value_t = Self::default().retry_first)]
    pub retry_first: f64,
    /// Longest of those pauses, in seconds.
    #[arg(long, default_value_t = Self::default().retry_longest)]
    pub retry_longest: f64,
    /// Threads that value accounts; 0 for as many as there are processors.
    #[arg(long, default_value_t = Self::default().threads)]
    pub threads: usize,
    /// Seconds between looks at the own inventory; 0 never reduces anything.
    #[arg(long, default_value_t = Self::default().rebalance_every)]
    pub rebalance_every: f64,
    /// A position worth more than this is reduced to it on its market's book.
    #[arg(long, default_value_t = Self::default().max_position)]
    pub max_position: f64,
    /// Most value of one such order.
    #[arg(long, default_value_t = Self::default().max_order)]
    pub max_order: f64,
    /// Worst price of such an order, per ten thousand away from the oracle's.
    #[arg(long, default_value_t = Self::default().slippage_bps)]
    pub slippage_bps: u32,
    /// Repay own debts in tokens from the wallet, as far as it holds them.
    #[arg(long, default_value_t = Self::default().repay_from_wallet, action = ArgAction::Set)]
    pub repay_from_wallet: bool,
    /// Withdraw seized tokens other than quote to the wallet, beyond `keep_tokens` of each and while the reserve stays.
    #[arg(long, default_value_t = Self::default().withdraw_tokens, action = ArgAction::Set)]
    pub withdraw_tokens: bool,
    /// Value of each token that stays in the account when the rest is withdrawn.
    #[arg(long, default_value_t = Self::default().keep_tokens)]
    pub keep_tokens: f64,
}

impl Default for LiquidatorConfig {
    fn default() -> Self {
        Self {
            sub_account: 0,
            dry_run: false,
            min_profit: 0.02,
            max_move: 100_000.0,
            reserve: 100.0,
            transaction_cost: 0.005,
            position_cost_bps: 10,
            token_cost_bps: 20,
            chores: true,
            fresh_within: 2.0,
            refresh_after: 4.0,
            refresh_retry: 2.0,
            concurrency: 8,
            retry_first: 0.5,
            retry_longest: 60.0,
            threads: 0,
            rebalance_every: 2.0,
            max_position: 0.0,
            max_order: 25_000.0,
            slippage_bps: 100,
            repay_from_wallet: true,
            withdraw_tokens: false,
            keep_tokens: 0.0,
        }
    }
}

impl Section for LiquidatorConfig {
    const NAME: &'static str = "liquidator";
    const PORT: u16 = 9602;
    const SIGNED: bool = true;
    const RENAMED: &'static [Renamed] = &[
        Renamed {
            old: "fresh_slots",
            new: "fresh_within",
            why: "ages are counted in seconds since a price was published",
        },
        Renamed {
            old: "refresh_after_slots",
            new: "refresh_after",
            why: "ages are counted in seconds since a price was published",
        },
    ];

    fn check(&self) -> Result<()> {
        require_positive(&[
            ("max_move", self.max_move),
            ("max_order", self.max_order),
            ("retry_first", self.retry_first),
            ("retry_longest", self.retry_longest),
            ("refresh_retry", self.refresh_retry),
        ])?;
        let amounts = [
            ("reserve", self.reserve),
            ("fresh_within", self.fresh_within),
            ("refresh_after", self.refresh_after),
            ("transaction_cost", self.transaction_cost),
            ("rebalance_every", self.rebalance_every),
            ("max_position", self.max_position),
            ("keep_tokens", self.keep_tokens),
        ];
        for (name, value) in amounts {
            if !value.is_finite() || value < 0.0 {
                bail!("{name} must not be negative, as {value} is");
            }
        }
        if !self.min_profit.is_finite() {
            bail!("min_profit is a number of dollars, not {}", self.min_profit);
        }
        if self.concurrency == 0 {
            bail!("concurrency is at least one");
        }
        if self.slippage_bps >= 10_000 {
            bail!("slippage_bps is below 10000, which would be any price");
        }
        Ok(())
    }
}

impl LiquidatorConfig {
    /// What a plan keeps to.
    pub fn limits(&self) -> Limits {
        Limits {
            max_move: native(self.max_move),
            reserve: i128::from(native(self.reserve)),
            min_profit: (self.min_profit * DOLLAR) as i128,
            transaction_cost: i128::from(native(self.transaction_cost)),
            position_cost_bps: self.position_cost_bps,
            token_cost_bps: self.token_cost_bps,
            chores: self.chores,
            fresh_ms: (self.fresh_within * 1e3) as i64,
        }
    }
}

/// Native quote of an amount in dollars.
pub fn native(dollars: f64) -> u64 {
    (dollars * DOLLAR) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_makes_no_sense() {
        LiquidatorConfig::default().check().unwrap();
        let wrong = |change: fn(&mut LiquidatorConfig)| {
            let mut config = LiquidatorConfig::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert!(wrong(|c| c.max_move = 0.0).contains("max_move"));
        assert!(wrong(|c| c.reserve = -1.0).contains("reserve"));
        assert!(wrong(|c| c.concurrency = 0).contains("concurrency"));
        assert!(wrong(|c| c.fresh_within = -1.0).contains("fresh_within"));
        assert!(wrong(|c| c.refresh_after = f64::NAN).contains("refresh_after"));
        assert!(wrong(|c| c.min_profit = f64::NAN).contains("min_profit"));
        assert_eq!(LiquidatorConfig::default().limits().min_profit, 20_000);
    }
}
