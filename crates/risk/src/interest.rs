//! Interest on borrows: the rate by utilization, and the accrual of a bank's two indices.

use crate::balance::Indices;
use crate::fixed::{
    div_ceil, div_floor, shift_ceil, to_u64, Result, RiskError, INDEX_BITS, RATIO_BITS, RATIO_ONE,
};
use crate::params::RateCurve;

/// Longest time, in seconds, that one accrual charges. After an outage in which nobody could act, borrowers owe at most
/// a day of it; a bank in use is accrued many times a minute.
pub const MAX_ACCRUAL_SECS: u64 = 86_400;
/// A year in seconds, 365 days.
pub const YEAR_SECS: u64 = 31_536_000;

/// Part of the deposits that is lent out, as a ratio, rounded down; one when nothing is deposited but something owed.
pub fn utilization(deposits: u64, borrows: u64) -> u32 {
    if borrows >= deposits {
        return if borrows == 0 { 0 } else { RATIO_ONE };
    }
    // Below one, since borrows are below deposits.
    let ratio = (u128::from(borrows) << RATIO_BITS) / u128::from(deposits);
    u32::try_from(ratio).unwrap_or(RATIO_ONE)
}

/// Borrow rate per year at a utilization, on the curve's straight lines, rounded up.
///
/// # Errors
/// [`RiskError::DivisionByZero`] or [`RiskError::Overflow`] on a curve that is not valid.
pub fn borrow_rate(curve: &RateCurve, utilization: u32) -> Result<u32> {
    let at = utilization.min(RATIO_ONE);
    if at <= curve.util0 {
        line(at, (0, curve.zero_rate), (curve.util0, curve.rate0))
    } else if at <= curve.util1 {
        line(at, (curve.util0, curve.rate0), (curve.util1, curve.rate1))
    } else {
        line(at, (curve.util1, curve.rate1), (RATIO_ONE, curve.max_rate))
    }
}

fn line(at: u32, (x0, y0): (u32, u32), (x1, y1): (u32, u32)) -> Result<u32> {
    let rise = u64::from(y1.checked_sub(y0).ok_or(RiskError::Overflow)?);
    let run = u64::from(x1.checked_sub(x0).ok_or(RiskError::Overflow)?);
    let along = u64::from(at.checked_sub(x0).ok_or(RiskError::Overflow)?);
    if run == 0 {
        return Err(RiskError::DivisionByZero);
    }
    // Two 32-bit factors.
    let part = (rise * along).div_ceil(run);
    u32::try_from(u64::from(y0) + part).map_err(|_| RiskError::Overflow)
}

/// What a bank holds before an accrual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accrual {
    /// Indices of deposits and borrows.
    pub indices: Indices,
    /// All deposit shares.
    pub deposit_shares: u64,
    /// All borrow shares, counted positive.
    pub borrow_shares: u64,
    /// The part of a native unit of fees that earlier accruals left over, in 2⁻⁴⁸.
    pub fee_fraction: u64,
}

/// What an accrual gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accrued {
    /// The new indices; neither is lower than before.
    pub indices: Indices,
    /// The protocol's part of the interest, whole native units.
    pub fee: u64,
    /// What is left of a native unit, to carry into the next accrual.
    pub fee_fraction: u64,
}

impl Accrual {
    /// Charges `secs` seconds (at most [`MAX_ACCRUAL_SECS`]) at a yearly rate. The borrow index grows by
    /// `rate · secs / year`, rounded up; depositors get what borrowers owe more less the protocol's part, rounded down;
    /// what that leaves is the protocol's, so `fee + growth of deposits ≤ growth of debts` always.
    ///
    /// # Errors
    /// [`RiskError::Overflow`] when an index or the interest does not fit.
    pub fn accrue(&self, rate: u32, secs: u64, interest_fee: u32) -> Result<Accrued> {
        let unchanged = Accrued {
            indices: self.indices,
            fee: 0,
            fee_fraction: self.fee_fraction,
        };
        let secs = secs.min(MAX_ACCRUAL_SECS);
        if secs == 0 || rate == 0 || self.borrow_shares == 0 {
            return Ok(unchanged);
        }
        // 64 + 32 + 17 bits.
        let product = u128::from(self.indices.borrow) * u128::from(rate) * u128::from(secs);
        let grown = to_u64(div_ceil(product, u128::from(YEAR_SECS) << RATIO_BITS)?)?;
        let borrow = self
            .indices
            .borrow
            .checked_add(grown)
            .ok_or(RiskError::Overflow)?;

        let interest = u128::from(self.borrow_shares) * u128::from(grown);
        let protocol = part_ceil(interest, interest_fee)?;
        let lenders = interest.checked_sub(protocol).ok_or(RiskError::Overflow)?;
        let earned = match self.deposit_shares {
            0 => 0,
            shares => to_u64(div_floor(lenders, u128::from(shares))?)?,
        };
        let deposit = self
            .indices
            .deposit
            .checked_add(earned)
            .ok_or(RiskError::Overflow)?;

        let given = u128::from(self.deposit_shares) * u128::from(earned);
        let left = interest.checked_sub(given).ok_or(RiskError::Overflow)?;
        let fees = left
            .checked_add(u128::from(self.fee_fraction))
            .ok_or(RiskError::Overflow)?;
        Ok(Accrued {
            indices: Indices { deposit, borrow },
            fee: to_u64(fees >> INDEX_BITS)?,
            fee_fraction: to_u64(fees & ((1 << INDEX_BITS) - 1))?,
        })
    }
}

/// `⌈value · ratio⌉` for a ratio of at most one, where the product may exceed 128 bits.
fn part_ceil(value: u128, ratio: u32) -> Result<u128> {
    if let Some(product) = value.checked_mul(u128::from(ratio)) {
        return Ok(shift_ceil(product, RATIO_BITS));
    }
    let high = (value >> RATIO_BITS)
        .checked_add(1)
        .ok_or(RiskError::Overflow)?;
    Ok(high
        .checked_mul(u128::from(ratio))
        .ok_or(RiskError::Overflow)?
        .min(value))
}
