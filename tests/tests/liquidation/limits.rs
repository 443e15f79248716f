//! What a liquidator asks for: a worst price of the position, and a least reward of all that a call takes.
use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions::Liquidation;
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    trading::ask,
    usd,
};

use plimsoll_tests::scenarios::*;

#[tokio::test]
async fn a_position_is_taken_at_no_worse_than_the_limit() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let limited = |price| Liquidation {
        limit_price: price,
        ..take(&t.env, SOL_PERP, 100)
    };
    // Of a long the liquidator buys, at 136 dollars.
    let (low, exact) = (limited(13_599), limited(13_600));
    let (env, by) = (&mut t.env, &t.liquidator);
    refuse(env, by, &t.account, &low, E::PriceBeyondLimit).await;
    let slice = taken(&liquidate(env, by, &t.account, &exact).await);
    assert_eq!(slice.lots, 100);
    // Who asks for nothing gets it at any price.
    let any = take(env, SOL_PERP, 100);
    liquidate(env, by, &t.account, &any).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn of_a_short_the_limit_is_the_lowest_price() {
    let mut t = long().await;
    let short = t.env.trader_with(&[(USDC, usd(2_000))]).await;
    let order = ask(15_000, 10_000);
    t.env.place(&short, order, &[]).await;
    let buy = plimsoll_tests::trading::bid(15_000, 10_000);
    t.env.place(&t.liquidator, buy, &[&short]).await;
    shock(&mut t.env, SOL, 165.0).await;
    flag(&mut t.env, &t.seller, &short).await;
    let limited = |price| Liquidation {
        limit_price: price,
        ..take(&t.env, SOL_PERP, 100)
    };
    let (high, exact) = (limited(16_501), limited(16_500));
    let (env, by) = (&mut t.env, &t.liquidator);
    refuse(env, by, &short, &high, E::PriceBeyondLimit).await;
    let slice = taken(&liquidate(env, by, &short, &exact).await);
    assert_eq!(slice.lots, -100);
    env.assert_conserved().await;
}

#[tokio::test]
async fn all_that_a_call_takes_brings_the_least_reward() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    t.env.advance(40).await;
    t.env.refresh_all().await;
    // A hundred lots are 136 dollars: two per cent of it goes to the liquidator.
    let asking = |reward| Liquidation {
        least_reward: reward,
        ..take(&t.env, SOL_PERP, 100)
    };
    let (much, little) = (asking(usd(3)), asking(usd(2)));
    let (env, by) = (&mut t.env, &t.liquidator);
    refuse(env, by, &t.account, &much, E::RewardTooSmall).await;
    let slice = taken(&liquidate(env, by, &t.account, &little).await);
    assert!(slice.fee - slice.insurance_fee >= usd(2));
    env.assert_conserved().await;

    let mut env = plimsoll_tests::Env::new().await;
    let by = rich(&mut env).await;
    let account = env.trader_with(&[(SOL, 100 * SOL_1)]).await;
    env.borrow(&account, USDC, usd(11_500)).await.unwrap();
    shock(&mut env, SOL, 118.0).await;
    flag(&mut env, &by, &account).await;
    let pay = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), usd(1_000));
    let asking = |reward| Liquidation {
        least_reward: reward,
        ..pay.clone()
    };
    refuse(
        &mut env,
        &by,
        &account,
        &asking(usd(500)),
        E::RewardTooSmall,
    )
    .await;
    liquidate(&mut env, &by, &account, &asking(1)).await;
    env.assert_conserved().await;
}
