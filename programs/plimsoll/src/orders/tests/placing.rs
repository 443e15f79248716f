//! Tests of placing orders: fees, limits, reduce-only, staleness, health.
use super::*;
use plimsoll_risk::position::trading_fee;
use plimsoll_risk::QuoteNative;

fn fee(notional: i64, rate: i64) -> i64 {
    trading_fee(QuoteNative(notional), i32::try_from(rate).unwrap())
        .unwrap()
        .0
}

#[test]
fn a_resting_order_is_counted_and_leaves_no_trace_when_cancelled() {
    let mut desk = Desk::new();
    assert_eq!(desk.place(0, bid(990, 20), &[]).unwrap(), 1);
    assert_eq!(desk.place(0, ask(1_010, 30), &[]).unwrap(), 2);
    let perp = desk.perp(0);
    assert_eq!((perp.bid_lots.0, perp.ask_lots.0), (20, 30));
    assert_eq!(desk.account(0).orders[1].client_id, 7);
    let cancelled = desk.cancel_all(0);
    assert_eq!((cancelled.count, cancelled.waiting), (2, 0));
    assert!(desk.perp(0).is_free());
    assert!(desk.account(0).orders.iter().all(|order| order.is_free()));
    assert_eq!(desk.book_lots(Side::Bid) + desk.book_lots(Side::Ask), 0);
}

#[test]
fn a_trade_in_place_books_both_sides_fees_and_interest() {
    let mut desk = Desk::new();
    desk.place(0, ask(1_000, 20), &[]).unwrap();
    desk.place(1, bid(1_000, 15), &[0]).unwrap();
    let notional = 15 * 1_000 * 1_000;
    let (rebate, charge) = (fee(notional, -3_355), fee(notional, 8_388));
    assert_eq!((desk.position(0), desk.position(1)), (-15, 15));
    assert_eq!(desk.perp(0).quote.0, notional - rebate);
    assert_eq!(desk.perp(1).quote.0, -notional - charge);
    assert_eq!(
        i64::try_from(desk.market.fees_accrued).unwrap(),
        charge + rebate
    );
    assert_eq!(
        (desk.market.long_interest, desk.market.short_interest),
        (15, 15)
    );
    assert_eq!(desk.perp(0).ask_lots.0, 5);
    assert!(desk.queue.is_empty());
}

#[test]
fn settling_later_gives_what_settling_in_place_gives() {
    let (mut now, mut later) = (Desk::new(), Desk::new());
    for (desk, hands) in [(&mut now, &[0usize][..]), (&mut later, &[][..])] {
        desk.place(0, ask(1_000, 20), &[]).unwrap();
        desk.place(1, bid(1_010, 15), hands).unwrap();
        desk.market.funding_long = 777 << 20;
        desk.market.funding_short = 777 << 20;
    }
    assert_eq!(later.queue.len(), 1);
    assert_eq!(later.market.fees_accrued, now.market.fees_accrued);
    assert_eq!(later.position(0), 0);
    assert_eq!(later.settle(0), 1);
    let funding = now.market.funding();
    let mut perp = now.perp(0);
    perp.settle_funding(funding).unwrap();
    assert_eq!(later.perp(0), perp);
    assert_eq!(later.market.long_interest, now.market.long_interest);
    assert_eq!(later.market.short_interest, now.market.short_interest);
    assert_eq!(later.account(0).orders, now.account(0).orders);
}

#[test]
fn fees_never_go_below_nothing() {
    let mut desk = Desk::new();
    desk.market.params.maker_fee = -8_388;
    for _ in 0..20 {
        desk.place(0, ask(1_000, 5), &[]).unwrap();
    }
    let before = desk.market.fees_accrued;
    desk.place(1, bid(1_000, 55), &[0]).unwrap();
    desk.place(1, bid(1_000, 45), &[]).unwrap();
    assert!(desk.market.fees_accrued >= before);
    assert_eq!(desk.position(1), 100);
}

#[test]
fn a_reduce_only_order_needs_and_keeps_to_an_opposite_position() {
    let mut desk = Desk::new();
    refused(
        desk.place(0, reduce(ask(1_000, 10)), &[]),
        PlimsollError::NotReducing,
    );
    desk.place(1, ask(1_000, 12), &[]).unwrap();
    desk.place(0, bid(1_000, 12), &[1]).unwrap();
    refused(
        desk.place(0, reduce(bid(1_000, 10)), &[]),
        PlimsollError::NotReducing,
    );
    desk.place(2, bid(1_000, 100), &[]).unwrap();
    desk.place(0, reduce(ask(990, 9)), &[2]).unwrap();
    assert_eq!(desk.position(0), 3);
    // Fewer lots than the minimum, but all there are.
    refused(
        desk.place(0, reduce(ask(990, 2)), &[2]),
        PlimsollError::InvalidOrderSize,
    );
    desk.place(0, reduce(ask(990, 50)), &[2]).unwrap();
    assert_eq!(desk.position(0), 0);
    assert!(desk.account(0).find_perp(0).is_some(), "a claim is left");
}

fn reduce(terms: OrderTerms) -> OrderTerms {
    OrderTerms {
        reduce_only: true,
        ..terms
    }
}

/// Account 0 is long 20.
fn long_twenty() -> Desk {
    let mut desk = Desk::new();
    desk.place(1, ask(1_000, 20), &[]).unwrap();
    desk.place(0, bid(1_000, 20), &[1]).unwrap();
    desk
}

#[test]
fn a_trade_takes_off_a_reduce_only_order_what_no_longer_reduces() {
    for hands in [&[0][..], &[]] {
        let mut desk = long_twenty();
        desk.place(0, reduce(ask(1_005, 20)), &[]).unwrap();
        desk.place(2, bid(1_000, 12), &[]).unwrap();
        desk.place(0, ask(1_000, 12), &[2]).unwrap();
        assert_eq!(desk.position(0), 8);
        assert_eq!(desk.book_lots(Side::Ask), 8);
        desk.place(3, bid(1_005, 20), hands).unwrap();
        desk.settle(0);
        assert_eq!(desk.position(0), 0);
        assert_eq!(desk.position(3), 8);
        assert_eq!(desk.perp(0).order_mask, 0);
        assert_eq!(desk.perp(0).reduce_only_orders, 0);
    }
}

#[test]
fn orders_of_the_closing_side_leave_reduce_only_ones_what_they_do_not_close() {
    let mut desk = long_twenty();
    desk.place(0, reduce(ask(1_005, 12)), &[]).unwrap();
    desk.place(0, reduce(ask(1_010, 12)), &[]).unwrap();
    let lots = |desk: &Desk| -> Vec<(u64, i64)> {
        let asks = desk.book.orders.side(Side::Ask);
        asks.iter().map(|order| (order.price, order.lots)).collect()
    };
    assert_eq!(
        lots(&desk),
        [(1_005, 12), (1_010, 8)],
        "the worst price yields"
    );
    desk.place(0, reduce(ask(1_007, 10)), &[]).unwrap();
    assert_eq!(lots(&desk), [(1_005, 12), (1_007, 8)]);
    // Five lots are the least that rests: three would be dust.
    desk.place(0, ask(1_002, 5), &[]).unwrap();
    assert_eq!(lots(&desk), [(1_002, 5), (1_005, 12)]);
    // Bids open more, and take nothing away.
    desk.place(0, bid(990, 50), &[]).unwrap();
    assert_eq!(desk.book_lots(Side::Ask), 17);
    desk.place(0, ask(1_003, 17), &[]).unwrap();
    assert_eq!(lots(&desk), [(1_002, 5), (1_003, 17)]);
    desk.place(1, bid(1_010, 60), &[]).unwrap();
    desk.settle(0);
    assert_eq!(desk.position(0), -2, "what is not reduce-only may open");
}

#[test]
fn turning_a_position_takes_reduce_only_orders_off_both_sides() {
    let mut desk = long_twenty();
    desk.place(0, reduce(ask(1_005, 20)), &[]).unwrap();
    desk.place(2, bid(1_000, 50), &[]).unwrap();
    desk.place(0, ask(1_000, 45), &[]).unwrap();
    assert_eq!(desk.position(0), -25);
    assert_eq!(desk.book_lots(Side::Ask), 0);
    desk.place(0, reduce(bid(990, 25)), &[]).unwrap();
    desk.place(3, ask(990, 60), &[]).unwrap();
    desk.settle(0);
    assert_eq!(desk.position(0), 0);
}

#[test]
fn the_cap_on_open_interest_binds_only_what_adds_to_it() {
    let mut desk = Desk::new();
    desk.market.params.open_interest_cap_lots = 20;
    desk.place(0, ask(1_000, 100), &[]).unwrap();
    desk.place(1, bid(1_000, 20), &[0]).unwrap();
    refused(
        desk.place(2, bid(1_000, 5), &[0]),
        PlimsollError::OpenInterestCap,
    );
    let mut desk = Desk::new();
    desk.place(0, ask(1_000, 40), &[]).unwrap();
    desk.place(1, bid(1_000, 40), &[0]).unwrap();
    desk.market.params.open_interest_cap_lots = 20;
    // From one long to another, and closing: both stay above the cap, neither adds.
    desk.place(2, bid(1_000, 10), &[]).unwrap();
    desk.place(1, ask(1_000, 10), &[2]).unwrap();
    desk.place(0, bid(1_000, 10), &[]).unwrap();
    desk.place(1, ask(1_000, 10), &[0]).unwrap();
    assert_eq!(
        (desk.market.long_interest, desk.market.short_interest),
        (30, 30)
    );
}

/// Older than a trade allows.
fn go_stale(desk: &mut Desk) {
    desk.clock.unix_timestamp += 61;
}

/// Account 0 is long 20, account 1 short.
fn desk_with_a_trade() -> Desk {
    let mut desk = Desk::new();
    desk.place(0, bid(1_000, 20), &[]).unwrap();
    desk.place(1, ask(1_000, 20), &[0]).unwrap();
    desk
}

fn closing(terms: OrderTerms) -> OrderTerms {
    OrderTerms {
        reduce_only: true,
        kind: OrderType::Market,
        ..terms
    }
}

#[test]
fn a_stale_entry_refuses_all_but_reduce_only_orders() {
    let mut desk = desk_with_a_trade();
    desk.place(1, bid(1_000, 20), &[]).unwrap();
    desk.clock.unix_timestamp += 60;
    desk.place(1, bid(900, 10), &[]).unwrap();
    desk.clock.unix_timestamp += 1;
    refused(
        desk.place(1, bid(1_000, 10), &[]),
        PlimsollError::StaleEntry,
    );
    refused(desk.place(3, bid(100, 10), &[]), PlimsollError::StaleEntry);
    desk.place(0, closing(ask(0, 20)), &[1]).unwrap();
    assert_eq!((desk.position(0), desk.position(1)), (0, 0));
}

/// Whoever rested an order would otherwise sell a way out at a price that is no more.
#[test]
fn while_an_entry_is_stale_trades_happen_only_where_both_sides_reduce() {
    let mut desk = desk_with_a_trade();
    // A stranger's bid, which would open a long.
    desk.place(2, bid(1_000, 20), &[]).unwrap();
    go_stale(&mut desk);
    refused(
        desk.place(0, closing(ask(0, 20)), &[2]),
        PlimsollError::StaleEntry,
    );

    // A bid of more lots than close its short; of as many they all close.
    for lots in [20, 25] {
        let mut desk = desk_with_a_trade();
        desk.place(1, bid(1_000, lots), &[]).unwrap();
        desk.place(3, ask(1_001, 25), &[]).unwrap();
        desk.place(0, bid(1_001, 5), &[3]).unwrap();
        go_stale(&mut desk);
        let order = desk.place(0, closing(ask(0, lots)), &[1]);
        if lots == 20 {
            order.unwrap();
            assert_eq!((desk.position(0), desk.position(1)), (5, 0));
        } else {
            refused(order, PlimsollError::StaleEntry);
        }
    }

    // A maker that is not at hand is not known to reduce.
    let mut desk = desk_with_a_trade();
    desk.place(1, bid(1_000, 20), &[]).unwrap();
    go_stale(&mut desk);
    refused(
        desk.place(0, closing(ask(0, 20)), &[]),
        PlimsollError::StaleEntry,
    );
}

#[test]
fn size_slots_and_margin_are_limits() {
    let mut desk = Desk::new();
    refused(
        desk.place(0, bid(1_000, 4), &[]),
        PlimsollError::InvalidOrderSize,
    );
    refused(
        desk.place(0, bid(1_000, 0), &[]),
        PlimsollError::InvalidOrderSize,
    );
    refused(
        desk.place(0, bid(1_000, i64::MAX), &[]),
        PlimsollError::InvalidOrderSize,
    );
    // Ten times the deposit, and not a lot more.
    let affordable = DEPOSIT * 10 / (1_000 * 1_000);
    let too_much = bid(1_000, affordable + 1);
    refused(
        desk.place(0, too_much, &[]),
        PlimsollError::InsufficientHealth,
    );
    let mut desk = Desk::new();
    desk.place(0, bid(1_000, affordable), &[]).unwrap();
    let mut desk = Desk::new();
    for _ in 0..64 {
        desk.place(0, bid(900, 5), &[]).unwrap();
    }
    refused(
        desk.place(0, bid(900, 5), &[]),
        PlimsollError::NoFreeOrderSlot,
    );
}

#[test]
fn a_quote_budget_is_in_native_quote() {
    let mut desk = Desk::new();
    desk.place(0, ask(1_000, 100), &[]).unwrap();
    let budget = OrderTerms {
        max_quote: Some(7_900_000),
        kind: OrderType::Market,
        ..bid(u64::MAX, i64::MAX)
    };
    desk.place(1, budget, &[0]).unwrap();
    assert_eq!(desk.position(1), 7);
}

#[test]
fn own_orders_never_trade_and_their_slot_survives_the_order() {
    let mut desk = Desk::new();
    desk.place(0, ask(1_000, 10), &[]).unwrap();
    // The only order of the account goes while it places another.
    let cancel = OrderTerms {
        self_trade: SelfTradeBehavior::CancelProvide,
        ..bid(1_000, 8)
    };
    desk.place(0, cancel, &[]).unwrap();
    let perp = desk.perp(0);
    assert_eq!(
        (perp.position.0, perp.bid_lots.0, perp.ask_lots.0),
        (0, 8, 0)
    );
    desk.place(0, ask(1_000, 8), &[]).unwrap();
    assert!(desk.perp(0).is_free());
}

/// What a reducing trade may lose is bounded by the margin it sets free, and by the margin that the account still has.
#[test]
fn a_reducing_trade_cannot_hand_more_than_the_account_to_its_counterparty() {
    let mut desk = Desk::new();
    desk.market.params.open_interest_cap_lots = i64::MAX;
    desk.account_mut(1).balances[0].shares.0 *= 100;
    desk.account_mut(2).balances[0].shares.0 *= 100;
    desk.place(1, ask(1_000, 9_000), &[]).unwrap();
    desk.place(0, bid(1_000, 9_000), &[1]).unwrap();
    desk.set_spot(950);
    let reduce = |price, lots| OrderTerms {
        reduce_only: true,
        ..ask(price, lots)
    };
    desk.place(2, bid(856, 9_000), &[]).unwrap();
    let dump = desk.place(0, reduce(856, 9_000), &[2]);
    refused(dump, PlimsollError::InsufficientHealth);

    // Below maintenance, at a loss that the maintenance margin would cover and the account does not.
    let mut desk = Desk::new();
    desk.account_mut(1).balances[0].shares.0 *= 100;
    desk.place(1, ask(1_000, 9_000), &[]).unwrap();
    desk.place(0, bid(1_000, 9_000), &[1]).unwrap();
    desk.set_spot(900);
    desk.place(1, bid(865, 9_000), &[]).unwrap();
    let dump = desk.place(0, reduce(865, 9_000), &[1]);
    refused(dump, PlimsollError::InsufficientHealth);

    let mut desk = Desk::new();
    desk.account_mut(1).balances[0].shares.0 *= 100;
    desk.place(1, ask(1_000, 9_000), &[]).unwrap();
    desk.place(0, bid(1_000, 9_000), &[1]).unwrap();
    desk.set_spot(950);
    desk.place(1, bid(945, 9_000), &[]).unwrap();
    // Near the oracle an account below Init may reduce, in part or whole.
    desk.place(0, reduce(945, 1_000), &[1]).unwrap();
    desk.place(0, reduce(945, 8_000), &[1]).unwrap();
    assert_eq!(desk.position(0), 0);
}
