//! Trading with oneself at a price that is no more: the feed is silent, or says that it does not know, and the attacker knows.
use plimsoll::{
    error::PlimsollError as E,
    orders::terms::{OrderTerms, OrderType},
};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    scenarios::*,
    trading::{ask, bid},
    usd, Env,
};

use super::{assert_one_of, falls};

const SPOT: u64 = 15_000;

/// The feed says that it no longer knows. Two accounts of one owner trade at the price before, and one of them is abandoned.
#[tokio::test]
async fn nobody_trades_at_the_price_before_a_wide_one() {
    for (by, delay) in falls() {
        let mut env = Env::new().await;
        env.refresh_all().await;
        rich(&mut env).await;
        let (a, b) = (env.trader().await, env.trader().await);
        let books = Books::open(&mut env, &[&a, &b]).await;
        for trader in [&a, &b] {
            env.deposit(trader, USDC, usd(1_600)).await.unwrap();
        }
        env.advance(10).await;
        env.refresh_all().await;
        env.advance(1).await;
        let low = 150.0 * (1.0 - by);
        let wide = env.post(SOL, low, low * 0.03, 0).await;
        env.refresh(&[wide]).await;
        env.advance(delay - 1).await;
        env.refresh_only(&[USDC]).await;
        for order in [ask(SPOT, 10_000), bid(SPOT, 10_000)] {
            env.refuse_order(&a, order, &[&b], E::StaleEntry).await;
        }
        env.assets[SOL].usd = low;
        let gain = books.gain(&mut env, &[&a, &b]).await;
        assert!(gain <= 0, "{by} after {delay} s: {gain}");
        env.assert_conserved().await;
    }
}

/// Nobody has told the exchange yet: the last price is young enough to trade at. With the leverage that there is, what one
/// account wins the other one can pay.
#[tokio::test]
async fn an_old_price_gains_two_accounts_nothing() {
    for (by, delay) in falls() {
        let mut env = Env::new().await;
        env.refresh_all().await;
        rich(&mut env).await;
        let (a, b) = (env.trader().await, env.trader().await);
        let books = Books::open(&mut env, &[&a, &b]).await;
        for trader in [&a, &b] {
            env.deposit(trader, USDC, usd(1_600)).await.unwrap();
        }
        env.advance(delay).await;
        env.refresh_only(&[USDC]).await;
        // The true price is lower by now.
        let sell = env.order_ix(&a, ask(SPOT, 10_000), &[]);
        let buy = env.order_ix(&b, bid(SPOT, 10_000), &[&a]);
        let traded = env.send(&[sell, buy], &[&a.key, &b.key]).await;
        if delay <= 60 {
            traded.expect("young enough");
        } else {
            assert_one_of(traded, &[E::StaleEntry]);
        }
        env.advance(1).await;
        env.assets[SOL].usd = 150.0 * (1.0 - by);
        env.refresh_all().await;
        for trader in [&b, &a] {
            let settle = env.settle_pnl_ix(trader);
            let _ = env.send(&[settle], &[]).await;
        }
        let gain = books.gain(&mut env, &[&a, &b]).await;
        assert!(gain <= 0, "{by} after {delay} s: {gain}");
        env.assert_conserved().await;
    }
}

/// A way out of a position at a price that is no more: the attacker's other account rests the order, and is abandoned.
#[tokio::test]
async fn a_resting_order_is_no_way_out_of_a_stale_market() {
    for (by, delay) in falls() {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let other = rich(&mut env).await;
        let (a, b) = (env.trader().await, env.trader().await);
        let books = Books::open(&mut env, &[&a, &b]).await;
        env.deposit(&a, USDC, usd(15_000)).await.unwrap();
        env.deposit(&b, USDC, usd(1_700)).await.unwrap();
        trade(&mut env, SOL_PERP, &a, &other, 150.0, 10_000).await;
        env.place(&b, bid(SPOT - 15, 10_000), &[]).await;
        env.advance(60 + delay).await;
        env.refresh_only(&[USDC]).await;
        let close = OrderTerms {
            reduce_only: true,
            kind: OrderType::ImmediateOrCancel,
            ..ask(SPOT - 15, 10_000)
        };
        for makers in [&[&b][..], &[][..]] {
            env.refuse_order(&a, close, makers, E::StaleEntry).await;
        }
        let settle = env.settle_pnl_ix(&a);
        assert_one_of(env.send(&[settle], &[]).await, &[E::StaleEntry]);
        let out = env.withdraw_ix(&a, USDC, 1, false);
        env.refuse(&[out], &[&a.key], E::StaleEntry).await;
        env.assets[SOL].usd = 150.0 * (1.0 - by);
        let gain = books.gain(&mut env, &[&a, &b]).await;
        assert!(gain <= 0, "{by} after {delay} s: {gain}");
        env.assert_conserved().await;
    }
}

/// Its neighbour: the position is smaller than the order that rests, so that its maker reduces at first and turns then.
#[tokio::test]
async fn an_order_that_turns_its_makers_position_is_none_either() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let other = rich(&mut env).await;
    let (a, b) = (env.trader().await, env.trader().await);
    env.deposit(&a, USDC, usd(15_000)).await.unwrap();
    env.deposit(&b, USDC, usd(3_000)).await.unwrap();
    trade(&mut env, SOL_PERP, &a, &other, 150.0, 10_000).await;
    trade(&mut env, SOL_PERP, &other, &b, 150.0, 1_000).await;
    env.place(&b, bid(SPOT - 15, 10_000), &[]).await;
    env.advance(61).await;
    env.refresh_only(&[USDC]).await;
    let close = |lots| OrderTerms {
        reduce_only: true,
        ..ask(SPOT - 15, lots)
    };
    for lots in [1_001, 10_000] {
        env.refuse_order(&a, close(lots), &[&b], E::StaleEntry)
            .await;
    }
    let closed = env.place(&a, close(1_000), &[&b]).await;
    assert_eq!(closed.filled, 1_000);
    assert_eq!(env.perp(&b).await.position.0, 0);
    env.assert_conserved().await;
}

/// A market's premium against a price that the caller declines to bring along.
#[tokio::test]
async fn funding_samples_no_price_that_was_not_taken() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let honest = rich(&mut env).await;
    // The oracle says 150.60 and the book quotes around that; the exchange has 150.00.
    env.place(&honest, bid(SPOT + 57, 10_000), &[]).await;
    env.place(&honest, ask(SPOT + 63, 10_000), &[]).await;
    let before = env.market(SOL_PERP).await;
    let market = ix::RefreshEntry::Market(env.markets[SOL_PERP].market);
    for _ in 0..20 {
        env.advance(1).await;
        env.set_price(SOL, 150.6).await;
        let usdc = env.feed_entry(USDC);
        env.refresh(&[market, usdc]).await;
    }
    let after = env.market(SOL_PERP).await;
    assert_eq!(
        (after.premium, after.funding_long, after.funded_until),
        (before.premium, before.funding_long, before.funded_until)
    );
    env.assert_conserved().await;
}

/// Whoever posts an update that is too wide rescues no position: its taker's own margin is not asked for a price of the market
/// that carries new risk.
#[tokio::test]
async fn a_wide_update_stops_no_takeover() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let wide = t.env.post(SOL, 136.0, 5.0, -1).await;
    t.env.refresh(&[wide]).await;
    let slice = take(&t.env, SOL_PERP, 100);
    liquidate(&mut t.env, &t.liquidator, &t.account, &slice).await;
    assert_eq!(t.env.perp(&t.account).await.position.0, 9_900);
}

/// All feeds are heard, whatever the pace at which somebody tells the exchange.
#[tokio::test]
async fn the_clock_of_doubt_runs_at_any_pace_of_refreshes() {
    for pace in [60, 61, 90] {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let before = env.risk().await.doubt_ms;
        for _ in 0..20 {
            env.advance(pace).await;
            env.refresh_all().await;
        }
        assert!(env.risk().await.doubt_ms - before >= 19 * 60_000, "{pace}");
    }
}
