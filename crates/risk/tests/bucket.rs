//! Properties of a leaky bucket: it drains in a straight line at any rate of calls, and lets no more through than it says.

use plimsoll_risk::Bucket;
use proptest::prelude::*;

const START: i64 = 1_700_000_000;

/// A bucket that has something in it.
fn filled(level: u64) -> Bucket {
    let mut bucket = Bucket::default();
    bucket.leak(u64::MAX, 1, START);
    bucket.pour(level);
    bucket
}

/// What of the level a straight line leaves, rounded up.
fn line(level: u64, capacity: u64, window: u32, secs: u64) -> u64 {
    let drained = u128::from(capacity) * u128::from(secs) / u128::from(window);
    level.saturating_sub(u64::try_from(drained).unwrap_or(u64::MAX))
}

proptest! {
    /// However the time is cut into calls, the level is that of one call over all of it, but for the microsecond that each
    /// call may lose; never below.
    #[test]
    fn it_drains_in_a_straight_line_at_any_rate_of_calls(
        level in 1u64..=u64::MAX,
        capacity in 1u64..=u64::MAX,
        window in 1u32..=1_000_000,
        steps in prop::collection::vec(0i64..=5_000, 1..200),
    ) {
        let mut bucket = filled(level);
        let mut now = START;
        for step in &steps {
            now += step;
            bucket.leak(capacity, window, now);
        }
        let exact = line(level, capacity, window, (now - START) as u64);
        let calls = steps.len() as u128;
        let lost = calls * u128::from(capacity) / (u128::from(window) * 1_000_000) + 1;
        prop_assert!(bucket.level >= exact);
        prop_assert!(u128::from(bucket.level) <= u128::from(exact) + lost);
    }

    /// Even where a unit takes many calls to drain, it is empty when the window is over.
    #[test]
    fn a_call_every_second_does_not_hold_it_up(level in 1u64..=5_000, window in 1u32..=5_000) {
        let mut bucket = filled(level);
        for second in 1..=i64::from(window) {
            bucket.leak(level, window, START + second);
        }
        // The calls may have lost a microsecond each.
        bucket.leak(level, window, START + i64::from(window) + 1);
        prop_assert_eq!(bucket.level, 0);
    }

    /// All that is let through within a time is at most what the bucket holds and what leaks meanwhile.
    #[test]
    fn no_more_passes_than_the_capacity_and_what_leaks(
        capacity in 0u64..=1 << 50,
        window in 1u32..=100_000,
        tries in prop::collection::vec((0i64..=1_000, 0u64..=1 << 49), 1..100),
    ) {
        let mut bucket = Bucket::default();
        let (mut now, mut passed) = (START, 0u128);
        for (step, amount) in tries {
            now += step;
            bucket.leak(capacity, window, now);
            let room = bucket.room(capacity);
            match bucket.fill(amount, capacity) {
                Ok(()) => passed += u128::from(amount),
                Err(left) => prop_assert!(left == room && amount > room),
            }
            prop_assert!(bucket.level <= capacity);
            let leaked = u128::from(capacity) * (now - START) as u128 / u128::from(window);
            prop_assert!(passed <= u128::from(capacity) + leaked);
        }
    }

    /// What is poured in and given back at one moment leaves the bucket as it was; what was never in it is returned.
    #[test]
    fn what_is_given_back_was_never_poured_in(level in 0u64..=1 << 60, amount in 0u64..=1 << 60) {
        let mut bucket = filled(level);
        bucket.pour(amount);
        prop_assert_eq!(bucket.give_back(amount), 0);
        prop_assert_eq!(bucket, filled(level));
        prop_assert_eq!(bucket.give_back(level + amount), amount);
        prop_assert_eq!(bucket.level, 0);
    }
}

#[test]
fn a_clock_that_stands_still_or_goes_back_drains_nothing() {
    let mut bucket = filled(100);
    bucket.leak(100, 10, START);
    bucket.leak(100, 10, START - 1_000);
    assert_eq!(bucket, filled(100));
}

#[test]
fn one_without_capacity_holds_what_is_in_it() {
    let mut bucket = filled(100);
    bucket.leak(0, 10, START + 1_000);
    assert_eq!(bucket.level, 100);
    assert_eq!(bucket.fill(1, 0), Err(0));
    // The time before it had one does not count.
    bucket.leak(10, 10, START + 1_001);
    assert_eq!(bucket.level, 99);
}

#[test]
fn a_level_above_the_capacity_drains_at_the_same_rate() {
    let mut bucket = filled(100);
    bucket.leak(10, 10, START + 5);
    assert_eq!(bucket.level, 95);
    assert_eq!(bucket.room(10), 0);
}
