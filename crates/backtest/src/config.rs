//! The exact on-chain configuration that an estimate comes to, as JSON with integers in the chain's fixed-point forms.

use anyhow::{anyhow, Context as _, Result};
use plimsoll_risk::portfolio::{
    require_consistent, ModelParams, UnderlyingParams, UnderlyingRisk, CRASH_DAYS, DAYS,
    MAX_FACTORS,
};
use serde::Serialize;

use crate::crash::{CrashReturn, Origin};
use crate::estimate::{AssetFit, Estimate, Quality};
use crate::fixed;
use crate::model::Multiples;
use crate::prices::Prices;

/// What `estimate` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Configuration {
    /// The last day whose prices were used.
    pub as_of: String,
    /// The fixed-point forms of what follows.
    pub forms: Forms,
    /// Parameters of the model.
    pub model: Model,
    /// Parameters of each underlying, the drivers' among them.
    pub underlyings: Vec<Underlying>,
    /// How far to believe each underlying's parameters.
    pub fit: Vec<Fit>,
}

/// The meaning of the integers.
#[derive(Clone, Debug, Serialize)]
pub struct Forms {
    /// Ratios and volatilities per square root of a day.
    pub ratio: &'static str,
    /// Loadings and returns.
    pub loading: &'static str,
    /// Amounts.
    pub notional: &'static str,
    /// Dates of `crash_returns`, in their order.
    pub crash_days: [&'static str; CRASH_DAYS],
}

/// The program's `ModelParams`. Ratios are Q8.24.
#[derive(Clone, Debug, Serialize)]
pub struct Model {
    /// `k`.
    pub deviations: u32,
    /// `d`.
    pub correlation_breakdown: u32,
    /// `φ`.
    pub gross_floor: u32,
    /// `h`.
    pub crash_multiple: u32,
    /// Maintenance as a part of where a liquidation ends.
    pub maint_fraction: u32,
    /// Margin on a deposit of the quote asset.
    pub depeg_ratio: u32,
    /// `λ` of the fast variance.
    pub fast_decay: u32,
    /// `λ` of the slow variance.
    pub slow_decay: u32,
    /// Least time between two samples of a price.
    pub sample_secs: u32,
    /// Fastest relative rise of a volatility.
    pub max_rise_per_hour: u32,
    /// How long a rise is announced before Maint takes it over.
    pub announcement_secs: u32,
    /// Deviations that a weight in Standard margin leaves room for.
    pub collateral_deviations: u32,
    /// Factors in use.
    pub factor_count: u8,
    /// Scenarios in use.
    pub scenario_count: u8,
    /// The scenarios in use.
    pub scenarios: Vec<ScenarioRow>,
}

/// The program's `Scenario`.
#[derive(Clone, Debug, Serialize)]
pub struct ScenarioRow {
    /// Move of each factor in its volatilities, Q7.8.
    pub shocks: [i16; MAX_FACTORS],
    /// Relative move of implied volatilities, Q7.8.
    pub volatility: i16,
    /// Part of the loss that counts, Q1.15.
    pub weight: u16,
}

/// The program's `UnderlyingParams`.
#[derive(Clone, Debug, Serialize)]
pub struct Underlying {
    /// Symbol.
    pub name: String,
    /// Native quote.
    pub depth_notional: u64,
    /// Q11.20.
    pub loadings: [i32; MAX_FACTORS],
    /// Q11.20, in the order of the named days.
    pub crash_returns: [i32; CRASH_DAYS],
    /// Q8.24 per square root of a day.
    pub volatility_floor: u32,
    /// Q8.24 per square root of a day.
    pub idiosyncratic_floor: u32,
    /// Q8.24.
    pub liquidity_ratio: u32,
    /// Q8.24.
    pub basis_ratio: u32,
    /// Q8.24.
    pub slippage: u32,
    /// Number of the factor that it drives, from 1; zero for none.
    pub factor: u8,
}

/// An underlying's fit in plain numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Fit {
    /// Symbol.
    pub name: String,
    /// Volatility of a day over the window; the chain learns its own from the oracle.
    pub volatility: f64,
    /// Volatility of a day that the factors leave; for a driver its factor's.
    pub residual_volatility: f64,
    /// The fit's quality; absent when there was too little data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// What was assumed instead, when there was too little data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<&'static str>,
    /// Named days whose return is not from the prices, and where it is from.
    pub crash_returns_from_elsewhere: Vec<(&'static str, Origin)>,
}

/// What is said of an underlying without enough data.
pub const FALLBACK: &str =
    "too few returns: the largest market loading (at least one), volatilities and floors of the others";

/// The configuration of an estimate.
///
/// # Errors
/// A value that its fixed-point form cannot hold.
pub fn configuration(
    prices: &Prices,
    estimate: &Estimate,
    multiples: &Multiples,
) -> Result<Configuration> {
    let name = |fit: &AssetFit| {
        prices
            .series
            .get(fit.asset)
            .map(|series| series.asset.clone())
    };
    let mut underlyings = Vec::new();
    let mut fits = Vec::new();
    for fit in &estimate.assets {
        let name = name(fit).context("unknown asset")?;
        let wrong = || format!("the estimate for {name} cannot be configured");
        underlyings.push(underlying(&name, fit, multiples).with_context(wrong)?);
        fits.push(quality(name, fit));
    }
    Ok(Configuration {
        as_of: estimate.as_of.to_string(),
        forms: Forms {
            ratio: "2^-24, volatilities per square root of a day",
            loading: "2^-20, signed",
            notional: "10^-6 USD",
            crash_days: DAYS.map(|day| day.date),
        },
        model: model(multiples, estimate.factors.len())?,
        underlyings,
        fit: fits,
    })
}

fn model(multiples: &Multiples, factors: usize) -> Result<Model> {
    let params = ModelParams::standard();
    let used = params
        .scenarios
        .iter()
        .take(usize::from(params.scenario_count));
    Ok(Model {
        deviations: fixed::ratio(multiples.deviations)?,
        correlation_breakdown: fixed::ratio(multiples.correlation_breakdown)?,
        gross_floor: fixed::ratio(multiples.gross_floor)?,
        crash_multiple: fixed::ratio(multiples.crash_multiple)?,
        maint_fraction: fixed::ratio(multiples.maint_fraction)?,
        depeg_ratio: fixed::ratio(multiples.depeg_ratio)?,
        fast_decay: params.fast_decay,
        slow_decay: params.slow_decay,
        sample_secs: params.sample_secs,
        max_rise_per_hour: params.max_rise_per_hour,
        announcement_secs: params.announcement_secs,
        collateral_deviations: params.collateral_deviations,
        factor_count: u8::try_from(factors)?,
        scenario_count: params.scenario_count,
        scenarios: used
            .map(|scenario| ScenarioRow {
                shocks: scenario.shocks,
                volatility: scenario.volatility,
                weight: scenario.weight,
            })
            .collect(),
    })
}

impl Underlying {
    /// As the program takes it.
    pub fn params(&self) -> UnderlyingParams {
        let mut name = [0; 8];
        for (to, from) in name.iter_mut().zip(self.name.bytes()) {
            *to = from;
        }
        UnderlyingParams {
            name,
            depth_notional: self.depth_notional,
            loadings: self.loadings,
            crash_returns: self.crash_returns,
            volatility_floor: self.volatility_floor,
            idiosyncratic_floor: self.idiosyncratic_floor,
            liquidity_ratio: self.liquidity_ratio,
            basis_ratio: self.basis_ratio,
            slippage: self.slippage,
            factor: self.factor,
            ..UnderlyingParams::default()
        }
    }
}

impl Configuration {
    /// Whether the program would take it: every parameter within its bounds, and every factor that is loaded on driven.
    ///
    /// # Errors
    /// The first parameter that it would not.
    pub fn check(&self) -> Result<()> {
        let mut entries = Vec::new();
        for row in &self.underlyings {
            let params = row.params();
            params.validate().map_err(|bad| {
                anyhow!(
                    "the estimate for {} is outside the program's bounds: {bad}",
                    row.name
                )
            })?;
            entries.push(UnderlyingRisk {
                params,
                ..UnderlyingRisk::default()
            });
        }
        let mut params = ModelParams::standard();
        params.factor_count = self.model.factor_count;
        require_consistent(&params, &entries).map_err(|bad| {
            anyhow!("{bad}: the assets must include the driver of every factor that they load on")
        })
    }
}

fn underlying(name: &str, fit: &AssetFit, multiples: &Multiples) -> Result<Underlying> {
    let mut loadings = [0; MAX_FACTORS];
    for (out, value) in loadings.iter_mut().zip(fit.loadings) {
        *out = fixed::loading(value)?;
    }
    let mut crash_returns = [0; CRASH_DAYS];
    for (out, known) in crash_returns.iter_mut().zip(fit.crash) {
        *out = fixed::loading(known.map_or(0.0, |known| known.value))?;
    }
    Ok(Underlying {
        name: name.to_owned(),
        // The program's least.
        depth_notional: fixed::native(fit.depth)?.max(1_000_000),
        loadings,
        crash_returns,
        volatility_floor: fixed::ratio(fit.volatility_floor)?,
        idiosyncratic_floor: fixed::ratio(fit.residual_floor)?,
        liquidity_ratio: fixed::ratio(fit.impact)?,
        basis_ratio: fixed::ratio(multiples.basis_ratio)?,
        slippage: fixed::ratio(fit.impact)?,
        factor: u8::try_from(fit.factor)?,
    })
}

fn quality(name: String, fit: &AssetFit) -> Fit {
    let elsewhere = |(date, known): (&'static str, Option<CrashReturn>)| {
        let origin = known?.origin;
        (origin != Origin::Prices).then_some((date, origin))
    };
    Fit {
        name,
        volatility: fit.volatility,
        residual_volatility: fit.residual_volatility,
        quality: fit.quality.clone(),
        fallback: fit.quality.is_none().then_some(FALLBACK),
        crash_returns_from_elsewhere: DAYS
            .into_iter()
            .map(|day| day.date)
            .zip(fit.crash)
            .filter_map(elsewhere)
            .collect(),
    }
}

/// The fit as a table for people.
pub fn table(configuration: &Configuration) -> String {
    let mut lines = vec![format!(
        "as of {}\n{:<8}{:>7}{:>7}{:>7}{:>9}{:>9}{:>9}{:>9}{:>6}{:>7}{:>8}{:>8}{:>13}",
        configuration.as_of,
        "asset",
        "β1",
        "β2",
        "β3",
        "σ %/day",
        "σε or σF",
        "floor σ",
        "floor σε",
        "R²",
        "days",
        "autoc.",
        "β drift",
        "depth USD"
    )];
    for (row, fit) in configuration.underlyings.iter().zip(&configuration.fit) {
        let [b1, b2, b3] = row.loadings.map(fixed::from_loading);
        let percent = |ratio: u32| 100.0 * fixed::from_ratio(ratio);
        let quality = match &fit.quality {
            Some(q) => format!(
                "{:>6.2}{:>7}{:>8.2}{:>8.2}",
                q.r_squared, q.observations, q.residual_autocorrelation, q.loading_drift
            ),
            None => format!("{:>29}", "too little data"),
        };
        lines.push(format!(
            "{:<8}{b1:>7.2}{b2:>7.2}{b3:>7.2}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{quality}{:>13}",
            row.name,
            100.0 * fit.volatility,
            100.0 * fit.residual_volatility,
            percent(row.volatility_floor),
            percent(row.idiosyncratic_floor),
            row.depth_notional / 1_000_000,
        ));
        if let Some(told) = fit.fallback {
            lines.push(format!("        {told}"));
        }
        for (date, origin) in &fit.crash_returns_from_elsewhere {
            let told = match origin {
                Origin::Published => "published figure",
                _ => "the mean of the others, for want of a figure of its own",
            };
            lines.push(format!("        return of {date}: {told}"));
        }
    }
    lines.join("\n")
}
