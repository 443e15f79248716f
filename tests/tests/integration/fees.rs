//! The insurance fund and the collection of fees.
use plimsoll::{error::PlimsollError as E, state::mode};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    attack::swap,
    env::{SOL, SOL_PERP, USDC},
    usd, Env,
};
use solana_signer::Signer;

#[tokio::test]
async fn anyone_funds_insurance_with_the_quote_asset_only() {
    let mut env = Env::new().await;
    let trader = env.trader().await;
    let quote = env.assets[USDC].asset;
    let (exchange, key) = (env.exchange, trader.pubkey());
    let fund = |amount| ix::fund_insurance(&exchange, key, trader.tokens[USDC], &quote, amount);
    env.run(&[fund(usd(100))], &[&trader.key]).await;
    assert_eq!(env.tokens(env.exchange.insurance_vault).await, usd(100));

    env.refuse(&[fund(0)], &[&trader.key], E::ZeroAmount).await;
    let elsewhere = swap(&fund(1), env.exchange.insurance_vault, quote.vault);
    env.refuse(&[elsewhere], &[&trader.key], E::WrongVault)
        .await;
    let sol = env.assets[SOL].asset;
    let other_mint = swap(&fund(1), quote.mint, sol.mint);
    env.refuse(&[other_mint], &[&trader.key], E::WrongMint)
        .await;
    let other_tokens = swap(&fund(1), trader.tokens[USDC], trader.tokens[SOL]);
    env.fail(&[other_tokens], &[&trader.key]).await;
    env.fail(&[fund(u64::MAX)], &[&trader.key]).await;
}

#[tokio::test]
async fn a_banks_fees_go_to_the_authority_and_nobody_else() {
    let mut env = Env::new().await;
    let _lender = env.trader_with(&[(SOL, 1_000_000_000_000)]).await;
    let borrower = env.trader_with(&[(USDC, usd(100_000))]).await;
    let authority = env.authority();
    let sol = env.assets[SOL].asset;
    let to = env.create_token_account(sol.token_program, sol.mint, authority.pubkey(), 0);
    let collect = ix::collect_asset_fees(&env.exchange, authority.pubkey(), &sol, to);
    env.refuse(&[collect.clone()], &[&authority], E::NothingToCollect)
        .await;

    env.borrow(&borrower, SOL, 100_000_000_000).await.unwrap();
    let fees = env.bank(SOL).await.fees;
    // 0.05% of 100 SOL, rounded up.
    assert!((50_000_000..50_010_000).contains(&fees));

    let bent = swap(&collect, to, borrower.tokens[SOL]);
    env.refuse(&[bent], &[&authority], E::WrongTokenAccount)
        .await;
    let bent = swap(&collect, authority.pubkey(), borrower.pubkey());
    env.refuse(&[bent], &[&borrower.key], E::NotAuthority).await;
    let bent = swap(&collect, sol.vault, env.assets[USDC].asset.vault);
    env.refuse(&[bent], &[&authority], E::WrongVault).await;
    let bent = swap(&collect, sol.mint, env.assets[USDC].asset.mint);
    env.refuse(&[bent], &[&authority], E::WrongMint).await;
    let other = env.other_exchange().await;
    let bent = swap(&collect, sol.bank, other.quote.bank);
    env.refuse(&[bent], &[&authority], E::WrongExchange).await;
    let bent = swap(&collect, env.exchange.risk_state, other.exchange.risk_state);
    env.refuse(&[bent], &[&authority], E::WrongExchange).await;

    env.set_asset_mode(SOL, mode::PAUSED).await;
    env.refuse(&[collect.clone()], &[&authority], E::BankGated)
        .await;
    env.set_asset_mode(SOL, mode::ACTIVE).await;
    env.set_exchange_mode(mode::PAUSED).await;
    env.refuse(&[collect.clone()], &[&authority], E::ExchangeGated)
        .await;
    env.set_exchange_mode(mode::ACTIVE).await;

    env.run(&[collect.clone()], &[&authority]).await;
    assert_eq!(env.tokens(to).await, fees);
    assert_eq!(env.bank(SOL).await.fees, 0);
    env.refuse(&[collect], &[&authority], E::NothingToCollect)
        .await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_market_without_collected_losses_pays_no_fees() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let quote = env.assets[USDC].asset;
    let market = env.markets[SOL_PERP].market;
    let to = env.create_token_account(quote.token_program, quote.mint, authority.pubkey(), 0);
    let key = authority.pubkey();
    let collect = ix::collect_market_fees(&env.exchange, key, &market, &quote, to);
    env.refuse(&[collect.clone()], &[&authority], E::NothingToCollect)
        .await;
    let sol = env.assets[SOL].asset;
    let sol_to = env.create_token_account(sol.token_program, sol.mint, key, 0);
    let bent = ix::collect_market_fees(&env.exchange, key, &market, &sol, sol_to);
    env.refuse(&[bent], &[&authority], E::WrongMint).await;
    let purse = env.create_token_account(quote.token_program, quote.mint, key, 0);
    let bent = swap(&collect, env.exchange.insurance_vault, purse);
    env.refuse(&[bent], &[&authority], E::WrongVault).await;
    let thief = env.guardian();
    let bent = swap(&collect, key, thief.pubkey());
    env.refuse(&[bent], &[&thief], E::NotAuthority).await;
    env.set_market_mode(SOL_PERP, mode::PAUSED).await;
    env.refuse(&[collect], &[&authority], E::MarketGated).await;
    env.assert_conserved().await;
}
