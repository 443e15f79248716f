//! How much of an account a liquidation takes, and at what price.
//!
//! A slice is the smallest that brings LiquidationEnd health to zero, rounded up. It never lowers that health, and its
//! penalty is at most half of the account's equity while that is positive, so fees alone never make a solvent account
//! bankrupt. Where the ramped fee would be more than half of equity the fee gives way, not the size: the account can
//! still be closed whole, for less.
//!
//! In portfolio margin slots net, and what a slice changes is measured on the whole: [`Netted`].
//!
//! Slices are measured at spot on fresh entries, and where doubt has decayed on those of an [`Auction`]. The caller passes
//! the account's whole LiquidationEnd health and equity, with stale entries in the account's favour, and leaves alone what
//! is stale otherwise.

mod auction;
mod netted;
mod observation;
mod portfolio;
mod position;
mod search;
mod swap;

pub use auction::{debt_paid_by, Auction, Auctioned};
pub use netted::{Footing, Netted, Slot};
pub use observation::Observation;
pub use portfolio::{Holding, Portion};
pub use position::{position_slice, PositionSlice};
pub use search::EVALUATIONS;
pub use swap::{swap_slice, Collateral, Debt, SwapSlice};

use crate::fixed::{ratio_ceil, to_i128, Result, RiskError};
use crate::params::LiquidationTerms;

/// What every slice is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The account's LiquidationEnd health in native quote; below zero.
    pub health: i128,
    /// Its equity in native quote.
    pub equity: i128,
    /// The liquidation fee that applies, as a ratio: [`ramped_fee`].
    pub fee: u32,
    /// The part of the penalty that goes to insurance, as a ratio.
    pub insurance_share: u32,
}

impl Target {
    /// Health that the slice should add.
    fn shortfall(&self) -> u128 {
        self.health.min(0).unsigned_abs()
    }

    /// The most that a slice may cost the account: half its equity, or no limit once there is none left to protect.
    fn penalty_cap(&self) -> u128 {
        if self.equity > 0 {
            self.equity.unsigned_abs() / 2
        } else {
            u128::MAX
        }
    }

    /// The same with a penalty of at most `most`.
    fn capped_at(&self, most: u128) -> Result<Self> {
        // Half of the equity is the cap; without any there is none, so there is no fee either.
        let equity = to_i128(most)?.checked_mul(2).ok_or(RiskError::Overflow)?;
        let fee = if most == 0 { 0 } else { self.fee };
        Ok(Self {
            equity,
            fee,
            ..*self
        })
    }

    /// The penalty on a value taken, in native quote.
    fn penalty(&self, value: u128, fee: u32) -> Result<u128> {
        Ok(ratio_ceil(value, fee)?.min(self.penalty_cap()))
    }
}

/// The liquidation fee `secs` after the account was flagged: from the least to the most in a straight line.
pub fn ramped_fee(terms: &LiquidationTerms, secs: u64) -> u32 {
    let ramp = u64::from(terms.ramp_secs);
    let span = u64::from(terms.fee_max.saturating_sub(terms.fee_min));
    let risen = match secs {
        secs if secs >= ramp => span,
        // The seconds are below 2³², so the product fits.
        secs => span.saturating_mul(secs).checked_div(ramp).unwrap_or(span),
    };
    // At most `fee_max`.
    terms
        .fee_min
        .saturating_add(u32::try_from(risen).unwrap_or(0))
}
