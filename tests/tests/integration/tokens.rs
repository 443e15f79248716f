//! Deposits, withdrawals and transfers: what arrives where, and what an attacker cannot do with them.
use anchor_lang::{error::ErrorCode, prelude::Pubkey};
use plimsoll::{
    error::PlimsollError as E,
    events::{Deposited, Transferred, Withdrawn},
};
use plimsoll_client::{events, instructions as ix};
use plimsoll_tests::{
    attack::swap,
    env::{BTC, JUP, SOL, USDC},
    oracles::Feed,
    params::volatile_params,
    tokens::SPL_TOKEN,
    usd, Env, ListedAsset, TestError,
};

/// Requires that the token program refused, not this one.
fn assert_token_error(error: &TestError) {
    let code = error.code().expect("a custom code");
    assert!(code < 100, "{error:?}");
}

#[tokio::test]
async fn a_deposit_credits_what_arrives() {
    let mut env = Env::new().await;
    let trader = env.trader().await;
    for (asset, amount) in [(USDC, usd(5)), (SOL, 7), (BTC, 11), (JUP, 13)] {
        let before = env.tokens(trader.tokens[asset]).await;
        let outcome = env.deposit(&trader, asset, amount).await.unwrap();
        let event: Vec<Deposited> = events::of_kind(&outcome.logs);
        assert_eq!(event[0].amount, amount);
        assert_eq!(event[0].margin_account, trader.margin);
        assert_eq!(env.tokens(trader.tokens[asset]).await, before - amount);
        assert_eq!(env.tokens(env.assets[asset].asset.vault).await, amount);
        assert_eq!(env.balance(trader.margin, asset).await, amount as i64);
    }
    let nothing = env.deposit_ix(&trader, SOL, 0);
    env.refuse(&[nothing], &[&trader.key], E::ZeroAmount).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_deposit_takes_only_the_depositors_own_tokens_into_the_right_vault() {
    let mut env = Env::new().await;
    let trader = env.trader().await;
    let victim = env.trader().await;
    let other = env.other_exchange().await;
    let deposit = env.deposit_ix(&trader, USDC, 1_000);
    let signers = [&trader.key];
    let (usdc, sol) = (env.assets[USDC].asset, env.assets[SOL].asset);
    let risk = env.exchange.risk_state;
    let spare = env.create_token_account(usdc.token_program, usdc.mint, trader.pubkey(), 0);
    let itself = swap(&deposit, usdc.vault, trader.tokens[USDC]);
    let twice = ErrorCode::ConstraintDuplicateMutableAccount.into();
    env.refuse_with(&[itself], &signers, twice).await;
    for (account, by, error) in [
        (usdc.vault, sol.vault, E::WrongVault),
        // An account of the depositor as the vault.
        (usdc.vault, spare, E::WrongVault),
        (usdc.vault, other.quote.vault, E::WrongVault),
        (usdc.mint, sol.mint, E::WrongMint),
        (risk, other.exchange.risk_state, E::WrongExchange),
    ] {
        env.refuse(&[swap(&deposit, account, by)], &signers, error)
            .await;
    }
    // Another exchange's bank, with its vault.
    let foreign = swap(&deposit, usdc.bank, other.quote.bank);
    let foreign = swap(&foreign, usdc.vault, other.quote.vault);
    env.refuse(&[foreign.clone()], &signers, E::WrongExchange)
        .await;
    let foreign = swap(&foreign, risk, other.exchange.risk_state);
    env.refuse(&[foreign], &signers, E::WrongExchange).await;

    let stolen = swap(&deposit, trader.tokens[USDC], victim.tokens[USDC]);
    assert_token_error(&env.fail(&[stolen], &signers).await);
    let other_tokens = swap(&deposit, trader.tokens[USDC], trader.tokens[SOL]);
    assert_token_error(&env.fail(&[other_tokens], &signers).await);
    let too_much = env.deposit_ix(&trader, USDC, u64::MAX);
    assert_token_error(&env.fail(&[too_much], &signers).await);

    // Accounts of the wrong kind, and another token program.
    let wrong_kind = ErrorCode::AccountDiscriminatorMismatch.into();
    let bent = swap(&deposit, trader.margin, usdc.bank);
    env.refuse_with(&[bent], &signers, wrong_kind).await;
    let bent = swap(&deposit, usdc.bank, trader.margin);
    env.refuse_with(&[bent], &signers, wrong_kind).await;
    let bent = swap(&deposit, SPL_TOKEN, plimsoll::ID);
    let wrong_id = ErrorCode::InvalidProgramId.into();
    env.refuse_with(&[bent], &signers, wrong_id).await;
    let mut unsigned = deposit;
    unsigned.accounts[0].is_signer = false;
    let not_signed = ErrorCode::AccountNotSigner.into();
    env.refuse_with(&[unsigned], &[], not_signed).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_stranger_tops_up_but_takes_no_slot() {
    let mut env = Env::new().await;
    let owner = env.trader().await;
    let stranger = env.trader().await;
    let gift = |asset: usize, env: &Env| {
        ix::deposit(
            &env.exchange,
            stranger.pubkey(),
            owner.margin,
            &env.assets[asset].asset,
            stranger.tokens[asset],
            1_000,
        )
    };
    let unwanted = gift(SOL, &env);
    env.refuse(&[unwanted], &[&stranger.key], E::NotOwner).await;
    env.deposit(&owner, SOL, 1).await.unwrap();
    let welcome = [gift(SOL, &env), gift(USDC, &env)];
    env.run(&welcome, &[&stranger.key]).await;
    assert_eq!(env.balance(owner.margin, SOL).await, 1_001);
    env.assert_conserved().await;
}

#[tokio::test]
async fn an_account_holds_sixteen_assets() {
    let mut env = Env::new().await;
    for _ in 0..12 {
        let mint = env.create_mint(SPL_TOKEN, 6);
        let asset = ListedAsset {
            asset: env.exchange.asset(mint, SPL_TOKEN),
            decimals: 6,
            primary: Feed::pull(),
            fallback: None,
            feed: 0,
            usd: 1.0,
        };
        env.list(asset, volatile_params(0.5, 0.6)).await;
    }
    let trader = env.trader().await;
    for asset in 1..16 {
        env.deposit(&trader, asset, 1_000).await.unwrap();
    }
    let one_more = env.deposit_ix(&trader, 16, 1_000);
    env.refuse(&[one_more], &[&trader.key], E::NoFreeBalanceSlot)
        .await;
    // A withdrawal of the whole frees the slot.
    env.withdraw(&trader, 3, u64::MAX).await.unwrap();
    env.deposit(&trader, 16, 1_000).await.unwrap();
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_withdrawal_pays_what_is_there() {
    let mut env = Env::new().await;
    let trader = env.trader_with(&[(SOL, 1_000), (JUP, 50)]).await;
    let before = env.tokens(trader.tokens[SOL]).await;
    let outcome = env.withdraw(&trader, SOL, 400).await.unwrap();
    let event: Vec<Withdrawn> = events::of_kind(&outcome.logs);
    assert_eq!((event[0].amount, event[0].borrowed), (400, 0));
    assert_eq!(env.balance(trader.margin, SOL).await, 600);

    let signers = [&trader.key];
    let too_much = env.withdraw_ix(&trader, SOL, 601, false);
    env.refuse(&[too_much], &signers, E::InsufficientBalance)
        .await;
    let none = env.withdraw_ix(&trader, SOL, 0, false);
    env.refuse(&[none], &signers, E::ZeroAmount).await;
    let nothing_held = env.withdraw_ix(&trader, BTC, u64::MAX, true);
    env.refuse(&[nothing_held], &signers, E::ZeroAmount).await;
    env.withdraw(&trader, SOL, u64::MAX).await.unwrap();
    env.withdraw(&trader, JUP, u64::MAX).await.unwrap();
    assert_eq!(env.tokens(trader.tokens[SOL]).await, before + 1_000);
    assert_eq!(env.tokens(env.assets[SOL].asset.vault).await, 0);
    let account = env.margin(trader.margin).await;
    assert!(account.balances.iter().all(|b| b.shares.is_zero()));
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_withdrawal_is_the_owners_and_from_its_own_exchange() {
    let mut env = Env::new().await;
    let victim = env.trader_with(&[(USDC, usd(1_000))]).await;
    let thief = env.trader_with(&[(USDC, usd(1))]).await;
    let other = env.other_exchange().await;
    let (usdc, sol) = (env.assets[USDC].asset, env.assets[SOL].asset);
    let exchange = env.exchange;

    // The victim's account, paid to the thief: by either signature, or none.
    let mut stolen = env.withdraw_ix(&victim, USDC, 1_000, false);
    stolen = swap(&stolen, victim.tokens[USDC], thief.tokens[USDC]);
    let signed = swap(&stolen, victim.pubkey(), thief.pubkey());
    env.refuse(&[signed], &[&thief.key], E::NotOwner).await;
    stolen.accounts[0].is_signer = false;
    let not_signed = ErrorCode::AccountNotSigner.into();
    env.refuse_with(&[stolen], &[], not_signed).await;

    let own = env.withdraw_ix(&thief, USDC, 1_000, false);
    let signers = [&thief.key];
    for (account, by, error) in [
        (usdc.vault, other.quote.vault, E::WrongVault),
        (usdc.vault, exchange.insurance_vault, E::WrongVault),
        (usdc.vault, sol.vault, E::WrongVault),
        (usdc.mint, sol.mint, E::WrongMint),
        (usdc.bank, other.quote.bank, E::WrongExchange),
        (
            exchange.risk_state,
            other.exchange.risk_state,
            E::WrongExchange,
        ),
        (exchange.address, other.exchange.address, E::WrongExchange),
    ] {
        env.refuse(&[swap(&own, account, by)], &signers, error)
            .await;
    }
    // A margin account of another exchange, where the thief is rich.
    let key = thief.pubkey();
    let rich = other.exchange.margin_account(&key, 0);
    let open = ix::create_margin_account(&other.exchange, key, key, 0);
    let fill = ix::deposit(
        &other.exchange,
        key,
        rich,
        &other.quote,
        thief.tokens[USDC],
        usd(500),
    );
    env.run(&[open, fill], &signers).await;
    let bent = swap(&own, thief.margin, rich);
    env.refuse(&[bent], &signers, E::WrongExchange).await;
    // Bank and vault of one asset paid to an account of another.
    let bent = swap(&own, thief.tokens[USDC], thief.tokens[SOL]);
    assert_token_error(&env.fail(&[bent], &signers).await);
    env.assert_conserved().await;
}

/// Programs and people find accounts of wrong kinds refused by name before anything moves.
#[tokio::test]
async fn forged_accounts_are_refused() {
    let mut env = Env::new().await;
    let thief = env.trader_with(&[(USDC, usd(1))]).await;
    let signers = [&thief.key];
    let withdraw = env.withdraw_ix(&thief, USDC, 1, false);
    let not_owned = ErrorCode::AccountOwnedByWrongProgram.into();
    for account in [
        env.exchange.address,
        env.exchange.risk_state,
        thief.margin,
        env.assets[USDC].asset.bank,
    ] {
        // The same bytes, written by another program.
        let copy = Pubkey::new_unique();
        let data = env.find_account(account).await.unwrap().data;
        env.write_account(copy, Pubkey::new_unique(), data);
        let bent = swap(&withdraw, account, copy);
        env.refuse_with(&[bent], &signers, not_owned).await;
    }
}

#[tokio::test]
async fn what_the_vault_lacks_is_not_paid() {
    let mut env = Env::new().await;
    let lender = env.trader_with(&[(SOL, 10_000_000_000)]).await;
    let borrower = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.borrow(&borrower, SOL, 9_000_000_000).await.unwrap();
    let run = env.withdraw_ix(&lender, SOL, 1_000_000_001, false);
    env.refuse(&[run], &[&lender.key], E::InsufficientLiquidity)
        .await;
    let more = env.withdraw_ix(&borrower, SOL, 1_000_000_001, true);
    env.refuse(&[more], &[&borrower.key], E::InsufficientLiquidity)
        .await;
    env.withdraw(&lender, SOL, 1_000_000_000).await.unwrap();
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_transfer_stays_with_its_owner() {
    let mut env = Env::new().await;
    let _lender = env.trader_with(&[(USDC, usd(10_000))]).await;
    let trader = env.trader_with(&[(USDC, usd(1_000))]).await;
    let thief = env.trader().await;
    let second = env.open_margin_account(&trader.key, 1).await;
    let (exchange, usdc) = (env.exchange, env.assets[USDC].asset);
    let (owner, from) = (trader.pubkey(), trader.margin);
    let moved =
        |amount, borrow| ix::transfer(&exchange, owner, from, second, &usdc, amount, borrow);
    let signers = [&trader.key];
    let outcome = env.run(&[moved(400, false)], &signers).await;
    let event: Vec<Transferred> = events::of_kind(&outcome.logs);
    assert_eq!((event[0].from, event[0].to), (from, second));
    assert_eq!(env.balance(second, USDC).await, 400);

    env.refuse(&[moved(0, false)], &signers, E::ZeroAmount)
        .await;
    let all = usd(1_000);
    env.refuse(&[moved(all, false)], &signers, E::InsufficientBalance)
        .await;
    env.refuse(&[moved(2 * all, true)], &signers, E::InsufficientHealth)
        .await;
    let itself = swap(&moved(1, false), second, from);
    env.refuse(&[itself], &signers, E::DuplicateAccount).await;
    let away = swap(&moved(1, false), second, thief.margin);
    env.refuse(&[away], &signers, E::DifferentOwners).await;
    let stolen = swap(&moved(1, false), second, thief.margin);
    let stolen = swap(&stolen, owner, thief.pubkey());
    env.refuse(&[stolen], &[&thief.key], E::NotOwner).await;

    // Between exchanges nothing moves, whichever account is the foreign one.
    let other = env.other_exchange().await;
    let abroad = other.exchange.margin_account(&owner, 0);
    let open = ix::create_margin_account(&other.exchange, owner, owner, 0);
    env.run(&[open], &signers).await;
    let good = moved(1, false);
    for (account, by) in [
        (from, abroad),
        (second, abroad),
        (usdc.bank, other.quote.bank),
        (exchange.risk_state, other.exchange.risk_state),
    ] {
        let bent = swap(&good, account, by);
        env.refuse(&[bent], &signers, E::WrongExchange).await;
    }
    env.run(&[moved(u64::MAX, false)], &signers).await;
    assert_eq!(env.balance(second, USDC).await, all as i64);
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_transfer_repays_the_other_accounts_debt() {
    let mut env = Env::new().await;
    let _lender = env.trader_with(&[(SOL, 100_000_000_000)]).await;
    let trader = env
        .trader_with(&[(USDC, usd(10_000)), (SOL, 5_000_000_000)])
        .await;
    let second = env.open_margin_account(&trader.key, 1).await;
    let (exchange, owner) = (env.exchange, trader.pubkey());
    let (usdc, sol) = (env.assets[USDC].asset, env.assets[SOL].asset);
    let from = trader.margin;
    let fund = ix::transfer(&exchange, owner, from, second, &usdc, usd(5_000), false);
    // The second account borrows SOL into the first, which then pays it back whole: the slot is free again.
    let lend = ix::transfer(&exchange, owner, second, from, &sol, 4_000_000_000, true);
    env.run(&[fund, lend], &[&trader.key]).await;
    let debt = env.balance(second, SOL).await;
    // 0.05% for the loan.
    assert_eq!(debt, -4_002_000_094);
    let bank = env.bank(SOL).await;
    assert_eq!(bank.net_borrows.left.level, 4_000_000_000);
    let back = ix::transfer(
        &exchange,
        owner,
        from,
        second,
        &sol,
        debt.unsigned_abs(),
        false,
    );
    env.run(&[back], &[&trader.key]).await;
    assert_eq!(env.margin(second).await.find_balance(SOL as u16), None);
    assert_eq!(env.bank(SOL).await.borrow_shares, 0);
    env.assert_conserved().await;
}
