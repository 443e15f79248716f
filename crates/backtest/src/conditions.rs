//! What an exchange would have known and required at the close of each day: loadings estimated every month, volatilities
//! learnt every day, nothing from any day after.

use anyhow::Result;
use plimsoll_risk::portfolio::{Volatilities, MAX_FACTORS};

use crate::engine::{shocks, Engine};
use crate::estimate::{estimate, Estimate, Method};
use crate::model::{Holding, Model, Multiples, Parts, Underlying};
use crate::prices::Prices;
use crate::volatility::{Terms, Tracker};

/// Everything that a run of the backtest may be asked to vary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// How loadings and floors are estimated.
    pub method: Method,
    /// Multiples of the model.
    pub multiples: Multiples,
    /// How volatilities are learnt.
    pub terms: Terms,
}

/// The model at the close of one day.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// Per asset: whether its loadings come from its own returns.
    pub known: Vec<bool>,
    /// The reference with the current and the binding volatilities.
    pub reference: [Model; 2],
    engine: Engine,
}

impl Conditions {
    /// The integer engine's requirement of holdings.
    ///
    /// # Errors
    /// What the engine refuses.
    pub fn requirement(&self, holdings: &[Holding], which: Volatilities) -> Result<Parts> {
        self.engine.requirement(holdings, which)
    }

    /// `k` volatilities of an asset by itself, as a part of the position.
    pub fn isolated(&self, asset: usize, which: Volatilities) -> f64 {
        let model = &self.reference[which as usize];
        let underlying = model.underlyings.get(asset);
        model.multiples.deviations * underlying.map_or(0.0, |u| model.volatility(u))
    }
}

/// The conditions at the close of every day; `None` before the market factor has enough returns.
///
/// # Errors
/// A driver without prices, or a value outside its form.
pub fn history(
    prices: &Prices,
    settings: &Settings,
    mut tell: impl FnMut(usize),
) -> Result<Vec<Option<Conditions>>> {
    let assets: Vec<usize> = (0..prices.series.len()).collect();
    let mut trackers = vec![Tracker::default(); assets.len()];
    let mut current: Option<Estimate> = None;
    let mut out = Vec::new();
    let drivers: Vec<usize> = settings
        .method
        .drivers
        .iter()
        .map(|name| prices.asset(name))
        .collect::<Result<_>>()?;
    let market = drivers.first().copied().unwrap_or(0);
    let mut returns = 0;
    for day in 0..prices.days() {
        returns += usize::from(prices.log_return(market, day).is_some());
        let enough = returns >= settings.method.least;
        if enough && (current.is_none() || is_first_of_month(prices, day)) {
            current = Some(estimate(prices, &assets, day, &settings.method)?);
        }
        for (asset, tracker) in trackers.iter_mut().enumerate() {
            let fit = current
                .as_ref()
                .and_then(|estimate| estimate.assets.get(asset));
            let floor = fit.map_or(0.0, |fit| fit.volatility_floor);
            tracker.day(prices.log_return(asset, day), floor, &settings.terms);
        }
        let conditions = current
            .as_ref()
            .map(|estimate| conditions(estimate, &trackers, &settings.multiples))
            .transpose()?;
        out.push(conditions);
        tell(day);
    }
    Ok(out)
}

fn is_first_of_month(prices: &Prices, day: usize) -> bool {
    let (_, _, of_month) = prices.date(day).parts();
    of_month == 1
}

fn conditions(
    estimate: &Estimate,
    trackers: &[Tracker],
    multiples: &Multiples,
) -> Result<Conditions> {
    let model = |which| model(estimate, trackers, multiples, which);
    let mut reference = [model(Volatilities::Current), model(Volatilities::Binding)];
    let [now, bound] = &mut reference;
    for (gain, bound) in now.gains.iter_mut().zip(bound.factors) {
        *gain = gain.min(bound);
    }
    let [now, bound] = &reference;
    Ok(Conditions {
        known: estimate
            .assets
            .iter()
            .zip(trackers)
            .map(|(fit, tracker)| fit.quality.is_some() && tracker.volatilities().is_some())
            .collect(),
        engine: Engine::new([now, bound])?,
        reference,
    })
}

/// The model with one of the two volatilities, recomputed as the chain's refresh does.
fn model(
    estimate: &Estimate,
    trackers: &[Tracker],
    multiples: &Multiples,
    which: Volatilities,
) -> Model {
    let whole = |asset: usize| {
        let learnt = trackers.get(asset).and_then(Tracker::volatilities);
        learnt.map(|volatilities| which.of(&volatilities))
    };
    let mut factors = [0.0; MAX_FACTORS];
    for at in 0..estimate.factors.len().min(MAX_FACTORS) {
        let Some(driver) = estimate.assets.iter().find(|fit| fit.factor == at + 1) else {
            continue;
        };
        let volatility = whole(driver.asset).unwrap_or(driver.volatility);
        let left = left(volatility, &driver.loadings[..at], &factors);
        factors[at] = left.max(driver.residual_floor);
    }
    let underlyings = estimate.assets.iter().map(|fit| {
        let volatility = whole(fit.asset).unwrap_or(fit.volatility);
        let own = if fit.factor > 0 {
            0.0
        } else {
            left(volatility, &fit.loadings, &factors).max(fit.residual_floor)
        };
        Underlying {
            loadings: fit.loadings,
            own,
            depth: fit.depth,
            impact: fit.impact,
            crash: fit
                .crash
                .map(|known| known.map_or(0.0, |known| known.value)),
        }
    });
    Model {
        multiples: *multiples,
        factors,
        gains: factors,
        shocks: shocks(),
        underlyings: underlyings.collect(),
    }
}

/// What the factors leave of a volatility.
fn left(volatility: f64, loadings: &[f64], factors: &[f64; MAX_FACTORS]) -> f64 {
    let explained: f64 = loadings
        .iter()
        .zip(factors)
        .map(|(b, s)| (b * s).powi(2))
        .sum();
    (volatility * volatility - explained).max(0.0).sqrt()
}
