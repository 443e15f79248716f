//! How much an account may take on.
use plimsoll::{
    error::PlimsollError,
    health::{portfolio, view},
    HealthReport,
};
use plimsoll_risk::{
    standard::perp_equity, HealthKind, MarginModel, Policy, Portfolio, Purpose, StandardMargin,
};
use plimsoll_tests::{
    env::{BTC, BTC_PERP, SOL, USDC},
    trading::{ask, bid},
    usd, Env, Trader,
};

use super::{desk, fee, notional, reprice, SPOT, TAKER};

const POOR: PlimsollError = PlimsollError::InsufficientHealth;

/// 1,000 USD, enough for about 10,000 USD of position or 6,630 lots.
async fn small() -> (Env, Trader, Trader) {
    let (mut env, maker, _) = desk().await;
    let small = env.trader_with(&[(USDC, usd(1_000))]).await;
    (env, maker, small)
}

#[tokio::test]
async fn init_health_bounds_position_and_orders_together() {
    let (mut env, maker, small) = small().await;
    for terms in [bid(SPOT, 6_700), ask(SPOT, 6_700)] {
        env.refuse_order(&small, terms, &[], POOR).await;
    }
    // The two sides share their margin, not their losses.
    env.place(&small, bid(SPOT - 100, 6_600), &[]).await;
    env.place(&small, ask(SPOT + 100, 6_600), &[]).await;
    env.refuse_order(&small, bid(SPOT - 100, 100), &[], POOR)
        .await;
    env.refuse_order(&small, ask(SPOT + 100, 100), &[], POOR)
        .await;
    // A bid above the oracle is charged its loss whatever rests opposite.
    env.refuse_order(&small, bid(SPOT + 99, 60), &[], POOR)
        .await;
    // When one side fills the other closes it, so nothing changes.
    env.place(&maker, ask(SPOT - 100, 6_600), &[&small]).await;
    assert!(env.health(&small).await.init >= 0);
    env.refuse_order(&small, bid(SPOT - 100, 100), &[], POOR)
        .await;
    env.place(&maker, bid(SPOT + 100, 6_600), &[&small]).await;
    assert_eq!(env.perp(&small).await.position.0, 0);
    assert!(env.perp(&small).await.quote.0 > notional(200, 6_600));
    env.assert_conserved().await;
}

#[tokio::test]
async fn margin_grows_with_the_root_of_large_positions() {
    let (mut env, _, _) = desk().await;
    let big = env.trader_with(&[(USDC, usd(200_000))]).await;
    // 1.8 million USD at a flat tenth would need 180,000; at √1.8 times that, 241,000.
    env.refuse_order(&big, bid(SPOT - 10, 1_200_000), &[], POOR)
        .await;
    env.place(&big, bid(SPOT - 10, 1_000_000), &[]).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn unrealised_profit_carries_no_new_risk_and_cannot_be_withdrawn() {
    let (mut env, maker, small) = small().await;
    env.place(&maker, ask(SPOT, 6_000), &[]).await;
    env.place(&small, bid(SPOT, 6_000), &[&maker]).await;
    reprice(&mut env, 163.5).await;
    let report = env.health(&small).await;
    let profit = 6_000 * 100 * 1_350;
    assert!(report.equity > usd(1_800).cast_signed(), "{report:?}");
    assert!(report.perps[0].pnl > profit - 10_000_000);
    assert!(report.init < usd(50).cast_signed());
    env.refuse_order(&small, bid(SPOT, 1_000), &[], POOR).await;
    let withdraw = env.withdraw_ix(&small, USDC, usd(100), false);
    env.refuse(&[withdraw], &[&small.key], POOR).await;
    env.deposit(&maker, SOL, 10_000_000_000).await.unwrap();
    let borrow = env.withdraw_ix(&small, SOL, 1_000_000_000, true);
    env.refuse(&[borrow], &[&small.key], POOR).await;
    // Nor settled, as nobody has paid a loss yet.
    let settle = env.settle_pnl_ix(&small);
    let nothing = PlimsollError::NothingToSettle;
    env.refuse(&[settle], &[], nothing).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn two_accounts_of_one_owner_cannot_conjure_value_by_trading_with_each_other() {
    let (mut env, maker, small) = small().await;
    let second = env.trader_with(&[(USDC, usd(1_000))]).await;
    let accounts = [&small, &second];
    // Selling to oneself at the lowest price allowed moves at most a tenth, and what the loser still owns.
    env.place(&small, bid(SPOT * 9 / 10, 6_500), &[]).await;
    let band = PlimsollError::PriceOutOfBand;
    env.refuse_order(&second, ask(SPOT * 9 / 10 - 1, 10), &[&small], band)
        .await;
    let gift = ask(SPOT * 9 / 10, 6_500);
    env.refuse_order(&second, gift, &[&small], POOR).await;
    env.place(&second, ask(SPOT * 9 / 10, 3_200), &[&small])
        .await;
    let mut equity = 0;
    for account in accounts {
        let report = env.health(account).await;
        assert!(report.init >= 0 && report.equity >= 0);
        equity += report.equity;
    }
    let paid = notional(SPOT * 9 / 10, 3_200);
    assert!(equity <= usd(2_000).cast_signed() - fee(paid, TAKER) / 2);

    // What both can take out now is less than they brought: profit is paid only from losses paid in before.
    env.settle_pnl(&second).await;
    env.settle_pnl(&small).await;
    let mut out = 0;
    for account in accounts {
        let most = env.health(account).await.init.unsigned_abs();
        env.withdraw(account, USDC, most).await.unwrap();
        let more = env.withdraw_ix(account, USDC, usd(1), true);
        env.refuse(&[more], &[&account.key], POOR).await;
        out += most;
    }
    assert!(out < usd(2_000));
    env.place(&maker, bid(SPOT - 1, 1), &[]).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_hedged_account_keeps_its_equity_through_a_crash() {
    let (mut env, maker, _) = desk().await;
    let hedged = env.trader_with(&[(SOL, 100_000_000_000)]).await;
    env.place(&maker, bid(SPOT, 10_000), &[]).await;
    env.place(&hedged, ask(SPOT, 10_000), &[&maker]).await;
    let before = env.health(&hedged).await;
    for usd in [120.0, 95.0, 75.0] {
        // So that no price is doubted: what doubt is worth is not tested here.
        env.advance(59).await;
        reprice(&mut env, usd).await;
        let now = env.health(&hedged).await;
        assert!((now.equity - before.equity).abs() <= 10, "{now:?}");
        assert!(now.maintenance > 0 && now.init <= now.liquidation_end);
    }
    env.assert_conserved().await;
}

/// The report against the risk crate on the accounts as a client decodes them.
async fn check_report(env: &mut Env, trader: &Trader) -> HealthReport {
    let report = env.health(trader).await;
    let (risk, account) = (env.risk().await, env.margin(trader.margin).await);
    let clock = env.clock().await;
    let view = view(&risk, &clock, Purpose::Trade);
    let whole = portfolio(&account);
    let view = view.at_one_price(&whole).unwrap().unwrap_or(view);
    let lines = StandardMargin::assess(&view, &whole, Policy::BenefitOfDoubt).unwrap();
    let health = |part: &Portfolio, kind, policy| {
        let health = StandardMargin::health(&view, part, kind, policy).unwrap();
        i64::try_from(health.value).unwrap()
    };
    let small = |value: i128| i64::try_from(value).unwrap();
    let init = health(&whole, HealthKind::Init, Policy::Strict);
    assert_eq!(report.init, init);
    assert_eq!(report.maintenance, small(lines.of(HealthKind::Maint)));
    let end = small(lines.of(HealthKind::LiquidationEnd));
    assert_eq!(report.liquidation_end, end);
    assert_eq!(report.equity, small(lines.equity));
    assert_eq!(report.stale_deposits, lines.stale.deposits);
    assert_eq!(report.stale_debts, lines.stale.debts);
    assert_eq!(report.stale_markets, lines.stale.markets);
    assert_eq!(report.state, account.state);
    assert_eq!(
        (report.init_requirement, report.maintenance_requirement),
        (0, 0),
        "standard margin has it within each part"
    );
    let parts = report.balances.iter().map(|b| b.init);
    let parts: i64 = parts.chain(report.perps.iter().map(|p| p.init)).sum();
    assert_eq!(parts, report.init, "the parts add up");
    let parts = report.balances.iter().map(|b| b.maintenance);
    let parts: i64 = parts
        .chain(report.perps.iter().map(|p| p.maintenance))
        .sum();
    assert_eq!(parts, report.maintenance);
    for perp in &report.perps {
        let slot = account.find_perp(perp.market.into()).unwrap();
        let held = &account.perps[slot];
        assert_eq!(perp.position, held.position.0);
        let entry = &risk.markets[usize::from(perp.market)];
        assert_eq!(perp.pnl, small(perp_equity(held, entry).unwrap()));
    }
    report
}

#[tokio::test]
async fn account_health_says_what_the_risk_crate_computes() {
    let (mut env, maker, taker) = desk().await;
    env.deposit(&maker, SOL, 500_000_000_000).await.unwrap();
    env.deposit(&taker, BTC, 10_000_000).await.unwrap();
    env.borrow(&taker, SOL, 20_000_000_000).await.unwrap();
    env.place(&maker, ask(SPOT + 10, 5_000), &[]).await;
    env.place(&taker, bid(SPOT + 10, 7_000), &[&maker]).await;
    env.place(&taker, ask(SPOT + 50, 3_000), &[]).await;
    env.place_in(BTC_PERP, &taker, ask(59_990, 50), &[]).await;
    env.place_in(BTC_PERP, &maker, bid(60_100, 70), &[&taker])
        .await;
    let report = check_report(&mut env, &taker).await;
    assert_eq!((report.balances.len(), report.perps.len()), (3, 2));
    assert!(report.balances[2].native < 0, "{report:?}");
    check_report(&mut env, &maker).await;
    env.advance(60).await;
    env.refresh_all().await;
    reprice(&mut env, 139.0).await;
    check_report(&mut env, &taker).await;
    check_report(&mut env, &maker).await;
    env.advance(200).await;
    reprice(&mut env, 141.0).await;
    let stale = check_report(&mut env, &taker).await;
    assert_eq!(stale.stale_markets, 1 << BTC_PERP);
    assert_eq!(stale.stale_deposits, 1 << USDC | 1 << BTC);
    assert_eq!(stale.stale_debts, 0);
    let empty = env.trader().await;
    let report = check_report(&mut env, &empty).await;
    assert_eq!(report, HealthReport::default());
    env.assert_conserved().await;
}
