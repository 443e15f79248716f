//! What the portfolio model says of an account, whichever way the account is margined: deltas, losses, the parts of what
//! is required, and which of them decides.
//!
//! The numbers are those that [`super::PortfolioMargin`] measures health with, not a second computation of them.

use crate::fixed::{sqrt_ceil, to_i128, Result};
use crate::health::{HealthKind, Policy, Portfolio, RiskView, StaleSet};

use super::crash::CRASH_DAYS;
use super::exposure::Exposures;
use super::gather::{gather_certain, gather_slots, Counted};
use super::hedges::Hedges;
use super::model::Volatilities;
use super::params::{LOADING_BITS, MAX_FACTORS};
use super::parts::Parts;
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

    /// Measures exposures by themselves.
    #[inline(never)]
    fn of(
        view: &RiskView<'_>,
        exposures: &Exposures,
        quote: i128,
        which: Volatilities,
    ) -> Result<Self> {
        let mut out = Self::default();
        out.take(view, exposures, quote, which, None)?;
        Ok(out)
    }

    /// Of this and the measure without the stale entries in doubt, the one that the policy takes.
    #[inline(never)]
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
    // By shifts: a saturating product is a wide one, which costs more on chain.
    let wide = value.wrapping_shl(sums.places);
    if wide.wrapping_shr(sums.places) == value {
        return wide;
    }
    if value < 0 {
        i64::MIN
    } else {
        i64::MAX
    }
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
        Self::measure(view, portfolio, report, None)
    }

    /// The same, with what each slot adds to [`RiskReport::value`].
    ///
    /// # Errors
    /// As [`crate::MarginModel::health`].
    pub fn report_with_parts(
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        report: &mut RiskReport,
        parts: &mut Parts,
    ) -> Result<()> {
        Self::measure(view, portfolio, report, Some(parts))
    }

    #[inline(never)]
    fn measure(
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        report: &mut RiskReport,
        mut parts: Option<&mut Parts>,
    ) -> Result<()> {
        report.exposures.clear();
        let (kinds, strict) = (&HealthKind::ALL, Policy::Strict);
        let exposures = &mut report.exposures;
        let mut trades = match parts.as_deref_mut() {
            Some(parts) => parts.trades(view, portfolio, exposures)?,
            None => gather_slots(view, portfolio, kinds, strict, true, exposures)?,
        };
        let credited = match trades.stale.is_empty() {
            true => &[HealthKind::Init, HealthKind::Maint][..],
            false => &[HealthKind::Init],
        };
        credit(
            view,
            portfolio,
            &mut trades,
            strict,
            parts.as_deref_mut(),
            credited,
        )?;
        let current = Volatilities::Current;
        let quote = HealthKind::Init.of(&trades.quote);
        let exposures = &report.exposures;
        report.current.take(view, exposures, quote, current, None)?;
        let add_ons = report.current.parts;
        if trades.is_doubtful() {
            let mut certain = Exposures::new();
            gather_certain(view, portfolio, HealthKind::Init, strict, &mut certain)?;
            let other = Measure::of(view, &certain, quote, current)?;
            report.current.settle(other, strict);
        }

        // What is fresh counts the same under either policy.
        let lines = if trades.stale.is_empty() {
            let end = HealthKind::LiquidationEnd.of(&trades.quote);
            let (exposures, binding) = (&report.exposures, Volatilities::Binding);
            report
                .binding
                .take(view, exposures, end, binding, Some(&add_ons))?;
            trades
        } else {
            in_doubt(view, portfolio, report, &add_ons, parts)?
        };

        let [init, required_end] = [report.current.parts, report.binding.parts];
        let maint = HealthKind::Maint.of(&lines.quote);
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
}

/// The lines of liquidators, and what is behind them, where something is stale. Every delta counts the same under either
/// policy: those with what is stale are in the report already, and those without it are collected with the values.
#[inline(never)]
fn in_doubt(
    view: &RiskView<'_>,
    portfolio: &Portfolio<'_>,
    report: &mut RiskReport,
    add_ons: &Requirement,
    parts: Option<&mut Parts>,
) -> Result<Counted<3>> {
    let netted = view.at_one_price(portfolio)?;
    let view = netted.as_ref().unwrap_or(view);
    let (policy, binding) = (Policy::BenefitOfDoubt, Volatilities::Binding);
    let mut certain = Exposures::new();
    let mut parts = parts;
    let mut lines = match parts.as_deref_mut() {
        Some(parts) => parts.lines(view, portfolio, &mut certain)?,
        None => gather_slots(
            view,
            portfolio,
            &HealthKind::ALL,
            policy,
            false,
            &mut certain,
        )?,
    };
    credit(
        view,
        portfolio,
        &mut lines,
        policy,
        parts,
        &[HealthKind::Maint],
    )?;
    let end = HealthKind::LiquidationEnd.of(&lines.quote);
    let exposures = &report.exposures;
    report
        .binding
        .take(view, exposures, end, binding, Some(add_ons))?;
    if lines.is_doubtful() {
        let other = Measure::of(view, &certain, end, binding)?;
        report.binding.settle(other, policy);
    }
    Ok(lines)
}

/// Counts what hedges add, and to which slot, by these kinds.
#[inline(never)]
fn credit(
    view: &RiskView<'_>,
    portfolio: &Portfolio<'_>,
    counted: &mut Counted<3>,
    policy: Policy,
    parts: Option<&mut Parts>,
    kinds: &[HealthKind],
) -> Result<()> {
    let mut hedges = Hedges::new();
    hedges.count(view, portfolio, policy)?;
    counted.add_credits(&HealthKind::ALL, &hedges.credits()?)?;
    if let Some(parts) = parts {
        for kind in kinds {
            parts.credit(view, portfolio, &hedges, *kind)?;
        }
    }
    Ok(())
}
