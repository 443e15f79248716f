//! The model's inputs from past prices: factors, loadings, volatility floors, depth and crash days, with the fit's quality.
//!
//! The first driver's return is the first factor; each further driver's factor is what remains of its return after the
//! factors before it. An asset's loadings are the slopes of its daily logarithmic returns on those factors over the
//! window. Everything is learnt from the days up to and including one, and from none after it.

use anyhow::{ensure, Context as _, Result};
use plimsoll_risk::portfolio::{CRASH_DAYS, MAX_FACTORS};

use crate::crash::{self, CrashReturn};
use crate::date::Date;
use crate::prices::Prices;
use crate::regression::{autocorrelation, fit, quantile, root_mean_square};

/// How to estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Method {
    /// Assets that drive the factors, the market first; those without enough returns are left out.
    pub drivers: Vec<String>,
    /// Days of returns that loadings are learnt from.
    pub window: usize,
    /// Fewest returns in the window that are believed.
    pub least: usize,
    /// Days of a volatility whose quantile is the floor.
    pub floor_days: usize,
    /// The part of all days so far on which volatility was below the floor.
    pub floor_quantile: f64,
    /// The part of the median daily volume that trades without moving the price much.
    pub depth_part: f64,
    /// Days of that median.
    pub depth_days: usize,
    /// Whether named days after the estimate's last day count, by their published figures: for configuring an exchange
    /// now, not for asking what was known then.
    pub all_crash_days: bool,
    /// Impact in volatilities of a day of trading a day's whole volume, by the square-root law, in a stressed market.
    pub impact: f64,
}

impl Default for Method {
    fn default() -> Self {
        Self {
            drivers: ["BTC", "ETH", "SOL"].map(str::to_owned).to_vec(),
            window: 365,
            least: 90,
            floor_days: 30,
            floor_quantile: 0.5,
            depth_part: 0.01,
            depth_days: 90,
            all_crash_days: false,
            impact: 2.5,
        }
    }
}

/// How far an asset's line is to be believed.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Quality {
    /// Returns that it was fitted to.
    pub observations: usize,
    /// Part of the variance that the factors explain; one for the first driver.
    pub r_squared: f64,
    /// Correlation of a day's residual with the day before's.
    pub residual_autocorrelation: f64,
    /// Largest difference of a loading between the halves of the window.
    pub loading_drift: f64,
}

/// What was learnt of one asset. Volatilities are per square root of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetFit {
    /// Number of the asset in the prices.
    pub asset: usize,
    /// Number of the factor that it drives, from 1; zero for none.
    pub factor: usize,
    /// Move per move of each factor.
    pub loadings: [f64; MAX_FACTORS],
    /// Volatility in all over the window.
    pub volatility: f64,
    /// Volatility that the factors leave over the window; for a driver its factor's.
    pub residual_volatility: f64,
    /// Least volatility in all.
    pub volatility_floor: f64,
    /// Least of what the factors leave; for a driver its factor's.
    pub residual_floor: f64,
    /// USD that trade without moving the price much.
    pub depth: f64,
    /// Growth of the price impact with the square root of size over depth.
    pub impact: f64,
    /// Returns on the named days; `None` for those after the estimate's day.
    pub crash: [Option<CrashReturn>; CRASH_DAYS],
    /// The fit's quality; `None` when there was too little data, and the values are the most careful of the others'.
    pub quality: Option<Quality>,
}

/// What was learnt of all assets.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The last day that was used.
    pub as_of: Date,
    /// Volatility of each factor over the window.
    pub factors: Vec<f64>,
    /// Per asset asked for, in that order.
    pub assets: Vec<AssetFit>,
}

/// A factor's return on every day, where all that it is made of have one.
struct Factor {
    driver: usize,
    loadings: [f64; MAX_FACTORS],
    returns: Vec<Option<f64>>,
}

/// Estimates `assets` from the days up to and including `day`.
///
/// # Errors
/// When not even the first driver has enough returns, or a name is unknown.
pub fn estimate(
    prices: &Prices,
    assets: &[usize],
    day: usize,
    method: &Method,
) -> Result<Estimate> {
    ensure!(
        (1..=MAX_FACTORS).contains(&method.drivers.len()),
        "there must be one to {MAX_FACTORS} drivers, not {}",
        method.drivers.len()
    );
    let factors = factors(prices, day, method)?;
    let until = if method.all_crash_days {
        Date(i32::MAX)
    } else {
        prices.date(day)
    };
    let crash = crash::returns(prices, until);
    let mut fitted: Vec<AssetFit> = Vec::new();
    let mut scarce = Vec::new();
    for asset in assets {
        match learn(prices, *asset, day, &factors, method) {
            Some(fit) => fitted.push(fit),
            None => scarce.push(*asset),
        }
    }
    for asset in scarce {
        fitted.push(careful(prices, asset, day, &fitted, method)?);
    }
    for fit in &mut fitted {
        fit.crash = crash.get(fit.asset).copied().unwrap_or_default();
    }
    let place = |fit: &AssetFit| assets.iter().position(|asset| *asset == fit.asset);
    fitted.sort_by_key(place);
    Ok(Estimate {
        as_of: prices.date(day),
        factors: factors
            .iter()
            .map(|factor| root_mean_square(&last(&factor.returns, day, method.window)))
            .collect(),
        assets: fitted,
    })
}

/// The values of a window that ends with `day`, missing ones left out.
fn last(series: &[Option<f64>], day: usize, window: usize) -> Vec<f64> {
    let end = (day + 1).min(series.len());
    let start = end.saturating_sub(window);
    series[start..end].iter().flatten().copied().collect()
}

fn log_returns(prices: &Prices, asset: usize, day: usize) -> Vec<Option<f64>> {
    (0..=day).map(|at| prices.log_return(asset, at)).collect()
}

fn factors(prices: &Prices, day: usize, method: &Method) -> Result<Vec<Factor>> {
    let mut out: Vec<Factor> = Vec::new();
    for name in &method.drivers {
        let driver = prices.asset(name)?;
        let own = log_returns(prices, driver, day);
        let Some((slopes, _)) = regress(&own, &out, day, method) else {
            ensure!(
                !out.is_empty(),
                "{name} has fewer than {} daily returns up to {}: there is no market factor",
                method.least,
                prices.date(day)
            );
            continue;
        };
        let returns = (0..=day)
            .map(|at| residual(&own, &out, &slopes, at))
            .collect();
        let mut loadings = slopes;
        loadings[out.len()] = 1.0;
        out.push(Factor {
            driver,
            loadings,
            returns,
        });
    }
    Ok(out)
}

/// A day's return less what the factors make of it.
fn residual(
    own: &[Option<f64>],
    factors: &[Factor],
    loadings: &[f64; MAX_FACTORS],
    day: usize,
) -> Option<f64> {
    let mut left = (*own.get(day)?)?;
    for (factor, loading) in factors.iter().zip(loadings) {
        left -= loading * (*factor.returns.get(day)?)?;
    }
    Some(left)
}

/// Slopes on the factors over the window and how well they fit; `None` with too few returns.
fn regress(
    own: &[Option<f64>],
    factors: &[Factor],
    day: usize,
    method: &Method,
) -> Option<([f64; MAX_FACTORS], Quality)> {
    let start = (day + 1).saturating_sub(method.window);
    let (mut y, mut x) = (Vec::new(), Vec::new());
    for at in start..=day {
        let row: Option<Vec<f64>> = factors.iter().map(|f| *f.returns.get(at)?).collect();
        if let (Some(value), Some(row)) = (*own.get(at)?, row) {
            y.push(value);
            x.push(row);
        }
    }
    if y.len() < method.least {
        return None;
    }
    let line = fit(&y, &x)?;
    let half = y.len() / 2;
    let parts = [fit(&y[..half], &x[..half])?, fit(&y[half..], &x[half..])?];
    let [before, after] = &parts;
    let drifts = before.slopes.iter().zip(&after.slopes);
    let quality = Quality {
        observations: y.len(),
        r_squared: line.r_squared,
        residual_autocorrelation: autocorrelation(&line.residuals),
        loading_drift: drifts.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max),
    };
    let mut slopes = [0.0; MAX_FACTORS];
    for (slot, slope) in slopes.iter_mut().zip(&line.slopes) {
        *slot = *slope;
    }
    Some((slopes, quality))
}

fn learn(
    prices: &Prices,
    asset: usize,
    day: usize,
    factors: &[Factor],
    method: &Method,
) -> Option<AssetFit> {
    let own = log_returns(prices, asset, day);
    let driven = factors.iter().position(|factor| factor.driver == asset);
    // A driver is explained by the factors before its own; its residual is its own.
    let before = &factors[..driven.unwrap_or(factors.len())];
    let (slopes, mut quality) = regress(&own, before, day, method)?;
    let loadings = driven.map_or(slopes, |at| factors[at].loadings);
    if driven == Some(0) {
        quality.r_squared = 1.0;
    }
    let left: Vec<Option<f64>> = (0..=day)
        .map(|at| residual(&own, before, &slopes, at))
        .collect();
    let volatility = root_mean_square(&last(&own, day, method.window));
    let (depth, impact) = liquidity(prices, asset, day, volatility, method);
    Some(AssetFit {
        asset,
        factor: driven.map_or(0, |at| at + 1),
        loadings,
        volatility,
        residual_volatility: root_mean_square(&last(&left, day, method.window)),
        volatility_floor: floor(&own, method),
        residual_floor: floor(&left, method),
        depth,
        impact,
        crash: [None; CRASH_DAYS],
        quality: Some(quality),
    })
}

/// The stressed floor: the quantile of the volatilities of all windows of `floor_days` so far.
fn floor(returns: &[Option<f64>], method: &Method) -> f64 {
    let known: Vec<f64> = returns.iter().flatten().copied().collect();
    let rolling: Vec<f64> = known
        .windows(method.floor_days)
        .map(root_mean_square)
        .collect();
    quantile(&rolling, method.floor_quantile)
}

/// USD that trade without moving the price much, and the growth of impact beyond.
fn liquidity(
    prices: &Prices,
    asset: usize,
    day: usize,
    volatility: f64,
    method: &Method,
) -> (f64, f64) {
    let from = (day + 1).saturating_sub(method.depth_days);
    let volumes: Vec<f64> = (from..=day)
        .filter_map(|at| prices.candle(asset, at))
        .map(|candle| candle.volume)
        .collect();
    let depth = method.depth_part * quantile(&volumes, 0.5);
    // Trading Q of a day's volume V moves the price by impact·σ·√(Q/V), which at the depth is impact·σ·√(depth part).
    (depth, method.impact * volatility * method.depth_part.sqrt())
}

/// Values for an asset of which too little is known: of each, the most careful that any other asset has.
fn careful(
    prices: &Prices,
    asset: usize,
    day: usize,
    others: &[AssetFit],
    method: &Method,
) -> Result<AssetFit> {
    let most = |of: fn(&AssetFit) -> f64| others.iter().map(of).reduce(f64::max);
    let name = &prices.series.get(asset).context("unknown asset")?.asset;
    let nothing = || format!("{name} has too little data, and there is no other asset to go by");
    let volatility = most(|fit| fit.volatility).with_context(nothing)?;
    let own = most(|fit| {
        if fit.factor == 1 {
            0.0
        } else {
            fit.residual_volatility
        }
    });
    let own_floor = most(|fit| {
        if fit.factor == 1 {
            0.0
        } else {
            fit.residual_floor
        }
    });
    // With one asset alone, which drives the market, half of its volatility.
    let either = |value: Option<f64>, instead: f64| value.filter(|v| *v > 0.0).unwrap_or(instead);
    let (depth, impact) = liquidity(prices, asset, day, volatility, method);
    Ok(AssetFit {
        asset,
        factor: 0,
        loadings: [
            most(|fit| fit.loadings[0]).unwrap_or(1.0).max(1.0),
            0.0,
            0.0,
        ],
        volatility,
        residual_volatility: either(own, volatility / 2.0),
        volatility_floor: most(|fit| fit.volatility_floor).unwrap_or(volatility),
        residual_floor: either(own_floor, volatility / 2.0),
        depth,
        impact,
        crash: [None; CRASH_DAYS],
        quality: None,
    })
}
