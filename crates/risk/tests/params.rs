//! Parameters: their bounds, and which change of each is a loosening.

mod common;

use common::*;
use plimsoll_risk::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn generated_parameters_are_valid(asset in asset_params(), market in market_params(), feed in feed_limits()) {
        prop_assert_eq!(asset.validate(), Ok(()));
        prop_assert_eq!(market.validate(), Ok(()));
        prop_assert_eq!(feed.validate(), Ok(()));
        prop_assert_eq!(asset.first_loosening(&asset), None);
        prop_assert_eq!(market.first_loosening(&market), None);
        prop_assert_eq!(feed.first_loosening(&feed), None);
    }

    #[test]
    fn of_two_asset_settings_one_way_at_least_loosens(a in asset_params(), b in asset_params()) {
        if a != b {
            prop_assert!(a.first_loosening(&b).is_some() || b.first_loosening(&a).is_some());
        }
    }

    #[test]
    fn of_two_settings_of_a_feed_one_way_at_least_loosens(a in feed_limits(), b in feed_limits()) {
        if a != b {
            prop_assert!(a.first_loosening(&b).is_some() || b.first_loosening(&a).is_some());
        }
    }
}

type Edit<T> = (&'static str, fn(&mut T));

#[test]
fn each_bad_asset_parameter_is_named() {
    let edits: [Edit<AssetParams>; 21] = [
        ("reward_min", |p| {
            p.liquidation.reward_min = p.loan_origination_fee / 2 + 1
        }),
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
        ("scale_secs", |p| p.scale_secs = 0),
        ("scale_secs", |p| p.scale_secs = 30 * 86_400 + 1),
        ("per_raw_unit", |p| p.per_raw_unit = 2),
        ("interest_fee", |p| p.interest_fee = RATIO_ONE + 1),
        ("util0", |p| p.curve.util0 = p.curve.util1),
        ("util1", |p| p.curve.util1 = RATIO_ONE),
        ("rate1", |p| p.curve.rate1 = p.curve.rate0 - 1),
        ("max_rate", |p| p.curve.max_rate = p.curve.rate1 - 1),
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
        ("min_order_notional", |p| p.min_order_notional = 0),
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
    let edits: [Edit<AssetParams>; 12] = [
        ("deposit_scale_start_usd", |p| {
            p.deposit_scale_start_usd += 1
        }),
        ("borrow_scale_start_usd", |p| p.borrow_scale_start_usd += 1),
        ("deposit_cap_usd", |p| p.deposit_cap_usd += 1),
        ("borrow_cap_usd", |p| p.borrow_cap_usd += 1),
        ("net_borrow_limit_usd", |p| p.net_borrow_limit_usd += 1),
        ("outflow_limit_usd", |p| p.outflow_limit_usd += 1),
        ("insurance_limit_usd", |p| p.insurance_limit_usd += 1),
        ("asset_weight_init", |p| p.asset_weight_init += 1),
        ("asset_weight_maint", |p| p.asset_weight_maint += 1),
        ("liability_weight_init", |p| p.liability_weight_init -= 1),
        ("liability_weight_maint", |p| p.liability_weight_maint -= 1),
        ("insurance_share", |p| p.liquidation.insurance_share -= 1),
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
    let edits: [Edit<AssetParams>; 8] = [
        ("outflow_window_secs", |p| p.outflow_window_secs += 1),
        ("scale_secs", |p| p.scale_secs += 1),
        ("per_raw_unit", |p| p.per_raw_unit ^= 1),
        ("curve", |p| p.curve.rate0 += 1),
        ("fee_max", |p| p.liquidation.fee_max += 1),
        ("interest_fee", |p| p.interest_fee += 1),
        ("ramp_secs", |p| p.liquidation.ramp_secs += 1),
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

#[test]
fn each_bad_limit_of_a_feed_is_named() {
    let edits: [Edit<FeedLimits>; 18] = [
        ("max_conf_ratio", |p| {
            p.max_conf_ratio = RATIO_ONE / 1_000 - 1
        }),
        ("min_publishers", |p| p.min_publishers = 17),
        ("doubt_floor", |p| p.doubt_floor = RATIO_ONE / 4 - 1),
        ("trade_age_secs", |p| p.trade_age_secs = 2),
        ("max_conf_ratio", |p| p.max_conf_ratio = RATIO_ONE / 4 + 1),
        ("conf_multiple", |p| p.conf_multiple = 16 * RATIO_ONE + 1),
        ("stable_rate_per_hour", |p| p.stable_rate_per_hour = 0),
        ("max_divergence", |p| p.max_divergence = 0),
        ("doubt_benefit", |p| p.doubt_benefit = RATIO_ONE / 4 + 1),
        ("doubt_floor", |p| p.doubt_floor = RATIO_ONE + 1),
        ("doubt_secs", |p| p.doubt_secs = 599),
        ("doubt_secs", |p| p.doubt_secs = 64_801),
        ("max_growth_per_day", |p| {
            p.max_growth_per_day = RATIO_ONE / 10 + 1
        }),
        ("trade_age_secs", |p| p.trade_age_secs = 601),
        ("pay_age_secs", |p| p.pay_age_secs = p.trade_age_secs + 1),
        ("seize_age_secs", |p| p.seize_age_secs = p.pay_age_secs + 1),
        ("seize_age_secs", |p| p.seize_age_secs = 0),
        // What may be seized at must not decay meanwhile.
        ("seize_age_secs", |p| {
            (p.trade_age_secs, p.pay_age_secs, p.seize_age_secs) = (600, 600, 361)
        }),
    ];
    for good in [FeedLimits::DEFAULT, FeedLimits::SIGNED] {
        assert_eq!(good.validate(), Ok(()));
    }
    for (field, edit) in edits {
        let mut bad = FeedLimits::DEFAULT;
        edit(&mut bad);
        assert_eq!(bad.validate(), Err(BadParameter(field)));
    }
    assert_eq!(
        FeedLimits::default().validate(),
        Err(BadParameter("max_conf_ratio"))
    );
}

#[test]
fn each_loosening_of_a_feed_is_named() {
    let one_way: [Edit<FeedLimits>; 3] = [
        ("conf_multiple", |p| p.conf_multiple -= 1),
        ("stable_rate_per_hour", |p| p.stable_rate_per_hour += 1),
        ("max_growth_per_day", |p| p.max_growth_per_day += 1),
    ];
    // A tighter one of these could refuse every price, or hold back an exit.
    let either_way: [Edit<FeedLimits>; 9] = [
        ("max_conf_ratio", |p| p.max_conf_ratio += 1),
        ("max_divergence", |p| p.max_divergence += 1),
        ("doubt_floor", |p| p.doubt_floor += 1),
        ("trade_age_secs", |p| p.trade_age_secs += 1),
        ("pay_age_secs", |p| p.pay_age_secs += 1),
        ("min_publishers", |p| p.min_publishers += 1),
        ("doubt_benefit", |p| p.doubt_benefit += 1),
        ("doubt_secs", |p| p.doubt_secs += 1),
        ("seize_age_secs", |p| p.seize_age_secs += 1),
    ];
    let edited = |edit: fn(&mut FeedLimits)| {
        let (old, mut new) = (FeedLimits::SIGNED, FeedLimits::SIGNED);
        edit(&mut new);
        (old.first_loosening(&new), new.first_loosening(&old))
    };
    for (field, edit) in one_way {
        assert_eq!(edited(edit), (Some(field), None));
    }
    for (field, edit) in either_way {
        assert_eq!(edited(edit), (Some(field), Some(field)));
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
        scale_secs: 3_600,
        loan_origination_fee: 1_000,
        curve: curve(),
        liquidation: good_terms(),
        ..AssetParams::default()
    }
}

fn good_market() -> MarketParams {
    MarketParams {
        size_scale_notional: 1 << 40,
        open_interest_cap_lots: 1 << 40,
        min_order_notional: 1,
        impact_notional: 1_000_000,
        shortfall_floor: 1_000_000,
        insurance_per_day: 100_000_000_000,
        cover_delay_secs: 0,
        padding: 0,
        init_ratio: RATIO_ONE / 10,
        maint_ratio: RATIO_ONE / 20,
        profit_weight: [0, RATIO_ONE / 2, RATIO_ONE / 10 * 9],
        maker_fee: -1_000,
        taker_fee: 8_000,
        price_band_ratio: RATIO_ONE / 10,
        liquidation: good_terms(),
        ..MarketParams::default()
    }
}

fn good_terms() -> LiquidationTerms {
    LiquidationTerms {
        fee_min: RATIO_ONE / 200,
        fee_max: RATIO_ONE / 50,
        ramp_secs: 100,
        insurance_share: RATIO_ONE / 4,
        reward_min: 100,
        top_up_limit: 10,
    }
}
