//! Resting orders of an account in liquidation.
use anchor_lang::prelude::AccountMeta;
use plimsoll::{error::PlimsollError as E, events::OrdersCancelled};
use plimsoll_client::{events, instructions::Liquidation};
use plimsoll_tests::{
    env::{BTC_PERP, SOL, SOL_PERP, USDC},
    trading::{ask, bid},
};

use plimsoll_tests::scenarios::*;

#[tokio::test]
async fn orders_go_before_anything_is_seized() {
    let mut t = long().await;
    t.env.place(&t.account, bid(14_900, 10), &[]).await;
    t.env.place(&t.account, ask(15_100, 10), &[]).await;
    shock(&mut t.env, SOL, 136.0).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let mut what = take(&t.env, SOL_PERP, 100);
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &what,
        E::OrdersRemain,
    )
    .await;
    // Another market's book does not help.
    what.cancel_in = vec![t.env.markets[BTC_PERP].market];
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &what,
        E::OrdersRemain,
    )
    .await;
    let swapping = swap(&t.env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL);
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &swapping,
        E::OrdersRemain,
    )
    .await;

    what.cancel_in.push(t.env.markets[SOL_PERP].market);
    let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &what).await;
    let cancelled: Vec<OrdersCancelled> = events::of_kind(&outcome.logs);
    assert_eq!(cancelled.len(), 1, "in one event");
    assert_eq!(cancelled[0].orders.len(), 2);
    assert!(t.env.open_orders(&t.account).await.is_empty());
    assert_eq!(taken(&outcome).lots, 100);
    t.env.assert_conserved().await;
}

/// Cancelling orders can be all that an account needs.
#[tokio::test]
async fn cancelling_alone_may_end_it() {
    let mut t = long().await;
    // Bids that a falling price turns into losses.
    t.env
        .deposit(&t.account, USDC, plimsoll_tests::usd(500))
        .await
        .unwrap();
    t.env.place(&t.account, bid(14_990, 6_000), &[]).await;
    shock(&mut t.env, SOL, 140.5).await;
    let health = t.env.health(&t.account).await;
    assert!(health.maintenance < 0, "{health:?}");
    let before = t.env.perp(&t.account).await.position;
    let what = Liquidation {
        cancel_in: vec![t.env.markets[SOL_PERP].market],
        ..take(&t.env, SOL_PERP, ALL)
    };
    liquidate(&mut t.env, &t.liquidator, &t.account, &what).await;
    assert!(!is_flagged(&t.env, &t.account).await);
    let perp = t.env.perp(&t.account).await;
    assert_eq!(
        (perp.position, perp.order_mask),
        (before, 0),
        "nothing was seized"
    );
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn fills_that_wait_are_settled_by_the_call() {
    for sold in [10, 4] {
        let mut t = long().await;
        t.env.place(&t.account, bid(14_950, 10), &[]).await;
        // Sold to without the account at hand: the fill waits in the queue.
        t.env.place(&t.seller, ask(14_950, sold), &[]).await;
        assert_eq!(t.env.perp(&t.account).await.position.0, 10_000);
        shock(&mut t.env, SOL, 136.0).await;
        flag(&mut t.env, &t.liquidator, &t.account).await;
        let what = Liquidation {
            cancel_in: vec![t.env.markets[SOL_PERP].market],
            ..take(&t.env, SOL_PERP, 100)
        };
        refuse(
            &mut t.env,
            &t.liquidator,
            &t.account,
            &what,
            E::FillsPending,
        )
        .await;
        // The same call settles them.
        let what = Liquidation {
            settle_in: what.cancel_in.clone(),
            ..what
        };
        liquidate(&mut t.env, &t.liquidator, &t.account, &what).await;
        let perp = t.env.perp(&t.account).await;
        assert_eq!((perp.position.0, perp.order_mask), (10_000 + sold - 100, 0));
        t.env.assert_conserved().await;
    }
}

/// Orders cancelled, a position taken over and a debt swapped, all in one instruction on one market.
#[tokio::test]
async fn one_instruction_does_all_phases() {
    let mut t = long().await;
    t.env.place(&t.account, bid(14_900, 10), &[]).await;
    shock(&mut t.env, SOL, 128.0).await;
    let what = Liquidation {
        cancel_in: vec![t.env.markets[SOL_PERP].market],
        position: take(&t.env, SOL_PERP, ALL).position,
        swap: swap(&t.env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL).swap,
        ..Liquidation::default()
    };
    liquidate(&mut t.env, &t.liquidator, &t.account, &what).await;
    let perp = t.env.perp(&t.account).await;
    assert!(perp.position.is_zero() && perp.order_mask == 0 && perp.quote.0 < 0);
    assert_eq!(t.env.balance(t.account.margin, USDC).await, 0);
    t.env.assert_conserved().await;
}

/// A phase that is no longer needed is left out, whatever it was given.
#[tokio::test]
async fn it_stops_as_soon_as_the_account_is_back() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    let what = Liquidation {
        // Nothing there: it would be refused if it were tried.
        swap: swap(&t.env, Leg::Asset(SOL), Leg::Asset(USDC), ALL).swap,
        ..take(&t.env, SOL_PERP, ALL)
    };
    liquidate(&mut t.env, &t.liquidator, &t.account, &what).await;
    assert!(!is_flagged(&t.env, &t.account).await);
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn only_books_may_follow() {
    let mut t = long().await;
    t.env.place(&t.account, bid(14_900, 10), &[]).await;
    shock(&mut t.env, SOL, 136.0).await;
    let market = t.env.markets[SOL_PERP].market;
    let good = liquidate_ix(&t.env, &t.liquidator, &t.account, &Liquidation::default());
    for wrong in [
        market.address,
        market.fill_queue,
        t.account.margin,
        t.env.exchange.risk_state,
    ] {
        let mut bent = good.clone();
        bent.accounts.push(AccountMeta::new(wrong, false));
        t.env
            .refuse(&[bent], &[&t.liquidator.key], E::WrongRemainingAccount)
            .await;
    }
    // The same book twice finds nothing more.
    let mut twice = good.clone();
    twice.accounts.extend([
        AccountMeta::new(market.book, false),
        AccountMeta::new(market.book, false),
    ]);
    t.env.run(&[twice], &[&t.liquidator.key]).await;
    assert!(t.env.open_orders(&t.account).await.is_empty());
    t.env.assert_conserved().await;
}
