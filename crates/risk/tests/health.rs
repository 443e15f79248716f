//! Properties of standard margin health.

mod common;

use common::*;
use plimsoll_risk::position::{trading_fee, PerpPosition};
use plimsoll_risk::standard::{balance_value, perp_value};
use plimsoll_risk::*;
use proptest::prelude::*;

const POLICIES: [Policy; 3] = [Policy::Strict, Policy::BenefitOfDoubt, Policy::Taker];

/// The definition of section 5, order by order, in mantissa units.
fn reference_pnl(
    kind: HealthKind,
    perp: &PerpPosition,
    orders: &[OpenOrder],
    risk: &MarketRisk,
) -> i128 {
    let (low, high) = (
        i128::from(kind.of(&risk.price_low)),
        i128::from(kind.of(&risk.price_high)),
    );
    let n = i128::from(perp.position.0);
    let mut mantissa = if n > 0 { n * low } else { n * high };
    for (i, order) in orders.iter().enumerate() {
        if perp.order_mask >> i & 1 == 0 {
            continue;
        }
        let limit = (i128::from(order.price.0) * i128::from(risk.tick)) << risk.shift;
        let loss = match order.side() {
            Side::Bid => limit - low,
            Side::Ask => high - limit,
        };
        mantissa -= i128::from(order.lots.0) * loss.max(0);
    }
    let fee = trading_fee(perp.open_notional, risk.maker_fee.max(0)).unwrap();
    (mantissa >> risk.shift) + i128::from(perp.quote.0)
        - perp.funding_due(risk.funding()).unwrap()
        - i128::from(fee.0)
}

fn reference_requirement(
    kind: HealthKind,
    perp: &PerpPosition,
    risk: &MarketRisk,
    ratio: u32,
) -> (f64, f64) {
    let largest = (perp.position.0 + perp.bid_lots.0)
        .abs()
        .max((perp.position.0 - perp.ask_lots.0).abs()) as f64;
    let notional = largest * kind.of(&risk.price_high) as f64 / f64::from(risk.shift).exp2();
    let growth = (notional / risk.size_scale_notional as f64).sqrt().max(1.0);
    (notional * f64::from(ratio) / ONE as f64 * growth, growth)
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn kinds_are_ordered(account in account()) {
        for policy in POLICIES {
            let [init, liquidation_end, maint] = HealthKind::ALL.map(|kind| account.health(kind, policy).value);
            prop_assert!(init <= liquidation_end, "{policy:?}: {init} {liquidation_end}");
            prop_assert!(liquidation_end <= maint, "{policy:?}: {liquidation_end} {maint}");
        }
    }

    #[test]
    fn every_slot_is_ordered(account in account()) {
        for (balance, risk) in account.balances.iter().zip(&account.assets) {
            let [init, end, maint] = HealthKind::ALL.map(|kind| balance_value(kind, balance, risk));
            prop_assert!(init <= end && end <= maint);
        }
        for (perp, risk) in account.perps.iter().zip(&account.markets) {
            let [init, end, maint] = HealthKind::ALL.map(|k| perp_value(k, perp, &account.orders, risk).unwrap());
            prop_assert!(init <= end && end <= maint);
        }
    }

    #[test]
    fn the_single_pass_agrees_with_each_kind(account in account()) {
        for policy in POLICIES {
            let all = account.assess(policy);
            for kind in HealthKind::ALL {
                prop_assert_eq!(account.health(kind, policy), Health { value: all.of(kind), stale: all.stale });
            }
        }
    }

    #[test]
    fn a_position_is_what_its_definition_says(account in account()) {
        for (i, perp) in account.perps.iter().enumerate() {
            let (risk, params) = (&account.markets[i], &account.market_params[i]);
            let ratios = [params.init_ratio, params.init_ratio, params.maint_ratio];
            for kind in HealthKind::ALL {
                let pnl = reference_pnl(kind, perp, &account.orders, risk);
                let weight = i128::from(kind.of(&risk.profit_weight));
                let counted = if pnl > 0 { (pnl * weight) >> 24 } else { pnl };
                let requirement = counted - perp_value(kind, perp, &account.orders, risk).unwrap();
                let (expected, growth) = reference_requirement(kind, perp, risk, kind.of(&ratios));
                // Rounded up: the price of a lot by a mantissa unit, the growth, and the result.
                let lots = (perp.position.0.unsigned_abs() + perp.bid_lots.abs() + perp.ask_lots.abs()) as f64;
                let grain = (3.0 + lots / f64::from(risk.shift).exp2()) * growth * 2.0;
                prop_assert!(requirement as f64 >= expected * (1.0 - 1e-12) - 1.0, "{requirement} < {expected}");
                prop_assert!(requirement as f64 <= expected * (1.0 + 1e-6) + grain, "{requirement} > {expected}");
            }
        }
    }

    #[test]
    fn the_inverse_root_is_rounded_up((mut params, mut risk) in market(), scale in wide(63), shift in 0u8..=33) {
        params.size_scale_notional = scale + 1_000_000;
        (risk.shift, risk.price.spot, risk.price.stable, risk.price.conf) = (shift + 30, 7 << 30, 7 << 30, 0);
        risk.recompute(&params, None).unwrap();
        let product = |root: u64| (u128::from(root) * u128::from(root)).checked_mul(u128::from(params.size_scale_notional));
        prop_assert!(product(risk.size_inverse_root).is_none_or(|square| square >= 1 << 126));
        prop_assert!(product(risk.size_inverse_root - 1).is_some_and(|square| square < 1 << 126));
        // The threshold is the most lots whose notional is within the scale.
        let notional = |lots: u64| (u128::from(lots) * u128::from(risk.price_high[0])) >> risk.shift;
        let most = risk.size_threshold_lots;
        prop_assert!(notional(most) <= u128::from(params.size_scale_notional));
        prop_assert!(most == u64::MAX || notional(most + 1) >= u128::from(params.size_scale_notional));
    }

    /// The same property covers fills that are settled late: until then the order still rests in its slot, and the
    /// account must not look better than after the fill is applied.
    #[test]
    fn filling_any_orders_at_their_limits_never_lowers_health(
        account in account(),
        fills in prop::collection::vec((any::<prop::sample::Index>(), 1u32..=100), 0..12),
    ) {
        let mut after = account.clone();
        let mut count = 0;
        for (which, percent) in fills {
            if after.orders.is_empty() {
                break;
            }
            let slot = which.index(after.orders.len());
            let mut order = after.orders[slot];
            if order.is_free() {
                continue;
            }
            let market = usize::from(order.market);
            let risk = &after.markets[market];
            let lots = BaseLots((order.lots.0 * i64::from(percent) / 100).max(1));
            let (side, notional) = (order.side(), lots.notional(order.price, risk.tick).unwrap());
            let fee = trading_fee(notional, risk.maker_fee).unwrap();
            let perp = &mut after.perps[market];
            perp.reduce_order(slot, &mut order, lots, risk.tick).unwrap();
            perp.apply_fill(side, lots, notional, fee, risk.funding()).unwrap();
            after.orders[slot] = order;
            count += 1;
            for i in 0..after.perps.len() {
                // One unit a fill for its fee; funding is settled at each.
                let slack = count * 2;
                for kind in HealthKind::ALL {
                    let old = perp_value(kind, &account.perps[i], &account.orders, &account.markets[i]).unwrap();
                    let new = perp_value(kind, &after.perps[i], &after.orders, &after.markets[i]).unwrap();
                    prop_assert!(new >= old - slack, "{kind:?}: {old} -> {new}");
                }
            }
        }
    }

    #[test]
    fn filling_without_fees_or_funding_never_lowers_health_by_a_unit(
        (_, mut risk) in market(), mut perp in perp(0), seeds in order_seeds(8), fill in any::<u8>(),
        percent in 1i64..=100,
    ) {
        risk.maker_fee = 0;
        perp.funding_entry = 0;
        (risk.funding_long, risk.funding_short) = (0, 0);
        let mut orders = Vec::new();
        rest(&mut perp, &mut orders, &risk, &seeds);
        let (mut filled, mut left) = (perp, orders.clone());
        for (slot, order) in left.iter_mut().enumerate().filter(|(slot, _)| fill >> slot & 1 == 1) {
            let lots = BaseLots((order.lots.0 * percent / 100).max(1));
            let (side, notional) = (order.side(), lots.notional(order.price, risk.tick).unwrap());
            filled.reduce_order(slot, order, lots, risk.tick).unwrap();
            filled.apply_fill(side, lots, notional, QuoteNative(0), risk.funding()).unwrap();
        }
        for kind in HealthKind::ALL {
            let (old, new) = (perp_value(kind, &perp, &orders, &risk), perp_value(kind, &filled, &left, &risk));
            prop_assert!(new.unwrap() >= old.unwrap(), "{kind:?}");
        }
    }

    #[test]
    fn resting_another_order_never_raises_health(
        (_, risk) in market(), mut perp in perp(0), seeds in order_seeds(8), more in order_seeds(1),
    ) {
        let mut orders = Vec::new();
        rest(&mut perp, &mut orders, &risk, &seeds);
        let before = HealthKind::ALL.map(|kind| perp_value(kind, &perp, &orders, &risk).unwrap());
        rest(&mut perp, &mut orders, &risk, &more);
        for (kind, before) in HealthKind::ALL.into_iter().zip(before) {
            prop_assert!(perp_value(kind, &perp, &orders, &risk).unwrap() <= before);
        }
    }

    #[test]
    fn looser_bounds_on_the_best_prices_change_nothing(
        (_, risk) in market(), mut perp in perp(0), seeds in order_seeds(8), bid in any::<u64>(), ask in any::<u64>(),
    ) {
        let mut orders = Vec::new();
        rest(&mut perp, &mut orders, &risk, &seeds);
        let mut loose = perp;
        loose.best_bid = loose.best_bid.max(PriceLots(bid));
        loose.best_ask = loose.best_ask.min(PriceLots(ask));
        for kind in HealthKind::ALL {
            prop_assert_eq!(
                perp_value(kind, &perp, &orders, &risk).unwrap(),
                perp_value(kind, &loose, &orders, &risk).unwrap()
            );
        }
    }

    #[test]
    fn stricter_parameters_never_give_more_health(
        account in account(), lower in 0u32..=100, raise in 0u32..=RATIO_ONE / 4, totals in (wide(60), wide(60)),
    ) {
        let mut strict = account.clone();
        let cut = |weight: u32| (u64::from(weight) * u64::from(lower) / 100) as u32;
        for (params, risk) in strict.asset_params.iter_mut().zip(&mut strict.assets) {
            params.asset_weight_init = cut(params.asset_weight_init);
            params.asset_weight_maint = cut(params.asset_weight_maint);
            params.liability_weight_init += raise;
            params.liability_weight_maint += raise;
            risk.price.conf_multiple += raise;
            risk.recompute(params, &BankTotals { deposits: totals.0, borrows: totals.1 }, None).unwrap();
        }
        let mut same = account.clone();
        for (params, risk) in same.asset_params.iter().zip(&mut same.assets) {
            risk.recompute(params, &BankTotals { deposits: totals.0, borrows: totals.1 }, None).unwrap();
        }
        for (params, risk) in strict.market_params.iter_mut().zip(&mut strict.markets) {
            params.init_ratio += raise;
            params.maint_ratio += raise;
            params.profit_weight = params.profit_weight.map(cut);
            params.size_scale_notional = (params.size_scale_notional / 100 * u64::from(lower)).max(1_000_000);
            risk.price.conf_multiple += raise;
            risk.recompute(params, None).unwrap();
        }
        for policy in POLICIES {
            for kind in HealthKind::ALL {
                let (strict, same) = (strict.health(kind, policy).value, same.health(kind, policy).value);
                prop_assert!(strict <= same, "{policy:?} {kind:?}: {strict} > {same}");
            }
        }
    }

    #[test]
    fn more_deposits_and_borrows_never_give_more_init_health(
        (params, risk) in asset(), balance in balance(0), less in (wide(50), wide(50)), more in (wide(50), wide(50)),
    ) {
        let at = |deposits, borrows| {
            let mut risk = risk;
            risk.recompute(&params, &BankTotals { deposits, borrows }, None).unwrap();
            HealthKind::ALL.map(|kind| balance_value(kind, &balance, &risk))
        };
        let (before, after) = (at(less.0, less.1), at(less.0 + more.0, less.1 + more.1));
        prop_assert!(after[0] <= before[0]);
        prop_assert_eq!(&after[1..], &before[1..], "only Init weights are scaled");
    }

    #[test]
    fn stale_entries_never_raise_strict_health(account in account()) {
        let mut fresh = account.clone();
        fresh.refresh();
        for kind in HealthKind::ALL {
            let (stale, fresh) = (account.health(kind, Policy::Strict), fresh.health(kind, Policy::Strict));
            prop_assert!(stale.value <= fresh.value);
            prop_assert!(fresh.stale.is_empty());
            for (i, balance) in account.balances.iter().enumerate() {
                let gone = !account.view().is_fresh(&account.assets[i].price);
                prop_assert_eq!(stale.stale.debts >> i & 1 == 1, gone && balance.shares.0 < 0);
                prop_assert_eq!(stale.stale.deposits >> i & 1 == 1, gone && balance.shares.0 > 0);
            }
            for (i, perp) in account.perps.iter().enumerate() {
                let gone = !account.view().is_fresh(&account.markets[i].price);
                prop_assert_eq!(stale.stale.markets >> i & 1 == 1, gone && perp.is_exposed());
            }
        }
    }

    #[test]
    fn a_stale_deposit_counts_nothing_and_the_rest_as_it_is(account in account()) {
        for kind in HealthKind::ALL {
            let balances: i128 = account.balances.iter().zip(&account.assets)
                .filter(|(balance, risk)| balance.shares.0 < 0 || account.view().is_fresh(&risk.price))
                .map(|(balance, risk)| balance_value(kind, balance, risk)).sum();
            let perps: i128 = account.perps.iter().zip(&account.markets)
                .map(|(perp, risk)| perp_value(kind, perp, &account.orders, risk).unwrap()).sum();
            prop_assert_eq!(account.health(kind, Policy::Strict).value, balances + perps);
        }
    }

    #[test]
    fn the_benefit_of_the_doubt_is_one(account in account()) {
        let mut fresh = account.clone();
        fresh.refresh();
        for kind in [HealthKind::LiquidationEnd, HealthKind::Maint] {
            let value = account.health(kind, Policy::BenefitOfDoubt).value;
            prop_assert!(value >= fresh.health(kind, Policy::BenefitOfDoubt).value);
            prop_assert!(value >= account.health(kind, Policy::Strict).value);
        }
    }

    /// Whoever takes over is measured no better than whoever takes new risk, but for the quote asset, and at the worst of every
    /// moment of doubt.
    #[test]
    fn a_taker_is_measured_at_the_worst(mut account in account(), later in wide(40)) {
        let quote = &mut account.assets[0].price;
        (quote.published_ms, quote.doubt_from, quote.flags) = (NOW, DOUBT, 0);
        for kind in HealthKind::ALL {
            let value = account.health(kind, Policy::Taker).value;
            prop_assert!(value <= account.health(kind, Policy::Strict).value, "{kind:?}");
        }
        account.clock.doubt_ms = account.clock.doubt_ms.saturating_add(later);
        let taker = account.health(HealthKind::Init, Policy::Taker).value;
        prop_assert!(taker <= account.health(HealthKind::Init, Policy::BenefitOfDoubt).value);
    }

    #[test]
    fn a_balance_is_never_valued_above_its_weighted_worth((_, risk) in asset(), balance in balance(0)) {
        let indices = risk.indices();
        for (kind, price) in HealthKind::ALL.into_iter().zip([None, Some(risk.price.spot), Some(risk.price.spot)]) {
            let Some(price) = price else { continue };
            let value = balance_value(kind, &balance, &risk);
            let (index, weight) = match balance.shares.0 >= 0 {
                true => (indices.deposit, kind.of(&risk.asset_weight)),
                false => (indices.borrow, kind.of(&risk.liability_weight)),
            };
            let exact = balance.shares.0 as f64 * index as f64 / INDEX_ONE as f64 * price as f64
                / f64::from(risk.shift).exp2() * f64::from(weight) / ONE as f64;
            prop_assert!(value as f64 <= exact + exact.abs() * 1e-12);
            let grain = 2.0 + 3.0 * balance.shares.0.unsigned_abs() as f64 / f64::from(risk.shift).exp2();
            prop_assert!(value as f64 >= exact - exact.abs() * 1e-12 - grain * 4.0);
        }
    }

    #[test]
    fn a_late_funding_payment_is_counted_already((_, risk) in market(), perp in perp(0)) {
        let mut settled = perp;
        settled.settle_funding(risk.funding()).unwrap();
        for kind in HealthKind::ALL {
            prop_assert_eq!(perp_value(kind, &perp, &[], &risk).unwrap(), perp_value(kind, &settled, &[], &risk).unwrap());
        }
    }
}

#[test]
fn an_unrelated_stale_entry_is_not_reported() {
    let mut assets = [AssetRisk::listed(0, 6), AssetRisk::listed(0, 6)];
    assets[0].price = steady(1);
    assets[0].asset_price = [1; 3];
    let balances = [
        Balance {
            shares: Shares(7),
            ..Balance::of(0)
        },
        Balance::of(1),
        Balance::FREE,
    ];
    let view = RiskView {
        assets: &assets,
        markets: &[],
        underlyings: &[],
        model: &NO_MODEL,
        clock: CLOCK,
        purpose: Purpose::Trade,
        one_price: Default::default(),
    };
    let portfolio = Portfolio {
        balances: &balances,
        perps: &[PerpPosition::default()],
        orders: &[],
        mode: MarginMode::Standard,
    };
    let health =
        StandardMargin::health(&view, &portfolio, HealthKind::Init, Policy::Strict).unwrap();
    assert_eq!(
        health,
        Health {
            value: 7,
            stale: StaleSet::default()
        }
    );
}

#[test]
fn unknown_entries_are_refused() {
    let view = RiskView {
        assets: &[],
        markets: &[],
        underlyings: &[],
        model: &NO_MODEL,
        clock: CLOCK,
        purpose: Purpose::Trade,
        one_price: Default::default(),
    };
    let balance = [Balance {
        shares: Shares(1),
        ..Balance::of(0)
    }];
    let portfolio = Portfolio {
        balances: &balance,
        perps: &[],
        orders: &[],
        mode: MarginMode::Standard,
    };
    let health = StandardMargin::health(&view, &portfolio, HealthKind::Init, Policy::Strict);
    assert_eq!(health, Err(RiskError::UnknownAsset));
    let perps = [PerpPosition::of(3)];
    let portfolio = Portfolio {
        balances: &[],
        perps: &perps,
        orders: &[],
        mode: MarginMode::Standard,
    };
    assert_eq!(
        StandardMargin::assess(&view, &portfolio, Policy::Strict),
        Err(RiskError::UnknownMarket)
    );
}

#[test]
fn init_weights_shrink_and_grow_with_the_bank() {
    let params = AssetParams {
        asset_weight_init: RATIO_ONE / 2,
        liability_weight_init: RATIO_ONE * 2,
        deposit_scale_start_usd: 1_000,
        borrow_scale_start_usd: 1_000,
        ..AssetParams::default()
    };
    let mut risk = AssetRisk::listed(0, 6);
    (risk.price.spot, risk.price.stable) = (10, 8);
    let mut weights = |deposits, borrows| {
        risk.recompute(&params, &BankTotals { deposits, borrows }, None)
            .unwrap();
        [risk.asset_weight[0], risk.liability_weight[0]]
    };
    assert_eq!(
        weights(100, 100),
        [RATIO_ONE / 2, RATIO_ONE * 2],
        "1,000 at spot is where it starts"
    );
    assert_eq!(weights(200, 300), [RATIO_ONE / 4, RATIO_ONE * 6]);
    assert_eq!(weights(u64::MAX, u64::MAX), [0, u32::MAX]);
    // Init steps back to the stable price and the confidence; debts round up.
    (risk.price.conf, risk.price.conf_multiple) = (1, 2 * RATIO_ONE);
    let params = AssetParams {
        asset_weight_maint: RATIO_ONE,
        liability_weight_maint: RATIO_ONE,
        ..params
    };
    risk.borrow_index = INDEX_ONE + 1;
    risk.recompute(&params, &BankTotals::default(), None)
        .unwrap();
    assert_eq!(
        (risk.asset_price, risk.liability_price),
        ([3, 5, 10], [26, 22, 11])
    );
}
