//! Properties of the price state machine, of price conversion and of parameters.

mod common;

use common::*;
use plimsoll_risk::feed::*;
use plimsoll_risk::price::*;
use plimsoll_risk::*;
use proptest::prelude::*;

fn observations() -> impl Strategy<Value = Vec<(u64, u64, i64)>> {
    prop::collection::vec((wide(55), 0u64..=40, -50i64..=400), 1..40)
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn every_update_keeps_the_rules(limits in oracle_limits(), seen in observations()) {
        let mut state = PriceState::default();
        let mut now = NOW;
        for (i, (price, conf_percent, elapsed)) in seen.into_iter().enumerate() {
            let before = state;
            let publish_time = if before.spot == 0 { now } else { before.publish_time + elapsed };
            let conf = price / 100 * conf_percent;
            now += elapsed.max(0);
            let slot = SLOT + i as u64;
            match state.update(&Observation { price, conf, publish_time }, now, slot, &limits) {
                Err(reason) => {
                    prop_assert_eq!(state, before, "a rejection changes nothing");
                    let holds = match reason {
                        Rejection::ZeroPrice => price == 0,
                        Rejection::Older => publish_time < before.publish_time,
                        Rejection::FromTheFuture => publish_time > now + MAX_CLOCK_LEAD_SECS,
                        Rejection::WideConfidence => conf as f64 > price as f64 * f64::from(limits.max_conf_ratio) / ONE as f64 - 1.0,
                    };
                    prop_assert!(holds, "{reason:?}");
                }
                Ok(()) => {
                    prop_assert!(price > 0 && publish_time >= before.publish_time);
                    prop_assert!(conf as f64 <= price as f64 * f64::from(limits.max_conf_ratio) / ONE as f64);
                    prop_assert_eq!(state.refresh_slot, slot);
                    if before.spot == 0 {
                        prop_assert_eq!([state.spot, state.stable, state.average], [price; 3]);
                    } else if publish_time == before.publish_time {
                        prop_assert_eq!(PriceState { refresh_slot: before.refresh_slot, ..state }, before);
                    } else {
                        prop_assert_eq!((state.spot, state.conf, state.publish_time), (price, conf, publish_time));
                        let secs = (publish_time - before.publish_time).min(STABLE_MAX_STEP_SECS);
                        let most = before.stable as f64 * f64::from(limits.stable_rate_per_hour) / ONE as f64
                            * secs as f64 / 3_600.0;
                        let moved = state.stable.abs_diff(before.stable) as f64;
                        prop_assert!(moved <= most.max(1.0) * (1.0 + 1e-12), "{moved} > {most}");
                        // Towards spot, never past it.
                        prop_assert!(state.stable.abs_diff(price) <= before.stable.abs_diff(price));
                        prop_assert!(state.average.abs_diff(price) <= before.average.abs_diff(price));
                        let (low, high) = (before.average.min(price), before.average.max(price));
                        prop_assert!(state.average >= low && state.average <= high);
                        prop_assert!(state.stable != before.stable || before.stable == price, "it never sticks");
                    }
                }
            }
        }
    }

    #[test]
    fn a_pump_cannot_be_borrowed_against_within_minutes(factor in 2u64..1_000, secs in 1i64..=300) {
        // A tenth an hour.
        let limits = OracleLimits {
            max_conf_ratio: RATIO_ONE / 10, stable_rate_per_hour: RATIO_ONE / 10, ..OracleLimits::default()
        };
        let mut state = PriceState::default();
        let at = |price, publish_time| Observation { price, conf: 0, publish_time };
        state.update(&at(1 << 40, NOW), NOW, SLOT, &limits).unwrap();
        state.update(&at((1 << 40) * factor, NOW + secs), NOW + secs, SLOT, &limits).unwrap();
        prop_assert!(state.lower() < (1 << 40) / 100 * 101);
        prop_assert!(state.is_broken(), "and nobody is liquidated at it either, at first");
    }

    #[test]
    fn a_crash_holds_liquidation_back_for_minutes_only(left in 1u64..=99) {
        let limits = OracleLimits { max_conf_ratio: RATIO_ONE, stable_rate_per_hour: 1, ..OracleLimits::default() };
        let at = |price, publish_time| Observation { price, conf: 0, publish_time };
        let mut state = PriceState::default();
        state.update(&at(100 << 30, NOW), NOW, SLOT, &limits).unwrap();
        for i in 1..=900 {
            state.update(&at(left << 30, NOW + i), NOW + i, SLOT, &limits).unwrap();
            if i >= 300 && left >= 40 || left > 50 {
                prop_assert!(!state.is_broken(), "after {i} s at {left} %");
            }
        }
    }

    #[test]
    fn conversion_is_exact_to_its_rounding(
        number in wide(40), expo in -12i32..=0, decimals in 0u8..=12, size in wide(20), shift in 0u8..=40,
    ) {
        let unit = PriceUnit { decimals, size: size.max(1) };
        let exact = number as f64 * unit.size as f64 * 10f64.powi(expo + 6 - i32::from(decimals)) * f64::from(shift).exp2();
        let floor = mantissa(number, expo, unit, shift, Rounding::Floor);
        let ceil = mantissa(number, expo, unit, shift, Rounding::Ceil);
        let (Ok(floor), Ok(ceil)) = (floor, ceil) else {
            prop_assert!(exact > 1e18);
            return Ok(());
        };
        prop_assert!(floor as f64 <= exact * (1.0 + 1e-12) && ceil as f64 >= exact * (1.0 - 1e-12));
        prop_assert!(exact - floor as f64 <= 1.0 + exact * 1e-12 && ceil - floor <= 1);
    }

    #[test]
    fn a_chosen_shift_gives_a_full_mantissa(number in 1u64..1 << 50, expo in -12i32..=-4, decimals in 0u8..=9) {
        let unit = PriceUnit::native(decimals);
        let Ok(shift) = choose_shift(number, expo, unit) else { return Ok(()) };
        let digits = 64 - mantissa(number, expo, unit, shift, Rounding::Floor).unwrap().leading_zeros();
        prop_assert!(digits <= LISTED_BITS + 8);
        prop_assert!(digits == LISTED_BITS || shift == 0 || shift == MAX_SHIFT, "{digits} at {shift}");
    }

    #[test]
    fn generated_parameters_are_valid(asset in asset_params(), market in market_params()) {
        prop_assert_eq!(asset.validate(), Ok(()));
        prop_assert_eq!(market.validate(), Ok(()));
        prop_assert_eq!(asset.first_loosening(&asset), None);
        prop_assert_eq!(market.first_loosening(&market), None);
    }

    #[test]
    fn of_two_asset_settings_one_way_at_least_loosens(a in asset_params(), b in asset_params()) {
        if a != b {
            prop_assert!(a.first_loosening(&b).is_some() || b.first_loosening(&a).is_some());
        }
    }
}

#[test]
fn known_prices() {
    // SOL at 150.25 USD, 9 decimals: 0.15025 native quote per lamport.
    let sol = PriceUnit::native(9);
    let shift = choose_shift(15_025_000_000, -8, sol).unwrap();
    assert_eq!(shift, 42);
    let price = mantissa(15_025_000_000, -8, sol, shift, Rounding::Floor).unwrap();
    assert_eq!(price, (0.15025 * 42f64.exp2()) as u64);
    // BTC at 100,000 USD, lots of 0.0001 of 8 decimals: 10 USD a lot.
    let lot = PriceUnit {
        decimals: 8,
        size: 10_000,
    };
    assert_eq!(
        mantissa(10_000_000_000_000, -8, lot, 0, Rounding::Floor),
        Ok(10_000_000)
    );
    // A memecoin at 0.00002 USD with 5 decimals keeps a full mantissa.
    let meme = PriceUnit::native(5);
    assert_eq!(choose_shift(200_000, -10, meme), Ok(52));
    assert_eq!(choose_shift(0, -8, sol), Err(RiskError::PriceOutOfRange));
    assert_eq!(
        mantissa(u64::MAX, 36, sol, 0, Rounding::Ceil),
        Err(RiskError::PriceOutOfRange)
    );
    assert_eq!(
        mantissa(1, 99, sol, 0, Rounding::Ceil),
        Err(RiskError::PriceOutOfRange)
    );
}

#[test]
fn freshness_needs_both_ages() {
    let state = PriceState {
        publish_time: NOW,
        refresh_slot: SLOT,
        spot: 1,
        ..PriceState::default()
    };
    assert!(state.is_fresh(NOW + 60, SLOT + 5, 60, 5));
    assert!(!state.is_fresh(NOW + 61, SLOT + 5, 60, 5));
    assert!(!state.is_fresh(NOW + 60, SLOT + 6, 60, 5));
    assert!(state.is_fresh(NOW - 5, SLOT - 1, 60, 5));
    assert!(
        !PriceState::default().is_fresh(NOW, 0, 60, 5),
        "an entry without a price is stale"
    );
}

type Edit<T> = (&'static str, fn(&mut T));

#[test]
fn each_bad_asset_parameter_is_named() {
    let edits: [Edit<AssetParams>; 19] = [
        ("fee_max", |p| {
            (p.liability_weight_init, p.liability_weight_maint) = (RATIO_ONE, RATIO_ONE)
        }),
        ("asset_weight_init", |p| {
            p.asset_weight_init = p.asset_weight_maint + 1
        }),
        ("asset_weight_maint", |p| {
            p.asset_weight_maint = RATIO_ONE + 1
        }),
        ("liability_weight_maint", |p| {
            p.liability_weight_maint = RATIO_ONE - 1
        }),
        ("liability_weight_init", |p| {
            p.liability_weight_init = p.liability_weight_maint - 1
        }),
        ("fee_max", |p| {
            (p.asset_weight_init, p.asset_weight_maint) = (RATIO_ONE, RATIO_ONE)
        }),
        ("fee_max", |p| p.liquidation.fee_max = RATIO_ONE / 4 + 1),
        ("fee_min", |p| {
            p.liquidation.fee_min = p.liquidation.fee_max + 1
        }),
        ("deposit_scale_start_usd", |p| p.deposit_scale_start_usd = 0),
        ("borrow_scale_start_usd", |p| p.borrow_scale_start_usd = 0),
        ("net_borrow_window_secs", |p| p.net_borrow_window_secs = 0),
        ("outflow_window_secs", |p| p.outflow_window_secs = 0),
        ("interest_fee", |p| p.interest_fee = RATIO_ONE + 1),
        ("util0", |p| p.curve.util0 = p.curve.util1),
        ("util1", |p| p.curve.util1 = RATIO_ONE),
        ("rate1", |p| p.curve.rate1 = p.curve.rate0 - 1),
        ("max_rate", |p| p.curve.max_rate = p.curve.rate1 - 1),
        ("max_conf_ratio", |p| p.oracle.max_conf_ratio = 0),
        ("max_age_slots", |p| p.oracle.max_age_slots = 0),
    ];
    let good = good_asset();
    assert_eq!(good.validate(), Ok(()));
    for (field, edit) in edits {
        let mut bad = good;
        edit(&mut bad);
        assert_eq!(bad.validate(), Err(BadParameter(field)));
    }
}

#[test]
fn each_bad_market_parameter_is_named() {
    let edits: [Edit<MarketParams>; 10] = [
        ("maint_ratio", |p| p.maint_ratio = p.liquidation.fee_max),
        ("init_ratio", |p| p.init_ratio = p.maint_ratio),
        ("size_scale_notional", |p| p.size_scale_notional = 0),
        ("profit_weight", |p| p.profit_weight = [2, 1, 3]),
        ("profit_weight", |p| {
            p.profit_weight = [0, RATIO_ONE, RATIO_ONE]
        }),
        ("maker_fee", |p| p.maker_fee = -(p.taker_fee as i32) - 1),
        ("min_order_lots", |p| p.min_order_lots = 0),
        ("open_interest_cap_lots", |p| p.open_interest_cap_lots = -1),
        ("price_band_ratio", |p| p.price_band_ratio = 0),
        ("max_funding_per_day", |p| {
            p.max_funding_per_day = RATIO_ONE + 1
        }),
    ];
    let good = good_market();
    assert_eq!(good.validate(), Ok(()));
    for (field, edit) in edits {
        let mut bad = good;
        edit(&mut bad);
        assert_eq!(bad.validate(), Err(BadParameter(field)));
    }
}

#[test]
fn each_loosening_is_named_and_its_reverse_is_not() {
    let edits: [Edit<AssetParams>; 16] = [
        ("max_age_slots", |p| p.oracle.max_age_slots += 1),
        ("stable_rate_per_hour", |p| {
            p.oracle.stable_rate_per_hour += 1
        }),
        ("deposit_scale_start_usd", |p| {
            p.deposit_scale_start_usd += 1
        }),
        ("borrow_scale_start_usd", |p| p.borrow_scale_start_usd += 1),
        ("deposit_cap_usd", |p| p.deposit_cap_usd += 1),
        ("borrow_cap_usd", |p| p.borrow_cap_usd += 1),
        ("net_borrow_limit_usd", |p| p.net_borrow_limit_usd += 1),
        ("outflow_limit_usd", |p| p.outflow_limit_usd += 1),
        ("asset_weight_init", |p| p.asset_weight_init += 1),
        ("asset_weight_maint", |p| p.asset_weight_maint += 1),
        ("liability_weight_init", |p| p.liability_weight_init -= 1),
        ("liability_weight_maint", |p| p.liability_weight_maint -= 1),
        ("insurance_share", |p| p.liquidation.insurance_share -= 1),
        ("max_conf_ratio", |p| p.oracle.max_conf_ratio += 1),
        ("conf_multiple", |p| p.oracle.conf_multiple -= 1),
        ("max_age_secs", |p| p.oracle.max_age_secs += 1),
    ];
    for (field, edit) in edits {
        let (old, mut new) = (good_asset(), good_asset());
        edit(&mut new);
        assert_eq!(
            (old.first_loosening(&new), new.first_loosening(&old)),
            (Some(field), None)
        );
    }
    let edits: [Edit<MarketParams>; 7] = [
        ("size_scale_notional", |p| p.size_scale_notional += 1),
        ("open_interest_cap_lots", |p| p.open_interest_cap_lots += 1),
        ("init_ratio", |p| p.init_ratio -= 1),
        ("maint_ratio", |p| p.maint_ratio -= 1),
        ("price_band_ratio", |p| p.price_band_ratio += 1),
        ("profit_weight", |p| p.profit_weight[2] += 1),
        ("max_funding_per_day", |p| p.max_funding_per_day += 1),
    ];
    for (field, edit) in edits {
        let (old, mut new) = (good_market(), good_market());
        edit(&mut new);
        assert_eq!(
            (old.first_loosening(&new), new.first_loosening(&old)),
            (Some(field), None)
        );
    }
    let edits: [Edit<AssetParams>; 5] = [
        ("outflow_window_secs", |p| p.outflow_window_secs += 1),
        ("curve", |p| p.curve.rate0 += 1),
        ("fee_max", |p| p.liquidation.fee_max += 1),
        ("interest_fee", |p| p.interest_fee += 1),
        ("dust_usd", |p| p.dust_usd += 1),
    ];
    for (field, edit) in edits {
        let (old, mut new) = (good_asset(), good_asset());
        edit(&mut new);
        assert_eq!(
            (old.first_loosening(&new), new.first_loosening(&old)),
            (Some(field), Some(field))
        );
    }
}

fn good_asset() -> AssetParams {
    AssetParams {
        deposit_scale_start_usd: 1 << 40,
        borrow_scale_start_usd: 1 << 40,
        asset_weight_init: RATIO_ONE / 10 * 8,
        asset_weight_maint: RATIO_ONE / 10 * 9,
        liability_weight_init: RATIO_ONE / 10 * 12,
        liability_weight_maint: RATIO_ONE / 10 * 11,
        net_borrow_window_secs: 86_400,
        outflow_window_secs: 86_400,
        curve: curve(),
        liquidation: good_terms(),
        oracle: good_limits(),
        ..AssetParams::default()
    }
}

fn good_market() -> MarketParams {
    MarketParams {
        size_scale_notional: 1 << 40,
        open_interest_cap_lots: 1 << 40,
        min_order_lots: 1,
        impact_notional: 1_000_000,
        init_ratio: RATIO_ONE / 10,
        maint_ratio: RATIO_ONE / 20,
        profit_weight: [0, RATIO_ONE / 2, RATIO_ONE / 10 * 9],
        maker_fee: -1_000,
        taker_fee: 8_000,
        price_band_ratio: RATIO_ONE / 10,
        liquidation: good_terms(),
        oracle: good_limits(),
        ..MarketParams::default()
    }
}

fn good_terms() -> LiquidationTerms {
    LiquidationTerms {
        fee_min: RATIO_ONE / 200,
        fee_max: RATIO_ONE / 50,
        ramp_slots: 100,
        insurance_share: RATIO_ONE / 4,
    }
}

fn good_limits() -> OracleLimits {
    OracleLimits {
        max_conf_ratio: RATIO_ONE / 50,
        conf_multiple: 2 * RATIO_ONE,
        max_age_secs: 90,
        max_age_slots: 30,
        stable_rate_per_hour: RATIO_ONE / 10,
        reserved: 0,
    }
}
