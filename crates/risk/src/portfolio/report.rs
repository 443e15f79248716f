//! What the portfolio model says of an account, whichever way the account is margined: deltas, losses, the parts of what
//! is required, and which of them decides.
//!
//! The numbers are those that [`super::PortfolioMargin`] measures health with, not a second computation of them.

use crate::fixed::{sqrt_ceil, to_i128, Result};
use crate::health::{HealthKind, Policy, Portfolio, RiskView, StaleSet};

use super::crash::CRASH_DAYS;
use super::exposure::Exposures;
use super::gather::{gather, Counted};
use super::model::Volatilities;
use super::params::{LOADING_BITS, MAX_FACTORS};
use super::requirement::{losses_of, maintenance, Requirement, Sums};
use super::scenario::{ceil_shift, ScenarioLosses, MAX_SCENARIOS};
use super::PortfolioMargin;

/// What decides the base of a requirement, before the add-ons.
#[cfg_attr(
    feature = "anchor",
    derive(anchor_lang::AnchorSerialize, anchor_lang::AnchorDeserialize)
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// Nothing is required.
    #[default]
    Nothing,
    /// The factor model with its charge for correlations that break down.
    Linear,
    /// The least part of the gross delta.
    GrossFloor,
    /// The mean of the worst scenarios.
    Shortfall,
    /// A named crash day, by its place in [`super::DAYS`].
    CrashDay(u8),
}

/// A requirement, and what it came from, with one of the two sets of volatilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The parts, the add-on for the quote asset's peg included.
    pub parts: Requirement,
    /// What decides the base.
    pub binding: Binding,
    /// Delta to each factor, least and most over what resting orders may do, native quote.
    pub factors: [(i64, i64); MAX_FACTORS],
    /// Standard deviation of the account's value over a day by the factor model, native quote, rounded up.
    pub deviation: u64,
    /// Weighted loss in each scenario, native quote; negative for a gain.
    pub losses: ScenarioLosses,
    /// Loss on each named crash day, whole, native quote; negative for a gain.
    pub days: [i64; CRASH_DAYS],
}

impl Default for Measure {
    fn default() -> Self {
        Self {
            parts: Requirement::default(),
            binding: Binding::Nothing,
            factors: [(0, 0); MAX_FACTORS],
            deviation: 0,
            losses: ScenarioLosses {
                losses: [0; MAX_SCENARIOS],
                count: 0,
            },
            days: [0; CRASH_DAYS],
        }
    }
}

/// What the model says of an account. Init as trades see it, the other lines as liquidators do.
#[derive(Clone, Copy, Debug, Default)]
pub struct RiskReport {
    /// Deltas, those of stale entries at their last price included.
    pub exposures: Exposures,
    /// What counts towards health before anything is required, by [`HealthKind`], native quote.
    pub value: [i128; 3],
    /// What is required, by [`HealthKind`], native quote.
    pub requirement: [i128; 3],
    /// What closing everything at spot would leave, native quote; stale entries count in the account's favour.
    pub equity: i128,
    /// What was stale.
    pub stale: StaleSet,
    /// Behind Init.
    pub current: Measure,
    /// Behind LiquidationEnd and, as a part of it, Maint.
    pub binding: Measure,
}

impl RiskReport {
    /// Health of a kind in portfolio margin: [`RiskReport::value`] less [`RiskReport::requirement`].
    pub const fn health(&self, kind: HealthKind) -> i128 {
        kind.of(&self.value)
            .saturating_sub(kind.of(&self.requirement))
    }
}

impl Measure {
    /// Measures exposures, and what is owned in the quote asset. The add-ons for liquidity and basis do not depend on the
    /// volatilities: those of `same`, the other measure of the same exposures, are taken over.
    #[inline(never)]
    fn take(
        &mut self,
        view: &RiskView<'_>,
        exposures: &Exposures,
        quote: i128,
        which: Volatilities,
        same: Option<&Requirement>,
    ) -> Result<()> {
        let (model, underlyings) = (view.model, view.underlyings);
        let sums = Sums::of(model, underlyings, exposures, which)?;
        self.losses = losses_of(model, &sums, &[])?;
        let mut parts = Requirement::base_of(model, &sums, &self.losses)?;
        match same {
            Some(same) => (parts.liquidity, parts.basis) = (same.liquidity, same.basis),
            None => parts.count_add_ons(underlyings, exposures, which)?,
        }
        self.parts = parts.with_depeg(model, quote)?;
        self.deviation = sqrt_ceil(sums.squares()?)
            .saturating_mul(1u64.checked_shl(sums.places).unwrap_or(u64::MAX));
        for loss in &mut self.losses.losses {
            *loss = widened(*loss, &sums);
        }
        for ((low, high), (least, most)) in self.factors.iter_mut().zip(sums.factors) {
            *low = widened(least.wrapping_shr(LOADING_BITS), &sums);
            *high = widened(ceil_shift(most, LOADING_BITS), &sums);
        }
        for (loss, day) in self.days.iter_mut().zip(sums.days) {
            *loss = widened(ceil_shift(day, LOADING_BITS), &sums);
        }
        self.binding = self.decided();
        Ok(())
    }

    /// Of this and the measure without the stale entries in doubt, the one that the policy takes.
    fn settle(&mut self, other: Self, policy: Policy) {
        let (with, without) = (self.parts.total(), other.parts.total());
        let preferred = match policy {
            Policy::Strict | Policy::Taker => without > with,
            Policy::BenefitOfDoubt => without < with,
        };
        if preferred {
            *self = other;
        }
    }

    /// What decides the base; of equals the first as [`Binding`] lists them.
    fn decided(&self) -> Binding {
        let (parts, base) = (&self.parts, self.parts.base());
        if base == 0 {
            Binding::Nothing
        } else if parts.linear == base && parts.gross_floor < base {
            Binding::Linear
        } else if parts.linear == base {
            Binding::GrossFloor
        } else if parts.shortfall == base {
            Binding::Shortfall
        } else {
            let worst = self.days.iter().copied().max();
            let day = self.days.iter().position(|loss| Some(*loss) == worst);
            Binding::CrashDay(day.and_then(|day| u8::try_from(day).ok()).unwrap_or(0))
        }
    }
}

/// A number of shifted exposures in native quote; what does not fit is held at the end.
fn widened(value: i64, sums: &Sums) -> i64 {
    value.saturating_mul(1i64.wrapping_shl(sums.places))
}

impl PortfolioMargin {
    /// What the model says of an account, its mode left aside. The report is the caller's, because it is too large to be
    /// handed around on a small stack.
    ///
    /// # Errors
    /// As [`crate::MarginModel::health`].
    #[inline(never)]
    pub fn report(
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        report: &mut RiskReport,
    ) -> Result<()> {
        report.exposures.clear();
        let trades = count(view, portfolio, Policy::Strict, true, &mut report.exposures)?;
        let current = Volatilities::Current;
        let quote = HealthKind::Init.of(&trades.quote);
        let exposures = &report.exposures;
        report.current.take(view, exposures, quote, current, None)?;
        let add_ons = report.current.parts;
        if trades.is_doubtful() {
            let other = without_doubtful(view, portfolio, Policy::Strict, current, quote)?;
            report.current.settle(other, Policy::Strict);
        }

        // What is fresh counts the same under either policy; every delta does in any case.
        let policy = Policy::BenefitOfDoubt;
        let mut netted = None;
        let lines = if trades.stale.is_empty() {
            trades
        } else {
            report.exposures.clear();
            netted = view.at_one_price(portfolio)?;
            let view = netted.as_ref().unwrap_or(view);
            count(view, portfolio, policy, true, &mut report.exposures)?
        };
        let view = netted.as_ref().unwrap_or(view);
        let [_, end, maint] = lines.quote;
        let binding = Volatilities::Binding;
        let exposures = &report.exposures;
        report
            .binding
            .take(view, exposures, end, binding, Some(&add_ons))?;
        if lines.is_doubtful() {
            let other = without_doubtful(view, portfolio, policy, binding, end)?;
            report.binding.settle(other, policy);
        }

        let [init, required_end] = [report.current.parts, report.binding.parts];
        let required_maint = required_end.with_depeg(view.model, maint)?.total();
        let [_, end_value, maint_value] = lines.value;
        report.value = [HealthKind::Init.of(&trades.value), end_value, maint_value];
        report.requirement = [
            to_i128(init.total())?,
            to_i128(required_end.total())?,
            maintenance(required_maint, view.model)?,
        ];
        report.equity = lines.equity;
        report.stale = lines.stale;
        Ok(())
    }

    /// What a part of an account counts before anything is required, in portfolio margin: values add up, requirements do
    /// not. The scratch is the caller's, for many parts.
    ///
    /// # Errors
    /// As [`crate::MarginModel::health`].
    pub fn value(
        view: &RiskView<'_>,
        part: &Portfolio<'_>,
        policy: Policy,
        scratch: &mut Exposures,
    ) -> Result<Counted<3>> {
        scratch.clear();
        count(view, part, policy, true, scratch)
    }
}

#[inline(never)]
fn without_doubtful(
    view: &RiskView<'_>,
    portfolio: &Portfolio<'_>,
    policy: Policy,
    which: Volatilities,
    quote: i128,
) -> Result<Measure> {
    let mut exposures = Exposures::new();
    count(view, portfolio, policy, false, &mut exposures)?;
    let mut out = Measure::default();
    out.take(view, &exposures, quote, which, None)?;
    Ok(out)
}

#[inline(never)]
fn count(
    view: &RiskView<'_>,
    portfolio: &Portfolio<'_>,
    policy: Policy,
    with_stale: bool,
    exposures: &mut Exposures,
) -> Result<Counted<3>> {
    gather(
        view,
        portfolio,
        &HealthKind::ALL,
        policy,
        with_stale,
        exposures,
    )
}
