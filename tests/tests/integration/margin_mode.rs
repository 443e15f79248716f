//! Choosing how an account is margined: only the owner, only with the margin of the new mode, only by fresh entries.
use anchor_lang::{error::ErrorCode, prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::{
    error::PlimsollError as E,
    events::MarginModeSet,
    state::{margin_account::account_state, mode},
};
use plimsoll_client::{
    events,
    instructions::{self as ix, Liquidation},
};
use plimsoll_risk::MarginMode;
use plimsoll_tests::{
    attack::swap,
    env::{BTC, ETH, SOL, SOL_PERP, USDC},
    portfolio::model,
    trading::{ask, bid},
    usd, Env, Trader,
};
use solana_signer::Signer;

/// The oracle's price of a lot of the first market, in price lots.
const SPOT: u64 = 15_000;
const ONE_SOL: u64 = 1_000_000_000;

async fn listed() -> Env {
    let mut env = Env::new().await;
    env.list_model().await;
    env
}

fn choose(env: &Env, trader: &Trader, mode: MarginMode) -> Instruction {
    ix::set_margin_mode(&env.exchange, trader.pubkey(), trader.margin, mode)
}

async fn mode_of(env: &Env, trader: &Trader) -> MarginMode {
    MarginMode::from_byte(env.margin(trader.margin).await.margin_mode)
}

/// Requires that a trader's switch is refused and changes nothing.
async fn refuse(env: &mut Env, trader: &Trader, mode: MarginMode, expected: E) {
    let choose = choose(env, trader, mode);
    env.refuse(&[choose], &[&trader.key], expected).await;
}

/// Trades `lots` of the first market at the oracle's price: the taker sells to the maker.
async fn sell(env: &mut Env, taker: &Trader, maker: &Trader, lots: i64) {
    env.place(maker, bid(SPOT, lots), &[]).await;
    let sold = env.place(taker, ask(SPOT, lots), &[maker]).await;
    assert_eq!(sold.filled, lots);
}

#[tokio::test]
async fn the_owner_chooses_and_may_choose_again() {
    let mut env = listed().await;
    let trader = env.trader_with(&[(SOL, 100 * ONE_SOL)]).await;
    assert_eq!(mode_of(&env, &trader).await, MarginMode::Standard);
    for mode in [
        MarginMode::Standard,
        MarginMode::Portfolio,
        MarginMode::Portfolio,
        MarginMode::Standard,
    ] {
        let outcome = env.set_margin_mode(&trader, mode).await;
        assert_eq!(mode_of(&env, &trader).await, mode);
        let told: Vec<MarginModeSet> = events::of_kind(&outcome.logs);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].margin_account, trader.margin);
        assert_eq!(told[0].mode, mode as u8);
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn only_the_owner_chooses() {
    let mut env = listed().await;
    let trader = env.trader_with(&[(SOL, 100 * ONE_SOL)]).await;
    let delegate = env.trader().await;
    let (authority, guardian) = (env.authority(), env.guardian());
    let terms = env.anything(1_000).await;
    env.delegate(&trader, &delegate.key, terms).await;
    let own = choose(&env, &trader, MarginMode::Portfolio);
    for thief in [&delegate.key, &authority, &guardian] {
        let stolen = swap(&own, trader.pubkey(), thief.pubkey());
        env.refuse(&[stolen], &[thief], E::NotOwner).await;
    }
    let mut unsigned = own.clone();
    unsigned.accounts[0].is_signer = false;
    env.refuse_with(&[unsigned], &[], ErrorCode::AccountNotSigner.into())
        .await;
    assert_eq!(mode_of(&env, &trader).await, MarginMode::Standard);
    env.assert_conserved().await;
}

#[tokio::test]
async fn accounts_must_belong_together() {
    let mut env = listed().await;
    let trader = env.trader_with(&[(SOL, 100 * ONE_SOL)]).await;
    let own = choose(&env, &trader, MarginMode::Portfolio);
    let signers = [&trader.key];
    let other = env.other_exchange().await;
    let state = env.exchange.risk_state;
    let theirs = swap(&own, state, other.exchange.risk_state);
    env.refuse(&[theirs], &signers, E::WrongExchange).await;
    // The same account twice, one of another kind, one that somebody wrote.
    let mismatch = u32::from(ErrorCode::AccountDiscriminatorMismatch);
    for bent in [
        swap(&own, state, trader.margin),
        swap(&own, trader.margin, state),
        swap(&own, state, env.exchange.address),
    ] {
        env.refuse_with(&[bent], &signers, mismatch).await;
    }
    let forged = Pubkey::new_unique();
    let data = env.find_account(state).await.unwrap().data;
    env.write_account(forged, trader.pubkey(), data);
    let bent = swap(&own, state, forged);
    let foreign = ErrorCode::AccountOwnedByWrongProgram.into();
    env.refuse_with(&[bent], &signers, foreign).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn there_is_no_portfolio_margin_without_a_model() {
    let mut env = Env::new().await;
    let trader = env.trader_with(&[(SOL, 100 * ONE_SOL)]).await;
    refuse(
        &mut env,
        &trader,
        MarginMode::Portfolio,
        E::NoPortfolioModel,
    )
    .await;
    env.set_margin_mode(&trader, MarginMode::Standard).await;
    for byte in [2, 3, u8::MAX] {
        let mut unknown = choose(&env, &trader, MarginMode::Standard);
        *unknown.data.last_mut().unwrap() = byte;
        env.refuse(&[unknown], &[&trader.key], E::InvalidParameter)
            .await;
    }
    // A model that covers nothing yet margins everything as in Standard, but for the peg of the quote asset.
    env.edit_model(model()).await;
    let before = env.health(&trader).await;
    env.set_margin_mode(&trader, MarginMode::Portfolio).await;
    let after = env.health(&trader).await;
    assert_eq!(
        (before.init, before.maintenance),
        (after.init, after.maintenance)
    );
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_paused_exchange_keeps_accounts_as_they_are() {
    let mut env = listed().await;
    let trader = env.trader_with(&[(SOL, 100 * ONE_SOL)]).await;
    env.set_exchange_mode(mode::PAUSED).await;
    for mode in [MarginMode::Portfolio, MarginMode::Standard] {
        refuse(&mut env, &trader, mode, E::ExchangeGated).await;
    }
    env.set_exchange_mode(mode::REDUCE_ONLY).await;
    env.set_margin_mode(&trader, MarginMode::Portfolio).await;
    env.assert_conserved().await;
}

/// What standard margin carries may be too much for the portfolio: ten times leverage in SOL.
#[tokio::test]
async fn an_account_below_init_in_portfolio_margin_stays_in_standard() {
    let mut env = listed().await;
    let maker = env.trader_with(&[(USDC, usd(100_000))]).await;
    let trader = env.trader_with(&[(USDC, usd(1_700))]).await;
    sell(&mut env, &trader, &maker, 10_000).await;
    refuse(
        &mut env,
        &trader,
        MarginMode::Portfolio,
        E::InsufficientHealth,
    )
    .await;
    env.deposit(&trader, USDC, usd(5_000)).await.unwrap();
    env.set_margin_mode(&trader, MarginMode::Portfolio).await;
    env.assert_conserved().await;
}

/// What the portfolio carries is too much for standard margin: a hedge borrowed against.
#[tokio::test]
async fn an_account_below_init_in_standard_margin_stays_in_portfolio() {
    let mut env = listed().await;
    let maker = env.trader_with(&[(USDC, usd(100_000))]).await;
    let trader = env.portfolio_trader(&[(SOL, 100 * ONE_SOL)]).await;
    sell(&mut env, &trader, &maker, 10_000).await;
    env.borrow(&trader, USDC, usd(13_500)).await.unwrap();
    refuse(
        &mut env,
        &trader,
        MarginMode::Standard,
        E::InsufficientHealth,
    )
    .await;
    // Repaid, it has margin to spare in either.
    env.deposit(&trader, USDC, usd(13_600)).await.unwrap();
    env.set_margin_mode(&trader, MarginMode::Standard).await;
    env.assert_conserved().await;
}

/// A debt and a position are blocked when stale; a stale deposit counts nothing.
#[tokio::test]
async fn the_new_margin_is_measured_by_fresh_entries() {
    let mut env = listed().await;
    let maker = env
        .trader_with(&[(USDC, usd(100_000)), (ETH, 1_000_000_000)])
        .await;
    let borrower = env.trader_with(&[(USDC, usd(50_000))]).await;
    env.borrow(&borrower, ETH, 100_000_000).await.unwrap();
    let short = env.trader_with(&[(USDC, usd(50_000))]).await;
    sell(&mut env, &short, &maker, 1_000).await;
    let holder = env
        .trader_with(&[(BTC, 10_000_000), (USDC, usd(1_000))])
        .await;
    env.borrow(&holder, USDC, usd(3_000)).await.unwrap();

    let [age, ..] = env.entry(SOL).await.price.max_age_secs;
    env.advance(i64::from(age) + 1).await;
    env.refresh_only(&[USDC]).await;
    for (trader, expected) in [
        (&borrower, E::StaleEntry),
        (&short, E::StaleEntry),
        (&holder, E::InsufficientHealth),
    ] {
        refuse(&mut env, trader, MarginMode::Portfolio, expected).await;
    }
    // Refreshed in the same transaction, as a client does.
    for (trader, entry) in [
        (&borrower, env.asset_entry(ETH)),
        (&short, env.market_entry(SOL_PERP)),
        (&holder, env.asset_entry(BTC)),
    ] {
        for asset in [SOL, BTC, ETH] {
            let usd = env.assets[asset].usd;
            env.set_price(asset, usd).await;
        }
        let refresh = ix::refresh(&env.exchange, &entry);
        let choose = choose(&env, trader, MarginMode::Portfolio);
        env.run(&[refresh, choose], &[&trader.key]).await;
    }
    env.assert_conserved().await;
}

/// An account that was caught below its line does not get away by another measure.
#[tokio::test]
async fn an_account_in_liquidation_stays_in_its_mode() {
    let mut env = listed().await;
    let maker = env.trader_with(&[(USDC, usd(100_000))]).await;
    let liquidator = env.trader_with(&[(USDC, usd(100_000))]).await;
    let trader = env
        .portfolio_trader(&[(USDC, usd(5_000)), (ETH, 1_000_000)])
        .await;
    sell(&mut env, &trader, &maker, 10_000).await;
    env.advance(1).await;
    env.move_price(SOL, 190.0).await;
    let (by, account) = (&liquidator, &trader);
    let nothing = Liquidation::default();
    let flag = ix::liquidate(
        &env.exchange,
        by.pubkey(),
        by.margin,
        account.margin,
        &nothing,
    );
    env.run(&[flag], &[&by.key]).await;
    assert_eq!(
        env.margin(trader.margin).await.state,
        account_state::LIQUIDATING
    );
    env.deposit(&trader, USDC, usd(50_000)).await.unwrap();
    assert!(env.health(&trader).await.init > 0);
    for mode in [MarginMode::Standard, MarginMode::Portfolio] {
        refuse(&mut env, &trader, mode, E::AccountGated).await;
    }
    // An order that leaves enough margin ends the liquidation, and with it the gate.
    env.place(&trader, ask(20_000, 1), &[]).await;
    env.set_margin_mode(&trader, MarginMode::Standard).await;
    env.assert_conserved().await;
}
