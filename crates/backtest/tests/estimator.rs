//! The estimator on made-up prices whose truth is known.

use plimsoll_backtest::config::{configuration, table};
use plimsoll_backtest::crash::Origin;
use plimsoll_backtest::estimate::{estimate, Estimate, Method};
use plimsoll_backtest::fixed;
use plimsoll_backtest::model::Multiples;
use plimsoll_backtest::prices::Prices;
use plimsoll_backtest::synthetic::{self, Weather, FACTOR_VOLATILITIES};

fn prices(days: usize) -> Prices {
    Prices::read(synthetic::csv(days, 7, Weather::Even).as_bytes()).unwrap()
}

fn estimated(prices: &Prices, day: usize, window: usize) -> Estimate {
    let assets: Vec<usize> = (0..prices.series.len()).collect();
    let method = Method {
        window,
        ..Method::default()
    };
    estimate(prices, &assets, day, &method).unwrap()
}

#[test]
fn loadings_and_volatilities_are_found_again() {
    let prices = prices(3_000);
    let found = estimated(&prices, 2_999, 2_999);
    for (known, volatility) in FACTOR_VOLATILITIES.iter().zip(&found.factors) {
        assert!(
            (known / volatility - 1.0).abs() < 0.05,
            "{known} {volatility}"
        );
    }
    for fit in &found.assets {
        let name = &prices.series[fit.asset].asset;
        let (loadings, own) = synthetic::truth(name).unwrap();
        for (known, loading) in loadings.iter().zip(fit.loadings) {
            assert!((known - loading).abs() < 0.08, "{name}: {known} {loading}");
        }
        let own = if fit.factor > 0 {
            FACTOR_VOLATILITIES[fit.factor - 1]
        } else {
            own
        };
        assert!((fit.residual_volatility / own - 1.0).abs() < 0.05, "{name}");
        let explained: f64 = loadings
            .iter()
            .zip(FACTOR_VOLATILITIES)
            .map(|(b, s)| (b * s).powi(2))
            .sum();
        let driven = if fit.factor > 0 { 0.0 } else { own * own };
        let whole = (explained + driven).sqrt();
        assert!((fit.volatility / whole - 1.0).abs() < 0.05, "{name}");
        let quality = fit.quality.as_ref().unwrap();
        assert_eq!(quality.observations, 2_999);
        assert!(quality.residual_autocorrelation.abs() < 0.06 && quality.loading_drift < 0.15);
        // Half of all months were calmer than the floor.
        assert!((fit.volatility_floor / whole - 1.0).abs() < 0.05);
    }
}

#[test]
fn drivers_load_one_on_their_own_factor_and_nothing_on_later_ones() {
    let prices = prices(400);
    let found = estimated(&prices, 399, 365);
    let of = |asset: usize| (found.assets[asset].factor, found.assets[asset].loadings);
    assert_eq!(of(0), (1, [1.0, 0.0, 0.0]));
    assert_eq!((of(1).0, of(1).1[1], of(1).1[2]), (2, 1.0, 0.0));
    assert_eq!((of(2).0, of(2).1[2]), (3, 1.0));
    assert_eq!((of(3).0, of(4).0), (0, 0));
}

#[test]
fn what_comes_after_a_day_changes_nothing_learnt_by_it() {
    let whole = prices(500);
    let mut other = whole.clone();
    for series in &mut other.series {
        for candle in series.candles.iter_mut().skip(301).flatten() {
            candle.close *= 3.0;
            candle.low /= 7.0;
            candle.volume = 1.0;
        }
    }
    assert_eq!(estimated(&whole, 300, 200), estimated(&other, 300, 200));
    assert_ne!(estimated(&whole, 301, 200), estimated(&other, 301, 200));
}

#[test]
fn an_asset_with_too_little_data_gets_the_most_careful_values_and_says_so() {
    let mut prices = prices(400);
    for slot in prices.series[4].candles.iter_mut().take(350) {
        *slot = None;
    }
    let found = estimated(&prices, 399, 365);
    let scarce = &found.assets[4];
    assert_eq!((scarce.asset, scarce.quality.is_none()), (4, true));
    for fit in &found.assets[..4] {
        assert!(scarce.loadings[0] >= fit.loadings[0] && scarce.volatility >= fit.volatility);
        assert!(scarce.volatility_floor >= fit.volatility_floor);
        assert!(scarce.residual_floor >= fit.residual_floor || fit.factor == 1);
    }
    let configuration = configuration(&prices, &found, &Multiples::default()).unwrap();
    assert!(configuration.fit[4]
        .fallback
        .unwrap()
        .contains("too few returns"));
    assert!(table(&configuration).contains("too little data"));
}

#[test]
fn a_late_driver_is_no_factor_yet() {
    let mut prices = prices(400);
    for slot in prices.series[2].candles.iter_mut().take(350) {
        *slot = None;
    }
    let found = estimated(&prices, 399, 365);
    assert_eq!((found.factors.len(), found.assets[2].factor), (2, 0));
    prices.series[0].candles.fill(None);
    let error = estimate(&prices, &[1], 399, &Method::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("BTC has fewer than 90 daily returns"),
        "{error}"
    );
}

#[test]
fn the_configuration_is_in_the_chains_forms() {
    let prices = prices(400);
    let found = estimated(&prices, 399, 365);
    let configuration = configuration(&prices, &found, &Multiples::default()).unwrap();
    assert_eq!(configuration.model.deviations, 13 << 22);
    assert_eq!(configuration.model.factor_count, 3);
    for (row, fit) in configuration.underlyings.iter().zip(&found.assets) {
        for (integer, loading) in row.loadings.iter().zip(fit.loadings) {
            assert!((fixed::from_loading(*integer) - loading).abs() < 1e-6);
        }
        // Rounded up: never less careful than the estimate.
        let floor = fixed::from_ratio(row.volatility_floor);
        assert!(floor >= fit.volatility_floor && floor - fit.volatility_floor < 1e-7);
        assert_eq!(usize::from(row.factor), fit.factor);
    }
    configuration.check().unwrap();
    let json = serde_json::to_value(&configuration).unwrap();
    assert_eq!(json["underlyings"][0]["loadings"][0], 1 << 20);
    // None of the named days is in these prices.
    assert!(found.assets.iter().all(|fit| fit
        .crash
        .iter()
        .flatten()
        .all(|known| known.origin != Origin::Prices)));
}

#[test]
fn a_configuration_that_the_program_would_refuse_is_told() {
    let prices = prices(400);
    // ETH loads on a factor whose driver is not among the assets.
    let found = estimate(&prices, &[1], 399, &Method::default()).unwrap();
    let mut configuration = configuration(&prices, &found, &Multiples::default()).unwrap();
    let refusal = configuration.check().unwrap_err().to_string();
    assert!(refusal.contains("the driver of every factor"), "{refusal}");
    configuration.underlyings[0].loadings[0] = 5 << 20;
    let refusal = configuration.check().unwrap_err().to_string();
    assert!(
        refusal.contains("ETH") && refusal.contains("loadings"),
        "{refusal}"
    );
}
