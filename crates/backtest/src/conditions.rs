//! What an exchange would have known and required at the close of each day: parameters estimated every month, volatilities
//! learnt every day, nothing from any day after.

use anyhow::Result;

use crate::config::configuration;
use crate::engine::{Engine, Terms};
use crate::estimate::{estimate, Method};
use crate::model::Multiples;
use crate::prices::Prices;

/// Everything that a run of the backtest may be asked to vary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// How parameters are estimated.
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
    /// The exchange's risk entries.
    pub engine: Engine,
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
    let drivers = &settings.method.drivers;
    let drivers: Vec<usize> = drivers
        .iter()
        .map(|name| prices.asset(name))
        .collect::<Result<_>>()?;
    let market = drivers.first().copied().unwrap_or(0);
    let mut engine = Engine::new(assets.len(), &settings.multiples, &settings.terms)?;
    let mut known: Option<Vec<bool>> = None;
    let mut out = Vec::new();
    let mut returns = 0;
    for day in 0..prices.days() {
        returns += usize::from(prices.log_return(market, day).is_some());
        let first = known.is_none() && returns >= settings.method.least;
        if first || (known.is_some() && is_first_of_month(prices, day)) {
            let found = estimate(prices, &assets, day, &settings.method)?;
            engine.configure(&configuration(prices, &found, &settings.multiples)?)?;
            known = Some(
                found
                    .assets
                    .iter()
                    .map(|fit| fit.quality.is_some())
                    .collect(),
            );
        }
        if known.is_some() {
            // What the first configuration finds of past closes is taken in their order.
            for day in if first { 0..=day } else { day..=day } {
                engine.close(prices.date(day), &closes(prices, day))?;
            }
        }
        out.push(known.as_ref().map(|known| {
            Conditions {
                known: known
                    .iter()
                    .enumerate()
                    .map(|(asset, known)| *known && engine.is_sampled(asset))
                    .collect(),
                engine: engine.clone(),
            }
        }));
        tell(day);
    }
    Ok(out)
}

fn closes(prices: &Prices, day: usize) -> Vec<Option<f64>> {
    let asset = |asset| prices.candle(asset, day).map(|candle| candle.close);
    (0..prices.series.len()).map(asset).collect()
}

fn is_first_of_month(prices: &Prices, day: usize) -> bool {
    let (_, _, of_month) = prices.date(day).parts();
    of_month == 1
}
