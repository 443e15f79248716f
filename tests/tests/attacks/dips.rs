//! A dip that is over: the attacker posts the one update in which the price was low.
use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions::{self as ix, Liquidation};
use plimsoll_tests::{
    env::{ETH, SOL, SOL_PERP, USDC},
    oracles::{price_of, Quote},
    scenarios::*,
    usd, Env, Trader,
};

use super::{assert_one_of, falls};

/// What SOL costs, by and large.
const PRICE: f64 = 142.5;

/// An account that is long 100 SOL, and has as much equity at [`PRICE`] as puts it just below its line once that falls so far.
async fn thin(env: &mut Env, by: f64) -> Trader {
    let needed = 100.0 * PRICE * (0.05 + 0.95 * by) - 5.0;
    // It bought at 150, lost 750 USD since and paid its fee.
    let deposit = ((needed + 750.0 + 7.5) * 1e6) as u64;
    let account = env.trader_with(&[(USDC, deposit)]).await;
    let other = rich(env).await;
    trade(env, SOL_PERP, &account, &other, 150.0, 10_000).await;
    shock(env, SOL, PRICE).await;
    account
}

#[tokio::test]
async fn a_dip_that_is_over_liquidates_nobody() {
    for (by, delay) in falls() {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let account = thin(&mut env, by).await;
        let health = env.health(&account).await.maintenance;
        assert!(health > 0, "{health}");
        let attacker = env.trader().await;
        let books = Books::open(&mut env, &[&attacker]).await;
        env.deposit(&attacker, USDC, usd(100_000)).await.unwrap();

        // So long ago the feed said for a moment that the price had fallen; it has been what it was since.
        env.advance(delay + 1).await;
        env.set_price(USDC, 1.0).await;
        let low = PRICE * (1.0 - by);
        let dip = env.post(SOL, low, low * 0.0005, delay).await;
        let now = env.post(SOL, PRICE, 0.07, 0).await;
        let keys = [&attacker.key];
        let refresh = ix::refresh(&env.exchange, &[dip, env.feed_entry(USDC)]);
        let flag = liquidate_ix(&env, &attacker, &account, &Liquidation::default());
        let seize = liquidate_ix(&env, &attacker, &account, &take(&env, SOL_PERP, ALL));
        let outcome = env
            .send(&[refresh.clone(), flag.clone(), seize.clone()], &keys)
            .await;
        assert_one_of(outcome, &[E::SameObservation, E::NotLiquidatable]);
        let flagged = env.send(&[refresh.clone(), flag.clone()], &keys).await;
        assert_eq!(flagged.is_ok(), delay <= 10, "{by} after {delay} s");
        // The same update again, a second later, and with the update of now.
        for secs in [0, 1, 9] {
            env.advance(secs).await;
            let again = env.send(&[refresh.clone(), seize.clone()], &keys).await;
            if let Err(error) = again {
                assert_one_of(Err(error), &[E::SameObservation, E::NotLiquidatable]);
            }
            assert_eq!(env.perp(&account).await.position.0, 10_000);
        }
        let current = ix::refresh(&env.exchange, &[now, env.feed_entry(USDC)]);
        let last = env.send(&[current, seize], &keys).await;
        if let Err(error) = last {
            assert_one_of(Err(error), &[E::SameObservation, E::NotLiquidatable]);
        }
        assert_eq!(env.perp(&account).await.position.0, 10_000);
        let gain = books.gain(&mut env, &[&attacker]).await;
        assert!(gain <= 0, "{by} after {delay} s: {gain}");
        env.assert_conserved().await;
    }
}

/// The same update of a fallback, which counts while the primary is silent.
#[tokio::test]
async fn a_dip_of_a_fallback_that_is_over_liquidates_nobody() {
    for (by, delay) in falls().filter(|(by, _)| *by < 0.05) {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let attacker = env.trader().await;
        let books = Books::open(&mut env, &[&attacker]).await;
        env.deposit(&attacker, USDC, usd(100_000)).await.unwrap();
        rich(&mut env).await;
        let account = env.trader_with(&[(ETH, ETH_1)]).await;
        // Weights of 0.85 and 0.92: it borrows what it may, and is just above its line after a fall.
        env.borrow(&account, USDC, usd(2_540)).await.unwrap();
        let line = 2_541.27 / 0.92;
        let fallback = env.assets[ETH].fallback.unwrap();
        // The primary falls silent; the fallback says what it says.
        let high = line * (1.0 + by) - 0.5;
        pass(&mut env, 60, &[USDC, SOL]).await;
        env.assets[ETH].usd = high;
        env.refresh_only(&[ETH]).await;
        let alive = all_but(&env, &[ETH]);
        // The stable price follows within the time that a fallback waits.
        for _ in 0..40 {
            env.advance(30).await;
            env.refresh_all().await;
        }
        pass(&mut env, 121, &alive).await;
        let quote = |price: f64, publish_time| Quote {
            price: price_of(price),
            conf: 1,
            publish_time,
        };
        env.advance(delay + 1).await;
        env.set_price(USDC, 1.0).await;
        let now = env.now().await;
        env.publish(&fallback, quote(line - 0.5, now - delay));
        let entries = [env.fallback_entry(ETH), env.feed_entry(USDC)];
        let refresh = ix::refresh(&env.exchange, &entries);
        let flag = liquidate_ix(&env, &attacker, &account, &Liquidation::default());
        let what = swap(&env, Leg::Asset(ETH), Leg::Asset(USDC), ALL);
        let seize = liquidate_ix(&env, &attacker, &account, &what);
        let keys = [&attacker.key];
        let one = [refresh.clone(), flag.clone(), seize.clone()];
        let outcome = env.send(&one, &keys).await;
        assert_one_of(outcome, &[E::SameObservation, E::NotLiquidatable]);
        let _ = env.send(&[refresh.clone(), flag], &keys).await;
        env.publish(&fallback, quote(high, now));
        let held = env.balance(account.margin, ETH).await;
        let outcome = env.send(&[refresh, seize], &keys).await;
        if let Err(error) = outcome {
            assert_one_of(Err(error), &[E::SameObservation, E::NotLiquidatable]);
        }
        assert_eq!(env.balance(account.margin, ETH).await, held);
        let gain = books.gain(&mut env, &[&attacker]).await;
        assert!(gain <= 0, "{by} after {delay} s: {gain}");
        env.assert_conserved().await;
    }
}

/// A dip in which the feed spoke twice, and that has been over for some seconds: both updates are posted by whoever liquidates.
#[tokio::test]
async fn a_dip_of_two_updates_that_is_over_liquidates_nobody() {
    let mut worst = 0;
    for (by, delay) in falls() {
        let mut t = long().await;
        let attacker = t.env.trader().await;
        let books = Books::open(&mut t.env, &[&attacker]).await;
        t.env.deposit(&attacker, USDC, usd(100_000)).await.unwrap();
        t.env.advance(30).await;
        let price = 136.5 / (1.0 - by);
        t.env.assets[SOL].usd = price;
        t.env.refresh_all().await;
        t.env.advance(delay + 2).await;
        for (age, what) in [
            (delay + 1, Liquidation::default()),
            (delay, take(&t.env, SOL_PERP, ALL)),
        ] {
            let low = price * (1.0 - by) * 0.999;
            let sol = t.env.post(SOL, low, low * 0.0005, age).await;
            let usdc = t.env.post(USDC, 1.0, 0.0005, age).await;
            let refresh = ix::refresh(&t.env.exchange, &[sol, usdc]);
            let call = liquidate_ix(&t.env, &attacker, &t.account, &what);
            let _ = t.env.send(&[refresh, call], &[&attacker.key]).await;
        }
        let gain = books.gain(&mut t.env, &[&attacker]).await;
        println!("{by} over for {delay} s: {gain}");
        worst = worst.max(gain);
    }
    assert!(worst <= 0, "{worst}");
}
