//! Joint shocks of the factors: what a portfolio loses in each, and the mean of the worst quarter.
//!
//! A linear portfolio enters through its exposure to each factor; what curves (an option) adds an array of its own, one
//! loss per scenario beyond what its delta explains, so a new kind of instrument needs no new code here.

use crate::fixed::{Result, RiskError};

use super::params::MAX_FACTORS;

/// Scenarios that the model can have.
pub const MAX_SCENARIOS: usize = 24;
/// Fraction bits of a shock (signed Q7.8, in volatilities of its factor).
pub const SHOCK_BITS: u32 = 8;
/// Fraction bits of a scenario's weight (Q1.15).
pub const WEIGHT_BITS: u32 = 15;
/// A weight of one.
pub const WEIGHT_ONE: u16 = 1 << WEIGHT_BITS;
/// The range of [`TABLE`]'s shocks: four volatilities of a day.
pub const RANGE: i16 = 4 << SHOCK_BITS;
/// Relative move of implied volatility in [`TABLE`], Q7.8: 45 % up or down.
const VOLATILITY_MOVE: i16 = 115;

/// One joint shock.
#[cfg_attr(
    feature = "anchor",
    derive(anchor_lang::AnchorSerialize, anchor_lang::AnchorDeserialize)
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Scenario {
    /// Move of each factor in its volatilities, Q7.8.
    pub shocks: [i16; MAX_FACTORS],
    /// Relative move of implied volatilities, Q7.8: for whoever fills an option's risk array.
    pub volatility: i16,
    /// The part of the loss that counts, Q1.15. A tail, whose shock lies beyond the range, is damped to
    /// `0.77 · range / |shock|`, so that a linear book loses less in it than at the end of the range, and only a convex
    /// one feels it.
    pub weight: u16,
    /// Unused.
    pub padding: u16,
}

impl Scenario {
    const fn of(shocks: [i16; MAX_FACTORS], volatility: i16) -> Self {
        Self {
            shocks,
            volatility,
            weight: WEIGHT_ONE,
            padding: 0,
        }
    }

    /// A move of the first factor by `ranges` times the range, damped to 0.77 of the range's loss.
    const fn tail(shock: i16, damping: u16) -> Self {
        Self {
            shocks: [shock, 0, 0],
            volatility: VOLATILITY_MOVE,
            weight: damping,
            padding: 0,
        }
    }
}

const PART: i16 = RANGE / 3 * 2;
/// `0.77 / 2` and `0.77 / 3`, rounded up.
const DOUBLE: u16 = 12_616;
const TRIPLE: u16 = 8_411;

/// The scenarios of a new exchange: the market up and down with volatility up and down, each further factor alone and
/// jointly, and tails at two and three times the range.
pub const TABLE: [Scenario; MAX_SCENARIOS] = [
    Scenario::of([-RANGE, 0, 0], VOLATILITY_MOVE),
    Scenario::of([-RANGE, 0, 0], -VOLATILITY_MOVE),
    Scenario::of([RANGE, 0, 0], VOLATILITY_MOVE),
    Scenario::of([RANGE, 0, 0], -VOLATILITY_MOVE),
    Scenario::of([-PART, 0, 0], VOLATILITY_MOVE),
    Scenario::of([-PART, 0, 0], -VOLATILITY_MOVE),
    Scenario::of([PART, 0, 0], VOLATILITY_MOVE),
    Scenario::of([PART, 0, 0], -VOLATILITY_MOVE),
    Scenario::of([0, 0, 0], VOLATILITY_MOVE),
    Scenario::of([0, 0, 0], -VOLATILITY_MOVE),
    Scenario::of([0, -RANGE, 0], 0),
    Scenario::of([0, RANGE, 0], 0),
    Scenario::of([0, 0, -RANGE], 0),
    Scenario::of([0, 0, RANGE], 0),
    Scenario::of([-PART, -PART, 0], VOLATILITY_MOVE),
    Scenario::of([PART, PART, 0], -VOLATILITY_MOVE),
    Scenario::of([-PART, PART, 0], VOLATILITY_MOVE),
    Scenario::of([PART, -PART, 0], -VOLATILITY_MOVE),
    Scenario::of([-PART, 0, -PART], VOLATILITY_MOVE),
    Scenario::of([PART, 0, PART], -VOLATILITY_MOVE),
    Scenario::tail(-2 * RANGE, DOUBLE),
    Scenario::tail(2 * RANGE, DOUBLE),
    Scenario::tail(-3 * RANGE, TRIPLE),
    Scenario::tail(3 * RANGE, TRIPLE),
];

/// What one unit of an instrument adds to each scenario's loss beyond its delta, and its sensitivities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiskArray {
    /// Per scenario: loss in native quote of one unit held long, less what its delta explains; negative for a gain.
    pub losses: [i64; MAX_SCENARIOS],
    /// Native quote per unit and 100 % move of the underlying: enters the underlying's net delta.
    pub delta: i64,
    /// Change of `delta` per 100 % move.
    pub gamma: i64,
    /// Native quote per unit and 100 % relative move of implied volatility.
    pub vega: i64,
}

/// A holding of an instrument with a risk array, as an interval over its resting orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayHolding<'a> {
    /// Of one unit.
    pub array: &'a RiskArray,
    /// Units held after every resting ask filled.
    pub low: i64,
    /// Units held after every resting bid filled.
    pub high: i64,
}

/// The losses of a portfolio, scenario by scenario, in the units of the exposures they were built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScenarioLosses {
    /// Per scenario, weighted, rounded up; negative for a gain. Zero beyond `count`.
    pub losses: [i64; MAX_SCENARIOS],
    /// Scenarios in use.
    pub count: usize,
}

impl ScenarioLosses {
    /// From the exposure to each factor times its volatility, as an interval, and the holdings with arrays of their own;
    /// `places` is how many binary places the exposures were shifted down.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    #[inline(never)]
    pub fn of(
        scenarios: &[Scenario],
        factors: &[(i64, i64); MAX_FACTORS],
        holdings: &[ArrayHolding<'_>],
        places: u32,
    ) -> Result<Self> {
        let mut out = Self {
            losses: [0; MAX_SCENARIOS],
            count: scenarios.len().min(MAX_SCENARIOS),
        };
        for (i, (scenario, loss)) in scenarios.iter().zip(&mut out.losses).enumerate() {
            let mut linear = 0i64;
            for (shock, (low, high)) in scenario.shocks.iter().zip(factors) {
                // A factor that rises hurts most at the lowest exposure, one that falls at the highest.
                let worst = if *shock >= 0 { *low } else { *high };
                // At most 33 and 16 bits; three of them.
                linear = linear.wrapping_sub(worst.wrapping_mul(i64::from(*shock)));
            }
            let mut total = ceil_shift(linear, SHOCK_BITS);
            for holding in holdings {
                let part = holding.loss(i)?;
                total = total
                    .checked_add(ceil_shift(part, places))
                    .ok_or(RiskError::Overflow)?;
            }
            *loss = weigh(total, scenario.weight)?;
        }
        Ok(out)
    }

    /// Expected shortfall: the mean of the worst quarter of the losses, rounded up; a gain counts as no loss.
    pub fn shortfall(&self) -> u64 {
        let tail = self.count.div_ceil(4);
        if tail == 0 {
            return 0;
        }
        // The worst so far, the least of them last.
        let mut worst = [0u64; MAX_SCENARIOS.div_ceil(4)];
        for loss in self.losses.iter().take(self.count) {
            let mut carried = loss.max(&0).unsigned_abs();
            for kept in worst.iter_mut().take(tail) {
                if carried > *kept {
                    core::mem::swap(&mut carried, kept);
                }
            }
        }
        let sum = worst
            .iter()
            .fold(0u64, |sum, loss| sum.saturating_add(*loss));
        sum.div_ceil(u64::try_from(tail).unwrap_or(1))
    }
}

impl ArrayHolding<'_> {
    /// The worse end of the interval in a scenario.
    fn loss(&self, scenario: usize) -> Result<i64> {
        let unit = self.array.losses.get(scenario).copied().unwrap_or(0);
        let at = |units: i64| negatable(unit.checked_mul(units));
        Ok(at(self.low)?.max(at(self.high)?))
    }
}

/// `⌈loss · weight⌉`.
#[inline(always)]
fn weigh(loss: i64, weight: u16) -> Result<i64> {
    if weight == WEIGHT_ONE {
        return Ok(loss);
    }
    let product = negatable(loss.checked_mul(i64::from(weight)))?;
    Ok(ceil_shift(product, WEIGHT_BITS))
}

/// What [`ceil_shift`] may be given: anything but the number that has no opposite.
#[inline(always)]
fn negatable(value: Option<i64>) -> Result<i64> {
    value
        .filter(|value| *value != i64::MIN)
        .ok_or(RiskError::Overflow)
}

/// `⌈value / 2^places⌉` of a signed number.
#[inline(always)]
pub(crate) fn ceil_shift(value: i64, places: u32) -> i64 {
    // Towards minus infinity on the negated value; neither negation overflows within the bounds of the exposures.
    value.wrapping_neg().wrapping_shr(places).wrapping_neg()
}
