//! Hedges and what is borrowed on them: a move of the price alone sinks none, and no claim becomes collateral by one.
use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions::Liquidation;
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    params::ratio,
    scenarios::{liquidate_ix, rich, settle_down, shock, trade, SOL_1},
    usd, Env, Trader,
};

/// Whatever part of a profit the market lets count.
const WEIGHTS: [[f64; 3]; 3] = [[0.0; 3], [0.0, 0.0, 0.5], [0.0, 0.8, 0.9]];

async fn world(weights: [f64; 3]) -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    env.list_model().await;
    env.edit_market(SOL_PERP, |m| m.profit_weight = weights.map(ratio))
        .await;
    env.refresh_all().await;
    let (other, liquidator) = (rich(&mut env).await, rich(&mut env).await);
    (env, other, liquidator)
}

/// 100 SOL deposited, 100 sold, and next to all borrowed that can be: over falls and rises of up to a half.
#[tokio::test]
async fn a_hedge_sinks_by_no_move_of_its_price() {
    for weights in WEIGHTS {
        for moved in [0.5, 0.7, 0.9, 0.99, 1.01, 1.1, 1.3, 1.5] {
            let (mut env, other, liquidator) = world(weights).await;
            let account = env.portfolio_trader(&[(SOL, 100 * SOL_1)]).await;
            trade(&mut env, SOL_PERP, &other, &account, 150.0, 10_000).await;
            let free = env.health(&account).await.init;
            env.borrow(&account, USDC, free.unsigned_abs() - usd(250))
                .await
                .unwrap();
            let before = env.health(&account).await;
            shock(&mut env, SOL, 150.0 * moved).await;
            let after = env.health(&account).await;
            // A hundredth of what is hedged is charged for the basis.
            let basis = (150.0 * moved).max(150.0) * 1e6;
            for (before, after) in [
                (before.liquidation_end, after.liquidation_end),
                (before.maintenance, after.maintenance),
            ] {
                assert!(
                    (after - before).abs() as f64 <= basis,
                    "{weights:?} {moved}: {before} {after}"
                );
            }
            let flag = liquidate_ix(&env, &liquidator, &account, &Liquidation::default());
            env.refuse(&[flag], &[&liquidator.key], E::NotLiquidatable)
                .await;
            env.assert_conserved().await;
        }
    }
}

/// Anybody settles the losing leg: what the other one has won still counts, as it did.
#[tokio::test]
async fn settling_one_leg_sinks_no_hedge() {
    let (mut env, other, _) = world([0.0; 3]).await;
    let account = env
        .portfolio_trader(&[(SOL, 100 * SOL_1), (USDC, usd(1_000))])
        .await;
    trade(&mut env, SOL_PERP, &other, &account, 150.0, 10_000).await;
    shock(&mut env, SOL, 120.0).await;
    settle_down(&mut env).await;
    let before = env.health(&account).await;
    env.settle_pnl(&other).await;
    env.settle_pnl(&account).await;
    let after = env.health(&account).await;
    // The maker's rebate was a claim beyond what the lots gained; what is paid counts.
    for (before, after) in [
        (before.init, after.init),
        (before.maintenance, after.maintenance),
    ] {
        let risen = after - before;
        assert!(
            (-1_000..=usd(2).cast_signed()).contains(&risen),
            "{before} {after}"
        );
    }
    env.assert_conserved().await;
}

/// A profit taken at a peak is a claim. Neither a deposit nor a short against it makes collateral of it.
#[tokio::test]
async fn a_closed_profit_is_no_collateral_behind_a_new_hedge() {
    let (mut env, other, _) = world([0.0; 3]).await;
    let account = env
        .portfolio_trader(&[(SOL, 100 * SOL_1), (USDC, usd(5_000))])
        .await;
    let plain = env
        .portfolio_trader(&[(SOL, 100 * SOL_1), (USDC, usd(5_000))])
        .await;
    trade(&mut env, SOL_PERP, &account, &other, 150.0, 10_000).await;
    shock(&mut env, SOL, 195.0).await;
    env.advance(60).await;
    env.refresh_all().await;
    // Out of the long with 4,500 USD that nobody has paid, into a short of as much.
    trade(&mut env, SOL_PERP, &other, &account, 195.0, 20_000).await;
    trade(&mut env, SOL_PERP, &other, &plain, 195.0, 10_000).await;
    let (with, without) = (env.health(&account).await, env.health(&plain).await);
    assert!(env.holding(&account).await.1 - env.holding(&plain).await.1 > usd(4_000).cast_signed());
    for (with, without) in [
        (with.init, without.init),
        (with.liquidation_end, without.liquidation_end),
        (with.maintenance, without.maintenance),
    ] {
        assert!(with <= without, "{with} {without}");
    }
    env.assert_conserved().await;
}
