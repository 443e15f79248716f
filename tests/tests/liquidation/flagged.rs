//! What an account in liquidation may do, and how it gets out.
use plimsoll::{
    error::PlimsollError as E,
    events::PositionLiquidated,
    orders::terms::{OrderRef, OrderTerms, OrderType},
};
use plimsoll_client::{
    events,
    instructions::{self as ix, Liquidation},
};
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    trading::{ask, bid},
    usd,
};

use plimsoll_tests::scenarios::*;

/// The account of [`long`] with a resting order, below its line at two observations.
async fn flagged() -> (Long, u64) {
    let mut t = long().await;
    let order = t.env.place(&t.account, bid(14_000, 10), &[]).await.id;
    shock(&mut t.env, SOL, 136.0).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let nothing = Liquidation::default();
    liquidate(&mut t.env, &t.liquidator, &t.account, &nothing).await;
    assert!(is_flagged(&t.env, &t.account).await);
    (t, order)
}

#[tokio::test]
async fn nothing_leaves_an_account_in_liquidation() {
    let (mut t, _) = flagged().await;
    let key = t.account.key.insecure_clone();
    let second = t.env.open_margin_account(&key, 1).await;
    let env = &mut t.env;
    for borrow in [false, true] {
        let withdraw = env.withdraw_ix(&t.account, USDC, 1, borrow);
        env.refuse(&[withdraw], &[&key], E::AccountGated).await;
    }
    let usdc = env.assets[USDC].asset;
    let pay = ix::transfer(
        &env.exchange,
        t.account.pubkey(),
        t.account.margin,
        second,
        &usdc,
        1,
        false,
    );
    env.refuse(&[pay], &[&key], E::AccountGated).await;
    let close = ix::close_margin_account(
        &env.exchange,
        key_of(&t.account),
        t.account.margin,
        key_of(&t.account),
    );
    env.refuse(&[close], &[&key], E::AccountGated).await;
    env.assert_conserved().await;
}

fn key_of(trader: &plimsoll_tests::Trader) -> anchor_lang::prelude::Pubkey {
    trader.pubkey()
}

#[tokio::test]
async fn it_takes_no_new_risk_and_may_cancel() {
    let (mut t, order) = flagged().await;
    let env = &mut t.env;
    for terms in [bid(13_500, 10), ask(13_700, 10), closing(13_600, 100)] {
        env.refuse_order(&t.account, terms, &[], E::InsufficientHealth)
            .await;
    }
    env.cancel(&t.account, OrderRef::Id(order)).await;
    assert!(env.open_orders(&t.account).await.is_empty());
    assert!(
        is_flagged(env, &t.account).await,
        "cancelling alone ends nothing"
    );
    env.assert_conserved().await;
}

fn closing(price: u64, lots: i64) -> OrderTerms {
    OrderTerms {
        reduce_only: true,
        ..ask(price, lots)
    }
}

/// It may sell, at once, where that leaves it better; the rest of an order may not wait, and the flag stays until the end line.
#[tokio::test]
async fn it_may_reduce_at_once_where_that_improves_it() {
    let (mut t, order) = flagged().await;
    let env = &mut t.env;
    env.cancel(&t.account, OrderRef::Id(order)).await;
    env.place(&t.seller, bid(13_590, 1_000), &[]).await;
    let before = env.health(&t.account).await;
    // A part of it would rest.
    let resting = closing(13_590, 2_000);
    env.refuse_order(&t.account, resting, &[&t.seller], E::InsufficientHealth)
        .await;
    // Not reduce-only, though it would reduce.
    let open = ask(13_590, 500);
    env.refuse_order(&t.account, open, &[&t.seller], E::InsufficientHealth)
        .await;
    for kind in [OrderType::ImmediateOrCancel, OrderType::Limit] {
        let terms = OrderTerms {
            kind,
            ..closing(13_590, 250)
        };
        let placed = env.place(&t.account, terms, &[&t.seller]).await;
        assert_eq!((placed.filled, placed.resting), (250, 0));
        assert!(is_flagged(env, &t.account).await);
    }
    let after = env.health(&t.account).await;
    assert!(after.maintenance > before.maintenance);
    let end = |health: &plimsoll::HealthReport| health.liquidation_end;
    assert!(end(&after) > end(&before));
    // Down to the end line, and the next call clears it.
    env.place(&t.seller, bid(13_590, 9_000), &[]).await;
    let rest = OrderTerms {
        kind: OrderType::ImmediateOrCancel,
        ..closing(13_590, 8_000)
    };
    env.place(&t.account, rest, &[&t.seller]).await;
    env.assert_conserved().await;
}

/// A flagged account cannot sell to somebody at a price that takes more than the sale frees.
#[tokio::test]
async fn it_gives_nothing_away() {
    let (mut t, order) = flagged().await;
    let env = &mut t.env;
    env.cancel(&t.account, OrderRef::Id(order)).await;
    // Ten per cent below the oracle is the band's edge.
    for price in [12_300, 12_800, 12_950] {
        let order = env.place(&t.seller, bid(price, 5_000), &[]).await.id;
        for lots in [1, 100, 5_000] {
            let terms = OrderTerms {
                kind: OrderType::ImmediateOrCancel,
                ..closing(price, lots)
            };
            env.refuse_order(&t.account, terms, &[&t.seller], E::MustImprove)
                .await;
        }
        env.cancel(&t.seller, OrderRef::Id(order)).await;
    }
    // Without equity not even a little of what is others'.
    shock(env, SOL, 129.0).await;
    assert!(equity(env, &t.account).await < 0);
    env.place(&t.seller, bid(12_850, 100), &[]).await;
    let terms = OrderTerms {
        kind: OrderType::ImmediateOrCancel,
        ..closing(12_850, 100)
    };
    env.refuse_order(&t.account, terms, &[&t.seller], E::MustImprove)
        .await;
    env.place(&t.seller, bid(12_900, 100), &[]).await;
    let terms = OrderTerms {
        kind: OrderType::ImmediateOrCancel,
        ..closing(12_900, 100)
    };
    env.place(&t.account, terms, &[&t.seller]).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_deposit_heals_and_a_later_action_clears() {
    let (mut t, _) = flagged().await;
    t.env.deposit(&t.account, USDC, usd(5_000)).await.unwrap();
    assert!(t.env.health(&t.account).await.init > 0);
    let withdraw = t.env.withdraw_ix(&t.account, USDC, usd(1), false);
    // It may be cleared by the deposit itself or by the next call; nothing is taken either way.
    let before = t.env.perp(&t.account).await;
    if is_flagged(&t.env, &t.account).await {
        t.env
            .refuse(&[withdraw], &[&t.account.key], E::AccountGated)
            .await;
        let takeover = take(&t.env, SOL_PERP, ALL);
        liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    }
    assert_eq!(t.env.perp(&t.account).await, before);
    assert!(!is_flagged(&t.env, &t.account).await);
    t.env.withdraw(&t.account, USDC, usd(1)).await.unwrap();
    t.env.assert_conserved().await;
}

/// An order that meets Init clears, too, and one may then trade as before.
#[tokio::test]
async fn an_order_of_a_healed_account_clears() {
    let (mut t, _) = flagged().await;
    t.env.deposit(&t.account, USDC, usd(5_000)).await.unwrap();
    t.env.place(&t.account, bid(13_500, 10), &[]).await;
    assert!(!is_flagged(&t.env, &t.account).await);
    t.env.assert_conserved().await;
}

/// A deposit that is too small leaves the account flagged and liquidatable above maintenance.
#[tokio::test]
async fn a_deposit_short_of_the_end_line_does_not_clear() {
    let (mut t, order) = flagged().await;
    t.env.cancel(&t.account, OrderRef::Id(order)).await;
    t.env.deposit(&t.account, USDC, usd(300)).await.unwrap();
    let health = t.env.health(&t.account).await;
    assert!(health.maintenance > 0 && health.liquidation_end < 0);
    let takeover = take(&t.env, SOL_PERP, ALL);
    let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    assert!(taken(&outcome).lots > 0);
    assert!(!is_flagged(&t.env, &t.account).await);
    t.env.assert_conserved().await;
}

/// Whoever liquidates has to refresh: a dip that is over counts no more, and neither does a recovery that nobody saw.
#[tokio::test]
async fn what_nobody_refreshed_lately_counts_for_the_account() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    t.env.advance(11).await;
    let nothing = Liquidation::default();
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &nothing,
        E::NotLiquidatable,
    )
    .await;
    t.env.refresh_all().await;
    t.env.advance(10).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let slice = take(&t.env, SOL_PERP, 10);
    liquidate(&mut t.env, &t.liquidator, &t.account, &slice).await;

    // The flag, and with it the ramp of the fee, outlives a call that did not refresh.
    t.env.advance(11).await;
    let since = t.env.margin(t.account.margin).await.flagged_at;
    let takeover = take(&t.env, SOL_PERP, ALL);
    let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    let taken: Vec<PositionLiquidated> = events::of_kind(&outcome.logs);
    assert!(taken.is_empty());
    assert_eq!(t.env.margin(t.account.margin).await.flagged_at, since);
    t.env.refresh_all().await;
    liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    assert!(!is_flagged(&t.env, &t.account).await);
    t.env.assert_conserved().await;
}
