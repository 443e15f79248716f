//! Crashes, broken feeds and stale entries.
use plimsoll::{error::PlimsollError as E, events::RefreshSkipped};
use plimsoll_client::{errors, events};
use plimsoll_tests::{
    env::{BTC, ETH, SOL, SOL_PERP, USDC},
    usd, Env, Trader,
};

use plimsoll_tests::scenarios::*;

/// More than half gone within a tick, the stable price still where it was.
#[tokio::test]
async fn a_crash_holds_nothing_back() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 70.0).await;
    let price = t.env.risk().await.markets[SOL_PERP].price;
    assert!(price.stable > price.spot * 2);
    let takeover = take(&t.env, SOL_PERP, ALL);
    let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    assert_eq!(taken(&outcome).notional, usd(7_000));
    t.env.assert_conserved().await;
}

/// A deeper one looks like a broken feed for some minutes, in which its price neither flags nor seizes anything.
#[tokio::test]
async fn a_broken_feed_does_until_the_average_follows() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 60.0).await;
    assert!(t.env.risk().await.markets[SOL_PERP].price.is_broken());
    let takeover = take(&t.env, SOL_PERP, ALL);
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &takeover,
        E::NotLiquidatable,
    )
    .await;
    let mut minutes = 0;
    while t.env.risk().await.markets[SOL_PERP].price.is_broken() {
        shock(&mut t.env, SOL, 60.0).await;
        minutes += 1;
    }
    assert_eq!(minutes, 2);
    liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    t.env.assert_conserved().await;
}

/// SOL and BTC deposits against a debt in USDC.
async fn two_deposits() -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let account = env
        .trader_with(&[(SOL, 10 * SOL_1), (BTC, BTC_1 / 50)])
        .await;
    env.borrow(&account, USDC, usd(2_150)).await.unwrap();
    (env, account, by)
}

#[tokio::test]
async fn what_a_broken_feed_prices_counts_in_favour_and_is_left_alone() {
    let (mut env, account, by) = two_deposits().await;
    let (usdc, all) = (Leg::Asset(USDC), ALL);
    let (sol, btc) = (
        swap(&env, Leg::Asset(SOL), usdc, all),
        swap(&env, Leg::Asset(BTC), usdc, all),
    );
    // A glitch flags nobody.
    shock(&mut env, SOL, 50.0).await;
    assert!(env.entry(SOL).await.price.is_broken());
    for what in [&sol, &btc] {
        refuse(&mut env, &by, &account, what, E::NotLiquidatable).await;
    }
    // Below the line even so, the other collateral goes.
    shock(&mut env, BTC, 55_000.0).await;
    shock(&mut env, BTC, 30_000.0).await;
    env.advance(60).await;
    env.assets[SOL].usd = 12.0;
    env.refresh_all().await;
    assert!(env.entry(SOL).await.price.is_broken());
    assert!(!env.entry(BTC).await.price.is_broken());
    flag(&mut env, &by, &account).await;
    refuse(&mut env, &by, &account, &sol, E::BrokenFeed).await;
    liquidate(&mut env, &by, &account, &btc).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn stale_collateral_stays_and_other_goes() {
    let (mut env, account, by) = two_deposits().await;
    shock(&mut env, SOL, 100.0).await;
    env.advance(121).await;
    env.refresh_only(&[USDC, SOL]).await;
    let health = env.health(&account).await;
    assert_eq!(health.stale_deposits, 1 << BTC);
    assert!(health.maintenance < 0, "even so");
    let usdc = Leg::Asset(USDC);
    let (sol, btc) = (
        swap(&env, Leg::Asset(SOL), usdc, usd(50)),
        swap(&env, Leg::Asset(BTC), usdc, usd(50)),
    );
    flag_at(&mut env, &by, &account, &[USDC, SOL]).await;
    refuse(&mut env, &by, &account, &btc, E::StaleEntry).await;
    liquidate(&mut env, &by, &account, &sol).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_stale_debt_is_not_repaid() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let account = env.trader_with(&[(SOL, 10 * SOL_1)]).await;
    env.borrow(&account, ETH, ETH_1 * 34 / 100).await.unwrap();
    shock(&mut env, SOL, 100.0).await;
    env.advance(121).await;
    env.refresh_only(&[SOL]).await;
    flag_at(&mut env, &by, &account, &[SOL]).await;
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(ETH), ALL);
    refuse(&mut env, &by, &account, &what, E::StaleEntry).await;
    // Known again: that is a first observation, and what confirms it comes later.
    env.refresh_all().await;
    refuse(&mut env, &by, &account, &what, E::SameObservation).await;
    let nothing = liquidate_ix(&env, &by, &account, &Default::default());
    env.run(&[nothing], &[&by.key]).await;
    env.advance(1).await;
    env.refresh_all().await;
    liquidate(&mut env, &by, &account, &what).await;
    env.assert_conserved().await;
}

/// Long at a price that fell, the stable price still high: once the entry is stale that one counts, and a tenth more.
#[tokio::test]
async fn a_stale_position_has_the_benefit_of_the_doubt() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    assert!(t.env.health(&t.account).await.maintenance < 0);
    t.env.advance(121).await;
    let health = t.env.health(&t.account).await;
    assert!(health.stale_markets != 0 && health.maintenance > 0);
    let takeover = take(&t.env, SOL_PERP, ALL);
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &takeover,
        E::NotLiquidatable,
    )
    .await;
    // With an entry of today it is what it is.
    t.env.refresh_all().await;
    liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn stale_deposits_have_the_benefit_of_the_doubt() {
    let (mut env, account, by) = two_deposits().await;
    shock(&mut env, SOL, 110.0).await;
    assert!(env.health(&account).await.maintenance < 0);
    env.advance(121).await;
    env.refresh_only(&[USDC, BTC]).await;
    let btc = swap(&env, Leg::Asset(BTC), Leg::Asset(USDC), ALL);
    refuse(&mut env, &by, &account, &btc, E::NotLiquidatable).await;
    env.assert_conserved().await;
}

/// A price with too wide a confidence is not taken, so nobody is liquidated at it; the last good one ages.
#[tokio::test]
async fn a_wide_confidence_prices_nothing() {
    let mut t = long().await;
    t.env.advance(10).await;
    t.env.set_price_with(SOL, 130.0, 6.5, 0).await;
    let entries = t.env.market_entry(SOL_PERP);
    let outcome = t.env.refresh(&entries).await;
    let skipped: Vec<RefreshSkipped> = events::of_kind(&outcome.logs);
    assert_eq!(skipped[0].reason, errors::code(E::OracleTooWide));
    let takeover = take(&t.env, SOL_PERP, ALL);
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &takeover,
        E::NotLiquidatable,
    )
    .await;

    // Flagged at a good price, then the feed widens for longer than a price lasts.
    shock(&mut t.env, SOL, 105.0).await;
    let slice = take(&t.env, SOL_PERP, 10);
    liquidate(&mut t.env, &t.liquidator, &t.account, &slice).await;
    t.env.advance(121).await;
    t.env.set_price_with(SOL, 105.0, 6.5, 0).await;
    let quote = [t.env.asset_entry(USDC), t.env.market_entry(SOL_PERP)].concat();
    t.env.set_price(USDC, 1.0).await;
    t.env.refresh(&quote).await;
    let what = take(&t.env, SOL_PERP, ALL);
    let liquidate = liquidate_ix(&t.env, &t.liquidator, &t.account, &what);
    let result = t.env.send(&[liquidate], &[&t.liquidator.key]).await;
    // The doubt may be enough to leave it alone; nothing is seized at an old price, and the flag stays.
    match result {
        Ok(_) => assert!(is_flagged(&t.env, &t.account).await),
        Err(error) => plimsoll_tests::refusal::assert_refused(Err(error), E::StaleEntry),
    }
    assert_eq!(t.env.perp(&t.account).await.position.0, 9_990);
    t.env.assert_conserved().await;
}
