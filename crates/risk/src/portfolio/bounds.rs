//! Bounds of the model's parameters, and which change of each is a loosening.
//!
//! The bounds keep every sum of `requirement.rs` within its 64 bits and every parameter within what can be meant. What
//! one set cannot tell by itself, whether the factors that underlyings load on are driven, is checked over all of them.

use crate::fixed::{RATIO_BITS, RATIO_ONE};
use crate::params::{first_loosening, require, BadParameter};
use crate::volatility::MAX_VOLATILITY;

use super::exposure::MAX_EXPOSURES;
use super::model::UnderlyingRisk;
use super::params::{ModelParams, UnderlyingParams, LOADING_BITS, LOADING_ONE, MAX_FACTORS};
use super::requirement::EXPOSURE_BITS;
use super::scenario::{Scenario, MAX_SCENARIOS, RANGE, SHOCK_BITS, WEIGHT_ONE};

/// Largest loading either way.
const MAX_LOADING: i32 = 4 * LOADING_ONE;
/// Largest shock either way, in volatilities, Q7.8.
const MAX_SHOCK: i16 = 64 << SHOCK_BITS;
/// A tail counts at most this part of what the end of the range would cost a linear book: 0.77.
const TAIL_PARTS: (i64, i64) = (77, 100);
/// A week.
const MAX_ANNOUNCEMENT_SECS: u32 = 7 * 86_400;

/// Least margin on what is hedged within an underlying: what the floor under the gross delta asks of it at least. Two prices of
/// one underlying never part by nothing, and a hedge without margin could be as large as one likes.
const MIN_BASIS: u32 = ratio(1, 200);

/// Best return of a named day: 400 %.
const MAX_RETURN: i32 = 4 * LOADING_ONE;

/// What `requirement.rs` and `scenario.rs` add up without checking, at the ends of all bounds. An overflow here is an error
/// of the build.
const _: () = {
    const fn ceil(value: u64, bits: u32) -> u64 {
        (value >> bits) + 1
    }
    const fn signed(value: u64) -> u64 {
        assert!(value >> 63 == 0);
        value
    }
    let exposure = 1u64 << EXPOSURE_BITS;
    let gross = MAX_EXPOSURES as u64 * exposure;
    let volatility = MAX_VOLATILITY as u64;
    // Signed sums have 63 bits.
    let factor = 2 * gross * MAX_LOADING as u64;
    let moved = ceil(
        2 * ceil(factor / 2, LOADING_BITS) * volatility / 2,
        RATIO_BITS,
    );
    let own = ceil(exposure * volatility, RATIO_BITS);
    let _squares = MAX_FACTORS as u64 * moved * moved + MAX_EXPOSURES as u64 * own * own;
    // Three loadings of four and the underlying's own come to less than seven volatilities.
    let _isolated = gross * 7 * volatility;
    let _day = signed(gross * MAX_RETURN as u64);
    let loss = signed(MAX_FACTORS as u64 * moved * MAX_SHOCK as u64);
    let _weighed = signed(ceil(loss, SHOCK_BITS) * WEIGHT_ONE as u64);
};

/// `numerator / denominator` as a ratio, rounded down.
const fn ratio(numerator: u32, denominator: u32) -> u32 {
    (RATIO_ONE / denominator) * numerator + (RATIO_ONE % denominator) * numerator / denominator
}

impl ModelParams {
    /// Checks every field against its bounds.
    ///
    /// # Errors
    /// The first parameter that is out of bounds.
    pub fn validate(&self) -> Result<(), BadParameter> {
        require! {
            (2 * RATIO_ONE..=6 * RATIO_ONE).contains(&self.deviations) => "deviations",
            (ratio(1, 20)..=RATIO_ONE).contains(&self.correlation_breakdown) => "correlation_breakdown",
            (ratio(1, 200)..=RATIO_ONE).contains(&self.gross_floor) => "gross_floor",
            (1..=RATIO_ONE).contains(&self.crash_multiple) => "crash_multiple",
            (RATIO_ONE / 2..=ratio(19, 20)).contains(&self.maint_fraction) => "maint_fraction",
            self.depeg_ratio <= RATIO_ONE / 2 => "depeg_ratio",
            self.fast_decay > RATIO_ONE / 2 && self.fast_decay <= self.slow_decay => "fast_decay",
            self.slow_decay <= ratio(9_999, 10_000) => "slow_decay",
            (60..=86_400).contains(&self.sample_secs) => "sample_secs",
            (1..=RATIO_ONE).contains(&self.max_rise_per_hour) => "max_rise_per_hour",
            (1..=MAX_ANNOUNCEMENT_SECS).contains(&self.announcement_secs) => "announcement_secs",
            self.collateral_deviations <= 16 * RATIO_ONE => "collateral_deviations",
            (1..=MAX_FACTORS).contains(&usize::from(self.factor_count)) => "factor_count",
            (1..=MAX_SCENARIOS).contains(&usize::from(self.scenario_count)) => "scenario_count",
            self.padding == [0; 6] => "padding",
        }
        let (used, unused) = self
            .scenarios
            .split_at_checked(usize::from(self.scenario_count))
            .ok_or(BadParameter("scenario_count"))?;
        require! {
            used.iter().all(Scenario::is_within_bounds) => "scenarios",
            unused.iter().all(|scenario| *scenario == Scenario::default()) => "scenarios",
        }
        Ok(())
    }

    /// The first field that `new` loosens, `None` when it only tightens or changes nothing. To set up a model where
    /// there is none loosens.
    pub fn first_loosening(&self, new: &Self) -> Option<&'static str> {
        first_loosening! { self, new;
            scenario_count: any,
            factor_count: any,
            deviations: down,
            correlation_breakdown: down,
            gross_floor: down,
            crash_multiple: down,
            maint_fraction: down,
            depeg_ratio: down,
            fast_decay: any,
            slow_decay: any,
            sample_secs: any,
            max_rise_per_hour: any,
            announcement_secs: any,
            collateral_deviations: down,
            scenarios: any,
        }
        None
    }
}

impl Scenario {
    fn is_within_bounds(&self) -> bool {
        let largest = self.shocks.iter().map(|shock| shock.unsigned_abs()).max();
        let largest = largest.unwrap_or(0).max(self.volatility.unsigned_abs());
        (1..=WEIGHT_ONE).contains(&self.weight)
            && largest <= MAX_SHOCK.unsigned_abs()
            && self.is_damped()
            && self.padding == 0
    }

    /// Whether a shock beyond the range weighs no more than a tail's: `0.77 · range / |shock|`, rounded up.
    fn is_damped(&self) -> bool {
        let (parts, of) = TAIL_PARTS;
        let range = i64::from(RANGE);
        self.shocks.iter().all(|shock| {
            let shock = i64::from(*shock).abs();
            let most = parts * range * i64::from(WEIGHT_ONE);
            shock <= range || (i64::from(self.weight) - 1) * shock * of < most
        })
    }
}

impl UnderlyingParams {
    /// Checks every field against its bounds.
    ///
    /// A factor's driver has a loading of one on its own factor and none on later ones, so that factor's volatility is
    /// what is left of the driver's.
    ///
    /// # Errors
    /// The first parameter that is out of bounds.
    pub fn validate(&self) -> Result<(), BadParameter> {
        // Minus 95 % to plus 400 %.
        let least_return = -(LOADING_ONE / 20 * 19);
        let crash_returns = least_return..=MAX_RETURN;
        require! {
            self.depth_notional >= 1_000_000 => "depth_notional",
            self.loadings.iter().all(|l| (-MAX_LOADING..=MAX_LOADING).contains(l)) => "loadings",
            self.crash_returns.iter().all(|r| crash_returns.contains(r)) => "crash_returns",
            (ratio(1, 1_000)..=MAX_VOLATILITY).contains(&self.volatility_floor) => "volatility_floor",
            self.idiosyncratic_floor <= MAX_VOLATILITY => "idiosyncratic_floor",
            self.liquidity_ratio <= RATIO_ONE => "liquidity_ratio",
            (MIN_BASIS..=RATIO_ONE / 2).contains(&self.basis_ratio) => "basis_ratio",
            self.slippage <= RATIO_ONE / 2 => "slippage",
            usize::from(self.factor) <= MAX_FACTORS => "factor",
            self.padding == [0; 7] => "padding",
        }
        if let Some((own, later)) = self.driven() {
            require! {
                own == LOADING_ONE && later.iter().all(|loading| *loading == 0) => "loadings",
            }
        }
        Ok(())
    }

    /// The loadings on the factor that it drives and on those after; `None` when it drives none.
    fn driven(&self) -> Option<(i32, &[i32])> {
        let from = self
            .loadings
            .get(usize::from(self.factor).checked_sub(1)?..)?;
        from.split_first().map(|(own, later)| (*own, later))
    }

    /// The first field that `new` loosens, `None` when it only tightens or changes nothing.
    pub fn first_loosening(&self, new: &Self) -> Option<&'static str> {
        first_loosening! { self, new;
            depth_notional: up,
            loadings: any,
            crash_returns: any,
            volatility_floor: down,
            idiosyncratic_floor: down,
            liquidity_ratio: down,
            basis_ratio: down,
            slippage: down,
            factor: any,
        }
        None
    }
}

/// Checks what a model's parameters and its underlyings' must be to one another: no factor has two drivers, every factor
/// that one of them drives or loads on is in use, and what is loaded on is driven, for a factor without a driver would
/// look as if it never moved.
///
/// # Errors
/// The field of the underlying (or, for two drivers, `factor`) that does not fit.
pub fn require_consistent(
    params: &ModelParams,
    underlyings: &[UnderlyingRisk],
) -> Result<(), BadParameter> {
    let mut drivers = [0u8; MAX_FACTORS];
    for underlying in underlyings {
        let factor = usize::from(underlying.params.factor);
        if let Some(count) = factor
            .checked_sub(1)
            .and_then(|index| drivers.get_mut(index))
        {
            *count = count.saturating_add(1);
        }
        require! { factor <= usize::from(params.factor_count) => "factor" }
    }
    require! { drivers.iter().all(|count| *count <= 1) => "factor" }
    for underlying in underlyings {
        let mut loadings = underlying.params.loadings.iter().zip(&drivers);
        require! { loadings.all(|(loading, count)| *loading == 0 || *count > 0) => "loadings" }
    }
    Ok(())
}
