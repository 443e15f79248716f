//! An entry's price: how old it may be for what, and what it is worth in doubt.

mod common;

use common::*;
use plimsoll_risk::entry_price::{InDoubt, DOUBT_HOLD_PART};
use plimsoll_risk::feed::{BROKEN, FALLBACK, REFUSED, YOUNG_FALLBACK};
use plimsoll_risk::*;
use proptest::prelude::*;

const PURPOSES: [Purpose; 3] = [Purpose::Trade, Purpose::Pay, Purpose::Seize];

/// The price as it is after so much doubt.
fn after(price: &EntryPrice, doubted_ms: u64) -> InDoubt {
    let clock = Clock {
        doubt_ms: price.doubt_from + doubted_ms,
        ..CLOCK
    };
    price.in_doubt(&clock).unwrap()
}

/// Any price with any terms of doubt; mostly not broken.
fn doubtful() -> impl Strategy<Value = EntryPrice> {
    let flags = prop_oneof![3 => Just(0u8), 1 => 0u8..=3];
    (entry_price(62), feed_limits(), flags).prop_map(|(price, limits, flags)| EntryPrice {
        stable: price.stable.min(1 << 62),
        doubt_benefit: limits.doubt_benefit,
        doubt_floor: limits.doubt_floor,
        doubt_secs: limits.doubt_secs as u16,
        flags,
        ..price
    })
}

fn times(value: u64, ratio: u32) -> u128 {
    u128::from(value) * u128::from(ratio)
}

fn hold_ms(price: &EntryPrice) -> u64 {
    u64::from(price.doubt_secs) * 1_000 / DOUBT_HOLD_PART
}

proptest! {
    #![proptest_config(cases(4_000))]

    #[test]
    fn doubt_begins_with_its_whole_benefit_and_ends_at_its_floor(price in doubtful(), part in 0u64..=1_000) {
        let benefit = price.doubt_benefit;
        let whole = InDoubt {
            owned: (times(price.spot.max(price.stable), RATIO_ONE + benefit) >> 24) as u64,
            owed: times(price.spot.min(price.stable), RATIO_ONE - benefit).div_ceil(1 << 24) as u64,
        };
        let hold = hold_ms(&price);
        for doubted in [0, hold * part / 1_000, hold] {
            prop_assert_eq!(after(&price, doubted), whole);
        }
        // Of the last price, unless that is in doubt itself: then of what it was known to be.
        let last = if price.flags & BROKEN == 0 { price.spot } else { price.stable };
        let left = InDoubt {
            owned: (times(last, price.doubt_floor) >> 24) as u64,
            owed: times(last, 2 * RATIO_ONE - price.doubt_floor).div_ceil(1 << 24) as u64,
        };
        let end = u64::from(price.doubt_secs) * 1_000;
        for doubted in [end, end + 1, end * 1_000] {
            prop_assert_eq!(after(&price, doubted), left);
        }
        let at = |doubted| Clock { doubt_ms: price.doubt_from + doubted, ..CLOCK };
        prop_assert!(price.has_doubt_decayed(&at(end)) && !price.has_doubt_decayed(&at(end - 1)));
    }

    #[test]
    fn doubt_only_ever_takes_and_never_at_once(
        price in doubtful(), permille in 0u64..=1_100, later in prop_oneof![Just(1u64), wide(27)],
    ) {
        let all = u64::from(price.doubt_secs) * 1_000;
        let doubted = all * permille / 1_000;
        let (first, second) = (after(&price, doubted), after(&price, doubted + later));
        prop_assert!(second.owned <= first.owned && second.owed >= first.owed);
        // No faster than the straight line from its beginning to its end, to the grain of a ratio.
        let (begin, end) = (after(&price, 0), after(&price, all));
        let lasts = u128::from(all - hold_ms(&price));
        let most = |span: u64| u128::from(span) * u128::from(later) / lasts + (u128::from(span) >> 23) + 3;
        prop_assert!(u128::from(first.owned - second.owned) <= most(begin.owned - end.owned));
        prop_assert!(u128::from(second.owed - first.owed) <= most(end.owed - begin.owed));
    }

    #[test]
    fn while_it_holds_no_move_within_the_benefit_beats_it(price in doubtful(), permille in 0u64..=1_000, at in -1_000i64..=1_000) {
        let furthest = (times(price.spot, price.doubt_benefit) >> 24) as i64;
        let moved = price.spot.saturating_add_signed((i128::from(furthest) * i128::from(at) / 1_000) as i64);
        let doubted = hold_ms(&price) * permille / 1_000;
        let InDoubt { owned, owed } = after(&price, doubted);
        prop_assert!(owned >= moved, "{owned} < {moved}");
        prop_assert!(owed <= moved, "{owed} > {moved}");
    }

    #[test]
    fn a_price_is_fresh_for_just_as_long_as_its_purpose_allows(limits in feed_limits(), early in 0i64..=15_000) {
        let price = EntryPrice { max_age_secs: limits.ages(), ..steady(1) };
        for (purpose, age) in PURPOSES.into_iter().zip(limits.ages()) {
            let at = |after: i64| Clock { now_ms: NOW + after, ..CLOCK };
            let age = i64::from(age) * 1_000;
            prop_assert!(price.is_fresh(&at(age), purpose));
            prop_assert!(!price.is_fresh(&at(age + 1), purpose));
            prop_assert!(price.is_fresh(&at(-early), purpose), "the chain's clock may be behind");
        }
    }

    #[test]
    fn a_doubtful_entry_changes_hands_for_no_worse_than_it_counts_for(
        price in doubtful(), permille in 0u64..=2_500, later in wide(27),
    ) {
        let all = u64::from(price.doubt_secs) * 1_000;
        let at = |doubted| Clock { doubt_ms: price.doubt_from + doubted, ..CLOCK };
        let doubted = all * permille / 1_000;
        let Some(first) = price.auctioned(&at(doubted)).unwrap() else {
            prop_assert!(doubted < all);
            return Ok(());
        };
        prop_assert!(doubted >= all);
        let counts = price.in_doubt(&at(doubted)).unwrap();
        prop_assert!(first.owned >= counts.owned && first.owed <= counts.owed);
        let second = price.auctioned(&at(doubted + later)).unwrap().unwrap();
        prop_assert!(second.owned <= first.owned && second.owed >= first.owed);
        // From the last price to what doubt leaves of it.
        let last = if price.flags & BROKEN == 0 { price.spot } else { price.stable };
        let begins = price.auctioned(&at(all)).unwrap();
        prop_assert_eq!(begins, Some(InDoubt { owned: last, owed: last }));
        prop_assert_eq!(price.auctioned(&at(2 * all)).unwrap(), Some(counts));
    }
}

#[test]
fn what_is_refused_carries_and_pays_nothing_and_what_is_broken_seizes_nothing_either() {
    for flags in 0..=3 {
        let price = EntryPrice { flags, ..steady(1) };
        let fresh = PURPOSES.map(|purpose| price.is_fresh(&CLOCK, purpose));
        let (broken, doubted) = (flags & BROKEN != 0, flags & (BROKEN | REFUSED) != 0);
        assert_eq!(fresh, [!doubted, !doubted, !broken], "{flags}");
        assert_eq!(price.is_broken(), broken);
    }
}

#[test]
fn a_fallbacks_price_pays_and_seizes_once_it_is_no_longer_young() {
    for (flags, serves) in [
        (FALLBACK, [true, true, true]),
        (FALLBACK | YOUNG_FALLBACK, [true, false, false]),
        (FALLBACK | REFUSED, [false, false, true]),
        (FALLBACK | YOUNG_FALLBACK | REFUSED, [false, false, false]),
        (FALLBACK | BROKEN, [false, false, false]),
    ] {
        let price = EntryPrice { flags, ..steady(1) };
        let fresh = PURPOSES.map(|purpose| price.is_fresh(&CLOCK, purpose));
        assert_eq!(fresh, serves, "{flags}");
    }
}

#[test]
fn nothing_overflows_into_a_price() {
    let huge = EntryPrice {
        doubt_benefit: 1,
        ..steady(u64::MAX)
    };
    assert_eq!(huge.in_doubt(&CLOCK), Err(RiskError::PriceOutOfRange));
    // An entry that was never listed counts nothing, whatever the clock.
    let none = InDoubt { owned: 0, owed: 0 };
    for doubt_ms in [0, 1, u64::MAX] {
        let clock = Clock {
            now_ms: i64::MAX,
            doubt_ms,
        };
        assert_eq!(EntryPrice::default().in_doubt(&clock), Ok(none));
    }
    // The clock of doubt never runs back; if it did, doubt would only be younger.
    let price = EntryPrice {
        doubt_floor: 0,
        ..steady(100)
    };
    let back = Clock {
        doubt_ms: 0,
        ..CLOCK
    };
    assert_eq!(price.doubted_ms(&back), 0);
    assert_eq!(price.in_doubt(&back).unwrap().owned, 100);
}

/// A token that fell to a thousandth before its feed died: the stable price, which lags by hours, must not keep its holders
/// out of reach for ever.
#[test]
fn a_price_that_crashed_before_its_feed_died_ends_at_the_floor_of_what_it_was_last() {
    let crashed = EntryPrice {
        stable: 1_000_000,
        doubt_floor: RATIO_ONE / 2,
        ..steady(1_000)
    };
    assert_eq!(
        after(&crashed, 0),
        InDoubt {
            owned: 1_000_000,
            owed: 1_000
        }
    );
    let end = after(&crashed, 3_600_000);
    assert_eq!((end.owned, end.owed), (500, 1_500));
    // But one unconfirmed observation is no price to seize at.
    let broken = EntryPrice {
        flags: BROKEN,
        ..crashed
    };
    let end = after(&broken, 3_600_000);
    assert_eq!((end.owned, end.owed), (500_000, 1_500_000));
}
