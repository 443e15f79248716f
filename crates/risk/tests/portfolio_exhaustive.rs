//! The portfolio margin engine over every book of a small domain: no sampling, and no rounding allowed for where none is
//! stated. `proofs/README.md` says which claims rest on this and which on the solver.

mod common;

use common::portfolio::*;
use common::*;
use plimsoll_risk::entry_price::PriceDoubt;
use plimsoll_risk::portfolio::*;
use plimsoll_risk::position::{OpenOrder, PerpPosition};
use plimsoll_risk::*;

/// Deltas go from minus to plus this many steps.
const REACH: i64 = 4;
/// Underlyings.
const COUNT: usize = 3;
/// What a step is worth: a number of more than 24 digits and one that rounding is large against.
const STEPS: [i64; 2] = [(1 << 33) + 12_345, 3];

type Parts = [u128; 7];

fn parts(requirement: &Requirement) -> Parts {
    let r = requirement;
    [
        r.model,
        r.isolated,
        r.linear,
        r.shortfall,
        r.crash,
        r.base(),
        r.total(),
    ]
}

/// Percent as a ratio.
fn percent(value: u32) -> u32 {
    RATIO_ONE / 100 * value
}

/// A model of two factors, in percent where it is a ratio.
struct Setting {
    deviations: u32,
    breakdown: u32,
    floor: u32,
    crash: u32,
    volatilities: [[u32; 2]; 2],
    loadings: [[i32; 2]; COUNT],
    own: [u32; COUNT],
    skewed: bool,
}

/// Models that differ in every parameter: hedges that hold well and badly, no hedge at all, and a skewed table.
const SETTINGS: [Setting; 4] = [
    Setting {
        deviations: 300,
        breakdown: 25,
        floor: 3,
        crash: 100,
        volatilities: [[5, 4], [3, 1]],
        loadings: [[100, 0], [110, 100], [90, -60]],
        own: [0, 0, 3],
        skewed: false,
    },
    Setting {
        deviations: 433,
        breakdown: 5,
        floor: 1,
        crash: 50,
        volatilities: [[12, 12], [2, 2]],
        loadings: [[100, 0], [200, 0], [-100, 30]],
        own: [1, 0, 9],
        skewed: true,
    },
    Setting {
        deviations: 233,
        breakdown: 100,
        floor: 0,
        crash: 1,
        volatilities: [[50, 10], [50, 50]],
        loadings: [[400, -400], [-400, 400], [33, 66]],
        own: [50, 50, 50],
        skewed: true,
    },
    Setting {
        deviations: 600,
        breakdown: 0,
        floor: 20,
        crash: 100,
        volatilities: [[7, 3], [0, 0]],
        loadings: [[100, 0], [100, 0], [100, 0]],
        own: [0, 0, 0],
        skewed: false,
    },
];

/// Moves without their opposites, in volatilities.
const SKEWED: [[i16; MAX_FACTORS]; 5] =
    [[3, 2, 0], [-3, -2, 0], [5, -1, 0], [-1, 4, 0], [0, -6, 0]];

impl Setting {
    fn model(&self) -> PortfolioModel {
        let mut model = PortfolioModel::default();
        let params = &mut model.params;
        params.deviations = percent(self.deviations);
        params.correlation_breakdown = percent(self.breakdown);
        (params.gross_floor, params.crash_multiple) = (percent(self.floor), percent(self.crash));
        params.maint_fraction = percent(80);
        params.factor_count = 2;
        (params.scenario_count, params.scenarios) = (MAX_SCENARIOS as u8, TABLE);
        if self.skewed {
            params.scenario_count = SKEWED.len() as u8;
            for (scenario, shocks) in params.scenarios.iter_mut().zip(SKEWED) {
                (scenario.shocks, scenario.weight) = (shocks.map(|shock| shock * 256), WEIGHT_ONE);
            }
        }
        for (factor, volatility) in model.factors.iter_mut().zip(self.volatilities) {
            factor.volatility = volatility.map(percent);
        }
        model
    }

    fn underlying(&self, model: &PortfolioModel, i: usize) -> UnderlyingRisk {
        let mut risk = UnderlyingRisk {
            idiosyncratic: [percent(self.own[i]), percent(self.own[i]) / 2],
            ..UnderlyingRisk::default()
        };
        for (loading, percent) in risk.params.loadings.iter_mut().zip(self.loadings[i]) {
            *loading = LOADING_ONE / 100 * percent;
        }
        for (day, moved) in risk.params.crash_returns.iter_mut().enumerate() {
            *moved = LOADING_ONE / 100 * ((day as i32 * 17 + i as i32 * 29) % 61 - 50);
        }
        (risk.params.basis_ratio, risk.params.liquidity_ratio) = (percent(1), percent(50));
        risk.params.depth_notional = 1 << (34 + i);
        derive(model, &mut risk);
        risk
    }
}

fn models() -> Vec<(PortfolioModel, Vec<UnderlyingRisk>)> {
    let build = |setting: &Setting| {
        let model = setting.model();
        (
            model,
            (0..COUNT).map(|i| setting.underlying(&model, i)).collect(),
        )
    };
    SETTINGS.iter().map(build).collect()
}

/// The requirement of a box whose ends are given in steps.
fn of(
    book: &(PortfolioModel, Vec<UnderlyingRisk>),
    step: i64,
    ends: &[(i64, i64)],
    which: Volatilities,
) -> Parts {
    let mut exposures = Exposures::new();
    for (i, (low, high)) in ends.iter().enumerate() {
        let delta = Delta {
            low: low * step,
            high: high * step,
            doubt: PriceDoubt::default(),
        };
        exposures.add(i as u8 + 1, &delta).unwrap();
    }
    parts(&requirement(&book.0, &book.1, &exposures, &[], which).unwrap())
}

/// Every combination of one choice for each underlying.
fn triples<T: Copy>(choices: &[T]) -> impl Iterator<Item = [T; COUNT]> + '_ {
    choices.iter().flat_map(move |a| {
        choices
            .iter()
            .flat_map(move |b| choices.iter().map(move |c| [*a, *b, *c]))
    })
}

#[test]
fn every_box_is_ordered_and_none_requires_more_than_one_around_it() {
    let intervals: Vec<(i64, i64)> = (-REACH..=REACH)
        .flat_map(|low| (low..=REACH).map(move |high| (low, high)))
        .collect();
    let at = |(low, high): (i64, i64)| intervals.iter().position(|i| *i == (low, high));
    let wider: Vec<Vec<usize>> = intervals
        .iter()
        .map(|(low, high)| {
            [at((low - 1, *high)), at((*low, high + 1))]
                .into_iter()
                .flatten()
                .collect()
        })
        .collect();
    let n = intervals.len();
    for (book, step) in models().iter().zip(STEPS.into_iter().cycle()) {
        let mut known = Vec::with_capacity(n * n * n);
        for ends in triples(&intervals) {
            let (current, binding) = (
                of(book, step, &ends, Volatilities::Current),
                of(book, step, &ends, Volatilities::Binding),
            );
            assert!(
                current.iter().zip(binding).all(|(c, b)| *c >= b),
                "{ends:?}"
            );
            let [model, isolated, linear, ..] = current;
            let d = u128::from(book.0.params.correlation_breakdown);
            assert!(
                model <= linear && linear << 24 >= isolated * d && model <= isolated,
                "{ends:?}"
            );
            known.push(current);
        }
        for (i, inner) in known.iter().enumerate() {
            let place = [i / (n * n), i / n % n, i % n];
            for (axis, stride) in [n * n, n, 1].into_iter().enumerate() {
                for outer in &wider[place[axis]] {
                    let outer = &known[i - place[axis] * stride + outer * stride];
                    assert!(inner.iter().zip(outer).all(|(i, o)| i <= o), "{place:?}");
                }
            }
        }
    }
}

#[test]
fn every_two_books_need_no_more_together() {
    let points: Vec<i64> = (-REACH..=REACH).collect();
    let sums: Vec<i64> = (-2 * REACH..=2 * REACH).collect();
    let width = sums.len() as i64;
    for book in &models() {
        let step = STEPS[0];
        let known: Vec<Parts> = triples(&sums)
            .map(|at| of(book, step, &at.map(|x| (x, x)), Volatilities::Current))
            .collect();
        let place = |at: [i64; COUNT]| {
            let index = at
                .into_iter()
                .fold(0, |index, x| index * width + x + 2 * REACH);
            &known[usize::try_from(index).unwrap()]
        };
        // Everything but the total: the liquidity add-on grows faster than the size.
        let measures = |parts: &Parts| -> [u128; 6] { core::array::from_fn(|i| parts[i]) };
        // The sum's largest exposure has at most 36 digits, hence 12 are rounded away.
        let unit = u128::from(1u64 << 12) * 8 * 8 * 5;
        for one in triples(&points) {
            let alone = measures(place(one));
            // Twice the book is rounded alike.
            assert_eq!(
                measures(place(one.map(|x| 2 * x))),
                alone.map(|x| 2 * x),
                "{one:?}"
            );
            for other in triples(&points) {
                let both = measures(place(core::array::from_fn(|i| one[i] + other[i])));
                let apart = measures(place(other));
                for i in 0..both.len() {
                    assert!(both[i] <= alone[i] + apart[i] + unit, "{one:?} {other:?}");
                }
            }
        }
    }
}

/// Positions of up to two lots in two markets of one underlying, bids and asks of up to two lots at, above and below
/// spot: every fill of one lot, hence of any subset.
#[test]
fn no_fill_of_any_small_account_lowers_health() {
    let book = &models()[0];
    let spot = 1i64 << 30;
    let market = MarketRisk {
        underlying: 1,
        tick: 1,
        price: steady(spot as u64),
        profit_weight: [RATIO_ONE / 3, RATIO_ONE / 2, RATIO_ONE],
        ..MarketRisk::default()
    };
    let markets = [
        market,
        MarketRisk {
            underlying: 2,
            ..market
        },
        market,
    ];
    // Position, lots of the bid, lots of the ask, limits as parts of spot.
    let mut states = Vec::new();
    for position in -2i64..=2 {
        for lots in 0..9i64 {
            for limit in [(9, 11), (11, 9), (10, 10)] {
                states.push((position, lots / 3, lots % 3, limit));
            }
        }
    }
    type State = (i64, i64, i64, (i64, i64));
    let slot =
        |i: usize, (position, bids, asks, (bid, ask)): State, orders: &mut Vec<OpenOrder>| {
            let mut perp = PerpPosition {
                position: BaseLots(position),
                ..PerpPosition::of(i as u16)
            };
            for (side, lots, limit) in [(0, bids, bid), (1, asks, ask)] {
                let order = OpenOrder {
                    id: 1,
                    price: PriceLots((spot / 10 * limit) as u64),
                    lots: BaseLots(lots),
                    market: i as u16,
                    side,
                    ..OpenOrder::default()
                };
                if lots > 0 {
                    perp.add_order(orders.len(), &order, 1).unwrap();
                }
                orders.push(order);
            }
            perp
        };
    let health = |perps: &[PerpPosition], orders: &[OpenOrder]| {
        let view = RiskView {
            assets: &[],
            markets: &markets,
            underlyings: &book.1,
            model: &book.0,
            clock: CLOCK,
            purpose: Purpose::Trade,
            one_price: Default::default(),
        };
        let portfolio = Portfolio {
            balances: &[],
            perps,
            orders,
            mode: MarginMode::Portfolio,
        };
        PortfolioMargin::assess(&view, &portfolio, Policy::Strict)
            .unwrap()
            .health
    };
    for (first, second) in states
        .iter()
        .flat_map(|a| states.iter().map(move |b| (*a, *b)))
    {
        let mut orders = Vec::new();
        let perps = [slot(0, first, &mut orders), slot(1, second, &mut orders)];
        let before = health(&perps, &orders);
        for (i, filled) in orders
            .iter()
            .enumerate()
            .filter(|(_, order)| order.lots.0 > 0)
        {
            let (mut perps, mut orders) = (perps, orders.clone());
            let perp = &mut perps[i / 2];
            let lot = BaseLots(1);
            perp.reduce_order(i, &mut orders[i], lot, 1).unwrap();
            let notional = lot.notional(filled.price, 1).unwrap();
            perp.apply_fill(
                filled.side(),
                lot,
                notional,
                QuoteNative(0),
                markets[i / 2].funding(),
            )
            .unwrap();
            let after = health(&perps, &orders);
            assert!(
                before.iter().zip(after).all(|(b, a)| *b <= a),
                "{first:?} {second:?}: fill {i}: {before:?} {after:?}"
            );
        }
    }
}
