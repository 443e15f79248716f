//! Effective weights and margin ratios: they tighten as a bank's deposits and borrows grow, and with volatility.
//!
//! An asset that backs more debt than the market could absorb is worse collateral the more of it there is, and a
//! large borrow is harder to buy back. Above a threshold in USD the asset weight falls in inverse proportion to
//! total deposits, so the bank's total weighted value stays what it was at the threshold; the liability weight
//! rises in proportion to total borrows.
//!
//! What follows an underlying is sold, or bought back, at a price that moved meanwhile, slipped by the sale's own impact,
//! and less the liquidator's fee. Listed weights and ratios leave room for that of an ordinary day; [`Haircut`] is the room
//! that the volatility of now asks for, and the stricter of both counts.

use crate::fixed::{div_ceil, div_floor, Result, RiskError, RATIO_BITS, RATIO_ONE};
use crate::portfolio::{find, PortfolioModel, UnderlyingRisk};

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

/// The room that Standard margin leaves for the moves of an underlying.
///
/// With its `shock` (the current one for Init, the binding one for LiquidationEnd), `slippage` and a liquidation's largest
/// fee, and the maintenance fraction `m`:
///
/// ```text
/// keeps = (1 − shock)·(1 − slippage)·(1 − fee)     least part of its value that a deposit sells for
/// costs = (1 + shock)·(1 + slippage)·(1 + fee)     most that buying back a debt, or a short, takes
///
/// asset weight      min(listed, keeps)              Maint: min(listed, 1 − m·(1 − keeps))
/// liability weight  max(listed, costs)              Maint: max(listed, 1 + m·(costs − 1))
/// margin ratio      max(listed, min(costs − 1, 1))  Maint: max(listed, m·min(costs − 1, 1))
/// ```
///
/// The binding shock is never above the current one and `m` is at most one, so Init stays at or below LiquidationEnd and
/// that at or below Maint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Haircut {
    /// Relative price move, current and binding, at most one.
    pub shock: [u32; 2],
    /// Price impact of a sale or purchase, at most one.
    pub slippage: u32,
    /// The part of the room that Maint leaves, at most one.
    pub maint_fraction: u32,
}

impl Haircut {
    /// That of an underlying by its number; none for zero, and for one that does not exist.
    #[inline(always)]
    pub fn of(model: &PortfolioModel, underlyings: &[UnderlyingRisk], number: u8) -> Option<Self> {
        if number == 0 {
            return None;
        }
        let risk = find(underlyings, number).ok()?;
        Some(Self {
            shock: risk.collateral_shock.map(|shock| shock.min(RATIO_ONE)),
            slippage: risk.params.slippage.min(RATIO_ONE),
            maint_fraction: model.params.maint_fraction.min(RATIO_ONE),
        })
    }

    /// Weights of a deposit by kind, from the listed ones.
    #[inline(always)]
    pub fn asset_weights(&self, listed: [u32; 3], fee: u32) -> [u32; 3] {
        let one = u64::from(RATIO_ONE);
        let left = |ratio: u32| one.saturating_sub(u64::from(ratio));
        let [init, end] = self.shock.map(|shock| {
            let moved = left(shock).wrapping_mul(left(self.slippage)) >> RATIO_BITS;
            narrow(moved.wrapping_mul(left(fee)) >> RATIO_BITS)
        });
        let maint = RATIO_ONE.saturating_sub(self.maintenance(RATIO_ONE.saturating_sub(end)));
        stricter(listed, [init, end, maint], u32::min)
    }

    /// Weights of a debt by kind, from the listed ones.
    #[inline(always)]
    pub fn liability_weights(&self, listed: [u32; 3], fee: u32) -> [u32; 3] {
        let [init, end] = self.rises(fee);
        let wide = [init, end, self.maintenance(end)];
        stricter(
            listed,
            wide.map(|rise| RATIO_ONE.saturating_add(rise)),
            u32::max,
        )
    }

    /// Margin ratios of a position by kind, from the listed ones.
    #[inline(always)]
    pub fn margin_ratios(&self, listed: [u32; 3], fee: u32) -> [u32; 3] {
        let [init, end] = self.rises(fee).map(|rise| rise.min(RATIO_ONE));
        stricter(listed, [init, end, self.maintenance(end)], u32::max)
    }

    /// `costs − 1`, rounded up: below seven.
    #[inline(always)]
    fn rises(&self, fee: u32) -> [u32; 2] {
        let with = |ratio: u32| u64::from(RATIO_ONE) + u64::from(ratio.min(RATIO_ONE));
        let (slipped, paid) = (with(self.slippage), with(fee));
        self.shock.map(|shock| {
            let moved = ceil(with(shock).wrapping_mul(slipped));
            narrow(ceil(moved.wrapping_mul(paid))).saturating_sub(RATIO_ONE)
        })
    }

    /// The part of the room that Maint leaves, rounded up; never more than the whole.
    #[inline(always)]
    fn maintenance(&self, room: u32) -> u32 {
        narrow(ceil(
            u64::from(room).wrapping_mul(u64::from(self.maint_fraction)),
        ))
    }
}

#[inline(always)]
fn stricter(listed: [u32; 3], wide: [u32; 3], choose: impl Fn(u32, u32) -> u32) -> [u32; 3] {
    let ([a, b, c], [x, y, z]) = (listed, wide);
    [choose(a, x), choose(b, y), choose(c, z)]
}

/// Without a ratio's fraction bits, rounded up. No product here has more than 57 bits.
#[inline(always)]
fn ceil(product: u64) -> u64 {
    product.wrapping_add(u64::from(RATIO_ONE - 1)) >> RATIO_BITS
}

#[inline(always)]
fn narrow(ratio: u64) -> u32 {
    u32::try_from(ratio).unwrap_or(u32::MAX)
}
