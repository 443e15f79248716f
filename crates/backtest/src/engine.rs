//! An exchange's risk entries kept from daily closes by the risk crate's own integer code: what the backtest measures.

use anyhow::{Context as _, Result};
use plimsoll_risk::entry_price::PriceDoubt;
use plimsoll_risk::portfolio::{
    requirement, Delta, Exposures, ModelParams, PortfolioModel, UnderlyingRisk, Volatilities,
    SHOCK_BITS, WEIGHT_ONE,
};
use plimsoll_risk::volatility::{derive, sample};

use crate::config::Configuration;
use crate::date::Date;
use crate::fixed;
use crate::model::{self, Holding, Model, Multiples, Parts, Shock};

/// One USD in native quote.
const USD: f64 = 1e6;
/// Units of a price mantissa per USD: enough for a tenth of a cent, and for a million USD.
const PRICE_UNITS: f64 = 1e9;
const DAY_SECS: i64 = 86_400;

/// How volatilities are learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Weight that a day leaves to what was before, in the fast variance.
    pub fast_decay: f64,
    /// The same in the slow one.
    pub slow_decay: f64,
    /// Fastest relative rise per hour.
    pub rise_per_hour: f64,
}

impl Default for Terms {
    fn default() -> Self {
        let params = ModelParams::standard();
        Self {
            fast_decay: fixed::from_ratio(params.fast_decay),
            slow_decay: fixed::from_ratio(params.slow_decay),
            rise_per_hour: fixed::from_ratio(params.max_rise_per_hour),
        }
    }
}

/// The model and its underlyings, in the chain's own forms.
#[derive(Clone, Debug)]
pub struct Engine {
    model: PortfolioModel,
    underlyings: Vec<UnderlyingRisk>,
    multiples: Multiples,
}

impl Engine {
    /// An exchange of this many underlyings, before its first configuration.
    ///
    /// # Errors
    /// A value that its fixed-point form cannot hold.
    pub fn new(count: usize, multiples: &Multiples, terms: &Terms) -> Result<Self> {
        let mut model = PortfolioModel {
            params: ModelParams::standard(),
            ..PortfolioModel::default()
        };
        let params = &mut model.params;
        params.deviations = fixed::ratio(multiples.deviations)?;
        params.correlation_breakdown = fixed::ratio(multiples.correlation_breakdown)?;
        params.gross_floor = fixed::ratio(multiples.gross_floor)?;
        params.crash_multiple = fixed::ratio(multiples.crash_multiple)?;
        params.maint_fraction = fixed::ratio(multiples.maint_fraction)?;
        params.depeg_ratio = fixed::ratio(multiples.depeg_ratio)?;
        params.fast_decay = fixed::ratio(terms.fast_decay)?;
        params.slow_decay = fixed::ratio(terms.slow_decay)?;
        // One sample a day, which may do what 24 hourly ones may: a sample counts an hour of the rise at most.
        params.sample_secs = u32::try_from(DAY_SECS)?;
        let rise = (1.0 + terms.rise_per_hour).powi(24) - 1.0;
        params.max_rise_per_hour = fixed::ratio(rise.min(7.0))?;
        Ok(Self {
            model,
            underlyings: vec![UnderlyingRisk::default(); count],
            multiples: *multiples,
        })
    }

    /// Sets what operators set of every underlying, as an edit does.
    ///
    /// # Errors
    /// A value that its fixed-point form cannot hold.
    pub fn configure(&mut self, configuration: &Configuration) -> Result<()> {
        self.model.params.factor_count = configuration.model.factor_count;
        for (risk, row) in self.underlyings.iter_mut().zip(&configuration.underlyings) {
            risk.params = row.params();
            risk.depth_inverse_root = inverse_root(risk.params.depth_notional);
        }
        for number in self.order()? {
            derive(&mut self.model, &mut self.underlyings, number)
                .with_context(|| format!("underlying {number}"))?;
        }
        Ok(())
    }

    /// Takes the closes of a day, `None` where there was none.
    ///
    /// # Errors
    /// What the risk crate refuses.
    pub fn close(&mut self, date: Date, closes: &[Option<f64>]) -> Result<()> {
        // Midnight after the day; publish times are positive.
        let time = DAY_SECS * i64::from(date.0.max(0) + 1);
        for number in self.order()? {
            let Some(Some(close)) = closes.get(usize::from(number) - 1) else {
                continue;
            };
            let price = (close * PRICE_UNITS).round() as u64;
            sample(
                &mut self.model,
                &mut self.underlyings,
                number,
                price,
                time,
                false,
            )
            .with_context(|| format!("underlying {number}"))?;
        }
        Ok(())
    }

    /// Numbers of the underlyings, drivers first in the order of their factors.
    fn order(&self) -> Result<Vec<u8>> {
        let mut order = (1..=u8::try_from(self.underlyings.len())?).collect::<Vec<u8>>();
        order.sort_by_key(|number| {
            let risk = self.underlyings.get(usize::from(*number) - 1);
            match risk.map_or(0, |risk| risk.params.factor) {
                0 => u8::MAX,
                factor => factor,
            }
        });
        Ok(order)
    }

    /// The model's multiples.
    pub fn multiples(&self) -> &Multiples {
        &self.multiples
    }

    /// Whether an underlying's price was ever taken.
    pub fn is_sampled(&self, underlying: usize) -> bool {
        let risk = self.underlyings.get(underlying);
        risk.is_some_and(|risk| risk.volatility.sampled_at > 0)
    }

    /// Volatility in all that an underlying's prices taught, per square root of a day.
    pub fn learnt(&self, underlying: usize, which: Volatilities) -> f64 {
        let risk = self.underlyings.get(underlying);
        risk.map_or(0.0, |risk| {
            let state = &risk.volatility;
            fixed::from_ratio(which.of(&[state.current, state.binding]))
        })
    }

    /// `k` volatilities of an underlying by itself, as a part of the position.
    pub fn isolated(&self, underlying: usize, which: Volatilities) -> f64 {
        let risk = self.underlyings.get(underlying);
        let volatility = risk.map_or(0, |risk| which.of(&risk.isolated));
        self.multiples.deviations * fixed::from_ratio(volatility)
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

    /// The same model in floats, for the reference.
    pub fn reference(&self, which: Volatilities) -> Model {
        let loading = fixed::from_loading;
        let ratio = fixed::from_ratio;
        let underlyings = self.underlyings.iter().map(|risk| model::Underlying {
            loadings: risk.params.loadings.map(loading),
            own: ratio(which.of(&risk.idiosyncratic)),
            depth: risk.params.depth_notional as f64 / USD,
            impact: ratio(risk.params.liquidity_ratio),
            crash: risk.params.crash_returns.map(loading),
        });
        let factors = self.model.factors.map(|factor| factor.volatility);
        Model {
            multiples: self.multiples,
            factors: factors.map(|volatilities| ratio(which.of(&volatilities))),
            gains: factors.map(|[current, binding]| ratio(current.min(binding))),
            shocks: self.shocks(),
            underlyings: underlyings.collect(),
        }
    }

    fn shocks(&self) -> Vec<Shock> {
        let params = &self.model.params;
        let used = params
            .scenarios
            .iter()
            .take(usize::from(params.scenario_count));
        used.map(|scenario| Shock {
            moves: scenario
                .shocks
                .map(|s| f64::from(s) / f64::from(1u32 << SHOCK_BITS)),
            weight: f64::from(scenario.weight) / f64::from(WEIGHT_ONE),
        })
        .collect()
    }
}

/// `⌈2^63 / √depth⌉`, as the chain keeps it.
fn inverse_root(depth: u64) -> u64 {
    ((1u64 << 63) as f64 / (depth as f64).sqrt()).ceil() as u64
}
