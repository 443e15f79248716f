//! Who may be liquidated, by whom, and with which accounts.
use plimsoll::{error::PlimsollError as E, events::LiquidationFlag};
use plimsoll_client::{events, instructions as ix, instructions::Liquidation};
use plimsoll_tests::{
    attack,
    env::{BTC_PERP, SOL, SOL_PERP, USDC},
    usd, Trader,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

use plimsoll_tests::scenarios::*;

#[tokio::test]
async fn a_healthy_account_is_left_alone() {
    let mut t = long().await;
    let takeover = take(&t.env, SOL_PERP, ALL);
    let nothing = Liquidation::default();
    for what in [&takeover, &nothing] {
        refuse(
            &mut t.env,
            &t.liquidator,
            &t.account,
            what,
            E::NotLiquidatable,
        )
        .await;
    }
    // Below Init and LiquidationEnd, not below maintenance.
    shock(&mut t.env, SOL, 139.0).await;
    let health = t.env.health(&t.account).await;
    assert!(health.liquidation_end < 0 && health.maintenance >= 0);
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &takeover,
        E::NotLiquidatable,
    )
    .await;
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn nobody_liquidates_himself() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    let takeover = take(&t.env, SOL_PERP, 10);
    refuse(
        &mut t.env,
        &t.account,
        &t.account,
        &takeover,
        E::SelfLiquidation,
    )
    .await;
    t.env.assert_conserved().await;
}

/// The penalty only moves between the owner's accounts, less the part of insurance.
#[tokio::test]
async fn another_account_of_the_owner_gains_nothing() {
    let mut t = long().await;
    let key = t.account.key.insecure_clone();
    let second = Trader {
        margin: t.env.open_margin_account(&key, 1).await,
        tokens: t.account.tokens.clone(),
        key,
    };
    t.env.deposit(&second, USDC, usd(5_000)).await.unwrap();
    shock(&mut t.env, SOL, 136.0).await;
    let before = equity(&mut t.env, &t.account).await + equity(&mut t.env, &second).await;
    let takeover = take(&t.env, SOL_PERP, ALL);
    let outcome = liquidate(&mut t.env, &second, &t.account, &takeover).await;
    let fee = taken(&outcome).insurance_fee as i64;
    assert!(fee > 0);
    let after = equity(&mut t.env, &t.account).await + equity(&mut t.env, &second).await;
    assert!((before - fee - after).abs() <= 2, "{before} {fee} {after}");
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn slices_go_on_until_the_end_line_and_no_further() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    // A slice that is held small leaves the flag, with the account still below the line.
    let nothing = Liquidation::default();
    let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &nothing).await;
    let flags: Vec<LiquidationFlag> = events::of_kind(&outcome.logs);
    assert_eq!(flags.len(), 1);
    assert!(flags[0].flagged && flags[0].maintenance_health < 0);
    let account = t.env.margin(t.account.margin).await;
    let now = t.env.now().await;
    assert_eq!(
        (account.flagged_at, account.flagged_price_ms),
        (now, now * 1_000)
    );
    t.env.advance(1).await;
    t.env.refresh_all().await;
    let part = take(&t.env, SOL_PERP, 100);
    let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &part).await;
    assert!(events::of_kind::<LiquidationFlag>(&outcome.logs).is_empty());
    let mut last = taken(&outcome).liquidation_end_health;
    assert!(last < 0 && is_flagged(&t.env, &t.account).await);

    let mut slices = 0;
    while is_flagged(&t.env, &t.account).await {
        let part = take(&t.env, SOL_PERP, 2_000);
        let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &part).await;
        let now = taken(&outcome).liquidation_end_health;
        assert!(now > last, "every slice helps");
        last = now;
        slices += 1;
        if !is_flagged(&t.env, &t.account).await {
            let flags: Vec<LiquidationFlag> = events::of_kind(&outcome.logs);
            assert!(flags.len() == 1 && !flags[0].flagged);
        }
    }
    assert!(slices > 2);
    let account = t.env.margin(t.account.margin).await;
    assert_eq!(
        (account.state, account.flagged_at, account.flag_confirmed),
        (0, 0, 0)
    );
    let health = t.env.health(&t.account).await;
    assert!(health.liquidation_end >= 0);
    // No more than a lot's margin beyond it.
    assert!(health.liquidation_end < 2 * 136_000, "{health:?}");
    assert!(t.env.perp(&t.account).await.position.0 > 0);
    let part = take(&t.env, SOL_PERP, 1);
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &part,
        E::NotLiquidatable,
    )
    .await;
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn an_account_that_recovered_is_only_cleared() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    let takeover = take(&t.env, SOL_PERP, 10);
    liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    // Above maintenance, below the end line: still liquidatable.
    shock(&mut t.env, SOL, 139.0).await;
    assert!(t.env.health(&t.account).await.maintenance >= 0);
    liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    assert!(is_flagged(&t.env, &t.account).await);
    shock(&mut t.env, SOL, 150.0).await;
    let before = t.env.perp(&t.account).await;
    let takeover = take(&t.env, SOL_PERP, ALL);
    liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    assert!(!is_flagged(&t.env, &t.account).await);
    assert_eq!(t.env.perp(&t.account).await.position, before.position);
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &takeover,
        E::NotLiquidatable,
    )
    .await;
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn the_liquidator_must_meet_init_afterwards() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    let poor = t.env.trader_with(&[(USDC, usd(100))]).await;
    // Flagging takes nothing over, so anyone can.
    let nobody = t.env.trader().await;
    flag(&mut t.env, &nobody, &t.account).await;
    assert!(is_flagged(&t.env, &t.account).await);
    let takeover = take(&t.env, SOL_PERP, ALL);
    refuse(
        &mut t.env,
        &poor,
        &t.account,
        &takeover,
        E::InsufficientHealth,
    )
    .await;
    let takeover = take(&t.env, SOL_PERP, 50);
    liquidate(&mut t.env, &poor, &t.account, &takeover).await;
    assert!(t.env.health(&poor).await.init >= 0);
    // A liquidator that is itself below its line does not liquidate.
    let takeover = take(&t.env, SOL_PERP, 1);
    refuse(&mut t.env, &t.account, &poor, &takeover, E::AccountGated).await;
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn accounts_of_others_are_refused() {
    let mut t = long().await;
    let other = t.env.other_exchange().await;
    let stranger = Keypair::new();
    t.env.fund(stranger.pubkey());
    let key = stranger.pubkey();
    let create = ix::create_margin_account(&other.exchange, key, key, 0);
    t.env.run(&[create], &[&stranger]).await;
    let theirs = other.exchange.margin_account(&key, 0);
    shock(&mut t.env, SOL, 120.0).await;
    let env = &mut t.env;

    let takeover = liquidate_ix(env, &t.liquidator, &t.account, &take(env, SOL_PERP, ALL));
    let risk = env.exchange.risk_state;
    let bent = attack::swap(&takeover, risk, other.exchange.risk_state);
    env.refuse(&[bent], &[&t.liquidator.key], E::WrongExchange)
        .await;
    let bent = attack::swap(&takeover, t.account.margin, theirs);
    env.refuse(&[bent], &[&t.liquidator.key], E::WrongExchange)
        .await;
    let foreign = ix::liquidate(
        &env.exchange,
        key,
        theirs,
        t.account.margin,
        &take(env, SOL_PERP, 9),
    );
    env.refuse(&[foreign], &[&stranger], E::WrongExchange).await;
    // A market in which the account has nothing.
    flag(env, &t.liquidator, &t.account).await;
    let takeover = take(env, BTC_PERP, ALL);
    refuse(
        env,
        &t.liquidator,
        &t.account,
        &takeover,
        E::NothingToLiquidate,
    )
    .await;

    let takeover = take(env, SOL_PERP, ALL);
    liquidate(env, &t.liquidator, &t.account, &takeover).await;
    let exchange = swap(env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL);
    let good = liquidate_ix(env, &t.liquidator, &t.account, &exchange);
    let (bank, market) = (env.assets[USDC].asset.bank, env.markets[SOL_PERP].market);
    // Both the collateral and the quote bank are of the other exchange.
    let bent = attack::swap(&good, bank, other.quote.bank);
    env.refuse(&[bent], &[&t.liquidator.key], E::WrongExchange)
        .await;
    let mut bent = good.clone();
    bent.accounts[7].pubkey = other.quote.bank;
    env.refuse(&[bent], &[&t.liquidator.key], E::WrongExchange)
        .await;
    let mut bent = good.clone();
    bent.accounts[7].pubkey = env.assets[SOL].asset.bank;
    env.refuse(&[bent], &[&t.liquidator.key], E::WrongMint)
        .await;
    // Neither bank nor market; a market of the program's id, and one written by nobody.
    for wrong in [market.book, t.account.margin, env.exchange.risk_state] {
        let bent = attack::swap(&good, market.address, wrong);
        env.refuse(&[bent], &[&t.liquidator.key], E::WrongRemainingAccount)
            .await;
    }
    let forged = anchor_lang::prelude::Pubkey::new_unique();
    let data = env.find_account(market.address).await.unwrap().data;
    env.write_account(
        forged,
        anchor_lang::solana_program::system_program::ID,
        data,
    );
    let bent = attack::swap(&good, market.address, forged);
    env.refuse(&[bent], &[&t.liquidator.key], E::WrongRemainingAccount)
        .await;
    // Without the quote bank.
    let mut bent = exchange.clone();
    bent.swap.as_mut().unwrap().quote_bank = None;
    refuse(env, &t.liquidator, &t.account, &bent, E::MissingAccount).await;
    env.run(&[good], &[&t.liquidator.key]).await;
    env.assert_conserved().await;
}
