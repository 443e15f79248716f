//! Properties of accounts under portfolio margin: the three lines, resting orders, stale and wide inputs.

mod common;

use common::portfolio::*;
use common::*;
use plimsoll_risk::portfolio::*;
use plimsoll_risk::*;
use proptest::prelude::*;

const POLICIES: [Policy; 3] = [Policy::Strict, Policy::BenefitOfDoubt, Policy::Taker];

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn kinds_are_ordered(account in portfolio_account()) {
        for policy in POLICIES {
            let [init, liquidation_end, maint] = HealthKind::ALL.map(|kind| account.health(kind, policy).value);
            prop_assert!(init <= liquidation_end, "{policy:?}: {init} {liquidation_end}");
            prop_assert!(liquidation_end <= maint, "{policy:?}: {liquidation_end} {maint}");
        }
    }

    #[test]
    fn the_single_pass_agrees_with_each_kind(account in portfolio_account()) {
        for policy in POLICIES {
            let (all, lines) = (account.assess(policy), account.lines(policy));
            prop_assert_eq!(all, Assessment::from(lines));
            for kind in HealthKind::ALL {
                prop_assert_eq!(account.health(kind, policy), Health { value: all.of(kind), stale: all.stale });
                prop_assert_eq!(all.of(kind), kind.of(&lines.value) - kind.of(&lines.requirement));
                prop_assert!(kind.of(&lines.requirement) >= 0);
            }
        }
    }

    #[test]
    fn equity_is_what_standard_margin_says(account in portfolio_account()) {
        for policy in [Policy::Strict, Policy::BenefitOfDoubt] {
            let standard = StandardMargin::assess(&account.view(), &account.portfolio(), policy).unwrap();
            let portfolio = account.assess(policy);
            // A balance is worth its shares at the price of a share here, its native units there: a unit or a share's
            // worth of rounding each.
            let grain: i128 = account.account.assets.iter().map(|risk| {
                2 + (i128::from(risk.price.higher() >> risk.shift)) + (1i128 << 55 >> risk.shift)
            }).sum();
            prop_assert!((standard.equity - portfolio.equity).abs() <= grain, "{} {}", standard.equity, portfolio.equity);
            prop_assert_eq!(standard.stale, portfolio.stale);
        }
    }

    /// Late settlement included: until a fill is applied the order still rests in its slot.
    #[test]
    fn filling_without_fees_or_funding_never_lowers_health_by_a_unit(
        mut account in portfolio_account(), fills in any::<u16>(), percent in 1u32..=100,
    ) {
        for (risk, perp) in account.account.markets.iter_mut().zip(&mut account.account.perps) {
            (risk.maker_fee, risk.funding_long, risk.funding_short, perp.funding_entry) = (0, 0, 0, 0);
        }
        let mut after = account.clone();
        for slot in 0..16 {
            if fills >> slot & 1 == 1 {
                fill(&mut after.account, slot, percent, false);
            }
        }
        // When no market is stale; otherwise a fill may turn a long that is doubted at one price into a short that is
        // doubted at another.
        let doubts = !account.lines(Policy::BenefitOfDoubt).stale.is_empty();
        for policy in POLICIES.into_iter().take(if doubts { 1 } else { 2 }) {
            for kind in HealthKind::ALL {
                let (old, new) = (account.health(kind, policy).value, after.health(kind, policy).value);
                prop_assert!(new >= old, "{policy:?} {kind:?}: {old} -> {new}");
            }
        }
    }

    #[test]
    fn filling_any_orders_never_lowers_health_by_more_than_two_units_each(
        account in portfolio_account(),
        fills in prop::collection::vec((0usize..16, 1u32..=100), 0..12),
    ) {
        let mut after = account.clone();
        let mut count = 0;
        for (slot, percent) in fills {
            count += i128::from(fill(&mut after.account, slot, percent, true));
            for kind in HealthKind::ALL {
                let (old, new) = (account.health(kind, Policy::Strict).value, after.health(kind, Policy::Strict).value);
                // One unit for its fee and one for the funding settled with it.
                prop_assert!(new >= old - 2 * count, "{kind:?}: {old} -> {new} after {count}");
            }
        }
    }

    #[test]
    fn resting_another_order_never_raises_health(
        account in portfolio_account(), more in order_seeds(1), market in any::<prop::sample::Index>(),
    ) {
        let mut after = account.clone();
        let market = market.index(after.account.perps.len());
        let risk = after.account.markets[market];
        rest(&mut after.account.perps[market], &mut after.account.orders, &risk, &more);
        for kind in HealthKind::ALL {
            prop_assert!(after.health(kind, Policy::Strict).value <= account.health(kind, Policy::Strict).value);
        }
    }

    #[test]
    fn stale_entries_never_raise_strict_health(account in portfolio_account()) {
        let mut fresh = account.clone();
        fresh.refresh();
        let (stale, fresh) = (account.lines(Policy::Strict), fresh.lines(Policy::Strict));
        prop_assert!(fresh.stale.is_empty());
        for kind in HealthKind::ALL {
            prop_assert!(kind.of(&stale.value) <= kind.of(&fresh.value), "{kind:?}");
            let health = |lines: &Lines| kind.of(&lines.value) - kind.of(&lines.requirement);
            prop_assert!(health(&stale) <= health(&fresh), "{kind:?}");
        }
        // The peg's add-on is on the quote that counts: none of a stale deposit, nor of a profit that one would hedge.
        let hedges = account.account.perps.iter().any(|perp| !perp.is_free()) && stale.stale.deposits != 0;
        if stale.stale.deposits & 1 == 0 && !hedges {
            for kind in HealthKind::ALL {
                prop_assert!(kind.of(&stale.requirement) >= kind.of(&fresh.requirement), "{kind:?}");
            }
        }
    }

    #[test]
    fn the_benefit_of_the_doubt_is_one(account in portfolio_account()) {
        let mut fresh = account.clone();
        fresh.refresh();
        for kind in [HealthKind::LiquidationEnd, HealthKind::Maint] {
            let value = account.health(kind, Policy::BenefitOfDoubt).value;
            let (certain, strict) = (fresh.health(kind, Policy::BenefitOfDoubt), account.health(kind, Policy::Strict));
            prop_assert!(value >= certain.value, "{kind:?}: {value} {}", certain.value);
            prop_assert!(value >= strict.value, "{kind:?}: {value} {}", strict.value);
        }
    }

    #[test]
    fn wider_prices_never_raise_init_health_and_move_nothing_else(
        account in portfolio_account(), factor in 1u64..=8, lags in any::<bool>(),
    ) {
        // Either confidence widens, or a stable price that was at spot is away from it.
        let mut wide = account.clone();
        let mut same = account.clone();
        let widen = |price: &mut EntryPrice| {
            if !lags {
                price.conf = price.conf.saturating_mul(factor);
            }
        };
        let still = |price: &mut EntryPrice| {
            if lags {
                price.stable = price.spot;
            }
        };
        for account in [&mut wide, &mut same] {
            account.refresh();
        }
        for (risk, params) in wide.account.assets.iter_mut().zip(&wide.account.asset_params) {
            widen(&mut risk.price);
            prop_assume!(risk.recompute(params, &BankTotals::default(), None).is_ok());
        }
        for (risk, params) in same.account.assets.iter_mut().zip(&same.account.asset_params) {
            still(&mut risk.price);
            risk.recompute(params, &BankTotals::default(), None).unwrap();
        }
        for (risk, params) in wide.account.markets.iter_mut().zip(&wide.account.market_params) {
            widen(&mut risk.price);
            prop_assume!(risk.recompute(params, None).is_ok());
        }
        for (risk, params) in same.account.markets.iter_mut().zip(&same.account.market_params) {
            still(&mut risk.price);
            risk.recompute(params, None).unwrap();
        }
        let (lines, others) = (wide.lines(Policy::Strict), same.lines(Policy::Strict));
        prop_assert!(lines.value[0] - lines.requirement[0] <= others.value[0] - others.requirement[0]);
        // The peg's add-on is on the quote that counts, which wide prices make less.
        wide.model.params.depeg_ratio = 0;
        same.model.params.depeg_ratio = 0;
        let (wide, same) = (wide.lines(Policy::Strict), same.lines(Policy::Strict));
        prop_assert!(wide.requirement[0] >= same.requirement[0]);
        prop_assert_eq!(&wide.value[1..], &same.value[1..]);
        prop_assert_eq!(&wide.requirement[1..], &same.requirement[1..]);
    }

    /// A deposit never lowers health when what its value requires alone, with its basis, its doubt and the growth of the
    /// liquidity add-on, is less than what it counts for.
    #[test]
    fn a_deposit_that_requires_less_than_its_worth_never_lowers_health(
        account in portfolio_account(), which in any::<prop::sample::Index>(), worth in wide(48),
    ) {
        let mut before = account;
        let which = which.index(before.account.assets.len());
        let number = before.account.assets[which].underlying.max(1);
        before.account.assets[which].underlying = number;
        // Milder than the bounds allow, so that a deposit is often worth what it requires.
        let params = &mut before.model.params;
        params.deviations = params.deviations.min(3 * RATIO_ONE);
        params.gross_floor = params.gross_floor.min(RATIO_ONE / 10);
        params.crash_multiple = params.crash_multiple.min(RATIO_ONE);
        before.refresh();
        // One that is trusted: of others a part counts.
        let params = &mut before.account.asset_params[which];
        params.asset_weight_init = params.asset_weight_init.max(RATIO_ONE / 2);
        params.asset_weight_maint = params.asset_weight_maint.max(params.asset_weight_init);
        before.calm();
        let mut after = before.clone();
        before.account.balances[which].shares = Shares(0);
        let risk = before.account.assets[which];
        let shares = shares_worth(&risk, worth as i64);
        after.account.balances[which].shares = shares;
        let value = (i128::from(shares.0) * i128::from(risk.share_price[0])) >> risk.shift;
        let fixed = Delta::fixed(value, risk.doubt).unwrap();
        let alone = exposures(&[(number, fixed)]);
        let mut all = Exposures::new();
        gather(&after.view(), &after.portfolio(), &HealthKind::ALL, Policy::Strict, true, &mut all).unwrap();
        let params = &before.underlyings[usize::from(number) - 1].params;
        let size = all.items().iter().find(|item| item.underlying == number).map_or(0, Exposure::size) as f64;
        let share = |ratio: u32| f64::from(ratio) / ONE as f64;
        let slope = share(params.liquidity_ratio) * (1.5 * (size / params.depth_notional as f64).sqrt() - 1.0).max(0.0)
            + share(params.basis_ratio);
        for kind in HealthKind::ALL {
            let which = Volatilities::behind(kind);
            let base = requirement(&before.model, &before.underlyings, &alone, &[], which).unwrap().base();
            // Rounding: of the largest exposure to 24 digits, and of the liquidity add-on to 31.
            let largest = all.items().iter().map(Exposure::size).max().unwrap_or(0) as f64;
            let grain = (largest * 1e-4 + size * slope * 1e-6) as i128 + 64;
            if base as f64 + slope * value as f64 <= value as f64 {
                let (old, new) = (before.health(kind, Policy::Strict).value, after.health(kind, Policy::Strict).value);
                prop_assert!(new + grain >= old, "{kind:?}: {old} -> {new}");
            }
        }
    }

    #[test]
    fn an_account_that_nothing_covers_is_margined_as_in_standard(mut account in portfolio_account()) {
        for risk in &mut account.account.assets {
            risk.underlying = 0;
        }
        for risk in &mut account.account.markets {
            risk.underlying = 0;
        }
        account.model.params.depeg_ratio = 0;
        for policy in POLICIES {
            let standard = StandardMargin::assess(&account.view(), &account.portfolio(), policy).unwrap();
            prop_assert_eq!(standard, account.assess(policy));
        }
    }
}
