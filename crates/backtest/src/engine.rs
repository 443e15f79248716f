//! The project's integer engine behind the reference's types: what the backtest measures.

use anyhow::{Context as _, Result};
use plimsoll_risk::feed::PriceDoubt;
use plimsoll_risk::portfolio::{
    requirement, Delta, Exposures, FactorRisk, PortfolioModel, Scenario, UnderlyingRisk,
    Volatilities, SHOCK_BITS, TABLE, WEIGHT_ONE,
};

use crate::fixed;
use crate::model::{Holding, Model, Parts, Shock};

/// One USD in native quote.
const USD: f64 = 1e6;

/// A model in the chain's own forms.
#[derive(Clone, Debug)]
pub struct Engine {
    model: PortfolioModel,
    underlyings: Vec<UnderlyingRisk>,
}

impl Engine {
    /// From the current and the binding model, which differ in their volatilities alone.
    ///
    /// # Errors
    /// A value that its fixed-point form cannot hold.
    pub fn new([current, binding]: [&Model; 2]) -> Result<Self> {
        let mut model = PortfolioModel::default();
        let many = &current.multiples;
        model.params.deviations = fixed::ratio(many.deviations)?;
        model.params.correlation_breakdown = fixed::ratio(many.correlation_breakdown)?;
        model.params.gross_floor = fixed::ratio(many.gross_floor)?;
        model.params.crash_multiple = fixed::ratio(many.crash_multiple)?;
        model.params.maint_fraction = fixed::ratio(many.maint_fraction)?;
        model.params.depeg_ratio = fixed::ratio(many.depeg_ratio)?;
        model.params.scenario_count = u8::try_from(current.shocks.len())?;
        for (slot, shock) in model.params.scenarios.iter_mut().zip(&current.shocks) {
            *slot = scenario(shock);
        }
        let factors = current.factors.iter().zip(binding.factors);
        for (slot, (now, bound)) in model.factors.iter_mut().zip(factors) {
            *slot = FactorRisk {
                volatility: [fixed::ratio(*now)?, fixed::ratio(bound)?],
            };
        }
        let mut underlyings = Vec::new();
        for (at, now) in current.underlyings.iter().enumerate() {
            let bound = binding.underlyings.get(at).context("the models differ")?;
            let mut risk = UnderlyingRisk::default();
            for (slot, loading) in risk.params.loadings.iter_mut().zip(now.loadings) {
                *slot = fixed::loading(loading)?;
            }
            for (slot, value) in risk.params.crash_returns.iter_mut().zip(now.crash) {
                *slot = fixed::loading(value)?;
            }
            risk.params.depth_notional = fixed::native(now.depth)?.max(1);
            risk.params.liquidity_ratio = fixed::ratio(now.impact)?;
            risk.params.basis_ratio = fixed::ratio(many.basis_ratio)?;
            risk.idiosyncratic = [fixed::ratio(now.own)?, fixed::ratio(bound.own)?];
            risk.isolated = [
                fixed::ratio(current.volatility(now))?,
                fixed::ratio(binding.volatility(bound))?,
            ];
            risk.depth_inverse_root = inverse_root(risk.params.depth_notional);
            underlyings.push(risk);
        }
        Ok(Self { model, underlyings })
    }

    /// The requirement of holdings, without a deposit of the quote asset.
    ///
    /// # Errors
    /// What the integer engine refuses.
    pub fn requirement(&self, holdings: &[Holding], which: Volatilities) -> Result<Parts> {
        let mut exposures = Exposures::new();
        for holding in holdings {
            let number = u8::try_from(holding.underlying + 1)?;
            for usd in [holding.long, -holding.short] {
                if usd != 0.0 {
                    let native = (usd * USD).floor() as i128;
                    exposures.add(number, &Delta::fixed(native, PriceDoubt::default())?)?;
                }
            }
        }
        let found = requirement(&self.model, &self.underlyings, &exposures, &[], which)?;
        let usd = |native: u128| native as f64 / USD;
        Ok(Parts {
            isolated: usd(found.isolated),
            linear: usd(found.linear),
            shortfall: usd(found.shortfall),
            crash: usd(found.crash),
            add_ons: usd(found.liquidity) + usd(found.basis),
        })
    }
}

/// `⌈2^63 / √depth⌉`, as the chain keeps it.
fn inverse_root(depth: u64) -> u64 {
    ((1u64 << 63) as f64 / (depth as f64).sqrt()).ceil() as u64
}

fn scenario(shock: &Shock) -> Scenario {
    Scenario {
        shocks: shock
            .moves
            .map(|s| (s * f64::from(1u32 << SHOCK_BITS)).round() as i16),
        weight: (shock.weight * f64::from(WEIGHT_ONE)).round() as u16,
        ..Scenario::default()
    }
}

/// The scenarios of a new exchange, as the reference takes them.
pub fn shocks() -> Vec<Shock> {
    TABLE
        .iter()
        .map(|scenario| Shock {
            moves: scenario
                .shocks
                .map(|s| f64::from(s) / f64::from(1u32 << SHOCK_BITS)),
            weight: f64::from(scenario.weight) / f64::from(WEIGHT_ONE),
        })
        .collect()
}
