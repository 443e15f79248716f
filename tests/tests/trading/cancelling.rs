//! Orders that their owner takes back.
use plimsoll::{
    error::PlimsollError,
    matching::Side,
    orders::terms::{OrderRef, OrderSide, OrderTerms},
    state::mode,
};
use plimsoll_client::{instructions as ix, MarketRef};
use plimsoll_risk::OpenOrder;
use plimsoll_tests::{
    env::{BTC_PERP, SOL_PERP, USDC},
    trading::{ask, bid},
    usd, Env, Trader,
};

use super::{desk, SPOT};

/// Price of a lot of the second market, 0.0001 BTC at 60,000 USD.
const BTC_SPOT: u64 = 60_000;

async fn lots(env: &Env, trader: &Trader) -> Vec<i64> {
    let orders = env.open_orders(trader).await;
    orders.iter().map(|o: &OpenOrder| o.lots.0).collect()
}

#[tokio::test]
async fn an_order_is_cancelled_by_id_or_by_its_owners_name() {
    let (mut env, maker, taker) = desk().await;
    let named = |client_id, terms| OrderTerms { client_id, ..terms };
    let first = env.place(&maker, named(7, bid(SPOT - 1, 1)), &[]).await;
    env.place(&maker, named(7, ask(SPOT + 1, 2)), &[]).await;
    env.place(&maker, named(8, bid(SPOT - 2, 3)), &[]).await;
    let init = env.health(&maker).await.init;

    let none = PlimsollError::NoSuchOrder;
    for (who, order) in [
        (&maker, OrderRef::Id(first.id + 10)),
        (&maker, OrderRef::Id(0)),
        (&maker, OrderRef::ClientId(9)),
        (&maker, OrderRef::ClientId(0)),
        // An order of somebody else.
        (&taker, OrderRef::Id(first.id)),
        (&taker, OrderRef::ClientId(7)),
    ] {
        let cancel = env.cancel_ix(who, order);
        env.refuse(&[cancel], &[&who.key], none).await;
    }
    let by_name = env.cancel(&maker, OrderRef::ClientId(7)).await;
    println!("cancel: {} CU", by_name.cu);
    assert_eq!(lots(&env, &maker).await, [2, 3], "the lowest slot first");
    assert!(env.health(&maker).await.init >= init);
    env.cancel(&maker, OrderRef::ClientId(7)).await;
    let cancel = env.cancel_ix(&maker, OrderRef::Id(first.id));
    env.refuse(&[cancel], &[&maker.key], none).await;
    env.cancel(&maker, OrderRef::Id(first.id + 2)).await;
    assert!(lots(&env, &maker).await.is_empty());
    assert!(
        env.perp(&maker).await.is_free(),
        "nothing is left in the slot"
    );
    let book = env.book(SOL_PERP).await;
    assert!(book.orders.side(Side::Bid).is_empty() && book.orders.side(Side::Ask).is_empty());
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_partly_filled_order_gives_back_what_is_left() {
    let (mut env, maker, taker) = desk().await;
    let posted = env.place(&maker, ask(SPOT, 10), &[]).await;
    env.place(&taker, bid(SPOT, 4), &[]).await;
    // The fill waits: the rest of the order can go, and the slot stays until the fill is settled.
    env.cancel(&maker, OrderRef::Id(posted.id)).await;
    assert_eq!(lots(&env, &maker).await, [4]);
    let again = env.cancel_ix(&maker, OrderRef::Id(posted.id));
    let pending = PlimsollError::FillsPending;
    env.refuse(&[again], &[&maker.key], pending).await;
    // Cancelling all passes it over.
    let market = env.markets[SOL_PERP].market;
    let all = ix::cancel_orders(maker.pubkey(), maker.margin, &[market], None, 64);
    env.run(&[all], &[&maker.key]).await;
    assert_eq!(lots(&env, &maker).await, [4]);
    env.settle_fills(&[&maker]).await;
    assert_eq!(env.perp(&maker).await.position.0, -4);
    assert!(lots(&env, &maker).await.is_empty());
    env.assert_conserved().await;
}

#[tokio::test]
async fn orders_are_cancelled_by_market_and_side() {
    let (mut env, maker, taker) = desk().await;
    let rich = env.trader_with(&[(USDC, usd(100_000))]).await;
    for lots in [1, 2] {
        env.place(&maker, bid(SPOT - 10, lots), &[]).await;
        env.place(&maker, ask(SPOT + 10, lots + 10), &[]).await;
        let other = bid(BTC_SPOT - 10, lots + 20);
        env.place_in(BTC_PERP, &maker, other, &[]).await;
    }
    env.place(&rich, bid(SPOT - 10, 5), &[]).await;
    let [sol, btc] = [SOL_PERP, BTC_PERP].map(|m| env.markets[m].market);
    let cancel = |markets: &[MarketRef], side, limit| {
        [ix::cancel_orders(
            maker.pubkey(),
            maker.margin,
            markets,
            side,
            limit,
        )]
    };
    let keys = [&maker.key];
    env.run(&cancel(&[sol], Some(OrderSide::Ask), 64), &keys)
        .await;
    assert_eq!(lots(&env, &maker).await, [1, 21, 2, 22]);
    env.run(&cancel(&[sol, btc], None, 1), &keys).await;
    assert_eq!(lots(&env, &maker).await, [21, 2, 22]);
    env.run(&cancel(&[], None, 64), &keys).await;
    env.run(&cancel(&[btc], Some(OrderSide::Ask), 64), &keys)
        .await;
    assert_eq!(lots(&env, &maker).await, [21, 2, 22], "nothing to cancel");

    // Cancelling works in every mode, and while every price is stale.
    env.set_exchange_mode(mode::PAUSED).await;
    env.set_market_mode(BTC_PERP, mode::PAUSED).await;
    env.advance(10_000).await;
    let all = env.run(&cancel(&[btc, sol], None, 64), &keys).await;
    println!("cancel 3 in 2 markets: {} CU", all.cu);
    assert!(lots(&env, &maker).await.is_empty());
    assert_eq!(lots(&env, &rich).await, [5], "not of somebody else");

    let mut stranger = cancel(&[sol], None, 64);
    stranger[0].accounts[0].pubkey = taker.pubkey();
    let refused = PlimsollError::NotOwnerOrDelegate;
    env.refuse(&stranger, &[&taker.key], refused).await;
    // A market is no book.
    let mut wrong = cancel(&[sol], None, 64);
    wrong[0].accounts[2].pubkey = sol.address;
    env.refuse_with(&wrong, &keys, 3_002).await;
    env.assert_conserved().await;
}
