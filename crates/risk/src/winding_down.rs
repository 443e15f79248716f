//! What a debt in an asset that is being wound down is settled for in quote.

use crate::asset::AssetRisk;
use crate::fixed::{div_ceil, div_floor, scale_ceil, to_u64, Result, RiskError};

/// What settles a debt, native quote tokens: the debtor pays at least what the depositor receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// By the debtor, rounded up.
    pub paid: u64,
    /// By the depositor whose tokens repay the debt, rounded down.
    pub received: u64,
}

/// What `amount` native units of an asset are worth in tokens of the quote asset, both at spot. What the two roundings leave
/// stays with the quote asset's bank: at most two units, and one more for each that a unit of native quote buys.
///
/// # Errors
/// [`RiskError::DivisionByZero`] before a first price of the quote asset; [`RiskError::Overflow`].
pub fn settlement(amount: u64, asset: &AssetRisk, quote: &AssetRisk) -> Result<Settlement> {
    let (spot, shift) = (asset.price.spot, asset.shift);
    let worth_ceil = scale_ceil(amount, spot, shift);
    let worth_floor = u128::from(amount)
        .wrapping_mul(u128::from(spot))
        .wrapping_shr(u32::from(shift));
    let per_token = u128::from(quote.price.spot);
    let scaled = |worth: u128| {
        let bits = u32::from(quote.shift);
        if worth.leading_zeros() < bits {
            return Err(RiskError::Overflow);
        }
        Ok(worth.wrapping_shl(bits))
    };
    Ok(Settlement {
        paid: to_u64(div_ceil(scaled(worth_ceil)?, per_token)?)?,
        received: to_u64(div_floor(scaled(worth_floor)?, per_token)?)?,
    })
}
