//! Every bound of the portfolio model's parameters, and the direction in which each of them loosens.

use plimsoll_risk::portfolio::{
    require_consistent, CRASH_DAYS, LOADING_ONE, MAX_FACTORS, MAX_SCENARIOS, RANGE, SHOCK_BITS,
    WEIGHT_ONE,
};
use plimsoll_risk::{ModelParams, Scenario, UnderlyingParams, UnderlyingRisk, RATIO_ONE};
use proptest::prelude::*;

type EditModel = fn(&mut ModelParams);
type EditUnderlying = fn(&mut UnderlyingParams);

fn model() -> ModelParams {
    ModelParams::standard()
}

fn underlying() -> UnderlyingParams {
    UnderlyingParams {
        depth_notional: 5_000_000_000_000,
        loadings: [LOADING_ONE, LOADING_ONE / 2, 0],
        crash_returns: [-LOADING_ONE / 5; CRASH_DAYS],
        volatility_floor: RATIO_ONE / 25,
        idiosyncratic_floor: RATIO_ONE / 50,
        liquidity_ratio: RATIO_ONE / 50,
        basis_ratio: RATIO_ONE / 100,
        slippage: RATIO_ONE / 100,
        ..UnderlyingParams::default()
    }
}

fn scenario(shocks: [i16; MAX_FACTORS], weight: u16) -> Scenario {
    Scenario {
        shocks,
        weight,
        ..Scenario::default()
    }
}

fn edited(edit: EditModel) -> ModelParams {
    let mut params = model();
    edit(&mut params);
    params
}

fn edited_underlying(edit: EditUnderlying) -> UnderlyingParams {
    let mut params = underlying();
    edit(&mut params);
    params
}

#[test]
fn the_model_that_an_exchange_starts_from_is_within_bounds() {
    assert_eq!(model().validate(), Ok(()));
    assert_eq!(underlying().validate(), Ok(()));
}

#[test]
fn a_model_out_of_bounds_is_refused_by_the_name_of_its_field() {
    let beyond: &[(&str, EditModel)] = &[
        ("deviations", |p| p.deviations = 2 * RATIO_ONE - 1),
        ("deviations", |p| p.deviations = 6 * RATIO_ONE + 1),
        ("correlation_breakdown", |p| {
            p.correlation_breakdown = RATIO_ONE / 20 - 1
        }),
        ("correlation_breakdown", |p| {
            p.correlation_breakdown = RATIO_ONE + 1
        }),
        ("gross_floor", |p| p.gross_floor = RATIO_ONE / 200 - 1),
        ("gross_floor", |p| p.gross_floor = RATIO_ONE + 1),
        ("crash_multiple", |p| p.crash_multiple = 0),
        ("crash_multiple", |p| p.crash_multiple = RATIO_ONE + 1),
        ("maint_fraction", |p| p.maint_fraction = RATIO_ONE / 2 - 1),
        ("maint_fraction", |p| {
            p.maint_fraction = RATIO_ONE / 20 * 19 + 20
        }),
        ("depeg_ratio", |p| p.depeg_ratio = RATIO_ONE / 2 + 1),
        ("fast_decay", |p| p.fast_decay = RATIO_ONE / 2),
        ("fast_decay", |p| p.fast_decay = p.slow_decay + 1),
        ("slow_decay", |p| p.slow_decay = RATIO_ONE),
        ("sample_secs", |p| p.sample_secs = 59),
        ("sample_secs", |p| p.sample_secs = 86_401),
        ("max_rise_per_hour", |p| p.max_rise_per_hour = 0),
        ("max_rise_per_hour", |p| p.max_rise_per_hour = RATIO_ONE + 1),
        ("announcement_secs", |p| p.announcement_secs = 0),
        ("announcement_secs", |p| p.announcement_secs = 604_801),
        ("collateral_deviations", |p| {
            p.collateral_deviations = 16 * RATIO_ONE + 1
        }),
        ("factor_count", |p| p.factor_count = 0),
        ("factor_count", |p| p.factor_count = MAX_FACTORS as u8 + 1),
        ("scenario_count", |p| p.scenario_count = 0),
        ("scenario_count", |p| {
            p.scenario_count = MAX_SCENARIOS as u8 + 1
        }),
        ("padding", |p| p.padding[3] = 1),
    ];
    for (field, edit) in beyond {
        let refused = edited(*edit).validate().expect_err(field);
        assert_eq!(refused.0, *field);
    }
}

#[test]
fn scenarios_are_bounded_damped_and_zero_where_unused() {
    let beyond: &[EditModel] = &[
        |p| p.scenario_count -= 1,
        |p| p.scenarios[3].weight = 0,
        |p| p.scenarios[3].weight = WEIGHT_ONE + 1,
        |p| p.scenarios[3].padding = 1,
        |p| p.scenarios[3].volatility = i16::MIN,
        |p| p.scenarios[3].shocks = [0, 0, i16::MIN],
        |p| p.scenarios[23].shocks[0] = (64 << SHOCK_BITS) + 1,
        // A tail that is not damped, in any factor and either way, or by a little too little.
        |p| p.scenarios[3].shocks = [RANGE + 1, 0, 0],
        |p| p.scenarios[3].shocks = [0, 0, -RANGE - 1],
        |p| p.scenarios[20].weight += 1,
        |p| p.scenarios[23].weight += 1,
        |p| p.scenarios[23].shocks[0] += 2,
    ];
    for edit in beyond {
        let refused = edited(*edit).validate().expect_err("out of bounds");
        assert_eq!(refused.0, "scenarios");
    }
    let within: &[EditModel] = &[
        |p| p.scenarios[23] = scenario([64 << SHOCK_BITS, 0, 0], 1),
        |p| p.scenarios[20].weight -= 1,
        |p| {
            p.scenario_count = 1;
            p.scenarios[1..].fill(Scenario::default());
        },
    ];
    for edit in within {
        assert_eq!(edited(*edit).validate(), Ok(()));
    }
}

#[test]
fn an_underlying_out_of_bounds_is_refused_by_the_name_of_its_field() {
    let beyond: &[(&str, EditUnderlying)] = &[
        ("depth_notional", |p| p.depth_notional = 999_999),
        ("loadings", |p| p.loadings[0] = 4 * LOADING_ONE + 1),
        ("loadings", |p| p.loadings[2] = -4 * LOADING_ONE - 1),
        ("loadings", |p| p.loadings[2] = i32::MIN),
        ("crash_returns", |p| {
            p.crash_returns[7] = -(LOADING_ONE / 20 * 19) - 1
        }),
        ("crash_returns", |p| {
            p.crash_returns[0] = 4 * LOADING_ONE + 1
        }),
        ("volatility_floor", |p| {
            p.volatility_floor = RATIO_ONE / 1_000 - 1
        }),
        ("volatility_floor", |p| {
            p.volatility_floor = RATIO_ONE / 2 + 1
        }),
        ("idiosyncratic_floor", |p| {
            p.idiosyncratic_floor = RATIO_ONE / 2 + 1
        }),
        ("liquidity_ratio", |p| p.liquidity_ratio = RATIO_ONE + 1),
        ("basis_ratio", |p| p.basis_ratio = RATIO_ONE / 200 - 1),
        ("basis_ratio", |p| p.basis_ratio = RATIO_ONE / 2 + 1),
        ("slippage", |p| p.slippage = RATIO_ONE / 2 + 1),
        ("factor", |p| p.factor = MAX_FACTORS as u8 + 1),
        ("padding", |p| p.padding[6] = 1),
        // A driver that does not move one to one with its factor, or moves with a later one.
        ("loadings", |p| p.factor = 2),
        ("loadings", |p| p.factor = 1),
        ("loadings", |p| {
            p.factor = 2;
            p.loadings = [LOADING_ONE, LOADING_ONE, 1];
        }),
        ("loadings", |p| {
            p.factor = 3;
            p.loadings = [0, 0, -LOADING_ONE];
        }),
    ];
    for (field, edit) in beyond {
        let refused = edited_underlying(*edit).validate().expect_err(field);
        assert_eq!(refused.0, *field);
    }
    let driver = edited_underlying(|p| {
        p.factor = 2;
        p.loadings = [-LOADING_ONE, LOADING_ONE, 0];
    });
    assert_eq!(driver.validate(), Ok(()));
}

/// What loosens a model when it moves this way, and only tightens the other way.
const MODEL_DOWN: &[(&str, EditModel, EditModel)] = &[
    ("deviations", |p| p.deviations -= 1, |p| p.deviations += 1),
    (
        "correlation_breakdown",
        |p| p.correlation_breakdown -= 1,
        |p| p.correlation_breakdown += 1,
    ),
    (
        "gross_floor",
        |p| p.gross_floor -= 1,
        |p| p.gross_floor += 1,
    ),
    (
        "crash_multiple",
        |p| p.crash_multiple -= 1,
        |p| p.crash_multiple += 1,
    ),
    (
        "maint_fraction",
        |p| p.maint_fraction -= 1,
        |p| p.maint_fraction += 1,
    ),
    (
        "depeg_ratio",
        |p| p.depeg_ratio -= 1,
        |p| p.depeg_ratio += 1,
    ),
    (
        "collateral_deviations",
        |p| p.collateral_deviations -= 1,
        |p| p.collateral_deviations += 1,
    ),
];

#[test]
fn a_model_loosens_in_its_fields_loose_directions() {
    let old = model();
    assert_eq!(old.first_loosening(&old), None);
    for (field, loosen, tighten) in MODEL_DOWN {
        assert_eq!(old.first_loosening(&edited(*loosen)), Some(*field));
        assert_eq!(old.first_loosening(&edited(*tighten)), None, "{field}");
    }
    let either: &[(&str, EditModel)] = &[
        ("fast_decay", |p| p.fast_decay -= 1),
        ("fast_decay", |p| p.fast_decay += 1),
        ("slow_decay", |p| p.slow_decay -= 1),
        ("slow_decay", |p| p.slow_decay += 1),
        ("sample_secs", |p| p.sample_secs -= 1),
        ("sample_secs", |p| p.sample_secs += 1),
        ("max_rise_per_hour", |p| p.max_rise_per_hour -= 1),
        ("max_rise_per_hour", |p| p.max_rise_per_hour += 1),
        ("announcement_secs", |p| p.announcement_secs -= 1),
        ("announcement_secs", |p| p.announcement_secs += 1),
        ("factor_count", |p| p.factor_count -= 1),
        ("scenario_count", |p| p.scenario_count -= 1),
        ("scenarios", |p| p.scenarios[0].weight -= 1),
        ("scenarios", |p| p.scenarios[0].shocks[0] -= 1),
        ("scenarios", |p| p.scenarios[5].volatility += 1),
    ];
    for (field, edit) in either {
        assert_eq!(old.first_loosening(&edited(*edit)), Some(*field));
    }
    // There was none before.
    let none: ModelParams = bytemuck::Zeroable::zeroed();
    assert_eq!(none.first_loosening(&old), Some("scenario_count"));
}

#[test]
fn an_underlying_loosens_in_its_fields_loose_directions() {
    let old = underlying();
    assert_eq!(old.first_loosening(&old), None);
    let loose: &[(&str, EditUnderlying, EditUnderlying)] = &[
        (
            "depth_notional",
            |p| p.depth_notional += 1,
            |p| p.depth_notional -= 1,
        ),
        (
            "volatility_floor",
            |p| p.volatility_floor -= 1,
            |p| p.volatility_floor += 1,
        ),
        (
            "idiosyncratic_floor",
            |p| p.idiosyncratic_floor -= 1,
            |p| p.idiosyncratic_floor += 1,
        ),
        (
            "liquidity_ratio",
            |p| p.liquidity_ratio -= 1,
            |p| p.liquidity_ratio += 1,
        ),
        (
            "basis_ratio",
            |p| p.basis_ratio -= 1,
            |p| p.basis_ratio += 1,
        ),
        ("slippage", |p| p.slippage -= 1, |p| p.slippage += 1),
    ];
    for (field, loosen, tighten) in loose {
        let (loose, tight) = (edited_underlying(*loosen), edited_underlying(*tighten));
        assert_eq!(old.first_loosening(&loose), Some(*field));
        assert_eq!(old.first_loosening(&tight), None, "{field}");
    }
    let either: &[(&str, EditUnderlying)] = &[
        ("loadings", |p| p.loadings[2] += 1),
        ("loadings", |p| p.loadings[0] -= 1),
        ("crash_returns", |p| p.crash_returns[7] += 1),
        ("crash_returns", |p| p.crash_returns[0] -= 1),
        ("factor", |p| p.factor = 1),
    ];
    for (field, edit) in either {
        let new = edited_underlying(*edit);
        assert_eq!(old.first_loosening(&new), Some(*field));
    }
    // A name is for display.
    let renamed = edited_underlying(|p| p.name[0] = b'X');
    assert_eq!(old.first_loosening(&renamed), None);
}

fn entries(all: &[UnderlyingParams]) -> Vec<UnderlyingRisk> {
    let entry = |params: &UnderlyingParams| UnderlyingRisk {
        params: *params,
        ..UnderlyingRisk::default()
    };
    all.iter().map(entry).collect()
}

#[test]
fn underlyings_load_on_driven_factors_and_no_factor_has_two_drivers() {
    let driver = |factor: u8| {
        let mut params = underlying();
        params.factor = factor;
        params.loadings = [0; MAX_FACTORS];
        params.loadings[usize::from(factor) - 1] = LOADING_ONE;
        params
    };
    let consistent = |params: &ModelParams, all: &[UnderlyingParams]| {
        require_consistent(params, &entries(all)).map_err(|e| e.0)
    };
    let all = [driver(1), driver(2), underlying()];
    let three = model();
    assert_eq!(consistent(&three, &[]), Ok(()));
    assert_eq!(consistent(&three, &all), Ok(()));
    // Loads on the second factor, which nothing drives.
    let undriven = [driver(1), underlying()];
    assert_eq!(consistent(&three, &undriven), Err("loadings"));
    let twice = [driver(1), driver(2), driver(1)];
    assert_eq!(consistent(&three, &twice), Err("factor"));
    // A factor fewer than are driven.
    let one = edited(|p| p.factor_count = 1);
    assert_eq!(consistent(&one, &all), Err("factor"));
    assert_eq!(consistent(&one, &[driver(1)]), Ok(()));
}

proptest! {
    /// Tightening one field never becomes a loosening because of another one.
    #[test]
    fn a_loosening_is_found_among_tightenings(
        tightened in proptest::collection::vec(any::<bool>(), MODEL_DOWN.len()),
        loosened in proptest::option::of(0..MODEL_DOWN.len()),
    ) {
        let old = model();
        let mut new = old;
        for (index, (_, loosen, tighten)) in MODEL_DOWN.iter().enumerate() {
            if loosened == Some(index) {
                loosen(&mut new);
            } else if tightened[index] {
                tighten(&mut new);
            }
        }
        let expected = loosened.map(|index| MODEL_DOWN[index].0);
        prop_assert_eq!(old.first_loosening(&new), expected);
    }

    /// Whatever passes the bounds of a scenario costs a linear book at most 0.77 of the range per factor beyond it, and one
    /// unit of the weight.
    #[test]
    fn a_tail_costs_less_than_the_range(shock in 1i16..=64 << SHOCK_BITS, weight in 1u16..=WEIGHT_ONE) {
        let mut params = model();
        params.scenarios[0] = scenario([shock, 0, 0], weight);
        let loss = u64::from(shock.unsigned_abs()) * u64::from(weight);
        let range = u64::from(RANGE.unsigned_abs()) * u64::from(WEIGHT_ONE);
        let allowed = if shock <= RANGE { range } else { range * 77 / 100 + u64::from(shock.unsigned_abs()) };
        if params.validate().is_ok() {
            prop_assert!(loss <= allowed);
        } else {
            prop_assert!(shock > RANGE && loss * 100 > range * 77);
        }
    }
}
