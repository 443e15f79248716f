//! Trades, limits, self-trades and the queue.

use super::*;

#[test]
fn best_price_trades_first_and_then_the_older_order() {
    for (side, prices, limit) in [
        (Side::Ask, [101, 100, 100, 102], 101),
        (Side::Bid, [99, 100, 100, 98], 99),
    ] {
        let mut market = Fixture::new(&[1]);
        for price in prices {
            market.rest(1, side, price, 10);
        }
        let outcome = market.take(side.opposite(), limit, 35);
        assert_eq!(market.settled_fills(), [(2, 10), (3, 10), (1, 10)]);
        let quote = i64::try_from(prices[0] + prices[1] + prices[2]).unwrap() * 10;
        assert_eq!(
            (
                outcome.filled_lots,
                outcome.filled_quote_lots,
                outcome.fills
            ),
            (30, quote, 3)
        );
        assert_eq!((outcome.dropped_lots, outcome.stop), (5, Stop::Price));
        assert_eq!(market.seqs(side), [4]);
    }
}

#[test]
fn partial_fill_keeps_the_place_of_the_maker() {
    let mut market = Fixture::new(&[1]);
    let first = market.rest(1, Side::Ask, 100, 10);
    let second = market.rest(1, Side::Ask, 100, 10);
    assert_eq!(market.take(Side::Bid, 100, 4).stop, Stop::Exhausted);
    assert!(!market.accounts.settled[0].order_done);
    assert_eq!(market.seqs(Side::Ask), [first, second]);
    assert_eq!(market.orders.find(Side::Ask, 100, first).unwrap().lots, 6);
    market.take(Side::Bid, 100, 6);
    assert!(market.accounts.settled[1].order_done);
    assert_eq!(market.seqs(Side::Ask), [second]);
}

#[test]
fn remainder_of_a_limit_order_rests_as_asked() {
    let mut market = Fixture::new(&[1]);
    market.rest(1, Side::Ask, 100, 4);
    let order = market.order(TAKER, Side::Bid, 101, 10);
    let order = TakerOrder {
        expiry: 2_000,
        owner_slot: 9,
        reduce_only: true,
        ..order
    };
    let outcome = market.place(&order).unwrap();
    assert_eq!(
        (
            outcome.filled_lots,
            outcome.resting_lots,
            outcome.resting_price
        ),
        (4, 6, 101)
    );
    let resting = *market.orders.find(Side::Bid, 101, order.seq).unwrap();
    let expected = BookOrder {
        price: 101,
        seq: order.seq,
        lots: 6,
        owner: key(TAKER),
        expiry: 2_000,
        owner_slot: 9,
        flags: BookOrder::REDUCE_ONLY,
        ..BookOrder::default()
    };
    assert_eq!(resting, expected);
}

#[test]
fn trade_with_a_maker_not_at_hand_is_queued_with_its_terms() {
    let mut market = Fixture::new(&[]);
    let seq = market.rest(1, Side::Ask, 100, 10);
    market.now = 1_234;
    assert_eq!(market.take(Side::Bid, 100, 4).filled_lots, 4);
    let expected = QueuedFill {
        maker: key(1),
        seq,
        price: 100,
        lots: 4,
        maker_fee: 4 * 100 * 10 - 3,
        funding_index: 77,
        time: 1_234,
        kind: QueuedFill::FILL,
        maker_side: 1,
        maker_slot: 7,
        order_done: 0,
        _padding: [0; 4],
    };
    assert_eq!(market.queue.entries(), [expected]);
    market.take(Side::Bid, 100, 6);
    assert_eq!(market.queue.entries()[1].order_done, 1);
}

#[test]
fn full_queue_stops_matching_without_failing_the_order() {
    let mut market = Fixture::new(&[2]);
    let absent = market.rest(1, Side::Ask, 101, 5);
    market.rest(2, Side::Ask, 100, 5);
    market.leave_queue_room(0);
    let order = market.order(TAKER, Side::Bid, 105, 20);
    let outcome = market.place(&order).unwrap();
    assert_eq!(
        (
            outcome.filled_lots,
            outcome.dropped_lots,
            outcome.resting_lots
        ),
        (5, 15, 0)
    );
    assert_eq!(outcome.stop, Stop::QueueFull);
    assert_eq!(market.seqs(Side::Ask), [absent]);
    assert_eq!(market.orders.find(Side::Ask, 101, absent).unwrap().lots, 5);
}

#[test]
fn an_order_that_may_leave_nothing_to_the_queue_trades_with_makers_at_hand_alone() {
    let mut market = Fixture::new(&[1]);
    market.rest(1, Side::Ask, 100, 5);
    let absent = market.rest(2, Side::Ask, 101, 5);
    let order = TakerOrder {
        in_place_only: true,
        ..market.order(TAKER, Side::Bid, 101, 9)
    };
    let whole = TakerOrder {
        kind: OrderKind::FillOrKill,
        ..order
    };
    assert_eq!(market.place(&whole), Err(MatchError::NotFillable));
    let outcome = market.place(&order).unwrap();
    assert_eq!(
        (outcome.filled_lots, outcome.resting_lots, outcome.stop),
        (5, 0, Stop::QueueFull)
    );
    assert!(market.queue.is_empty());
    assert_eq!(market.seqs(Side::Ask), [absent]);
}

#[test]
fn expired_makers_vanish_and_never_trade_at_hand_or_not() {
    let mut market = Fixture::new(&[1]);
    market.rest_until(1, Side::Ask, 100, 5, 1_010);
    market.rest_until(2, Side::Ask, 101, 5, 1_010);
    let live = market.rest_until(1, Side::Ask, 102, 5, 1_011);
    market.now = 1_010;
    assert_eq!(market.take(Side::Bid, 110, 5).filled_quote_lots, 5 * 102);
    assert_eq!(market.settled_fills(), [(live, 5)]);
    assert_eq!(market.accounts.settled.len(), 1);
    assert!(market.queue.is_empty());
    assert!(market.orders.side(Side::Ask).is_empty());
}

#[test]
fn expired_orders_cost_neither_a_step_nor_room_in_the_queue() {
    let mut market = Fixture::new(&[]);
    for _ in 0..40 {
        market.rest_until(1, Side::Ask, 99, 5, 1_010);
    }
    for _ in 0..3 {
        market.rest(1, Side::Ask, 100, 5);
    }
    market.now = 1_010;
    market.leave_queue_room(2);
    let order = TakerOrder {
        max_steps: 2,
        ..market.order(TAKER, Side::Bid, 110, 20)
    };
    let outcome = market.place(&order).unwrap();
    assert_eq!(
        (outcome.filled_lots, outcome.dropped_lots, outcome.stop),
        (10, 10, Stop::StepLimit)
    );
    assert_eq!(market.orders.side(Side::Ask).len(), 1);
    // A fill-or-kill order counts as it then trades.
    market.rest(1, Side::Ask, 100, 5);
    market.rest_until(1, Side::Ask, 99, 5, 1_011);
    market.now = 1_011;
    let order = TakerOrder {
        max_steps: 2,
        kind: OrderKind::FillOrKill,
        ..market.order(TAKER, Side::Bid, 110, 10)
    };
    assert_eq!(
        market.place(&order),
        Err(MatchError::NotFillable),
        "no room"
    );
    market.queue = zeroed_box();
    assert_eq!(market.place(&order).unwrap().filled_lots, 10);
}

#[test]
fn what_a_trade_leaves_leaves_the_book_where_it_is_dust() {
    for at_hand in [&[1][..], &[]] {
        let mut market = Fixture::new(at_hand);
        market.rest(1, Side::Ask, 100, 10);
        let least = |order| TakerOrder {
            kind: OrderKind::ImmediateOrCancel,
            min_quote_lots: 400,
            ..order
        };
        let order = least(market.order(TAKER, Side::Bid, 100, 6));
        market.place(&order).unwrap();
        assert_eq!(market.orders.find(Side::Ask, 100, 1).unwrap().lots, 4);
        let order = least(market.order(TAKER, Side::Bid, 100, 1));
        assert_eq!(market.place(&order).unwrap().filled_lots, 1);
        assert!(market.orders.side(Side::Ask).is_empty(), "3 lots are dust");
        let events: Vec<_> = market
            .queue
            .entries()
            .iter()
            .map(Event::of_queued)
            .collect();
        let last = market.accounts.settled.last().or(events.last()).unwrap();
        assert!(last.order_done);
        assert_eq!(last.lots, 1);
    }
}

#[test]
fn a_remainder_rests_unless_it_is_dust_or_reduces_only() {
    let mut market = Fixture::new(&[1]);
    for (lots, reduce_only, rests) in [(4, false, 4), (3, false, 0), (3, true, 3)] {
        market.rest(1, Side::Ask, 100, 5);
        let order = TakerOrder {
            min_quote_lots: 400,
            reduce_only,
            ..market.order(TAKER, Side::Bid, 100, 5 + lots)
        };
        let outcome = market.place(&order).unwrap();
        assert_eq!((outcome.filled_lots, outcome.resting_lots), (5, rests));
        let stop = if rests == 0 { Stop::Dust } else { Stop::Price };
        assert_eq!(outcome.stop, stop);
        assert_eq!(outcome.dropped_lots, lots - rests);
        if rests > 0 {
            market.orders.cancel(Side::Bid, 100, order.seq).unwrap();
        }
    }
}

#[test]
fn an_own_order_is_not_decremented_to_dust() {
    let mut market = Fixture::new(&[]);
    market.rest(TAKER, Side::Ask, 100, 10);
    let order = TakerOrder {
        self_trade: SelfTrade::DecrementAndCancel,
        min_quote_lots: 400,
        ..market.order(TAKER, Side::Bid, 100, 7)
    };
    let outcome = market.place(&order).unwrap();
    assert_eq!(outcome.decremented_lots, 7);
    assert!(market.orders.side(Side::Ask).is_empty());
    let out = market.accounts.settled[0];
    assert_eq!((out.lots, out.order_done), (10, true));
}

#[test]
fn quote_budget_bounds_trades_and_what_rests() {
    let mut market = Fixture::new(&[1]);
    market.rest(1, Side::Ask, 100, 5);
    market.rest(1, Side::Ask, 110, 5);
    let order = market.order(TAKER, Side::Bid, 110, 9);
    let outcome = market
        .place(&TakerOrder {
            max_quote_lots: Some(725),
            ..order
        })
        .unwrap();
    assert_eq!((outcome.filled_lots, outcome.filled_quote_lots), (7, 720));
    assert_eq!((outcome.stop, outcome.dropped_lots), (Stop::QuoteBudget, 2));
    let order = market.order(TAKER, Side::Bid, 100, 9);
    let outcome = market
        .place(&TakerOrder {
            max_quote_lots: Some(399),
            ..order
        })
        .unwrap();
    assert_eq!((outcome.resting_lots, outcome.dropped_lots), (3, 6));
    let order = market.order(TAKER, Side::Bid, 100, 9);
    let outcome = market
        .place(&TakerOrder {
            max_quote_lots: Some(99),
            ..order
        })
        .unwrap();
    assert_eq!((outcome.resting_lots, outcome.stop), (0, Stop::QuoteBudget));
}

#[test]
fn fill_or_kill_trades_whole_or_changes_nothing() {
    let mut market = Fixture::new(&[1]);
    market.rest_until(1, Side::Ask, 99, 50, 1_010);
    market.rest(1, Side::Ask, 100, 5);
    market.rest(2, Side::Ask, 101, 5);
    market.rest(1, Side::Ask, 102, 5);
    market.now = 1_010;
    market.leave_queue_room(1);
    let order = TakerOrder {
        kind: OrderKind::FillOrKill,
        ..market.order(TAKER, Side::Bid, 102, 15)
    };
    let before = duplicate(&*market.orders);
    for refused in [
        TakerOrder { lots: 16, ..order },
        TakerOrder {
            price: 101,
            ..order
        },
        TakerOrder {
            max_steps: 2,
            ..order
        },
        TakerOrder {
            max_quote_lots: Some(1_514),
            ..order
        },
    ] {
        assert_eq!(market.place(&refused), Err(MatchError::NotFillable));
        assert!(bytemuck::bytes_of(&*before) == bytemuck::bytes_of(&*market.orders));
        assert!(market.accounts.settled.is_empty());
    }
    let room_taken = duplicate(&*market.queue);
    market.leave_queue_room(0);
    assert_eq!(market.place(&order), Err(MatchError::NotFillable));
    assert!(market.accounts.settled.is_empty());
    market.queue = room_taken;
    let outcome = market
        .place(&TakerOrder {
            max_steps: 3,
            max_quote_lots: Some(1_515),
            ..order
        })
        .unwrap();
    assert_eq!(
        (
            outcome.filled_lots,
            outcome.filled_quote_lots,
            outcome.dropped_lots
        ),
        (15, 1_515, 0)
    );
}

#[test]
fn fill_or_kill_does_not_skip_a_price_that_its_budget_cannot_reach() {
    let mut market = Fixture::new(&[1]);
    market.rest(1, Side::Bid, 4, 7);
    market.rest(1, Side::Bid, 1, 1);
    let order = market.order(TAKER, Side::Ask, 1, 7);
    let order = TakerOrder {
        kind: OrderKind::FillOrKill,
        max_quote_lots: Some(25),
        ..order
    };
    assert_eq!(market.place(&order), Err(MatchError::NotFillable));
    assert!(market.accounts.settled.is_empty());
}

#[test]
fn self_trade_follows_its_rule_and_never_trades() {
    let market = || {
        let mut market = Fixture::new(&[1]);
        market.rest(TAKER, Side::Ask, 100, 5);
        market.rest(1, Side::Ask, 101, 5);
        market
    };
    let place = |market: &mut Fixture, kind, self_trade| {
        let order = market.order(TAKER, Side::Bid, 101, 8);
        market.place(&TakerOrder {
            kind,
            self_trade,
            ..order
        })
    };
    let (ioc, fok) = (OrderKind::ImmediateOrCancel, OrderKind::FillOrKill);

    for kind in [ioc, fok] {
        assert_eq!(
            place(&mut market(), kind, SelfTrade::AbortTransaction),
            Err(MatchError::SelfTrade)
        );
    }

    let mut provide = market();
    let outcome = place(&mut provide, ioc, SelfTrade::CancelProvide).unwrap();
    assert_eq!(
        (
            outcome.filled_lots,
            outcome.decremented_lots,
            outcome.dropped_lots
        ),
        (5, 0, 3)
    );
    let out = provide.accounts.settled[0];
    assert_eq!(
        (out.seq, out.lots, out.reason, out.order_done),
        (1, 5, Some(OutReason::SelfTrade), true)
    );
    assert_eq!(
        place(&mut market(), fok, SelfTrade::CancelProvide),
        Err(MatchError::NotFillable)
    );

    let mut decrement = market();
    let outcome = place(&mut decrement, ioc, SelfTrade::DecrementAndCancel).unwrap();
    assert_eq!(
        (
            outcome.filled_lots,
            outcome.decremented_lots,
            outcome.dropped_lots
        ),
        (3, 5, 0)
    );
    assert_eq!(decrement.settled_fills(), [(2, 3)]);
    assert_eq!(
        place(&mut market(), fok, SelfTrade::DecrementAndCancel),
        Err(MatchError::NotFillable)
    );
}

#[test]
fn decrement_keeps_the_rest_of_a_larger_own_order() {
    let mut market = Fixture::new(&[]);
    let own = market.rest(TAKER, Side::Ask, 100, 5);
    let order = market.order(TAKER, Side::Bid, 100, 3);
    let outcome = market
        .place(&TakerOrder {
            self_trade: SelfTrade::DecrementAndCancel,
            ..order
        })
        .unwrap();
    assert_eq!(
        (outcome.decremented_lots, outcome.stop),
        (3, Stop::Exhausted)
    );
    assert_eq!(market.orders.find(Side::Ask, 100, own).unwrap().lots, 2);
    assert!(!market.accounts.settled[0].order_done);
}

#[test]
fn orders_that_make_no_sense_are_refused() {
    let mut market = Fixture::new(&[]);
    let order = market.order(TAKER, Side::Bid, 100, 5);
    for (bad, error) in [
        (TakerOrder { lots: 0, ..order }, MatchError::InvalidLots),
        (TakerOrder { lots: -1, ..order }, MatchError::InvalidLots),
        (TakerOrder { price: 0, ..order }, MatchError::InvalidPrice),
        (TakerOrder { seq: 0, ..order }, MatchError::InvalidSequence),
        (
            TakerOrder {
                expiry: 1_000,
                ..order
            },
            MatchError::Expired,
        ),
        (
            TakerOrder {
                lots: i64::MAX,
                ..order
            },
            MatchError::Overflow,
        ),
        (
            TakerOrder {
                price: u64::MAX,
                ..order
            },
            MatchError::Overflow,
        ),
        (
            TakerOrder {
                price: 1 << 63,
                lots: 1,
                ..order
            },
            MatchError::Overflow,
        ),
    ] {
        assert_eq!(market.place(&bad), Err(error));
        assert!(market.orders.side(Side::Bid).is_empty());
    }
    market.place(&order).unwrap();
    assert_eq!(market.place(&order), Err(MatchError::DuplicateOrder));
}

#[test]
fn order_without_a_price_bound_takes_the_whole_book() {
    let mut market = Fixture::new(&[1]);
    market.rest(1, Side::Ask, 1 << 62, 1);
    let outcome = market.take(Side::Bid, u64::MAX, i64::MAX);
    assert_eq!(
        (outcome.filled_lots, outcome.filled_quote_lots),
        (1, 1 << 62)
    );
    market.rest(1, Side::Ask, 1 << 62, 1);
    market.rest(1, Side::Ask, 1 << 62, 1);
    let order = market.order(TAKER, Side::Bid, u64::MAX, 2);
    let order = TakerOrder {
        kind: OrderKind::ImmediateOrCancel,
        ..order
    };
    assert_eq!(market.place(&order), Err(MatchError::Overflow));
}
