//! A token that operators trust no more: what its listed weight says binds accounts in portfolio margin, too, in what they own
//! and in what it hedges.
use plimsoll::error::PlimsollError as E;
use plimsoll_tests::{
    env::{ETH, SOL, SOL_PERP, USDC},
    params::ratio,
    scenarios::{rich, trade, ETH_1, SOL_1},
    usd, Env,
};

async fn tighten(env: &mut Env, asset: usize, weights: [f64; 2]) {
    let [init, maint] = weights;
    env.edit_asset(asset, |params| {
        params.asset_weight_init = ratio(init);
        params.asset_weight_maint = ratio(maint);
    })
    .await;
    env.refresh_all().await;
}

#[tokio::test]
async fn a_weight_of_nothing_counts_nothing_in_portfolio_margin() {
    let mut env = Env::new().await;
    env.list_model().await;
    rich(&mut env).await;
    let account = env.portfolio_trader(&[(ETH, 5 * ETH_1)]).await;
    env.borrow(&account, USDC, usd(9_000)).await.unwrap();
    let before = env.health(&account).await;
    assert!(before.init > 0);
    tighten(&mut env, ETH, [0.0, 0.0]).await;
    let after = env.health(&account).await;
    assert_eq!(
        after.equity, before.equity,
        "what it is worth is another matter"
    );
    // The debt with its origination fee, whole.
    let owed = usd(9_000).cast_signed() + usd(9_000).cast_signed() / 2_000;
    for health in [after.init, after.liquidation_end, after.maintenance] {
        assert!(health <= -owed + 10, "{health} {owed}");
    }
    let borrow = env.withdraw_ix(&account, USDC, usd(1), true);
    env.refuse(&[borrow], &[&account.key], E::InsufficientHealth)
        .await;
    env.assert_conserved().await;
}

/// Between nothing and a half it counts in proportion; from a half on the model alone says what it is worth.
#[tokio::test]
async fn a_lower_weight_never_counts_more() {
    let mut env = Env::new().await;
    env.list_model().await;
    rich(&mut env).await;
    let account = env.portfolio_trader(&[(ETH, 5 * ETH_1)]).await;
    let whole = env.health(&account).await;
    let mut last = [whole.init, whole.liquidation_end, whole.maintenance];
    for (weight, is_less) in [
        (0.6, false),
        (0.5, false),
        (0.4, true),
        (0.2, true),
        (0.0, true),
    ] {
        tighten(&mut env, ETH, [weight; 2]).await;
        let now = env.health(&account).await;
        let now = [now.init, now.liquidation_end, now.maintenance];
        for (now, last) in now.into_iter().zip(last) {
            assert_eq!(now < last, is_less, "{weight}: {now} {last}");
        }
        last = now;
    }
    assert!(
        last.into_iter().all(|health| (-10..=0).contains(&health)),
        "{last:?}"
    );
}

/// What counts nothing hedges nothing: the short stands alone.
#[tokio::test]
async fn a_deposit_that_counts_nothing_is_no_hedge() {
    let mut env = Env::new().await;
    env.list_model().await;
    let other = rich(&mut env).await;
    let hedged = env
        .portfolio_trader(&[(SOL, 100 * SOL_1), (USDC, usd(5_000))])
        .await;
    let naked = env.portfolio_trader(&[(USDC, usd(5_000))]).await;
    for account in [&hedged, &naked] {
        trade(&mut env, SOL_PERP, &other, account, 150.0, 10_000).await;
    }
    let (with, without) = (env.health(&hedged).await, env.health(&naked).await);
    assert!(with.init > without.init + usd(10_000).cast_signed());
    tighten(&mut env, SOL, [0.0, 0.0]).await;
    let (with, without) = (env.health(&hedged).await, env.health(&naked).await);
    for (with, without) in [
        (with.init, without.init),
        (with.liquidation_end, without.liquidation_end),
        (with.maintenance, without.maintenance),
    ] {
        assert!((without - 10..=without).contains(&with), "{with} {without}");
    }
    env.assert_conserved().await;
}
