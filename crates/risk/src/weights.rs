//! Effective Init weights: they tighten as a bank's deposits and borrows grow.
//!
//! An asset that backs more debt than the market could absorb is worse collateral the more of it there is, and a
//! large borrow is harder to buy back. Above a threshold in USD the asset weight falls in inverse proportion to
//! total deposits, so the bank's total weighted value stays what it was at the threshold; the liability weight
//! rises in proportion to total borrows.

use crate::fixed::{div_ceil, div_floor, Result, RiskError};

/// `weight · min(1, start / deposits)`, rounded down.
///
/// # Errors
/// None in practice; the narrowing cannot fail since the result is at most `weight`.
pub fn asset_weight(weight: u32, deposits_usd: u128, start_usd: u64) -> Result<u32> {
    if deposits_usd <= u128::from(start_usd) {
        return Ok(weight);
    }
    let scaled = div_floor(u128::from(weight) * u128::from(start_usd), deposits_usd)?;
    u32::try_from(scaled).map_err(|_| RiskError::Overflow)
}

/// `weight · max(1, borrows / start)`, rounded up and held at the largest ratio (256): at that weight a debt of one
/// needs collateral of 256, so nothing more can be borrowed.
///
/// # Errors
/// [`crate::RiskError::DivisionByZero`] on a zero start.
pub fn liability_weight(weight: u32, borrows_usd: u128, start_usd: u64) -> Result<u32> {
    if borrows_usd <= u128::from(start_usd) {
        return Ok(weight);
    }
    // A product beyond 128 bits over a 64-bit start is beyond the largest ratio too.
    let Some(product) = borrows_usd.checked_mul(u128::from(weight)) else {
        return Ok(u32::MAX);
    };
    Ok(u32::try_from(div_ceil(product, u128::from(start_usd))?).unwrap_or(u32::MAX))
}
