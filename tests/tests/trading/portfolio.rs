//! Trading, borrowing and withdrawing in portfolio margin, against the same account in standard margin.
use plimsoll::error::PlimsollError;
use plimsoll_risk::MarginMode;
use plimsoll_tests::{
    env::{BTC, ETH, SOL, SOL_PERP, USDC},
    trading::{ask, bid},
    usd, Env, Trader,
};

use super::{reprice, SPOT};

const POOR: PlimsollError = PlimsollError::InsufficientHealth;
/// Native units of one token.
const ONE_SOL: u64 = 1_000_000_000;
const ONE_BTC: u64 = 100_000_000;
const ONE_ETH: u64 = 100_000_000;
/// 100 SOL in lots of the market, worth 15,000 USD.
const LOTS: i64 = 10_000;

/// An exchange with a model, and a rich trader in standard margin to trade with.
async fn floor() -> (Env, Trader) {
    let mut env = Env::new().await;
    env.list_model().await;
    let maker = env
        .trader_with(&[
            (USDC, usd(1_000_000)),
            (SOL, 10_000 * ONE_SOL),
            (BTC, 10 * ONE_BTC),
            (ETH, 1_000 * ONE_ETH),
        ])
        .await;
    (env, maker)
}

/// What an account's holdings need: its equity less its Init health.
async fn need(env: &mut Env, trader: &Trader) -> i64 {
    let report = env.health(trader).await;
    assert_eq!(
        (
            report.stale_deposits,
            report.stale_debts,
            report.stale_markets
        ),
        (0, 0, 0)
    );
    report.equity - report.init
}

/// What an account needs in standard margin and what it needs in portfolio margin, which it keeps.
async fn needs(env: &mut Env, trader: &Trader) -> (i64, i64) {
    let standard = need(env, trader).await;
    env.set_margin_mode(trader, MarginMode::Portfolio).await;
    (standard, need(env, trader).await)
}

/// Sells 100 SOL of the perpetual for each of `times` to the maker at the oracle's price.
async fn short(env: &mut Env, trader: &Trader, maker: &Trader, lots: i64) {
    env.place(maker, bid(SPOT, lots), &[]).await;
    let sold = env.place(trader, ask(SPOT, lots), &[maker]).await;
    assert_eq!(sold.filled, lots);
}

#[tokio::test]
async fn a_hedge_needs_a_fraction_of_standard_margin() {
    let (mut env, maker) = floor().await;
    // Spot SOL against the perpetual.
    let carry = env.trader_with(&[(SOL, 100 * ONE_SOL)]).await;
    short(&mut env, &carry, &maker, LOTS).await;
    let (standard, portfolio) = needs(&mut env, &carry).await;
    // 20 % and 10 % of 15,000 USD in one, the basis of 1 % and confidence in the other.
    assert!(standard > usd(4_400).cast_signed(), "{standard}");
    assert!(portfolio * 10 < standard, "{portfolio} of {standard}");
    // Bitcoin against borrowed ether.
    let pair = env
        .trader_with(&[(BTC, ONE_BTC), (USDC, usd(30_000))])
        .await;
    env.borrow(&pair, ETH, 20 * ONE_ETH).await.expect("a loan");
    let (standard, portfolio) = needs(&mut env, &pair).await;
    assert!(portfolio * 2 < standard, "{portfolio} of {standard}");
    env.assert_conserved().await;
}

#[tokio::test]
async fn what_nothing_hedges_needs_no_less_than_in_standard_margin() {
    let (mut env, maker) = floor().await;
    let holders = [
        env.trader_with(&[(SOL, 100 * ONE_SOL)]).await,
        env.trader_with(&[(BTC, ONE_BTC)]).await,
        env.trader_with(&[(ETH, 20 * ONE_ETH)]).await,
        env.trader_with(&[(SOL, 100 * ONE_SOL), (BTC, ONE_BTC), (ETH, 20 * ONE_ETH)])
            .await,
    ];
    for holder in &holders {
        let (standard, portfolio) = needs(&mut env, holder).await;
        assert!(portfolio >= standard, "{portfolio} of {standard}");
    }
    for long in [true, false] {
        let trader = env.trader_with(&[(USDC, usd(10_000))]).await;
        let (own, other) = if long {
            (bid(SPOT, LOTS), ask(SPOT, LOTS))
        } else {
            (ask(SPOT, LOTS), bid(SPOT, LOTS))
        };
        env.place(&maker, other, &[]).await;
        env.place(&trader, own, &[&maker]).await;
        let (standard, portfolio) = needs(&mut env, &trader).await;
        assert!(portfolio >= standard, "{portfolio} of {standard}");
    }
    let borrower = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.borrow(&borrower, ETH, 10 * ONE_ETH)
        .await
        .expect("a loan");
    let (standard, portfolio) = needs(&mut env, &borrower).await;
    assert!(portfolio >= standard, "{portfolio} of {standard}");
    env.assert_conserved().await;
}

#[tokio::test]
async fn orders_are_bounded_by_the_portfolio_they_may_lead_to() {
    let (mut env, maker) = floor().await;
    // 15,000 USD of SOL carry a short of as much again twice over, but hardly a long.
    let trader = env.portfolio_trader(&[(SOL, 100 * ONE_SOL)]).await;
    env.refuse_order(&trader, bid(SPOT - 10, 6 * LOTS), &[], POOR)
        .await;
    env.place(&trader, ask(SPOT + 10, 3 * LOTS), &[]).await;
    // The bids count on their own: the asks may never fill.
    env.refuse_order(&trader, bid(SPOT - 10, 6 * LOTS), &[], POOR)
        .await;
    let before = env.health(&trader).await;
    env.place(&maker, bid(SPOT + 10, LOTS), &[&trader]).await;
    let after = env.health(&trader).await;
    assert!(after.init >= before.init, "a fill lowered health");
    assert!(after.maintenance >= before.maintenance);
    assert!(after.liquidation_end >= before.liquidation_end);
    // Hedged now: 100 SOL short in all.
    assert_eq!(env.perp(&trader).await.position.0, -LOTS);
    env.cancel_all(&trader).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn the_leg_that_hedges_is_not_closed_for_free() {
    let (mut env, maker) = floor().await;
    let carry = env.portfolio_trader(&[(SOL, 100 * ONE_SOL)]).await;
    short(&mut env, &carry, &maker, LOTS).await;
    // Almost all that the hedge sets free is borrowed.
    env.borrow(&carry, USDC, usd(14_000)).await.expect("a loan");
    env.place(&maker, ask(SPOT, LOTS), &[]).await;
    let mut close = bid(SPOT, LOTS);
    close.reduce_only = true;
    env.refuse_order(&carry, close, &[&maker], POOR).await;
    let withdraw = env.withdraw_ix(&carry, SOL, 10 * ONE_SOL, false);
    env.refuse(&[withdraw], &[&carry.key], POOR).await;
    // Nor is standard margin within its reach.
    let standard = plimsoll_client::instructions::set_margin_mode(
        &env.exchange,
        carry.pubkey(),
        carry.margin,
        MarginMode::Standard,
    );
    env.refuse(&[standard], &[&carry.key], POOR).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn an_account_below_init_may_reduce_its_risk_and_nothing_else() {
    let (mut env, maker) = floor().await;
    let trader = env.portfolio_trader(&[(USDC, usd(3_500))]).await;
    env.place(&maker, ask(SPOT, LOTS), &[]).await;
    env.place(&trader, bid(SPOT, LOTS), &[&maker]).await;
    reprice(&mut env, 144.0).await;
    let report = env.health(&trader).await;
    assert!(report.init < 0 && report.maintenance > 0, "{report:?}");
    let spot = SPOT / 150 * 144;
    env.refuse_order(&trader, bid(spot - 10, 100), &[], POOR)
        .await;
    let withdraw = env.withdraw_ix(&trader, USDC, usd(1), false);
    env.refuse(&[withdraw], &[&trader.key], POOR).await;
    // Selling reduces it, whether the order says so or not.
    env.place(&maker, bid(spot, LOTS / 2), &[]).await;
    env.place(&trader, ask(spot, LOTS / 2), &[&maker]).await;
    assert_eq!(env.perp(&trader).await.position.0, LOTS / 2);
    env.assert_conserved().await;
}

/// Both legs have one price: no refresh makes one of them younger than the other, and when it is old both are in doubt.
#[tokio::test]
async fn a_hedge_of_one_feed_has_one_price() {
    let (mut env, maker) = floor().await;
    let carry = env
        .portfolio_trader(&[(SOL, 100 * ONE_SOL), (USDC, usd(1_000))])
        .await;
    short(&mut env, &carry, &maker, LOTS).await;
    let hedged = env.health(&carry).await;
    let [age, ..] = env.entry(SOL).await.price.max_age_secs;
    env.advance(i64::from(age) + 1).await;
    env.refresh_only(&[USDC]).await;
    let report = env.health(&carry).await;
    assert_eq!(
        (report.stale_deposits, report.stale_markets),
        (1 << SOL, 1 << SOL_PERP)
    );
    // A liquidation gives both the benefit of the doubt.
    assert!(report.maintenance >= hedged.maintenance);
    let stale = PlimsollError::StaleEntry;
    env.refuse_order(&carry, ask(SPOT + 10, 100), &[], stale)
        .await;
    // Whichever of the two is passed, the feed's price is that of both.
    for entries in [env.asset_entry(SOL), env.market_entry(SOL_PERP)] {
        env.advance(i64::from(age) + 1).await;
        for asset in [USDC, SOL] {
            let usd = env.assets[asset].usd;
            env.set_price(asset, usd).await;
        }
        let entries = [env.asset_entry(USDC), entries].concat();
        env.refresh(&entries).await;
        let report = env.health(&carry).await;
        assert_eq!((report.stale_deposits, report.stale_markets), (0, 0));
        assert!((report.maintenance - hedged.maintenance).abs() < usd(50).cast_signed());
        env.place(&carry, ask(SPOT + 10, 100), &[]).await;
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_pump_is_no_collateral_and_does_not_touch_a_hedge() {
    let (mut env, maker) = floor().await;
    let long = env.portfolio_trader(&[(SOL, 100 * ONE_SOL)]).await;
    let carry = env
        .portfolio_trader(&[(SOL, 100 * ONE_SOL), (USDC, usd(10_000))])
        .await;
    short(&mut env, &carry, &maker, LOTS).await;
    let (calm, hedged) = (env.health(&long).await, env.health(&carry).await);
    reprice(&mut env, 195.0).await;
    let (pumped, held) = (env.health(&long).await, env.health(&carry).await);
    assert!(pumped.equity > calm.equity + usd(4_400).cast_signed());
    assert!(
        pumped.init < calm.init + usd(100).cast_signed(),
        "{} {}",
        pumped.init,
        calm.init
    );
    // Deposit and short rose together; what is left are their basis and confidence at the higher price.
    assert!(
        held.init > hedged.init - usd(200).cast_signed(),
        "{} {}",
        held.init,
        hedged.init
    );
    env.assert_conserved().await;
}

#[tokio::test]
async fn withdrawals_and_settlement_keep_portfolio_margin() {
    let (mut env, maker) = floor().await;
    let trader = env
        .portfolio_trader(&[(USDC, usd(10_000)), (BTC, ONE_BTC)])
        .await;
    let report = env.health(&trader).await;
    let too_much = u64::try_from(report.init).unwrap() + usd(10);
    let withdraw = env.withdraw_ix(&trader, USDC, too_much, true);
    env.refuse(&[withdraw], &[&trader.key], POOR).await;
    // Borrowing costs its origination fee and no more: dollars carry no risk of their own.
    env.borrow(&trader, USDC, too_much - usd(100))
        .await
        .expect("what is free");
    assert!(env.health(&trader).await.init < usd(120).cast_signed());
    // A profit is settled out of a loss, and conserved.
    let winner = env.portfolio_trader(&[(USDC, usd(10_000))]).await;
    short(&mut env, &winner, &maker, 1_000).await;
    reprice(&mut env, 140.0).await;
    // A profit is paid at the worse of spot and stable price.
    for _ in 0..5 {
        env.advance(300).await;
        env.refresh_all().await;
    }
    env.settle_pnl(&maker).await;
    let before = env.health(&winner).await;
    env.settle_pnl(&winner).await;
    let after = env.health(&winner).await;
    assert!(after.init > before.init && after.maintenance >= before.maintenance);
    env.assert_conserved().await;
}
