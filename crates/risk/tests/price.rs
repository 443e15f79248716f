//! Conversion of prices: from an oracle's decimals to a feed's mantissa, and from that to those of its followers, against
//! exact rationals.

mod common;

use common::*;
use num_bigint::BigUint;
use plimsoll_risk::price::*;
use plimsoll_risk::*;
use proptest::prelude::*;

/// What a follower's mantissa is exactly: `mantissa · size · 2^entry / (10^decimals · 2^feed)`, as a fraction.
fn exact(mantissa: u64, unit: PriceUnit, feed_shift: u8, entry_shift: u8) -> (BigUint, BigUint) {
    let above = (BigUint::from(mantissa) * unit.size) << entry_shift;
    let below = BigUint::from(10u8).pow(u32::from(unit.decimals)) << feed_shift;
    (above, below)
}

/// A token of up to twelve decimals, priced by the native unit or by the lot.
fn unit() -> impl Strategy<Value = PriceUnit> {
    (0u8..=12, prop_oneof![Just(1u64), wide(40)]).prop_map(|(decimals, size)| PriceUnit {
        decimals,
        size: size.max(1),
    })
}

proptest! {
    #![proptest_config(cases(4_000))]

    #[test]
    fn conversion_is_exact_to_its_rounding(
        number in wide(40), expo in -12i32..=0, decimals in 0u8..=12, size in wide(20), shift in 0u8..=40,
    ) {
        let unit = PriceUnit { decimals, size: size.max(1) };
        let exact = number as f64 * unit.size as f64 * 10f64.powi(expo + 6 - i32::from(decimals)) * f64::from(shift).exp2();
        let floor = mantissa(number, expo, unit, shift, Rounding::Floor);
        let ceil = mantissa(number, expo, unit, shift, Rounding::Ceil);
        let (Ok(floor), Ok(ceil)) = (floor, ceil) else {
            prop_assert!(exact > 1e18);
            return Ok(());
        };
        prop_assert!(floor as f64 <= exact * (1.0 + 1e-12) && ceil as f64 >= exact * (1.0 - 1e-12));
        prop_assert!(exact - floor as f64 <= 1.0 + exact * 1e-12 && ceil - floor <= 1);
    }

    #[test]
    fn a_chosen_shift_gives_a_full_mantissa(number in 1u64..1 << 50, expo in -12i32..=-4, decimals in 0u8..=9) {
        let unit = PriceUnit::native(decimals);
        let Ok(shift) = choose_shift(number, expo, unit) else { return Ok(()) };
        let digits = 64 - mantissa(number, expo, unit, shift, Rounding::Floor).unwrap().leading_zeros();
        prop_assert!(digits <= LISTED_BITS + 8);
        prop_assert!(digits == LISTED_BITS || shift == 0 || shift == MAX_SHIFT, "{digits} at {shift}");
    }

    #[test]
    fn a_followers_price_is_exact_to_one_unit(
        unit in unit(), feed_shift in 0u8..=63, entry_shift in 0u8..=63, mantissa in wide(64),
    ) {
        let Ok(found) = EntryUnit::new(unit, feed_shift, entry_shift) else {
            // Only units so far apart that nothing is left of the largest price, or that nothing but the smallest fit.
            let (above, below) = exact(u64::MAX, unit, feed_shift, entry_shift);
            prop_assert!(above.bits() <= below.bits() || above.bits() > below.bits() + 120);
            return Ok(());
        };
        prop_assert!(found.multiplier >> 62 >= 1 && found.multiplier <= 1 << 63 && found.places < 128);
        let (above, below) = exact(mantissa, unit, feed_shift, entry_shift);
        let (floor, rest) = (&above / &below, &above % &below);
        let ceil = &floor + u8::from(rest.bits() > 0);
        let (low, high) = (found.floor(mantissa), found.ceil(mantissa));
        if floor.bits() > 62 {
            // Far beyond any price: within a few units, or refused.
            prop_assert!(low.map_or(true, |low| BigUint::from(low) <= floor + 4u8));
            return Ok(());
        }
        let (low, high) = (BigUint::from(low.unwrap()), BigUint::from(high.unwrap()));
        prop_assert!(low >= floor && low <= &floor + 1u8, "{low} for {floor}");
        prop_assert!(high >= ceil && high <= &ceil + 1u8, "{high} for {ceil}");
        if rest.bits() == 0 {
            prop_assert_eq!(&low, &floor, "a whole result stays whole");
        }
        // With the digits that prices have, the floor is the floor unless the rest is all but a whole.
        if floor.bits() <= 48 && (&below - &rest) << 12u8 > below {
            prop_assert_eq!(low, floor);
        }
    }

    #[test]
    fn whole_results_stay_whole(unit in unit(), entry_shift in 0u8..=20, whole in wide(40), twos in 0u8..=20) {
        // A feed's mantissa that is a multiple of 10^decimals · 2^feed / 2^entry.
        let feed_shift = twos;
        let step = 10u128.pow(u32::from(unit.decimals)) << feed_shift;
        let Ok(mantissa) = u64::try_from(u128::from(whole) * step) else { return Ok(()) };
        let expected = (u128::from(whole) * u128::from(unit.size)) << entry_shift;
        let Ok(found) = EntryUnit::new(unit, feed_shift, entry_shift) else { return Ok(()) };
        if expected < 1 << 60 {
            prop_assert_eq!(found.floor(mantissa).map(u128::from), Ok(expected));
        }
    }

    #[test]
    fn two_followers_never_differ_by_more_than_a_unit_of_the_coarser(
        units in (unit(), unit()), shifts in (0u8..=63, 0u8..=63, 0u8..=63), mantissa in wide(62),
    ) {
        let (feed_shift, first_shift, second_shift) = shifts;
        let follow = |unit, shift| {
            let floor = EntryUnit::new(unit, feed_shift, shift).and_then(|found| found.floor(mantissa));
            floor.ok().filter(|price| price >> 60 == 0)
        };
        let (Some(a), Some(b)) = (follow(units.0, first_shift), follow(units.1, second_shift)) else {
            return Ok(());
        };
        // Each over its own scale: a / (size · 2^shift / 10^decimals), both to one denominator.
        let scale = |unit: PriceUnit, shift: u8| {
            (BigUint::from(unit.size) << shift, BigUint::from(10u8).pow(u32::from(unit.decimals)))
        };
        let ((size_a, tens_a), (size_b, tens_b)) = (scale(units.0, first_shift), scale(units.1, second_shift));
        let (unit_a, unit_b) = (&tens_a * &size_b, &tens_b * &size_a);
        let (price_a, price_b) = (&unit_a * a, &unit_b * b);
        let apart = if price_a > price_b { &price_a - &price_b } else { &price_b - &price_a };
        prop_assert!(apart <= unit_a.max(unit_b), "{a} and {b}");
    }

    #[test]
    fn a_followers_shift_gives_a_full_mantissa(unit in unit(), feed_shift in 0u8..=63, price in wide(56)) {
        let Ok((found, shift)) = EntryUnit::choose(unit, feed_shift, price) else {
            let (above, below) = exact(price, unit, feed_shift, MAX_SHIFT);
            let (native, one) = exact(price, unit, feed_shift, 0);
            let dust = above.bits() <= below.bits() + 1;
            prop_assert!(dust || native.bits() + 1 >= one.bits() + u64::from(LISTED_BITS + 8));
            return Ok(());
        };
        prop_assert_eq!(found, EntryUnit::new(unit, feed_shift, shift).unwrap());
        let digits = 64 - found.floor(price).unwrap().leading_zeros();
        prop_assert!(digits <= LISTED_BITS + 8);
        match shift {
            0 => prop_assert!(digits >= LISTED_BITS),
            MAX_SHIFT => prop_assert!(digits > 0 && digits <= LISTED_BITS),
            _ => prop_assert_eq!(digits, LISTED_BITS),
        }
    }
}

#[test]
fn known_followers() {
    // SOL at 150.25 USD in a feed at shift 14: native quote per whole token.
    let feed_shift = choose_shift(15_025_000_000, -8, PriceUnit::WHOLE).unwrap();
    let feed = mantissa(
        15_025_000_000,
        -8,
        PriceUnit::WHOLE,
        feed_shift,
        Rounding::Floor,
    )
    .unwrap();
    assert_eq!((feed_shift, feed), (12, 150_250_000 << 12));
    // 0.15025 native quote per lamport, at the shift that it would be listed at by itself.
    let (sol, shift) = EntryUnit::choose(PriceUnit::native(9), feed_shift, feed).unwrap();
    assert_eq!(shift, 42);
    assert_eq!(sol.floor(feed), Ok((0.15025 * 42f64.exp2()) as u64));
    // A lot of a hundredth: 1.5025 USD exactly.
    let lot = PriceUnit {
        decimals: 9,
        size: 10_000_000,
    };
    let lots = EntryUnit::new(lot, feed_shift, 10).unwrap();
    assert_eq!(lots.floor(feed), Ok(1_502_500 << 10));
    assert_eq!((lots.floor(0), lots.ceil(0)), (Ok(0), Ok(0)));
}

#[test]
fn units_that_no_token_has_are_refused() {
    let refused = Err(RiskError::PriceOutOfRange);
    let unit = |decimals, size| PriceUnit { decimals, size };
    for (unit, feed, entry) in [
        (unit(9, 0), 0, 0),
        (unit(26, 1), 0, 0),
        (unit(255, 1), 0, 0),
        (unit(9, 1), 64, 0),
        (unit(9, 1), 0, 64),
        // The whole of 64 bits is too much, or nothing is left of it.
        (unit(0, u64::MAX), 0, 63),
        (unit(25, 1), 63, 0),
    ] {
        assert_eq!(EntryUnit::new(unit, feed, entry), refused, "{unit:?}");
    }
    assert_eq!(EntryUnit::choose(unit(6, 1), 12, 0).err(), refused.err());
    assert_eq!(
        EntryUnit::choose(unit(0, 1 << 40), 0, 1 << 40).err(),
        refused.err()
    );
    // An entry that was never given one refuses every price.
    assert_eq!(EntryUnit::default().floor(u64::MAX), Ok(0));
}

#[test]
fn known_prices() {
    // SOL at 150.25 USD, 9 decimals: 0.15025 native quote per lamport.
    let sol = PriceUnit::native(9);
    let shift = choose_shift(15_025_000_000, -8, sol).unwrap();
    assert_eq!(shift, 42);
    let price = mantissa(15_025_000_000, -8, sol, shift, Rounding::Floor).unwrap();
    assert_eq!(price, (0.15025 * 42f64.exp2()) as u64);
    // BTC at 100,000 USD, lots of 0.0001 of 8 decimals: 10 USD a lot.
    let lot = PriceUnit {
        decimals: 8,
        size: 10_000,
    };
    assert_eq!(
        mantissa(10_000_000_000_000, -8, lot, 0, Rounding::Floor),
        Ok(10_000_000)
    );
    // A memecoin at 0.00002 USD with 5 decimals keeps a full mantissa.
    let meme = PriceUnit::native(5);
    assert_eq!(choose_shift(200_000, -10, meme), Ok(52));
    assert_eq!(choose_shift(0, -8, sol), Err(RiskError::PriceOutOfRange));
    assert_eq!(
        mantissa(u64::MAX, 36, sol, 0, Rounding::Ceil),
        Err(RiskError::PriceOutOfRange)
    );
    assert_eq!(
        mantissa(1, 99, sol, 0, Rounding::Ceil),
        Err(RiskError::PriceOutOfRange)
    );
}
