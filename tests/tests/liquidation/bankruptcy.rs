//! Bankruptcy by a debt in an asset: the bank's insurance, the vault's quote, and then the asset's depositors.
use plimsoll::{
    error::PlimsollError as E,
    events::{BankRestocked, BankruptcyResolved},
};
use plimsoll_client::{
    events,
    instructions::{self as ix, BadDebt},
};
use plimsoll_tests::{
    env::{SOL, USDC},
    usd, Env, Trader, TxOutcome,
};

use plimsoll_tests::scenarios::*;

/// An account that owes SOL and has nothing, and a lender of more SOL than that.
async fn flagged_owing_sol() -> (Env, Trader, Trader) {
    let (env, account, by) = owing_sol(&[]).await;
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
    let (mut env, account, by) = flagged_owing_sol().await;
    insure(&mut env, &by, usd(1_000)).await;
    let owed = env.balance(account.margin, SOL).await;
    let (sol, usdc) = (
        env.balance(by.margin, SOL).await,
        env.balance(by.margin, USDC).await,
    );
    let index = env.bank(SOL).await.deposit_index;
    let insurance = env.bank(USDC).await.insurance;
    let resolve = resolve_asset_ix(&env, &by, &account, SOL);
    let outcome = env.run(&[resolve], &[&by.key]).await;
    let cover = resolved(&outcome);
    assert_eq!(cover.loss, owed.unsigned_abs());
    assert_eq!((cover.from_insurance, cover.socialized), (cover.loss, 0));
    let paid = env.balance(by.margin, USDC).await - usdc;
    let given = sol - env.balance(by.margin, SOL).await;
    assert!((given - owed.abs()).abs() <= 1);
    // 250 USD and the least liquidation fee on top, rounded for insurance, of which the rest of what was set aside is the quote
    // bank's.
    let worth = (cover.loss as f64 / 1e9 * 250.0 * 1.01 * 1e6) as i64;
    assert!(
        (paid - worth).abs() <= 20 && paid <= worth + 1,
        "{paid} for {worth}"
    );
    let vault = env.tokens(env.exchange.insurance_vault).await;
    let rest = env.bank(USDC).await.insurance - insurance;
    assert_eq!(vault + rest, usd(1_000) - paid as u64);
    assert_eq!(
        env.bank(SOL).await.deposit_index,
        index,
        "depositors bear nothing"
    );
    assert_eq!(env.health(&account).await.equity, 0);
    assert!(!is_flagged(&env, &account).await);
    env.assert_conserved().await;
}

/// A debt is decided in one call: what insurance does not set aside, depositors bear there and then.
#[tokio::test]
async fn depositors_bear_what_insurance_lacks_at_once() {
    let (mut env, account, by) = flagged_owing_sol().await;
    let lender = env.trader_with(&[(SOL, 2_000 * SOL_1)]).await;
    insure(&mut env, &by, usd(100)).await;
    let (before, own) = (
        env.balance(lender.margin, SOL).await,
        env.balance(by.margin, SOL).await,
    );
    env.advance_by(0, 1).await;
    // Whoever calls, with nothing to sell.
    let debt = BadDebt::Asset {
        bank: env.assets[SOL].asset.bank,
        resolver_account: None,
        max_repay: 0,
    };
    let resolve = resolve_ix(&env, &lender, &account, &debt);
    let cover = resolved(&env.run(&[resolve], &[&lender.key]).await);
    assert!(cover.from_insurance > 0 && cover.socialized > 0);
    assert_eq!(cover.loss, cover.from_insurance + cover.socialized);
    assert_eq!(env.health(&account).await.equity, 0);
    assert!(!is_flagged(&env, &account).await);
    // In proportion to their deposits.
    let lost = before - env.balance(lender.margin, SOL).await;
    let own_lost = own - env.balance(by.margin, SOL).await;
    let whole = lost + own_lost;
    assert!((whole - cover.socialized as i64).abs() <= 4, "{whole}");
    let share = before as f64 / (before + own) as f64 * cover.socialized as f64;
    assert!((lost as f64 - share).abs() <= share / 1e3, "{lost} {share}");
    // The quote that is set aside buys what insurance pays for, with what the dearest liquidation costs on top.
    let bank = env.bank(SOL).await;
    assert_eq!(bank.missing, cover.from_insurance);
    assert!(bank.buyout_fund <= usd(100) && bank.buyout_fund >= usd(100) - 2);
    assert!(env.tokens(env.exchange.insurance_vault).await <= 2);
    env.assert_conserved().await;
}

/// What insurance set aside is bought over several calls, by anybody, and nobody's deposit changes by it.
#[tokio::test]
async fn what_is_missing_is_bought_in_slices() {
    let (mut env, account, by) = flagged_owing_sol().await;
    insure(&mut env, &by, usd(1_000)).await;
    let debt = BadDebt::Asset {
        bank: env.assets[SOL].asset.bank,
        resolver_account: None,
        max_repay: 0,
    };
    let resolve = resolve_ix(&env, &by, &account, &debt);
    let cover = resolved(&env.run(&[resolve], &[&by.key]).await);
    assert_eq!((cover.from_insurance, cover.socialized), (cover.loss, 0));
    assert!(!is_flagged(&env, &account).await);
    env.assert_conserved().await;
    let seller = env.trader_with(&[(SOL, 10 * SOL_1)]).await;
    let poor = env.trader_with(&[(USDC, usd(10_000))]).await;
    let (sol, usdc) = (env.assets[SOL].asset.bank, env.assets[USDC].asset.bank);
    let exchange = env.exchange;
    let sell = |of: &Trader, amount| {
        ix::restock_bank(&exchange, of.pubkey(), of.margin, sol, usdc, amount)
    };
    env.refuse(&[sell(&poor, 1)], &[&poor.key], E::InsufficientBalance)
        .await;
    let others = ix::restock_bank(&exchange, poor.pubkey(), seller.margin, sol, usdc, 1);
    env.refuse(&[others], &[&poor.key], E::NotOwner).await;
    env.refuse(&[sell(&seller, 0)], &[&seller.key], E::ZeroAmount)
        .await;
    let (index, held) = (
        env.bank(SOL).await.deposit_index,
        env.balance(by.margin, SOL).await,
    );
    let (fund, insurance) = (
        env.bank(SOL).await.buyout_fund,
        env.bank(USDC).await.insurance,
    );
    for amount in [SOL_1 / 10, SOL_1 / 2, ALL] {
        env.run(&[sell(&seller, amount)], &[&seller.key]).await;
        env.assert_conserved().await;
    }
    let bank = env.bank(SOL).await;
    assert_eq!(
        (bank.missing, bank.buyout_fund, bank.deposit_index),
        (0, 0, index)
    );
    assert_eq!(env.balance(by.margin, SOL).await, held);
    let paid = env.balance(seller.margin, USDC).await as u64;
    let worth = (cover.loss as f64 / 1e9 * 250.0 * 1.01 * 1e6) as u64;
    assert!(paid.abs_diff(worth) <= 20, "{paid} for {worth}");
    // The rest of what was set aside is insurance again.
    assert_eq!(env.bank(USDC).await.insurance, insurance + fund - paid);
    env.refuse(&[sell(&seller, 1)], &[&seller.key], E::NothingMissing)
        .await;
    env.assert_conserved().await;
}

/// When the price rises beyond what was set aside, depositors bear what cannot be bought.
#[tokio::test]
async fn what_the_fund_cannot_buy_depositors_bear() {
    let (mut env, account, by) = flagged_owing_sol().await;
    insure(&mut env, &by, usd(1_000)).await;
    let debt = BadDebt::Asset {
        bank: env.assets[SOL].asset.bank,
        resolver_account: None,
        max_repay: 0,
    };
    let resolve = resolve_ix(&env, &by, &account, &debt);
    env.run(&[resolve], &[&by.key]).await;
    let seller = env.trader_with(&[(SOL, 10 * SOL_1)]).await;
    for _ in 0..20 {
        shock(&mut env, SOL, 275.0).await;
    }
    let (sol, usdc) = (env.assets[SOL].asset.bank, env.assets[USDC].asset.bank);
    let sell = ix::restock_bank(
        &env.exchange,
        seller.pubkey(),
        seller.margin,
        sol,
        usdc,
        ALL,
    );
    let index = env.bank(SOL).await.deposit_index;
    let outcome = env.run(&[sell], &[&seller.key]).await;
    let sold: Vec<BankRestocked> = events::of_kind(&outcome.logs);
    assert!(sold[0].amount > 0 && sold[0].socialized > 0);
    let bank = env.bank(SOL).await;
    assert_eq!((bank.missing, bank.buyout_fund), (0, 0));
    assert!(bank.deposit_index < index);
    env.assert_conserved().await;
}

/// Insurance pays no more for one asset in a day than is listed, in a vault that is for all; the limit leaks.
#[tokio::test]
async fn insurance_pays_within_the_assets_limit() {
    let (mut env, account, by) = flagged_owing_sol().await;
    insure(&mut env, &by, usd(1_000)).await;
    env.edit_asset(SOL, |p| p.insurance_limit_usd = usd(50))
        .await;
    env.advance_by(0, 1).await;
    let resolve = resolve_asset_ix(&env, &by, &account, SOL);
    let cover = resolved(&env.run(&[resolve], &[&by.key]).await);
    assert!(cover.from_insurance > 0 && cover.socialized > cover.from_insurance);
    let left = env.tokens(env.exchange.insurance_vault).await;
    assert!((usd(950)..=usd(950) + 2).contains(&left), "{left}");
    let drawn = env.bank(SOL).await.insurance_draw.level;
    assert_eq!(drawn, usd(1_000) - left);
    env.assert_conserved().await;
}

/// Who withdraws in the slot in which a loss is shown does not leave whole; what only passes through holds nothing up.
#[tokio::test]
async fn nobody_steps_aside_from_a_loss() {
    let (mut env, account, by) = flagged_owing_sol().await;
    let lender = env.trader_with(&[(SOL, 2_000 * SOL_1)]).await;
    let flash = env.trader().await;
    env.advance_by(0, 1).await;
    let held = env.balance(lender.margin, SOL).await as u64;
    let out = env.withdraw_ix(&lender, SOL, ALL, false);
    let resolve = resolve_asset_ix(&env, &by, &account, SOL);
    let back = env.deposit_ix(&lender, SOL, held);
    let all = [out.clone(), resolve.clone(), back];
    env.refuse(&all, &[&lender.key, &by.key], E::WithdrawnInSlot)
        .await;
    // In transactions of one slot neither.
    let half = env.withdraw_ix(&lender, SOL, held / 2, false);
    env.run(&[half], &[&lender.key]).await;
    env.refuse(&[resolve.clone()], &[&by.key], E::WithdrawnInSlot)
        .await;
    // Dust, and what came in and left again, do not hold it up.
    env.advance_by(0, 1).await;
    let dust = env.withdraw_ix(&lender, SOL, SOL_1, false);
    let through = [
        env.deposit_ix(&flash, SOL, 5_000 * SOL_1),
        env.withdraw_ix(&flash, SOL, 5_000 * SOL_1 - 2, false),
    ];
    env.run(&[dust], &[&lender.key]).await;
    env.run(&through, &[&flash.key]).await;
    let cover = resolved(&env.run(&[resolve], &[&by.key]).await);
    assert_eq!(cover.socialized, cover.loss);
    env.assert_conserved().await;
}

#[tokio::test]
async fn the_banks_own_insurance_comes_first() {
    let (mut env, account, by) = flagged_owing_sol().await;
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
    let lent = [usd(1_100), usd(1_110), usd(1_103) + 333_331];
    let insured = [5_000, 40, 0];
    for (insured, lent) in insured
        .iter()
        .flat_map(|i| lent.iter().map(move |l| (*i, *l)))
    {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let by = rich(&mut env).await;
        let account = env.trader_with(&[(SOL, 10 * SOL_1)]).await;
        env.borrow(&account, USDC, lent).await.unwrap();
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
        // Not a share of the debt is left, whatever the roundings of what was sold for it.
        assert_eq!(env.margin(account.margin).await.balances[0].shares.0, 0);
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
    let (mut env, account, by) = flagged_owing_sol().await;
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
