//! What each mode of exchange and bank lets through. Modes of the market are in the tests of orders.
use plimsoll::{error::PlimsollError as E, state::mode};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    usd, Env, Trader,
};
use solana_signer::Signer;

/// A trader who owes SOL against USDC, and one who lends it.
async fn borrower(env: &mut Env) -> (Trader, Trader) {
    let lender = env.trader_with(&[(SOL, 1_000_000_000_000)]).await;
    let borrower = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.borrow(&borrower, SOL, 10_000_000_000).await.unwrap();
    (borrower, lender)
}

#[tokio::test]
async fn reduce_only_lets_repay_and_leave_but_not_enter_or_borrow() {
    let mut env = Env::new().await;
    let (borrower, lender) = borrower(&mut env).await;
    for whole in [true, false] {
        if whole {
            env.set_exchange_mode(mode::REDUCE_ONLY).await;
        } else {
            env.set_exchange_mode(mode::ACTIVE).await;
            env.set_asset_mode(SOL, mode::REDUCE_ONLY).await;
        }
        let keys = [&borrower.key];
        let enter = env.deposit_ix(&lender, SOL, 1_000);
        env.refuse(&[enter], &[&lender.key], E::AssetReduceOnly)
            .await;
        let too_much = env.deposit_ix(&borrower, SOL, 20_000_000_000);
        env.refuse(&[too_much], &keys, E::AssetReduceOnly).await;
        let more = env.withdraw_ix(&borrower, SOL, 1_000, true);
        env.refuse(&[more], &keys, E::AssetReduceOnly).await;
        env.deposit(&borrower, SOL, 1_000_000_000).await.unwrap();
        env.withdraw(&lender, SOL, 1_000_000).await.unwrap();
        let second = env
            .open_margin_account(&lender.key, u16::from(whole) + 1)
            .await;
        let asset = env.assets[SOL].asset;
        let (owner, from) = (lender.pubkey(), lender.margin);
        let borrowing = ix::transfer(&env.exchange, owner, second, from, &asset, 1_000, true);
        env.refuse(&[borrowing], &[&lender.key], E::AssetReduceOnly)
            .await;
        let moved = ix::transfer(&env.exchange, owner, from, second, &asset, 1_000, false);
        env.run(&[moved], &[&lender.key]).await;
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn paused_lets_nothing_in_or_out() {
    let mut env = Env::new().await;
    let (borrower, lender) = borrower(&mut env).await;
    let asset = env.assets[SOL].asset;
    let second = env.open_margin_account(&lender.key, 1).await;
    for (whole, error) in [(true, E::ExchangeGated), (false, E::BankGated)] {
        if whole {
            env.set_exchange_mode(mode::PAUSED).await;
        } else {
            env.set_exchange_mode(mode::ACTIVE).await;
            env.set_asset_mode(SOL, mode::PAUSED).await;
        }
        let repay = env.deposit_ix(&borrower, SOL, 1_000);
        env.refuse(&[repay], &[&borrower.key], error).await;
        let leave = env.withdraw_ix(&lender, SOL, 1_000, false);
        env.refuse(&[leave], &[&lender.key], error).await;
        let (owner, from) = (lender.pubkey(), lender.margin);
        let moved = ix::transfer(&env.exchange, owner, from, second, &asset, 1_000, false);
        env.refuse(&[moved], &[&lender.key], error).await;
        // Prices go on, whatever the mode.
        env.advance(30).await;
        env.refresh_all().await;
        let published_ms = env.entry(SOL).await.price.published_ms;
        assert_eq!(published_ms, env.now().await * 1_000);
    }
    // Another asset's pause is not theirs.
    env.deposit(&borrower, USDC, 1_000).await.unwrap();
    env.assert_conserved().await;
}

#[tokio::test]
async fn the_guardian_tightens_and_only_the_authority_loosens() {
    let mut env = Env::new().await;
    let (guardian, authority) = (env.guardian(), env.authority());
    let (g, a) = (guardian.pubkey(), authority.pubkey());
    let exchange = env.exchange;
    let asset = env.assets[SOL].asset;
    let market = env.markets[SOL_PERP].market;
    let stranger = env.trader().await;
    type Set<'a> = Box<
        dyn Fn(
                anchor_lang::prelude::Pubkey,
                u8,
            ) -> Vec<anchor_lang::solana_program::instruction::Instruction>
            + 'a,
    >;
    let setters: [Set; 3] = [
        Box::new(|who, mode| vec![ix::set_exchange_mode(&exchange, who, mode, None)]),
        Box::new(|who, mode| vec![ix::set_asset_mode(&exchange, who, &asset, mode, None)]),
        Box::new(|who, mode| vec![ix::set_market_mode(&exchange, who, &market, mode, None)]),
    ];
    for set in setters {
        env.refuse(
            &set(stranger.pubkey(), mode::PAUSED),
            &[&stranger.key],
            E::NotGuardian,
        )
        .await;
        env.refuse(&set(a, 3), &[&authority], E::InvalidParameter)
            .await;
        env.refuse(&set(a, 255), &[&authority], E::InvalidParameter)
            .await;
        env.run(&set(g, mode::REDUCE_ONLY), &[&guardian]).await;
        env.run(&set(g, mode::PAUSED), &[&guardian]).await;
        env.refuse(&set(g, mode::REDUCE_ONLY), &[&guardian], E::NotAuthority)
            .await;
        env.refuse(&set(g, mode::ACTIVE), &[&guardian], E::NotAuthority)
            .await;
        env.run(&set(a, mode::REDUCE_ONLY), &[&authority]).await;
        env.run(&set(a, mode::ACTIVE), &[&authority]).await;
    }
    assert_eq!(env.risk().await.mode, mode::ACTIVE);
    assert_eq!(env.bank(SOL).await.mode, mode::ACTIVE);
    assert_eq!(env.market(SOL_PERP).await.mode, mode::ACTIVE);
}

#[tokio::test]
async fn another_exchanges_operators_have_no_say() {
    let mut env = Env::new().await;
    let other = env.other_exchange().await;
    let key = other.authority.pubkey();
    let asset = env.assets[SOL].asset;
    let market = env.markets[SOL_PERP].market;
    let mut theirs = other.exchange;
    theirs.risk_state = env.exchange.risk_state;
    let attempts = [
        ix::set_exchange_mode(&theirs, key, mode::PAUSED, None),
        ix::set_asset_mode(&theirs, key, &asset, mode::PAUSED, None),
        ix::set_market_mode(&theirs, key, &market, mode::PAUSED, None),
    ];
    for attempt in attempts {
        env.refuse(&[attempt], &[&other.authority], E::WrongExchange)
            .await;
    }
}
