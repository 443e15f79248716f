//! Properties of Standard margin's weights and ratios when volatility tightens them.

mod common;

use common::steady;
use plimsoll_risk::{
    AssetParams, AssetRisk, BankTotals, Haircut, LiquidationTerms, MarketParams, MarketRisk,
    RATIO_ONE,
};
use proptest::prelude::*;

const PRICE: u64 = 1_000 << 40;

fn ratio(value: f64) -> u32 {
    (value * f64::from(RATIO_ONE)) as u32
}

fn number(ratio: u32) -> f64 {
    f64::from(ratio) / f64::from(RATIO_ONE)
}

proptest! {
    #[test]
    fn tightened_terms_keep_their_order_and_their_bounds(
        haircut in haircut(), fee in 0..=RATIO_ONE / 4, weights in (0..=RATIO_ONE, 0..=RATIO_ONE), wider in 0..=RATIO_ONE
    ) {
        let (init, maint) = (weights.0.min(weights.1), weights.0.max(weights.1));
        let assets = [init, init, maint];
        let debts = assets.map(|weight| 2 * RATIO_ONE - weight);
        let [a, b, c] = haircut.asset_weights(assets, fee);
        prop_assert!(a <= b && b <= c && a <= init && b <= init && c <= maint);
        let [x, y, z] = haircut.liability_weights(debts, fee);
        prop_assert!(x >= y && y >= z && y >= debts[1] && z >= debts[2] && x <= 16 * RATIO_ONE);
        let [r, s, t] = haircut.margin_ratios([maint, maint, init], fee);
        prop_assert!(r >= s && s >= t && s >= maint && t >= init && r <= RATIO_ONE);

        // A larger shock, slippage or fee never loosens anything.
        let [current, binding] = haircut.shock;
        let raise = |ratio: u32| ratio.saturating_add(wider).min(RATIO_ONE);
        for (more, fee) in [
            (Haircut { shock: [raise(current), binding], ..haircut }, fee),
            (Haircut { shock: [raise(current), raise(binding)], ..haircut }, fee),
            (Haircut { slippage: raise(haircut.slippage), ..haircut }, fee),
            (Haircut { maint_fraction: raise(haircut.maint_fraction), ..haircut }, fee),
            (haircut, raise(fee)),
        ] {
            prop_assert!(more.asset_weights(assets, fee).iter().zip([a, b, c]).all(|(m, w)| *m <= w));
            prop_assert!(more.liability_weights(debts, fee).iter().zip([x, y, z]).all(|(m, w)| *m >= w));
            prop_assert!(more.margin_ratios([maint, maint, init], fee).iter().zip([r, s, t]).all(|(m, w)| *m >= w));
        }
    }
}

fn haircut() -> impl Strategy<Value = Haircut> {
    let part = || 0..=RATIO_ONE;
    (part(), part(), part(), part()).prop_map(|(one, other, slippage, maint_fraction)| Haircut {
        shock: [one.max(other), one.min(other)],
        slippage,
        maint_fraction,
    })
}

fn terms(fee: f64) -> LiquidationTerms {
    LiquidationTerms {
        fee_max: ratio(fee),
        ..LiquidationTerms::default()
    }
}

#[test]
fn listed_terms_are_kept_without_an_underlying_and_tightened_with_one() {
    let params = AssetParams {
        deposit_scale_start_usd: u64::MAX,
        borrow_scale_start_usd: u64::MAX,
        asset_weight_init: ratio(0.9),
        asset_weight_maint: ratio(0.95),
        liability_weight_init: ratio(1.1),
        liability_weight_maint: ratio(1.05),
        liquidation: terms(0.05),
        ..AssetParams::default()
    };
    let mut asset = AssetRisk {
        price: steady(PRICE),
        ..AssetRisk::listed(40, 6)
    };
    let totals = BankTotals::default();
    asset.recompute(&params, &totals, None).unwrap();
    assert_eq!(
        asset.asset_weight.map(number),
        [ratio(0.9), ratio(0.9), ratio(0.95)].map(number)
    );
    let haircut = Haircut {
        shock: [ratio(0.2), ratio(0.1)],
        slippage: ratio(0.01),
        maint_fraction: ratio(0.8),
    };
    asset.recompute(&params, &totals, Some(&haircut)).unwrap();
    let near = |seen: [u32; 3], expected: [f64; 3]| {
        for (seen, expected) in seen.iter().zip(expected) {
            assert!(
                (number(*seen) - expected).abs() < 1e-6,
                "{} is not {expected}",
                number(*seen)
            );
        }
    };
    let keeps = [0.8 * 0.99 * 0.95, 0.9 * 0.99 * 0.95];
    near(
        asset.asset_weight,
        [keeps[0], keeps[1], 1.0 - 0.8 * (1.0 - keeps[1])],
    );
    let costs = [1.2 * 1.01 * 1.05, 1.1 * 1.01 * 1.05];
    near(
        asset.liability_weight,
        [costs[0], costs[1], 1.0 + 0.8 * (costs[1] - 1.0)],
    );

    let params = MarketParams {
        size_scale_notional: u64::MAX,
        init_ratio: ratio(0.1),
        maint_ratio: ratio(0.05),
        profit_weight: [0, RATIO_ONE / 2, RATIO_ONE / 2],
        liquidation: terms(0.02),
        ..MarketParams::default()
    };
    let mut market = MarketRisk {
        price: steady(PRICE),
        ..MarketRisk::listed(40, 10)
    };
    market.recompute(&params, None).unwrap();
    assert_eq!(
        market.ratios(),
        [params.init_ratio, params.init_ratio, params.maint_ratio]
    );
    market.recompute(&params, Some(&haircut)).unwrap();
    let costs = [1.2 * 1.01 * 1.02 - 1.0, 1.1 * 1.01 * 1.02 - 1.0];
    near(market.ratios(), [costs[0], costs[1], 0.8 * costs[1]]);
    for (price, ratio) in market.requirement_price.iter().zip(market.ratios()) {
        assert_eq!(
            *price,
            (u128::from(PRICE) * u128::from(ratio)).div_ceil(1 << 24) as u64
        );
    }
    market
        .recompute(&params, Some(&Haircut::default()))
        .unwrap();
    assert_eq!(
        market.ratios(),
        [params.init_ratio, params.init_ratio, params.maint_ratio]
    );
}
