//! Portfolio margin: the account's deltas are netted per underlying and margined as one portfolio.
//!
//! ```text
//! health = Σ values at spot − requirement of the exposures
//! ```
//!
//! A deposit or debt counts its whole value at spot (of a deposit that is trusted no more a part), a position its loss, and its
//! profit as far as it mirrors a loss of the same underlying (`hedges.rs`) and for the rest as in [`crate::standard`]; what their
//! prices may do is the [`requirement`]'s matter. What the model does not cover (an entry without underlying, the quote asset)
//! counts as in standard margin and nets with nothing. Init requires the whole at the current volatilities,
//! LiquidationEnd at the binding ones without the add-on for the uncertainty of prices, Maint a part of that.

mod bounds;
mod crash;
mod defaults;
mod exposure;
mod gather;
mod hedges;
mod model;
mod params;
mod parts;
mod report;
mod requirement;
mod scenario;

pub use bounds::require_consistent;
pub use crash::{CrashDay, CRASH_DAYS, DAYS};
pub use exposure::{Delta, Exposure, Exposures, MAX_EXPOSURES};
pub(crate) use gather::{believed, gather_slots};
pub use gather::{gather, gather_certain, Counted};
pub(crate) use hedges::{Hedge, Hedges};
pub use model::{FactorRisk, PortfolioModel, UnderlyingRisk, Volatilities, MAX_UNDERLYINGS};
pub use params::{ModelParams, UnderlyingParams, LOADING_BITS, LOADING_ONE, MAX_FACTORS};
pub use parts::Parts;
pub use report::{Binding, Measure, RiskReport};
pub(crate) use requirement::Tally;
pub use requirement::{find, maintenance, requirement, scenario_losses, Requirement};
pub use scenario::{
    ArrayHolding, RiskArray, Scenario, ScenarioLosses, MAX_SCENARIOS, RANGE, SHOCK_BITS, TABLE,
    WEIGHT_BITS, WEIGHT_ONE,
};

use crate::fixed::{sub, to_i128, Result};
use crate::health::{
    Assessment, Health, HealthKind, MarginModel, Policy, Portfolio, RiskView, StaleSet,
};

/// The portfolio margin engine.
#[derive(Clone, Copy, Debug)]
pub struct PortfolioMargin;

impl MarginModel for PortfolioMargin {
    fn health(
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        kind: HealthKind,
        policy: Policy,
    ) -> Result<Health> {
        let mut exposures = Exposures::new();
        let counted = gather(view, portfolio, &[kind], policy, true, &mut exposures)?;
        let ([value], [quote]) = (counted.value, counted.quote);
        let mut required = required(view, &exposures, quote, kind)?;
        if counted.is_doubtful() {
            exposures.clear();
            gather_certain(view, portfolio, kind, policy, &mut exposures)?;
            let without = self::required(view, &exposures, quote, kind)?;
            required = settle(policy, required, without);
        }
        Ok(Health {
            value: sub(value, required)?,
            stale: counted.stale,
        })
    }

    fn assess(
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        policy: Policy,
    ) -> Result<Assessment> {
        Ok(Self::lines(view, portfolio, policy)?.into())
    }
}

/// Values and requirements of every kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// What counts towards health before anything is required, by [`HealthKind`], native quote.
    pub value: [i128; 3],
    /// What is required, by [`HealthKind`], native quote.
    pub requirement: [i128; 3],
    /// What would be left if everything were closed at spot, unweighted, native quote.
    pub equity: i128,
    /// What was stale.
    pub stale: StaleSet,
}

impl From<Lines> for Assessment {
    fn from(lines: Lines) -> Self {
        let mut health = lines.value;
        for (value, required) in health.iter_mut().zip(lines.requirement) {
            *value = value.saturating_sub(required);
        }
        Self {
            health,
            equity: lines.equity,
            stale: lines.stale,
        }
    }
}

impl PortfolioMargin {
    /// Values and requirements of every kind in a single pass.
    ///
    /// # Errors
    /// As [`MarginModel::health`].
    #[inline(never)]
    pub fn lines(view: &RiskView<'_>, portfolio: &Portfolio<'_>, policy: Policy) -> Result<Lines> {
        let mut exposures = Exposures::new();
        let kinds = &HealthKind::ALL;
        let counted = gather(view, portfolio, kinds, policy, true, &mut exposures)?;
        let mut requirement = all_required(view, &exposures, &counted.quote)?;
        if counted.is_doubtful() {
            exposures.clear();
            gather_certain(view, portfolio, HealthKind::Init, policy, &mut exposures)?;
            for (kept, other) in
                requirement
                    .iter_mut()
                    .zip(all_required(view, &exposures, &counted.quote)?)
            {
                *kept = settle(policy, *kept, other);
            }
        }
        Ok(Lines {
            value: counted.value,
            requirement,
            equity: counted.equity,
            stale: counted.stale,
        })
    }
}

/// Of the requirements with and without what is stale, the one that the policy takes.
pub(crate) fn settle(policy: Policy, with: i128, without: i128) -> i128 {
    match policy {
        Policy::Strict | Policy::Taker => with.max(without),
        Policy::BenefitOfDoubt => with.min(without),
    }
}

/// What a kind requires of exposures and of what is owned in the quote asset.
#[inline(never)]
fn required(
    view: &RiskView<'_>,
    exposures: &Exposures,
    quote: i128,
    kind: HealthKind,
) -> Result<i128> {
    let which = Volatilities::behind(kind);
    let parts = requirement(view.model, view.underlyings, exposures, &[], which)?;
    line(&parts, view, quote, kind)
}

#[inline(never)]
fn all_required(
    view: &RiskView<'_>,
    exposures: &Exposures,
    quotes: &[i128; 3],
) -> Result<[i128; 3]> {
    let of = |which| requirement(view.model, view.underlyings, exposures, &[], which);
    let (current, binding) = (of(Volatilities::Current)?, of(Volatilities::Binding)?);
    let mut out = [0; 3];
    for ((required, quote), kind) in out.iter_mut().zip(quotes).zip(HealthKind::ALL) {
        let parts = match Volatilities::behind(kind) {
            Volatilities::Current => &current,
            Volatilities::Binding => &binding,
        };
        *required = line(parts, view, *quote, kind)?;
    }
    Ok(out)
}

/// A kind's requirement from its parts.
pub(crate) fn line(
    parts: &Requirement,
    view: &RiskView<'_>,
    quote: i128,
    kind: HealthKind,
) -> Result<i128> {
    let total = parts.with_depeg(view.model, quote)?.total();
    match kind {
        HealthKind::Maint => maintenance(total, view.model),
        _ => to_i128(total),
    }
}
