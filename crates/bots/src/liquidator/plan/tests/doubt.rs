//! What is in doubt: valued anew as it decays, and taken at the price of its auction when that is worth it.
use super::*;
use plimsoll::liquidation::DOUBT_PATIENCE_SECS;

/// A price that is silent is worth less and less to an account, so that the book values it anew while that goes on.
#[test]
fn doubt_moves_what_it_is_about() {
    let world = World::new(1);
    let at = |doubt_ms, age_ms| {
        let mut risk = boxed(world.outlook.risk());
        risk.doubt_ms = doubt_ms;
        age(&mut risk, 1, age_ms);
        Outlook::new(Arc::from(risk), NOW)
    };
    let moved = |from: &Outlook, to: &Outlook| to.moved_since(from).assets;
    assert_eq!(moved(&at(0, 5_000), &at(900_000, 9_000)), 0);
    assert_eq!(moved(&at(0, 9_000), &at(0, 11_000)), 1 << 1);
    assert_eq!(moved(&at(0, 11_000), &at(300_000, 20_000)), 0);
    assert_eq!(moved(&at(300_000, 11_000), &at(900_000, 20_000)), 1 << 1);
    // Nothing is left to decay.
    assert_eq!(moved(&at(3_600_000, 11_000), &at(4_000_000, 20_000)), 0);
}

/// An account with 1,000 USD of asset 1, which owes `debt` dollars, and its flag.
fn borrower(world: &World, debt: i64, flagged_for: u64) -> Box<MarginAccount> {
    let mut account = rich(world, -debt);
    account.balances[1] = Balance {
        shares: Shares(worth(1_000, world.outlook.risk().assets[1].price.spot)),
        ..Balance::of(1)
    };
    let mut account = flagged(&account);
    account.flagged_at = NOW - flagged_for as i64;
    account.flag_doubts = 1 << 1;
    account.flag_confirmed = 2;
    account
}

/// A silent token is taken once it is auctioned for less than the bot takes it to be worth, and not before the program lets go
/// of it.
#[test]
fn what_is_auctioned_is_taken_when_it_is_cheap_enough() {
    let world = World::new(1);
    let terms = terms(&world);
    let own = rich(&world, 50_000);
    let plan = |debt, minutes: u64, flagged_for| {
        let mut risk = boxed(world.outlook.risk());
        risk.doubt_ms = minutes * 60_000;
        age(&mut risk, 1, 60_000 * minutes as i64);
        let outlook = Outlook::new(Arc::from(risk), NOW);
        let account = borrower(&world, debt, flagged_for);
        plan_for(&outlook, &terms, &account, &own, &limits()).map(|plan| plan.step.kind())
    };
    let patient = DOUBT_PATIENCE_SECS;
    // Not yet, and not so soon after the flag.
    assert!(matches!(plan(480, 59, patient), Err(NoPlan::Stuck(_))));
    assert!(matches!(plan(480, 130, patient - 1), Err(NoPlan::Stuck(_))));
    // At the last price, and at the floor.
    let early = plan(480, 61, patient);
    assert!(matches!(early, Err(NoPlan::Unprofitable(_))), "{early:?}");
    assert_eq!(plan(480, 130, patient), Ok("swap"));
    // One that owes more than what the bot takes the token to be worth gives no such discount.
    let deep = plan(700, 130, patient);
    assert!(matches!(deep, Err(NoPlan::Unprofitable(_))), "{deep:?}");
}

/// Once the feed speaks again a flag that was set without it is set anew, not acted upon.
#[test]
fn a_feed_that_speaks_again_is_observed_first() {
    let world = World::new(1);
    let terms = terms(&world);
    let own = rich(&world, 50_000);
    let account = borrower(&world, 990, 60);
    let plan = plan_for(&world.outlook, &terms, &account, &own, &limits()).expect("a flag");
    assert_eq!(plan.step.kind(), "flag");
    let mut confirmed = account;
    (confirmed.flag_known, confirmed.flag_confirmed) = (1 << 1, 1);
    let plan = plan_for(&world.outlook, &terms, &confirmed, &own, &limits()).expect("a swap");
    assert_eq!(plan.step.kind(), "swap");
}
