//! Random histories of orders, cancels and settlements: what holds after every step.
use super::*;
use proptest::prelude::*;

/// The market's cap on open interest: a few orders reach it.
const CAP: i64 = 100;

#[derive(Clone, Debug)]
enum Step {
    Place {
        who: usize,
        terms: OrderTerms,
        hands: Vec<usize>,
    },
    Cancel(usize),
    Settle(usize),
    /// Funding of both sides moves.
    Fund(i64),
}

fn order() -> impl Strategy<Value = OrderTerms> {
    let side = prop_oneof![Just(OrderSide::Bid), Just(OrderSide::Ask)];
    let kind = prop_oneof![
        4 => Just(OrderType::Limit),
        1 => Just(OrderType::PostOnlySlide),
        1 => Just(OrderType::ImmediateOrCancel),
        1 => Just(OrderType::Market),
    ];
    let self_trade = prop_oneof![
        Just(SelfTradeBehavior::DecrementAndCancel),
        Just(SelfTradeBehavior::CancelProvide),
    ];
    (
        side,
        kind,
        self_trade,
        980u64..1_020,
        5i64..60,
        any::<bool>(),
        0u8..6,
    )
        .prop_map(
            |(side, kind, self_trade, price, lots, reduce_only, max_fills)| OrderTerms {
                kind,
                self_trade,
                reduce_only,
                max_fills,
                ..limit(side, price, lots)
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0usize..4, order(), proptest::collection::vec(0usize..4, 0..3)).prop_map(
            |(who, terms, mut hands)| {
                hands.sort_unstable();
                hands.dedup();
                Step::Place { who, terms, hands }
            }
        ),
        1 => (0usize..4).prop_map(Step::Cancel),
        1 => (0usize..4).prop_map(Step::Settle),
        1 => (-1_000i64..1_000).prop_map(Step::Fund),
    ]
}

/// Lots of a side in the order slots of all accounts.
fn slot_lots(desk: &Desk, side: Side) -> i64 {
    let of_slot = |perp: PerpPosition| match side {
        Side::Bid => perp.bid_lots.0,
        Side::Ask => perp.ask_lots.0,
    };
    (0..4).map(|who| of_slot(desk.perp(who))).sum()
}

fn waiting_lots(desk: &Desk, side: Side) -> i64 {
    let entries = desk.queue.entries().iter();
    entries
        .filter(|e| e.maker_side == side as u8)
        .map(|e| e.lots)
        .sum()
}

/// Lots that waiting trades have for makers of a side.
fn waiting_fills(desk: &Desk, side: Side) -> i64 {
    let fills = desk.queue.entries().iter().filter(|e| e.is_fill());
    fills
        .filter(|e| e.maker_side == side as u8)
        .map(|e| e.lots)
        .sum()
}

/// A copy of the sums of an account's orders, rebuilt from its slots.
fn assert_slots_add_up(desk: &Desk, who: usize) {
    let account = desk.account(who);
    let mut rebuilt = PerpPosition::of(0);
    for (slot, order) in account
        .orders
        .iter()
        .enumerate()
        .filter(|(_, o)| !o.is_free())
    {
        rebuilt.add_order(slot, order, TICK).unwrap();
    }
    let perp = desk.perp(who);
    assert_eq!(perp.bid_lots, rebuilt.bid_lots);
    assert_eq!(perp.ask_lots, rebuilt.ask_lots);
    assert_eq!(perp.open_notional, rebuilt.open_notional);
    assert_eq!(perp.order_mask, rebuilt.order_mask);
    assert_eq!(perp.reduce_only_orders, rebuilt.reduce_only_orders);
    assert!(rebuilt.first_expiry == 0 || perp.first_expiry <= rebuilt.first_expiry);
    assert!(perp.best_bid >= rebuilt.best_bid && perp.best_ask <= rebuilt.best_ask);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Book lots and waiting lots are the lots of the order slots; once everything is settled, positions cancel out,
    /// open interest is the sum of positions and never was above its cap, and quote, fees and funding add up to no more than
    /// nothing.
    #[test]
    fn lots_and_quote_are_conserved(steps in proptest::collection::vec(step(), 1..60)) {
        let mut desk = Desk::new();
        desk.market.params.open_interest_cap_lots = CAP;
        let mut roundings = 0i64;
        for step in steps {
            match step {
                Step::Place { who, terms, hands } => {
                    // A refused transaction leaves nothing behind on chain; here everything is put back.
                    let (book, queue) = (desk.book.clone(), desk.queue.clone());
                    let market = desk.market.clone();
                    let accounts: Vec<_> =
                        desk.accounts.iter().map(|(_, cell)| cell.borrow().clone()).collect();
                    if desk.place(who, terms, &hands).is_err() {
                        (desk.book, desk.queue, desk.market) = (book, queue, market);
                        for ((_, cell), account) in desk.accounts.iter().zip(accounts) {
                            *cell.borrow_mut() = account;
                        }
                    }
                }
                Step::Cancel(who) => {
                    desk.cancel_all(who);
                }
                Step::Settle(who) => {
                    desk.settle(who);
                }
                Step::Fund(moved) => {
                    desk.market.funding_long += moved << 16;
                    desk.market.funding_short += moved << 16;
                    desk.recompute();
                }
            }
            // Funding of the taker and of up to six makers, or of what one account settles.
            roundings += 16;
            for side in [Side::Bid, Side::Ask] {
                // Dust that a waiting fill left stays in its slot until that is settled.
                prop_assert!(
                    slot_lots(&desk, side) >= desk.book_lots(side) + waiting_lots(&desk, side)
                );
            }
            (0..4).for_each(|who| assert_slots_add_up(&desk, who));
            // Whichever orders fill, at hand or not, no reduce-only order opens anything.
            for who in 0..4 {
                prop_assert!(desk.perp(who).is_reduce_only_covered(&desk.account(who).orders));
            }
            // Whatever waits, neither side exceeds the cap, now or once it is settled.
            let [longs, shorts] = desk.market.interest();
            let [bids, asks] = [Side::Bid, Side::Ask].map(|side| waiting_fills(&desk, side));
            let to_come = desk.market.interest_to_come().unwrap();
            prop_assert_eq!(to_come, longs + bids);
            prop_assert_eq!(to_come, shorts + asks);
            prop_assert!(to_come <= CAP);
        }

        (0..4).for_each(|who| roundings += i64::try_from(desk.settle(who)).unwrap() + 1);
        for side in [Side::Bid, Side::Ask] {
            prop_assert_eq!(slot_lots(&desk, side), desk.book_lots(side));
        }
        let positions: Vec<i64> = (0..4).map(|who| desk.position(who)).collect();
        prop_assert_eq!(positions.iter().sum::<i64>(), 0);
        let longs: i64 = positions.iter().map(|p| (*p).max(0)).sum();
        prop_assert_eq!(desk.market.long_interest, longs);
        prop_assert_eq!(desk.market.short_interest, longs);
        let mut claims = i64::try_from(desk.market.fees_accrued).unwrap();
        for who in 0..4 {
            let mut perp = desk.perp(who);
            perp.settle_funding(desk.market.funding()).unwrap();
            claims += perp.quote.0;
        }
        prop_assert!(claims <= 0, "claims {claims} exceed what was paid");
        prop_assert!(claims >= -roundings, "rounding took {claims}");
    }
}
