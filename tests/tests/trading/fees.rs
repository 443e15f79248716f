//! Fees of both sides, and where they go.
use plimsoll::error::PlimsollError;
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    env::{SOL_PERP, USDC},
    params::ratio,
    trading::{ask, bid},
    usd, Env,
};
use solana_signer::Signer;

use super::{desk, fee, notional, MAKER, SPOT, TAKER};

async fn fees(env: &Env) -> i64 {
    i64::try_from(env.market(SOL_PERP).await.fees_accrued).expect("small")
}

#[tokio::test]
async fn the_takers_fee_pays_the_makers_rebate_and_the_market() {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT, 1_000), &[]).await;
    let taken = env.place(&taker, bid(SPOT, 700), &[&maker]).await;
    let paid = notional(SPOT, 700);
    assert_eq!(taken.fee, fee(paid, TAKER));
    assert_eq!(env.perp(&maker).await.quote.0, paid - fee(paid, MAKER));
    assert!(fee(paid, MAKER) < 0);
    assert_eq!(fees(&env).await, fee(paid, TAKER) + fee(paid, MAKER));

    // The same through the queue: the rebate is taken off the market's fees at the trade.
    let before = fees(&env).await;
    env.place(&taker, bid(SPOT, 300), &[]).await;
    let paid = notional(SPOT, 300);
    let earned = fee(paid, TAKER) + fee(paid, MAKER);
    assert_eq!(fees(&env).await, before + earned);
    env.assert_conserved().await;
    env.settle_fills(&[&maker]).await;
    assert_eq!(fees(&env).await, before + earned);
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_positive_maker_fee_is_charged_to_makers_too() {
    let (mut env, maker, taker) = desk().await;
    let rate = ratio(0.0002);
    env.edit_market(SOL_PERP, |p| p.maker_fee = rate as i32)
        .await;
    env.refresh_all().await;
    let without = env.health(&maker).await.init;
    // A resting order owes its fee already: 1,000 lots need a tenth of their notional at the prices of Init health.
    env.place(&maker, ask(SPOT + 100, 1_000), &[]).await;
    let paid = notional(SPOT + 100, 1_000);
    let charged = without - env.health(&maker).await.init;
    let margin = notional(SPOT, 1_000) * 10_005 / 100_000;
    assert!(
        (charged - margin - fee(paid, i64::from(rate))).abs() < 1_000,
        "{charged} for {margin}"
    );
    let taken = env.place(&taker, bid(SPOT + 100, 1_000), &[&maker]).await;
    let made = fee(paid, i64::from(rate));
    assert_eq!(env.perp(&maker).await.quote.0, paid - made);
    assert_eq!(fees(&env).await, made + taken.fee);
    env.assert_conserved().await;
}

#[tokio::test]
async fn dust_trades_round_every_fee_against_traders() {
    let (mut env, maker, taker) = desk().await;
    // 0.3 units of rebate, 1.5 of fee on a lot at two price lots: far below the oracle a bid may not rest.
    env.refuse_order(&maker, bid(2, 1), &[], PlimsollError::PriceOutOfBand)
        .await;
    for _ in 0..5 {
        env.place(&maker, ask(SPOT + 1, 1), &[]).await;
        env.place(&taker, bid(SPOT + 1, 1), &[&maker]).await;
    }
    let one = notional(SPOT + 1, 1);
    let both = fee(one, TAKER) + fee(one, MAKER);
    assert_eq!(fees(&env).await, 5 * both);
    assert!(5 * both > fee(5 * one, TAKER) + fee(5 * one, MAKER));
    env.assert_conserved().await;
}

#[tokio::test]
async fn fees_are_paid_out_of_losses_that_were_collected() {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT, 10_000), &[]).await;
    env.place(&taker, bid(SPOT, 10_000), &[&maker]).await;
    let earned = env.market(SOL_PERP).await.fees_accrued;
    let authority = env.authority();
    let asset = env.assets[USDC].asset;
    let key = authority.pubkey();
    let to = env.create_token_account(asset.token_program, asset.mint, key, 0);
    let market = env.markets[SOL_PERP].market;
    let collect = ix::collect_market_fees(&env.exchange, key, &market, &asset, to);
    let collect = [collect];
    let empty = PlimsollError::NothingToCollect;
    env.refuse(&collect, &[&authority], empty).await;

    // The taker's fee is a loss at spot: settling it puts it into the pool.
    env.settle_pnl(&taker).await;
    let pool = env.market(SOL_PERP).await.pnl_pool;
    assert_eq!(
        pool.cast_signed(),
        fee(notional(SPOT, 10_000), TAKER),
        "nothing but the fee is lost at the price of the trade"
    );
    env.run(&collect, &[&authority]).await;
    assert_eq!(env.tokens(to).await, earned);
    let after = env.market(SOL_PERP).await;
    assert_eq!((after.fees_accrued, after.pnl_pool), (0, pool - earned));
    env.refuse(&collect, &[&authority], empty).await;
    // What is left is the maker's rebate.
    let before = env.balance(maker.margin, USDC).await;
    env.settle_pnl(&maker).await;
    let gained = env.balance(maker.margin, USDC).await - before;
    let rebate = -fee(notional(SPOT, 10_000), MAKER);
    assert!(
        (rebate - 2..=rebate).contains(&gained),
        "{gained} of {rebate}"
    );
    assert!(usd(100_000).cast_signed() < env.balance(maker.margin, USDC).await);
    env.assert_conserved().await;
}
