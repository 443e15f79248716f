//! How a loss that nobody can pay is shared: by the depositors of an asset, or by the other side of a market.

use crate::fixed::{
    div_ceil, to_i128, to_i64, to_u64, Result, RiskError, FUNDING_BITS, INDEX_BITS, INDEX_ONE,
};
use crate::position::FundingIndices;

/// The deposit index is never cut below this: a lower one would make shares of ordinary amounts overflow. What a cut to
/// here does not cover stays uncovered.
pub const MIN_DEPOSIT_INDEX: u64 = INDEX_ONE >> 16;

/// A deposit index after a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepositCut {
    /// The new deposit index.
    pub deposit_index: u64,
    /// How much of the loss, in native units, depositors now bear: all of it unless the index met its floor.
    pub covered: u64,
}

/// Takes `loss` native units from all depositors alike by cutting the index, rounded so that at least `covered` leaves
/// the claims.
///
/// # Errors
/// [`RiskError::DivisionByZero`] when nothing is deposited.
pub fn share_among_depositors(
    loss: u64,
    deposit_shares: u64,
    deposit_index: u64,
) -> Result<DepositCut> {
    let needed = div_ceil(u128::from(loss) << INDEX_BITS, u128::from(deposit_shares))?;
    let room = deposit_index.saturating_sub(MIN_DEPOSIT_INDEX);
    if needed <= u128::from(room) {
        let cut = to_u64(needed)?;
        return Ok(DepositCut {
            deposit_index: deposit_index.saturating_sub(cut),
            covered: loss,
        });
    }
    let taken = (u128::from(room) * u128::from(deposit_shares)) >> INDEX_BITS;
    Ok(DepositCut {
        deposit_index: deposit_index.saturating_sub(room),
        covered: to_u64(taken.min(u128::from(loss)))?,
    })
}

/// Takes `loss` native quote from one side of a market by moving its funding index against it: `longs_pay` says which.
/// `open_interest` is that side's base lots, counted positive. Rounded so that what the side owes covers the loss.
///
/// # Errors
/// [`RiskError::DivisionByZero`] when nobody is on that side; [`RiskError::Overflow`] when the index does not fit.
pub fn share_among_positions(
    loss: u64,
    longs_pay: bool,
    open_interest: u64,
    indices: FundingIndices,
) -> Result<FundingIndices> {
    let per_lot = to_i128(div_ceil(
        u128::from(loss) << FUNDING_BITS,
        u128::from(open_interest),
    )?)?;
    let moved = |index: i64, by: i128| {
        to_i64(
            i128::from(index)
                .checked_add(by)
                .ok_or(RiskError::Overflow)?,
        )
    };
    Ok(if longs_pay {
        FundingIndices {
            long: moved(indices.long, per_lot)?,
            ..indices
        }
    } else {
        FundingIndices {
            short: moved(indices.short, -per_lot)?,
            ..indices
        }
    })
}
