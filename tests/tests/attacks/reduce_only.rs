//! Reduce-only orders whose owner's position changes by other means than the order: filled at hand or not, none opens anything.
use plimsoll::{error::PlimsollError as E, orders::terms::OrderTerms};
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    scenarios::*,
    trading::{ask, bid},
    usd, Env, Trader,
};

const SPOT: u64 = 15_000;

fn reduce(terms: OrderTerms) -> OrderTerms {
    OrderTerms {
        reduce_only: true,
        ..terms
    }
}

/// The owner is long so many lots, the other short.
async fn long_of(lots: i64) -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let owner = env.trader_with(&[(USDC, usd(10_000))]).await;
    let other = env.trader_with(&[(USDC, usd(10_000))]).await;
    env.place(&other, ask(SPOT, lots), &[]).await;
    env.place(&owner, bid(SPOT, lots), &[&other]).await;
    (env, owner, other)
}

async fn position(env: &Env, trader: &Trader) -> i64 {
    env.perp(trader).await.position.0
}

#[tokio::test]
async fn an_order_left_over_from_a_position_that_was_closed_opens_none() {
    for at_hand in [false, true] {
        let (mut env, owner, other) = long_of(10).await;
        env.place(&owner, reduce(ask(SPOT + 50, 10)), &[]).await;
        env.place(&other, bid(SPOT, 10), &[]).await;
        env.place(&owner, ask(SPOT, 10), &[&other]).await;
        assert_eq!(position(&env, &owner).await, 0);
        let hands: &[&Trader] = if at_hand { &[&owner] } else { &[] };
        let taken = env.place(&other, bid(SPOT + 50, 10), hands).await;
        env.settle_fills(&[&owner]).await;
        assert_eq!((taken.filled, position(&env, &owner).await), (0, 0));
        assert!(env.open_orders(&owner).await.is_empty());
        env.assert_conserved().await;
    }
}

#[tokio::test]
async fn orders_that_are_larger_than_the_position_together_never_turn_it() {
    for at_hand in [false, true] {
        let (mut env, owner, other) = long_of(10).await;
        env.place(&owner, reduce(ask(SPOT + 50, 8)), &[]).await;
        env.place(&owner, reduce(ask(SPOT + 40, 8)), &[]).await;
        // What may open counts first.
        env.place(&owner, ask(SPOT + 45, 1), &[]).await;
        let hands: &[&Trader] = if at_hand { &[&owner] } else { &[] };
        let taken = env.place(&other, bid(SPOT + 50, 20), hands).await;
        env.settle_fills(&[&owner]).await;
        assert_eq!((taken.filled, position(&env, &owner).await), (10, 0));
        env.assert_conserved().await;
    }
}

/// Fills that wait for the owner shrink the position before it knows.
#[tokio::test]
async fn fills_in_between_that_nobody_settled_leave_no_more_than_the_position() {
    let (mut env, owner, other) = long_of(10).await;
    env.place(&owner, ask(SPOT + 10, 6), &[]).await;
    env.place(&owner, reduce(ask(SPOT + 20, 10)), &[]).await;
    env.place(&other, bid(SPOT + 10, 6), &[]).await;
    assert_eq!(position(&env, &owner).await, 10);
    let taken = env.place(&other, bid(SPOT + 20, 10), &[]).await;
    assert_eq!(taken.filled, 4);
    env.settle_fills(&[&owner]).await;
    assert_eq!(position(&env, &owner).await, 0);
    env.assert_conserved().await;
}

#[tokio::test]
async fn an_order_on_the_other_side_of_a_position_that_turned_is_gone() {
    let (mut env, owner, other) = long_of(10).await;
    env.place(&owner, reduce(ask(SPOT + 50, 10)), &[]).await;
    env.place(&other, bid(SPOT, 25), &[]).await;
    env.place(&owner, ask(SPOT, 25), &[&other]).await;
    assert_eq!(position(&env, &owner).await, -15);
    let taken = env.place(&other, bid(SPOT + 50, 10), &[]).await;
    assert_eq!(taken.filled, 0);
    env.assert_conserved().await;
}

/// A liquidator takes over a position that shrinks its own: its reduce-only orders in that book have to be out of the way.
#[tokio::test]
async fn a_takeover_leaves_no_reduce_only_order_larger_than_the_position() {
    let mut t = long().await;
    // The liquidator is short, with an order that would close that.
    t.env.place(&t.seller, bid(SPOT, 500), &[]).await;
    t.env
        .place(&t.liquidator, ask(SPOT, 500), &[&t.seller])
        .await;
    let closing = reduce(bid(SPOT * 8 / 10, 500));
    t.env.place(&t.liquidator, closing, &[]).await;
    shock(&mut t.env, SOL, 136.0).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let what = take(&t.env, SOL_PERP, 400);
    let excess = E::ReduceOnlyExceeded;
    refuse(&mut t.env, &t.liquidator, &t.account, &what, excess).await;
    t.env.cancel_all(&t.liquidator).await;
    liquidate(&mut t.env, &t.liquidator, &t.account, &what).await;
    t.env.assert_conserved().await;
}
