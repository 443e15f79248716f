//! Sorted sides, cancellation, capacity and prices read from the book.

use super::*;
use proptest::prelude::*;

fn order(price: u64, seq: u64) -> BookOrder {
    BookOrder {
        price,
        seq,
        lots: 1,
        owner: key(1),
        ..BookOrder::default()
    }
}

fn full_side(side: Side) -> Box<Orders> {
    let mut orders: Box<Orders> = zeroed_box();
    for seq in 1..=1024 {
        orders
            .own_and_opposite(side)
            .0
            .insert(side, order(1_000 + seq % 7, seq))
            .unwrap();
    }
    orders
}

#[test]
fn side_holds_the_better_price_and_then_the_older_order_last() {
    for (side, expected) in [
        (Side::Bid, [(12, 3), (11, 4), (11, 5), (10, 1), (10, 2)]),
        (Side::Ask, [(10, 1), (10, 2), (11, 4), (11, 5), (12, 3)]),
    ] {
        let mut orders: Box<Orders> = zeroed_box();
        let book = orders.own_and_opposite(side).0;
        for (price, seq) in [(10, 2), (11, 5), (12, 3), (10, 1), (11, 4)] {
            book.insert(side, order(price, seq)).unwrap();
        }
        let found: Vec<_> = book.iter().map(|order| (order.price, order.seq)).collect();
        assert_eq!(found, expected);
        assert_eq!(book.best().map(|order| order.seq), Some(expected[0].1));
        assert_eq!(book.as_slice()[0].seq, expected[4].1);
        assert_eq!(
            book.insert(side, order(11, 5)),
            Err(MatchError::DuplicateOrder)
        );
        assert_eq!(book.len(), 5);
    }
}

#[test]
fn cancel_returns_the_order_and_keeps_the_others() {
    for side in [Side::Bid, Side::Ask] {
        let mut orders = full_side(side);
        assert_eq!(
            orders.cancel(side, 1_003, 1),
            Err(MatchError::OrderNotFound)
        );
        assert_eq!(
            orders.cancel(side.opposite(), 1_001, 1),
            Err(MatchError::OrderNotFound)
        );
        for seq in (1..=1024).rev().step_by(2) {
            assert_eq!(
                orders.find(side, 1_000 + seq % 7, seq),
                Some(&order(1_000 + seq % 7, seq))
            );
            assert_eq!(
                orders.cancel(side, 1_000 + seq % 7, seq),
                Ok(order(1_000 + seq % 7, seq))
            );
            assert_eq!(orders.find(side, 1_000 + seq % 7, seq), None);
        }
        let mut left: Vec<_> = orders.side(side).iter().map(|order| order.seq).collect();
        let priorities: Vec<_> = left
            .iter()
            .map(|seq| (side == Side::Ask, 1_000 + seq % 7, *seq))
            .collect();
        assert!(priorities.windows(2).all(|pair| match side {
            Side::Bid => (pair[1].1, pair[0].2) < (pair[0].1, pair[1].2),
            Side::Ask => (pair[0].1, pair[0].2) < (pair[1].1, pair[1].2),
        }));
        left.sort_unstable();
        assert!(left.iter().copied().eq((1..=1024).step_by(2)));
    }
}

#[test]
fn full_side_gives_up_the_worst_order_that_is_worth_no_more() {
    for (side, best, worst) in [(Side::Bid, 1_006, 1_000), (Side::Ask, 1_000, 1_006)] {
        let mut orders = full_side(side);
        let book = orders.own_and_opposite(side).0;
        let last = *book.as_slice().first().unwrap();
        assert_eq!(last.price, worst);
        let new = |price, lots| BookOrder {
            lots,
            ..order(price, 2_000)
        };
        let same = book.displaced_by(side, &new(worst, 9));
        assert_eq!(same, Err(MatchError::BookFull), "none has less priority");
        assert_eq!(book.displaced_by(side, &new(best, 2)), Ok(&last));

        // The worst order is worth more: the next worst goes, not that one.
        book.remove(side, last.price, last.seq).unwrap();
        let large = BookOrder { lots: 50, ..last };
        book.insert(side, large).unwrap();
        let next = book.as_slice()[1];
        assert_eq!(book.displaced_by(side, &new(best, 2)), Ok(&next));
        assert_eq!(book.displaced_by(side, &new(best, 60)), Ok(&large));
        let full = book.insert(side, new(best, 2));
        assert_eq!(full, Err(MatchError::BookFull));
    }
}

#[test]
fn dust_displaces_nothing_that_is_larger() {
    for side in [Side::Bid, Side::Ask] {
        let mut orders: Box<Orders> = zeroed_box();
        let book = orders.own_and_opposite(side).0;
        for seq in 1..=1024 {
            let lots = 1_000;
            book.insert(
                side,
                BookOrder {
                    lots,
                    ..order(1_000, seq)
                },
            )
            .unwrap();
        }
        let price = if side == Side::Bid { 1_001 } else { 999 };
        let dust = BookOrder {
            lots: 998,
            ..order(price, 2_000)
        };
        assert_eq!(book.displaced_by(side, &dust), Err(MatchError::BookFull));
    }
}

#[test]
fn sweep_removes_what_has_expired_and_keeps_the_order_of_the_rest() {
    let mut orders: Box<Orders> = zeroed_box();
    for side in [Side::Bid, Side::Ask] {
        let book = orders.own_and_opposite(side).0;
        for seq in 1..=30 {
            let expiry = [0, 5, 9][usize::try_from(seq % 3).unwrap()];
            let new = BookOrder {
                expiry,
                ..order(1_000 + seq, seq)
            };
            book.insert(side, new).unwrap();
        }
    }
    let kept = |orders: &Orders, side| -> Vec<u64> {
        orders.side(side).as_slice().iter().map(|o| o.seq).collect()
    };
    assert_eq!(orders.sweep(4, false, usize::MAX), 0);
    assert_eq!(orders.sweep(5, false, 3), 3, "bids first");
    assert_eq!(orders.side(Side::Bid).len(), 27);
    assert_eq!(orders.sweep(5, false, usize::MAX), 17);
    let left = |seq: &u64| seq % 3 != 1;
    assert_eq!(
        kept(&orders, Side::Bid),
        (1..=30).filter(left).collect::<Vec<_>>()
    );
    let asks: Vec<_> = (1..=30).rev().filter(left).collect();
    assert_eq!(kept(&orders, Side::Ask), asks);
    assert_eq!(orders.sweep(8, false, usize::MAX), 0);
    assert_eq!(orders.sweep(9, false, usize::MAX), 20);
    assert_eq!(
        orders.sweep(9, true, usize::MAX),
        20,
        "all, expiring or not"
    );
    assert!(orders.side(Side::Bid).is_empty() && orders.side(Side::Ask).is_empty());
}

#[test]
fn an_order_is_reduced_in_its_place() {
    let mut orders: Box<Orders> = zeroed_box();
    let book = orders.own_and_opposite(Side::Ask).0;
    for seq in 1..=3 {
        book.insert(
            Side::Ask,
            BookOrder {
                lots: 5,
                ..order(1_000, seq)
            },
        )
        .unwrap();
    }
    orders.reduce(Side::Ask, 1_000, 2, 4).unwrap();
    let lots: Vec<_> = orders
        .side(Side::Ask)
        .iter()
        .map(|o| (o.seq, o.lots))
        .collect();
    assert_eq!(lots, [(1, 5), (2, 1), (3, 5)]);
    for (seq, lots, error) in [
        (2, 1, MatchError::InvalidLots),
        (1, 0, MatchError::InvalidLots),
        (9, 1, MatchError::OrderNotFound),
    ] {
        assert_eq!(orders.reduce(Side::Ask, 1_000, seq, lots), Err(error));
    }
}

#[test]
fn length_beyond_the_capacity_is_not_believed() {
    let mut orders = full_side(Side::Bid);
    bytemuck::bytes_of_mut(&mut *orders)[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(orders.side(Side::Bid).len(), BOOK_SIDE_CAPACITY);
    assert_eq!(orders.side(Side::Bid).iter().count(), BOOK_SIDE_CAPACITY);
}

#[test]
fn best_and_mid_skip_expired_orders() {
    let mut market = Fixture::new(&[1]);
    assert_eq!(market.orders.mid_price(market.now), None);
    market.rest(1, Side::Bid, 100, 5);
    assert_eq!(market.orders.mid_price(market.now), None);
    market.rest_until(1, Side::Bid, 101, 5, 1_001);
    market.rest(1, Side::Ask, 105, 5);
    assert_eq!(market.orders.best_price(Side::Bid, 1_000), Some(101));
    assert_eq!(market.orders.mid_price(1_000), Some(103));
    assert_eq!(market.orders.best_price(Side::Bid, 1_001), Some(100));
    assert_eq!(market.orders.mid_price(1_001), Some(102));
}

#[test]
fn an_impact_is_what_the_depth_comes_to() {
    let mut market = Fixture::new(&[1]);
    market.rest(1, Side::Ask, 100, 2);
    market.rest_until(1, Side::Ask, 101, 50, 1_001);
    market.rest(1, Side::Ask, 103, 5);
    market.rest(1, Side::Bid, 90, 2);
    market.rest(1, Side::Bid, 80, 5);
    let all = |now| Rested {
        before: u64::MAX,
        now,
    };
    let impact = |side, lots, limit| market.orders.impact(side, lots, limit, &all(1_001));
    assert_eq!(impact(Side::Ask, 2, 200), Some(200));
    assert_eq!(impact(Side::Ask, 3, 200), Some(303));
    assert_eq!(impact(Side::Ask, 7, 200), Some(715));
    assert_eq!(impact(Side::Ask, 8, 200), None, "too thin");
    assert_eq!(impact(Side::Bid, 3, 1), Some(260));
    assert_eq!(impact(Side::Bid, 7, 1), Some(580));
    for (side, lots) in [(Side::Bid, 0), (Side::Ask, 0), (Side::Bid, -1)] {
        assert_eq!(impact(side, lots, 50), None);
    }
    let earlier = market.orders.impact(Side::Ask, 7, 200, &all(1_000));
    assert_eq!(earlier, Some(705), "not expired yet");
    // No better than the limit is none, though its first orders are.
    assert_eq!(impact(Side::Bid, 7, 82), Some(580), "82 and six sevenths");
    assert_eq!(impact(Side::Bid, 7, 83), None);
    assert_eq!(impact(Side::Bid, 2, 90), None);
    assert_eq!(impact(Side::Ask, 7, 103), Some(715), "102 and a seventh");
    assert_eq!(impact(Side::Ask, 7, 102), None);
    assert_eq!(impact(Side::Ask, 2, 100), None);
    assert_eq!(
        impact(Side::Ask, i64::MAX, u64::MAX),
        None,
        "beyond 64 bits"
    );
}

#[test]
fn an_impact_counts_only_what_rested_and_can_trade() {
    let mut market = Fixture::new(&[1]);
    market.rest(1, Side::Bid, 99, 5);
    let young = market.rest(1, Side::Bid, 100, 5);
    let impact = |orders: &Orders, before| {
        let rested = Rested { before, now: 1_000 };
        orders.impact(Side::Bid, 5, 90, &rested)
    };
    assert_eq!(impact(&market.orders, young), Some(495));
    assert_eq!(impact(&market.orders, young + 1), Some(500));
    assert_eq!(impact(&market.orders, 0), None);
    let reducing = BookOrder {
        flags: BookOrder::REDUCE_ONLY,
        ..market.orders.cancel(Side::Bid, 100, young).unwrap()
    };
    let (own, _) = market.orders.own_and_opposite(Side::Bid);
    own.insert(Side::Bid, reducing).unwrap();
    assert_eq!(impact(&market.orders, young + 1), Some(495));
}

proptest! {
    #[test]
    fn an_impact_is_that_of_the_whole_side_walked(
        orders in prop::collection::vec((80u64..120, 1i64..20, 0u8..4), 0..60), lots in 1i64..300, limit in 80u64..120, is_bid: bool,
    ) {
        let side = if is_bid { Side::Bid } else { Side::Ask };
        let mut market = Fixture::new(&[1]);
        let mut seqs = Vec::new();
        for (price, size, kind) in &orders {
            seqs.push(if *kind == 0 {
                market.rest_until(1, side, *price, *size, 1_001)
            } else {
                market.rest(1, side, *price, *size)
            });
        }
        let rested = Rested { before: seqs.get(seqs.len() / 2).copied().unwrap_or(1), now: 1_001 };
        let mut missing = lots as u64;
        let mut notional = 0;
        for order in market.orders.side(side).iter() {
            if order.seq < rested.before && !order.is_expired(rested.now) {
                let taken = missing.min(order.lots as u64);
                notional += taken * order.price;
                missing -= taken;
            }
        }
        let bound = lots as u64 * limit;
        let better = if is_bid { notional > bound } else { notional < bound };
        let expected = (missing == 0 && better).then_some(notional);
        prop_assert_eq!(market.orders.impact(side, lots, limit, &rested), expected);
    }
}
