//! Paying out a pump: a profit that is paid while the price is high, by means of the attacker's own liquidation.
use plimsoll_client::instructions::{self as ix, Liquidation};
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    scenarios::*,
    usd, Env,
};

use super::falls;

/// Two accounts of one owner, a long and a short with all the leverage there is. While the price is up, somebody else's loss is
/// in the pool; the long takes the short's position over, which leaves it a bare profit, and withdraws it.
#[tokio::test]
async fn a_pump_pays_nobody_more_than_his_two_accounts_brought() {
    for (by, delay) in falls() {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let (long, short) = (rich(&mut env).await, rich(&mut env).await);
        trade(&mut env, SOL_PERP, &long, &short, 150.0, 20_000).await;
        let (a, b) = (env.trader().await, env.trader().await);
        let books = Books::open(&mut env, &[&a, &b]).await;
        for trader in [&a, &b] {
            env.deposit(trader, USDC, usd(3_000)).await.unwrap();
        }
        trade(&mut env, SOL_PERP, &a, &b, 150.0, 19_000).await;
        env.advance(60).await;
        env.assets[SOL].usd = 150.0 * (1.0 + by);
        env.refresh_all().await;
        env.settle_pnl(&short).await;
        let flag = liquidate_ix(&env, &a, &b, &Liquidation::default());
        let _ = env.send(&[flag], &[&a.key]).await;
        env.advance(delay).await;
        env.set_price(SOL, 150.0 * (1.0 + by)).await;
        env.set_price(USDC, 1.0).await;
        let refresh = ix::refresh(&env.exchange, &env.followers(&[SOL, USDC]));
        let seize = liquidate_ix(&env, &a, &b, &take(&env, SOL_PERP, ALL));
        let settle = env.settle_pnl_ix(&a);
        env.run(&[refresh], &[]).await;
        let _ = env.send(&[seize], &[&a.key]).await;
        let _ = env.send(&[settle], &[]).await;
        // As much as leaves.
        for part in [64u64, 32, 16, 8, 4, 2, 1] {
            for _ in 0..2 {
                let held = env.balance(a.margin, USDC).await.max(0).unsigned_abs();
                let out = env.withdraw_ix(&a, USDC, held / 64 * part, false);
                let _ = env.send(&[out], &[&a.key]).await;
            }
        }
        env.advance(60).await;
        env.assets[SOL].usd = 150.0;
        env.refresh_all().await;
        for trader in [&a, &b] {
            let settle = env.settle_pnl_ix(trader);
            let _ = env.send(&[settle], &[]).await;
        }
        let gain = books.gain(&mut env, &[&a, &b]).await;
        assert!(gain <= 0, "{by} after {delay} s: {gain}");
        env.assert_conserved().await;
    }
}
