//! A delegate's losses: exact to the unit and never rounded in its favour, and no more of them in any time than the budget says.

use plimsoll_risk::{
    delegate::{loss, spend, BUDGET_SECS},
    BaseLots, Bucket, QuoteNative, Side,
};
use proptest::prelude::*;

const START: i64 = 1_700_000_000;
const SHIFT: u8 = 20;

fn lost(side: Side, lots: i64, notional: i64, fee: i64, price: u64) -> u64 {
    let (lots, notional, fee) = (BaseLots(lots), QuoteNative(notional), QuoteNative(fee));
    loss(side, lots, notional, fee, price, SHIFT).unwrap()
}

#[test]
fn a_loss_is_what_is_paid_beyond_the_worth_and_the_fee() {
    let hundred = 100 << SHIFT;
    // Ten lots worth 1,000.
    assert_eq!(lost(Side::Bid, 10, 1_010, 3, hundred), 13);
    assert_eq!(lost(Side::Ask, 10, 990, 3, hundred), 13);
    // A gain pays for the fee, and is no income.
    assert_eq!(lost(Side::Bid, 10, 999, 3, hundred), 2);
    assert_eq!(lost(Side::Ask, 10, 1_001, 3, hundred), 2);
    assert_eq!(lost(Side::Bid, 10, 900, 3, hundred), 0);
    assert_eq!(lost(Side::Ask, 10, 1_100, 3, hundred), 0);
    // A rebate is taken off; it makes no gain either.
    assert_eq!(lost(Side::Bid, 10, 1_010, -3, hundred), 7);
    assert_eq!(lost(Side::Ask, 10, 1_000, -3, hundred), 0);
    // No trade, no loss.
    assert_eq!(lost(Side::Bid, 0, 0, 0, hundred), 0);
}

#[test]
fn a_fraction_of_a_unit_counts_whole() {
    let third = (1 << SHIFT) / 3;
    // A lot is worth less than a unit: a buyer got nothing, a seller gave one away.
    assert_eq!(lost(Side::Bid, 1, 1, 0, third), 1);
    assert_eq!(lost(Side::Ask, 1, 0, 0, third), 1);
}

#[test]
fn the_largest_trades_are_refused_instead_of_wrapping() {
    let most = i64::MAX;
    let all = |side, lots, notional| {
        loss(
            side,
            BaseLots(lots),
            QuoteNative(notional),
            QuoteNative(most),
            u64::MAX,
            0,
        )
    };
    assert!(all(Side::Ask, most, 0).is_err());
    assert_eq!(all(Side::Bid, most, most), Ok(0));
    assert_eq!(all(Side::Bid, 0, most), Ok(2 * most.unsigned_abs()));
    assert!(all(Side::Ask, i64::MIN, 0).is_ok());
}

proptest! {
    /// The loss is the exact one, rounded up.
    #[test]
    fn a_loss_is_never_rounded_in_the_delegates_favour(
        buys in any::<bool>(),
        lots in 1i64..1_000_000_000,
        notional in 0i64..1_000_000_000_000,
        fee in -1_000_000i64..1_000_000,
        price in 1u64..1 << 40,
    ) {
        let side = if buys { Side::Bid } else { Side::Ask };
        let one = 1i128 << SHIFT;
        let worth = i128::from(lots) * i128::from(price);
        let paid = i128::from(notional) * one;
        let exact = if buys { paid - worth } else { worth - paid } + i128::from(fee) * one;
        let told = i128::from(lost(side, lots, notional, fee, price)) * one;
        prop_assert!(told >= exact);
        prop_assert!(told < exact.max(0) + one);
    }

    /// Whatever is tried and whenever, what went through within any time is no more than the budget and what drained in it.
    #[test]
    fn in_no_time_is_more_lost_than_the_budget_and_what_drained(
        per_day in 0u64..1_000_000_000,
        tries in prop::collection::vec((0i64..20_000, 0u64..400_000_000), 1..120),
    ) {
        let mut bucket = Bucket::default();
        let mut now = START;
        let mut losses: Vec<(i64, u64)> = Vec::new();
        for (wait, amount) in tries {
            now += wait;
            if spend(&mut bucket, per_day, amount, now).is_ok() {
                losses.push((now, amount));
            }
        }
        for (from, (start, _)) in losses.iter().enumerate() {
            let mut sum = 0u128;
            for (time, amount) in &losses[from..] {
                sum += u128::from(*amount);
                let secs = u128::try_from(time - start).unwrap();
                let drained = u128::from(per_day) * secs / u128::from(BUDGET_SECS);
                prop_assert!(sum <= u128::from(per_day) + drained + 1);
            }
        }
    }

    /// A budget that was used up is whole again after a day, and not a second before.
    #[test]
    fn a_budget_comes_back_in_a_day(per_day in 86_400u64..1_000_000_000) {
        let mut bucket = Bucket::default();
        prop_assert_eq!(spend(&mut bucket, per_day, per_day, START), Ok(()));
        prop_assert_eq!(spend(&mut bucket, per_day, 1, START), Err(0));
        let day = i64::from(BUDGET_SECS);
        prop_assert!(spend(&mut bucket, per_day, per_day, START + day - 1).is_err());
        // But for the unit that each call may round up.
        prop_assert_eq!(spend(&mut bucket, per_day, per_day - 1, START + day), Ok(()));
    }
}
