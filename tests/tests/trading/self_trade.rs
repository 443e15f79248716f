//! An order that meets one of its own account.
use plimsoll::{
    error::PlimsollError,
    orders::terms::{OrderTerms, OrderType, SelfTradeBehavior},
};
use plimsoll_tests::{
    env::SOL_PERP,
    trading::{ask, bid},
    Env, Trader,
};

use super::{desk, notional, SPOT};

fn with(self_trade: SelfTradeBehavior, terms: OrderTerms) -> OrderTerms {
    OrderTerms {
        self_trade,
        ..terms
    }
}

/// Own ask of 10 before a stranger's ask of 10.
async fn own_ask_first() -> (Env, Trader, Trader) {
    let (mut env, maker, taker) = desk().await;
    env.place(&taker, ask(SPOT, 10), &[]).await;
    env.place(&maker, ask(SPOT + 1, 10), &[]).await;
    (env, maker, taker)
}

#[tokio::test]
async fn decrement_and_cancel_takes_the_lots_off_both() {
    let (mut env, maker, taker) = own_ask_first().await;
    let behave = SelfTradeBehavior::DecrementAndCancel;
    let cut = env.place(&taker, with(behave, bid(SPOT + 1, 4)), &[]).await;
    assert_eq!((cut.filled, cut.resting, cut.fee), (0, 0, 0));
    assert_eq!(env.open_orders(&taker).await[0].lots.0, 6);
    // 6 against itself, 3 with the maker.
    let cut = env
        .place(&taker, with(behave, bid(SPOT + 1, 9)), &[&maker])
        .await;
    assert_eq!((cut.filled, cut.quote), (3, notional(SPOT + 1, 3)));
    assert!(env.open_orders(&taker).await.is_empty());
    assert_eq!(env.perp(&taker).await.position.0, 3);
    // Fill-or-kill would lose lots, so it is refused.
    env.place(&taker, ask(SPOT, 10), &[]).await;
    let fok = OrderTerms {
        kind: OrderType::FillOrKill,
        ..with(behave, bid(SPOT + 1, 5))
    };
    let refused = PlimsollError::CannotFill;
    env.refuse_order(&taker, fok, &[&maker], refused).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn cancel_provide_cancels_the_resting_order() {
    let (mut env, maker, taker) = own_ask_first().await;
    let terms = with(SelfTradeBehavior::CancelProvide, bid(SPOT + 1, 4));
    let taken = env.place(&taker, terms, &[&maker]).await;
    assert_eq!((taken.filled, taken.quote), (4, notional(SPOT + 1, 4)));
    assert!(env.open_orders(&taker).await.is_empty());
    assert_eq!(env.perp(&taker).await.ask_lots.0, 0);
    assert_eq!(env.market(SOL_PERP).await.long_interest, 4);
    env.assert_conserved().await;
}

#[tokio::test]
async fn abort_refuses_the_order() {
    let (mut env, maker, taker) = own_ask_first().await;
    let terms = with(SelfTradeBehavior::AbortTransaction, bid(SPOT + 1, 4));
    let refused = PlimsollError::SelfTrade;
    env.refuse_order(&taker, terms, &[&maker], refused).await;
    // Behind the stranger's order it is never met.
    env.place(&maker, ask(SPOT - 1, 10), &[]).await;
    assert_eq!(env.place(&taker, terms, &[&maker]).await.filled, 4);
    env.assert_conserved().await;
}
