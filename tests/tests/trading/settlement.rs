//! Profits and losses that become balances.
use plimsoll::{error::PlimsollError, events::PnlSettled, state::mode};
use plimsoll_client::{events, instructions as ix};
use plimsoll_tests::{
    env::{BTC_PERP, SOL, SOL_PERP, USDC},
    trading::{ask, bid},
    usd, Env, Trader,
};
use std::slice::from_ref;

use super::{desk, reprice, SPOT};

/// Moves the price and lets the stable price follow it.
async fn settle_at(env: &mut Env, usd: f64) {
    for _ in 0..12 {
        env.advance(99).await;
        reprice(env, usd).await;
    }
    env.refresh_all().await;
}

/// The long has bought 1,000 lots of the short; its account holds these assets.
async fn positions(deposits: &[(usize, u64)], lots: i64) -> (Env, Trader, Trader) {
    let (mut env, short, _) = desk().await;
    let long = env.trader_with(deposits).await;
    env.place(&short, ask(SPOT, lots), &[]).await;
    env.place(&long, bid(SPOT, lots), &[&short]).await;
    (env, long, short)
}

async fn quote(env: &Env, trader: &Trader) -> i64 {
    env.balance(trader.margin, USDC).await
}

async fn pool(env: &Env) -> i64 {
    env.market(SOL_PERP).await.pnl_pool.cast_signed()
}

#[tokio::test]
async fn a_profit_is_paid_only_from_losses_that_were_paid_in() {
    let (mut env, long, short) = positions(&[(USDC, usd(1_000))], 1_000).await;
    let small = env.trader_with(&[(USDC, usd(500))]).await;
    // Another short, of 100 lots.
    env.place(&long, bid(SPOT, 100), &[]).await;
    env.place(&small, ask(SPOT, 100), &[&long]).await;
    settle_at(&mut env, 156.0).await;
    let nothing = PlimsollError::NothingToSettle;
    let settle = env.settle_pnl_ix(&long);
    env.refuse(from_ref(&settle), &[], nothing).await;

    // Only the small short's loss of 6 USD is there, so the profit of 66 is paid so far.
    env.settle_pnl(&small).await;
    let paid = pool(&env).await;
    assert!((6_000_000..6_100_000).contains(&paid), "{paid}");
    let before = quote(&env, &long).await;
    let outcome = env.settle_pnl(&long).await;
    println!("settle a profit: {} CU", outcome.cu);
    let event = &events::of_kind::<PnlSettled>(&outcome.logs)[0];
    assert_eq!(event.margin_account, long.margin);
    assert!((paid - 1..=paid).contains(&event.amount), "{paid}");
    assert_eq!(quote(&env, &long).await, before + event.amount);
    assert_eq!(pool(&env).await, paid - event.amount);
    env.refuse(from_ref(&settle), &[], nothing).await;
    env.assert_conserved().await;

    env.settle_pnl(&short).await;
    let lost = pool(&env).await;
    assert!((60_000_000 - 225_000..60_000_000).contains(&lost), "{lost}");
    let equity = env.health(&long).await.equity;
    env.settle_pnl(&long).await;
    let gained = quote(&env, &long).await - before;
    assert!((gained - 66_000_000).abs() < 1_000_000, "{gained}");
    assert_eq!(env.health(&long).await.equity, equity);
    // What is realised carries risk now.
    assert!(env.health(&long).await.init > usd(890).cast_signed());
    // Nothing is settled twice.
    for trader in [&long, &short, &small] {
        let settle = env.settle_pnl_ix(trader);
        env.refuse(&[settle], &[], nothing).await;
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_pump_is_not_paid_out_before_the_stable_price_follows() {
    let (mut env, long, short) = positions(&[(USDC, usd(1_000))], 1_000).await;
    reprice(&mut env, 160.0).await;
    // The short's loss at the stable price is next to none, and so is the long's profit.
    let pay_in = env.settle_pnl_ix(&short);
    let _ = env.send(&[pay_in], &[]).await;
    assert!(pool(&env).await < 10_000_000);
    let settle = env.settle_pnl_ix(&long);
    let refused = env.send(&[settle], &[]).await;
    let nothing = plimsoll_client::errors::code(PlimsollError::NothingToSettle);
    match refused {
        Err(error) => assert_eq!(error.code(), Some(nothing)),
        Ok(_) => assert!(quote(&env, &long).await < usd(1_010).cast_signed()),
    }
    settle_at(&mut env, 160.0).await;
    env.settle_pnl(&short).await;
    env.settle_pnl(&long).await;
    assert!(quote(&env, &long).await > usd(1_095).cast_signed());
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_loss_comes_out_of_the_deposit_first_and_then_is_borrowed() {
    let deposits = [(USDC, usd(50)), (SOL, 10_000_000_000)];
    let (mut env, long, _) = positions(&deposits, 2_000).await;
    settle_at(&mut env, 147.0).await;
    // 60 USD and the fee of 1.50 are lost.
    let pnl = env.health(&long).await.perps[0].pnl;
    assert!((pnl + 61_500_000).abs() < 1_000, "{pnl}");
    let fees = env.bank(USDC).await.fees;
    env.settle_pnl(&long).await;
    let owed = quote(&env, &long).await;
    assert!((owed - (usd(50).cast_signed() + pnl)).abs() <= 2, "{owed}");
    assert!(owed < -usd(11).cast_signed());
    assert_eq!(env.bank(USDC).await.fees, fees, "no origination fee");
    assert!((pool(&env).await + pnl).abs() <= 1);
    assert!(env.bank(USDC).await.net_borrows.left.level > usd(11));
    let settle = env.settle_pnl_ix(&long);
    let nothing = PlimsollError::NothingToSettle;
    env.refuse(&[settle], &[], nothing).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_loss_is_borrowed_only_with_init_health_and_where_the_bank_lends() {
    // 10 SOL carry 60 of them for the start, and not after the fall.
    let deposits = [(SOL, 10_000_000_000)];
    let (mut env, long, _) = positions(&deposits, 6_000).await;
    reprice(&mut env, 149.0).await;
    env.set_asset_mode(USDC, mode::REDUCE_ONLY).await;
    let settle = env.settle_pnl_ix(&long);
    let cannot = PlimsollError::CannotPayLoss;
    env.refuse(from_ref(&settle), &[], cannot).await;
    env.set_asset_mode(USDC, mode::ACTIVE).await;
    reprice(&mut env, 143.0).await;
    assert!(env.health(&long).await.init < 0);
    env.refuse(from_ref(&settle), &[], cannot).await;

    // A deposit is taken, and not more.
    env.deposit(&long, USDC, usd(3)).await.unwrap();
    env.settle_pnl(&long).await;
    let left = quote(&env, &long).await;
    assert!((0..=1).contains(&left), "{left}");
    assert!((usd(3).cast_signed() - 2..=usd(3).cast_signed()).contains(&pool(&env).await));
    env.refuse(&[settle], &[], cannot).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn nothing_is_settled_where_nothing_is() {
    let (mut env, long, short) = positions(&[(USDC, usd(1_000))], 1_000).await;
    let idle = env.trader_with(&[(USDC, usd(1))]).await;
    let settle = env.settle_pnl_ix(&idle);
    let none = PlimsollError::NoSuchPosition;
    env.refuse(&[settle], &[], none).await;
    let (btc, usdc) = (env.markets[BTC_PERP].market, env.assets[USDC].asset);
    let other = ix::settle_pnl(&env.exchange, long.margin, &btc, &usdc);
    env.refuse(&[other], &[], none).await;
    let sol = env.assets[SOL].asset;
    let market = env.markets[SOL_PERP].market;
    let wrong = ix::settle_pnl(&env.exchange, long.margin, &market, &sol);
    let mint = PlimsollError::WrongMint;
    env.refuse(&[wrong], &[], mint).await;

    // A position needs a price; what is left of a closed one does not.
    env.advance(200).await;
    let settle = env.settle_pnl_ix(&long);
    let stale = PlimsollError::StaleEntry;
    env.refuse(from_ref(&settle), &[], stale).await;
    env.refresh_all().await;
    env.place(&short, bid(SPOT - 10, 1_000), &[]).await;
    env.place(&long, ask(SPOT - 10, 1_000), &[&short]).await;
    env.advance(200).await;
    env.run(from_ref(&settle), &[]).await;
    assert!(env.perp(&long).await.is_free(), "all is settled");
    // A profit is covered at a price of now.
    env.refresh_all().await;
    env.settle_pnl(&short).await;
    assert!(env.perp(&short).await.is_free());
    env.refuse(&[settle], &[], none).await;
    let market = env.market(SOL_PERP).await;
    let dust = market.pnl_pool - market.fees_accrued;
    assert!(dust < 5, "the pool is what the fees claim, and {dust}");
    env.assert_conserved().await;
}
