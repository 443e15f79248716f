//! Interest on borrows: the rate by utilization, and the accrual of a bank's two indices.

use crate::balance::Indices;
use crate::fixed::{
    div_ceil, shift_ceil, to_u64, Result, RiskError, INDEX_BITS, INDEX_ONE, RATIO_BITS, RATIO_ONE,
};
use crate::params::RateCurve;

/// Longest time, in seconds, that one accrual charges. After an outage in which nobody could act, borrowers owe at most
/// a day of it; a bank in use is accrued many times a minute.
pub const MAX_ACCRUAL_SECS: u64 = 86_400;
/// A year in seconds, 365 days.
pub const YEAR_SECS: u64 = 31_536_000;

/// Binary places of the index of interest on unpaid losses, native quote per native quote.
pub const LOSS_BITS: u32 = 40;

/// What the index of interest on unpaid losses moves by while the quote bank's borrow index does from one to another: whoever owes
/// a realised loss to his market's pool borrows from those it is owed to, at the rate at which he would borrow from depositors.
/// Rounded up, so that no rhythm rounds anything away.
///
/// # Errors
/// [`RiskError::DivisionByZero`] from a zero index; [`RiskError::Overflow`].
pub fn loss_growth(before: u64, after: u64) -> Result<i64> {
    let moved = after.saturating_sub(before);
    if before == 0 {
        return Err(RiskError::DivisionByZero);
    }
    let grown = match moved.leading_zeros() >= LOSS_BITS {
        true => moved.wrapping_shl(LOSS_BITS).div_ceil(before),
        false => to_u64(div_ceil(
            u128::from(moved) << LOSS_BITS,
            u128::from(before),
        )?)?,
    };
    i64::try_from(grown).map_err(|_| RiskError::Overflow)
}

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

/// No index grows beyond this: a price times an index and a weight has to fit its mantissa. At twice the debt a year that takes
/// eight years; from there on nothing more is owed or earned.
pub const MAX_INDEX: u64 = INDEX_ONE << 8;

/// What accruals leave over and carry into the next, so that no rhythm rounds anything away.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Fractions {
    /// Of a last digit of the borrow index, in parts of a year times [`RATIO_ONE`].
    pub borrow: u64,
    /// Of depositors' interest, less than a last digit of the index for every share, in 2⁻⁴⁸ native units.
    pub deposit: u64,
    /// Of a native unit of the protocol's interest, in 2⁻⁴⁸.
    pub fee: u64,
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
    /// What earlier accruals left over.
    pub fractions: Fractions,
}

/// What an accrual gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accrued {
    /// The new indices; neither is lower than before, nor, where it was not, above [`MAX_INDEX`].
    pub indices: Indices,
    /// The protocol's part of the interest, whole native units.
    pub fee: u64,
    /// What is left over, to carry into the next accrual.
    pub fractions: Fractions,
}

impl Accrual {
    /// Charges `secs` seconds (at most [`MAX_ACCRUAL_SECS`]) at a yearly rate. The borrow index grows by
    /// `rate · secs / year`. Depositors get what borrowers owe more, less the protocol's part, but at most what their own
    /// deposits would earn if all of them were lent out: the deposit index never grows faster than the borrow index, in
    /// proportion, however little is deposited. What that leaves is the protocol's, so that
    /// `fees + growth of deposits = growth of debts` always, with what is carried.
    ///
    /// # Errors
    /// [`RiskError::Overflow`] when the interest does not fit; [`RiskError::DivisionByZero`] on a zero index.
    pub fn accrue(&self, rate: u32, secs: u64, interest_fee: u32) -> Result<Accrued> {
        let secs = secs.min(MAX_ACCRUAL_SECS);
        if secs == 0 || rate == 0 || self.borrow_shares == 0 {
            return Ok(Accrued {
                indices: self.indices,
                fee: 0,
                fractions: self.fractions,
            });
        }
        let Indices { deposit, borrow } = self.indices;
        // 64 + 32 + 17 bits.
        let product = u128::from(borrow) * u128::from(rate) * u128::from(secs);
        let product = product + u128::from(self.fractions.borrow);
        let year = u128::from(YEAR_SECS) << RATIO_BITS;
        let grown = to_u64(product / year)?.min(MAX_INDEX.saturating_sub(borrow));
        let borrow_fraction = to_u64(product % year)?;

        let interest = u128::from(self.borrow_shares) * u128::from(grown);
        let lenders = interest.saturating_sub(part_ceil(interest, interest_fee)?);
        let carried = u128::from(self.fractions.deposit);
        let (earned, rest) = self.share(
            lenders.checked_add(carried).ok_or(RiskError::Overflow)?,
            grown,
        )?;

        let given = u128::from(self.deposit_shares) * u128::from(earned);
        let given = given
            .checked_add(u128::from(rest))
            .ok_or(RiskError::Overflow)?;
        let fees = interest
            .checked_add(carried)
            .and_then(|all| all.checked_sub(given))
            .and_then(|left| left.checked_add(u128::from(self.fractions.fee)))
            .ok_or(RiskError::Overflow)?;
        Ok(Accrued {
            indices: Indices {
                // Neither sum exceeds the limit of an index, or the index was there before and does not grow.
                deposit: deposit.saturating_add(earned),
                borrow: borrow.saturating_add(grown),
            },
            fee: to_u64(fees >> INDEX_BITS)?,
            fractions: Fractions {
                borrow: borrow_fraction,
                deposit: rest,
                fee: to_u64(fees & ((1 << INDEX_BITS) - 1))?,
            },
        })
    }

    /// By how much the deposit index grows for what is there for depositors, in 2⁻⁴⁸ native units, and what of that is less
    /// than a last digit of it; what exceeds both is not theirs.
    fn share(&self, pot: u128, grown: u64) -> Result<(u64, u64)> {
        if self.deposit_shares == 0 {
            return Ok((0, 0));
        }
        let Indices { deposit, borrow } = self.indices;
        let bound = div_ceil(u128::from(grown) * u128::from(deposit), u128::from(borrow))?
            .min(u128::from(MAX_INDEX.saturating_sub(deposit)));
        let shares = u128::from(self.deposit_shares);
        let earned = pot / shares;
        if earned > bound {
            return Ok((to_u64(bound)?, 0));
        }
        Ok((to_u64(earned)?, to_u64(pot % shares)?))
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
