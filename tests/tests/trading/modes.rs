//! Modes of the exchange and market, and prices that are missing.
use plimsoll::{
    error::PlimsollError,
    orders::terms::{OrderRef, OrderTerms},
    state::mode,
};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    env::{BTC, BTC_PERP, SOL, SOL_PERP, USDC},
    trading::{ask, bid},
    usd, Env, Trader,
};

use super::{desk, SPOT};

fn reduce(terms: OrderTerms) -> OrderTerms {
    OrderTerms {
        reduce_only: true,
        ..terms
    }
}

/// The taker is long 100 lots, the maker short; both have an order resting.
async fn positions() -> (Env, Trader, Trader) {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT, 100), &[]).await;
    env.place(&taker, bid(SPOT, 100), &[&maker]).await;
    env.place(&maker, bid(SPOT - 1, 100), &[]).await;
    env.place(&maker, ask(SPOT + 50, 5), &[]).await;
    env.place(&taker, bid(SPOT - 50, 5), &[]).await;
    (env, maker, taker)
}

/// Past every entry's age.
const STALE: i64 = 130;

/// Refreshes the quote asset and the first market alone.
async fn refresh_market(env: &mut Env) {
    env.set_price(USDC, 1.0).await;
    env.set_price(SOL, env.assets[SOL].usd).await;
    let entries = [env.asset_entry(USDC), env.market_entry(SOL_PERP)].concat();
    env.refresh(&entries).await;
}

#[tokio::test]
async fn a_paused_exchange_or_market_takes_no_orders() {
    let (mut env, maker, taker) = positions().await;
    env.place(&taker, ask(SPOT - 1, 1), &[]).await;
    env.set_exchange_mode(mode::PAUSED).await;
    for terms in [bid(SPOT - 20, 1), reduce(ask(SPOT - 1, 1))] {
        let gated = PlimsollError::ExchangeGated;
        env.refuse_order(&taker, terms, &[&maker], gated).await;
    }
    env.set_exchange_mode(mode::ACTIVE).await;
    env.set_market_mode(SOL_PERP, mode::PAUSED).await;
    for terms in [bid(SPOT - 20, 1), reduce(ask(SPOT - 1, 1))] {
        let gated = PlimsollError::MarketGated;
        env.refuse_order(&taker, terms, &[&maker], gated).await;
    }
    let other = bid(59_000, 1);
    env.place_in(BTC_PERP, &taker, other, &[]).await;
    // Settlement and cancelling go on.
    env.settle_fills(&[&maker]).await;
    env.settle_pnl(&taker).await;
    env.cancel(&taker, OrderRef::ClientId(0)).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn reduce_only_modes_take_reduce_only_orders_alone() {
    let (mut env, maker, taker) = positions().await;
    env.set_exchange_mode(mode::REDUCE_ONLY).await;
    let gated = PlimsollError::ExchangeGated;
    for terms in [bid(SPOT - 20, 1), ask(SPOT - 1, 1)] {
        env.refuse_order(&taker, terms, &[&maker], gated).await;
    }
    let sold = env
        .place(&taker, reduce(ask(SPOT - 1, 30)), &[&maker])
        .await;
    assert_eq!(sold.filled, 30);
    env.set_exchange_mode(mode::ACTIVE).await;
    env.set_market_mode(SOL_PERP, mode::REDUCE_ONLY).await;
    let gated = PlimsollError::MarketReduceOnly;
    for terms in [bid(SPOT - 20, 1), ask(SPOT - 1, 1)] {
        env.refuse_order(&taker, terms, &[&maker], gated).await;
    }
    let sold = env
        .place(&taker, reduce(ask(SPOT - 1, 99)), &[&maker])
        .await;
    assert_eq!(sold.filled, 70, "not more than the position");
    let not = PlimsollError::NotReducing;
    env.refuse_order(&taker, reduce(ask(SPOT - 1, 1)), &[&maker], not)
        .await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_stale_market_takes_no_new_risk_and_lets_risk_go() {
    let (mut env, maker, taker) = positions().await;
    let third = env.trader_with(&[(USDC, usd(1_000))]).await;
    env.advance(STALE).await;
    let stale = PlimsollError::StaleEntry;
    for terms in [bid(SPOT - 20, 1), ask(SPOT - 1, 1), bid(SPOT + 50, 1)] {
        env.refuse_order(&taker, terms, &[&maker], stale).await;
    }
    // At a bad price a reduce-only order needs Init health, which nobody knows now.
    let bad = reduce(ask(SPOT / 2, 100));
    env.refuse_order(&third, bid(SPOT / 2, 100), &[], stale)
        .await;
    let sold = env
        .place(&taker, reduce(ask(SPOT - 1, 60)), &[&maker])
        .await;
    assert_eq!(sold.filled, 60);
    assert_eq!(env.place(&taker, bad, &[&maker]).await.filled, 40);
    env.cancel(&taker, OrderRef::ClientId(0)).await;
    let markets = [env.markets[SOL_PERP].market];
    let all = ix::cancel_orders(maker.pubkey(), maker.margin, &markets, None, 9);
    env.run(&[all], &[&maker.key]).await;
    env.refresh_all().await;
    env.place(&taker, bid(SPOT - 20, 1), &[]).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_reduce_only_order_at_a_bad_price_is_no_way_out_of_a_stale_market() {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT, 300_000), &[]).await;
    env.place(&taker, bid(SPOT, 300_000), &[&maker]).await;
    // A bid a third below the oracle rests legally; selling into it would hand over 150,000 USD of 100,000.
    env.place(&maker, bid(SPOT * 2 / 3, 300_000), &[]).await;
    let dump = |lots| reduce(ask(SPOT * 2 / 3, lots));
    let band = PlimsollError::PriceOutOfBand;
    env.refuse_order(&taker, dump(300_000), &[&maker], band)
        .await;
    env.advance(STALE).await;
    env.set_price(USDC, 1.0).await;
    let quote = env.asset_entry(USDC);
    env.refresh(&quote).await;
    let poor = PlimsollError::InsufficientHealth;
    env.refuse_order(&taker, dump(300_000), &[&maker], poor)
        .await;
    // What is left of the position has no price.
    let stale = PlimsollError::StaleEntry;
    env.refuse_order(&taker, dump(100_000), &[&maker], stale)
        .await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn an_unrelated_stale_entry_blocks_nobody() {
    let (mut env, maker, taker) = positions().await;
    env.deposit(&taker, BTC, 1_000_000).await.unwrap();
    env.advance(STALE).await;
    refresh_market(&mut env).await;
    // The other assets and the other market are stale; the BTC deposit counts nothing.
    env.place(&taker, bid(SPOT - 20, 1), &[]).await;
    env.place(&taker, ask(SPOT - 1, 10), &[&maker]).await;
    let report = env.health(&taker).await;
    assert_eq!((report.stale_deposits, report.stale_markets), (1 << BTC, 0));
    // In the other market the same trader is refused.
    let other = env.order_in_ix(BTC_PERP, &taker, bid(59_000, 1), &[]);
    let stale = PlimsollError::StaleEntry;
    env.refuse(&[other], &[&taker.key], stale).await;

    // A stale quote deposit counts nothing: no new risk on it.
    env.advance(STALE).await;
    env.set_price(SOL, 150.0).await;
    let entry = env.market_entry(SOL_PERP);
    env.refresh(&entry).await;
    let poor = PlimsollError::InsufficientHealth;
    env.refuse_order(&taker, bid(SPOT - 20, 100), &[], poor)
        .await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_stale_debt_or_position_elsewhere_blocks_new_risk() {
    let (mut env, maker, taker) = positions().await;
    env.deposit(&maker, BTC, 100_000_000).await.unwrap();
    env.borrow(&taker, BTC, 1_000_000).await.unwrap();
    env.advance(STALE).await;
    refresh_market(&mut env).await;
    let stale = PlimsollError::StaleEntry;
    env.refuse_order(&taker, bid(SPOT - 20, 1), &[], stale)
        .await;
    assert_eq!(env.health(&taker).await.stale_debts, 1 << BTC);
    env.place(&taker, ask(SPOT - 1, 10), &[&maker]).await;
    env.place(&maker, bid(SPOT - 20, 1), &[]).await;

    // A position in a stale market.
    env.refresh_all().await;
    env.place_in(BTC_PERP, &maker, bid(59_000, 1), &[]).await;
    env.advance(STALE).await;
    refresh_market(&mut env).await;
    env.refuse_order(&maker, bid(SPOT - 20, 1_000), &[], stale)
        .await;
    assert_eq!(env.health(&maker).await.stale_markets, 1 << BTC_PERP);
    env.refresh_all().await;
    env.place(&maker, bid(SPOT - 20, 1_000), &[]).await;
    env.assert_conserved().await;
}
