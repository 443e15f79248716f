//! Who may trade for an account, and with which accounts.
use anchor_lang::{
    prelude::Pubkey,
    solana_program::instruction::{AccountMeta, Instruction},
};
use plimsoll::{error::PlimsollError, orders::terms::OrderRef};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    attack::swap,
    env::{BTC_PERP, SOL_PERP, USDC},
    trading::{ask, bid},
    usd, Trader,
};

use super::{desk, SPOT};

/// Anchor: the account is of another program, another kind.
const WRONG_OWNER: u32 = 3_007;
const WRONG_KIND: u32 = 3_002;

#[tokio::test]
async fn nobody_signs_for_an_owner_who_does_not() {
    let (mut env, maker, _) = desk().await;
    let own = env.order_ix(&maker, bid(SPOT, 1), &[]);
    for signer in [Pubkey::default(), maker.pubkey()] {
        let mut unsigned = swap(&own, maker.pubkey(), signer);
        unsigned.accounts[0].is_signer = false;
        env.refuse_with(&[unsigned], &[], 3_010).await;
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn market_book_and_queue_must_belong_together() {
    let (mut env, maker, _) = desk().await;
    let order = env.order_ix(&maker, bid(SPOT, 1), &[]);
    let [sol, btc] = [SOL_PERP, BTC_PERP].map(|m| env.markets[m].market);
    let wrong = PlimsollError::WrongMarketAccount;
    let keys = [&maker.key];
    for bent in [
        swap(&order, sol.address, btc.address),
        swap(&order, sol.book, btc.book),
        swap(&order, sol.fill_queue, btc.fill_queue),
    ] {
        env.refuse(&[bent], &keys, wrong).await;
    }
    for bent in [
        swap(&order, sol.book, sol.fill_queue),
        swap(&order, sol.fill_queue, sol.address),
        swap(&order, maker.margin, sol.address),
        swap(&order, env.exchange.risk_state, env.exchange.address),
    ] {
        // Of another kind, or shorter than the kind asked for.
        let error = env.fail(&[bent], &keys).await;
        assert!(
            [Some(WRONG_KIND), None].contains(&error.code()),
            "{error:?}"
        );
    }
    let token = maker.tokens[USDC];
    let foreign = swap(&order, maker.margin, token);
    env.refuse_with(&[foreign], &keys, WRONG_OWNER).await;

    // Settling fills takes the same pair.
    let settle = env.settle_fills_ix(&[&maker]);
    for bent in [
        swap(&settle, sol.address, btc.address),
        swap(&settle, sol.fill_queue, btc.fill_queue),
    ] {
        env.refuse(&[bent], &[], wrong).await;
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn nothing_of_another_exchange_is_accepted() {
    let (mut env, maker, taker) = desk().await;
    let other = env.other_exchange().await;
    let create = ix::create_margin_account(&other.exchange, maker.pubkey(), maker.pubkey(), 0);
    env.run(&[create], &[&maker.key]).await;
    let abroad = Trader {
        key: maker.key.insecure_clone(),
        margin: other.exchange.margin_account(&maker.pubkey(), 0),
        tokens: Vec::new(),
    };
    env.place(&maker, ask(SPOT, 5), &[]).await;
    let wrong = PlimsollError::WrongExchange;
    let keys = [&maker.key];
    let order = env.order_ix(&maker, bid(SPOT - 1, 1), &[]);
    let (own, foreign) = (env.exchange.risk_state, other.exchange.risk_state);
    env.refuse(&[swap(&order, own, foreign)], &keys, wrong)
        .await;
    env.refuse_order(&abroad, bid(SPOT - 1, 1), &[], wrong)
        .await;
    let both = swap(&env.order_ix(&abroad, bid(SPOT, 1), &[]), own, foreign);
    env.refuse(&[both], &keys, wrong).await;
    env.refuse_order(&taker, bid(SPOT, 1), &[&abroad], wrong)
        .await;
    let settle = env.settle_fills_ix(&[&abroad]);
    env.refuse(&[settle], &[], wrong).await;
    let cancel = env.cancel_ix(&abroad, OrderRef::ClientId(0));
    env.refuse(&[cancel], &keys, wrong).await;
    let all = [env.markets[SOL_PERP].market];
    let cancel = ix::cancel_orders(maker.pubkey(), abroad.margin, &all, None, 9);
    env.refuse(&[cancel], &keys, wrong).await;
    for settle in [
        env.settle_pnl_ix(&abroad),
        swap(&env.settle_pnl_ix(&maker), own, foreign),
        swap(
            &env.settle_pnl_ix(&maker),
            env.assets[USDC].asset.bank,
            other.quote.bank,
        ),
    ] {
        env.refuse(&[settle], &[], wrong).await;
    }
    for ask in [
        ix::account_health(&other.exchange, maker.margin),
        ix::account_risk(&other.exchange, maker.margin),
    ] {
        env.refuse(&[ask], &[], wrong).await;
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn makers_are_each_given_once_and_are_margin_accounts() {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT, 5), &[]).await;
    let twice = PlimsollError::DuplicateAccount;
    let terms = bid(SPOT, 1);
    env.refuse_order(&taker, terms, &[&maker, &maker], twice)
        .await;
    env.refuse_order(&taker, terms, &[&taker], twice).await;
    env.refuse_order(&taker, terms, &[&maker, &taker], twice)
        .await;
    let with = |meta: AccountMeta| -> Instruction {
        let mut order = env.order_ix(&taker, terms, &[&maker]);
        order.accounts.push(meta);
        order
    };
    let keys = [&taker.key];
    let token = with(AccountMeta::new(maker.tokens[USDC], false));
    let bank = with(AccountMeta::new(env.assets[USDC].asset.bank, false));
    let missing = with(AccountMeta::new(Pubkey::new_unique(), false));
    let mut read_only = env.order_ix(&taker, terms, &[&maker]);
    read_only.accounts.last_mut().unwrap().is_writable = false;
    env.refuse_with(&[token], &keys, WRONG_OWNER).await;
    env.refuse_with(&[bank], &keys, WRONG_KIND).await;
    env.fail(&[missing], &keys).await;
    env.fail(&[read_only], &keys).await;

    // A maker who has nothing in this market is no hindrance.
    let idle = env.trader_with(&[(USDC, usd(10))]).await;
    let taken = env.place(&taker, terms, &[&idle, &maker]).await;
    assert_eq!(taken.filled, 1);
    assert!(env.perp(&idle).await.is_free());
    env.assert_conserved().await;
}

#[tokio::test]
async fn settling_fills_twice_for_one_account_settles_them_once() {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT, 5), &[]).await;
    env.place(&taker, bid(SPOT, 5), &[]).await;
    env.settle_fills(&[&maker, &maker, &taker]).await;
    assert_eq!(env.perp(&maker).await.position.0, -5);
    // Nothing to settle is no error.
    env.settle_fills(&[&maker]).await;
    env.settle_fills(&[]).await;
    assert_eq!(env.perp(&maker).await.position.0, -5);
    env.assert_conserved().await;
}
