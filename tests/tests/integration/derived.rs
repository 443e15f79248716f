//! Feeds derived from a stake pool's rate: they move with their base, grow no faster than allowed, and are never above the
//! token's own market.
use anchor_lang::prelude::Pubkey;
use plimsoll::{
    error::PlimsollError,
    events::RefreshSkipped,
    oracle::STAKE_POOL_PROGRAMS,
    state::{feed::oracle_kind, OracleSource, OracleSources},
};
use plimsoll_client::{
    errors, events,
    instructions::{self as ix},
};
use plimsoll_risk::{feed::REFUSED, FeedLimits};
use plimsoll_tests::{
    env::{ETH, SOL},
    params::{feed_limits, ratio},
    scenarios::{all_but, pass},
    stake_pool::pool_bytes,
    Env, TxOutcome,
};
use solana_signer::Signer;

/// An exchange with a feed of a staked token worth 1.2 SOL.
async fn staked(cap: Option<usize>) -> (Env, u8, Pubkey) {
    staked_at(1.2, cap).await
}

async fn staked_at(rate: f64, cap: Option<usize>) -> (Env, u8, Pubkey) {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let pool = Pubkey::new_unique();
    env.set_pool(pool, rate);
    let (base, cap) = (
        env.assets[SOL].feed,
        cap.map(|asset| env.assets[asset].feed),
    );
    let feed = env.derive_feed(pool, base, cap, feed_limits()).await;
    let outcome = env.refresh(&[Env::pool_entry(feed, pool)]).await;
    assert!(skipped(&outcome).is_empty());
    (env, feed, pool)
}

fn skipped(outcome: &TxOutcome) -> Vec<RefreshSkipped> {
    events::of_kind(&outcome.logs)
}

/// The derived price in units of its base's.
async fn in_base(env: &Env, feed: u8) -> f64 {
    let risk = env.risk().await;
    let base = &risk.feeds[usize::from(env.assets[SOL].feed)];
    let derived = &risk.feeds[usize::from(feed)];
    assert_eq!(derived.shift, base.shift);
    derived.price.spot as f64 / base.price.spot as f64
}

#[tokio::test]
async fn a_derived_price_moves_with_its_base_at_the_bases_publish_time() {
    let (mut env, feed, _) = staked(None).await;
    for dollars in [150.0, 139.0, 170.0] {
        env.advance(30).await;
        env.set_price_with(SOL, dollars, 0.1, 7).await;
        let base = env.feed_entry(SOL);
        env.refresh(&[base]).await;
        assert!((in_base(&env, feed).await - 1.2).abs() < 1e-9);
        let risk = env.risk().await;
        let base = risk.feeds[usize::from(env.assets[SOL].feed)].price;
        let derived = risk.feeds[usize::from(feed)].price;
        assert_eq!(derived.published_ms, base.published_ms);
    }
}

#[tokio::test]
async fn a_rate_rises_no_faster_than_its_limit_and_falls_at_once() {
    let (mut env, feed, pool) = staked(None).await;
    // A manipulated pool: twice the rate. A tenth of a percent a day is believed.
    env.set_pool(pool, 2.4);
    let entry = [Env::pool_entry(feed, pool)];
    env.refresh(&entry).await;
    assert!(
        (in_base(&env, feed).await - 1.2).abs() < 1e-9,
        "no time, no growth"
    );
    for day in 1..=3 {
        env.advance(86_400).await;
        env.refresh_all().await;
        env.refresh(&entry).await;
        let most = 1.2 * 1.001f64.powi(day);
        let found = in_base(&env, feed).await;
        assert!(
            found <= most * (1.0 + 1e-6) && found > 1.2 * (1.0 + 0.0009 * f64::from(day)),
            "{found}"
        );
    }
    // Refreshing often gains nothing.
    let before = in_base(&env, feed).await;
    for _ in 0..20 {
        env.advance(1).await;
        env.refresh(&entry).await;
    }
    assert!(in_base(&env, feed).await / before - 1.0 < 0.001 * 20.0 / 86_400.0 + 1e-9);
    // A slashed pool is believed at once.
    env.set_pool(pool, 0.9);
    env.refresh_all().await;
    env.refresh(&entry).await;
    assert!((in_base(&env, feed).await - 0.9).abs() < 1e-9);
}

#[tokio::test]
async fn a_derived_price_is_never_above_the_tokens_own_market() {
    // ETH's feed stands for the token's own market.
    let (mut env, feed, _) = staked_at(20.0, Some(ETH)).await;
    let usd = |risk: &plimsoll::state::RiskState, feed: u8| {
        let entry = &risk.feeds[usize::from(feed)];
        entry.price.spot as f64 / 2f64.powi(i32::from(entry.shift)) / 1e6
    };
    for (market, expected) in [(2_980.0, 2_980.0), (3_100.0, 3_000.0), (2_600.0, 2_600.0)] {
        env.advance(2).await;
        env.set_price(SOL, 150.0).await;
        env.set_price(ETH, market).await;
        let entries = [env.feed_entry(SOL), env.feed_entry(ETH)];
        env.refresh(&entries).await;
        let found = usd(&*env.risk().await, feed);
        assert!(
            (found / expected - 1.0).abs() < 1e-6,
            "{found} of {expected}"
        );
    }
    // How uncertain it is follows whoever says the price.
    env.advance(2).await;
    env.set_price_with(SOL, 150.0, 1.0, 0).await;
    env.set_price_with(ETH, 1_500.0, 3.0, 0).await;
    let entries = [env.feed_entry(SOL), env.feed_entry(ETH)];
    env.refresh(&entries).await;
    let price = env.risk().await.feeds[usize::from(feed)].price;
    assert!(price.flags() & REFUSED == 0 && (price.spot / price.conf).abs_diff(500) < 2);
    // The market falls while nobody refreshes the base: the derived price follows it down.
    env.advance(2).await;
    env.set_price(ETH, 2_200.0).await;
    let entry = [env.feed_entry(ETH)];
    env.refresh(&entry).await;
    assert!((usd(&*env.risk().await, feed) / 2_200.0 - 1.0).abs() < 1e-6);
}

/// A derived price is as old as the older of its base and its market, and knows no more than either.
#[tokio::test]
async fn what_the_market_leaves_unknown_is_unknown() {
    let (mut env, feed, _) = staked_at(20.0, Some(ETH)).await;
    let market = env.assets[ETH].feed;
    let now = |risk: &plimsoll::state::RiskState| {
        [market, feed].map(|feed| risk.feeds[usize::from(feed)].price)
    };
    env.advance(40).await;
    env.set_price(SOL, 150.0).await;
    let entry = [env.feed_entry(SOL)];
    env.refresh(&entry).await;
    let [cap, derived] = now(&*env.risk().await);
    assert_eq!(
        (derived.published_ms, derived.flags()),
        (cap.published_ms, 0)
    );
    // Past a minute the base's price is taken by nobody who follows the derived one.
    env.advance(21).await;
    env.set_price(SOL, 140.0).await;
    let entry = [env.feed_entry(SOL)];
    env.refresh(&entry).await;
    assert_eq!(now(&*env.risk().await), [cap, derived]);
    // The market says that it does not know.
    env.advance(1).await;
    env.set_price(SOL, 150.0).await;
    env.set_price(ETH, 2_200.0).await;
    let entries = [env.feed_entry(SOL), env.feed_entry(ETH)];
    env.refresh(&entries).await;
    assert_eq!(now(&*env.risk().await)[1].flags(), 0);
    env.advance(1).await;
    let wide = env.post(ETH, 2_200.0, 200.0, 0).await;
    env.set_price(SOL, 150.0).await;
    let entries = [wide, env.feed_entry(SOL)];
    env.refresh(&entries).await;
    let [cap, derived] = now(&*env.risk().await);
    assert_eq!(derived.flags(), REFUSED);
    assert_eq!(derived.published_ms, cap.published_ms);
}

/// Without a price of its market there is none; and a rate that nobody reads any more counts for an hour.
#[tokio::test]
async fn a_derived_price_needs_its_market_and_a_rate_of_the_hour() {
    let (mut env, feed, pool) = staked(None).await;
    let price = |risk: &plimsoll::state::RiskState| risk.feeds[usize::from(feed)].price;
    let read = env.now().await;
    let all = all_but(&env, &[]);
    pass(&mut env, 3_660, &all).await;
    let old = price(&*env.risk().await).published_ms / 1_000;
    assert_eq!(old, read + 3_600);
    env.refresh(&[Env::pool_entry(feed, pool)]).await;
    let fresh = price(&*env.risk().await).published_ms / 1_000;
    assert_eq!(fresh, env.now().await);
}

#[tokio::test]
async fn a_pool_that_is_not_the_one_named_is_refused_and_changes_nothing() {
    let (mut env, feed, pool) = staked(None).await;
    let before = env.risk().await.feeds[usize::from(feed)];
    let other = Pubkey::new_unique();
    env.set_pool(other, 5.0);
    let refused = |outcome: &TxOutcome, error: PlimsollError| {
        let found = skipped(outcome);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].feed, found[0].reason),
            (feed, errors::code(error))
        );
    };
    let outcome = env.refresh(&[Env::pool_entry(feed, other)]).await;
    refused(&outcome, PlimsollError::WrongOracleAccount);
    for (owner, data, error) in [
        (
            Pubkey::new_unique(),
            pool_bytes(5, 1),
            PlimsollError::WrongOracleOwner,
        ),
        (
            STAKE_POOL_PROGRAMS[0],
            vec![0; 611],
            PlimsollError::WrongOracleAccount,
        ),
        (
            STAKE_POOL_PROGRAMS[0],
            pool_bytes(5, 1)[..270].to_vec(),
            PlimsollError::WrongOracleAccount,
        ),
        (
            STAKE_POOL_PROGRAMS[0],
            pool_bytes(5, 0),
            PlimsollError::InvalidOraclePrice,
        ),
        (
            STAKE_POOL_PROGRAMS[0],
            pool_bytes(0, 5),
            PlimsollError::InvalidOraclePrice,
        ),
    ] {
        env.write_account(pool, owner, data);
        let outcome = env.refresh(&[Env::pool_entry(feed, pool)]).await;
        refused(&outcome, error);
        assert_eq!(env.risk().await.feeds[usize::from(feed)], before);
    }
    // Both forks that share the layout are known.
    for program in STAKE_POOL_PROGRAMS {
        env.write_account(pool, program, pool_bytes(12, 10));
        let outcome = env.refresh(&[Env::pool_entry(feed, pool)]).await;
        assert!(skipped(&outcome).is_empty());
    }
}

#[tokio::test]
async fn a_derived_feed_names_a_listed_feed_that_is_not_derived() {
    let (mut env, derived, pool) = staked(None).await;
    let authority = env.authority();
    let count = env.risk().await.feed_count;
    for (base, cap, error) in [
        (derived, u8::MAX, PlimsollError::InvalidParameter),
        (count, u8::MAX, PlimsollError::InvalidParameter),
        (count + 1, u8::MAX, PlimsollError::UnknownFeed),
        (u8::MAX, u8::MAX, PlimsollError::UnknownFeed),
        (0, derived, PlimsollError::InvalidParameter),
    ] {
        let sources = OracleSources {
            primary: OracleSource {
                feed: pool.to_bytes(),
                kind: oracle_kind::DERIVED,
                base,
                cap,
                ..OracleSource::default()
            },
            ..OracleSources::default()
        };
        let limits = FeedLimits {
            max_growth_per_day: ratio(0.001),
            ..feed_limits()
        };
        let list = ix::list_feed(
            &env.exchange,
            authority.pubkey(),
            [0; 16],
            sources,
            limits,
            None,
        );
        env.refuse(&[list], &[&authority], error).await;
    }
}

/// Its base and its market have fallbacks; one of its own would be a price beside theirs.
#[tokio::test]
async fn a_derived_feed_has_no_fallback_of_its_own() {
    let (env, _, pool) = staked(None).await;
    let mut env = env;
    let authority = env.authority();
    let primary = OracleSource {
        feed: pool.to_bytes(),
        kind: oracle_kind::DERIVED,
        base: env.assets[SOL].feed,
        cap: env.assets[ETH].feed,
        ..OracleSource::default()
    };
    let fallback = env.assets[ETH].fallback.expect("ether's").source;
    let sources = OracleSources { primary, fallback };
    let (exchange, signer) = (env.exchange, authority.pubkey());
    let list = ix::list_feed(&exchange, signer, [0; 16], sources, feed_limits(), None);
    env.refuse(&[list], &[&authority], PlimsollError::InvalidParameter)
        .await;
}
