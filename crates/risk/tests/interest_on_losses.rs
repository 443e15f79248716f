//! Properties of interest on unpaid losses: it follows the quote bank's borrow index, and is rounded against the loser.

mod common;

use common::*;
use plimsoll_risk::interest::{loss_growth, LOSS_BITS, MAX_INDEX};
use plimsoll_risk::position::{FundingIndices, Side};
use plimsoll_risk::*;
use proptest::prelude::*;

fn flat(quote: i64, entry: i64) -> PerpPosition {
    PerpPosition {
        quote: QuoteNative(quote),
        funding_entry: entry,
        ..PerpPosition::of(0)
    }
}

fn at(loss: i64) -> FundingIndices {
    FundingIndices {
        long: i64::MAX,
        short: i64::MIN,
        loss,
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// However often it is looked at, the index moves by at least what the bank's did in proportion, and by a last digit a look
    /// more at most.
    #[test]
    fn the_index_follows_the_banks(start in INDEX_ONE..=MAX_INDEX / 2, steps in prop::collection::vec(0u64..=1 << 30, 1..50)) {
        let (mut at, mut index, mut exact) = (start, 0i64, 0.0);
        for step in &steps {
            let next = (at + step).min(MAX_INDEX);
            index += loss_growth(at, next).unwrap();
            exact += (next - at) as f64 / at as f64;
            at = next;
        }
        let index = index as f64 / (1u64 << LOSS_BITS) as f64;
        let digit = steps.len() as f64 / (1u64 << LOSS_BITS) as f64;
        prop_assert!(index >= exact * (1.0 - 1e-9) && index <= exact * (1.0 + 1e-9) + digit, "{index} of {exact}");
        // No less at once than in one step.
        prop_assert!(loss_growth(start, at).unwrap() as f64 / (1u64 << LOSS_BITS) as f64 >= exact * (1.0 - 1e-9));
    }

    /// Only a loss without a position bears it; paid in steps it is no less, and profits, open or bare, and funding are as ever.
    #[test]
    fn only_a_bare_loss_bears_interest(quote in -(1i64 << 50)..1 << 50, entry in 0i64..1 << 48, moves in prop::collection::vec(0i64..1 << 36, 1..10)) {
        let (mut stepped, mut now) = (flat(quote, entry), entry);
        let mut paid = 0;
        for moved in moves {
            now += moved;
            let due = stepped.settle_funding(at(now)).unwrap();
            prop_assert!(due.0 >= 0 && (quote < 0 || due.0 == 0));
            paid += due.0;
            prop_assert_eq!(stepped.funding_due(at(now)), Ok(0));
        }
        prop_assert_eq!(stepped.quote.0, quote - paid);
        let once = flat(quote, entry).settle_funding(at(now)).unwrap();
        prop_assert!(paid >= once.0);
        let exact = -(quote.min(0) as f64) * (now - entry) as f64 / (1u64 << LOSS_BITS) as f64;
        prop_assert!(once.0 as f64 >= exact * (1.0 - 1e-9) - 1.0 && once.0 as f64 <= exact * (1.0 + 1e-9) + 1.0);
    }
}

#[test]
fn a_loss_bears_interest_from_when_the_position_is_closed() {
    let funding = |loss| FundingIndices {
        long: 7 << 24,
        short: 7 << 24,
        loss,
    };
    let mut perp = PerpPosition::of(0);
    let trade = |perp: &mut PerpPosition, side, notional, index| {
        perp.apply_fill(
            side,
            BaseLots(10),
            QuoteNative(notional),
            QuoteNative::ZERO,
            funding(index),
        )
        .unwrap();
    };
    trade(&mut perp, Side::Bid, 1_000_000, 1 << 40);
    assert_eq!(
        perp.funding_due(funding(5 << 40)),
        Ok(0),
        "while it is held"
    );
    trade(&mut perp, Side::Ask, 900_000, 5 << 40);
    assert_eq!(perp.quote.0, -100_000);
    assert_eq!(perp.funding_due(funding(5 << 40)), Ok(0));
    // A tenth more.
    let later = funding((5 << 40) + (1 << 40) / 10);
    assert_eq!(perp.funding_due(later), Ok(10_000));
    let risk = MarketRisk {
        loss_index: later.loss,
        ..MarketRisk::listed(0, 1)
    };
    assert_eq!(perp.owed(&risk), Ok(10_000));
    // The next position takes it along.
    trade(&mut perp, Side::Bid, 900_000, later.loss);
    assert_eq!(perp.quote.0, -1_010_000);
}
