//! Scenarios of portfolio margin, with a test instrument that curves: an option, revalued in full under each scenario.

mod common;

use common::portfolio::*;
use common::*;
use plimsoll_risk::entry_price::PriceDoubt;
use plimsoll_risk::portfolio::*;
use plimsoll_risk::*;
use proptest::prelude::*;

/// Spot in native quote: 100 USD.
const SPOT: f64 = 100e6;
/// Volatility of a day: 4 %, hence the range of the standard table is 16 %.
const DAILY: f64 = 0.04;
/// Implied volatility of a year.
const IMPLIED: f64 = 0.8;
/// Time to expiry, in years.
const EXPIRY: f64 = 30.0 / 365.0;

/// The normal distribution function, to 10⁻⁷.
fn normal(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = [
        0.319_381_530,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ];
    let tail = series.iter().rev().fold(0.0, |sum, a| (sum + a) * t) * (-x * x / 2.0).exp()
        / core::f64::consts::TAU.sqrt();
    if x >= 0.0 {
        1.0 - tail
    } else {
        tail
    }
}

/// An option on the underlying, without interest.
#[derive(Clone, Copy, Debug)]
struct Vanilla {
    strike: f64,
    call: bool,
}

impl Vanilla {
    fn value(&self, spot: f64, volatility: f64) -> f64 {
        let deviation = volatility * EXPIRY.sqrt();
        let d1 = ((spot / self.strike).ln() + deviation * deviation / 2.0) / deviation;
        let call = spot * normal(d1) - self.strike * normal(d1 - deviation);
        if self.call {
            call
        } else {
            call - spot + self.strike
        }
    }

    /// Native quote per 100 % of the underlying.
    fn delta(&self) -> f64 {
        (self.value(SPOT * 1.0001, IMPLIED) - self.value(SPOT * 0.9999, IMPLIED)) / 0.0002
    }

    /// Full revaluation under each scenario of the model, less what the delta explains.
    fn array(&self, model: &PortfolioModel) -> RiskArray {
        let delta = self.delta();
        let mut losses = [0; MAX_SCENARIOS];
        for (loss, scenario) in losses.iter_mut().zip(model.params.scenarios()) {
            let moved = DAILY * f64::from(scenario.shocks[0]) / 256.0;
            let implied = IMPLIED * (1.0 + f64::from(scenario.volatility) / 256.0);
            let value = self.value(SPOT * (1.0 + moved).max(0.01), implied);
            *loss = (self.value(SPOT, IMPLIED) - value + delta * moved).ceil() as i64;
        }
        let bump = |spot: f64| self.value(spot, IMPLIED);
        let gamma = (bump(SPOT * 1.01) - 2.0 * bump(SPOT) + bump(SPOT * 0.99)) / 0.0001;
        let vega = (self.value(SPOT, IMPLIED * 1.01) - self.value(SPOT, IMPLIED)) / 0.01;
        RiskArray {
            losses,
            delta: delta as i64,
            gamma: gamma as i64,
            vega: vega as i64,
        }
    }
}

/// One factor of 4 % a day and one underlying that follows it.
fn market() -> (PortfolioModel, Vec<UnderlyingRisk>) {
    let mut model = PortfolioModel::default();
    let params = &mut model.params;
    (params.deviations, params.correlation_breakdown) = (3 * RATIO_ONE, RATIO_ONE / 4);
    (params.factor_count, params.scenario_count, params.scenarios) =
        (1, MAX_SCENARIOS as u8, TABLE);
    model.factors[0].volatility = [(DAILY * ONE as f64) as u32; 2];
    let mut risk = UnderlyingRisk::default();
    risk.params.loadings[0] = LOADING_ONE;
    risk.params.depth_notional = u64::MAX;
    derive(&model, &mut risk);
    (model, vec![risk])
}

/// The exposure that options' deltas and a linear holding make.
fn exposure(legs: &[ArrayHolding<'_>], linear: i64) -> Exposures {
    let (mut low, mut high) = (linear, linear);
    for leg in legs {
        let (a, b) = (leg.low * leg.array.delta, leg.high * leg.array.delta);
        (low, high) = (low + a.min(b), high + a.max(b));
    }
    exposures(&[(
        1,
        Delta {
            low,
            high,
            doubt: PriceDoubt::default(),
        },
    )])
}

fn measure(legs: &[ArrayHolding<'_>], linear: i64) -> (Requirement, Vec<i64>) {
    let (model, underlyings) = market();
    let exposures = exposure(legs, linear);
    let parts = requirement(
        &model,
        &underlyings,
        &exposures,
        legs,
        Volatilities::Current,
    )
    .unwrap();
    let losses = scenario_losses(
        &model,
        &underlyings,
        &exposures,
        legs,
        Volatilities::Current,
    )
    .unwrap();
    (parts, losses.losses[..losses.count].to_vec())
}

fn held(array: &RiskArray, units: i64) -> ArrayHolding<'_> {
    ArrayHolding {
        array,
        low: units,
        high: units,
    }
}

/// The scenarios whose losses make the shortfall.
fn worst(losses: &[i64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by_key(|i| -losses[*i]);
    order.truncate(losses.len().div_ceil(4));
    order
}

fn is_tail(scenario: &Scenario) -> bool {
    scenario.shocks[0].unsigned_abs() > RANGE.unsigned_abs()
}

#[test]
fn an_option_deep_in_the_money_is_as_good_as_linear() {
    let (model, _) = market();
    let array = Vanilla {
        strike: SPOT / 10.0,
        call: true,
    }
    .array(&model);
    let option = measure(&[held(&array, 1_000)], 0).0;
    let linear = measure(&[], 1_000 * array.delta).0;
    assert_eq!(option.linear, linear.linear);
    let apart = option.shortfall.abs_diff(linear.shortfall);
    assert!(
        apart * 1_000 <= linear.shortfall,
        "{} {}",
        option.shortfall,
        linear.shortfall
    );
}

#[test]
fn a_short_straddle_fears_volatility_and_long_ways() {
    let (model, _) = market();
    let call = Vanilla {
        strike: SPOT,
        call: true,
    }
    .array(&model);
    let put = Vanilla {
        strike: SPOT,
        call: false,
    }
    .array(&model);
    assert!(call.gamma > 0 && call.vega > 0, "{call:?}");
    let (parts, losses) = measure(&[held(&call, -1_000), held(&put, -1_000)], 0);
    // Next to no delta is left for the factor model; the shortfall is what margins it.
    assert!(parts.shortfall > 3 * parts.linear, "{parts:?}");
    assert_eq!(parts.base(), parts.shortfall);
    for i in worst(&losses) {
        let scenario = &TABLE[i];
        assert!(scenario.volatility > 0, "{scenario:?}");
        assert!(
            scenario.shocks[0].unsigned_abs() >= RANGE.unsigned_abs() * 2 / 3,
            "{scenario:?}"
        );
    }
    // Both ways, and the tails among them.
    assert!(worst(&losses).iter().any(|i| is_tail(&TABLE[*i])));
    // Held long it loses time value at most: in calm falling volatility.
    let (_, losses) = measure(&[held(&call, 1_000), held(&put, 1_000)], 0);
    let most = *losses.iter().max().unwrap();
    assert_eq!(losses[9], most, "no move and volatility down");
}

#[test]
fn tails_are_felt_by_what_curves_alone() {
    let (model, _) = market();
    let end = |losses: &[i64], up: bool| {
        losses[if up { 2 } else { 0 }].max(losses[if up { 3 } else { 1 }])
    };
    for linear in [1i64 << 40, -(1 << 40)] {
        let losses = measure(&[], linear).1;
        for (scenario, loss) in TABLE
            .iter()
            .zip(&losses)
            .filter(|(scenario, _)| is_tail(scenario))
        {
            assert!(*loss <= end(&losses, scenario.shocks[0] > 0).max(0));
        }
    }
    // Puts a third below spot, sold, lose more there than at the end of the range, damped though it is.
    let array = Vanilla {
        strike: SPOT * 2.0 / 3.0,
        call: false,
    }
    .array(&model);
    let losses = measure(&[held(&array, -1_000)], 0).1;
    let fall = TABLE
        .iter()
        .zip(&losses)
        .find(|(scenario, _)| scenario.shocks[0] == -3 * RANGE)
        .unwrap()
        .1;
    assert!(*fall > end(&losses, false) * 5 / 4, "{losses:?}");
}

#[test]
fn a_long_option_loses_no_more_than_it_is_worth() {
    let (model, _) = market();
    for percent in [50.0, 80.0, 100.0, 120.0, 200.0] {
        for call in [true, false] {
            let option = Vanilla {
                strike: SPOT * percent / 100.0,
                call,
            };
            let array = option.array(&model);
            let losses = measure(&[held(&array, 1_000)], 0).1;
            let most = 1_000.0 * option.value(SPOT, IMPLIED) * 1.0001 + 2e6;
            assert!(
                losses.iter().all(|loss| (*loss as f64) <= most),
                "{option:?} {losses:?} {most}"
            );
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (model, underlyings) = market();
    let none = Exposures::new();
    let of = |losses: i64, low: i64, high: i64| {
        let array = RiskArray {
            losses: [losses; MAX_SCENARIOS],
            delta: 0,
            gamma: 0,
            vega: 0,
        };
        let holdings = [ArrayHolding {
            array: &array,
            low,
            high,
        }];
        requirement(
            &model,
            &underlyings,
            &none,
            &holdings,
            Volatilities::Current,
        )
        .map(|parts| parts.shortfall)
    };
    assert_eq!(of(i64::MIN, 1, 1), Err(RiskError::Overflow));
    assert_eq!(of(i64::MIN, -1, 0), Err(RiskError::Overflow));
    assert_eq!(of(1 << 40, 1 << 30, 1 << 30), Err(RiskError::Overflow));
    // A gain of 2^63 after the weight of a half has no opposite.
    assert_eq!(of(-(1 << 48), 1, 1), Ok(0));
    assert_eq!(of(-(1 << 62), 1, 1), Err(RiskError::Overflow));
    assert_eq!(of(1 << 20, 3, 5), Ok(5 << 20));
    assert_eq!(of(1 << 20, -5, -3), Ok(0));
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_box_of_options_needs_what_its_worst_filling_needs(
        strike in 40u32..=200, call in any::<bool>(), units in (-1_000i64..=1_000, 0i64..=500),
        filled in 0i64..=500, linear in -(1i64 << 40)..=1 << 40,
    ) {
        let (model, _) = market();
        let array = Vanilla { strike: SPOT * f64::from(strike) / 100.0, call }.array(&model);
        let (low, high) = (units.0, units.0 + units.1);
        let boxed = measure(&[ArrayHolding { array: &array, low, high }], linear).0;
        let inside = measure(&[held(&array, (low + filled).min(high))], linear).0;
        prop_assert!(inside.shortfall <= boxed.shortfall && inside.linear <= boxed.linear);
        prop_assert!(inside.base() <= boxed.base());
    }

    #[test]
    fn arrays_are_the_losses_that_they_say(book in book(8, 50), losses in prop::collection::vec(-(1i64 << 30)..=1 << 30, MAX_SCENARIOS), units in 1i64..=1_000) {
        let mut array = RiskArray { losses: [0; MAX_SCENARIOS], delta: 0, gamma: 0, vega: 0 };
        array.losses.copy_from_slice(&losses);
        let exposures = book.exposures();
        let of = |holdings: &[ArrayHolding<'_>]| {
            scenario_losses(&book.model, &book.underlyings, &exposures, holdings, Volatilities::Current).unwrap()
        };
        let (with, without) = (of(&[held(&array, units)]), of(&[]));
        let most = exposures.items().iter().map(Exposure::size).max().unwrap_or(0);
        let grain = 1i64 << (64 - most.leading_zeros()).saturating_sub(24);
        for (i, scenario) in book.model.params.scenarios().iter().enumerate() {
            let weighted = (losses[i] as f64 * units as f64) * f64::from(scenario.weight) / f64::from(WEIGHT_ONE);
            let apart = with.losses[i] as f64 - without.losses[i] as f64 - weighted;
            prop_assert!(apart.abs() <= 3.0 * grain as f64 + weighted.abs() * 1e-9, "{i}: {apart}");
        }
    }

    #[test]
    fn the_shortfall_is_the_mean_of_the_worst_quarter(book in book(8, 50)) {
        for which in Volatilities::ALL {
            let exposures = book.exposures();
            let losses = scenario_losses(&book.model, &book.underlyings, &exposures, &[], which).unwrap();
            let losses = &losses.losses[..losses.count];
            let of = worst(losses);
            let sum: i128 = of.iter().map(|i| i128::from(losses[*i].max(0))).sum();
            let mean = sum.unsigned_abs().div_ceil(of.len() as u128);
            let got = book.requirement(which).shortfall;
            let most = exposures.items().iter().map(Exposure::size).max().unwrap_or(0);
            let grain = 1u128 << (64 - most.leading_zeros()).saturating_sub(24);
            prop_assert!(mean <= got && got < mean + grain, "{mean} {got}");
        }
    }
}
