//! Makers who are not at hand: what the fill queue brings them later is what they would have got at once.
use anchor_lang::prelude::Pubkey;
use plimsoll::{
    error::PlimsollError,
    matching::{Side, FILL_QUEUE_CAPACITY},
    orders::terms::{OrderTerms, OrderType},
};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    env::{SOL_PERP, USDC},
    trading::{ask, bid},
    usd, Env, Trader,
};

use super::{desk, funding::accrue, reprice, SPOT};

/// Trades of a taker against a maker at hand or not, with hours of funding before and after; what both have then.
async fn history(at_hand: bool) -> [(i64, i64); 2] {
    let (mut env, maker, taker) = desk().await;
    let quoter = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.place(&quoter, bid(SPOT + 200, 4_000), &[]).await;
    let hands: Vec<&Trader> = if at_hand { vec![&maker] } else { vec![] };
    for (terms, taking) in [
        (ask(SPOT + 300, 1_000), bid(SPOT + 300, 700)),
        (ask(SPOT + 310, 500), bid(SPOT + 310, 600)),
        (bid(SPOT + 250, 2_000), ask(SPOT + 250, 1_500)),
    ] {
        env.place(&maker, terms, &[]).await;
        env.place(&taker, taking, &hands).await;
        if !at_hand {
            assert!(!env.fill_queue(SOL_PERP).await.queue.is_empty());
            env.assert_conserved().await;
        }
        accrue(&mut env, 20).await;
        if !at_hand {
            env.settle_fills(&[&maker]).await;
        }
        env.assert_conserved().await;
    }
    let market = env.market(SOL_PERP).await;
    assert!(market.funding_long > 0, "longs paid");
    let orders = env.open_orders(&maker).await;
    let mut lots: Vec<i64> = orders.iter().map(|order| order.lots.0).collect();
    lots.sort();
    assert_eq!(lots, [200, 500]);
    [env.holding(&maker).await, env.holding(&taker).await]
}

#[tokio::test]
async fn a_late_settlement_changes_nothing_but_the_time() {
    let [at_once, taker] = history(true).await;
    let [late, same_taker] = history(false).await;
    assert_eq!(taker, same_taker);
    assert_eq!(at_once.0, late.0);
    // Funding is rounded up once more for each settlement.
    let lost = at_once.1 - late.1;
    assert!((0..=6).contains(&lost), "{lost} units");
}

/// Puts accounts back as they were.
struct Saved(Vec<(Pubkey, Vec<u8>)>);

impl Saved {
    async fn of(env: &Env, trader: &Trader) -> Self {
        let market = env.markets[SOL_PERP].market;
        let mut saved = Vec::new();
        for address in [trader.margin, market.address, market.fill_queue] {
            let account = env.find_account(address).await.unwrap();
            saved.push((address, account.data));
        }
        Self(saved)
    }

    fn restore(self, env: &mut Env) {
        for (address, data) in self.0 {
            env.write_account(address, plimsoll::ID, data);
        }
    }
}

/// With fills pending in either direction, and prices moving: never healthier than once they are settled.
#[tokio::test]
async fn pending_fills_never_make_an_account_look_better() {
    let (mut env, _, taker) = desk().await;
    let maker = env.trader_with(&[(USDC, usd(1_000))]).await;
    env.place(&maker, bid(SPOT - 10, 5_000), &[]).await;
    env.place(&maker, ask(SPOT + 10, 5_000), &[]).await;
    env.place(&taker, ask(SPOT - 10, 4_000), &[]).await;
    for (extra, usd) in [
        (0, 150.0),
        (0, 144.0),
        (3_000, 141.0),
        (0, 150.0),
        (0, 157.0),
    ] {
        if extra > 0 {
            reprice(&mut env, 150.0).await;
            env.place(&taker, bid(SPOT + 10, extra), &[]).await;
        }
        reprice(&mut env, usd).await;
        let pending = env.health(&maker).await;
        let saved = Saved::of(&env, &maker).await;
        env.settle_fills(&[&maker]).await;
        let settled = env.health(&maker).await;
        saved.restore(&mut env);
        for (pending, settled) in [
            (pending.init, settled.init),
            (pending.liquidation_end, settled.liquidation_end),
            (pending.maintenance, settled.maintenance),
        ] {
            assert!(pending <= settled, "{pending} with fills, {settled} after");
        }
    }
    // What it can withdraw before, it still has margin for after.
    reprice(&mut env, 150.0).await;
    let most = env.health(&maker).await.init.unsigned_abs();
    env.withdraw(&maker, USDC, most).await.unwrap();
    env.settle_fills(&[&maker]).await;
    assert!(env.health(&maker).await.init >= 0);
    env.assert_conserved().await;
}

/// One lot after another until the queue is full.
async fn fill_queue(env: &mut Env, taker: &Trader) {
    let one = vec![env.order_ix(taker, bid(SPOT, 1), &[]); 8];
    while env.fill_queue(SOL_PERP).await.queue.room() > 0 {
        env.run(&one, &[&taker.key]).await;
    }
}

#[tokio::test]
async fn a_full_queue_stops_the_matching_and_fails_nothing() {
    let (mut env, maker, taker) = desk().await;
    let third = env.trader_with(&[(USDC, usd(1_000))]).await;
    env.place(&maker, ask(SPOT, 1_000), &[]).await;
    let short = OrderTerms {
        expiry: u32::try_from(env.now().await + 10).unwrap(),
        ..bid(SPOT - 500, 1)
    };
    env.place(&third, short, &[]).await;
    fill_queue(&mut env, &taker).await;
    let full = FILL_QUEUE_CAPACITY as i64;
    assert_eq!(env.perp(&taker).await.position.0, full);
    assert_eq!(env.perp(&maker).await.position.0, 0);

    let stopped = env.place(&taker, bid(SPOT, 5), &[]).await;
    assert_eq!((stopped.filled, stopped.resting), (0, 0));
    let fok = OrderTerms {
        kind: OrderType::FillOrKill,
        ..bid(SPOT, 5)
    };
    let refused = PlimsollError::CannotFill;
    env.refuse_order(&taker, fok, &[], refused).await;
    // What needs no queue goes on: an order that crosses nothing, and makers at hand.
    assert_eq!(env.place(&third, bid(SPOT - 5, 5), &[]).await.resting, 5);
    let other = env.place(&taker, ask(SPOT - 5, 5), &[&third]).await;
    assert_eq!(other.filled, 5);
    env.assert_conserved().await;

    // An expired order leaves the book, whatever the queue has room for.
    env.advance(10).await;
    let market = env.markets[SOL_PERP].market;
    let prune = ix::prune_orders(&env.exchange, &market, &[], 1);
    env.run(&[prune], &[]).await;
    let book = env.book(SOL_PERP).await;
    assert!(book.orders.side(Side::Bid).is_empty());

    // The maker at hand has more waiting than a trade settles; some of it is, and the trade queues behind.
    let behind = env.place(&taker, bid(SPOT, 5), &[&maker]).await;
    println!("settle 24 on the way, queue 1: {} CU", behind.cu);
    assert_eq!(behind.filled, 5);
    let queue = env.fill_queue(SOL_PERP).await;
    let last = queue.queue.entries().last().unwrap();
    assert_eq!((last.lots, last.maker), (5, maker.margin.to_bytes()));
    assert!(env.perp(&maker).await.position.0 < 0);
    env.assert_conserved().await;

    // As a taker the maker has all that waits for it settled on the way, however much it is.
    let own = env.try_place(&maker, bid(SPOT - 20, 1), &[]).await.unwrap();
    println!(
        "settle {} of one's own on the way: {} CU",
        full - 24 + 1,
        own.cu
    );
    assert_eq!(env.perp(&maker).await.position.0, -full - 5);
    assert_eq!(env.fill_queue(SOL_PERP).await.queue.len(), 0);
    env.assert_conserved().await;
}

#[tokio::test]
async fn an_account_with_fills_pending_is_not_empty() {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT, 10), &[]).await;
    env.place(&taker, bid(SPOT, 10), &[]).await;
    let balance = env.balance(maker.margin, USDC).await;
    env.withdraw(&maker, USDC, balance.unsigned_abs() - usd(1_000))
        .await
        .unwrap();
    let all = env.withdraw_ix(&maker, USDC, u64::MAX, false);
    let poor = PlimsollError::InsufficientHealth;
    env.refuse(&[all], &[&maker.key], poor).await;
    let close =
        ix::close_margin_account(&env.exchange, maker.pubkey(), maker.margin, maker.pubkey());
    let held = PlimsollError::AccountNotEmpty;
    env.refuse(&[close], &[&maker.key], held).await;
    env.settle_fills(&[&maker]).await;
    env.assert_conserved().await;
}
