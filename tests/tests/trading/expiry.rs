//! Orders that end by themselves, and their removal from the book.
use plimsoll::{
    error::PlimsollError,
    matching::Side,
    orders::terms::{OrderRef, OrderTerms},
};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    env::SOL_PERP,
    trading::{ask, bid},
    Env,
};

use super::{desk, SPOT};

/// The order, expiring so many seconds from now.
async fn for_secs(env: &Env, secs: i64, terms: OrderTerms) -> OrderTerms {
    let expiry = u32::try_from(env.now().await + secs).expect("this century");
    OrderTerms { expiry, ..terms }
}

#[tokio::test]
async fn an_expiry_must_be_ahead() {
    let (mut env, maker, _) = desk().await;
    let past = PlimsollError::AlreadyExpired;
    for secs in [-1_000, -1, 0] {
        let terms = for_secs(&env, secs, bid(SPOT, 1)).await;
        env.refuse_order(&maker, terms, &[], past).await;
    }
    let terms = for_secs(&env, 1, bid(SPOT, 1)).await;
    assert_eq!(env.place(&maker, terms, &[]).await.resting, 1);
    env.assert_conserved().await;
}

#[tokio::test]
async fn expired_orders_fall_out_on_the_way_of_a_taker() {
    let (mut env, maker, taker) = desk().await;
    let short = for_secs(&env, 10, ask(SPOT, 5)).await;
    env.place(&maker, short, &[]).await;
    env.place(&maker, ask(SPOT + 10, 5), &[]).await;
    env.advance(9).await;
    let taken = env.place(&taker, bid(SPOT + 10, 2), &[&maker]).await;
    assert_eq!(taken.quote, 2 * 100 * 15_000, "alive to the last second");
    env.advance(1).await;
    let taken = env.place(&taker, bid(SPOT + 10, 2), &[&maker]).await;
    assert_eq!(taken.quote, 2 * 100 * 15_010);
    // Whoever comes upon it drops it, and need not tell its owner.
    assert_eq!(env.open_orders(&maker).await.len(), 2);
    assert_eq!(env.fill_queue(SOL_PERP).await.queue.len(), 0);
    env.assert_conserved().await;
    // The slot is free with the owner's next order, or by anybody's settlement.
    let short = for_secs(&env, 10, ask(SPOT, 5)).await;
    env.place(&maker, short, &[]).await;
    let orders = env.open_orders(&maker).await;
    assert_eq!(orders.len(), 2);
    assert_eq!(env.perp(&maker).await.ask_lots.0, 3 + 5);
    env.advance(10).await;
    let taken = env.place(&taker, bid(SPOT + 10, 2), &[]).await;
    assert_eq!(taken.quote, 2 * 100 * 15_010);
    let queue = env.fill_queue(SOL_PERP).await;
    let entries = queue.queue.entries();
    assert!(entries.len() == 1 && entries[0].is_fill());
    let cancel = OrderRef::Id(orders[0].id);
    let cancel = env.cancel_ix(&maker, cancel);
    let waits = PlimsollError::FillsPending;
    env.refuse(&[cancel], &[&maker.key], waits).await;
    env.settle_fills(&[&maker]).await;
    assert_eq!(env.open_orders(&maker).await.len(), 1);
    assert_eq!(env.perp(&maker).await.ask_lots.0, 1);
    env.assert_conserved().await;
}

/// The slot of an order that has expired holds what waits of it in the queue, until that is settled.
#[tokio::test]
async fn an_expired_order_with_a_fill_waiting_keeps_its_slot_until_that_is_settled() {
    let (mut env, maker, taker) = desk().await;
    let short = for_secs(&env, 10, ask(SPOT, 5)).await;
    env.place(&maker, short, &[]).await;
    env.place(&taker, bid(SPOT, 2), &[]).await;
    env.advance(10).await;
    let market = env.markets[SOL_PERP].market;
    let prune = ix::prune_orders(&env.exchange, &market, &[maker.margin], 8);
    env.run(&[prune], &[]).await;
    assert_eq!(prices(&env, Side::Ask).await, [] as [u64; 0]);
    assert_eq!(env.perp(&maker).await.ask_lots.0, 5, "all of it");
    env.settle_fills(&[&maker]).await;
    let perp = env.perp(&maker).await;
    assert_eq!((perp.position.0, perp.order_mask), (-2, 0));
    env.assert_conserved().await;
}

/// All 64 slots are taken by orders that have expired: the next order of the account takes them back.
#[tokio::test]
async fn expired_orders_never_use_up_an_accounts_slots() {
    let (mut env, maker, _) = desk().await;
    let short = for_secs(&env, 10, bid(SPOT - 10, 1)).await;
    for _ in 0..8 {
        let orders = vec![env.order_ix(&maker, short, &[]); 8];
        env.run(&orders, &[&maker.key]).await;
    }
    let full = PlimsollError::NoFreeOrderSlot;
    env.refuse_order(&maker, bid(SPOT - 20, 1), &[], full).await;
    env.advance(10).await;
    let placed = env.place(&maker, bid(SPOT - 20, 1), &[]).await;
    println!("an order that takes 64 slots back: {} CU", placed.cu);
    assert_eq!(env.open_orders(&maker).await.len(), 1);
    assert_eq!(prices(&env, Side::Bid).await, [SPOT - 20]);
    env.assert_conserved().await;
}

#[tokio::test]
async fn expired_orders_can_be_pruned_by_anyone() {
    let (mut env, maker, other) = desk().await;
    for terms in [bid(SPOT - 10, 1), bid(SPOT - 20, 1), ask(SPOT + 10, 1)] {
        let terms = for_secs(&env, 10, terms).await;
        env.place(&maker, terms, &[]).await;
    }
    env.place(&maker, bid(SPOT - 30, 1), &[]).await;
    let other_terms = for_secs(&env, 10, ask(SPOT + 20, 1)).await;
    env.place(&other, other_terms, &[]).await;
    let market = env.markets[SOL_PERP].market;
    let exchange = env.exchange;
    let prune = |owners: &[_], limit| [ix::prune_orders(&exchange, &market, owners, limit)];
    env.run(&prune(&[maker.margin], 8), &[]).await;
    assert_eq!(env.open_orders(&maker).await.len(), 4, "none has expired");

    env.advance(10).await;
    let at_hand = env.run(&prune(&[maker.margin], 1), &[]).await;
    println!("prune one, owner at hand: {} CU", at_hand.cu);
    let left: Vec<u64> = prices(&env, Side::Bid).await;
    assert_eq!(
        left,
        [SPOT - 30],
        "an owner at hand is rid of all of its own"
    );
    assert_eq!(
        env.open_orders(&maker).await.len(),
        1,
        "all its slots are free"
    );
    env.run(&prune(&[], 8), &[]).await;
    assert_eq!(prices(&env, Side::Bid).await, [SPOT - 30]);
    assert_eq!(prices(&env, Side::Ask).await, [] as [u64; 0]);
    // The other owner was not at hand: its slot is free once anybody passes it.
    assert_eq!(env.open_orders(&other).await.len(), 1);
    assert_eq!(env.fill_queue(SOL_PERP).await.queue.len(), 0);
    env.run(&prune(&[other.margin], 0), &[]).await;
    assert_eq!(env.open_orders(&other).await.len(), 0);
    assert!(env.perp(&other).await.is_free());
    env.run(&prune(&[maker.margin], 8), &[]).await;

    // The queue of another market is not this book's.
    let mut wrong = prune(&[], 8);
    wrong[0].accounts[2].pubkey = env.markets[1].market.fill_queue;
    let expected = PlimsollError::WrongMarketAccount;
    env.refuse(&wrong, &[], expected).await;
    env.assert_conserved().await;
}

async fn prices(env: &Env, side: Side) -> Vec<u64> {
    let book = env.book(SOL_PERP).await;
    book.orders.side(side).iter().map(|o| o.price).collect()
}
