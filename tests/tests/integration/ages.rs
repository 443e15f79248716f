//! How old a price may be for which act, to the second: a minute for trades, twenty seconds for what pays, ten for what seizes.
use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions::{self as ix, BadDebt, Liquidation};
use plimsoll_risk::MarginMode;
use plimsoll_tests::{
    env::{BTC, ETH, SOL, SOL_PERP, USDC},
    scenarios::{
        all_but, flag, insure, liquidate, liquidate_ix, long, resolve_ix, rich, shock, swap, take,
        Leg, ALL, BTC_1, ETH_1, SOL_1,
    },
    trading::{ask, bid},
    usd, Env, Trader,
};

const TRADE: i64 = 60;
const PAY: i64 = 20;
const SEIZE: i64 = 10;

/// The price of one asset is so old, every other one is of now.
async fn age(env: &mut Env, asset: usize, secs: i64) {
    env.refresh_only(&[asset]).await;
    env.advance(secs).await;
    let others = all_but(env, &[asset]);
    env.refresh_only(&others).await;
}

async fn lent() -> (Env, Trader) {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let lender = rich(&mut env).await;
    (env, lender)
}

#[tokio::test]
async fn a_trade_takes_new_risk_at_a_minute() {
    let (mut env, maker) = lent().await;
    let trader = env.trader_with(&[(USDC, usd(10_000))]).await;
    env.place(&maker, ask(15_000, 1_000), &[]).await;
    age(&mut env, SOL, TRADE).await;
    env.place(&trader, bid(15_000, 10), &[&maker]).await;
    env.place(&trader, bid(14_900, 10), &[]).await;
    env.advance(1).await;
    env.refresh_only(&[USDC]).await;
    for order in [bid(15_000, 10), bid(14_900, 10), ask(15_100, 1)] {
        env.refuse_order(&trader, order, &[&maker], E::StaleEntry)
            .await;
    }
    // Neither its own deposit's age, nor that of what it does not hold.
    env.refresh_only(&[SOL]).await;
    age(&mut env, BTC, TRADE + 1).await;
    env.place(&trader, bid(14_900, 10), &[]).await;
    age(&mut env, USDC, TRADE).await;
    env.place(&trader, bid(14_900, 10), &[]).await;
    env.advance(1).await;
    env.refresh_only(&[SOL]).await;
    let poor = E::InsufficientHealth;
    env.refuse_order(&trader, bid(14_900, 10), &[], poor).await;
    env.assert_conserved().await;
}

/// Of a debt, of a position, and of the deposit that carries them.
#[tokio::test]
async fn a_withdrawal_is_paid_at_twenty_seconds() {
    let (mut env, maker) = lent().await;
    let debtor = env.trader_with(&[(USDC, usd(10_000))]).await;
    env.borrow(&debtor, ETH, ETH_1 / 10).await.unwrap();
    let long = env.trader_with(&[(USDC, usd(10_000))]).await;
    env.place(&maker, ask(15_000, 100), &[]).await;
    env.place(&long, bid(15_000, 100), &[&maker]).await;
    let holder = env.trader_with(&[(BTC, BTC_1 / 10), (USDC, 10)]).await;
    env.borrow(&holder, ETH, ETH_1 / 10).await.unwrap();
    for (trader, asset, paid, error) in [
        (&debtor, ETH, USDC, E::StaleEntry),
        (&long, SOL, USDC, E::StaleEntry),
        (&holder, BTC, USDC, E::InsufficientHealth),
    ] {
        age(&mut env, asset, PAY).await;
        let out = env.withdraw_ix(trader, paid, 1, false);
        env.run(std::slice::from_ref(&out), &[&trader.key]).await;
        env.advance(1).await;
        let others = all_but(&env, &[asset]);
        env.refresh_only(&others).await;
        env.refuse(&[out], &[&trader.key], error).await;
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_loan_is_given_at_twenty_seconds() {
    let (mut env, _lender) = lent().await;
    let trader = env.trader_with(&[(BTC, BTC_1 / 10)]).await;
    for (asset, error) in [(ETH, E::StaleEntry), (BTC, E::InsufficientHealth)] {
        age(&mut env, asset, PAY).await;
        env.borrow(&trader, ETH, 1_000).await.unwrap();
        env.advance(1).await;
        let others = all_but(&env, &[asset]);
        env.refresh_only(&others).await;
        let more = env.withdraw_ix(&trader, ETH, 1_000, true);
        env.refuse(&[more], &[&trader.key], error).await;
    }
    env.assert_conserved().await;
}

/// What leaves by a transfer, and what arrives beyond a repayment, which is a deposit.
#[tokio::test]
async fn a_transfer_pays_at_twenty_seconds_and_deposits_at_a_minute() {
    let (mut env, _lender) = lent().await;
    let trader = env
        .trader_with(&[(USDC, usd(10_000)), (BTC, BTC_1 / 10)])
        .await;
    env.borrow(&trader, ETH, ETH_1 / 10).await.unwrap();
    let second = env.open_margin_account(&trader.key, 1).await;
    let (exchange, owner) = (env.exchange, trader.pubkey());
    let moved = |env: &Env, from, to, asset: usize, borrow| {
        let asset = env.assets[asset].asset;
        ix::transfer(&exchange, owner, from, to, &asset, 1_000, borrow)
    };
    let out = moved(&env, trader.margin, second, USDC, false);
    let lent = moved(&env, trader.margin, second, ETH, true);
    age(&mut env, ETH, PAY).await;
    env.run(&[out.clone(), lent.clone()], &[&trader.key]).await;
    env.advance(1).await;
    let others = all_but(&env, &[ETH]);
    env.refresh_only(&others).await;
    for late in [out, lent] {
        env.refuse(&[late], &[&trader.key], E::StaleEntry).await;
    }

    // An account without debts sends whatever it has; what it arrives at is a deposit.
    env.refresh_all().await;
    let free = env.trader_with(&[(BTC, BTC_1)]).await;
    let other = env.open_margin_account(&free.key, 1).await;
    let asset = env.assets[BTC].asset;
    let (owner, from) = (free.pubkey(), free.margin);
    let aside = ix::transfer(&exchange, owner, from, other, &asset, 1_000, false);
    age(&mut env, BTC, TRADE).await;
    env.run(std::slice::from_ref(&aside), &[&free.key]).await;
    env.advance(1).await;
    env.refuse(&[aside], &[&free.key], E::DepositInDoubt).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_deposit_counts_on_a_price_of_a_minute_and_a_repayment_on_none() {
    let (mut env, _lender) = lent().await;
    let trader = env.trader_with(&[(USDC, usd(10_000))]).await;
    env.borrow(&trader, ETH, ETH_1).await.unwrap();
    let owed = env.balance(trader.margin, ETH).await.unsigned_abs();
    for asset in [ETH, BTC] {
        age(&mut env, asset, TRADE).await;
        let deposit = env.deposit_ix(&trader, BTC, 1_000);
        env.run(&[deposit], &[&trader.key]).await;
    }
    age(&mut env, BTC, TRADE + 1).await;
    let deposit = env.deposit_ix(&trader, BTC, 1_000);
    env.refuse(&[deposit], &[&trader.key], E::DepositInDoubt)
        .await;
    age(&mut env, ETH, 10_000).await;
    env.deposit(&trader, ETH, owed / 2).await.unwrap();
    let owed = env.balance(trader.margin, ETH).await.unsigned_abs();
    let beyond = env.deposit_ix(&trader, ETH, owed + 1_000);
    env.refuse(&[beyond], &[&trader.key], E::DepositInDoubt)
        .await;
    env.deposit(&trader, ETH, owed).await.unwrap();
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_profit_is_paid_at_twenty_seconds() {
    let (mut env, maker) = lent().await;
    let long = env.trader_with(&[(USDC, usd(10_000))]).await;
    env.place(&maker, ask(15_000, 1_000), &[]).await;
    env.place(&long, bid(15_000, 1_000), &[&maker]).await;
    // The stable price follows within the quarter of an hour.
    for _ in 0..15 {
        shock(&mut env, SOL, 151.0).await;
    }
    env.settle_pnl(&maker).await;
    let settle = env.settle_pnl_ix(&long);
    age(&mut env, SOL, PAY + 1).await;
    env.refuse(std::slice::from_ref(&settle), &[], E::StaleEntry)
        .await;
    age(&mut env, SOL, PAY).await;
    let before = env.balance(long.margin, USDC).await;
    env.run(&[settle], &[]).await;
    assert!(env.balance(long.margin, USDC).await > before + usd(5).cast_signed());
    env.assert_conserved().await;
}

/// Insurance buys a debt in an asset, by the prices of that and of quote.
#[tokio::test]
async fn insurance_buys_at_twenty_seconds() {
    for asset in [SOL, USDC] {
        let (mut env, by) = lent().await;
        let account = env.trader_with(&[(USDC, usd(1_000))]).await;
        env.borrow(&account, SOL, 5 * SOL_1).await.unwrap();
        shock(&mut env, SOL, 200.0).await;
        shock(&mut env, SOL, 250.0).await;
        let what = swap(&env, Leg::Asset(USDC), Leg::Asset(SOL), ALL);
        liquidate(&mut env, &by, &account, &what).await;
        insure(&mut env, &by, usd(1_000)).await;
        let debt = BadDebt::Asset {
            bank: env.assets[SOL].asset.bank,
            resolver_account: Some(by.margin),
            max_repay: SOL_1 / 10,
        };
        let resolve = resolve_ix(&env, &by, &account, &debt);
        age(&mut env, asset, PAY + 1).await;
        env.refuse(std::slice::from_ref(&resolve), &[&by.key], E::StaleEntry)
            .await;
        age(&mut env, asset, PAY).await;
        env.run(&[resolve], &[&by.key]).await;
        env.assert_conserved().await;
    }
}

#[tokio::test]
async fn a_mode_of_margin_is_chosen_at_a_minute() {
    let (mut env, _lender) = lent().await;
    env.list_model().await;
    let trader = env.trader_with(&[(USDC, usd(10_000))]).await;
    env.borrow(&trader, ETH, ETH_1 / 10).await.unwrap();
    age(&mut env, ETH, TRADE).await;
    for mode in [MarginMode::Portfolio, MarginMode::Standard] {
        env.set_margin_mode(&trader, mode).await;
    }
    env.advance(1).await;
    env.refresh_only(&[USDC]).await;
    for mode in [MarginMode::Portfolio, MarginMode::Standard] {
        let set = ix::set_margin_mode(&env.exchange, trader.pubkey(), trader.margin, mode);
        env.refuse(&[set], &[&trader.key], E::StaleEntry).await;
    }
    env.assert_conserved().await;
}

/// An account is flagged, and what it has is taken, by prices of ten seconds at most.
#[tokio::test]
async fn a_liquidation_seizes_at_ten_seconds() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    let nothing = Liquidation::default();
    let flagging = liquidate_ix(&t.env, &t.liquidator, &t.account, &nothing);
    age(&mut t.env, SOL, SEIZE + 1).await;
    t.env
        .refuse(
            std::slice::from_ref(&flagging),
            &[&t.liquidator.key],
            E::NotLiquidatable,
        )
        .await;
    age(&mut t.env, SOL, SEIZE).await;
    t.env.run(&[flagging], &[&t.liquidator.key]).await;
    let slice = take(&t.env, SOL_PERP, 10);
    t.env.advance(1).await;
    age(&mut t.env, SOL, SEIZE).await;
    liquidate(&mut t.env, &t.liquidator, &t.account, &slice).await;
    assert_eq!(t.env.perp(&t.account).await.position.0, 9_990);
    // Older, it counts in the account's favour, and nothing is taken.
    age(&mut t.env, SOL, SEIZE + 1).await;
    liquidate(&mut t.env, &t.liquidator, &t.account, &slice).await;
    assert_eq!(t.env.perp(&t.account).await.position.0, 9_990);
    t.env.assert_conserved().await;
}

/// The same of a deposit and of a debt.
#[tokio::test]
async fn a_swap_seizes_at_ten_seconds() {
    let (mut env, by) = lent().await;
    let account = env.trader_with(&[(SOL, 10 * SOL_1), (USDC, usd(10))]).await;
    env.borrow(&account, ETH, ETH_1 * 34 / 100).await.unwrap();
    shock(&mut env, SOL, 80.0).await;
    flag(&mut env, &by, &account).await;
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(ETH), ETH_1 / 1_000);
    for asset in [SOL, ETH] {
        env.advance(1).await;
        age(&mut env, asset, SEIZE).await;
        let held = env.balance(account.margin, SOL).await;
        liquidate(&mut env, &by, &account, &what).await;
        assert!(env.balance(account.margin, SOL).await < held);
        let held = env.balance(account.margin, SOL).await;
        age(&mut env, asset, SEIZE + 1).await;
        let late = liquidate_ix(&env, &by, &account, &what);
        match env.send(&[late], &[&by.key]).await {
            // By its benefit the account is above its line, or else the price is refused by name.
            Ok(_) => assert_eq!(env.balance(account.margin, SOL).await, held),
            Err(error) => plimsoll_tests::refusal::assert_refused(Err(error), E::StaleEntry),
        }
    }
    env.assert_conserved().await;
}
