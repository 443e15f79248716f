//! The fallback: nobody chooses between two live feeds by withholding the primary.
use anchor_lang::prelude::Pubkey;
use plimsoll::{error::PlimsollError as E, events::RefreshSkipped};
use plimsoll_client::{
    errors, events,
    instructions::{self as ix, FeedRef, Liquidation, RefreshEntry},
};
use plimsoll_tests::{
    env::{ETH, USDC},
    oracles::{price_of, Quote},
    scenarios::*,
    usd, Env, TxOutcome,
};

use super::falls;

fn reasons(outcome: &TxOutcome) -> Vec<u32> {
    let skipped: Vec<RefreshSkipped> = events::of_kind(&outcome.logs);
    skipped.iter().map(|s| s.reason).collect()
}

fn says(env: &mut Env, price: f64, publish_time: i64) {
    let fallback = env.assets[ETH].fallback.expect("ether's");
    let quote = Quote {
        price: price_of(price),
        conf: 1,
        publish_time,
    };
    env.publish(&fallback, quote);
}

/// Another price on the fallback than on the primary, and junk, or nothing, for the primary.
#[tokio::test]
async fn junk_for_the_primary_does_not_bring_the_fallback_in() {
    for (by, delay) in falls() {
        let mut env = Env::new().await;
        env.refresh_all().await;
        rich(&mut env).await;
        let account = env.trader_with(&[(ETH, ETH_1)]).await;
        env.borrow(&account, USDC, usd(2_500)).await.unwrap();
        let attacker = env.trader().await;
        let books = Books::open(&mut env, &[&attacker]).await;
        env.deposit(&attacker, USDC, usd(100_000)).await.unwrap();
        env.advance(delay).await;
        env.set_price(ETH, 3_000.0).await;
        env.set_price(USDC, 1.0).await;
        let now = env.now().await;
        says(&mut env, 3_000.0 * (1.0 - by), now);
        let before = env.entry(ETH).await;
        let junk = RefreshEntry::Feed(FeedRef {
            index: env.assets[ETH].feed,
            account: Pubkey::new_unique(),
            is_fallback: false,
        });
        let entries = [junk, env.fallback_entry(ETH), env.feed_entry(USDC)];
        let outcome = env.refresh(&entries).await;
        assert_eq!(
            reasons(&outcome),
            [E::WrongOracleOwner, E::PrimaryAlive].map(errors::code)
        );
        assert_eq!(env.entry(ETH).await, before);
        let flag = liquidate_ix(&env, &attacker, &account, &Default::default());
        let keys = [&attacker.key];
        super::assert_one_of(env.send(&[flag], &keys).await, &[E::NotLiquidatable]);
        let gain = books.gain(&mut env, &[&attacker]).await;
        assert!(gain <= 0, "{by} after {delay} s: {gain}");
        env.assert_conserved().await;
    }
}

/// After twice the age of a trade, and no further than the divergence from the last and the stable price; the primary is back
/// with its first word.
#[tokio::test]
async fn a_fallback_counts_after_twice_the_age_and_within_its_divergence() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let entry = env.fallback_entry(ETH);
    let alive = all_but(&env, &[ETH]);
    pass(&mut env, 120, &alive).await;
    let now = env.now().await;
    says(&mut env, 2_990.0, now);
    let code = |error| vec![errors::code(error)];
    assert_eq!(reasons(&env.refresh(&[entry]).await), code(E::PrimaryAlive));
    pass(&mut env, 1, &alive).await;
    let before = env.entry(ETH).await.price;
    for far in [2_840.0, 3_160.0] {
        let now = env.now().await;
        says(&mut env, far, now);
        assert_eq!(
            reasons(&env.refresh(&[entry]).await),
            code(E::FallbackDiverged)
        );
        assert_eq!(env.entry(ETH).await.price.spot, before.spot);
        env.advance(1).await;
    }
    let now = env.now().await;
    says(&mut env, 2_880.0, now);
    assert!(reasons(&env.refresh(&[entry]).await).is_empty());
    let served = env.entry(ETH).await.price;
    assert_eq!(served.published_ms, now * 1_000);
    assert!(served.spot < before.spot);
    // Too old, from the future, of another account.
    for publish_time in [now - 1, now + 1_000] {
        says(&mut env, 2_880.0, publish_time);
        assert!(!reasons(&env.refresh(&[entry]).await).is_empty());
    }
    let stranger = RefreshEntry::Feed(FeedRef {
        index: env.assets[ETH].feed,
        account: env.assets[2].primary.account,
        is_fallback: true,
    });
    assert_eq!(
        reasons(&env.refresh(&[stranger]).await),
        code(E::WrongOracleAccount)
    );
    env.advance(1).await;
    env.refresh_only(&[ETH]).await;
    assert!(env.entry(ETH).await.price.spot > served.spot);
    let now = env.now().await;
    says(&mut env, 2_880.0, now);
    assert_eq!(reasons(&env.refresh(&[entry]).await), code(E::PrimaryAlive));
}

/// A primary that says that it does not know is not silent.
#[tokio::test]
async fn a_wide_primary_is_alive() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let alive = all_but(&env, &[ETH]);
    pass(&mut env, 100, &alive).await;
    let wide = env.post(ETH, 3_000.0, 200.0, 0).await;
    assert_eq!(
        reasons(&env.refresh(&[wide]).await),
        [errors::code(E::OracleTooWide)]
    );
    pass(&mut env, 100, &alive).await;
    let now = env.now().await;
    says(&mut env, 2_990.0, now);
    let entry = env.fallback_entry(ETH);
    let refresh = ix::refresh(&env.exchange, &[entry]);
    let outcome = env.run(&[refresh], &[]).await;
    assert_eq!(reasons(&outcome), [errors::code(E::PrimaryAlive)]);
}

/// Nobody refreshed for two minutes, though the primary spoke: the attacker takes the fallback, twice, and not the primary.
#[tokio::test]
async fn a_fallback_is_not_chosen_by_withholding_the_primary() {
    let mut worst = 0;
    for (by, secs) in [0.01, 0.02, 0.04]
        .into_iter()
        .flat_map(|by| [121, 300, 600].map(|secs| (by, secs)))
    {
        let mut env = Env::new().await;
        env.refresh_all().await;
        rich(&mut env).await;
        let account = env.trader_with(&[(ETH, ETH_1)]).await;
        env.borrow(&account, USDC, usd(2_530)).await.unwrap();
        let price = 2_531.3 / 0.92 / (1.0 - by) - 5.0;
        env.advance(60).await;
        env.assets[ETH].usd = price;
        env.refresh_all().await;
        let attacker = env.trader().await;
        let books = Books::open(&mut env, &[&attacker]).await;
        env.deposit(&attacker, USDC, usd(100_000)).await.unwrap();
        // Others are refreshed all the time.
        let others = all_but(&env, &[ETH]);
        pass(&mut env, secs, &others).await;
        let fallback = env.assets[ETH].fallback.unwrap();
        let all = swap(&env, Leg::Asset(ETH), Leg::Asset(USDC), ALL);
        for (age, what) in [(1, Liquidation::default()), (0, all)] {
            let quote = Quote {
                price: price_of(price * (1.0 - by)),
                conf: 1,
                publish_time: env.now().await - age,
            };
            env.publish(&fallback, quote);
            let usdc = env.post(USDC, 1.0, 0.0005, age).await;
            let refresh = ix::refresh(&env.exchange, &[env.fallback_entry(ETH), usdc]);
            let call = liquidate_ix(&env, &attacker, &account, &what);
            let _ = env.send(&[refresh, call], &[&attacker.key]).await;
        }
        let gain = books.gain(&mut env, &[&attacker]).await;
        println!("{by} after {secs} s: {gain}");
        worst = worst.max(gain);
    }
    assert!(worst <= 0, "{worst}");
}

/// The fallback has served for hours, and speaks every half minute: between two words it is not in doubt.
#[tokio::test]
async fn a_fallback_that_speaks_is_not_in_doubt_between_two_words() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    rich(&mut env).await;
    let account = env.trader_with(&[(ETH, ETH_1)]).await;
    env.borrow(&account, USDC, usd(1_600)).await.unwrap();
    let attacker = env.trader().await;
    let books = Books::open(&mut env, &[&attacker]).await;
    env.deposit(&attacker, USDC, usd(100_000)).await.unwrap();
    let others = all_but(&env, &[ETH]);
    pass(&mut env, 121, &others).await;
    let entry = env.fallback_entry(ETH);
    let mut what = Liquidation::default();
    for minutes in [122, 11] {
        for _ in 0..2 * minutes {
            pass(&mut env, 30, &others).await;
            let now = env.now().await;
            says(&mut env, 3_000.0, now);
            assert!(reasons(&env.refresh(&[entry]).await).is_empty());
        }
        pass(&mut env, 11, &others).await;
        let call = liquidate_ix(&env, &attacker, &account, &what);
        super::assert_one_of(
            env.send(&[call], &[&attacker.key]).await,
            &[E::NotLiquidatable],
        );
        what = swap(&env, Leg::Asset(ETH), Leg::Asset(USDC), ALL);
    }
    assert!(books.gain(&mut env, &[&attacker]).await <= 0);
    env.assert_conserved().await;
}
