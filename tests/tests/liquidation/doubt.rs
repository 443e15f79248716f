//! What doubt is worth: a price that is too old, or broken, counts in the account's favour for a while, then less and less,
//! and in the end goes to whoever takes it at a falling price. The clock of doubt stands still while most feeds are silent.
use plimsoll::{error::PlimsollError as E, liquidation::DOUBT_PATIENCE_SECS};
use plimsoll_client::instructions::{self as ix, Liquidation};
use plimsoll_tests::{
    attack,
    env::{BTC, ETH, JUP, SOL, SOL_PERP, USDC},
    scenarios::*,
    trading::bid,
    usd, Env, Trader,
};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

/// Ten SOL of 1,500 USD, weighted 0.9, against a debt of some 1,151 USDC: below its line as soon as SOL counts less than
/// 85.3 % of that.
async fn borrower() -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let account = env.trader_with(&[(SOL, 10 * SOL_1)]).await;
    env.borrow(&account, USDC, usd(1_150)).await.unwrap();
    env.refresh_all().await;
    (env, account, by)
}

async fn try_flag(env: &mut Env, by: &Trader, account: &Trader) -> bool {
    let flag = liquidate_ix(env, by, account, &Liquidation::default());
    env.send(&[flag], &[&by.key]).await.is_ok()
}

/// Swaps fifty dollars of debt for SOL; returns how many dollars it paid for a SOL.
async fn price_paid(env: &mut Env, by: &Trader, account: &Trader) -> f64 {
    let what = swap(env, Leg::Asset(SOL), Leg::Asset(USDC), usd(50));
    let liquidate = liquidate_ix(env, by, account, &what);
    let slice = swapped(&env.run(&[liquidate], &[&by.key]).await);
    assert_eq!(slice.repaid, usd(50));
    50.0 / (slice.seized as f64 / 1e9)
}

/// A tenth more for six minutes; from then on in a straight line to a half at the end of the hour: 85.3 % after 28.3 minutes.
#[tokio::test]
async fn the_benefit_of_doubt_decays_over_an_hour() {
    let (mut env, account, by) = borrower().await;
    let alive = all_but(&env, &[SOL]);
    pass(&mut env, 6 * MINUTE, &alive).await;
    let best = env.health(&account).await.maintenance;
    // 0.9 · 1,500 · 1.1 less the debt.
    let debt = env.balance(account.margin, USDC).await;
    assert!(
        (best - usd(1_485).cast_signed() - debt).abs() < 50_000,
        "{best}"
    );
    pass(&mut env, 27 * MINUTE, &alive).await;
    // 33 minutes: a half of the way down, to 80 %.
    let half = env.health(&account).await.maintenance;
    let debt = env.balance(account.margin, USDC).await;
    assert!(
        (half - usd(1_080).cast_signed() - debt).abs() < 50_000,
        "{half}"
    );
    pass(&mut env, 27 * MINUTE, &alive).await;
    let floor = env.health(&account).await.maintenance;
    let debt = env.balance(account.margin, USDC).await;
    assert!(
        (floor - usd(675).cast_signed() - debt).abs() < 50_000,
        "{floor}"
    );
    pass(&mut env, 60 * MINUTE, &alive).await;
    let later = env.health(&account).await.maintenance;
    assert!((later - floor).abs() < 50_000, "no further");

    let (mut env, account, by) = {
        drop((env, account, by));
        borrower().await
    };
    pass(&mut env, 28 * MINUTE, &alive).await;
    assert!(!try_flag(&mut env, &by, &account).await);
    pass(&mut env, MINUTE, &alive).await;
    assert!(try_flag(&mut env, &by, &account).await);
    env.assert_conserved().await;
}

/// A debt counts as much more as a deposit counts less.
#[tokio::test]
async fn doubt_of_a_debt_decays_as_well() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let account = env.trader_with(&[(USDC, usd(2_000))]).await;
    env.borrow(&account, SOL, 8 * SOL_1).await.unwrap();
    env.refresh_all().await;
    let alive = all_but(&env, &[SOL]);
    pass(&mut env, 6 * MINUTE, &alive).await;
    // 1,200 USD of debt, weighted 1.1: at 90 % they are 1,188, at 150 % 1,980, and 2,000 own them.
    let best = env.health(&account).await.maintenance;
    assert!((best - usd(812).cast_signed()).abs() < 1_500_000, "{best}");
    pass(&mut env, 54 * MINUTE, &alive).await;
    let last = env.health(&account).await.maintenance;
    assert!((last - usd(20).cast_signed()).abs() < 2_500_000, "{last}");
    assert!(!try_flag(&mut env, &by, &account).await);
    env.assert_conserved().await;
}

/// In the hour nothing of it is seized; then it goes at the last price, which falls to the floor within another hour, without a
/// fee, and no further than the account's equity at the last price bears.
#[tokio::test]
async fn what_has_long_been_doubted_is_seized_at_a_falling_price() {
    let (mut env, account, by) = borrower().await;
    env.deposit(&account, USDC, usd(350)).await.unwrap();
    let alive = all_but(&env, &[SOL]);
    pass(&mut env, 55 * MINUTE, &alive).await;
    flag_at(&mut env, &by, &account, &alive).await;
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), usd(50));
    refuse(&mut env, &by, &account, &what, E::StaleEntry).await;
    let now = env.now().await;
    let last = env.entry(SOL).await.price.published_ms / 1_000;
    pass(&mut env, last + HOUR - 1 - now, &alive).await;
    refuse(&mut env, &by, &account, &what, E::StaleEntry).await;
    // The clock of doubt is moved by whoever refreshes, hence late by as much.
    pass(&mut env, 30, &alive).await;
    refuse(&mut env, &by, &account, &what, E::DoubtTooYoung).await;
    for (since, auctioned) in [
        (6 * MINUTE, 142.5),
        (24 * MINUTE, 120.0),
        (75 * MINUTE, 75.0),
        (3 * HOUR, 75.0),
    ] {
        let now = env.now().await;
        let wait = DOUBT_PATIENCE_SECS as i64 + MINUTE;
        pass(&mut env, last + HOUR + since - wait - now, &alive).await;
        flag_at(&mut env, &by, &account, &alive).await;
        let now = env.now().await;
        pass(&mut env, last + HOUR + since - now, &alive).await;
        let sol = env.balance(account.margin, SOL).await as f64 / 1e9;
        let debt = -env.balance(account.margin, USDC).await as f64 / 1e6;
        let borne = 150.0 - (150.0 * sol - debt) / sol;
        let expected = f64::max(auctioned, borne);
        let paid = price_paid(&mut env, &by, &account).await;
        assert!((paid - expected).abs() < 0.1, "{paid} for {expected}");
    }
    env.assert_conserved().await;
}

/// Whatever its feed said before it fell silent: one price of now ends all doubt.
#[tokio::test]
async fn a_price_of_now_ends_doubt() {
    let (mut env, account, by) = borrower().await;
    let alive = all_but(&env, &[SOL]);
    pass(&mut env, 40 * MINUTE, &alive).await;
    assert!(try_flag(&mut env, &by, &account).await);
    env.advance(1).await;
    env.refresh_all().await;
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), usd(50));
    liquidate(&mut env, &by, &account, &what).await;
    assert_eq!(env.balance(account.margin, SOL).await, 10 * SOL_1 as i64);
    assert!(!is_flagged(&env, &account).await);
    // And it starts from its benefit the next time.
    pass(&mut env, 20 * MINUTE, &alive).await;
    assert!(!try_flag(&mut env, &by, &account).await);
    env.assert_conserved().await;
}

/// Half an hour without any price: nobody is liquidated who was not before, whatever is called in the meantime.
#[tokio::test]
async fn an_outage_of_all_feeds_liquidates_nobody() {
    let (mut env, account, by) = borrower().await;
    let stranger = env.trader().await;
    let clock = env.risk().await.doubt_ms;
    let all = all_but(&env, &[]);
    let entries = env.followers(&all);
    for _ in 0..180 {
        env.advance(10).await;
        // Somebody hopes that the clock of doubt runs on.
        env.refresh(&entries).await;
        env.refresh(&[]).await;
    }
    let moved = env.risk().await.doubt_ms - clock;
    assert!(moved <= 60_000, "{moved} ms");
    assert!(!try_flag(&mut env, &stranger, &account).await);
    let health = env.health(&account).await;
    assert!(health.maintenance > usd(300).cast_signed());
    // The feeds are back, all but SOL's, which has been doubted for no longer than the clock says.
    let alive = all_but(&env, &[SOL]);
    env.advance(1).await;
    env.refresh_only(&alive).await;
    assert!(!try_flag(&mut env, &by, &account).await);
    pass(&mut env, 25 * MINUTE, &alive).await;
    assert!(!try_flag(&mut env, &by, &account).await);
    pass(&mut env, 4 * MINUTE, &alive).await;
    assert!(try_flag(&mut env, &by, &account).await);
    env.assert_conserved().await;
}

/// Nor is anybody rescued: who was below the line stays flagged, cannot leave, and is liquidated by the first prices after it.
#[tokio::test]
async fn an_outage_of_all_feeds_rescues_nobody() {
    let mut t = long().await;
    let unflagged = t.env.trader_with(&[(SOL, 10 * SOL_1)]).await;
    t.env.borrow(&unflagged, USDC, usd(1_150)).await.unwrap();
    shock(&mut t.env, SOL, 125.0).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let slice = take(&t.env, SOL_PERP, 10);
    liquidate(&mut t.env, &t.liquidator, &t.account, &slice).await;
    let flagged_at = t.env.margin(t.account.margin).await.flagged_at;
    t.env.advance(30 * MINUTE).await;
    let env = &mut t.env;
    for trader in [&t.account, &unflagged] {
        let lots = env.perp(trader).await.position;
        let all = liquidate_ix(env, &t.liquidator, trader, &Liquidation::default());
        let _ = env.send(&[all], &[&t.liquidator.key]).await;
        assert_eq!(env.perp(trader).await.position, lots);
    }
    assert_eq!(env.margin(t.account.margin).await.flagged_at, flagged_at);
    // Nothing leaves, no risk is taken, and nothing is brought in against doubt.
    for (asset, amount) in [(USDC, 1), (SOL, 1)] {
        let out = env.withdraw_ix(&t.account, asset, amount, true);
        env.refuse(&[out], &[&t.account.key], E::AccountGated).await;
    }
    let out = env.withdraw_ix(&unflagged, SOL, 1_000, false);
    let stale = E::StaleEntry;
    env.refuse(&[out], &[&unflagged.key], stale).await;
    let more = env.withdraw_ix(&unflagged, USDC, 1, true);
    env.refuse(&[more], &[&unflagged.key], stale).await;
    env.refuse_order(&t.account, bid(13_000, 1), &[], stale)
        .await;
    for trader in [&t.account, &unflagged] {
        let rescue = env.deposit_ix(trader, JUP, 1_000_000);
        env.refuse(&[rescue], &[&trader.key], E::DepositInDoubt)
            .await;
    }
    // The first prices after it are a second observation of the one, and a first of the other.
    env.refresh_all().await;
    let all = liquidate_ix(env, &t.liquidator, &t.account, &take(env, SOL_PERP, ALL));
    env.run(&[all], &[&t.liquidator.key]).await;
    assert!(env.perp(&t.account).await.position.0 < 9_990);
    let what = swap(env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    liquidate(env, &t.liquidator, &unflagged, &what).await;
    assert!(env.balance(unflagged.margin, SOL).await < 10 * SOL_1 as i64);
    env.assert_conserved().await;
}

/// Two of five feeds are silent: the clock runs; three: it stands.
#[tokio::test]
async fn the_clock_of_doubt_runs_while_at_least_half_of_the_feeds_are_heard() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    for (alive, runs) in [
        (vec![USDC, SOL, BTC], true),
        (vec![USDC, SOL], false),
        (vec![USDC, SOL, BTC, ETH], true),
        (vec![], false),
    ] {
        pass(&mut env, 2 * MINUTE, &alive).await;
        let before = env.risk().await.doubt_ms;
        pass(&mut env, 5 * MINUTE, &alive).await;
        env.refresh(&[]).await;
        let moved = env.risk().await.doubt_ms - before;
        assert_eq!(moved, if runs { 300_000 } else { 0 }, "{alive:?}");
    }
    // Nor does it make up for what nobody watched.
    let all = all_but(&env, &[]);
    env.refresh_only(&all).await;
    let before = env.risk().await.doubt_ms;
    env.advance(59).await;
    for _ in 0..5 {
        env.refresh(&[]).await;
    }
    assert_eq!(env.risk().await.doubt_ms - before, 59_000);
}

/// Dust whose feed died is passed over: it holds up neither a liquidation nor what seizes beside it.
#[tokio::test]
async fn a_dead_feed_holds_up_no_liquidation_of_the_rest() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let account = env
        .trader_with(&[(SOL, 10 * SOL_1), (JUP, 1), (ETH, 1)])
        .await;
    env.borrow(&account, USDC, usd(1_100)).await.unwrap();
    let alive = all_but(&env, &[JUP, ETH]);
    pass(&mut env, 5 * MINUTE, &alive).await;
    env.assets[SOL].usd = 118.0;
    env.advance(1).await;
    env.refresh_only(&alive).await;
    flag_at(&mut env, &by, &account, &alive).await;
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    let outcome = liquidate(&mut env, &by, &account, &what).await;
    assert!(swapped(&outcome).repaid > usd(100));
    assert!(env.health(&account).await.liquidation_end >= 0);
    env.assert_conserved().await;
}

/// Nothing may be added against doubt, by a deposit, a transfer, a gift or a loan.
#[tokio::test]
async fn nothing_is_deposited_or_borrowed_against_doubt() {
    let (mut env, account, _by) = borrower().await;
    let donor = env.trader_with(&[(JUP, 1_000_000_000), (SOL, SOL_1)]).await;
    env.deposit(&account, JUP, 1).await.unwrap();
    let second = env.open_margin_account(&account.key, 1).await;
    let alive = all_but(&env, &[JUP]);
    pass(&mut env, 61, &alive).await;
    let doubt = E::DepositInDoubt;
    let own = env.deposit_ix(&account, JUP, 1_000);
    env.refuse(&[own], &[&account.key], doubt).await;
    let mut gift = env.deposit_ix(&donor, JUP, 1_000);
    gift = attack::swap(&gift, donor.margin, account.margin);
    env.refuse(&[gift], &[&donor.key], doubt).await;
    let jup = env.assets[JUP].asset;
    let owner = account.pubkey();
    let aside = ix::transfer(&env.exchange, owner, account.margin, second, &jup, 1, false);
    env.refuse(&[aside], &[&account.key], doubt).await;
    let loan = env.withdraw_ix(&account, JUP, 1_000, true);
    env.refuse(&[loan], &[&account.key], E::StaleEntry).await;
    // Taking it out is another matter.
    env.withdraw(&account, JUP, 1).await.unwrap();

    // A broken price is no better than an old one, nor is one that a wide observation followed.
    env.refresh_all().await;
    env.advance(1).await;
    env.move_price(JUP, 5.0).await;
    assert!(env.entry(JUP).await.price.is_broken());
    let own = env.deposit_ix(&account, JUP, 1_000);
    env.refuse(&[own], &[&account.key], doubt).await;
    env.advance(1).await;
    env.set_price_with(SOL, 150.0, 10.0, 0).await;
    let sol = env.asset_entry(SOL);
    env.refresh(&sol).await;
    let own = env.deposit_ix(&account, SOL, 1_000);
    env.refuse(&[own], &[&account.key], doubt).await;
    env.assert_conserved().await;
}
