//! The backtest's rules: nothing from the future, what is counted by hand, and the integer engine against the reference.

use plimsoll_backtest::books::{standard, Book, Kind, Position};
use plimsoll_backtest::conditions::{history, Conditions, Settings};
use plimsoll_backtest::model::{Holding, Multiples, Parts};
use plimsoll_backtest::prices::Prices;
use plimsoll_backtest::random::Random;
use plimsoll_backtest::simulate::{basis, cycle, run, together, Exceedances, Outcome, Scene};
use plimsoll_backtest::synthetic::{self, Weather};
use plimsoll_risk::portfolio::Volatilities;

const LINEAR: usize = 2;
const FULL: usize = 3;
const GROSS: f64 = 100_000.0;

fn prices(days: usize) -> Prices {
    Prices::read(synthetic::csv(days, 5, Weather::Even).as_bytes()).unwrap()
}

fn conditions(prices: &Prices) -> Vec<Option<Conditions>> {
    history(prices, &Settings::default(), |_| ()).unwrap()
}

fn single(asset: usize, part: f64) -> Book {
    Book {
        name: "single".to_owned(),
        positions: vec![Position {
            asset,
            kind: Kind::Perpetual,
            part,
        }],
    }
}

fn ran(
    prices: &Prices,
    known: &[Option<Conditions>],
    book: &Book,
    range: (usize, usize),
) -> Outcome {
    let scene = Scene {
        prices,
        conditions: known,
        basis: basis(prices, 1),
        gross: GROSS,
        range,
    };
    run(&scene, book).unwrap().unwrap()
}

#[test]
fn what_comes_after_a_day_changes_nothing_required_on_it() {
    let whole = prices(260);
    let mut other = whole.clone();
    for series in &mut other.series {
        for candle in series.candles.iter_mut().skip(201).flatten() {
            candle.close *= 1.7;
            candle.high *= 2.0;
            candle.volume = 1.0;
        }
    }
    let (before, after) = (conditions(&whole), conditions(&other));
    let reference = |known: &Option<Conditions>| {
        let engine = &known.as_ref()?.engine;
        Some([Volatilities::Current, Volatilities::Binding].map(|which| engine.reference(which)))
    };
    for day in 0..=200 {
        assert_eq!(reference(&before[day]), reference(&after[day]), "day {day}");
    }
    assert_ne!(reference(&before[201]), reference(&after[201]));
    let required = |prices: &Prices, known: &[Option<Conditions>]| {
        ran(prices, known, &single(3, 1.0), (0, 200))
            .records
            .map(|record| record.required)
    };
    assert_eq!(required(&whole, &before), required(&other, &after));
}

#[test]
fn a_single_asset_requires_its_isolated_margin() {
    let prices = prices(200);
    let known = conditions(&prices);
    let last = known[199].as_ref().unwrap();
    for asset in 0..5 {
        for usd in [GROSS, -GROSS] {
            let holding = Holding {
                underlying: asset,
                long: usd.max(0.0),
                short: (-usd).max(0.0),
            };
            let parts = last
                .engine
                .requirement(&[holding], Volatilities::Current)
                .unwrap();
            let isolated = GROSS * last.engine.isolated(asset, Volatilities::Current);
            assert!(
                (parts.linear / isolated - 1.0).abs() < 1e-5,
                "{asset}: {parts:?} {isolated}"
            );
            assert!((parts.isolated / isolated - 1.0).abs() < 1e-5);
        }
    }
}

/// Up to six underlyings of any size, long, short or both.
fn holdings(random: &mut Random) -> Vec<Holding> {
    let count = 1 + random.below(5);
    let mut left: Vec<usize> = (0..5).collect();
    let mut one = |_| {
        let size = 10f64.powf(1.0 + 7.0 * random.unit());
        let other = if random.below(3) == 0 {
            size * random.unit()
        } else {
            0.0
        };
        let (long, short) = if random.below(2) == 0 {
            (size, other)
        } else {
            (other, size)
        };
        let underlying = left.swap_remove(random.below(left.len()));
        Holding {
            underlying,
            long,
            short,
        }
    };
    (0..count).map(&mut one).collect()
}

/// Relative to the gross, the most that rounding to the chain's forms and 24-bit exposures may make of a difference.
const TOLERANCE: f64 = 2e-6;

fn assert_close(found: &Parts, reference: &Parts, holdings: &[Holding]) {
    let gross: f64 = holdings
        .iter()
        .map(|holding| holding.long + holding.short)
        .sum();
    let pairs = [
        (found.isolated, reference.isolated, "isolated"),
        (found.linear, reference.linear, "linear"),
        (found.shortfall, reference.shortfall, "shortfall"),
        (found.crash, reference.crash, "crash"),
        (found.add_ons, reference.add_ons, "add-ons"),
    ];
    for (integer, float, part) in pairs {
        let most = TOLERANCE * (gross + integer) + 1e-4;
        assert!(
            (integer - float).abs() <= most,
            "{part}: {integer} {float} of {holdings:?}"
        );
    }
}

#[test]
fn the_integer_engine_agrees_with_the_reference_on_random_portfolios() {
    let prices = prices(200);
    let known = conditions(&prices);
    let mut random = Random::new(11);
    for day in [120, 160, 199] {
        let conditions = known[day].as_ref().unwrap();
        let both = [Volatilities::Current, Volatilities::Binding];
        let both = both.map(|which| (conditions.engine.reference(which), which));
        for _ in 0..2_000 {
            let holdings = holdings(&mut random);
            for (model, which) in &both {
                let found = conditions.engine.requirement(&holdings, *which).unwrap();
                assert_close(&found, &model.requirement(&holdings, 0.0), &holdings);
            }
        }
    }
}

#[test]
fn the_reference_by_hand() {
    let prices = prices(200);
    let known = conditions(&prices);
    let engine = &known[199].as_ref().unwrap().engine;
    let mut model = engine.reference(Volatilities::Current);
    model.multiples = Multiples {
        deviations: 2.0,
        correlation_breakdown: 0.5,
        gross_floor: 0.01,
        crash_multiple: 0.5,
        basis_ratio: 0.1,
        ..Multiples::default()
    };
    (model.factors, model.gains) = ([0.03, 0.0, 0.0], [0.03, 0.0, 0.0]);
    for (underlying, own) in model.underlyings.iter_mut().zip([0.0, 0.04]) {
        underlying.loadings = [1.0, 0.0, 0.0];
        underlying.own = own;
        underlying.depth = 100.0;
        underlying.impact = 0.1;
        underlying.crash = [-0.4; 8];
    }
    let holding = |underlying, long, short| Holding {
        underlying,
        long,
        short,
    };
    // Volatilities 3 % and 5 %; long 100 of the one, short 100 of the other: the factor nets, the rest does not.
    let parts = model.requirement(&[holding(0, 100.0, 0.0), holding(1, 0.0, 100.0)], 0.0);
    assert!((parts.isolated - 2.0 * (3.0 + 5.0)).abs() < 1e-9);
    assert!((parts.linear - (0.5 * 2.0 * 4.0 + 0.5 * 16.0)).abs() < 1e-9);
    assert_eq!(
        (parts.crash, parts.shortfall, parts.add_ons),
        (0.0, 0.0, 0.0)
    );
    // Four times the depth: 400 · 10 % · (2 − 1); half of 40 % on the crash days; ten of longs hedged by shorts.
    let parts = model.requirement(&[holding(0, 410.0, 10.0)], 50.0);
    assert!((parts.crash - 80.0).abs() < 1e-9);
    assert!((parts.add_ons - (40.0 + 1.0 + 50.0 * model.multiples.depeg_ratio)).abs() < 1e-9);
    // All 24 scenarios of a single long: the worst six are 4, 4, 3.08, 3.08, 2.67 and 2.67 volatilities.
    assert!((parts.shortfall - 400.0 * 0.03 * (8.0 + 6.16 + 5.328) / 6.0).abs() < 0.05);
}

#[test]
fn exceedances_and_cycles_by_hand() {
    let mut counted = Exceedances::default();
    for loss in [-5.0, 9.0, 10.0, 12.0] {
        counted.count(loss, 10.0);
    }
    assert_eq!((counted.days, counted.count, counted.worst), (4, 1, 1.2));
    assert_eq!(counted.part(), 0.25);
    let found = cycle(&[1.0, 2.0, 4.0, 1.0, 1.0, 1.0, 1.5]);
    assert_eq!((found.peak_to_trough, found.five_day_rise), (4.0, 3.0));
}

#[test]
fn every_loss_of_a_long_is_counted_against_the_evening_befores_requirement() {
    let prices = prices(300);
    let known = conditions(&prices);
    let outcome = ran(&prices, &known, &single(4, 1.0), (0, 299));
    let (mut days, mut over) = (0, 0);
    for (day, conditions) in known.iter().enumerate().take(299) {
        let Some(conditions) = conditions else {
            continue;
        };
        if !conditions.known[4] {
            continue;
        }
        let loss = 1.0 - prices.close(4, day + 1).unwrap() / prices.close(4, day).unwrap();
        days += 1;
        over += usize::from(loss > conditions.engine.isolated(4, Volatilities::Current));
    }
    let isolated = &outcome.records[0];
    assert_eq!(
        (isolated.one_day.days, isolated.one_day.count),
        (days, over)
    );
    assert_eq!(isolated.required.len(), days + 1);
    assert!((isolated.mean_relative() - 1.0).abs() < 1e-12);
}

#[test]
fn a_fall_past_the_margin_is_bad_debt_of_the_rest() {
    let mut prices = prices(220);
    // An even day, then a fall of 60 % by the close and no further within the day, then silence.
    let before = prices.close(0, 200).unwrap();
    for (day, slot) in prices.series[0].candles.iter_mut().enumerate().skip(201) {
        let candle = slot.as_mut().unwrap();
        let (open, close) = if day == 201 {
            (before, 0.4 * before)
        } else {
            (0.4 * before, 0.4 * before)
        };
        (candle.open, candle.high, candle.low, candle.close) = (open, open, close, close);
    }
    let known = conditions(&prices);
    let outcome = ran(&prices, &known, &single(0, 1.0), (200, 200));
    for record in &outcome.records {
        let [held] = record.required[..] else {
            panic!("one day")
        };
        assert_eq!(
            (record.accounts, record.liquidated, record.indebted),
            (1, 1, 1)
        );
        assert!((record.worst_debt - (0.6 - held)).abs() < 1e-9);
        assert_eq!((record.one_day.count, record.by_parameters), (1, 0));
    }
    // A short gains by it, and is left alone on every mark of the day.
    let short = ran(&prices, &known, &single(0, -1.0), (200, 200));
    assert!(short
        .records
        .iter()
        .all(|record| record.liquidated == 0 && record.one_day.worst < 0.0 + 1e-12));
}

#[test]
fn the_shipped_file_is_what_the_generator_writes_and_every_book_runs_on_it() {
    let shipped = include_str!("../data/synthetic.csv");
    assert_eq!(shipped, synthetic::csv(400, 1, Weather::Crash));
    let prices = Prices::read(shipped.as_bytes()).unwrap();
    let known = conditions(&prices);
    let all: Vec<usize> = (0..5).collect();
    let books = standard(&prices, &all, 1).unwrap();
    let outcomes: Vec<Outcome> = books
        .iter()
        .map(|book| ran(&prices, &known, book, (0, 399)))
        .collect();
    let outcomes = together(outcomes);
    assert_eq!(outcomes.len(), books.len() - 11);
    for outcome in &outcomes {
        let [isolated, _, linear, full] = &outcome.records;
        let hedged = outcome.name.contains("short ETH") || outcome.name.contains("against");
        // A hedge needs measurably less than its legs alone, and the full model never less than its linear part.
        assert!(!hedged || full.mean_relative() < 0.7, "{}", outcome.name);
        assert!(linear.mean_relative() <= isolated.mean_relative() + 1e-5);
        let pairs = outcome.records[FULL]
            .required
            .iter()
            .zip(&outcome.records[LINEAR].required);
        assert!(pairs.into_iter().all(|(full, linear)| full >= linear));
    }
}
