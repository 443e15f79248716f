//! Bankruptcy by a market's loss: insurance, fees, and then the profits of those who won it.
use anchor_lang::error::ErrorCode;
use plimsoll::{error::PlimsollError as E, events::BankruptcyResolved};
use plimsoll_client::{
    events,
    instructions::{BadDebt, Liquidation},
};
use plimsoll_tests::{
    attack,
    env::{BTC, BTC_PERP, SOL, SOL_PERP, USDC},
    trading::{ask, bid},
    usd, Env, Trader, TxOutcome,
};

use plimsoll_tests::scenarios::*;

/// A long of 100 SOL whose loss is larger than all it has, closed and without a deposit, and two shorts who won it in
/// the proportion 3 : 1.
struct Broke {
    env: Env,
    account: Trader,
    winners: [Trader; 2],
    liquidator: Trader,
}

async fn broke() -> Broke {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let account = env.trader_with(&[(USDC, usd(2_000))]).await;
    let winners = [rich(&mut env).await, rich(&mut env).await];
    let liquidator = rich(&mut env).await;
    trade(&mut env, SOL_PERP, &account, &winners[0], 150.0, 7_500).await;
    trade(&mut env, SOL_PERP, &account, &winners[1], 150.0, 2_500).await;
    shock(&mut env, SOL, 120.0).await;
    let what = Liquidation {
        swap: swap(&env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL).swap,
        ..take(&env, SOL_PERP, ALL)
    };
    liquidate(&mut env, &liquidator, &account, &what).await;
    let health = env.health(&account).await;
    assert!(health.equity < -1_000_000_000 && health.balances.iter().all(|b| b.native == 0));
    Broke {
        env,
        account,
        winners,
        liquidator,
    }
}

fn resolved(outcome: &TxOutcome) -> BankruptcyResolved {
    let mut found: Vec<BankruptcyResolved> = events::of_kind(&outcome.logs);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

async fn assert_free(env: &mut Env, account: &Trader) {
    let report = env.health(account).await;
    assert_eq!((report.equity, report.state), (0, 0));
    assert!(report.perps.is_empty(), "{report:?}");
    assert!(env.perp(account).await.is_free());
}

#[tokio::test]
async fn insurance_covers_what_it_can() {
    let mut t = broke().await;
    insure(&mut t.env, &t.liquidator, usd(5_000)).await;
    let before = t.env.market(SOL_PERP).await;
    let resolve = resolve_loss_ix(&t.env, &t.liquidator, &t.account, SOL_PERP);
    let outcome = t
        .env
        .run(std::slice::from_ref(&resolve), &[&t.liquidator.key])
        .await;
    let cover = resolved(&outcome);
    assert_eq!(
        (cover.from_insurance, cover.from_fees, cover.socialized),
        (cover.loss, 0, 0)
    );
    let market = t.env.market(SOL_PERP).await;
    // What it is owed from the pool first, tokens for the rest.
    assert_eq!(market.insurance_accrued, 0);
    let tokens = cover.loss - before.insurance_accrued;
    assert_eq!(
        t.env.tokens(t.env.exchange.insurance_vault).await,
        usd(5_000) - tokens
    );
    assert_eq!(market.pnl_pool, before.pnl_pool + tokens);
    assert_eq!(market.funding_short, before.funding_short);
    assert_free(&mut t.env, &t.account).await;
    t.env
        .refuse(&[resolve], &[&t.liquidator.key], E::NotBankrupt)
        .await;
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn then_fees_then_the_winners_in_proportion() {
    let mut t = broke().await;
    insure(&mut t.env, &t.liquidator, usd(300)).await;
    let before = t.env.market(SOL_PERP).await;
    let mut claims = Vec::new();
    let resolve = resolve_loss_ix(&t.env, &t.liquidator, &t.account, SOL_PERP);
    let outcome = t.env.run(&[resolve], &[&t.liquidator.key]).await;
    let cover = resolved(&outcome);
    assert_eq!(cover.from_insurance, before.insurance_accrued + usd(300));
    assert_eq!(cover.from_fees, before.fees_accrued);
    assert!(cover.from_fees > 0 && cover.socialized > 0);
    assert_eq!(
        cover.loss,
        cover.from_insurance + cover.from_fees + cover.socialized
    );
    let market = t.env.market(SOL_PERP).await;
    assert_eq!((market.insurance_accrued, market.fees_accrued), (0, 0));
    assert_eq!(t.env.tokens(t.env.exchange.insurance_vault).await, 0);
    assert_eq!(market.profits.shortfall, cover.socialized);
    assert_free(&mut t.env, &t.account).await;
    settle_down(&mut t.env).await;
    claims.clear();
    for trader in [&t.winners[0], &t.winners[1], &t.liquidator] {
        claims.push(equity(&mut t.env, trader).await);
    }
    share_shortfall(&mut t.env, SOL_PERP).await;

    let mut paid = Vec::new();
    for (trader, claim) in [&t.winners[0], &t.winners[1], &t.liquidator]
        .iter()
        .zip(&claims)
    {
        paid.push(claim - equity(&mut t.env, trader).await);
    }
    let whole: i64 = paid.iter().sum();
    let loss = cover.socialized as i64;
    assert!((loss..=loss + 3).contains(&whole), "{whole} of {loss}");
    // In proportion to what they won; the liquidator's reward is a profit as well.
    let part = paid[0] as f64 / paid[1] as f64;
    assert!(
        (2.99..3.01).contains(&part) && paid[2] < loss / 10,
        "{paid:?}"
    );
    t.env.assert_conserved().await;
    // The winners can take what is left to them, and no more than there is.
    for trader in [&t.winners[0], &t.winners[1], &t.liquidator] {
        let settle = t.env.settle_pnl_ix(trader);
        let _ = t.env.send(&[settle], &[]).await;
    }
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn a_bankrupt_short_is_borne_by_longs() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let account = env.trader_with(&[(USDC, usd(2_000))]).await;
    let (winner, liquidator) = (rich(&mut env).await, rich(&mut env).await);
    trade(&mut env, SOL_PERP, &winner, &account, 150.0, 10_000).await;
    shock(&mut env, SOL, 185.0).await;
    let what = Liquidation {
        swap: swap(&env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL).swap,
        ..take(&env, SOL_PERP, ALL)
    };
    liquidate(&mut env, &liquidator, &account, &what).await;
    let resolve = resolve_loss_ix(&env, &liquidator, &account, SOL_PERP);
    let outcome = env.run(&[resolve], &[&liquidator.key]).await;
    let loss = resolved(&outcome).socialized as i64;
    settle_down(&mut env).await;
    let won = equity(&mut env, &winner).await;
    share_shortfall(&mut env, SOL_PERP).await;
    let paid = won - equity(&mut env, &winner).await;
    assert!(loss > 0 && paid > loss * 9 / 10 && paid <= loss + 1);
    assert_free(&mut env, &account).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn not_while_anything_of_value_is_left() {
    // A position, with equity below zero.
    let mut t = long().await;
    shock(&mut t.env, SOL, 120.0).await;
    let resolve = resolve_loss_ix(&t.env, &t.liquidator, &t.account, SOL_PERP);
    t.env
        .refuse(
            std::slice::from_ref(&resolve),
            &[&t.liquidator.key],
            E::NotBankrupt,
        )
        .await;
    // A deposit.
    let takeover = take(&t.env, SOL_PERP, ALL);
    liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    t.env
        .refuse(
            std::slice::from_ref(&resolve),
            &[&t.liquidator.key],
            E::NotBankrupt,
        )
        .await;
    let settling = swap(&t.env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL);
    liquidate(&mut t.env, &t.liquidator, &t.account, &settling).await;
    // What its owner deposits to hold it up goes the same way.
    t.env.deposit(&t.account, SOL, SOL_1 / 1_000).await.unwrap();
    t.env
        .refuse(
            std::slice::from_ref(&resolve),
            &[&t.liquidator.key],
            E::NotBankrupt,
        )
        .await;
    let rest = swap(&t.env, Leg::Asset(SOL), Leg::Pnl(SOL_PERP), ALL);
    liquidate(&mut t.env, &t.liquidator, &t.account, &rest).await;
    t.env.run(&[resolve], &[&t.liquidator.key]).await;
    assert_free(&mut t.env, &t.account).await;
    // Somebody who owes nothing is not bankrupt.
    let other = resolve_loss_ix(&t.env, &t.liquidator, &t.seller, SOL_PERP);
    t.env
        .refuse(&[other], &[&t.liquidator.key], E::NotBankrupt)
        .await;
    t.env.assert_conserved().await;
}

/// Orders that rest, and fills that wait for the account.
#[tokio::test]
async fn not_while_orders_rest() {
    let mut t = long().await;
    t.env.place(&t.account, bid(13_900, 10), &[]).await;
    shock(&mut t.env, SOL, 120.0).await;
    let resolve = resolve_loss_ix(&t.env, &t.liquidator, &t.account, SOL_PERP);
    t.env
        .refuse(&[resolve], &[&t.liquidator.key], E::OrdersRemain)
        .await;
    t.env.assert_conserved().await;
}

/// Nobody keeps a loss from being resolved by fills that wait.
#[tokio::test]
async fn waiting_fills_hold_nothing_back() {
    let mut t = broke().await;
    t.env.place(&t.winners[0], ask(12_000, 10), &[]).await;
    t.env.place(&t.liquidator, bid(12_000, 10), &[]).await;
    assert!(!t.env.fill_queue(SOL_PERP).await.queue.is_empty());
    let resolve = resolve_loss_ix(&t.env, &t.liquidator, &t.account, SOL_PERP);
    t.env.run(&[resolve], &[&t.liquidator.key]).await;
    assert_free(&mut t.env, &t.account).await;
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn accounts_of_others_are_refused() {
    let mut t = broke().await;
    let other = t.env.other_exchange().await;
    t.env.refresh_all().await;
    let env = &mut t.env;
    let key = &t.liquidator.key;
    let resolve = resolve_loss_ix(env, &t.liquidator, &t.account, SOL_PERP);
    let (here, quote) = (env.exchange, env.assets[USDC].asset);
    for (from, to, error) in [
        (here.address, other.exchange.address, E::WrongExchange),
        (here.risk_state, other.exchange.risk_state, E::WrongExchange),
        (
            here.insurance_vault,
            other.exchange.insurance_vault,
            E::WrongVault,
        ),
        (quote.bank, other.quote.bank, E::WrongExchange),
        (quote.bank, env.assets[BTC].asset.bank, E::WrongVault),
        (quote.vault, env.assets[BTC].asset.vault, E::WrongVault),
        (quote.mint, env.assets[BTC].asset.mint, E::WrongMint),
    ] {
        let bent = attack::swap(&resolve, from, to);
        env.refuse(&[bent], &[key], error).await;
    }
    // Insurance that pays itself.
    let duplicate = ErrorCode::ConstraintDuplicateMutableAccount.into();
    for (from, to) in [
        (here.insurance_vault, quote.vault),
        (quote.vault, here.insurance_vault),
    ] {
        let bent = attack::swap(&resolve, from, to);
        env.refuse_with(&[bent], &[key], duplicate).await;
    }
    // A market in which it owes nothing; something that is no market.
    let bent = attack::swap(
        &resolve,
        env.markets[SOL_PERP].market.address,
        env.markets[BTC_PERP].market.address,
    );
    env.refuse(&[bent], &[key], E::NotBankrupt).await;
    let bent = attack::swap(
        &resolve,
        env.markets[SOL_PERP].market.address,
        here.risk_state,
    );
    env.refuse(&[bent], &[key], E::WrongRemainingAccount).await;
    // Itself as the resolver; the account of somebody else as the resolver's.
    for (margin, error) in [
        (t.account.margin, E::DuplicateAccount),
        (t.winners[0].margin, E::NotOwner),
    ] {
        let debt = BadDebt::Asset {
            bank: quote.bank,
            resolver_account: Some(margin),
            max_repay: ALL,
        };
        let bent = resolve_ix(env, &t.liquidator, &t.account, &debt);
        env.refuse(&[bent], &[key], error).await;
    }
    env.run(&[resolve], &[key]).await;
    env.assert_conserved().await;
}

/// An owner who liquidates his own bankrupt account gains the liquidator's part of the fee, as anybody would: the loss
/// that others bear is what he lost and the fee, to the unit.
#[tokio::test]
async fn a_colluding_liquidator_gains_its_fee_and_nothing_else() {
    let mut t = long().await;
    let key = t.account.key.insecure_clone();
    let second = Trader {
        margin: t.env.open_margin_account(&key, 1).await,
        tokens: t.account.tokens.clone(),
        key,
    };
    t.env.deposit(&second, USDC, usd(50_000)).await.unwrap();
    shock(&mut t.env, SOL, 115.0).await;
    let owed = t.env.health(&t.account).await.equity;
    let before = t.env.health(&second).await.equity;
    assert!(owed < 0);
    let (mut fee, mut insurance) = (0, 0);
    for lots in [1, 7, 500, ALL] {
        let what = take(&t.env, SOL_PERP, lots);
        let slice = taken(&liquidate(&mut t.env, &second, &t.account, &what).await);
        fee += slice.fee;
        insurance += slice.insurance_fee;
    }
    let what = swap(&t.env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL);
    liquidate(&mut t.env, &second, &t.account, &what).await;
    let resolve = resolve_loss_ix(&t.env, &second, &t.account, SOL_PERP);
    let cover = resolved(&t.env.run(&[resolve], &[&second.key]).await);
    assert_eq!(cover.loss, owed.unsigned_abs() + fee);
    assert_eq!(cover.from_insurance, insurance);
    let gained = t.env.health(&second).await.equity - before;
    assert_eq!(gained.unsigned_abs(), fee - insurance);
    t.env.assert_conserved().await;
}
