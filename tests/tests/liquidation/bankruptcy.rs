//! Bankruptcy by a debt in an asset: the bank's insurance, the vault's quote, and then the asset's depositors.
use plimsoll::{error::PlimsollError as E, events::BankruptcyResolved};
use plimsoll_client::{events, instructions::BadDebt};
use plimsoll_tests::{
    env::{SOL, USDC},
    usd, Env, Trader, TxOutcome,
};

use plimsoll_tests::scenarios::*;

/// An account that owes SOL and has nothing, and a lender of more SOL than that.
async fn owing_sol() -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let account = env.trader_with(&[(USDC, usd(1_000))]).await;
    env.borrow(&account, SOL, 5 * SOL_1).await.unwrap();
    shock(&mut env, SOL, 200.0).await;
    shock(&mut env, SOL, 250.0).await;
    let what = swap(&env, Leg::Asset(USDC), Leg::Asset(SOL), ALL);
    liquidate(&mut env, &by, &account, &what).await;
    assert_eq!(env.balance(account.margin, USDC).await, 0);
    let owed = env.balance(account.margin, SOL).await;
    assert!((-1_100_000_000..-1_000_000_000).contains(&owed), "{owed}");
    assert!(is_flagged(&env, &account).await);
    (env, account, by)
}

fn resolved(outcome: &TxOutcome) -> BankruptcyResolved {
    let mut found: Vec<BankruptcyResolved> = events::of_kind(&outcome.logs);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[tokio::test]
async fn insurance_pays_the_resolver_for_repaying_in_kind() {
    let (mut env, account, by) = owing_sol().await;
    insure(&mut env, &by, usd(1_000)).await;
    let owed = env.balance(account.margin, SOL).await;
    let (sol, usdc) = (
        env.balance(by.margin, SOL).await,
        env.balance(by.margin, USDC).await,
    );
    let index = env.bank(SOL).await.deposit_index;
    let resolve = resolve_asset_ix(&env, &by, &account, SOL);
    let outcome = env.run(&[resolve], &[&by.key]).await;
    let cover = resolved(&outcome);
    assert_eq!(cover.loss, owed.unsigned_abs());
    assert_eq!((cover.from_insurance, cover.socialized), (cover.loss, 0));
    let paid = env.balance(by.margin, USDC).await - usdc;
    let given = sol - env.balance(by.margin, SOL).await;
    assert!((given - owed.abs()).abs() <= 1);
    // 250 USD and the least liquidation fee on top, rounded for insurance.
    let worth = (cover.loss as f64 / 1e9 * 250.0 * 1.01 * 1e6) as i64;
    assert!(
        (paid - worth).abs() <= 20 && paid <= worth + 1,
        "{paid} for {worth}"
    );
    let vault = env.tokens(env.exchange.insurance_vault).await;
    assert_eq!(vault, usd(1_000) - paid as u64);
    assert_eq!(
        env.bank(SOL).await.deposit_index,
        index,
        "depositors bear nothing"
    );
    assert_eq!(env.health(&account).await.equity, 0);
    assert!(!is_flagged(&env, &account).await);
    env.assert_conserved().await;
}

#[tokio::test]
async fn depositors_bear_what_insurance_lacks_and_not_before() {
    let (mut env, account, by) = owing_sol().await;
    let lender = env.trader_with(&[(SOL, 2_000 * SOL_1)]).await;
    insure(&mut env, &by, usd(100)).await;
    // A resolver that offers little does not spare insurance.
    let debt = BadDebt::Asset {
        bank: env.assets[SOL].asset.bank,
        resolver_account: Some(by.margin),
        max_repay: SOL_1 / 10,
    };
    let resolve = resolve_ix(&env, &by, &account, &debt);
    let first = resolved(&env.run(&[resolve], &[&by.key]).await);
    assert_eq!((first.from_insurance, first.socialized), (SOL_1 / 10, 0));
    for max_repay in [0, ALL] {
        // Without a resolver's account there is no way round it either.
        let debt = BadDebt::Asset {
            bank: env.assets[SOL].asset.bank,
            resolver_account: None,
            max_repay,
        };
        let resolve = resolve_ix(&env, &by, &account, &debt);
        let expected = if max_repay == 0 {
            E::NobodyCanPay
        } else {
            E::MissingAccount
        };
        env.refuse(&[resolve], &[&by.key], expected).await;
    }
    let (before, own) = (
        env.balance(lender.margin, SOL).await,
        env.balance(by.margin, SOL).await,
    );
    let resolve = resolve_asset_ix(&env, &by, &account, SOL);
    let cover = resolved(&env.run(&[resolve], &[&by.key]).await);
    assert!(cover.from_insurance > 0 && cover.socialized > 0);
    assert_eq!(cover.loss, cover.from_insurance + cover.socialized);
    let left = env.tokens(env.exchange.insurance_vault).await;
    assert!(left <= 1, "{left}");
    // In proportion to their deposits.
    let lost = before - env.balance(lender.margin, SOL).await;
    let own_lost = own - cover.from_insurance as i64 - env.balance(by.margin, SOL).await;
    let whole = lost + own_lost;
    assert!((whole - cover.socialized as i64).abs() <= 4, "{whole}");
    let share = before as f64 / (before + own) as f64 * cover.socialized as f64;
    assert!((lost as f64 - share).abs() <= share / 1e3, "{lost} {share}");
    // What was paid in parts, each rounded, may leave a last share, which is a debt like any other.
    if is_flagged(&env, &account).await {
        assert!(env.balance(account.margin, SOL).await >= -2);
        let resolve = resolve_asset_ix(&env, &by, &account, SOL);
        env.run(&[resolve], &[&by.key]).await;
    }
    assert_eq!(env.health(&account).await.equity, 0);
    assert!(!is_flagged(&env, &account).await);
    env.assert_conserved().await;
}

#[tokio::test]
async fn the_banks_own_insurance_comes_first() {
    let (mut env, account, by) = owing_sol().await;
    // Somebody else's liquidation leaves insurance in SOL.
    let other = env.trader_with(&[(SOL, 400 * SOL_1)]).await;
    env.refresh_all().await;
    env.borrow(&other, USDC, usd(45_000)).await.unwrap();
    shock(&mut env, SOL, 120.0).await;
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    liquidate(&mut env, &by, &other, &what).await;
    let insurance = env.bank(SOL).await.insurance;
    assert!(insurance > 0);
    let resolve = resolve_asset_ix(&env, &by, &account, SOL);
    let cover = resolved(&env.run(&[resolve], &[&by.key]).await);
    assert_eq!(cover.from_insurance, insurance.min(cover.loss));
    assert_eq!(cover.loss, cover.from_insurance + cover.socialized);
    assert_eq!(
        env.bank(SOL).await.insurance,
        insurance - cover.from_insurance
    );
    assert_eq!(env.health(&account).await.equity, 0);
    env.assert_conserved().await;
}

/// A debt in quote: the vault's tokens repay it, depositors of quote bear the rest.
#[tokio::test]
async fn a_debt_in_quote_takes_tokens_and_no_resolver() {
    for insured in [5_000, 40, 0] {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let by = rich(&mut env).await;
        let account = env.trader_with(&[(SOL, 10 * SOL_1)]).await;
        env.borrow(&account, USDC, usd(1_110)).await.unwrap();
        shock(&mut env, SOL, 100.0).await;
        let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
        liquidate(&mut env, &by, &account, &what).await;
        assert_eq!(env.balance(account.margin, SOL).await, 0);
        if insured > 0 {
            insure(&mut env, &by, usd(insured)).await;
        }
        let index = env.bank(USDC).await.deposit_index;
        let debt = BadDebt::Asset {
            bank: env.assets[USDC].asset.bank,
            resolver_account: None,
            max_repay: 0,
        };
        let resolve = resolve_ix(&env, &by, &account, &debt);
        let cover = resolved(&env.run(&[resolve], &[&by.key]).await);
        assert!(cover.loss > usd(100));
        assert_eq!(cover.from_insurance, cover.loss.min(usd(insured)));
        assert_eq!(cover.loss, cover.from_insurance + cover.socialized);
        let cut = env.bank(USDC).await.deposit_index < index;
        assert_eq!(cut, cover.socialized > 0);
        assert_eq!(env.health(&account).await.equity, 0);
        assert!(!is_flagged(&env, &account).await);
        env.assert_conserved().await;
    }
}

#[tokio::test]
async fn not_while_a_deposit_is_left() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let account = env.trader_with(&[(USDC, usd(1_000))]).await;
    env.borrow(&account, SOL, 5 * SOL_1).await.unwrap();
    let resolve = resolve_asset_ix(&env, &by, &account, SOL);
    env.refuse(std::slice::from_ref(&resolve), &[&by.key], E::NotBankrupt)
        .await;
    shock(&mut env, SOL, 220.0).await;
    env.refuse(&[resolve], &[&by.key], E::NotBankrupt).await;
    env.assert_conserved().await;
}

/// Insurance pays at the oracle's price, so a broken or old one pays nobody.
#[tokio::test]
async fn insurance_buys_at_good_prices_only() {
    let (mut env, account, by) = owing_sol().await;
    insure(&mut env, &by, usd(1_000)).await;
    let resolve = resolve_asset_ix(&env, &by, &account, SOL);
    shock(&mut env, SOL, 900.0).await;
    env.refuse(std::slice::from_ref(&resolve), &[&by.key], E::BrokenFeed)
        .await;
    while env.entry(SOL).await.price.is_broken() {
        shock(&mut env, SOL, 400.0).await;
    }
    // Payments are made at prices of twenty seconds at most.
    env.advance(21).await;
    env.refuse(std::slice::from_ref(&resolve), &[&by.key], E::StaleEntry)
        .await;
    env.refresh_only(&[SOL]).await;
    env.refuse(std::slice::from_ref(&resolve), &[&by.key], E::StaleEntry)
        .await;
    env.refresh_only(&[USDC]).await;
    env.advance(20).await;
    env.run(&[resolve], &[&by.key]).await;
    env.assert_conserved().await;
}
