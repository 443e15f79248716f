//! Auctions of what is in doubt, held for oneself: the discount is the account's to give, never insurance's.
use plimsoll::{error::PlimsollError as E, liquidation::DOUBT_PATIENCE_SECS};
use plimsoll_client::instructions::BadDebt;
use plimsoll_risk::MarginMode;
use plimsoll_tests::{
    env::{BTC, ETH, JUP, SOL, SOL_PERP, USDC},
    scenarios::*,
    trading::{ask, bid},
    usd, Env, Trader,
};

/// Minutes after a feed died: its auction begins after an hour, and is at the floor after two.
const MINUTES: [i64; 4] = [62, 80, 110, 130];

/// Lets a feed die, and flags the account so early that what is in doubt may change hands at that minute.
async fn die(env: &mut Env, by: &Trader, account: &Trader, dead: usize, minutes: i64) {
    let alive = all_but(env, &[dead]);
    let secs = minutes * 60 - DOUBT_PATIENCE_SECS as i64;
    pass(env, secs, &alive).await;
    flag_at(env, by, account, &alive).await;
    pass(env, DOUBT_PATIENCE_SECS as i64, &alive).await;
}

/// A short on a dead feed, taken over by its owner's other account at the price of the auction; what that costs the first
/// account more than it has would be insurance's.
#[tokio::test]
async fn one_s_own_short_is_no_put_on_the_insurance() {
    for mode in [MarginMode::Standard, MarginMode::Portfolio] {
        for (at, minutes) in MINUTES.into_iter().enumerate() {
            let mut env = Env::new().await;
            env.list_model().await;
            env.refresh_all().await;
            let (first, second) = (env.trader().await, env.trader().await);
            let other = rich(&mut env).await;
            insure(&mut env, &other, usd(50_000)).await;
            let books = Books::open(&mut env, &[&first, &second]).await;
            env.deposit(&first, USDC, usd(5_500)).await.unwrap();
            env.deposit(&second, USDC, usd(50_000)).await.unwrap();
            env.set_margin_mode(&first, mode).await;
            // The other makes: a rebate would be a gain.
            let price = price_lots(&env, SOL_PERP, 150.0).await;
            env.place_in(SOL_PERP, &other, bid(price, 10_000), &[])
                .await;
            env.place_in(SOL_PERP, &first, ask(price, 10_000), &[&other])
                .await;
            die(&mut env, &second, &first, SOL, minutes).await;
            // At once, and bit by bit.
            for lots in [ALL, 1_000][at % 2..].iter().cycle().take(20) {
                let slice = take(&env, SOL_PERP, *lots);
                let call = liquidate_ix(&env, &second, &first, &slice);
                if env.send(&[call], &[&second.key]).await.is_err() {
                    break;
                }
            }
            let left = env.perp(&first).await;
            assert!(
                left.position.0 > -10_000,
                "{mode:?} after {minutes} minutes"
            );
            let resolve = resolve_loss_ix(&env, &second, &first, SOL_PERP);
            let resolved = env.send(&[resolve], &[&second.key]).await;
            assert!(resolved.is_err(), "{mode:?} after {minutes} minutes");
            let gain = books.gain(&mut env, &[&first, &second]).await;
            assert!(gain <= 0, "{mode:?} after {minutes} minutes: {gain}");
            env.assert_conserved().await;
        }
    }
}

/// The same with a deposit on a dead feed that secures a loan: what it is sold for leaves the loan without cover.
#[tokio::test]
async fn one_s_own_collateral_is_sold_for_no_less_than_its_loan() {
    for mode in [MarginMode::Standard, MarginMode::Portfolio] {
        for minutes in MINUTES {
            let mut env = Env::new().await;
            env.list_model().await;
            env.refresh_all().await;
            let (first, second) = (env.trader().await, env.trader().await);
            let other = rich(&mut env).await;
            insure(&mut env, &other, usd(5_000)).await;
            let books = Books::open(&mut env, &[&first, &second]).await;
            env.deposit(&first, SOL, 10 * SOL_1).await.unwrap();
            env.deposit(&second, USDC, usd(50_000)).await.unwrap();
            env.set_margin_mode(&first, mode).await;
            env.borrow(&first, USDC, usd(1_100)).await.unwrap();
            die(&mut env, &second, &first, SOL, minutes).await;
            let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
            for _ in 0..8 {
                let call = liquidate_ix(&env, &second, &first, &what);
                if env.send(&[call], &[&second.key]).await.is_err() {
                    break;
                }
            }
            assert!(env.balance(first.margin, SOL).await < 10 * SOL_1 as i64);
            let debt = BadDebt::Asset {
                bank: env.assets[USDC].asset.bank,
                resolver_account: None,
                max_repay: 0,
            };
            let resolve = resolve_ix(&env, &second, &first, &debt);
            let resolved = env.send(&[resolve], &[&second.key]).await;
            assert!(resolved.is_err(), "{mode:?} after {minutes} minutes");
            let gain = books.gain(&mut env, &[&first, &second]).await;
            assert!(gain <= 0, "{mode:?} after {minutes} minutes: {gain}");
            env.assert_conserved().await;
        }
    }
}

/// An account that owes more than it has at last prices: it goes at the last price, to whoever wants it for that.
#[tokio::test]
async fn what_is_insolvent_is_auctioned_at_the_last_price() {
    let mut t = long().await;
    let alive = all_but(&t.env, &[SOL]);
    for dollars in [140.0, 129.0] {
        shock(&mut t.env, SOL, dollars).await;
    }
    let equity_then = equity(&mut t.env, &t.account).await;
    assert!(equity_then < 0, "{equity_then}");
    pass(&mut t.env, 130 * 60, &alive).await;
    flag_at(&mut t.env, &t.liquidator, &t.account, &alive).await;
    pass(&mut t.env, DOUBT_PATIENCE_SECS as i64, &alive).await;
    let slice = take(&t.env, SOL_PERP, 100);
    let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &slice).await;
    let taken = taken(&outcome);
    assert_eq!((taken.notional, taken.fee), (usd(129), 0));
    t.env.assert_conserved().await;
}

/// Two feeds were silent, and one speaks again with a dip: what follows it is not seized at its first price, though the other
/// stays in doubt.
#[tokio::test]
async fn a_feed_that_speaks_again_beside_a_silent_one_is_observed_twice() {
    for confirmed in [false, true] {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let by = rich(&mut env).await;
        let account = env
            .trader_with(&[(SOL, 10 * SOL_1), (JUP, 100_000_000)])
            .await;
        env.borrow(&account, USDC, usd(1_190)).await.unwrap();
        let others = all_but(&env, &[SOL, JUP]);
        pass(&mut env, 40 * 60, &others).await;
        flag_at(&mut env, &by, &account, &others).await;
        let nothing = liquidate_ix(&env, &by, &account, &Default::default());
        if confirmed {
            env.run(std::slice::from_ref(&nothing), &[&by.key]).await;
        }
        let speaking = all_but(&env, &[JUP]);
        env.advance(1).await;
        env.assets[SOL].usd = 120.0;
        env.refresh_only(&speaking).await;
        let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
        refuse(&mut env, &by, &account, &what, E::SameObservation).await;
        env.run(std::slice::from_ref(&nothing), &[&by.key]).await;
        refuse(&mut env, &by, &account, &what, E::SameObservation).await;
        // The dip is over.
        env.advance(1).await;
        env.assets[SOL].usd = 150.0;
        env.refresh_only(&speaking).await;
        liquidate(&mut env, &by, &account, &what).await;
        assert_eq!(env.balance(account.margin, SOL).await, 10 * SOL_1 as i64);
        // Twice below it: then it is seized, though the other feed is still silent.
        for _ in 0..2 {
            env.advance(1).await;
            env.assets[SOL].usd = 120.0;
            env.refresh_only(&speaking).await;
            env.run(std::slice::from_ref(&nothing), &[&by.key]).await;
        }
        liquidate(&mut env, &by, &account, &what).await;
        assert!(env.balance(account.margin, SOL).await < 10 * SOL_1 as i64);
        env.assert_conserved().await;
    }
}

/// A hedge is worth the same at any price of its feed: taken apart while that is dead, its rest would be insurance's to cover.
#[tokio::test]
async fn a_hedge_on_a_dead_feed_is_not_taken_apart() {
    for (mode, debt) in [
        (MarginMode::Standard, 10_300),
        (MarginMode::Portfolio, 11_500),
    ] {
        for (at, minutes) in MINUTES.into_iter().enumerate() {
            let dollars = [105.0, 195.0][at % 2];
            let mut env = Env::new().await;
            env.list_model().await;
            env.refresh_all().await;
            let (first, second) = (env.trader().await, env.trader().await);
            let other = rich(&mut env).await;
            let _books = Books::open(&mut env, &[&first, &second]).await;
            env.deposit(&first, SOL, 100 * SOL_1).await.unwrap();
            env.deposit(&second, USDC, usd(50_000)).await.unwrap();
            env.set_margin_mode(&first, mode).await;
            trade(&mut env, SOL_PERP, &other, &first, 150.0, 10_000).await;
            env.borrow(&first, USDC, usd(debt)).await.unwrap();
            let before = equity(&mut env, &first).await;
            let alive = all_but(&env, &[SOL]);
            pass(&mut env, minutes * 60 - DOUBT_PATIENCE_SECS as i64, &alive).await;
            let flag = liquidate_ix(&env, &second, &first, &Default::default());
            let flagged = env.send(&[flag], &[&second.key]).await.is_ok();
            assert!(flagged || mode == MarginMode::Portfolio);
            pass(&mut env, DOUBT_PATIENCE_SECS as i64, &alive).await;
            for what in [
                swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL),
                take(&env, SOL_PERP, ALL),
            ] {
                let call = liquidate_ix(&env, &second, &first, &what);
                let result = env.send(&[call], &[&second.key]).await;
                let none = [
                    E::NothingToLiquidate,
                    E::NotLiquidatable,
                    E::SameObservation,
                ];
                super::assert_one_of(result, &none);
            }
            env.advance(1).await;
            env.assets[SOL].usd = dollars;
            env.refresh_all().await;
            let left = equity(&mut env, &first).await;
            let off = (left - before).abs();
            assert!(
                off < usd(10).cast_signed(),
                "{mode:?} {minutes}: {before} -> {left}"
            );
            env.assert_conserved().await;
        }
    }
}

/// An owner whose dust is on three feeds posts one of them at a time, so that there is always one that spoke just now and one
/// that speaks again: each of them is waited for once.
#[tokio::test]
async fn feeds_that_come_and_go_hold_no_liquidation_up() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let dust = [(BTC, 1_000), (ETH, 1_000), (JUP, 1_000_000)];
    let mut held = vec![(SOL, 10 * SOL_1)];
    held.extend(dust);
    let account = env.trader_with(&held).await;
    env.borrow(&account, USDC, usd(1_190)).await.unwrap();
    env.advance(61).await;
    env.assets[SOL].usd = 125.0;
    let nothing = liquidate_ix(&env, &by, &account, &Default::default());
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    let mut secs = 0;
    for turn in 0.. {
        env.refresh_only(&[SOL, USDC, dust[turn % 3].0]).await;
        env.run(std::slice::from_ref(&nothing), &[&by.key]).await;
        let mut seized = false;
        for _ in 0..9 {
            env.advance(1).await;
            secs += 1;
            env.refresh_only(&[SOL, USDC]).await;
            let call = liquidate_ix(&env, &by, &account, &what);
            seized |= env.send(&[call], &[&by.key]).await.is_ok();
        }
        if seized {
            break;
        }
        assert!(secs < 60, "{secs}");
    }
    env.assert_conserved().await;
}
