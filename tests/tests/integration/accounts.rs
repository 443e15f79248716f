//! Margin accounts: opening, delegating, closing.
use anchor_lang::error::ErrorCode;
use plimsoll::{error::PlimsollError as E, state::mode};
use plimsoll_client::instructions as ix;
use plimsoll_risk::EMPTY;
use plimsoll_tests::{
    attack::swap,
    env::{SOL, USDC},
    usd, Env,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

#[tokio::test]
async fn an_account_is_opened_once_for_its_owner() {
    let mut env = Env::new().await;
    let owner = Keypair::new();
    env.fund(owner.pubkey());
    let margin = env.open_margin_account(&owner, 7).await;
    let account = env.margin(margin).await;
    assert_eq!((account.owner, account.sub_account), (owner.pubkey(), 7));
    assert_eq!(account.balances[0].asset, 0);
    assert!(account.balances[1..].iter().all(|b| b.asset == EMPTY));
    assert!(account.perps.iter().all(|p| p.is_free()));

    let key = owner.pubkey();
    let again = ix::create_margin_account(&env.exchange, key, key, 7);
    env.refuse_with(&[again.clone()], &[&owner], 0).await;
    let thief = env.guardian();
    let mut forged = ix::create_margin_account(&env.exchange, thief.pubkey(), key, 8);
    forged.accounts[1].is_signer = false;
    env.refuse_with(&[forged], &[&thief], ErrorCode::AccountNotSigner.into())
        .await;
    let elsewhere = swap(&again, margin, env.exchange.margin_account(&key, 9));
    env.refuse_with(&[elsewhere], &[&owner], ErrorCode::ConstraintSeeds.into())
        .await;

    // Somebody else may pay.
    let paid = ix::create_margin_account(&env.exchange, thief.pubkey(), key, 8);
    env.run(&[paid], &[&thief, &owner]).await;
}

#[tokio::test]
async fn only_an_empty_account_is_closed_and_only_by_its_owner() {
    let mut env = Env::new().await;
    let trader = env.trader_with(&[(SOL, 1_000_000_000)]).await;
    let key = trader.pubkey();
    let close = ix::close_margin_account(&env.exchange, key, trader.margin, key);
    env.refuse(&[close.clone()], &[&trader.key], E::AccountNotEmpty)
        .await;
    env.withdraw(&trader, SOL, u64::MAX).await.unwrap();

    let thief = env.trader().await;
    let stolen =
        ix::close_margin_account(&env.exchange, thief.pubkey(), trader.margin, thief.pubkey());
    env.refuse(&[stolen], &[&thief.key], E::NotOwner).await;
    let other = env.other_exchange().await;
    let bent = swap(&close, env.exchange.risk_state, other.exchange.risk_state);
    env.refuse(&[bent], &[&trader.key], E::WrongExchange).await;
    env.run(&[close.clone()], &[&trader.key]).await;
    assert!(env.find_account(trader.margin).await.is_none());
    let again = env.send(&[close], &[&trader.key]).await.unwrap_err();
    assert_eq!(
        again.code(),
        Some(ErrorCode::AccountOwnedByWrongProgram.into())
    );
    // The number can be used again, from nothing.
    env.margin_accounts.retain(|m| *m != trader.margin);
    env.open_margin_account(&trader.key, 0).await;
    env.deposit(&trader, USDC, usd(1)).await.unwrap();
    env.assert_conserved().await;
}

#[tokio::test]
async fn no_account_is_opened_while_the_exchange_is_paused_but_one_can_be_closed() {
    let mut env = Env::new().await;
    let trader = env.trader().await;
    let key = trader.pubkey();
    let open = ix::create_margin_account(&env.exchange, key, key, 1);
    env.set_exchange_mode(mode::PAUSED).await;
    env.refuse(&[open], &[&trader.key], E::ExchangeGated).await;
    let close = ix::close_margin_account(&env.exchange, key, trader.margin, key);
    env.run(&[close], &[&trader.key]).await;
    env.assert_conserved().await;
}
