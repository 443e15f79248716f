//! Dust: a unit of something, left in an account to hold up what others must be able to do.
use plimsoll::{error::PlimsollError as E, liquidation::DOUBT_PATIENCE_SECS};
use plimsoll_client::instructions::BadDebt;
use plimsoll_tests::{
    env::{BTC, ETH, JUP, SOL, USDC},
    scenarios::*,
    usd, Env, Trader,
};

/// An account that owes SOL, and owns next to nothing of JUP, whose feed has just died.
async fn owing_sol(dust: &[(usize, u64)]) -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let mut deposits = vec![(USDC, usd(1_000))];
    deposits.extend_from_slice(dust);
    let account = env.trader_with(&deposits).await;
    env.borrow(&account, SOL, 5 * SOL_1).await.unwrap();
    shock(&mut env, SOL, 200.0).await;
    shock(&mut env, SOL, 250.0).await;
    let what = swap(&env, Leg::Asset(USDC), Leg::Asset(SOL), ALL);
    liquidate(&mut env, &by, &account, &what).await;
    (env, account, by)
}

/// A debt in quote, and one in another asset that insurance buys.
#[tokio::test]
async fn dust_of_a_dead_feed_holds_no_bankruptcy_up() {
    // A cent, and a little less than what counts as dust.
    for amount in [10_000, 6_000_000] {
        let (mut env, account, by) = owing_sol(&[(JUP, amount)]).await;
        insure(&mut env, &by, usd(1_000)).await;
        let alive = all_but(&env, &[JUP]);
        let resolve = resolve_asset_ix(&env, &by, &account, SOL);
        // While it can be seized, that comes first.
        env.refuse(std::slice::from_ref(&resolve), &[&by.key], E::NotBankrupt)
            .await;
        pass(&mut env, 11, &alive).await;
        env.run(&[resolve], &[&by.key]).await;
        assert_eq!(env.balance(account.margin, SOL).await, 0);
        assert!(!is_flagged(&env, &account).await);
        env.assert_conserved().await;
    }

    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let account = env.trader_with(&[(SOL, 10 * SOL_1), (JUP, 10_000)]).await;
    env.borrow(&account, USDC, usd(1_100)).await.unwrap();
    let alive = all_but(&env, &[JUP]);
    pass(&mut env, 300, &alive).await;
    env.assets[SOL].usd = 100.0;
    env.advance(1).await;
    env.refresh_only(&alive).await;
    flag_at(&mut env, &by, &account, &alive).await;
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    liquidate(&mut env, &by, &account, &what).await;
    insure(&mut env, &by, usd(5_000)).await;
    let debt = BadDebt::Asset {
        bank: env.assets[USDC].asset.bank,
        resolver_account: None,
        max_repay: 0,
    };
    let resolve = resolve_ix(&env, &by, &account, &debt);
    env.run(&[resolve], &[&by.key]).await;
    assert_eq!(env.balance(account.margin, USDC).await, 0);
    env.assert_conserved().await;
}

/// More than dust is value: it is auctioned once its price has long been doubted, and then the bankruptcy goes on.
#[tokio::test]
async fn what_is_more_than_dust_is_auctioned_first() {
    let (mut env, account, by) = owing_sol(&[(JUP, 100_000_000)]).await;
    let alive = all_but(&env, &[JUP]);
    let resolve = resolve_asset_ix(&env, &by, &account, SOL);
    pass(&mut env, 60, &alive).await;
    env.refuse(std::slice::from_ref(&resolve), &[&by.key], E::NotBankrupt)
        .await;
    pass(&mut env, 3_600, &alive).await;
    let rest = swap(&env, Leg::Asset(JUP), Leg::Asset(SOL), ALL);
    flag_at(&mut env, &by, &account, &alive).await;
    pass(&mut env, DOUBT_PATIENCE_SECS as i64, &alive).await;
    liquidate(&mut env, &by, &account, &rest).await;
    assert_eq!(env.balance(account.margin, JUP).await, 0);
    env.run(&[resolve], &[&by.key]).await;
    env.assert_conserved().await;
}

/// One native unit of something beside what counts: with a feed or without, the rest can be taken, and it itself too.
#[tokio::test]
async fn a_unit_of_collateral_holds_no_swap_up() {
    for dust in [USDC, BTC, JUP] {
        for dead in [false, true] {
            let mut env = Env::new().await;
            env.refresh_all().await;
            let by = rich(&mut env).await;
            let account = env.trader_with(&[(ETH, ETH_1), (dust, 1)]).await;
            env.borrow(&account, SOL, 14 * SOL_1).await.unwrap();
            let silent: &[usize] = if dead { &[dust] } else { &[] };
            let alive = all_but(&env, silent);
            pass(&mut env, 60, &alive).await;
            for dollars in [200.0, 205.0] {
                env.advance(60).await;
                env.assets[SOL].usd = dollars;
                env.refresh_only(&alive).await;
            }
            flag_at(&mut env, &by, &account, &alive).await;
            let own = equity(&mut env, &by).await;
            let unit = swap(&env, Leg::Asset(dust), Leg::Asset(SOL), ALL);
            let call = liquidate_ix(&env, &by, &account, &unit);
            let result = env.send(&[call], &[&by.key]).await;
            if dead {
                super::assert_one_of(result, &[E::StaleEntry]);
            }
            let rest = swap(&env, Leg::Asset(ETH), Leg::Asset(SOL), ALL);
            let outcome = liquidate(&mut env, &by, &account, &rest).await;
            assert!(swapped(&outcome).repaid > SOL_1);
            assert!(equity(&mut env, &by).await > own);
            env.assert_conserved().await;
        }
    }
}
