//! Post-only orders, and what happens when a remainder comes to rest.

use super::*;

fn post(
    market: &mut Fixture,
    kind: OrderKind,
    side: Side,
    price: u64,
) -> Result<MatchOutcome, MatchError> {
    let order = TakerOrder {
        kind,
        ..market.order(TAKER, side, price, 5)
    };
    market.place(&order)
}

#[test]
fn post_only_is_refused_when_it_would_trade() {
    let mut market = Fixture::new(&[]);
    market.rest(1, Side::Ask, 100, 5);
    assert_eq!(
        post(&mut market, OrderKind::PostOnly, Side::Bid, 100),
        Err(MatchError::WouldCross)
    );
    let outcome = post(&mut market, OrderKind::PostOnly, Side::Bid, 99).unwrap();
    assert_eq!(
        (outcome.resting_lots, outcome.resting_price, outcome.fills),
        (5, 99, 0)
    );
}

#[test]
fn slide_rests_one_price_lot_behind_the_opposite_side() {
    for (side, resting, price, slid) in [(Side::Bid, 100, 150, 99), (Side::Ask, 100, 50, 101)] {
        let mut market = Fixture::new(&[]);
        market.rest(1, side.opposite(), resting, 5);
        let outcome = post(&mut market, OrderKind::PostOnlySlide, side, price).unwrap();
        assert_eq!(
            (outcome.resting_lots, outcome.resting_price, outcome.fills),
            (5, slid, 0)
        );
        assert_eq!(outcome.stop, Stop::Price);
        assert_eq!(market.orders.best_price(side, market.now), Some(slid));
    }
}

#[test]
fn slide_keeps_a_limit_that_does_not_cross() {
    let mut market = Fixture::new(&[]);
    market.rest(1, Side::Ask, 100, 5);
    let outcome = post(&mut market, OrderKind::PostOnlySlide, Side::Bid, 80).unwrap();
    assert_eq!(outcome.resting_price, 80);
}

#[test]
fn slide_below_one_price_lot_is_refused() {
    let mut market = Fixture::new(&[]);
    market.rest(1, Side::Ask, 1, 5);
    assert_eq!(
        post(&mut market, OrderKind::PostOnlySlide, Side::Bid, 3),
        Err(MatchError::WouldCross)
    );
}

#[test]
fn post_only_clears_expired_orders_and_then_rests() {
    for kind in [OrderKind::PostOnly, OrderKind::PostOnlySlide] {
        let mut market = Fixture::new(&[1]);
        market.rest_until(1, Side::Ask, 90, 5, 1_010);
        let kept = market.rest(2, Side::Ask, 101, 5);
        market.now = 1_010;
        let outcome = post(&mut market, kind, Side::Bid, 100).unwrap();
        assert_eq!((outcome.resting_lots, outcome.resting_price), (5, 100));
        assert_eq!(market.seqs(Side::Ask), [kept]);
        assert!(market.accounts.settled.is_empty());
    }
}

#[test]
fn expired_orders_are_out_of_the_way_whatever_steps_and_queue_allow() {
    for kind in [
        OrderKind::PostOnly,
        OrderKind::PostOnlySlide,
        OrderKind::Limit,
    ] {
        let mut market = Fixture::new(&[]);
        market.rest_until(1, Side::Ask, 90, 5, 1_010);
        market.leave_queue_room(0);
        market.now = 1_010;
        let order = TakerOrder {
            kind,
            max_steps: 0,
            ..market.order(TAKER, Side::Bid, 100, 5)
        };
        let outcome = market.place(&order).unwrap();
        assert_eq!((outcome.stop, outcome.resting_lots), (Stop::Price, 5));
        assert!(market.orders.side(Side::Ask).is_empty());
    }
}

/// A market whose bids are full with one lot each of person 1, at prices 100 to 1123, person 2's ask at 2000.
fn full_market(people: &[u8]) -> Fixture {
    let mut market = Fixture::new(people);
    for price in 100..1_124 {
        market.rest(1, Side::Bid, price, 1);
    }
    market.rest(2, Side::Ask, 2_000, 3);
    market
}

#[test]
fn full_side_evicts_its_worst_order_and_tells_its_owner_at_hand() {
    let mut market = full_market(&[1]);
    let order = market.order(TAKER, Side::Bid, 101, 5);
    let outcome = market.place(&order).unwrap();
    let evicted = outcome.evicted.unwrap();
    assert_eq!((evicted.price, evicted.seq), (100, 1));
    assert_eq!(outcome.resting_lots, 5);
    assert_eq!(market.orders.find(Side::Bid, 100, 1), None);
    assert!(market.orders.find(Side::Bid, 101, order.seq).is_some());
    assert_eq!(market.orders.side(Side::Bid).len(), BOOK_SIDE_CAPACITY);
    let event = market.accounts.settled.last().unwrap();
    assert_eq!(
        (event.seq, event.lots, event.reason),
        (1, 1, Some(OutReason::Evicted))
    );
    assert!(event.order_done && market.queue.is_empty());
}

#[test]
fn full_side_gives_up_all_that_has_expired_before_it_evicts() {
    let mut market = Fixture::new(&[]);
    for price in 100..1_114 {
        market.rest(1, Side::Bid, price, 1);
    }
    for price in 1_200..1_210 {
        market.rest_until(1, Side::Bid, price, 9, 1_010);
    }
    market.leave_queue_room(0);
    let order = market.order(TAKER, Side::Bid, 50, 1);
    assert_eq!(market.place(&order), Err(MatchError::BookFull));
    market.now = 1_010;
    let order = market.order(TAKER, Side::Bid, 50, 1);
    let outcome = market.place(&order).unwrap();
    assert_eq!((outcome.resting_lots, outcome.evicted), (1, None));
    assert_eq!(market.orders.side(Side::Bid).len(), 1_015);
    assert_eq!(market.orders.side(Side::Bid).best().unwrap().price, 1_113);
}

#[test]
fn full_side_queues_the_eviction_when_the_owner_is_not_at_hand() {
    let mut market = full_market(&[]);
    market.leave_queue_room(1);
    let order = market.order(TAKER, Side::Bid, 101, 5);
    assert_eq!(market.place(&order).unwrap().resting_lots, 5);
    let event = Event::of_queued(market.queue.entries().last().unwrap());
    assert_eq!(
        (event.maker, event.seq, event.reason),
        (key(1), 1, Some(OutReason::Evicted))
    );
    let order = market.order(TAKER, Side::Bid, 101, 5);
    assert_eq!(market.place(&order), Err(MatchError::BookFull));
}

#[test]
fn full_side_refuses_an_order_that_is_not_better_than_the_worst() {
    let mut market = full_market(&[1]);
    for kind in [
        OrderKind::Limit,
        OrderKind::PostOnly,
        OrderKind::PostOnlySlide,
    ] {
        assert_eq!(
            post(&mut market, kind, Side::Bid, 100),
            Err(MatchError::BookFull)
        );
    }
    assert_eq!(market.orders.side(Side::Bid).len(), BOOK_SIDE_CAPACITY);
    assert_eq!(market.orders.side(Side::Bid).as_slice()[0].seq, 1);
}

#[test]
fn remainder_of_a_filled_order_is_dropped_when_the_side_is_full() {
    let mut market = full_market(&[]);
    market.leave_queue_room(1);
    let order = market.order(TAKER, Side::Bid, 2_000, 5);
    let outcome = market.place(&order).unwrap();
    assert_eq!(
        (outcome.filled_lots, outcome.dropped_lots, outcome.stop),
        (3, 2, Stop::BookFull)
    );
    assert_eq!(outcome.evicted, None);
}
