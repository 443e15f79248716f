//! What each kind of order does to the book and to the accounts.
use plimsoll::{
    error::PlimsollError,
    matching::Side,
    orders::terms::{OrderSide, OrderTerms, OrderType},
};
use plimsoll_tests::{
    env::SOL_PERP,
    trading::{ask, bid},
    Env,
};

use super::{desk, fee, notional, MAKER, SPOT, TAKER};

fn of(kind: OrderType, terms: OrderTerms) -> OrderTerms {
    OrderTerms { kind, ..terms }
}

/// Resting orders of a side, best first: (price, lots).
async fn side(env: &Env, side: Side) -> Vec<(u64, i64)> {
    let book = env.book(SOL_PERP).await;
    let orders = book.orders.side(side).iter();
    orders.map(|order| (order.price, order.lots)).collect()
}

#[tokio::test]
async fn a_limit_order_trades_at_the_makers_price_and_rests_the_remainder() {
    let (mut env, maker, taker) = desk().await;
    let posted = env.place(&maker, ask(SPOT + 10, 100), &[]).await;
    assert_eq!((posted.filled, posted.resting, posted.fee), (0, 100, 0));
    println!("post: {} CU", posted.cu);
    let taken = env.place(&taker, bid(SPOT + 20, 150), &[&maker]).await;
    println!("one fill in place, remainder rests: {} CU", taken.cu);

    let paid = notional(SPOT + 10, 100);
    assert_eq!((taken.filled, taken.resting), (100, 50));
    assert_eq!((taken.quote, taken.fee), (paid, fee(paid, TAKER)));
    assert_eq!(taken.id, posted.id + 1);
    assert_eq!(side(&env, Side::Ask).await, []);
    assert_eq!(side(&env, Side::Bid).await, [(SPOT + 20, 50)]);

    let bought = env.perp(&taker).await;
    assert_eq!(bought.position.0, 100);
    assert_eq!(bought.quote.0, -paid - fee(paid, TAKER));
    assert_eq!((bought.bid_lots.0, bought.ask_lots.0), (50, 0));
    let sold = env.perp(&maker).await;
    assert_eq!(sold.position.0, -100);
    assert_eq!(sold.quote.0, paid - fee(paid, MAKER));
    assert_eq!((sold.order_mask, sold.ask_lots.0), (0, 0));
    assert!(env.open_orders(&maker).await.is_empty());
    let orders = env.open_orders(&taker).await;
    assert_eq!((orders.len(), orders[0].lots.0), (1, 50));
    let market = env.market(SOL_PERP).await;
    assert_eq!((market.long_interest, market.short_interest), (100, 100));
    env.assert_conserved().await;
}

#[tokio::test]
async fn better_prices_trade_first_and_older_orders_within_a_price() {
    let (mut env, first, taker) = desk().await;
    let second = env.trader_with(&[(0, 100_000_000_000)]).await;
    env.place(&first, ask(SPOT + 20, 10), &[]).await;
    let older = env.place(&first, ask(SPOT + 10, 10), &[]).await;
    let younger = env.place(&second, ask(SPOT + 10, 10), &[]).await;
    env.place(&second, ask(SPOT + 30, 10), &[]).await;
    assert!(older.id < younger.id);

    let both = [&second, &first];
    env.place(&taker, bid(SPOT + 100, 4), &both).await;
    assert_eq!(env.perp(&first).await.position.0, -4, "the older order");
    assert_eq!(env.perp(&second).await.position.0, 0);
    let swept = env.place(&taker, bid(SPOT + 100, 23), &both).await;
    let expected = notional(SPOT + 10, 6) + notional(SPOT + 10, 10) + notional(SPOT + 20, 7);
    assert_eq!((swept.filled, swept.quote), (23, expected));
    assert_eq!(env.perp(&first).await.position.0, -17);
    assert_eq!(env.perp(&second).await.position.0, -10);
    assert_eq!(
        side(&env, Side::Ask).await,
        [(SPOT + 20, 3), (SPOT + 30, 10)]
    );

    // The same for bids: the higher, then the older.
    env.place(&first, bid(SPOT - 20, 5), &[]).await;
    env.place(&second, bid(SPOT - 10, 5), &[]).await;
    env.place(&first, bid(SPOT - 10, 5), &[]).await;
    let sold = env.place(&taker, ask(SPOT - 30, 8), &both).await;
    assert_eq!(sold.quote, notional(SPOT - 10, 8));
    assert_eq!(env.perp(&second).await.position.0, -5);
    assert_eq!(env.perp(&first).await.position.0, -14);
    env.assert_conserved().await;
}

#[tokio::test]
async fn post_only_orders_never_take() {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT + 10, 10), &[]).await;
    let post = |price| of(OrderType::PostOnly, bid(price, 5));
    let crossing = post(SPOT + 10);
    let refused = PlimsollError::WouldCross;
    env.refuse_order(&taker, crossing, &[&maker], refused).await;
    assert_eq!(env.place(&taker, post(SPOT + 9), &[]).await.resting, 5);

    let slide = |terms| of(OrderType::PostOnlySlide, terms);
    let slid = env.place(&taker, slide(bid(SPOT + 50, 5)), &[&maker]).await;
    assert_eq!(
        (slid.filled, slid.resting, slid.price),
        (0, 5, SPOT + 9),
        "one price lot behind the ask"
    );
    let orders = env.open_orders(&taker).await;
    assert!(orders.iter().all(|order| order.price.0 == SPOT + 9));
    let free = env.place(&taker, slide(bid(SPOT - 5, 5)), &[]).await;
    assert_eq!(free.price, SPOT - 5, "nothing in the way");
    let slid = env.place(&maker, slide(ask(SPOT - 50, 5)), &[&taker]).await;
    assert_eq!((slid.filled, slid.price), (0, SPOT + 10));
    assert_eq!(env.perp(&taker).await.position.0, 0);
    env.assert_conserved().await;
}

#[tokio::test]
async fn immediate_and_market_orders_drop_what_they_cannot_trade() {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT + 10, 10), &[]).await;
    env.place(&maker, ask(SPOT + 1_400, 10), &[]).await;
    env.place(&maker, ask(SPOT + 1_600, 10), &[]).await;
    let ioc = of(OrderType::ImmediateOrCancel, bid(SPOT + 10, 15));
    let taken = env.place(&taker, ioc, &[&maker]).await;
    assert_eq!((taken.filled, taken.resting), (10, 0));
    let none = env.place(&taker, ioc, &[&maker]).await;
    assert_eq!((none.filled, none.quote, none.fee), (0, 0, 0));

    // At any price: as far as the band around the oracle allows, which is a tenth.
    let market = of(OrderType::Market, bid(u64::MAX, 30));
    let taken = env.place(&taker, market, &[&maker]).await;
    assert_eq!((taken.filled, taken.resting), (10, 0));
    assert_eq!(taken.price, SPOT + 1_500, "cut to the band");
    env.place(&maker, bid(SPOT - 1_400, 5), &[]).await;
    env.place(&maker, bid(SPOT - 1_600, 5), &[]).await;
    let market = of(OrderType::Market, ask(0, 30));
    let taken = env.place(&taker, market, &[&maker]).await;
    assert_eq!((taken.filled, taken.price), (5, SPOT - 1_500));
    let near = of(OrderType::Market, ask(SPOT, 30));
    assert_eq!(env.place(&taker, near, &[&maker]).await.filled, 0);
    assert!(env.open_orders(&taker).await.is_empty());
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_fill_or_kill_order_trades_whole_or_not_at_all() {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT + 10, 10), &[]).await;
    env.place(&maker, ask(SPOT + 20, 10), &[]).await;
    let fok = |price, lots| of(OrderType::FillOrKill, bid(price, lots));
    let refused = PlimsollError::CannotFill;
    for terms in [
        fok(SPOT + 10, 11),
        fok(SPOT + 100, 21),
        fok(SPOT + 9, 1),
        OrderTerms {
            max_fills: 1,
            ..fok(SPOT + 20, 11)
        },
        OrderTerms {
            max_quote: Some(notional(SPOT + 20, 11).unsigned_abs() - 2_000),
            ..fok(SPOT + 20, 12)
        },
    ] {
        env.refuse_order(&taker, terms, &[&maker], refused).await;
    }
    let taken = env.place(&taker, fok(SPOT + 20, 20), &[&maker]).await;
    assert_eq!((taken.filled, taken.resting), (20, 0));
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_budget_bounds_what_is_traded_and_rests() {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT, 10), &[]).await;
    env.place(&maker, ask(SPOT + 100, 10), &[]).await;
    let within = |budget: i64, terms| OrderTerms {
        max_quote: Some(budget.unsigned_abs()),
        ..terms
    };
    // One price lot less than 13 lots would cost.
    let budget = notional(SPOT, 10) + notional(SPOT + 100, 3) - 100;
    let ioc = of(OrderType::ImmediateOrCancel, bid(SPOT + 100, 20));
    let taken = env.place(&taker, within(budget, ioc), &[&maker]).await;
    let expected = notional(SPOT, 10) + notional(SPOT + 100, 2);
    assert_eq!((taken.filled, taken.quote), (12, expected));
    // What is traded and what rests share one budget.
    let budget = notional(SPOT + 100, 8) + notional(SPOT + 200, 4) + 99;
    let terms = within(budget, bid(SPOT + 200, 100));
    let taken = env.place(&taker, terms, &[&maker]).await;
    assert_eq!((taken.filled, taken.resting), (8, 4));
    // Less than one lot: nothing happens, and nothing rests.
    let terms = within(99, bid(SPOT - 100, 100));
    let none = env.place(&taker, terms, &[]).await;
    assert_eq!((none.filled, none.resting), (0, 0));
    env.assert_conserved().await;
}

#[tokio::test]
async fn max_fills_bounds_the_orders_touched() {
    let (mut env, maker, taker) = desk().await;
    for _ in 0..4 {
        env.place(&maker, ask(SPOT, 5), &[]).await;
    }
    let two = OrderTerms {
        max_fills: 2,
        ..bid(SPOT, 20)
    };
    let taken = env.place(&taker, two, &[&maker]).await;
    assert_eq!((taken.filled, taken.resting), (10, 0), "nothing may cross");
    let none = OrderTerms {
        max_fills: 0,
        ..bid(SPOT, 20)
    };
    let taken = env.place(&taker, none, &[&maker]).await;
    assert_eq!((taken.filled, taken.resting), (0, 0));
    let resting = OrderTerms {
        max_fills: 0,
        ..bid(SPOT - 1, 20)
    };
    assert_eq!(env.place(&taker, resting, &[]).await.resting, 20);
    env.assert_conserved().await;
}

#[tokio::test]
async fn an_order_carries_its_owners_name_and_side() {
    let (mut env, maker, _) = desk().await;
    let named = OrderTerms {
        client_id: u64::MAX,
        ..bid(SPOT - 1, 3)
    };
    let posted = env.place(&maker, named, &[]).await;
    let orders = env.open_orders(&maker).await;
    assert_eq!(orders[0].client_id, u64::MAX);
    assert_eq!(orders[0].id, posted.id);
    assert_eq!(orders[0].side, OrderSide::Bid as u8);
    assert_eq!(orders[0].market, SOL_PERP as u16);
    env.assert_conserved().await;
}
