//! Collected losses that are announced before they are anybody's: whoever is marked in time has his part, whatever the order.

mod common;
#[allow(dead_code)]
#[path = "profits/model.rs"]
mod model;

use common::cases;
use model::{World, SHIFT};
use proptest::prelude::*;

const ACCOUNTS: usize = 7;
/// Seconds for which losses are announced in the worlds below.
const DELAY: u32 = 60;
/// Whose losses arrive, and who holds the other side of everything.
const LOSER: usize = ACCOUNTS - 1;

proptest! {
    #![proptest_config(cases(600))]

    /// Both sides have winners and losers, so that what a side has won in all says little of what its winners have.
    #[test]
    fn whoever_is_marked_within_the_delay_has_the_same_part_whatever_the_order(
        trades in prop::collection::vec((0..LOSER, 0..LOSER, -60i64..60, -300i64..300), 1..30),
        collected in 1u64..100_000, order in Just((0..LOSER).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec((0..LOSER, 0i64..60), 0..20), last in 0..LOSER,
        late in prop::option::of((0..LOSER, 0..LOSER, 1i64..60)),
    ) {
        let mut world = World::new(&[0; ACCOUNTS], 1_000, u64::MAX);
        world.when.delay_secs = DELAY;
        for (who, other, lots, off) in trades {
            let price = world.spot as i64 * (1_000 + off) / 1_000;
            world.trade(who, other, lots, price as u64).unwrap();
        }
        // What arrives is no more than winners have to claim.
        let won: u64 = world.profits().iter().sum();
        world.pool = collected.min(won);
        // The first to come is marked before anybody knows, and so is whoever comes again.
        for who in &order {
            world.mark(*who).unwrap();
            prop_assert_eq!(world.ledger.covered, 0);
        }
        let mut again = again;
        again.sort_by_key(|(_, at)| *at);
        for (who, at) in again {
            world.when.now = at;
            world.mark(who).unwrap();
            prop_assert_eq!(world.ledger.covered, 0, "nothing is anybody's before {}", DELAY);
        }
        world.when.now = i64::from(DELAY);
        let profits = world.profits();
        // What is made up between two accounts and marked at the last moment has no part in it.
        let (buyer, seller, lots) = late.unwrap_or_default();
        world.trade(buyer, seller, lots, world.spot * 2).unwrap();
        if late.is_some() {
            world.mark(seller).unwrap();
        }
        world.mark(last).unwrap();
        world.trade(buyer, seller, -lots, world.spot * 2).unwrap();
        let part = |who: usize| u128::from(world.pool) * u128::from(profits[who]) / u128::from(won.max(1));
        let covered = |who: usize| u128::from(world.slots[who].share.harvest(&world.ledger).covered);
        if late.is_some() && buyer != seller {
            let (found, fair) = (covered(buyer) + covered(seller), part(buyer) + part(seller));
            prop_assert!(found <= fair + 4, "{} instead of {}", found, fair);
            return Ok(());
        }
        for who in 0..LOSER {
            let (found, fair) = (covered(who), part(who));
            prop_assert!(found.abs_diff(fair) <= 2, "{}: {} instead of {}", who, found, fair);
        }
    }
}

/// A market in which one account has won 100 and is marked, and what arrives while nobody looks.
fn announcing() -> (World, u64) {
    let mut world = World::new(&[0, 0], 100, u64::MAX);
    world.when.delay_secs = DELAY;
    world.trade(0, 1, 10, world.spot).unwrap();
    (world.spot, world.stable) = (110 << SHIFT, 110 << SHIFT);
    world.mark(0).unwrap();
    world.pool = 60;
    let pool = world.pool;
    (world, pool)
}

#[test]
fn an_announcement_is_taken_up_for_as_long_again_and_then_made_anew() {
    let delay = i64::from(DELAY);
    for (seen, covered) in [
        (delay - 1, 0),
        (delay, 60),
        (2 * delay, 60),
        (2 * delay + 1, 0),
    ] {
        let (mut world, _) = announcing();
        world.cover().unwrap();
        assert_eq!(
            (world.ledger.announced, world.ledger.covers_at(DELAY)),
            (60, Some(delay))
        );
        world.when.now = seen;
        world.cover().unwrap();
        assert_eq!(world.ledger.covered, covered, "after {seen} s");
    }
    // What nobody looked at for long is no earlier anybody's than what has just arrived.
    let (mut world, _) = announcing();
    world.cover().unwrap();
    world.when.now = 1_000_000;
    world.cover().unwrap();
    assert_eq!(world.ledger.covers_at(DELAY), Some(1_000_000 + delay));
}

#[test]
fn what_arrives_after_an_announcement_waits_for_the_next() {
    let (mut world, pool) = announcing();
    world.cover().unwrap();
    world.when.now = i64::from(DELAY) - 1;
    world.pool += 30;
    world.cover().unwrap();
    world.when.now += 1;
    world.cover().unwrap();
    assert_eq!((world.ledger.covered, world.ledger.announced), (pool, 30));
    world.when.now += i64::from(DELAY);
    world.cover().unwrap();
    assert_eq!(world.ledger.covered, 90);
}

#[test]
fn nothing_stays_announced_where_a_shortfall_waits() {
    let (mut world, _) = announcing();
    world.cover().unwrap();
    world.when.floor = 5;
    world.ledger.shortfall = 5;
    world.when.now = i64::from(DELAY);
    world.cover().unwrap();
    assert_eq!((world.ledger.covered, world.ledger.announced), (0, 0));
}

#[test]
fn marks_may_only_fall_in_the_second_half_of_an_announcement() {
    let half = i64::from(DELAY) / 2;
    for (now, marked) in [
        (half - 1, 200),
        (half, 100),
        (2 * half, 100),
        (4 * half, 100),
        (4 * half + 1, 200),
    ] {
        let (mut world, _) = announcing();
        world.cover().unwrap();
        (world.spot, world.stable) = (120 << SHIFT, 120 << SHIFT);
        world.when.now = now;
        world.settle_funding(0).unwrap();
        let mut perp = world.slots[0];
        world
            .ledger
            .mark_in_time(&mut perp, 200, &world.when)
            .unwrap();
        assert_eq!(
            perp.share.covered + perp.share.uncovered,
            marked,
            "at {now}"
        );
        world
            .ledger
            .mark_in_time(&mut perp, 40, &world.when)
            .unwrap();
        assert_eq!(perp.share.covered + perp.share.uncovered, 40, "at {now}");
    }
}

#[test]
fn whoever_has_lost_what_he_was_marked_at_keeps_no_part_from_others() {
    let (mut world, _) = announcing();
    (world.spot, world.stable) = (90 << SHIFT, 90 << SHIFT);
    world.settle(0).unwrap();
    assert_eq!(
        (world.ledger.uncovered, world.slots[0].share.uncovered),
        (0, 0)
    );
}

#[test]
fn nobody_makes_an_announcement_forgotten_by_a_moments_larger_interest() {
    let (mut world, _) = announcing();
    world.cover().unwrap();
    world.stable = world.spot * 9 / 10;
    for now in [10, i64::from(DELAY)] {
        world.when.now = now;
        world.interest = [1 << 40; 2];
        world.cover().unwrap();
        world.interest = [10; 2];
        assert_eq!((world.ledger.announced, world.ledger.covered), (60, 0));
    }
    world.stable = world.spot;
    world.cover().unwrap();
    assert_eq!(world.ledger.covered, 60);
}
