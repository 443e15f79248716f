//! Orders that may only shrink a position.
use plimsoll::{error::PlimsollError, events::OrdersCancelled, orders::terms::OrderTerms};
use plimsoll_client::events;
use plimsoll_tests::{
    env::SOL_PERP,
    trading::{ask, bid},
    Env, Trader,
};

use super::{desk, SPOT};

fn reduce(terms: OrderTerms) -> OrderTerms {
    OrderTerms {
        reduce_only: true,
        ..terms
    }
}

/// The taker is long 10 lots, the maker short.
async fn long_ten() -> (Env, Trader, Trader) {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT, 10), &[]).await;
    env.place(&taker, bid(SPOT, 10), &[&maker]).await;
    (env, maker, taker)
}

#[tokio::test]
async fn a_reduce_only_order_is_cut_to_the_position() {
    let (mut env, maker, taker) = long_ten().await;
    let refused = PlimsollError::NotReducing;
    env.refuse_order(&taker, reduce(bid(SPOT, 1)), &[&maker], refused)
        .await;
    env.refuse_order(&maker, reduce(ask(SPOT, 1)), &[], refused)
        .await;
    let flat = env.trader_with(&[(0, 1_000_000_000)]).await;
    env.refuse_order(&flat, reduce(bid(SPOT, 1)), &[], refused)
        .await;

    env.place(&maker, bid(SPOT, 100), &[]).await;
    let sold = env
        .place(&taker, reduce(ask(SPOT, i64::MAX)), &[&maker])
        .await;
    assert_eq!((sold.filled, sold.resting), (10, 0));
    assert_eq!(env.perp(&taker).await.position.0, 0);
    env.assert_conserved().await;
}

#[tokio::test]
async fn less_than_the_minimum_may_only_close_a_position_whole() {
    let (mut env, maker, taker) = long_ten().await;
    env.edit_market(SOL_PERP, |p| p.min_order_notional = 12 * 1_500_000)
        .await;
    let small = PlimsollError::InvalidOrderSize;
    env.place(&maker, bid(SPOT, 20), &[]).await;
    for terms in [ask(SPOT, 11), reduce(ask(SPOT, 9)), ask(SPOT, 0)] {
        env.refuse_order(&taker, terms, &[&maker], small).await;
    }
    assert_eq!(
        env.place(&taker, reduce(ask(SPOT, 11)), &[&maker])
            .await
            .filled,
        10
    );
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_resting_reduce_only_order_is_cut_when_the_position_shrinks() {
    let (mut env, maker, taker) = long_ten().await;
    env.place(&taker, reduce(ask(SPOT + 10, 10)), &[]).await;
    // The position shrinks to 4 meanwhile.
    env.place(&maker, bid(SPOT, 6), &[]).await;
    let sold = env
        .try_place(&taker, ask(SPOT, 6), &[&maker])
        .await
        .unwrap();
    println!("a trade that trims a reduce-only order: {} CU", sold.cu);
    let told: Vec<OrdersCancelled> = events::of_kind(&sold.logs);
    assert_eq!(told[0].orders[0].lots, 6);
    assert_eq!(env.open_orders(&taker).await[0].lots.0, 4);
    let bought = env.place(&maker, bid(SPOT + 10, 10), &[&taker]).await;
    assert_eq!((bought.filled, bought.resting), (4, 6));
    assert_eq!(env.perp(&taker).await.position.0, 0);
    assert!(env.open_orders(&taker).await.is_empty());
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_resting_reduce_only_order_is_charged_margin_like_another() {
    let (mut env, _, taker) = long_ten().await;
    let before = env.health(&taker).await.init;
    env.place(&taker, reduce(ask(SPOT + 10, 10)), &[]).await;
    assert_eq!(env.health(&taker).await.init, before, "|10 − 10| < 10");
    env.assert_conserved().await;
}
