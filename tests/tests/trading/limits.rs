//! What an order may be, and how many an account, a book and a market hold.
use anchor_lang::prelude::Pubkey;
use plimsoll::{
    error::PlimsollError,
    matching::{BookOrder, OutReason, Side, BOOK_SIDE_CAPACITY},
    orders::terms::{OrderTerms, OrderType},
    state::{margin_account::MAX_ORDERS, Book, MarginAccount},
};
use plimsoll_risk::{BaseLots, PerpPosition};
use plimsoll_tests::{
    env::SOL_PERP,
    trading::{ask, bid, placed},
    Env,
};
use std::mem::offset_of;

use super::{desk, SPOT};

const DISCRIMINATOR: usize = 8;

#[tokio::test]
async fn prices_stay_within_the_band_around_the_oracle() {
    let (mut env, maker, _) = desk().await;
    let out = PlimsollError::PriceOutOfBand;
    let ioc = |terms| OrderTerms {
        kind: OrderType::ImmediateOrCancel,
        ..terms
    };
    // A tenth on the losing side, for every kind.
    for terms in [bid(SPOT * 11 / 10 + 1, 1), ask(SPOT * 9 / 10 - 1, 1)] {
        env.refuse_order(&maker, terms, &[], out).await;
        env.refuse_order(&maker, ioc(terms), &[], out).await;
    }
    // An eighth or eight times on the other, for what rests.
    for terms in [bid(SPOT / 8 - 1, 1), ask(SPOT * 8 + 1, 1)] {
        env.refuse_order(&maker, terms, &[], out).await;
        env.place(&maker, ioc(terms), &[]).await;
    }
    for terms in [
        bid(0, 1),
        ask(0, 1),
        bid(u64::MAX, 1),
        ask(u64::MAX, 1),
        ioc(ask(u64::MAX, 1)),
        ioc(bid(u64::MAX / 100, 1)),
        bid(u64::MAX / 100 + 1, i64::MAX),
    ] {
        env.refuse_order(&maker, terms, &[], out).await;
    }
    for terms in [
        bid(SPOT * 11 / 10, 1),
        bid(SPOT / 8, 1),
        ask(SPOT * 8, 1),
        ask(SPOT * 11 / 10 + 1, 1),
    ] {
        assert_eq!(env.place(&maker, terms, &[]).await.resting, 1);
    }
    assert_eq!(env.place(&maker, ask(SPOT * 9 / 10, 1), &[]).await.fee, 0);
    env.assert_conserved().await;
}

#[tokio::test]
async fn sizes_are_at_least_the_minimum_and_never_overflow() {
    let (mut env, maker, taker) = desk().await;
    env.edit_market(SOL_PERP, |p| p.min_order_notional = 4_500_000 * 5 / 3)
        .await;
    let size = PlimsollError::InvalidOrderSize;
    for lots in [4, 1, 0, -1, -5, i64::MIN] {
        env.refuse_order(&maker, bid(SPOT, lots), &[], size).await;
    }
    for lots in [i64::MAX, i64::MAX / (SPOT as i64)] {
        env.refuse_order(&maker, bid(SPOT, lots), &[], size).await;
    }
    // What fits the arithmetic still needs margin.
    let poor = PlimsollError::InsufficientHealth;
    let most = i64::MAX / (SPOT as i64) / 100;
    for terms in [bid(SPOT, most / 2), ask(SPOT, most / 2), bid(SPOT, 1 << 30)] {
        let refused = env.try_place(&maker, terms, &[]).await.expect_err("huge");
        let codes = [poor, PlimsollError::Overflow].map(plimsoll_client::errors::code);
        assert!(codes.contains(&refused.code().unwrap()), "{refused:?}");
    }
    // What does not rest may ask for everything and take what is there.
    env.place(&maker, ask(SPOT, 7), &[]).await;
    let all = OrderTerms {
        kind: OrderType::Market,
        ..bid(u64::MAX, i64::MAX)
    };
    assert_eq!(env.place(&taker, all, &[&maker]).await.filled, 7);
    env.assert_conserved().await;
}

#[tokio::test]
async fn an_account_rests_as_many_orders_as_it_has_slots() {
    let (mut env, maker, taker) = desk().await;
    let orders: Vec<_> = (0..MAX_ORDERS as u64)
        .map(|i| env.order_ix(&maker, bid(SPOT - i, 1), &[]))
        .collect();
    for some in orders.chunks(8) {
        env.run(some, &[&maker.key]).await;
    }
    assert_eq!(env.perp(&maker).await.order_mask, u64::MAX);
    let full = PlimsollError::NoFreeOrderSlot;
    env.refuse_order(&maker, bid(SPOT - 100, 1), &[], full)
        .await;
    // What cannot rest needs no slot, and a fill frees one.
    let ioc = OrderTerms {
        kind: OrderType::ImmediateOrCancel,
        ..bid(SPOT, 1)
    };
    env.place(&maker, ioc, &[]).await;
    let sold = env.place(&taker, ask(SPOT - 31, 32), &[&maker]).await;
    println!("32 fills in place of one maker: {} CU", sold.cu);
    assert_eq!(sold.filled, 32);
    env.place(&maker, bid(SPOT - 100, 1), &[]).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn an_account_trades_in_as_many_markets_as_it_has_slots() {
    let (mut env, maker, _) = desk().await;
    let account = env.find_account(maker.margin).await.unwrap();
    let mut full = account.data.clone();
    let size = size_of::<PerpPosition>();
    for slot in 0..16 {
        let at = DISCRIMINATOR + offset_of!(MarginAccount, perps) + slot * size;
        let other = PerpPosition {
            position: BaseLots(1),
            ..PerpPosition::of(20 + slot as u16)
        };
        full[at..at + size].copy_from_slice(bytemuck::bytes_of(&other));
    }
    env.write_account(maker.margin, plimsoll::ID, full);
    let refused = PlimsollError::NoFreePerpSlot;
    env.refuse_order(&maker, bid(SPOT, 1), &[], refused).await;
    env.write_account(maker.margin, plimsoll::ID, account.data);
    env.place(&maker, bid(SPOT, 1), &[]).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn open_interest_is_capped_on_either_side() {
    let (mut env, maker, taker) = desk().await;
    env.edit_market(SOL_PERP, |p| p.open_interest_cap_lots = 50)
        .await;
    env.place(&maker, ask(SPOT, 100), &[]).await;
    let cap = PlimsollError::OpenInterestCap;
    env.refuse_order(&taker, bid(SPOT, 51), &[&maker], cap)
        .await;
    env.refuse_order(&taker, bid(SPOT, 51), &[], cap).await;
    assert_eq!(env.place(&taker, bid(SPOT, 50), &[&maker]).await.filled, 50);
    env.refuse_order(&taker, bid(SPOT, 1), &[&maker], cap).await;
    // Beyond the cap positions may still shrink and change hands.
    env.edit_market(SOL_PERP, |p| p.open_interest_cap_lots = 10)
        .await;
    let third = env.trader_with(&[(0, 1_000_000_000)]).await;
    env.place(&third, bid(SPOT - 1, 20), &[]).await;
    assert_eq!(
        env.place(&taker, ask(SPOT - 1, 20), &[&third]).await.filled,
        20
    );
    let market = env.market(SOL_PERP).await;
    assert_eq!((market.long_interest, market.short_interest), (50, 50));
    env.place(&taker, bid(SPOT - 2, 30), &[]).await;
    env.refuse_order(&third, ask(SPOT - 2, 25), &[&taker], cap)
        .await;
    env.assert_conserved().await;
}

/// A maker's side of a trade counts when it is matched, whether the maker is at hand or not: what waits and what is settled
/// together never exceed the cap, however many orders are met.
#[tokio::test]
async fn fills_that_wait_count_against_the_open_interest_cap() {
    let (mut env, maker, taker) = desk().await;
    env.edit_market(SOL_PERP, |p| p.open_interest_cap_lots = 50)
        .await;
    let other_maker = env.trader_with(&[(0, 1_000_000_000)]).await;
    let other = env.trader_with(&[(0, 1_000_000_000)]).await;
    for lots in [10; 10] {
        env.place(&maker, ask(SPOT + 10, lots), &[]).await;
        env.place(&other_maker, bid(SPOT - 10, lots), &[]).await;
    }
    let cap = PlimsollError::OpenInterestCap;
    env.place(&taker, bid(SPOT + 10, 30), &[]).await;
    env.refuse_order(&other, ask(SPOT - 10, 21), &[], cap).await;
    env.refuse_order(&other, ask(SPOT - 10, 21), &[&other_maker], cap)
        .await;
    env.place(&other, ask(SPOT - 10, 20), &[]).await;
    let third = env.trader_with(&[(0, 1_000_000_000)]).await;
    for terms in [bid(SPOT + 10, 1), ask(SPOT - 10, 1)] {
        env.refuse_order(&third, terms, &[], cap).await;
        env.refuse_order(&third, terms, &[&maker, &other_maker], cap)
            .await;
    }
    let market = env.market(SOL_PERP).await;
    assert_eq!((market.long_interest, market.short_interest), (30, 20));
    assert_eq!(market.waiting_bids, 20);
    env.settle_fills(&[&maker, &other_maker]).await;
    let market = env.market(SOL_PERP).await;
    assert_eq!((market.long_interest, market.short_interest), (50, 50));
    assert_eq!(market.waiting_bids, 0);
    env.assert_conserved().await;
}

/// A fill that waits may turn out to have reduced its maker: then, and only then, there is room again.
#[tokio::test]
async fn a_makers_reduction_gives_room_once_it_is_settled() {
    let (mut env, maker, taker) = desk().await;
    env.edit_market(SOL_PERP, |p| p.open_interest_cap_lots = 50)
        .await;
    let third = env.trader_with(&[(0, 1_000_000_000)]).await;
    env.place(&maker, ask(SPOT, 40), &[]).await;
    env.place(&taker, bid(SPOT, 40), &[&maker]).await;
    // The long offers what it holds; the buyer does not bring it along.
    env.place(&taker, ask(SPOT, 40), &[]).await;
    let cap = PlimsollError::OpenInterestCap;
    env.refuse_order(&third, bid(SPOT, 11), &[], cap).await;
    assert_eq!(env.place(&third, bid(SPOT, 10), &[]).await.filled, 10);
    env.refuse_order(&third, bid(SPOT, 1), &[], cap).await;
    // At hand it is seen to change hands only.
    assert_eq!(env.place(&third, bid(SPOT, 5), &[&taker]).await.filled, 5);
    let market = env.market(SOL_PERP).await;
    assert_eq!((market.long_interest, market.short_interest), (40, 40));
    assert_eq!(env.place(&third, bid(SPOT, 10), &[]).await.filled, 10);
    env.settle_fills(&[&taker]).await;
    let market = env.market(SOL_PERP).await;
    assert_eq!((market.long_interest, market.short_interest), (40, 40));
    assert_eq!(market.waiting_bids, 0);
    env.assert_conserved().await;
}

/// However full the market is with fills that wait, who reduces is not refused.
#[tokio::test]
async fn the_cap_refuses_no_reduction_while_fills_wait() {
    let (mut env, maker, taker) = desk().await;
    env.edit_market(SOL_PERP, |p| p.open_interest_cap_lots = 50)
        .await;
    let third = env.trader_with(&[(0, 1_000_000_000)]).await;
    env.place(&maker, ask(SPOT, 25), &[]).await;
    env.place(&taker, bid(SPOT, 25), &[]).await;
    env.place(&third, bid(SPOT - 1, 50), &[]).await;
    env.place(&maker, ask(SPOT - 1, 25), &[]).await;
    assert_eq!(env.market(SOL_PERP).await.waiting_bids, 25);
    env.edit_market(SOL_PERP, |p| p.open_interest_cap_lots = 1)
        .await;
    // Of the long into the bid of somebody who is not at hand, and of the short from what the long offers.
    assert_eq!(env.place(&taker, ask(SPOT - 1, 15), &[]).await.filled, 15);
    env.place(&taker, ask(SPOT, 10), &[]).await;
    assert_eq!(env.place(&maker, bid(SPOT, 10), &[]).await.filled, 10);
    env.settle_fills(&[&maker, &taker, &third]).await;
    let market = env.market(SOL_PERP).await;
    assert_eq!((market.long_interest, market.short_interest), (40, 40));
    env.assert_conserved().await;
}

/// Fills a side with orders of nobody, behind the one order that rests there. Bids stand worst first.
async fn fill_bids(env: &mut Env, price: u64, expiry: u32) {
    let address = env.markets[SOL_PERP].market.book;
    let mut data = env.find_account(address).await.unwrap().data;
    let bids = DISCRIMINATOR + offset_of!(Book, orders);
    let len = BOOK_SIDE_CAPACITY as u32;
    let size = size_of::<BookOrder>();
    let first = bids + size_of::<u64>();
    let count = bids + size_of::<u32>();
    assert_eq!(data[bids..count], 1u32.to_le_bytes());
    data[bids..count].copy_from_slice(&len.to_le_bytes());
    for place in 1..BOOK_SIDE_CAPACITY {
        let order = BookOrder {
            price,
            seq: u64::MAX - place as u64,
            lots: 1,
            owner: Pubkey::new_from_array([9; 32]).to_bytes(),
            expiry,
            ..BookOrder::default()
        };
        let at = first + place * size;
        data[at..at + size].copy_from_slice(bytemuck::bytes_of(&order));
    }
    // An order of the same price that is older goes first.
    let sorted = data[first..].chunks(size).take(BOOK_SIDE_CAPACITY);
    let seqs: Vec<&[u8]> = sorted.map(|order| &order[8..16]).collect();
    assert!(seqs[1..]
        .windows(2)
        .all(|w| u64::from_le_bytes(w[0].try_into().unwrap())
            > u64::from_le_bytes(w[1].try_into().unwrap())));
    env.write_account(address, plimsoll::ID, data);
}

#[tokio::test]
async fn a_full_side_gives_up_its_worst_order_for_a_better_one() {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, bid(SPOT - 100, 3), &[]).await;
    fill_bids(&mut env, SPOT - 50, 0).await;
    let full = PlimsollError::BookFull;
    for price in [SPOT - 101, SPOT - 100] {
        env.refuse_order(&taker, bid(price, 1), &[&maker], full)
            .await;
    }
    // The maker is told at once.
    let dust = bid(SPOT - 60, 2);
    env.refuse_order(&taker, dust, &[&maker], full).await;
    let posted = env
        .try_place(&taker, bid(SPOT - 60, 3), &[&maker])
        .await
        .unwrap();
    println!("post into a full side, evicting: {} CU", posted.cu);
    assert_eq!(placed(&posted).resting, 3);
    assert!(env.open_orders(&maker).await.is_empty());
    assert!(env.perp(&maker).await.is_free());
    // The taker's own order is now the worst, and is told through the queue.
    let posted = env.place(&maker, bid(SPOT - 40, 3), &[]).await;
    assert_eq!(posted.resting, 3);
    let queue = env.fill_queue(SOL_PERP).await;
    let out = queue.queue.entries()[0];
    assert_eq!(out.maker, taker.margin.to_bytes());
    assert_eq!(out.kind, OutReason::Evicted as u8);
    env.settle_fills(&[&taker]).await;
    assert!(env.perp(&taker).await.is_free());
    let book = env.book(SOL_PERP).await;
    let bids = book.orders.side(Side::Bid);
    assert_eq!(bids.len(), BOOK_SIDE_CAPACITY);
    assert_eq!(bids.best().unwrap().price, SPOT - 40);
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_full_side_first_gives_up_an_expired_worst_order() {
    let (mut env, maker, taker) = desk().await;
    let expiry = u32::try_from(env.now().await + 10).unwrap();
    let short = OrderTerms {
        expiry,
        ..bid(SPOT - 100, 3)
    };
    env.place(&maker, short, &[]).await;
    fill_bids(&mut env, SPOT - 50, 0).await;
    let full = PlimsollError::BookFull;
    env.refuse_order(&taker, bid(SPOT - 200, 1), &[&maker], full)
        .await;
    env.advance(10).await;
    let posted = env.place(&taker, bid(SPOT - 200, 1), &[&maker]).await;
    assert_eq!(posted.resting, 1);
    env.settle_fills(&[&maker]).await;
    assert!(env.perp(&maker).await.is_free());
    env.assert_conserved().await;
}
