//! Slots of any length: no economic rule counts them, so a day of trading, lending, doubt and liquidation comes to the same.
use plimsoll::liquidation::{DOUBT_PATIENCE_SECS, PATIENCE_SECS};
use plimsoll_client::instructions::Liquidation;
use plimsoll_tests::{
    env::{BTC_PERP, ETH, JUP, SOL, SOL_PERP, USDC},
    scenarios::*,
    trading::{ask, bid},
    usd, Env, Trader,
};

/// What everybody has and owes, and what the exchange keeps, to the unit.
async fn standing(env: &mut Env, traders: &[&Trader]) -> Vec<i128> {
    let mut all = Vec::new();
    for trader in traders {
        for asset in 0..env.assets.len() {
            all.push(i128::from(env.balance(trader.margin, asset).await));
            all.push(i128::from(env.tokens(trader.tokens[asset]).await));
        }
        for market in 0..env.markets.len() {
            let perp = env.perp_in(market, trader).await;
            all.extend([perp.position.0, perp.quote.0].map(i128::from));
        }
        let health = env.health(trader).await;
        all.extend([health.init, health.maintenance, health.equity].map(i128::from));
    }
    for asset in 0..env.assets.len() {
        let bank = env.bank(asset).await;
        all.extend(
            [
                bank.fees,
                bank.insurance,
                bank.deposit_index,
                bank.borrow_index,
            ]
            .map(i128::from),
        );
    }
    for market in 0..env.markets.len() {
        let market = env.market(market).await;
        all.extend(
            [
                market.pnl_pool,
                market.insurance_accrued,
                market.fees_accrued,
            ]
            .map(i128::from),
        );
        all.extend([market.funding_long, market.funding_short].map(i128::from));
        all.push(i128::from(market.premium));
    }
    all.push(i128::from(env.tokens(env.exchange.insurance_vault).await));
    all.push(i128::from(env.risk().await.doubt_ms));
    all
}

/// A flag, its ramp, its patience and its end; funding and interest; a feed that dies; a bankruptcy.
async fn day(slot_ms: u64) -> Vec<i128> {
    let mut env = Env::new().await;
    env.slot_ms = slot_ms;
    env.list_model().await;
    let (other, by) = (rich(&mut env).await, rich(&mut env).await);
    let long = env.trader_with(&[(USDC, usd(2_000))]).await;
    let hedged = env.portfolio_trader(&[(SOL, 100 * SOL_1)]).await;
    let borrower = env.trader_with(&[(JUP, 3_000_000_000)]).await;
    trade(&mut env, SOL_PERP, &long, &other, 150.0, 10_000).await;
    trade(&mut env, SOL_PERP, &other, &hedged, 150.0, 10_000).await;
    trade(&mut env, BTC_PERP, &other, &by, 60_000.0, 300).await;
    env.borrow(&hedged, USDC, usd(14_700)).await.unwrap();
    env.borrow(&borrower, ETH, ETH_1 / 3).await.unwrap();
    insure(&mut env, &by, usd(500)).await;
    // Hours with a book above the oracle.
    env.place(&other, bid(15_100, 4_000), &[]).await;
    env.place(&other, ask(15_300, 4_000), &[]).await;
    for _ in 0..12 {
        env.advance(900).await;
        env.refresh_all().await;
    }
    env.cancel_all(&other).await;
    // A fall: the fee of the long's liquidation ramps, and is capped.
    shock(&mut env, SOL, 136.0).await;
    for secs in [1, 7, 13, 30] {
        let slice = take(&env, SOL_PERP, 50);
        liquidate(&mut env, &by, &long, &slice).await;
        env.advance(secs).await;
        env.refresh_all().await;
    }
    let rest = take(&env, SOL_PERP, ALL);
    liquidate(&mut env, &by, &long, &rest).await;
    // The hedge sinks, and its legs go alone once patience is over.
    while env.health(&hedged).await.maintenance >= 0 {
        let dollars = env.assets[SOL].usd * 0.97;
        shock(&mut env, SOL, dollars).await;
    }
    flag(&mut env, &by, &hedged).await;
    env.advance(PATIENCE_SECS as i64).await;
    env.refresh_all().await;
    let leg = take(&env, SOL_PERP, 200);
    liquidate(&mut env, &by, &hedged, &leg).await;
    env.advance(PATIENCE_SECS as i64).await;
    env.refresh_all().await;
    let both = Liquidation {
        swap: swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL).swap,
        ..take(&env, SOL_PERP, ALL)
    };
    liquidate(&mut env, &by, &hedged, &both).await;
    // A feed dies; its benefit decays, and at last it is auctioned.
    let alive = all_but(&env, &[JUP]);
    pass(&mut env, 5_000, &alive).await;
    flag_at(&mut env, &by, &borrower, &alive).await;
    pass(&mut env, DOUBT_PATIENCE_SECS as i64, &alive).await;
    let rest = swap(&env, Leg::Asset(JUP), Leg::Asset(ETH), ALL);
    let call = liquidate_ix(&env, &by, &borrower, &rest);
    env.run(&[call], &[&by.key]).await;
    let traders = [&other, &by, &long, &hedged, &borrower];
    for trader in traders {
        let settle = env.settle_pnl_ix(trader);
        let _ = env.send(&[settle], &[]).await;
    }
    let all = standing(&mut env, &traders).await;
    env.assert_conserved().await;
    all
}

#[tokio::test]
async fn a_day_comes_to_the_same_in_slots_of_any_length() {
    let at_400 = day(400).await;
    assert_eq!(at_400, day(200).await);
    // Nor do a few long ones, or thousands of short ones, make a difference.
    assert_eq!(at_400, day(3_000).await);
    assert_eq!(at_400, day(1).await);
}
