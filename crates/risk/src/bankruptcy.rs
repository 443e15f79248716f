//! How a debt that nobody can pay is shared by the depositors of its asset. A market's losses: [`crate::profits`].

use crate::fixed::{div_ceil, to_u64, Result, INDEX_BITS, INDEX_ONE};

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
