//! What a slice costs the account, and what whoever takes it over gets.
//!
//! The account pays no more than
//! - the fee that has ramped since it was flagged,
//! - half of what would undo the good that the slice does to its equity ÷ requirement: a slice that frees ΔR of a requirement R
//!   lets equity e fall by ΔR · e / R before that ratio is what it was. So every slice leaves the ratio better, however many
//!   there are, and where little equity is left the fee is little;
//! - what is left of half of the equity that it had when it was flagged.
//!
//! Where equity is gone there is no fee, and just above there is next to none: nobody is paid for letting an account sink. So that
//! it is not left alone there, the liquidator gets [`Target::reward_min`] at least, of which insurance pays what the fee falls
//! short of. That is less than what both sides paid to open what is taken over.
//!
//! Equity is measured at the indices of the entries. Interest that has accrued since on another bank's balance is not in it; what
//! that could make of a fee is at most half of the interest itself.

use super::Footing;
use crate::fixed::{ratio_ceil, ratio_floor, Result};
use crate::params::LiquidationTerms;

/// What a call has charged an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charged {
    /// Native quote.
    pub paid: u128,
    /// What LiquidationEnd's value has lost by it: no more than that, and less where what paid it did not count whole.
    pub counted: u128,
}

impl Charged {
    /// With another charge.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            paid: self.paid.saturating_add(other.paid),
            counted: self.counted.saturating_add(other.counted),
        }
    }
}

/// What every slice is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where the account stands at LiquidationEnd, its health below zero.
    pub standing: Footing,
    /// What a fee may take a part of is what the account is better than here: where the call began, or better than that by what
    /// it lost when its hedges were opened before ([`Footing::without_loss`]).
    pub from: Footing,
    /// The liquidation fee that applies, as a ratio: [`ramped_fee`].
    pub fee: u32,
    /// What the call has charged so far.
    pub charged: Charged,
    /// What fees may still take while the flag stands, native quote.
    pub allowance: u128,
    /// The part of the penalty that goes to insurance, as a ratio.
    pub insurance_share: u32,
    /// The least that the liquidator gets of the value taken, as a ratio, as far as insurance can pay.
    pub reward_min: u32,
}

impl Target {
    /// Health that the slice should add.
    pub(super) fn shortfall(&self) -> u128 {
        self.standing.health().min(0).unsigned_abs()
    }

    /// The same without a fee.
    pub(super) const fn for_free(&self) -> Self {
        Self { fee: 0, ..*self }
    }

    /// The same with a penalty of at most `most`.
    pub(super) fn capped_at(&self, most: u128) -> Self {
        Self {
            allowance: most.min(self.allowance),
            ..*self
        }
    }

    /// The part of what a slice takes off the requirement that its penalty may be, as a ratio: half of equity ÷ requirement.
    pub(super) fn bearable(&self) -> u32 {
        self.standing.ratio() / 2
    }

    /// What a penalty is less by than that part: half of what the account is worse than where its fees count from.
    pub(super) fn withheld(&self) -> Result<u128> {
        match self.from == self.standing {
            true => Ok(0),
            false => Ok(self.from.lost_at(&self.standing)?.div_ceil(2)),
        }
    }

    /// The penalty at a rate on a value taken, in native quote.
    pub(super) fn penalty(&self, value: u128, fee: u32) -> Result<u128> {
        Ok(ratio_ceil(value, fee)?.min(self.allowance))
    }

    /// What of a penalty on a value taken is insurance's, and what insurance should add to the liquidator's part.
    pub(super) fn insured(&self, value: u128, penalty: u128) -> Result<(u128, u128)> {
        let least = ratio_floor(value, self.reward_min)?;
        let share = ratio_floor(penalty, self.insurance_share)?;
        Ok((
            share.min(penalty.saturating_sub(least)),
            least.saturating_sub(penalty),
        ))
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
