//! The volatility of an underlying, learnt from its own prices: two exponentially weighted variances, a floor, a bounded
//! rise, and an announcement before a rise reaches the maintenance line.

use crate::fixed::{ratio_ceil, sqrt_ceil, Result, RiskError, RATIO_ONE};
use crate::portfolio::{PortfolioModel, UnderlyingRisk, LOADING_BITS, MAX_FACTORS};

/// What the prices of an underlying taught about its volatility.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct VolatilityState {
    /// Publish time of the last sample, Unix seconds.
    pub sampled_at: i64,
    /// Price of the last sample, a mantissa of the driving entry; zero before the first.
    pub sampled_price: u64,
    /// Variance per day, fast decay, Q16.48.
    pub fast_variance: u64,
    /// Variance per day, slow decay, Q16.48.
    pub slow_variance: u64,
    /// When `announced` becomes binding, Unix seconds.
    pub binds_at: i64,
    /// Volatility per square root of a day that Init uses, Q8.24.
    pub current: u32,
    /// Volatility that LiquidationEnd and Maint use; never above `current`.
    pub binding: u32,
    /// What `binding` becomes at `binds_at`, unless `current` is lower by then.
    pub announced: u32,
    /// Unused.
    pub padding: u32,
}

const _: () = assert!(core::mem::size_of::<VolatilityState>() == 56);

/// Derives, from the volatilities of an underlying and of the factors, what the engine multiplies with: the factor's own
/// volatility when this one drives it, the idiosyncratic and the isolated one, and the room that a collateral's weight
/// leaves.
///
/// # Errors
/// [`RiskError::UnknownUnderlying`]; [`RiskError::Overflow`].
pub fn derive(
    model: &mut PortfolioModel,
    underlyings: &mut [UnderlyingRisk],
    number: u8,
) -> Result<()> {
    let risk = usize::from(number)
        .checked_sub(1)
        .and_then(|index| underlyings.get_mut(index))
        .ok_or(RiskError::UnknownUnderlying)?;
    let floor = risk.params.volatility_floor;
    risk.volatility.current = risk.volatility.current.max(floor);
    if risk.volatility.binding == 0 {
        risk.volatility.binding = floor;
        risk.volatility.announced = floor;
    }
    let driven = usize::from(risk.params.factor).checked_sub(1);
    for (i, total) in [risk.volatility.current, risk.volatility.binding]
        .into_iter()
        .enumerate()
    {
        let mut explained = 0u64;
        let factors = model.factors.iter().zip(risk.params.loadings);
        for (factor, loading) in factors.take(driven.unwrap_or(MAX_FACTORS)) {
            let of = u64::from(factor.volatility.get(i).copied().unwrap_or(0));
            let part = (u64::from(loading.unsigned_abs()) * of) >> LOADING_BITS;
            explained = explained.saturating_add(part.saturating_mul(part));
        }
        let floor = u64::from(risk.params.idiosyncratic_floor);
        let square = u64::from(total).saturating_mul(u64::from(total));
        let own_square = square.saturating_sub(explained).max(floor * floor);
        let narrow = |root| u32::try_from(root).map_err(|_| RiskError::Overflow);
        let own = narrow(sqrt_ceil(own_square))?;
        let isolated = narrow(sqrt_ceil(explained.saturating_add(own_square)))?;
        let mut idiosyncratic = own;
        if let Some(factor) = driven.and_then(|index| model.factors.get_mut(index)) {
            idiosyncratic = 0;
            if let Some(out) = factor.volatility.get_mut(i) {
                *out = own;
            }
        }
        let shock = ratio_ceil(u128::from(total), model.params.collateral_deviations)?;
        let shock = u32::try_from(shock).unwrap_or(RATIO_ONE).min(RATIO_ONE);
        for (out, value) in [
            (&mut risk.idiosyncratic, idiosyncratic),
            (&mut risk.isolated, isolated),
            (&mut risk.collateral_shock, shock),
        ] {
            if let Some(out) = out.get_mut(i) {
                *out = value;
            }
        }
    }
    Ok(())
}
