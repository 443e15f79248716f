//! What a portfolio's exposures require: the maximum of a factor model, stress scenarios and named crash days, plus
//! add-ons for what none of them sees.
//!
//! With `w` the net delta of an underlying, `β` its loadings, `σ` volatilities of a day:
//!
//! ```text
//! PM     = k · √( Σ_F (σ_F Σ w β_F)² + Σ (w σ_ε)² )         what the factor model says
//! ISO    = k · Σ |w| √(Σ_F β_F²σ_F² + σ_ε²)                  as if nothing hedged anything
//! linear = max( (1 − d)·PM + d·ISO, φ · Σ |w| )
//! base   = max( linear, mean of the worst quarter of the scenarios, h · worst crash day )
//! ```
//!
//! Each `w` is an interval over what resting orders may do, and every part takes the worst of it by itself, so no fill of
//! any of them raises the requirement, and without orders nothing is lost. Exposures are shifted down to 24 bits
//! first, outwards, so that everything after is 64-bit arithmetic. Every step rounds up and rises with its inputs, hence
//! so does the result, to the last unit.
//!
//! A factor's gain within a scenario counts at the lower of the current and the binding volatility. Otherwise a rise of
//! one factor's volatility alone could make the gain that it is to a scenario larger and Init require less than a
//! liquidation's end does.

use crate::fixed::{shift_ceil, sqrt_ceil, to_i128, Result, RiskError, RATIO_BITS, RATIO_ONE};
use crate::standard::growth;

use super::crash::CRASH_DAYS;
use super::exposure::{Exposure, Exposures};
use super::model::{PortfolioModel, UnderlyingRisk, Volatilities};
use super::params::{LOADING_BITS, MAX_FACTORS};
use super::scenario::{ceil_shift, ArrayHolding, ScenarioLosses};

/// Bits that a shifted exposure has at most. The parameters' bounds leave every sum over 32 of them within 64 bits:
/// `bounds.rs` adds them up.
pub(super) const EXPOSURE_BITS: u32 = 24;

/// The parts of a requirement, native quote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Zeroable)]
pub struct Requirement {
    /// `PM`: what the factor model says.
    pub model: u128,
    /// `ISO`: as if nothing hedged anything.
    pub isolated: u128,
    /// `φ · gross`.
    pub gross_floor: u128,
    /// `max((1 − d)·PM + d·ISO, φ·gross)`.
    pub linear: u128,
    /// Expected shortfall over the scenarios.
    pub shortfall: u128,
    /// `h` times the loss on the worst named day.
    pub crash: u128,
    /// For sizes beyond the depth of their market.
    pub liquidity: u128,
    /// For longs hedged by shorts of the same underlying.
    pub basis: u128,
    /// For the peg of the quote asset: [`Requirement::with_depeg`].
    pub depeg: u128,
    /// For the uncertainty of prices; Init only.
    pub confidence: u128,
}

impl Requirement {
    /// With the add-on for the peg of the quote asset on what an account owns of it, claims included; native quote.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn with_depeg(mut self, model: &PortfolioModel, quote: i128) -> Result<Self> {
        let owned = u64::try_from(quote.max(0)).map_err(|_| RiskError::Overflow)?;
        self.depeg = part(owned, model.params.depeg_ratio);
        Ok(self)
    }

    /// The largest of the three ways to measure.
    pub fn base(&self) -> u128 {
        self.linear.max(self.shortfall).max(self.crash)
    }

    /// What Init (with the current volatilities) or LiquidationEnd (with the binding ones) requires.
    pub fn total(&self) -> u128 {
        // Each part is below 2¹⁰⁰.
        [self.liquidity, self.basis, self.depeg, self.confidence]
            .into_iter()
            .fold(self.base(), u128::saturating_add)
    }
}

/// The requirement of exposures, and of holdings with risk arrays whose deltas the exposures count.
///
/// # Errors
/// [`RiskError::UnknownUnderlying`]; [`RiskError::Overflow`].
#[inline(never)]
pub fn requirement(
    model: &PortfolioModel,
    underlyings: &[UnderlyingRisk],
    exposures: &Exposures,
    holdings: &[ArrayHolding<'_>],
    which: Volatilities,
) -> Result<Requirement> {
    let sums = Sums::of(model, underlyings, exposures, which)?;
    let losses = losses_of(model, &sums, holdings)?;
    let mut out = Requirement::base_of(model, &sums, &losses)?;
    out.count_add_ons(underlyings, exposures, which)?;
    Ok(out)
}

/// The losses of sums in the model's scenarios, shifted down as they are.
#[inline(always)]
pub(super) fn losses_of(
    model: &PortfolioModel,
    sums: &Sums,
    holdings: &[ArrayHolding<'_>],
) -> Result<ScenarioLosses> {
    ScenarioLosses::of(model.params.scenarios(), &sums.moves, holdings, sums.places)
}

/// The loss in each scenario, native quote, rounded up; for reports.
///
/// # Errors
/// As [`requirement`].
pub fn scenario_losses(
    model: &PortfolioModel,
    underlyings: &[UnderlyingRisk],
    exposures: &Exposures,
    holdings: &[ArrayHolding<'_>],
    which: Volatilities,
) -> Result<ScenarioLosses> {
    let sums = Sums::of(model, underlyings, exposures, which)?;
    let mut out = losses_of(model, &sums, holdings)?;
    for loss in &mut out.losses {
        *loss = loss
            .checked_mul(1i64.wrapping_shl(sums.places))
            .ok_or(RiskError::Overflow)?;
    }
    Ok(out)
}

/// The entry of an underlying by its number.
///
/// # Errors
/// [`RiskError::UnknownUnderlying`].
#[inline(always)]
pub fn find(underlyings: &[UnderlyingRisk], number: u8) -> Result<&UnderlyingRisk> {
    usize::from(number)
        .checked_sub(1)
        .and_then(|index| underlyings.get(index))
        .ok_or(RiskError::UnknownUnderlying)
}

/// What is summed over an account's exposures for LiquidationEnd, kept while they change one by one: to the last bit what a
/// count of all of them anew would find.
#[derive(Clone, Copy, Debug, bytemuck::Zeroable)]
pub(crate) struct Tally {
    sums: Sums,
    add_ons: Requirement,
}

impl Tally {
    const WHICH: Volatilities = Volatilities::Binding;

    /// Counts all of them.
    ///
    /// # Errors
    /// As [`requirement`].
    #[inline(never)]
    pub fn count(&mut self, underlyings: &[UnderlyingRisk], exposures: &Exposures) -> Result<()> {
        self.sums = Sums::counted(underlyings, exposures, Self::WHICH)?;
        self.add_ons = Requirement::default();
        self.add_ons
            .count_add_ons(underlyings, exposures, Self::WHICH)
    }

    /// Counts one that has changed from what it was to what it is.
    ///
    /// # Errors
    /// As [`requirement`].
    #[inline(never)]
    pub fn exchange(
        &mut self,
        underlyings: &[UnderlyingRisk],
        before: &Exposure,
        after: &Exposure,
    ) -> Result<()> {
        let risk = find(underlyings, after.underlying)?;
        self.sums.count::<false>(before, risk, Self::WHICH);
        self.sums.count::<true>(after, risk, Self::WHICH);
        let (mut old, mut new) = (Requirement::default(), Requirement::default());
        old.count_add_on(before, risk, Self::WHICH)?;
        new.count_add_on(after, risk, Self::WHICH)?;
        let exchanged = |sum: u128, old: u128, new: u128| sum.wrapping_sub(old).wrapping_add(new);
        self.add_ons.basis = exchanged(self.add_ons.basis, old.basis, new.basis);
        self.add_ons.liquidity = exchanged(self.add_ons.liquidity, old.liquidity, new.liquidity);
        Ok(())
    }

    /// Whether the sums are shifted down as these exposures have to be.
    pub fn fits(&self, exposures: &Exposures) -> bool {
        self.sums.places == places(exposures)
    }

    /// As [`requirement`] of the exposures that were counted.
    ///
    /// # Errors
    /// As [`requirement`].
    #[inline(never)]
    pub fn requirement(&self, model: &PortfolioModel) -> Result<Requirement> {
        let mut sums = self.sums;
        sums.finish(model, Self::WHICH);
        let losses = losses_of(model, &sums, &[])?;
        Ok(Requirement {
            liquidity: self.add_ons.liquidity,
            basis: self.add_ons.basis,
            ..Requirement::base_of(model, &sums, &losses)?
        })
    }
}

/// Sums over an account's exposures, shifted down.
#[derive(Clone, Copy, Debug, bytemuck::Zeroable)]
pub(super) struct Sums {
    /// Binary places that were shifted out.
    pub(super) places: u32,
    /// Exposure to each factor, as an interval, with [`LOADING_BITS`] fraction bits.
    pub(super) factors: [(i64, i64); MAX_FACTORS],
    /// The same times the factor's volatility (a bound that is a gain: the lower of its two), without fraction bits.
    moves: [(i64, i64); MAX_FACTORS],
    /// `Σ |w|`.
    gross: u64,
    /// `Σ |w| σ`.
    isolated: u64,
    /// `Σ (w σ_ε)²`.
    own_squares: u64,
    /// Loss on each named day, with [`LOADING_BITS`] fraction bits.
    pub(super) days: [i64; CRASH_DAYS],
}

impl Sums {
    #[inline(always)]
    pub(super) fn of(
        model: &PortfolioModel,
        underlyings: &[UnderlyingRisk],
        exposures: &Exposures,
        which: Volatilities,
    ) -> Result<Self> {
        let mut sums = Self::counted(underlyings, exposures, which)?;
        sums.finish(model, which);
        Ok(sums)
    }

    /// The sums that are exposures' own.
    #[inline(always)]
    fn counted(
        underlyings: &[UnderlyingRisk],
        exposures: &Exposures,
        which: Volatilities,
    ) -> Result<Self> {
        let mut sums = Self {
            places: places(exposures),
            factors: [(0, 0); MAX_FACTORS],
            moves: [(0, 0); MAX_FACTORS],
            gross: 0,
            isolated: 0,
            own_squares: 0,
            days: [0; CRASH_DAYS],
        };
        for item in exposures.items() {
            sums.count::<true>(item, find(underlyings, item.underlying)?, which);
        }
        Ok(sums)
    }

    /// What follows from them.
    #[inline(always)]
    fn finish(&mut self, model: &PortfolioModel, which: Volatilities) {
        self.isolated = ratio_shift(self.isolated);
        for i in 0..MAX_FACTORS {
            if let (Some(factor), Some((low, high)), Some(out)) = (
                model.factors.get(i),
                self.factors.get(i),
                self.moves.get_mut(i),
            ) {
                let volatility = i64::from(which.of(&factor.volatility));
                let gaining =
                    volatility.min(i64::from(Volatilities::Binding.of(&factor.volatility)));
                let low = low.wrapping_shr(LOADING_BITS);
                let high = ceil_shift(*high, LOADING_BITS);
                let low = low.wrapping_mul(if low < 0 { volatility } else { gaining });
                let high = high.wrapping_mul(if high > 0 { volatility } else { gaining });
                *out = (low.wrapping_shr(RATIO_BITS), ceil_shift(high, RATIO_BITS));
            }
        }
    }

    /// Counts an exposure, or stops counting it. Within the parameters' bounds nothing here comes near 64 bits.
    #[inline(always)]
    fn count<const ADDS: bool>(
        &mut self,
        item: &Exposure,
        risk: &UnderlyingRisk,
        which: Volatilities,
    ) {
        let by = |sum: i64, part: i64| match ADDS {
            true => sum.wrapping_add(part),
            false => sum.wrapping_sub(part),
        };
        let by_size = |sum: u64, part: u64| match ADDS {
            true => sum.wrapping_add(part),
            false => sum.wrapping_sub(part),
        };
        let low = item.low.wrapping_shr(self.places);
        let high = ceil_shift(item.high, self.places);
        for ((least, most), loading) in self.factors.iter_mut().zip(risk.params.loadings) {
            let loading = i64::from(loading);
            let (at_low, at_high) = (low.wrapping_mul(loading), high.wrapping_mul(loading));
            *least = by(*least, at_low.min(at_high));
            *most = by(*most, at_low.max(at_high));
        }
        for (loss, day) in self.days.iter_mut().zip(risk.params.crash_returns) {
            // A day that rose hurts most at the lowest exposure.
            let worst = if day >= 0 { low } else { high };
            *loss = by(*loss, worst.wrapping_mul(i64::from(day)).wrapping_neg());
        }
        let size = low.unsigned_abs().max(high.unsigned_abs());
        self.gross = by_size(self.gross, size);
        let isolated = size.wrapping_mul(u64::from(which.of(&risk.isolated)));
        self.isolated = by_size(self.isolated, isolated);
        let own = ratio_shift(size.wrapping_mul(u64::from(which.of(&risk.idiosyncratic))));
        self.own_squares = by_size(self.own_squares, own.wrapping_mul(own));
    }

    /// `Σ_F (σ_F Σ w β_F)² + Σ (w σ_ε)²`.
    pub(super) fn squares(&self) -> Result<u64> {
        self.moves
            .iter()
            .try_fold(self.own_squares, |sum, (low, high)| {
                let most = low.unsigned_abs().max(high.unsigned_abs());
                most.checked_mul(most)
                    .and_then(|square| sum.checked_add(square))
            })
            .ok_or(RiskError::Overflow)
    }

    /// Loss on the worst named day, zero when all were gains.
    fn worst_day(&self) -> u64 {
        let worst = self.days.iter().copied().fold(0, i64::max);
        ceil_shift(worst, LOADING_BITS).unsigned_abs()
    }
}

/// How many binary places the largest exposure has beyond [`EXPOSURE_BITS`].
fn places(exposures: &Exposures) -> u32 {
    let all = exposures
        .items()
        .iter()
        .fold(0, |bits, item| bits | item.size());
    (u64::BITS - EXPOSURE_BITS).saturating_sub(all.leading_zeros())
}

/// `⌈value / 2^24⌉` of a product with a ratio.
#[inline(always)]
fn ratio_shift(value: u64) -> u64 {
    value
        .wrapping_add(u64::from(RATIO_ONE - 1))
        .wrapping_shr(RATIO_BITS)
}

impl Requirement {
    /// What comes before the add-ons, from the sums over exposures and the losses in the scenarios.
    #[inline(always)]
    pub(super) fn base_of(
        model: &PortfolioModel,
        sums: &Sums,
        losses: &ScenarioLosses,
    ) -> Result<Self> {
        let params = &model.params;
        let widen = |value: u128| value.wrapping_shl(sums.places);

        let deviation = sqrt_ceil(sums.squares()?);
        let modelled = part(deviation, params.deviations);
        // Never less in real numbers; rounding could make it so, and a higher `d` lower the requirement.
        let isolated = part(sums.isolated.max(deviation), params.deviations);
        let gross_floor = part(sums.gross, params.gross_floor);
        let broken = params.correlation_breakdown.min(RATIO_ONE);
        let holding = u128::from(RATIO_ONE.wrapping_sub(broken));
        let mixed = modelled
            .wrapping_mul(holding)
            .wrapping_add(isolated.wrapping_mul(u128::from(broken)));
        let mixed = shift_ceil(mixed, RATIO_BITS);
        Ok(Self {
            model: widen(modelled),
            isolated: widen(isolated),
            gross_floor: widen(gross_floor),
            linear: widen(mixed.max(gross_floor)),
            shortfall: widen(u128::from(losses.shortfall())),
            crash: widen(part(sums.worst_day(), params.crash_multiple)),
            ..Self::default()
        })
    }

    /// Adds what exposures cost beyond the base.
    #[inline(always)]
    pub(super) fn count_add_ons(
        &mut self,
        underlyings: &[UnderlyingRisk],
        exposures: &Exposures,
        which: Volatilities,
    ) -> Result<()> {
        for item in exposures.items() {
            self.count_add_on(item, find(underlyings, item.underlying)?, which)?;
        }
        Ok(())
    }

    /// Adds what an exposure costs beyond the base.
    #[inline(always)]
    fn count_add_on(
        &mut self,
        item: &Exposure,
        risk: &UnderlyingRisk,
        which: Volatilities,
    ) -> Result<()> {
        let hedged = item.long.min(item.short).max(0).unsigned_abs();
        if hedged > 0 {
            self.basis = self
                .basis
                .wrapping_add(part(hedged, risk.params.basis_ratio));
        }
        if which == Volatilities::Current {
            let lag = item.below.max(item.above).max(0);
            let uncertain = lag.saturating_add(item.confidence).unsigned_abs();
            self.confidence = self.confidence.wrapping_add(u128::from(uncertain));
        }
        let size = item.size();
        if size > risk.params.depth_notional {
            self.liquidity = self.liquidity.wrapping_add(liquidity(size, risk)?);
        }
        Ok(())
    }
}

/// `⌈amount · ratio⌉`, below 2⁹⁶.
#[inline(always)]
fn part(amount: u64, ratio: u32) -> u128 {
    if ratio == 0 {
        return 0;
    }
    shift_ceil(
        u128::from(amount).wrapping_mul(u128::from(ratio)),
        RATIO_BITS,
    )
}

/// `⌈size · f · (√(size / depth) − 1)⌉` of a size beyond the depth.
#[inline(never)]
fn liquidity(size: u64, risk: &UnderlyingRisk) -> Result<u128> {
    let growth = growth(size, risk.depth_inverse_root);
    let beyond = growth.saturating_sub(u128::from(RATIO_ONE));
    let rate = shift_ceil(
        beyond
            .checked_mul(u128::from(risk.params.liquidity_ratio))
            .ok_or(RiskError::Overflow)?,
        RATIO_BITS,
    );
    let charge = u128::from(size)
        .checked_mul(rate)
        .ok_or(RiskError::Overflow)?;
    Ok(shift_ceil(charge, RATIO_BITS))
}

/// The maintenance part of what a liquidation's end requires, rounded up.
///
/// # Errors
/// [`RiskError::Overflow`].
pub fn maintenance(end: u128, model: &PortfolioModel) -> Result<i128> {
    let product = end
        .checked_mul(u128::from(model.params.maint_fraction.min(RATIO_ONE)))
        .ok_or(RiskError::Overflow)?;
    to_i128(shift_ceil(product, RATIO_BITS))
}
