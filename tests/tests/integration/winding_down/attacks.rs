//! What an attacker gets out of a winding-down: nothing, over all his accounts.
use plimsoll::{error::PlimsollError as E, state::margin_account::account_state};
use plimsoll_client::instructions::{self as ix, Follower, RefreshEntry};
use plimsoll_tests::{
    env::{BTC, ETH, SOL, SOL_PERP, USDC},
    portfolio::{BTC_UNDERLYING, SOL_UNDERLYING},
    scenarios::{all_but, equity, flag_at, liquidate, rich, take, trade, Books, ALL, ETH_1, SOL_1},
    usd, Env,
};
use solana_signer::Signer;

use plimsoll_tests::winding_down::{
    close_debt_ix, close_positions_ix, open_wallet_ix, return_ix, settle_debt_ix, wind_down,
};

/// Whoever is on both sides of every pair gains nothing, whatever the final price is.
#[tokio::test]
async fn a_pair_of_ones_own_gains_nothing() {
    for cents in [1, 9_999, 15_000, 15_001, 31_337] {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let mut pair = [env.trader().await, env.trader().await];
        let books = Books::open(&mut env, &[&pair[0], &pair[1]]).await;
        let [a, b] = &mut pair;
        env.deposit(a, SOL, 77_777_777_777).await.unwrap();
        env.deposit(a, USDC, usd(50_000)).await.unwrap();
        env.deposit(b, USDC, usd(100_000)).await.unwrap();
        env.borrow(b, SOL, 33_333_333_333).await.unwrap();
        trade(&mut env, SOL_PERP, a, b, 150.0, 777).await;
        wind_down(&mut env, SOL, cents).await;
        let alive = all_but(&env, &[SOL]);
        env.refresh_only(&alive).await;
        let worth = equity(&mut env, a).await + equity(&mut env, b).await;
        env.run(&[close_positions_ix(&env, a, b)], &[]).await;
        env.run(&[close_debt_ix(&env, SOL, a, b)], &[]).await;
        let left = equity(&mut env, a).await + equity(&mut env, b).await;
        assert!(
            (-6..=0).contains(&(left - worth)),
            "{worth} became {left} at {cents}"
        );
        let gained = books.gain(&mut env, &[a, b]).await;
        assert!(gained <= 0, "gained {gained} at {cents}");
        env.assert_conserved().await;
    }
}

/// Tokens that are worth less outside than the final price says cannot be brought, and the debts that they would pay are there
/// for the depositors.
#[tokio::test]
async fn a_final_price_above_the_market_buys_nobodys_tokens() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let lender = env.trader_with(&[(SOL, 100 * SOL_1)]).await;
    let debtor = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.borrow(&debtor, SOL, 50 * SOL_1).await.unwrap();
    let attacker = env.trader_with(&[(USDC, usd(1_000))]).await;
    let second = env.open_margin_account(&attacker.key, 1).await;
    wind_down(&mut env, SOL, 30_000).await;
    let alive = all_but(&env, &[SOL]);
    env.refresh_only(&alive).await;
    let keys = [&attacker.key];
    env.refuse(
        &[env.deposit_ix(&attacker, SOL, SOL_1)],
        &keys,
        E::WindingDown,
    )
    .await;
    // Nor can he take a depositor's place by a debt of his own.
    env.refuse(
        &[env.withdraw_ix(&attacker, SOL, 1, true)],
        &keys,
        E::WindingDown,
    )
    .await;
    let asset = env.assets[SOL].asset;
    let owner = attacker.pubkey();
    let moved = ix::transfer(
        &env.exchange,
        owner,
        attacker.margin,
        second,
        &asset,
        1,
        true,
    );
    env.refuse(&[moved], &keys, E::WindingDown).await;
    // Repaying a debt in kind is as it always was.
    env.deposit(&debtor, SOL, 10 * SOL_1).await.unwrap();
    env.run(&[close_debt_ix(&env, SOL, &lender, &debtor)], &[])
        .await;
    assert_eq!(env.balance(debtor.margin, SOL).await, 0);
    env.assert_conserved().await;
}

/// A deposit that secures a debt elsewhere is not given back before that is repaid, to whomever that would please; one that
/// does not secure anything is, though the owner has debts.
#[tokio::test]
async fn what_secures_a_debt_stays() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let lender = rich(&mut env).await;
    let owner = env.trader_with(&[(SOL, 100 * SOL_1)]).await;
    env.borrow(&owner, USDC, usd(9_000)).await.unwrap();
    wind_down(&mut env, SOL, 15_000).await;
    let alive = all_but(&env, &[SOL]);
    env.refresh_only(&alive).await;
    env.run(&[open_wallet_ix(&env, SOL, &owner.pubkey())], &[])
        .await;
    let pay = return_ix(&env, SOL, &owner);
    env.refuse(&[pay.clone()], &[], E::InsufficientHealth).await;
    env.deposit(&owner, ETH, 1_000_000_000).await.unwrap();
    env.refresh_only(&alive).await;
    env.run(&[pay.clone()], &[]).await;
    assert!(env
        .margin(owner.margin)
        .await
        .find_balance(SOL as u16)
        .is_none());
    env.refuse(&[pay], &[], E::NoSuchPosition).await;
    env.assert_conserved().await;
    drop(lender);
}

/// A vault that has lent everything pays what it has, when it has it; the rest stays owed.
#[tokio::test]
async fn an_empty_vault_pays_as_much_as_it_has() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let lenders = [
        env.trader_with(&[(SOL, 100 * SOL_1)]).await,
        env.trader_with(&[(SOL, 100 * SOL_1)]).await,
    ];
    let debtor = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.borrow(&debtor, SOL, 150 * SOL_1).await.unwrap();
    wind_down(&mut env, SOL, 15_000).await;
    for lender in &lenders {
        env.run(&[open_wallet_ix(&env, SOL, &lender.pubkey())], &[])
            .await;
    }
    // They owe nothing, so that no price is asked for: all are old by now.
    env.advance(3_600).await;
    env.run(&[return_ix(&env, SOL, &lenders[0])], &[]).await;
    assert!(env.balance(lenders[0].margin, SOL).await > 50_000_000_000);
    env.assert_conserved().await;
    for lender in &lenders {
        env.refuse(
            &[return_ix(&env, SOL, lender)],
            &[],
            E::InsufficientLiquidity,
        )
        .await;
    }
    let alive = all_but(&env, &[SOL]);
    env.refresh_only(&alive).await;
    let from_bank = settle_debt_ix(&env, SOL, None, &debtor);
    for lender in &lenders {
        env.run(&[close_debt_ix(&env, SOL, lender, &debtor)], &[])
            .await;
        env.refuse(&[return_ix(&env, SOL, lender)], &[], E::NoSuchPosition)
            .await;
    }
    env.assert_conserved().await;
    // What is left of the debt is the bank's interest fee, which becomes quote.
    let left = env.balance(debtor.margin, SOL).await;
    let (bank, quote) = (env.bank(SOL).await, env.bank(USDC).await);
    assert!(left < 0 && bank.fees > 0 && bank.deposit_shares == 0);
    while env.balance(debtor.margin, SOL).await < 0 {
        env.run(&[from_bank.clone()], &[]).await;
        env.assert_conserved().await;
    }
    let earned = env.bank(USDC).await.fees - quote.fees;
    let worth = left.unsigned_abs() * 150 / 1_000;
    assert!(
        earned.abs_diff(worth) <= 3 + worth / 1_000,
        "{earned} for {worth}"
    );
    assert_eq!(env.bank(SOL).await.fees, 0);
    env.refuse(&[from_bank], &[], E::NothingToCloseOut).await;
}

/// While others have deposits a debt owes the bank no more than its fees.
#[tokio::test]
async fn the_bank_is_paid_no_more_than_it_is_owed() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let lender = env.trader_with(&[(SOL, 100 * SOL_1)]).await;
    let debtor = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.borrow(&debtor, SOL, 50 * SOL_1).await.unwrap();
    wind_down(&mut env, SOL, 15_000).await;
    let alive = all_but(&env, &[SOL]);
    env.refresh_only(&alive).await;
    env.refresh(&[RefreshEntry::Bank(env.assets[SOL].asset)])
        .await;
    let (owed, fees) = (
        env.balance(debtor.margin, SOL).await,
        env.bank(SOL).await.fees.cast_signed(),
    );
    assert!(fees > 0);
    let from_bank = settle_debt_ix(&env, SOL, None, &debtor);
    env.run(&[from_bank.clone()], &[]).await;
    let left = env.balance(debtor.margin, SOL).await;
    assert!((owed + fees - left).abs() <= 1_000, "{owed} {fees} {left}");
    assert!(env.balance(lender.margin, SOL).await >= 100 * SOL_1.cast_signed());
    env.assert_conserved().await;
}

/// An account that is flagged is closed out like any other, and nothing is paid to its owner meanwhile.
#[tokio::test]
async fn a_flagged_account_is_closed_out_and_keeps_its_deposits() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let liquidator = rich(&mut env).await;
    let account = env.trader_with(&[(USDC, usd(2_000)), (SOL, SOL_1)]).await;
    let seller = rich(&mut env).await;
    trade(&mut env, SOL_PERP, &account, &seller, 150.0, 10_000).await;
    wind_down(&mut env, SOL, 13_000).await;
    let alive = all_but(&env, &[SOL]);
    env.refresh_only(&alive).await;
    flag_at(&mut env, &liquidator, &account, &alive).await;
    assert_eq!(
        env.margin(account.margin).await.state,
        account_state::LIQUIDATING
    );
    env.run(&[open_wallet_ix(&env, SOL, &account.pubkey())], &[])
        .await;
    env.refuse(&[return_ix(&env, SOL, &account)], &[], E::AccountGated)
        .await;
    let before = env.health(&account).await;
    env.run(&[close_positions_ix(&env, &account, &seller)], &[])
        .await;
    let after = env.health(&account).await;
    assert!(after.maintenance > before.maintenance && after.equity >= before.equity - 1);
    env.assert_conserved().await;
}

/// A hedge ends when the final price takes effect, for all, and not when a stranger closes one of its legs out: neither across two
/// underlyings nor between token and perpetual of one feed does that lower any health.
#[tokio::test]
async fn nobody_chooses_the_moment_at_which_a_hedge_ends() {
    let mut env = Env::new().await;
    env.list_model().await;
    env.refresh_all().await;
    let across = env
        .portfolio_trader(&[(USDC, usd(40_000)), (BTC, 50_000_000)])
        .await;
    let same = env.portfolio_trader(&[(SOL, 100 * SOL_1)]).await;
    env.borrow(&same, USDC, usd(5_000)).await.unwrap();
    let debtor = env.portfolio_trader(&[(USDC, usd(20_000))]).await;
    env.borrow(&debtor, SOL, 20 * SOL_1).await.unwrap();
    let buyer = rich(&mut env).await;
    for seller in [&across, &same] {
        trade(&mut env, SOL_PERP, &buyer, seller, 150.0, 10_000).await;
    }
    trade(&mut env, SOL_PERP, &debtor, &buyer, 150.0, 2_000).await;
    wind_down(&mut env, SOL, 15_000).await;
    let risk = env.risk().await;
    assert_eq!(risk.assets[SOL].underlying, 0);
    assert_eq!(risk.markets[SOL_PERP].underlying, 0);
    assert_eq!(risk.assets[BTC].underlying, BTC_UNDERLYING);
    let alive = all_but(&env, &[SOL]);
    env.refresh_only(&alive).await;
    let steps = [
        (close_positions_ix(&env, &buyer, &across), [&buyer, &across]),
        (close_positions_ix(&env, &buyer, &same), [&buyer, &same]),
        (close_positions_ix(&env, &debtor, &same), [&debtor, &same]),
        (close_debt_ix(&env, SOL, &same, &debtor), [&same, &debtor]),
    ];
    for (step, parties) in steps {
        env.refresh(&[RefreshEntry::Bank(env.assets[SOL].asset)])
            .await;
        let mut before = Vec::new();
        for party in parties {
            before.push(env.health(party).await);
        }
        env.run(&[step], &[]).await;
        for (party, before) in parties.iter().zip(before) {
            let after = env.health(party).await;
            for (after, before) in [
                (after.init, before.init),
                (after.liquidation_end, before.liquidation_end),
                (after.maintenance, before.maintenance),
                (after.equity, before.equity),
            ] {
                assert!(after >= before - 4, "{before} became {after}");
            }
        }
        env.assert_conserved().await;
    }
    assert_eq!(env.balance(across.margin, BTC).await, 50_000_000);
    // And it is not made to follow an underlying again.
    let authority = env.authority();
    for follower in [
        Follower::Asset(SOL as u16),
        Follower::Market(SOL_PERP as u16),
    ] {
        let key = authority.pubkey();
        let again =
            ix::assign_underlying(&env.exchange, key, follower, SOL_UNDERLYING, false, None);
        env.refuse(&[again], &[&authority], E::WindingDown).await;
    }
}

/// A final price is what a token is settled at, not what it is worth: nothing is borrowed against it.
#[tokio::test]
async fn a_final_price_is_margin_for_nothing_new() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    rich(&mut env).await;
    let attacker = env.trader_with(&[(SOL, 100 * SOL_1)]).await;
    wind_down(&mut env, SOL, 30_000).await;
    let alive = all_but(&env, &[SOL]);
    env.refresh_only(&alive).await;
    let loan = env.withdraw_ix(&attacker, USDC, usd(1), true);
    env.refuse(&[loan], &[&attacker.key], E::InsufficientHealth)
        .await;
    // It still counts for Maint: nobody is liquidated by the announcement.
    let health = env.health(&attacker).await;
    assert!(health.init == 0 && health.maintenance > usd(20_000).cast_signed());
    env.assert_conserved().await;
}

/// An insolvent account is not closed out: its loss is first resolved, while the others in the market still bear it together.
#[tokio::test]
async fn nobody_is_closed_out_against_the_insolvent() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let long = env.trader_with(&[(USDC, usd(2_000))]).await;
    let (short, taker) = (rich(&mut env).await, rich(&mut env).await);
    trade(&mut env, SOL_PERP, &long, &short, 150.0, 10_000).await;
    wind_down(&mut env, SOL, 10_000).await;
    let alive = all_but(&env, &[SOL]);
    env.refresh_only(&alive).await;
    assert!(equity(&mut env, &long).await < 0);
    let close = close_positions_ix(&env, &long, &short);
    env.refuse(&[close], &[], E::InsufficientHealth).await;
    // A taker at the final price ends that.
    flag_at(&mut env, &taker, &long, &alive).await;
    let all = take(&env, SOL_PERP, ALL);
    liquidate(&mut env, &taker, &long, &all).await;
    let close = close_positions_ix(&env, &taker, &short);
    env.run(&[close], &[]).await;
    env.assert_conserved().await;
}

/// Whoever is below its line at known prices borrows no quote for its debt by leaving a price out.
#[tokio::test]
async fn no_debt_becomes_one_of_quote_against_doubt() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let lender = env.trader_with(&[(SOL, 100 * SOL_1)]).await;
    rich(&mut env).await;
    let debtor = env.trader_with(&[(ETH, ETH_1)]).await;
    env.borrow(&debtor, SOL, 12 * SOL_1).await.unwrap();
    wind_down(&mut env, SOL, 15_000).await;
    let alive = all_but(&env, &[SOL]);
    env.refresh_only(&alive).await;
    let close = close_debt_ix(&env, SOL, &lender, &debtor);
    // Its ether is too old to pay.
    env.advance(21).await;
    env.refresh_only(&all_but(&env, &[SOL, ETH])).await;
    env.refuse(&[close.clone()], &[], E::InsufficientHealth)
        .await;
    env.advance(1).await;
    env.refresh_only(&alive).await;
    env.run(&[close], &[]).await;
    env.assert_conserved().await;
}
