//! The portfolio requirement against exact arithmetic: never below what the formulas say, and above it by no more than the
//! stated rounding.
//!
//! Stated rounding: with `g` the power of two that leaves the largest exposure 24 digits (one for a small account), the
//! engine's requirement of a box is at most the exact one of the box widened by `g` on each side, plus a few times `g`.

mod common;

use common::portfolio::*;
use common::reference::{doubts, exact, intervals, units, Exact, Interval, DELTA_BITS, SCALE};
use common::*;
use num_bigint::BigInt;
use plimsoll_risk::portfolio::*;
use plimsoll_risk::*;
use proptest::prelude::*;

/// `g`: the largest exposure's excess over 24 digits.
fn grain(exposures: &Exposures) -> u64 {
    let most = exposures
        .items()
        .iter()
        .map(Exposure::size)
        .max()
        .unwrap_or(0);
    1 << (64 - most.leading_zeros()).saturating_sub(24)
}

/// `⌈slack · g⌉` as a result.
fn slack(times: f64, grain: u64) -> BigInt {
    (BigInt::from((times * 1024.0).ceil() as u64 + 1) * grain) << (SCALE - 10)
}

fn ratio_f64(ratio: u32) -> f64 {
    f64::from(ratio) / ONE as f64
}

/// What rounding may add to each part, in units of `g`, beyond the widened box.
struct Slack {
    model: f64,
    isolated: f64,
    shortfall: f64,
    crash: f64,
}

impl Slack {
    fn of(model: &PortfolioModel, exposures: &Exposures) -> Self {
        let n = exposures.items().len() as f64;
        let k = ratio_f64(model.params.deviations);
        let shocks = model.params.scenarios().iter().map(|scenario| {
            scenario
                .shocks
                .iter()
                .map(|shock| f64::from(shock.unsigned_abs()) / 256.0)
                .sum::<f64>()
        });
        Self {
            // Three factors' moves are rounded twice, each own move once, then the root.
            model: k * (1.0 + (3.0 * 2.25 + n).sqrt()) + 1.0,
            // An underlying's volatility in all is rounded up.
            isolated: k * (1.0 + n) + 1.0,
            shortfall: 1.5 * shocks.fold(0.0, f64::max) + 3.0,
            crash: ratio_f64(model.params.crash_multiple) + 1.0,
        }
    }
}

fn check(
    name: &str,
    engine: u128,
    least: &BigInt,
    most: BigInt,
) -> std::result::Result<(), TestCaseError> {
    let engine = units(engine);
    prop_assert!(engine >= *least, "{name}: {engine} is below {least}");
    prop_assert!(engine <= most, "{name}: {engine} is above {most}");
    Ok(())
}

fn compare(book: &Book, which: Volatilities) -> std::result::Result<(), TestCaseError> {
    let exposures = book.exposures();
    let got = book.requirement(which);
    let g = grain(&exposures);
    let at = |wider: u64| -> Exact {
        exact(
            &book.model,
            &book.underlyings,
            &intervals(&exposures, wider),
            which,
        )
    };
    let (least, most) = (at(0), at(g));
    let slacks = Slack::of(&book.model, &exposures);
    let either = slack(slacks.isolated.max(slacks.model) + 2.0, g);
    check(
        "model",
        got.model,
        &least.model,
        most.model.clone() + slack(slacks.model, g),
    )?;
    check(
        "isolated",
        got.isolated,
        &least.isolated,
        most.isolated + either.clone(),
    )?;
    check(
        "gross",
        got.gross_floor,
        &least.gross_floor,
        most.gross_floor + slack(1.0, g),
    )?;
    check("linear", got.linear, &least.linear, most.linear + either)?;
    check(
        "shortfall",
        got.shortfall,
        &least.shortfall,
        most.shortfall + slack(slacks.shortfall, g),
    )?;
    check(
        "crash",
        got.crash,
        &least.crash,
        most.crash + slack(slacks.crash, g),
    )?;
    let (basis, uncertain) = doubts(&book.underlyings, &book.holdings);
    let count = units(2 * book.holdings.len());
    check("basis", got.basis, &basis, basis.clone() + &count)?;
    let uncertain = if which == Volatilities::Current {
        uncertain
    } else {
        BigInt::ZERO
    };
    // The ratio of a gain is taken one unit lower.
    let gains: BigInt = book
        .holdings
        .iter()
        .map(|(_, delta)| units(delta.low.unsigned_abs().max(delta.high.unsigned_abs())) >> 24)
        .sum();
    check(
        "confidence",
        got.confidence,
        &uncertain,
        uncertain.clone() + count + gains,
    )?;
    // Roots of 32 digits: a part in 2^31 of the size grown, at the ratio.
    let tiny: BigInt = exposures
        .items()
        .iter()
        .map(|item| {
            let risk = &book.underlyings[usize::from(item.underlying) - 1].params;
            let grown = item.size() as f64
                * (item.size() as f64 / risk.depth_notional as f64)
                    .sqrt()
                    .max(1.0);
            let most = grown * (ratio_f64(risk.liquidity_ratio) / 1e9 + 2.0 / ONE as f64) + 2.0;
            units(most.ceil() as u128)
        })
        .sum();
    check(
        "liquidity",
        got.liquidity,
        &least.liquidity,
        least.liquidity.clone() + tiny,
    )
}

/// Up to 32 holdings of the largest size with every parameter at an end of its bounds: what would wrap would wrap here.
fn book_at_the_bounds() -> impl Strategy<Value = Book> {
    let most = 1i64 << 57;
    let end = prop::sample::select(vec![-most, -most + 1, -1, 0, 1, most - 1, most]);
    let deltas = prop::collection::vec([end.clone(), end], 32);
    let loading = prop::sample::select(vec![-MAX_LOADING, 0, MAX_LOADING]);
    let day = prop::sample::select(vec![-LOADING_ONE / 20 * 19, 0, 4 * LOADING_ONE]);
    let seeds = prop::collection::vec(
        (
            prop::collection::vec(loading, 3),
            prop::collection::vec(day, CRASH_DAYS),
        ),
        32,
    );
    let shock = prop::sample::select(vec![-64i16 << 8, 0, 64 << 8]);
    let scenarios = prop::collection::vec(prop::collection::vec(shock, 3), MAX_SCENARIOS);
    let depth = prop::sample::select(vec![1u64, 1_000_000, u64::MAX]);
    let alike = any::<bool>();
    (deltas, seeds, scenarios, depth, alike).prop_map(|(deltas, seeds, scenarios, depth, alike)| {
        let mut model = PortfolioModel::default();
        let params = &mut model.params;
        (params.deviations, params.correlation_breakdown) = (16 * RATIO_ONE, RATIO_ONE / 4);
        (params.gross_floor, params.crash_multiple) = (RATIO_ONE, 2 * RATIO_ONE);
        (params.factor_count, params.scenario_count) = (3, MAX_SCENARIOS as u8);
        for (scenario, shocks) in params.scenarios.iter_mut().zip(scenarios) {
            scenario.shocks.copy_from_slice(&shocks);
            scenario.weight = WEIGHT_ONE - 1;
        }
        for factor in &mut model.factors {
            factor.volatility = [MAX_VOLATILITY; 2];
        }
        let underlying = |(loadings, days): (Vec<i32>, Vec<i32>)| {
            let mut risk = UnderlyingRisk {
                idiosyncratic: [MAX_VOLATILITY; 2],
                ..UnderlyingRisk::default()
            };
            risk.params.loadings.copy_from_slice(&loadings);
            risk.params.crash_returns.copy_from_slice(&days);
            (risk.params.depth_notional, risk.params.liquidity_ratio) = (depth, RATIO_ONE);
            derive(&model, &mut risk);
            risk
        };
        let underlyings: Vec<_> = seeds.into_iter().map(underlying).collect();
        let holding = |(i, [a, b]): (usize, [i64; 2])| {
            let number = if alike { 1 } else { i as u8 + 1 };
            (
                number,
                Delta {
                    low: a.min(b),
                    high: a.max(b),
                    doubt: Default::default(),
                },
            )
        };
        let holdings = deltas.into_iter().enumerate().map(holding).collect();
        Book {
            model,
            underlyings,
            holdings,
        }
    })
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn so_is_that_of_a_book_at_the_bounds(book in book_at_the_bounds()) {
        compare(&book, Volatilities::Current)?;
    }

    #[test]
    fn the_requirement_is_the_exact_one_rounded_up(book in book(32, 54)) {
        for which in Volatilities::ALL {
            compare(&book, which)?;
        }
    }

    #[test]
    fn so_is_that_of_a_small_book(book in book(4, 26)) {
        for which in Volatilities::ALL {
            compare(&book, which)?;
        }
    }

    #[test]
    fn the_peg_costs_its_part_of_the_quote_owned(ratio in ratio(RATIO_ONE / 2), quote in signed_wide(63)) {
        let mut model = PortfolioModel::default();
        model.params.depeg_ratio = ratio;
        let got = Requirement::default().with_depeg(&model, quote.into()).unwrap().depeg;
        let exact = (BigInt::from(quote.max(0)) * ratio) << (SCALE - 24);
        check("depeg", got, &exact, exact.clone() + units(1))?;
    }

    /// What the engine makes of the slots encloses the exact deltas, by less than a unit on each side for each slot.
    #[test]
    fn exposures_enclose_the_exact_deltas(mut account in portfolio_account()) {
        // Of a deposit with a lower weight a part is not believed in.
        account.refresh();
        for risk in &mut account.account.assets {
            let terms = &mut risk.terms;
            terms.asset_weight_init = terms.asset_weight_init.max(RATIO_ONE / 2);
            terms.asset_weight_maint = terms.asset_weight_maint.max(RATIO_ONE / 2);
        }
        let mut exposures = Exposures::new();
        gather(&account.view(), &account.portfolio(), &HealthKind::ALL, Policy::Strict, true, &mut exposures).unwrap();
        let mut exact = vec![(BigInt::ZERO, BigInt::ZERO, 0u32); account.underlyings.len() + 1];
        let mut count = |underlying: u8, low: i64, high: i64, price: u64, shift: u8| {
            let at = &mut exact[usize::from(underlying)];
            let worth = |amount: i64| (BigInt::from(amount) * price) << (DELTA_BITS - u32::from(shift));
            at.0 += worth(low);
            at.1 += worth(high);
            at.2 += 1;
        };
        for (balance, risk) in account.account.balances.iter().zip(&account.account.assets) {
            let price = risk.share_price[usize::from(balance.shares.0 < 0)];
            count(risk.underlying, balance.shares.0, balance.shares.0, price, risk.shift);
        }
        for (perp, risk) in account.account.perps.iter().zip(&account.account.markets) {
            let (low, high) = (perp.position.0 - perp.ask_lots.0, perp.position.0 + perp.bid_lots.0);
            count(risk.underlying, low, high, risk.price.spot, risk.shift);
        }
        let found = intervals(&exposures, 0);
        for (number, (low, high, slots)) in exact.iter().enumerate().skip(1) {
            let none = Interval { underlying: number as u8, low: BigInt::ZERO, high: BigInt::ZERO };
            let item = found.iter().find(|item| usize::from(item.underlying) == number).unwrap_or(&none);
            let grain = BigInt::from(*slots) << DELTA_BITS;
            prop_assert!(item.low <= *low && *low <= item.low.clone() + &grain);
            prop_assert!(item.high >= *high && high.clone() + &grain >= item.high);
        }
    }
}
