//! The volatility of an underlying, learnt from its own prices: two exponentially weighted variances, a floor, a bounded
//! rise, and an announcement before a rise reaches the maintenance line.
//!
//! What an underlying's prices teach is its volatility in all. What the model multiplies with follows from it: the part
//! of its own, which is the factor's volatility when the underlying drives one, and the room that a collateral's weight
//! leaves in Standard margin. For all of them alike:
//!
//! * the current value, which Init uses, rises by at most [`ModelParams::max_rise_per_hour`] and falls at once;
//! * the binding value, which LiquidationEnd and Maint use, is never above what the current one was at any sample of the
//!   last [`ModelParams::announcement_secs`], and rises no faster than the current one may.
//!
//! A requirement rises with every volatility and in proportion to all of them, so on their account it grows by at most
//! that rate for every hour between samples; and an account that changes nothing meets no requirement at its maintenance
//! line that Init did not ask of it an announcement earlier.

mod estimate;
mod pace;

pub use pace::Pending;

use crate::fixed::{ratio_ceil, sqrt_ceil, Result, RiskError, RATIO_ONE};
use crate::portfolio::{
    ModelParams, PortfolioModel, UnderlyingParams, UnderlyingRisk, LOADING_BITS, MAX_FACTORS,
};

use estimate::{blend, squared_return};
use pace::{advance, Pace, Step};

/// Largest volatility: a half per square root of a day. What was observed beyond it counts as this.
pub const MAX_VOLATILITY: u32 = RATIO_ONE / 2;

/// What the prices of an underlying taught about its volatility.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct VolatilityState {
    /// Publish time of the last sample, Unix seconds; zero before the first.
    pub sampled_at: i64,
    /// Price of the last sample, a mantissa of the driving entry; zero before the first, and after another entry became
    /// the driving one.
    pub sampled_price: u64,
    /// Variance per day, fast decay, Q16.48.
    pub fast_variance: u64,
    /// Variance per day, slow decay, Q16.48.
    pub slow_variance: u64,
    /// When what is announced becomes binding, Unix seconds: at the first sample from then on.
    pub binds_at: i64,
    /// Volatility per square root of a day that Init uses, Q8.24.
    pub current: u32,
    /// Volatility that LiquidationEnd and Maint use; never above `current`.
    pub binding: u32,
    /// The rises of `binding` that are under way.
    pub pending: Pending,
}

const _: () = assert!(core::mem::size_of::<VolatilityState>() == 56);

/// Takes an accepted price of the driving entry into an underlying's volatilities; tells whether that was due.
///
/// Nothing changes before [`ModelParams::sample_secs`] after the last sample, so that no price can be taken twice, nor
/// while the feed is `broken`: the return is then taken whole once it is mended. Prices are mantissas of one entry. Other
/// underlyings pick up a factor that changed at their own next sample.
///
/// # Errors
/// [`RiskError::UnknownUnderlying`], with nothing changed.
pub fn sample(
    model: &mut PortfolioModel,
    underlyings: &mut [UnderlyingRisk],
    number: u8,
    price: u64,
    publish_time: i64,
    broken: bool,
) -> Result<bool> {
    let risk = find_mut(underlyings, number)?;
    let params = &model.params;
    if broken || price == 0 || !risk.volatility.is_due(params, publish_time) {
        return Ok(false);
    }
    let state = &mut risk.volatility;
    let elapsed = publish_time.saturating_sub(state.sampled_at).unsigned_abs();
    let first = state.sampled_at == 0;
    let binds = publish_time >= state.binds_at;
    state.learn(params, price, elapsed, risk.params.volatility_floor);
    state.sampled_price = price;
    state.sampled_at = publish_time;
    if binds {
        state.binds_at = publish_time.saturating_add(i64::from(params.announcement_secs));
    }
    let pace = if first {
        Pace::Start
    } else {
        Pace::Sample(Step::over(elapsed, params.max_rise_per_hour, binds))
    };
    risk.follow(model, &pace);
    Ok(true)
}

/// Brings what follows from an underlying's volatility up to date with its parameters, the model's and the factors'; its
/// factor's volatility too when it drives one. To be called after any of those were edited, drivers first, in the order
/// of their factors.
///
/// What operators raised counts at once for Init and after the announcement for the binding values; for an underlying that
/// was never sampled, at once for both. What they lowered counts at once. What prices taught moves at samples only.
///
/// # Errors
/// [`RiskError::UnknownUnderlying`], with nothing changed.
pub fn derive(
    model: &mut PortfolioModel,
    underlyings: &mut [UnderlyingRisk],
    number: u8,
) -> Result<()> {
    let risk = find_mut(underlyings, number)?;
    let pace = if risk.volatility.sampled_at == 0 {
        Pace::Start
    } else {
        Pace::Edit
    };
    risk.follow(model, &pace);
    Ok(())
}

/// The entry of an underlying by its number, to be rewritten.
fn find_mut(underlyings: &mut [UnderlyingRisk], number: u8) -> Result<&mut UnderlyingRisk> {
    usize::from(number)
        .checked_sub(1)
        .and_then(|index| underlyings.get_mut(index))
        .ok_or(RiskError::UnknownUnderlying)
}

impl VolatilityState {
    /// Whether a price published then would be a sample.
    #[inline(always)]
    pub fn is_due(&self, params: &ModelParams, publish_time: i64) -> bool {
        let elapsed = publish_time.saturating_sub(self.sampled_at);
        elapsed >= i64::from(params.sample_secs.max(1))
    }

    /// Takes the return since the last sample into both variances. The first price only starts them, from the floor.
    fn learn(&mut self, params: &ModelParams, price: u64, elapsed: u64, floor: u32) {
        if self.fast_variance == 0 && self.slow_variance == 0 {
            let start = square(floor.min(MAX_VOLATILITY));
            (self.fast_variance, self.slow_variance) = (start, start);
        }
        if self.sampled_price == 0 {
            return;
        }
        let return_square = squared_return(self.sampled_price, price);
        let after = |variance, decay| blend(variance, return_square, elapsed, decay);
        self.fast_variance = after(self.fast_variance, params.fast_decay);
        self.slow_variance = after(self.slow_variance, params.slow_decay);
    }

    /// What the prices and the floor say, before the rise is bounded.
    fn learnt(&self, floor: u32) -> u32 {
        root(self.fast_variance.max(self.slow_variance)).clamp(floor, MAX_VOLATILITY)
    }
}

impl UnderlyingRisk {
    /// Moves every volatility of the underlying, and all that follows from them.
    fn follow(&mut self, model: &mut PortfolioModel, pace: &Pace) {
        self.follow_prices(pace);
        let driven = self.params.driven_factor();
        let before = driven.unwrap_or(MAX_FACTORS);
        let total = self.volatility.current;
        let floor = self.params.idiosyncratic_floor.min(MAX_VOLATILITY);
        let explained = explained(model, &self.params, 0, before, Rounding::Down);
        let target = root(square(total).saturating_sub(explained)).max(floor);
        advance(&mut self.own, &mut self.own_pending, target, floor, pace);
        match driven.and_then(|index| model.factors.get_mut(index)) {
            Some(factor) => {
                factor.volatility = self.own;
                self.idiosyncratic = [0; 2];
            }
            None => self.idiosyncratic = self.own,
        }
        for (which, (isolated, own)) in self.isolated.iter_mut().zip(self.idiosyncratic).enumerate()
        {
            let moved = explained_by_all(model, &self.params, which);
            *isolated = root(moved.saturating_add(square(own)));
        }
        let target = shock(total, model.params.collateral_deviations);
        // The volatility that it is a multiple of was held back already: nothing holds the current shock back again.
        let (values, pending) = (&mut self.collateral_shock, &mut self.shock_pending);
        advance(values, pending, target, target, pace);
    }

    /// Moves the volatility in all.
    fn follow_prices(&mut self, pace: &Pace) {
        let state = &mut self.volatility;
        let floor = self.params.volatility_floor.min(MAX_VOLATILITY);
        let learnt = state.learnt(floor);
        let target = match pace {
            // An edit is no occasion for a rise that only time allows.
            Pace::Edit => learnt.min(state.current.max(floor)),
            _ => learnt,
        };
        let mut values = [state.current, state.binding];
        advance(&mut values, &mut state.pending, target, floor, pace);
        [state.current, state.binding] = values;
    }
}

impl UnderlyingParams {
    /// The place of the factor that it drives.
    fn driven_factor(&self) -> Option<usize> {
        usize::from(self.factor)
            .checked_sub(1)
            .filter(|index| *index < MAX_FACTORS)
    }
}

/// Which way a factor's part in an underlying's moves is rounded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    Down,
    Up,
}

/// `Σ β²σ_F²` over the first `count` factors, variance per day, Q16.48; `which` as in [`crate::portfolio::Volatilities`].
fn explained(
    model: &PortfolioModel,
    params: &UnderlyingParams,
    which: usize,
    count: usize,
    rounding: Rounding,
) -> u64 {
    let factors = model.factors.iter().zip(params.loadings).take(count);
    factors.fold(0, |sum: u64, (factor, loading)| {
        let volatility = factor.volatility.get(which).copied().unwrap_or(0);
        // 31 and 32 bits.
        let product = u64::from(loading.unsigned_abs()).wrapping_mul(u64::from(volatility));
        let part = match rounding {
            Rounding::Down => product >> LOADING_BITS,
            Rounding::Up => product.div_ceil(1 << LOADING_BITS),
        };
        let part = part.min(u64::from(u32::MAX));
        sum.saturating_add(part.wrapping_mul(part))
    })
}

/// What all factors explain of an underlying's variance, rounded up.
fn explained_by_all(model: &PortfolioModel, params: &UnderlyingParams, which: usize) -> u64 {
    explained(model, params, which, MAX_FACTORS, Rounding::Up)
}

/// The variance of a volatility.
fn square(volatility: u32) -> u64 {
    u64::from(volatility).wrapping_mul(u64::from(volatility))
}

/// The volatility of a variance, rounded up.
fn root(variance: u64) -> u32 {
    u32::try_from(sqrt_ceil(variance)).unwrap_or(u32::MAX)
}

/// `c·σ`, rounded up, at most the whole price.
fn shock(volatility: u32, deviations: u32) -> u32 {
    ratio_ceil(u128::from(volatility), deviations)
        .ok()
        .and_then(|wide| u32::try_from(wide).ok())
        .map_or(RATIO_ONE, |narrow| narrow.min(RATIO_ONE))
}
