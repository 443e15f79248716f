//! Previews of deposits, withdrawals and liquidation prices against what the built program does.
use plimsoll::{error::PlimsollError, state::mode};
use plimsoll_client::{
    errors, health,
    preview::{FundsCase, FundsPreview, MaxWithdrawal},
    stress::{crossings, with_prices, Line, Move, Scenario, Stable, Underlying, ONE},
};
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    trading::{ask, bid},
    usd, Env, TestError, Trader, TxOutcome,
};

use super::{desk, reprice, SPOT};

/// Asks about an asset of a trader.
async fn ask_of<T>(
    env: &Env,
    trader: &Trader,
    asset: usize,
    run: impl FnOnce(&FundsCase) -> T,
) -> T {
    let (risk, bank) = (env.risk().await, env.bank(asset).await);
    let account = env.margin(trader.margin).await;
    let clock = env.clock().await;
    let vault = env.tokens(env.assets[asset].asset.vault).await;
    run(&FundsCase {
        risk: &risk,
        bank: &bank,
        vault: Some(vault),
        account_key: trader.margin,
        account: &account,
        signer: trader.pubkey(),
        clock: &clock,
        underlying: None,
    })
}

async fn agree(
    env: &Env,
    trader: &Trader,
    asset: usize,
    preview: &FundsPreview,
    result: Result<TxOutcome, TestError>,
) {
    if let Err(error) = result {
        let refusal = preview.refusal.as_ref();
        let refusal = refusal.unwrap_or_else(|| panic!("not foreseen: {error:?}"));
        assert_eq!(Some(refusal.code), error.code(), "{refusal:?} {error:?}");
        return;
    }
    assert_eq!(preview.refusal, None);
    let held = env.balance(trader.margin, asset).await;
    assert_eq!(preview.balance_after, held);
    let (risk, clock) = (env.risk().await, env.clock().await);
    let account = env.margin(trader.margin).await;
    let after = health::lines(&risk, &account, &clock).unwrap();
    assert_eq!(preview.after.as_ref().expect("told").lines, after);
}

pub async fn check_withdraw(
    env: &mut Env,
    trader: &Trader,
    asset: usize,
    amount: u64,
    borrow: bool,
) -> FundsPreview {
    let preview = ask_of(env, trader, asset, |case| case.withdraw(amount, borrow)).await;
    let preview = preview.unwrap();
    let withdraw = env.withdraw_ix(trader, asset, amount, borrow);
    let result = env.send(&[withdraw], &[&trader.key]).await;
    agree(env, trader, asset, &preview, result).await;
    preview
}

pub async fn check_deposit(
    env: &mut Env,
    trader: &Trader,
    asset: usize,
    amount: u64,
) -> FundsPreview {
    let preview = ask_of(env, trader, asset, |case| case.deposit(amount)).await;
    let preview = preview.unwrap();
    let result = env.deposit(trader, asset, amount).await;
    agree(env, trader, asset, &preview, result).await;
    preview
}

fn code(preview: &FundsPreview) -> Option<u32> {
    preview.refusal.as_ref().map(|refusal| refusal.code)
}

#[tokio::test]
async fn deposits_and_withdrawals_come_to_what_was_foreseen() {
    use PlimsollError as E;
    let (mut env, maker, taker) = desk().await;
    env.deposit(&maker, SOL, 2_000_000_000_000).await.unwrap();
    check_deposit(&mut env, &taker, SOL, 3_000_000_000).await;
    let zero = check_deposit(&mut env, &taker, SOL, 0).await;
    assert_eq!(code(&zero), Some(errors::code(E::ZeroAmount)));
    let loan = check_withdraw(&mut env, &taker, SOL, 10_000_000_000, true).await;
    assert_eq!(loan.borrowed, 7_000_000_000);
    assert!(
        loan.balance_after < -7_000_000_000,
        "the origination fee adds"
    );
    env.advance(3_600).await;
    env.refresh_all().await;
    check_deposit(&mut env, &taker, SOL, 1_000_000_000).await;
    let short = check_withdraw(&mut env, &taker, SOL, 1, false).await;
    assert_eq!(code(&short), Some(errors::code(E::InsufficientBalance)));
    let poor = check_withdraw(&mut env, &taker, USDC, usd(99_500), false).await;
    assert_eq!(code(&poor), Some(errors::code(E::InsufficientHealth)));
    assert!(poor.after.is_some_and(|after| after.lines.init < 0));
    env.set_asset_mode(SOL, mode::REDUCE_ONLY).await;
    let refused = check_withdraw(&mut env, &taker, SOL, 1_000, true).await;
    assert_eq!(code(&refused), Some(errors::code(E::AssetReduceOnly)));
    let repaid = check_deposit(&mut env, &taker, SOL, 1_000_000_000).await;
    assert_eq!(repaid.refusal, None);
    env.set_asset_mode(SOL, mode::ACTIVE).await;
    let lent = check_withdraw(&mut env, &maker, SOL, u64::MAX, false).await;
    assert_eq!(code(&lent), Some(errors::code(E::InsufficientLiquidity)));
    let left = most(&env, &maker, SOL, false).await;
    let all = check_withdraw(&mut env, &maker, SOL, left.amount, false).await;
    assert_eq!(all.refusal, None);
    let whole = check_withdraw(&mut env, &taker, USDC, u64::MAX, false).await;
    assert_eq!(code(&whole), Some(errors::code(E::InsufficientHealth)));
}

pub async fn most(env: &Env, trader: &Trader, asset: usize, borrow: bool) -> MaxWithdrawal {
    ask_of(env, trader, asset, |case| case.max_withdrawal(borrow)).await
}

#[tokio::test]
async fn the_most_is_withdrawn_and_one_unit_more_is_not() {
    let (mut env, maker, taker) = desk().await;
    env.deposit(&maker, SOL, 5_000_000_000_000).await.unwrap();
    env.place(&maker, ask(SPOT, 20_000), &[]).await;
    env.place(&taker, bid(SPOT, 20_000), &[&maker]).await;
    for (asset, borrow) in [(SOL, true), (USDC, false)] {
        let most = most(&env, &taker, asset, borrow).await;
        assert!(most.amount > 1_000_000, "{most:?}");
        let more = check_withdraw(&mut env, &taker, asset, most.amount + 1, borrow).await;
        assert_eq!(more.refusal, most.limit);
        if asset == USDC {
            let taken = check_withdraw(&mut env, &taker, asset, most.amount, borrow).await;
            assert_eq!(taken.refusal, None);
        }
    }
}

#[tokio::test]
async fn an_account_is_liquidatable_beyond_its_liquidation_price_and_not_before() {
    let (mut env, maker, _) = desk().await;
    let trader = env
        .trader_with(&[(USDC, usd(1_000)), (SOL, 10_000_000_000)])
        .await;
    env.place(&maker, ask(SPOT, 5_000), &[]).await;
    env.place(&trader, bid(SPOT, 5_000), &[&maker]).await;
    let sol = Underlying {
        assets: vec![SOL as u16],
        markets: vec![SOL_PERP as u16],
    };
    let (risk, clock) = (env.risk().await, env.clock().await);
    let account = env.margin(trader.margin).await;
    let asked = [Line::Maintenance];
    let found = crossings(&risk, &account, &sol, Stable::Follows, &asked, &clock).unwrap();
    let (below, crossed) = (found[0].below.expect("a long"), found[0].crossed);
    assert!(!crossed && found[0].above.is_none());
    let price = 150.0 * below as f64 / ONE as f64;
    println!("liquidated at {price} USD");
    for (usd, liquidatable) in [(price + 0.01, false), (price - 0.01, true)] {
        // In whole hundredths, as the feed publishes.
        let usd = if liquidatable {
            (usd * 100.0).floor()
        } else {
            (usd * 100.0).ceil()
        } / 100.0;
        reprice(&mut env, usd).await;
        let report = env.health(&trader).await;
        assert_eq!(report.maintenance < 0, liquidatable, "{usd}: {report:?}");
    }
}

#[tokio::test]
async fn a_moved_risk_state_is_what_a_refresh_at_that_price_makes() {
    let (mut env, maker, taker) = desk().await;
    env.deposit(&taker, SOL, 10_000_000_000).await.unwrap();
    env.place(&maker, ask(SPOT, 2_000), &[]).await;
    env.place(&taker, bid(SPOT, 2_000), &[&maker]).await;
    let before = env.risk().await;
    let moved = |factor| Scenario {
        name: String::new(),
        moves: vec![Move {
            of: Underlying {
                assets: vec![SOL as u16],
                markets: vec![SOL_PERP as u16],
            },
            factor,
        }],
        stable: Stable::Stays,
    };
    let clock = env.clock().await;
    let same = with_prices(&before, &moved(ONE), &clock).unwrap();
    assert_eq!(
        same.markets[SOL_PERP].price_low,
        before.markets[SOL_PERP].price_low
    );
    assert_eq!(same.assets[SOL].asset_price, before.assets[SOL].asset_price);
    assert_eq!(
        same.assets[SOL].liability_price,
        before.assets[SOL].liability_price
    );

    let account = env.margin(taker.margin).await;
    let half = with_prices(&before, &moved(ONE / 2), &clock).unwrap();
    let foreseen = health::lines(&half, &account, &clock).unwrap();
    reprice(&mut env, 75.0).await;
    let report = env.health(&taker).await;
    assert!((foreseen.maintenance - report.maintenance).abs() <= 5);
    assert!((foreseen.equity - report.equity).abs() <= 5);
    // The stable price has moved for a second, by next to nothing.
    let off = foreseen.init.abs_diff(report.init);
    assert!(off < usd(1), "{} {}", foreseen.init, report.init);
}
