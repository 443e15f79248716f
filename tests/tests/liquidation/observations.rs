//! Two observations: an account is flagged at some prices and loses nothing before it was found below its line at later ones,
//! all of them.
use plimsoll::error::PlimsollError as E;
use plimsoll_client::{
    instructions::{self as ix, Liquidation},
    ExchangeRef,
};
use plimsoll_tests::{
    env::{BTC, ETH, SOL, SOL_PERP, USDC},
    scenarios::*,
    usd, Env, Trader,
};

/// Flags at the prices of now.
async fn flag_now(env: &mut Env, by: &Trader, account: &Trader) {
    let nothing = liquidate_ix(env, by, account, &Liquidation::default());
    env.run(&[nothing], &[&by.key]).await;
    assert!(is_flagged(env, account).await);
    assert_eq!(env.margin(account.margin).await.flag_confirmed, 0);
}

async fn lots(env: &Env, trader: &Trader) -> i64 {
    env.perp(trader).await.position.0
}

#[tokio::test]
async fn nothing_is_seized_at_the_prices_of_the_flag() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    let slice = take(&t.env, SOL_PERP, 10);
    let same = E::SameObservation;
    // In one transaction, and in one instruction.
    let [flag, seize] = [Liquidation::default(), slice.clone()]
        .map(|w| liquidate_ix(&t.env, &t.liquidator, &t.account, &w));
    t.env
        .refuse(&[flag, seize.clone()], &[&t.liquidator.key], same)
        .await;
    t.env.refuse(&[seize], &[&t.liquidator.key], same).await;
    assert!(!is_flagged(&t.env, &t.account).await);

    flag_now(&mut t.env, &t.liquidator, &t.account).await;
    // However much later, while the prices are the same.
    t.env.advance(9).await;
    refuse(&mut t.env, &t.liquidator, &t.account, &slice, same).await;
    let swapping = swap(&t.env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL);
    refuse(&mut t.env, &t.liquidator, &t.account, &swapping, same).await;
    t.env.refresh_all().await;
    liquidate(&mut t.env, &t.liquidator, &t.account, &slice).await;
    assert_eq!(lots(&t.env, &t.account).await, 9_990);
    // Once is enough: the slices after it need no observation of their own.
    liquidate(&mut t.env, &t.liquidator, &t.account, &slice).await;
    assert_eq!(lots(&t.env, &t.account).await, 9_980);
    t.env.assert_conserved().await;
}

/// Of two prices one is as it was: that is no second observation of the account.
#[tokio::test]
async fn every_price_of_the_account_must_be_later() {
    let mut t = long().await;
    t.env.deposit(&t.account, BTC, BTC_1 / 100).await.unwrap();
    shock(&mut t.env, SOL, 129.0).await;
    let slice = take(&t.env, SOL_PERP, 10);
    flag_now(&mut t.env, &t.liquidator, &t.account).await;
    for known in [[SOL, USDC], [SOL, BTC], [USDC, BTC]] {
        let mut u = long().await;
        u.env.deposit(&u.account, BTC, BTC_1 / 100).await.unwrap();
        shock(&mut u.env, SOL, 129.0).await;
        flag_now(&mut u.env, &u.liquidator, &u.account).await;
        u.env.advance(1).await;
        u.env.refresh_only(&known).await;
        refuse(
            &mut u.env,
            &u.liquidator,
            &u.account,
            &ten_lots(),
            E::SameObservation,
        )
        .await;
    }
    // What it does not hold need not be.
    t.env.advance(1).await;
    t.env.refresh_only(&[USDC, SOL, BTC]).await;
    liquidate(&mut t.env, &t.liquidator, &t.account, &slice).await;
    t.env.assert_conserved().await;
}

/// Ten lots of the first market.
fn ten_lots() -> Liquidation {
    let market = ExchangeRef::new(0).market(SOL_PERP as u16);
    Liquidation {
        position: Some((market, 10)),
        ..Liquidation::default()
    }
}

/// The update of the flag, posted again, is the same observation; an earlier one is refused.
#[tokio::test]
async fn a_second_observation_cannot_be_made_of_old_updates() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    flag_now(&mut t.env, &t.liquidator, &t.account).await;
    t.env.advance(5).await;
    let mut entries = vec![];
    for (asset, price) in [(SOL, 136.0), (USDC, 1.0)] {
        entries.push(t.env.post(asset, price, price * 0.0005, 5).await);
        entries.push(t.env.post(asset, price * 0.99, price * 0.0005, 6).await);
    }
    let refresh = ix::refresh(&t.env.exchange, &entries);
    let seize = liquidate_ix(&t.env, &t.liquidator, &t.account, &ten_lots());
    t.env
        .refuse(&[refresh, seize], &[&t.liquidator.key], E::SameObservation)
        .await;
    t.env.assert_conserved().await;
}

/// A dip that is over at the second observation took nothing, and the flag goes.
#[tokio::test]
async fn who_is_above_the_line_at_the_second_observation_loses_nothing() {
    for dollars in [139.0, 150.0] {
        let mut t = long().await;
        shock(&mut t.env, SOL, 136.0).await;
        flag_now(&mut t.env, &t.liquidator, &t.account).await;
        t.env.advance(1).await;
        t.env.assets[SOL].usd = dollars;
        t.env.refresh_all().await;
        let health = t.env.health(&t.account).await;
        assert!(health.maintenance >= 0);
        liquidate(&mut t.env, &t.liquidator, &t.account, &ten_lots()).await;
        assert_eq!(lots(&t.env, &t.account).await, 10_000);
        assert!(!is_flagged(&t.env, &t.account).await);
        // Below it again: that is a first observation.
        t.env.advance(1).await;
        t.env.assets[SOL].usd = 136.0;
        t.env.refresh_all().await;
        refuse(
            &mut t.env,
            &t.liquidator,
            &t.account,
            &ten_lots(),
            E::SameObservation,
        )
        .await;
        t.env.assert_conserved().await;
    }
}

/// Once it was below its line twice, an account that is above it is liquidated up to where a liquidation ends.
#[tokio::test]
async fn a_confirmed_flag_reaches_up_to_the_end_line() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    liquidate(&mut t.env, &t.liquidator, &t.account, &ten_lots()).await;
    t.env.advance(1).await;
    t.env.assets[SOL].usd = 139.0;
    t.env.refresh_all().await;
    let health = t.env.health(&t.account).await;
    assert!(health.maintenance >= 0 && health.liquidation_end < 0);
    liquidate(&mut t.env, &t.liquidator, &t.account, &ten_lots()).await;
    assert_eq!(lots(&t.env, &t.account).await, 9_980);
    t.env.assert_conserved().await;
}

/// A price in doubt is no observation: it neither stands for one nor holds one up.
#[tokio::test]
async fn what_is_in_doubt_holds_no_observation_up() {
    let mut t = long().await;
    t.env.deposit(&t.account, ETH, ETH_1 / 100).await.unwrap();
    pass(&mut t.env, 60, &[USDC, SOL]).await;
    t.env.assets[SOL].usd = 130.0;
    t.env.advance(1).await;
    t.env.refresh_only(&[USDC, SOL]).await;
    flag_now(&mut t.env, &t.liquidator, &t.account).await;
    t.env.advance(1).await;
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &ten_lots(),
        E::SameObservation,
    )
    .await;
    t.env.refresh_only(&[USDC, SOL]).await;
    let seize = liquidate_ix(&t.env, &t.liquidator, &t.account, &ten_lots());
    t.env.run(&[seize], &[&t.liquidator.key]).await;
    assert_eq!(lots(&t.env, &t.account).await, 9_990);
    t.env.assert_conserved().await;
}

/// Its owner cannot hold the second observation up by what he adds to the account in between.
#[tokio::test]
async fn a_deposit_after_the_flag_holds_it_up_no_longer_than_its_price_lasts() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 130.0).await;
    flag_now(&mut t.env, &t.liquidator, &t.account).await;
    // A unit of ether, whose price is from before the flag and will be seized at for ten seconds.
    t.env.deposit(&t.account, ETH, 1).await.unwrap();
    t.env.advance(1).await;
    t.env.refresh_only(&[USDC, SOL]).await;
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &ten_lots(),
        E::SameObservation,
    )
    .await;
    // Whoever brings its price along is not held up at all.
    t.env.refresh_only(&[ETH]).await;
    let seize = liquidate_ix(&t.env, &t.liquidator, &t.account, &ten_lots());
    let refused_at = lots(&t.env, &t.account).await;
    t.env.run(&[seize], &[&t.liquidator.key]).await;
    assert_eq!(lots(&t.env, &t.account).await, refused_at - 10);

    // And a feed that is silent holds it up for ten seconds.
    let mut t = long().await;
    shock(&mut t.env, SOL, 130.0).await;
    flag_now(&mut t.env, &t.liquidator, &t.account).await;
    t.env.deposit(&t.account, ETH, 1).await.unwrap();
    t.env.advance(11).await;
    t.env.refresh_only(&[USDC, SOL]).await;
    let seize = liquidate_ix(&t.env, &t.liquidator, &t.account, &ten_lots());
    t.env.run(&[seize], &[&t.liquidator.key]).await;
    assert_eq!(lots(&t.env, &t.account).await, 9_990);
    t.env.assert_conserved().await;
}

/// An account that hedges spot with a perpetual, in portfolio margin.
#[tokio::test]
async fn a_portfolio_is_observed_twice_as_well() {
    let mut env = Env::new().await;
    env.list_model().await;
    let (other, by) = (rich(&mut env).await, rich(&mut env).await);
    let account = env.portfolio_trader(&[(USDC, usd(5_000))]).await;
    trade(&mut env, SOL_PERP, &account, &other, 150.0, 10_000).await;
    let mut dollars = 150.0;
    while env.health(&account).await.maintenance >= 0 {
        dollars *= 0.97;
        shock(&mut env, SOL, dollars).await;
    }
    flag_now(&mut env, &by, &account).await;
    let all = take(&env, SOL_PERP, ALL);
    refuse(&mut env, &by, &account, &all, E::SameObservation).await;
    env.advance(1).await;
    env.refresh_only(&[USDC]).await;
    refuse(&mut env, &by, &account, &all, E::SameObservation).await;
    env.refresh_only(&[SOL]).await;
    liquidate(&mut env, &by, &account, &all).await;
    assert!(lots(&env, &account).await < 10_000);
    env.assert_conserved().await;
}
