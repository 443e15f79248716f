//! What initial health allows of token movements. Positions are in the tests of trading.
use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    env::{BTC, JUP, SOL, USDC},
    params::ratio,
    usd, Env, Trader,
};

/// An exchange with plenty to borrow.
async fn liquid() -> (Env, Trader) {
    let mut env = Env::new().await;
    let lender = env
        .trader_with(&[
            (USDC, usd(5_000_000)),
            (SOL, 50_000_000_000_000),
            (BTC, 10_000_000_000),
        ])
        .await;
    (env, lender)
}

/// Borrows until refused, by halving: the most that goes through, to within a cent.
async fn most_borrowed(env: &mut Env, trader: &Trader, upper: u64) -> u64 {
    let (mut borrowed, mut step) = (0, upper);
    while step > usd(1) / 100 {
        if env.borrow(trader, USDC, step).await.is_ok() {
            borrowed += step;
        }
        step /= 2;
    }
    borrowed
}

#[tokio::test]
async fn collateral_counts_at_its_weight_less_the_confidence() {
    let (mut env, _) = liquid().await;
    let trader = env.trader_with(&[(SOL, 100_000_000_000)]).await;
    // 100 SOL at 150 USD less 0.05% at a weight of 0.8; the debt, of 1 USD with a confidence of 0.05%, has a fee of
    // 0.05% as well.
    let collateral = 100.0 * 150.0 * (1.0 - 0.0005) * 0.8;
    let expected = collateral / 1.0005 / 1.0005;
    let borrowed = most_borrowed(&mut env, &trader, usd(15_000)).await as f64 / 1e6;
    assert!(
        (borrowed - expected).abs() < 0.05,
        "{borrowed} of {expected}"
    );
    let one_more = env.withdraw_ix(&trader, USDC, usd(1), true);
    env.refuse(&[one_more], &[&trader.key], E::InsufficientHealth)
        .await;
    // Nor may the collateral leave.
    let away = env.withdraw_ix(&trader, SOL, 100_000_000, false);
    env.refuse(&[away], &[&trader.key], E::InsufficientHealth)
        .await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn below_its_initial_margin_an_account_only_pays_in() {
    let (mut env, _) = liquid().await;
    let trader = env
        .trader_with(&[(SOL, 100_000_000_000), (JUP, 1_000_000)])
        .await;
    env.borrow(&trader, USDC, usd(11_500)).await.unwrap();
    env.advance(10).await;
    env.move_price(SOL, 140.0).await;
    for (asset, amount) in [(USDC, 1), (SOL, 1_000), (JUP, 10)] {
        let out = env.withdraw_ix(&trader, asset, amount, true);
        env.refuse(&[out], &[&trader.key], E::InsufficientHealth)
            .await;
        env.deposit(&trader, asset, amount).await.unwrap();
    }
    let second = env.open_margin_account(&trader.key, 1).await;
    let (sol, owner) = (env.assets[SOL].asset, trader.pubkey());
    let from = trader.margin;
    let aside = ix::transfer(&env.exchange, owner, from, second, &sol, 1_000, false);
    env.refuse(&[aside], &[&trader.key], E::InsufficientHealth)
        .await;
    env.deposit(&trader, USDC, usd(2_000)).await.unwrap();
    env.withdraw(&trader, SOL, 1_000).await.unwrap();
    env.assert_conserved().await;
}

/// An asset without initial weight that still counts for maintenance may not leave while the account is below its
/// initial margin: it may be all that keeps it from bankruptcy.
#[tokio::test]
async fn what_counts_only_for_maintenance_does_not_leave_below_the_initial_margin() {
    let (mut env, _) = liquid().await;
    env.edit_asset(JUP, |p| p.asset_weight_init = 0).await;
    let trader = env
        .trader_with(&[(SOL, 100_000_000_000), (JUP, 10_000_000_000)])
        .await;
    env.borrow(&trader, USDC, usd(11_500)).await.unwrap();
    env.advance(10).await;
    env.move_price(SOL, 100.0).await;
    let out = env.withdraw_ix(&trader, JUP, u64::MAX, false);
    env.refuse(&[out], &[&trader.key], E::InsufficientHealth)
        .await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn stale_collateral_counts_nothing_and_a_stale_debt_blocks() {
    let (mut env, _) = liquid().await;
    let trader = env
        .trader_with(&[(SOL, 100_000_000_000), (USDC, usd(1_000))])
        .await;
    env.borrow(&trader, BTC, 1_000_000).await.unwrap();
    env.advance(121).await;
    // Everything is stale.
    let more = env.withdraw_ix(&trader, BTC, 1_000, true);
    env.refuse(&[more.clone()], &[&trader.key], E::StaleEntry)
        .await;
    for asset in [USDC, BTC] {
        env.set_price(asset, env.assets[asset].usd).await;
    }
    let entries = [env.asset_entry(USDC), env.asset_entry(BTC)].concat();
    env.refresh(&entries).await;
    // SOL is stale and counts nothing: 1,000 USD carries a debt of 600 and a little more.
    env.run(&[more], &[&trader.key]).await;
    let much = env.withdraw_ix(&trader, BTC, 1_000_000, true);
    env.refuse(&[much.clone()], &[&trader.key], E::InsufficientHealth)
        .await;
    env.refresh_all().await;
    env.run(&[much], &[&trader.key]).await;
    // A repayment waits for nobody; what goes beyond it waits for a price.
    env.advance(500).await;
    let owed = env.balance(trader.margin, BTC).await.unsigned_abs();
    let beyond = env.deposit_ix(&trader, BTC, owed + 1_000);
    env.refuse(&[beyond], &[&trader.key], E::DepositInDoubt)
        .await;
    env.deposit(&trader, BTC, owed).await.unwrap();
    env.assert_conserved().await;
}

#[tokio::test]
async fn who_owes_nothing_leaves_whatever_the_oracles_do() {
    let (mut env, lender) = liquid().await;
    env.advance(100_000).await;
    for asset in [USDC, SOL, BTC] {
        env.withdraw(&lender, asset, u64::MAX).await.unwrap();
        assert_eq!(env.balance(lender.margin, asset).await, 0);
    }
    env.assert_conserved().await;
}

/// Seconds age a price, however many slots they were.
#[tokio::test]
async fn a_price_ages_by_time_alone() {
    let (mut env, _) = liquid().await;
    let trader = env.trader_with(&[(SOL, 100_000_000_000)]).await;
    let [_, pay, _] = env.entry(USDC).await.price.max_age_secs;
    let borrow = |env: &Env| env.withdraw_ix(&trader, USDC, usd(1), true);
    env.advance_by(0, 1_000_000).await;
    env.run(&[borrow(&env)], &[&trader.key]).await;
    env.advance_by(i64::from(pay), 0).await;
    env.run(&[borrow(&env)], &[&trader.key]).await;
    env.advance_by(1, 0).await;
    env.refuse(&[borrow(&env)], &[&trader.key], E::StaleEntry)
        .await;
    // The refresh goes in front, in the same transaction.
    for (asset, usd) in [(USDC, 1.0), (SOL, 150.0)] {
        env.set_price(asset, usd).await;
    }
    let entries = [env.feed_entry(USDC), env.feed_entry(SOL)];
    let refresh = ix::refresh(&env.exchange, &entries);
    env.run(&[refresh, borrow(&env)], &[&trader.key]).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_pump_is_not_borrowed_against() {
    let (mut env, _) = liquid().await;
    let trader = env.trader_with(&[(SOL, 100_000_000_000)]).await;
    env.advance(10).await;
    env.move_price(SOL, 600.0).await;
    let greedy = env.withdraw_ix(&trader, USDC, usd(12_500), true);
    env.refuse(&[greedy], &[&trader.key], E::InsufficientHealth)
        .await;
    // The debt of a crashed asset counts high just so.
    env.move_price(BTC, 30_000.0).await;
    let cheap = env.trader_with(&[(USDC, usd(70_000))]).await;
    let short = env.withdraw_ix(&cheap, BTC, 110_000_000, true);
    env.refuse(&[short], &[&cheap.key], E::InsufficientHealth)
        .await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn weights_shrink_as_a_bank_fills() {
    let (mut env, _) = liquid().await;
    let trader = env.trader_with(&[(JUP, 100_000_000_000)]).await;
    // 100,000 JUP are 80,000 USD: 40,000 at a weight of one half.
    env.borrow(&trader, USDC, usd(30_000)).await.unwrap();
    env.edit_asset(JUP, |p| p.deposit_scale_start_usd = usd(40_000))
        .await;
    assert_eq!(env.entry(JUP).await.asset_weight[0], ratio(0.25));
    assert_eq!(env.entry(JUP).await.asset_weight[1], ratio(0.5));
    let more = env.withdraw_ix(&trader, USDC, usd(1), true);
    env.refuse(&[more], &[&trader.key], E::InsufficientHealth)
        .await;
    env.assert_conserved().await;
}
