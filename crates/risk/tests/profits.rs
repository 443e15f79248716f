//! Properties of a market's profits: who is paid, who gives up what for a shortfall, and that nothing else changes it.

mod common;
#[path = "profits/model.rs"]
mod model;

use common::cases;
use model::{Act, World, SHIFT};
use plimsoll_risk::position::PerpPosition;
use plimsoll_risk::profits::{Covering, ProfitLedger, ProfitShare};
use proptest::prelude::*;

const ACCOUNTS: usize = 7;

fn act() -> impl Strategy<Value = Act> {
    let who = || 0..ACCOUNTS;
    prop_oneof![
        6 => (who(), who(), -60i64..60, -30i64..30)
            .prop_map(|(who, other, lots, off)| Act::Trade { who, other, lots, off }),
        3 => (700u64..1_400).prop_map(|thousandths| Act::Move { thousandths }),
        1 => (-4i64..4).prop_map(|by| Act::Fund { by: by << 22 }),
        5 => who().prop_map(|who| Act::Settle { who }),
        3 => who().prop_map(|who| Act::Mark { who }),
        3 => (who(), who()).prop_map(|(who, other)| Act::Resolve { who, other }),
        2 => Just(Act::Share),
        1 => Just(Act::Close),
    ]
}

/// Poor and rich accounts, so that some cannot pay.
fn deposits() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop_oneof![0u64..2_000, 0u64..1_000_000], ACCOUNTS)
}

fn histories(most: usize) -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(act(), 1..most)
}

/// Who acts in it.
fn touches(act: &Act, index: usize) -> bool {
    match *act {
        Act::Trade { who, other, .. } | Act::Resolve { who, other } => {
            who == index || other == index
        }
        Act::Settle { who } | Act::Mark { who } => who == index,
        Act::Share => true,
        Act::Move { .. } | Act::Fund { .. } | Act::Close => false,
    }
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn every_unit_is_accounted_for_whatever_anybody_does(
        deposits in deposits(), floor in prop_oneof![Just(1u64), 0u64..2_000], acts in histories(80),
    ) {
        let mut world = World::new(&deposits, 100, floor);
        for act in acts {
            let before = world.clone();
            world.act(act).unwrap();
            world.check();
            for index in (0..ACCOUNTS).filter(|index| !touches(&act, *index)) {
                prop_assert_eq!(before.slots[index], world.slots[index], "{:?} changed a bystander", act);
            }
        }
    }

    #[test]
    fn an_epoch_takes_from_own_profits_alone_and_can_always_be_completed(
        deposits in deposits(), floor in 1u64..500, acts in histories(80),
    ) {
        let mut world = World::new(&deposits, 100, floor);
        let mut opened: Option<(Vec<u64>, u32)> = None;
        for act in acts {
            // Whoever comes first opens the epoch, so that what was there then is known here.
            let profits = world.profits();
            world.open().unwrap();
            if world.ledger.is_open() && opened.as_ref().map(|(_, epoch)| *epoch) != Some(world.ledger.epoch) {
                opened = Some((profits, world.ledger.epoch));
            }
            world.act(act).unwrap();
            if let Some((profits, epoch)) = &opened {
                let mut completed = world.clone();
                if completed.ledger.is_open() && completed.ledger.epoch == *epoch {
                    completed.mark_all().unwrap();
                    prop_assert!(completed.ledger.is_complete(0), "stuck: {:?}", completed.ledger);
                    completed.ledger.close(0).unwrap();
                }
                for (perp, profit) in completed.slots.iter().zip(profits) {
                    if perp.share.epoch == *epoch {
                        let given_up = completed.ledger.haircuts.due(&perp.share);
                        prop_assert!(given_up <= *profit, "{} of {}", given_up, profit);
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_done_in_an_open_epoch_changes_who_gives_up_what(
        deposits in deposits(), before in histories(40), within in histories(25), fall in 300u64..700,
    ) {
        let mut world = World::new(&deposits, 100, 1);
        world.deposits[0] = 10;
        for act in before {
            if world.ledger.is_shareable(1) { break; }
            world.act(act).unwrap();
        }
        // Somebody who has next to nothing is caught by a move.
        world.trade(0, 1, -world.slots[0].position.0, world.spot).unwrap();
        world.trade(0, 1, 50, world.spot).unwrap();
        world.act(Act::Move { thousandths: fall }).unwrap();
        world.resolve(0, 2).unwrap();
        world.open().unwrap();
        prop_assume!(world.ledger.is_open());
        let given_up = |world: &World| {
            let mut world = world.clone();
            world.mark_all().unwrap();
            world.ledger.close(0).unwrap();
            world.slots.iter().map(|perp| world.ledger.haircuts.due(&perp.share)).collect::<Vec<_>>()
        };
        let expected = given_up(&world);
        for act in within {
            // The epoch stays open meanwhile.
            if matches!(act, Act::Share | Act::Close) { continue; }
            world.act(act).unwrap();
        }
        for (found, expected) in given_up(&world).iter().zip(&expected) {
            prop_assert!(found.abs_diff(*expected) <= 1, "{found} instead of {expected}");
        }
    }
}

/// What winners of one size do with their profit, in any order and number.
#[derive(Clone, Copy, Debug)]
enum Choice {
    Close(usize),
    Settle(usize),
    Mark(usize),
    CollectLosses(usize),
}

const WINNERS: usize = 4;
const LOTS: i64 = 24;
/// After the winners: a loser that pays all, one that has nothing left, and one who takes the other side of what is closed.
const PAYS: usize = WINNERS;
const BROKE: usize = WINNERS + 1;
const MAKER: usize = WINNERS + 2;
const FIRST_PART: usize = WINNERS + 3;

fn choices(accounts: usize) -> impl Strategy<Value = Vec<Choice>> {
    let who = move || {
        (0..accounts).prop_map(|index| {
            if index < WINNERS {
                index
            } else {
                FIRST_PART + index - WINNERS
            }
        })
    };
    prop::collection::vec(
        prop_oneof![
            1 => who().prop_map(Choice::Close),
            3 => who().prop_map(Choice::Settle),
            2 => who().prop_map(Choice::Mark),
            1 => (1usize..4).prop_map(Choice::CollectLosses),
        ],
        0..40,
    )
}

fn choose(world: &mut World, choice: Choice) {
    match choice {
        Choice::Close(who) => {
            let lots = world.slots[who].position.0;
            world.trade(who, MAKER, -lots, world.spot).unwrap();
        }
        Choice::Settle(who) => world.settle(who).unwrap(),
        Choice::Mark(who) => world.mark(who).unwrap(),
        Choice::CollectLosses(part) => {
            let kept = world.deposits[PAYS] / 4 * part as u64;
            world.deposits[PAYS] -= kept;
            world.settle(PAYS).unwrap();
            world.deposits[PAYS] += kept;
        }
    }
    world.check();
}

/// Winners short at 100, the last of them in `parts` accounts, against two losers; the price falls in two steps, and every
/// winner and loser does as chosen before, between and after.
fn crash(parts: usize, steps: [Vec<Choice>; 4]) -> World {
    let whole = LOTS * WINNERS as i64;
    let mut deposits = vec![0; FIRST_PART + parts - 1];
    (deposits[PAYS], deposits[BROKE], deposits[MAKER]) = (1_000_000, 1_000, 1_000_000);
    let mut world = World::new(&deposits, 100, 1);
    let price = world.spot;
    let mut sell = |who, lots: i64| {
        world.trade(PAYS, who, lots / 2, price).unwrap();
        world.trade(BROKE, who, lots / 2, price).unwrap();
    };
    for who in 0..WINNERS - 1 {
        sell(who, LOTS);
    }
    let part = LOTS / parts as i64;
    sell(WINNERS - 1, part);
    for index in 1..parts {
        sell(FIRST_PART + index - 1, part);
    }
    assert_eq!(world.interest, [whole; 2]);
    let [first, second, third, fourth] = steps;
    for (spot, choices) in [(80, first), (60, second)] {
        (world.spot, world.stable) = (spot << SHIFT, spot << SHIFT);
        choices
            .into_iter()
            .for_each(|choice| choose(&mut world, choice));
    }
    world.resolve(BROKE, MAKER).unwrap();
    third
        .into_iter()
        .for_each(|choice| choose(&mut world, choice));
    world.open().unwrap();
    world.mark_all().unwrap();
    world.ledger.close(0).unwrap();
    fourth
        .into_iter()
        .for_each(|choice| choose(&mut world, choice));
    world.settle(PAYS).unwrap();
    for _ in 0..3 {
        (0..world.slots.len()).for_each(|who| world.settle(who).unwrap());
    }
    world.check();
    world
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn equal_winners_end_equal_whatever_their_order_if_all_is_marked(
        parts in prop_oneof![Just(1usize), Just(2), Just(3), Just(6)],
        seed in choices(WINNERS + 5), third in choices(WINNERS + 5), fourth in choices(WINNERS + 5),
    ) {
        let within = |choices: Vec<Choice>| -> Vec<Choice> {
            let known = |who: &usize| *who < FIRST_PART + parts - 1;
            choices.into_iter().filter(|choice| match choice {
                Choice::Close(who) | Choice::Settle(who) | Choice::Mark(who) => known(who),
                Choice::CollectLosses(_) => true,
            }).collect()
        };
        let world = crash(parts, [vec![], within(seed), within(third), within(fourth)]);
        let split: i128 = world.wealth(WINNERS - 1)
            + (FIRST_PART..FIRST_PART + parts - 1).map(|who| world.wealth(who)).sum::<i128>();
        let mut ends: Vec<i128> = (0..WINNERS - 1).map(|who| world.wealth(who)).collect();
        ends.push(split);
        let spread = ends.iter().max().unwrap() - ends.iter().min().unwrap();
        prop_assert!(spread <= i128::from(world.changes), "{:?}", ends);
    }

    #[test]
    fn a_second_fall_after_a_covering_leaves_those_who_did_nothing_equal(
        first in choices(2), second in choices(2), third in choices(2),
    ) {
        // Nobody closes at the first price: that would be another profit.
        let first = first.into_iter().filter(|choice| !matches!(choice, Choice::Close(_))).collect();
        let world = crash(1, [first, second, third, vec![]]);
        let spread = (world.wealth(2) - world.wealth(3)).abs();
        prop_assert!(spread <= i128::from(world.changes), "{} {}", world.wealth(2), world.wealth(3));
    }

    #[test]
    fn when_all_losers_pay_all_winners_are_paid_in_full(acts in histories(60)) {
        let mut world = World::new(&[1 << 40; ACCOUNTS], 100, 1);
        acts.into_iter().for_each(|act| world.act(act).unwrap());
        prop_assert_eq!(world.ledger.missing(), 0);
        let wealth: Vec<i128> = (0..ACCOUNTS).map(|who| world.wealth(who)).collect();
        for who in 1..ACCOUNTS {
            let lots = world.slots[who].position.0;
            world.trade(who, 0, -lots, world.spot).unwrap();
        }
        for _ in 0..3 {
            (0..ACCOUNTS).for_each(|who| world.settle(who).unwrap());
        }
        world.check();
        for (who, wealth) in wealth.into_iter().enumerate() {
            let deposit = i128::from(world.deposits[who]);
            let most = 4 * ACCOUNTS as i128;
            prop_assert!((deposit - wealth).abs() <= most, "{who}: {deposit} of {wealth}");
            prop_assert!(world.slots[who].quote.0.abs() <= most as i64);
        }
    }
}

/// Slots that are marked and covered by hand, without positions.
fn claim(ledger: &mut ProfitLedger, amount: u64) -> PerpPosition {
    let mut perp = PerpPosition::of(0);
    ledger.count(&perp, -1).unwrap();
    perp.quote.0 = amount as i64;
    ledger.count(&perp, 1).unwrap();
    ledger.mark(&mut perp, amount).unwrap();
    perp
}

#[test]
fn ten_thousand_coverings_of_the_largest_claims_keep_every_sum() {
    for (part, of) in [(1u64, 1_000_000u64), (1, 3), (999_999, 1_000_000), (1, 1)] {
        let mut ledger = ProfitLedger::default();
        let mut slots: Vec<PerpPosition> = (0..3).map(|_| claim(&mut ledger, 1 << 53)).collect();
        for round in 0..10_000usize {
            let free = (u128::from(ledger.uncovered) * u128::from(part) / u128::from(of)) as u64;
            cover(&mut ledger, free.max(1));
            // One is touched now and then, and marked anew at as much as it had at first.
            if round % 3 == 0 {
                let slot = &mut slots[round % 2];
                ledger.harvest(slot).unwrap();
                let paid = slot.share.covered;
                ledger.pay(slot, paid).unwrap();
                ledger.mark(slot, 1 << 53).unwrap();
            }
            let covered: u64 = slots
                .iter()
                .map(|slot| slot.share.harvest(&ledger).covered)
                .sum();
            assert!(
                covered <= ledger.covered,
                "{covered} of {} in {round}",
                ledger.covered
            );
        }
    }
}

#[test]
fn a_claim_that_is_covered_in_full_leaves_nothing_behind() {
    let mut world = World::new(&[0, 1_000, 0], 100, 1);
    world.trade(0, 1, 10, world.spot).unwrap();
    (world.spot, world.stable) = (110 << SHIFT, 110 << SHIFT);
    world.trade(0, 1, -10, world.spot).unwrap();
    world.settle(1).unwrap();
    world.settle(0).unwrap();
    assert_eq!(world.deposits[0], 100);
    assert_eq!(world.slots[0].quote.0, 0);
    assert!(world.slots[0].is_closed() && world.slots[0].share == ProfitShare::NONE);
}

#[test]
fn ten_thousand_million_full_coverings_would_not_wear_the_exponent_out() {
    let mut ledger = ProfitLedger::default();
    for _ in 0..1_000 {
        let mut slot = claim(&mut ledger, 1 << 40);
        cover(&mut ledger, 1 << 40);
        ledger.harvest(&mut slot).unwrap();
        let paid = slot.share.covered;
        ledger.pay(&mut slot, paid).unwrap();
        ledger.mark(&mut slot, 0).unwrap();
    }
    let grown = u128::from(ledger.exponent);
    let most = u128::MAX >> (128 - 8 * core::mem::size_of_val(&ledger.exponent));
    assert!(grown * 10_000_000 <= most, "{grown} in a thousand");
}

/// Two who won 1,000 each of one that had a tenth of it, and have closed.
fn two_claims_and_a_shortfall(floor: u64) -> World {
    let mut world = World::new(&[0, 0, 200, 1_000_000], 100, floor);
    for who in [0, 1] {
        world.trade(who, 2, 100, world.spot).unwrap();
    }
    (world.spot, world.stable) = (110 << SHIFT, 110 << SHIFT);
    for who in [0, 1] {
        world.trade(who, 3, -100, world.spot).unwrap();
    }
    world.resolve(2, 3).unwrap();
    world
}

#[test]
fn an_epoch_completes_although_claims_owe_for_the_one_before() {
    let mut world = two_claims_and_a_shortfall(1);
    assert_eq!(world.ledger.shortfall, 1_800);
    world.mark_all().unwrap();
    world.ledger.close(0).unwrap();
    // Nobody is touched between: another loss is shown and the next epoch opened at once.
    world.ledger.shortfall += 50;
    world.pool -= 50;
    world.open().unwrap();
    assert!(!world.ledger.is_open(), "what is due is given up first");
    world.mark_all().unwrap();
    world.mark_all().unwrap();
    assert!(world.ledger.is_complete(0), "{:?}", world.ledger);
    world.ledger.close(0).unwrap();
    world.check();
}

#[test]
fn a_shared_shortfall_is_gone_to_the_unit_so_that_nothing_halts() {
    for shortfall in [1u64, 7, 1_000, 1_999] {
        let mut ledger = ProfitLedger::default();
        let mut slots = [claim(&mut ledger, 1_000), claim(&mut ledger, 2_000)];
        ledger.shortfall = shortfall;
        ledger
            .open(&Default::default(), Default::default(), [0; 2], 0)
            .unwrap();
        slots
            .iter_mut()
            .for_each(|slot| ledger.prepare(slot).unwrap());
        assert_eq!(ledger.close(0), Ok(shortfall));
        assert!(!ledger.is_frozen(0));
        slots
            .iter_mut()
            .for_each(|slot| ledger.prepare(slot).unwrap());
        assert_eq!(ledger.missing(), 0);
    }
}

#[test]
fn what_a_slot_still_owes_is_never_forgotten_while_it_is_counted_as_given_up() {
    let mut ledger = ProfitLedger::default();
    let mut sleeper = claim(&mut ledger, 10_000);
    let mut other = claim(&mut ledger, 2_000_000);
    let share = |ledger: &mut ProfitLedger, slots: &mut [&mut PerpPosition], shortfall| {
        ledger.shortfall += shortfall;
        ledger
            .open(&Default::default(), Default::default(), [0; 2], 0)
            .unwrap();
        for slot in slots.iter_mut() {
            ledger.prepare(slot).unwrap();
        }
        let _ = ledger.close(0);
    };
    share(&mut ledger, &mut [&mut sleeper, &mut other], 1_005_000);
    // A small claim that nobody touches for four epochs: they close without it, or do not close.
    for _ in 0..4 {
        share(&mut ledger, &mut [&mut other], 10);
    }
    let all = ledger.uncovered;
    let slots = [&sleeper, &other].map(|slot| slot.share.harvest(&ledger).uncovered);
    assert!(slots.iter().sum::<u64>() <= all + 2, "{slots:?} of {all}");
}

#[test]
fn what_is_reserved_goes_to_all_known_profits_alike_after_another_move() {
    let mut world = World::new(&[0, 0, 1_000_000], 100, 1);
    world.trade(0, 2, 100, world.spot).unwrap();
    world.trade(1, 2, 100, world.spot).unwrap();
    // Both have won 1,000; half of it is collected and kept for them.
    (world.spot, world.stable) = (110 << SHIFT, 110 << SHIFT);
    world.deposits[2] = 1_000;
    world.settle(2).unwrap();
    world.cover().unwrap();
    assert_eq!(world.ledger.reserved, 1_000);
    // The price goes on before anybody is marked.
    (world.spot, world.stable) = (120 << SHIFT, 120 << SHIFT);
    world.mark_all().unwrap();
    let covered = [0, 1].map(|who| world.slots[who].share.harvest(&world.ledger).covered);
    assert!(covered[0].abs_diff(covered[1]) <= 2, "{covered:?}");
}

#[test]
fn whoever_is_left_out_of_an_epoch_gives_up_its_part_all_the_same() {
    // 0.9 % of the lots, bought long ago, have as much profit as all others.
    let mut world = World::new(&[0, 0, 2_000, 1_000_000], 100, 1);
    world.trade(0, 3, 9, world.spot).unwrap();
    world.spot = 200 << SHIFT;
    world.trade(1, 2, 991, world.spot).unwrap();
    (world.spot, world.stable) = (204 << SHIFT, 204 << SHIFT);
    world.resolve(2, 3).unwrap();
    let before: Vec<i128> = [0, 1].iter().map(|who| world.wealth(*who)).collect();
    world.open().unwrap();
    (1..4).for_each(|who| world.mark(who).unwrap());
    if world.ledger.is_complete(0) {
        world.ledger.close(0).unwrap();
    } else {
        world.mark_all().unwrap();
        world.ledger.close(0).unwrap();
    }
    world.mark_all().unwrap();
    let kept = |who: usize| world.wealth(who) as f64 / before[who] as f64;
    assert!((kept(0) - kept(1)).abs() < 0.01, "{} {}", kept(0), kept(1));
}

/// Collects so much more than is set aside, in a market without positions.
fn cover(ledger: &mut ProfitLedger, free: u64) {
    let pool = ledger.set_aside() + free;
    let nothing = [0; 2];
    let when = Covering {
        floor: u64::MAX,
        delay_secs: 0,
        now: 0,
    };
    ledger
        .cover_from(pool, nothing, &Default::default(), &when)
        .unwrap();
}

/// A slot that an open epoch has marked at more than its claim is by now gives no more of its share away than of its claim.
#[test]
fn no_more_of_a_share_goes_along_than_of_the_claim() {
    let mut ledger = ProfitLedger::default();
    let (mut from, mut to) = (claim(&mut ledger, 10_000), claim(&mut ledger, 5));
    ledger.shortfall = 100;
    ledger
        .open(&Default::default(), Default::default(), [0; 2], 0)
        .unwrap();
    for slot in [&mut from, &mut to] {
        ledger.prepare(slot).unwrap();
    }
    let all = ledger.epoch_uncovered;
    // It has lost nearly all of it since.
    from.quote.0 = 10;
    ledger.hand_over(&mut from, &mut to, 10).unwrap();
    assert_eq!((from.share.uncovered, to.share.uncovered), (9_990, 15));
    assert_eq!(from.share.uncovered + to.share.uncovered, all);
}
