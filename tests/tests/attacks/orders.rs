//! Dust, expired orders and waiting fills: nobody's use up another's steps, slots, places in the book or the queue, heap, log or
//! transaction.
use plimsoll::{
    error::PlimsollError as E,
    events::{OrderFilled, OrdersCancelled},
    matching::Side,
    orders::terms::{OrderTerms, OrderType},
};
use plimsoll_client::{events, instructions as ix};
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    scenarios::*,
    trading::{ask, bid, placed},
    usd, Env, Trader,
};

const SPOT: u64 = 15_000;

async fn market() -> Env {
    let mut env = Env::new().await;
    env.refresh_all().await;
    env
}

fn market_order(terms: OrderTerms, max_fills: u8) -> OrderTerms {
    OrderTerms {
        kind: OrderType::Market,
        max_fills,
        ..terms
    }
}

/// So many copies of an order, eight in a transaction.
async fn many(env: &mut Env, trader: &Trader, terms: OrderTerms, count: usize) {
    for _ in 0..count / 8 {
        let orders = vec![env.order_ix(trader, terms, &[]); 8];
        env.run(&orders, &[&trader.key]).await;
    }
}

async fn expiring(env: &Env, terms: OrderTerms) -> OrderTerms {
    let expiry = u32::try_from(env.now().await + 2).unwrap();
    OrderTerms { expiry, ..terms }
}

#[tokio::test]
async fn expired_orders_in_front_of_the_book_cost_a_taker_no_step() {
    let mut env = market().await;
    let honest = env.trader_with(&[(USDC, usd(1_000_000))]).await;
    env.place(&honest, ask(SPOT, 1_000), &[]).await;
    let mut dusty = Vec::new();
    for _ in 0..3 {
        let attacker = env.trader_with(&[(USDC, usd(100))]).await;
        let dust = expiring(&env, ask(SPOT - 10, 1)).await;
        many(&mut env, &attacker, dust, 64).await;
        dusty.push(attacker);
    }
    env.advance(3).await;
    env.refresh_all().await;
    let buyer = env.trader_with(&[(USDC, usd(100_000))]).await;
    let order = market_order(bid(u64::MAX, 1_000), 16);
    let bought = env.try_place(&buyer, order, &[&honest]).await.unwrap();
    println!("a trade behind 192 expired orders: {} CU", bought.cu);
    assert_eq!(placed(&bought).filled, 1_000);
    assert_eq!(env.fill_queue(SOL_PERP).await.queue.len(), 0);
    // Their owners' slots are free for whoever asks.
    let all: Vec<&Trader> = dusty.iter().collect();
    env.settle_fills(&all).await;
    for attacker in &dusty {
        assert!(env.perp(attacker).await.is_free());
    }
    env.assert_conserved().await;
}

/// A side full of orders that are large: dust that lives for seconds displaces none.
#[tokio::test]
async fn dust_displaces_no_larger_order_of_a_full_side() {
    let mut env = market().await;
    env.edit_market(SOL_PERP, |p| p.min_order_notional = 1)
        .await;
    let mut honest = Vec::new();
    for _ in 0..16 {
        let trader = env.trader_with(&[(USDC, usd(1_000_000))]).await;
        many(&mut env, &trader, bid(SPOT - 100, 100), 64).await;
        honest.push(trader);
    }
    let attacker = env.trader_with(&[(USDC, usd(1_000))]).await;
    let dust = expiring(&env, bid(SPOT - 1, 1)).await;
    for terms in [dust, bid(SPOT - 1, 99)] {
        env.refuse_order(&attacker, terms, &[], E::BookFull).await;
    }
    let as_large = env.place(&attacker, bid(SPOT - 1, 100), &[]).await;
    println!(
        "an order that displaces one not at hand: {} CU",
        as_large.cu
    );
    assert_eq!(as_large.resting, 100);
    let queue = env.fill_queue(SOL_PERP).await;
    assert_eq!(queue.queue.len(), 1, "its owner is told");
    env.assert_conserved().await;
}

#[tokio::test]
async fn an_order_is_worth_a_minimum_and_so_is_what_a_trade_leaves_of_it() {
    let mut env = market().await;
    env.edit_market(SOL_PERP, |p| p.min_order_notional = usd(10))
        .await;
    let maker = env.trader_with(&[(USDC, usd(10_000))]).await;
    let taker = env.trader_with(&[(USDC, usd(10_000))]).await;
    // Six lots are worth 9 USD, seven 10.50.
    for terms in [
        bid(SPOT, 6),
        ask(SPOT, 6),
        market_order(bid(u64::MAX, 6), 16),
        market_order(ask(0, 6), 16),
    ] {
        env.refuse_order(&maker, terms, &[], E::InvalidOrderSize)
            .await;
    }
    env.place(&maker, ask(SPOT, 20), &[]).await;
    let bought = env.place(&taker, bid(SPOT, 14), &[]).await;
    assert_eq!(bought.filled, 14);
    assert_eq!(env.book(SOL_PERP).await.orders.side(Side::Ask).len(), 0);
    let before = env.perp(&maker).await;
    assert_eq!(before.ask_lots.0, 20, "until it is settled");
    let settled = env.settle_fills(&[&maker]).await;
    let told: Vec<OrdersCancelled> = events::of_kind(&settled.logs);
    assert_eq!(told[0].orders[0].lots, 6);
    assert_eq!(env.perp(&maker).await.ask_lots.0, 0);
    // The same at hand.
    env.place(&maker, ask(SPOT, 20), &[]).await;
    env.place(&taker, bid(SPOT, 14), &[&maker]).await;
    assert!(env.open_orders(&maker).await.is_empty());
    // And what is left of a taker's order does not rest.
    env.place(&maker, ask(SPOT, 10), &[]).await;
    let bought = env.place(&taker, bid(SPOT, 16), &[&maker]).await;
    assert_eq!((bought.filled, bought.resting), (10, 0));
    // A position that is worth less can be closed.
    env.place(&maker, bid(SPOT, 50), &[]).await;
    env.place(&taker, ask(SPOT, 35), &[&maker]).await;
    assert_eq!(env.perp(&taker).await.position.0, 3);
    let small = OrderTerms {
        reduce_only: true,
        ..market_order(ask(0, 2), 16)
    };
    let size = E::InvalidOrderSize;
    env.refuse_order(&taker, small, &[&maker], size).await;
    let close = OrderTerms { lots: 3, ..small };
    assert_eq!(env.place(&taker, close, &[&maker]).await.filled, 3);
    env.assert_conserved().await;
}

/// Whatever an order asks for, it trades no more than a log has room to tell of, and every trade of it is told.
#[tokio::test]
async fn the_most_trades_of_one_order_fit_into_heap_and_log() {
    for at_hand in [false, true] {
        let mut env = market().await;
        let taker = env.trader_with(&[(USDC, usd(100_000))]).await;
        let mut makers = Vec::new();
        for _ in 0..3 {
            let maker = env.trader_with(&[(USDC, usd(10_000))]).await;
            many(&mut env, &maker, ask(SPOT, 1), 48).await;
            makers.push(maker);
        }
        let hands: Vec<&Trader> = makers.iter().filter(|_| at_hand).collect();
        let order = market_order(bid(u64::MAX, 144), 255);
        let swept = env.try_place(&taker, order, &hands).await.unwrap();
        println!("64 trades in one order, at hand {at_hand}: {} CU", swept.cu);
        assert_eq!(placed(&swept).filled, 64);
        let told: Vec<OrderFilled> = events::of_kind(&swept.logs);
        let fills: Vec<_> = told.iter().flat_map(|order| &order.fills).collect();
        assert_eq!(fills.len(), 64);
        assert_eq!(fills.iter().map(|fill| fill.lots).sum::<i64>(), 64);
        assert!(told.iter().all(|of| of.taker_order_id == placed(&swept).id));
        assert!(!events::is_truncated(&swept.logs));
        env.assert_conserved().await;
    }
}

/// Makers at hand with much waiting cost a taker no more than a listed number of settlements.
#[tokio::test]
async fn what_waits_for_makers_at_hand_bounds_what_a_taker_pays_for() {
    let mut env = market().await;
    let taker = env.trader_with(&[(USDC, usd(100_000))]).await;
    let mut makers = Vec::new();
    for _ in 0..8 {
        let maker = env.trader_with(&[(USDC, usd(5_000))]).await;
        env.place(&maker, ask(SPOT, 24), &[]).await;
        env.place(&maker, ask(SPOT + 1, 1), &[]).await;
        makers.push(maker);
    }
    for _ in 0..24 {
        let some = vec![env.order_ix(&taker, bid(SPOT, 1), &[]); 8];
        env.run(&some, &[&taker.key]).await;
    }
    assert_eq!(env.fill_queue(SOL_PERP).await.queue.len(), 8 * 24);
    let hands: Vec<&Trader> = makers.iter().collect();
    let order = OrderTerms {
        max_fills: 16,
        ..bid(SPOT + 1, 6)
    };
    let bought = env.try_place(&taker, order, &hands).await.unwrap();
    println!("8 makers at hand, much of it waiting: {} CU", bought.cu);
    assert_eq!(placed(&bought).filled, 6);
    assert!(bought.cu < 90_000);
    let left = env.fill_queue(SOL_PERP).await.queue.len();
    assert!((8 * 24 - 24..8 * 24 - 24 + 6).contains(&left), "{left}");
    env.assert_conserved().await;
}

/// All that a queue can hold for one account reaches it in one call.
#[tokio::test]
async fn a_full_queue_is_drained_for_one_account_in_one_call() {
    let mut env = market().await;
    let maker = env.trader_with(&[(USDC, usd(100_000))]).await;
    let taker = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.place(&maker, ask(SPOT, 1_000), &[]).await;
    let one = vec![env.order_ix(&taker, bid(SPOT, 1), &[]); 8];
    while env.fill_queue(SOL_PERP).await.queue.room() > 0 {
        env.run(&one, &[&taker.key]).await;
    }
    let settled = env.settle_fills(&[&maker]).await;
    println!("settle 256 fills: {} CU", settled.cu);
    assert_eq!(env.perp(&maker).await.position.0, -256);
    assert_eq!(env.fill_queue(SOL_PERP).await.queue.len(), 0);
    env.assert_conserved().await;
}

/// A liquidation settles what waits for its account, whatever the number.
#[tokio::test]
async fn many_waiting_fills_hold_no_liquidation_up() {
    for fills in [25usize, 33, 120] {
        let mut t = long().await;
        // An order that expires, and that somebody comes upon.
        let short = expiring(&t.env, ask(SPOT + 10, 1)).await;
        t.env.place(&t.account, short, &[]).await;
        t.env.place(&t.account, ask(SPOT, 200), &[]).await;
        for _ in 0..fills {
            t.env.place(&t.seller, bid(SPOT, 1), &[]).await;
        }
        t.env.advance(3).await;
        let market = t.env.markets[SOL_PERP].market;
        let prune = ix::prune_orders(&t.env.exchange, &market, &[], 8);
        t.env.run(&[prune], &[]).await;
        shock(&mut t.env, SOL, 131.0).await;
        let mut what = take(&t.env, SOL_PERP, ALL);
        what.cancel_in = vec![market];
        let waiting = t.env.fill_queue(SOL_PERP).await.queue.len();
        assert_eq!(waiting, fills);
        let pending = E::FillsPending;
        refuse(&mut t.env, &t.liquidator, &t.account, &what, pending).await;
        what.settle_in = vec![market];
        let first = liquidate(&mut t.env, &t.liquidator, &t.account, &what).await;
        println!("liquidate with {fills} fills waiting: {} CU", first.cu);
        assert_eq!(t.env.perp(&t.account).await.order_mask, 0);
        assert!(t.env.perp(&t.account).await.position.0 < 10_000);
        t.env.assert_conserved().await;
    }
}

/// A budget of one lot makes no dust of an order that may rest whatever is left to reduce.
#[tokio::test]
async fn a_budget_rests_no_reduce_only_dust() {
    let mut env = market().await;
    let other = env.trader_with(&[(USDC, usd(100_000))]).await;
    let attacker = env.trader_with(&[(USDC, usd(10_000))]).await;
    trade(&mut env, SOL_PERP, &attacker, &other, 150.0, 100).await;
    env.edit_market(SOL_PERP, |p| p.min_order_notional = usd(5))
        .await;
    let tick = env.market(SOL_PERP).await.terms.tick;
    for budget in [SPOT + 1, 2 * (SPOT + 1)] {
        let terms = OrderTerms {
            kind: OrderType::PostOnly,
            reduce_only: true,
            max_quote: Some(budget * tick),
            ..ask(SPOT + 1, 100)
        };
        let dust = env.place(&attacker, terms, &[]).await;
        assert_eq!(dust.resting, 0);
    }
    assert!(env.open_orders(&attacker).await.is_empty());
    // The whole of it rests, and so does what little there is to reduce.
    let whole = OrderTerms {
        reduce_only: true,
        ..ask(SPOT + 1, 100)
    };
    assert_eq!(env.place(&attacker, whole, &[]).await.resting, 100);
    env.assert_conserved().await;
}
