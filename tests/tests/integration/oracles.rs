//! Refresh: what it takes from which account, and that it never fails a batch.
use anchor_lang::{error::ErrorCode, prelude::Pubkey};
use plimsoll::{
    error::PlimsollError as E,
    events::RefreshSkipped,
    oracle::{receiver_program, PYTH_LEGACY_PROGRAM},
    state::bank::receiver,
};
use plimsoll_client::{
    errors, events,
    instructions::{self as ix, RefreshEntry},
};
use plimsoll_risk::RATIO_ONE;
use plimsoll_tests::{
    attack::swap,
    env::{BTC, ETH, SOL, SOL_PERP, USDC},
    listing::oracles,
    oracles::{legacy_bytes, price_of, pull_bytes, Feed, Quote},
    params::{market_params, terms},
    Env, TxOutcome,
};
use pyth_sdk_solana::state::PriceStatus;
use pyth_solana_receiver_sdk::price_update::VerificationLevel;
use solana_signer::Signer;

/// The reasons that a refresh reports.
fn reasons(outcome: &TxOutcome) -> Vec<u32> {
    let skipped: Vec<RefreshSkipped> = events::of_kind(&outcome.logs);
    skipped.iter().map(|s| s.reason).collect()
}

/// Refreshes one asset and requires that its entry stays as it was, for this reason.
async fn skips(env: &mut Env, asset: usize, reason: E) {
    let before = env.entry(asset).await;
    let entry = env.asset_entry(asset);
    let outcome = env.refresh(&[entry]).await;
    assert_eq!(
        reasons(&outcome),
        [errors::code(reason)],
        "{}",
        reason.name()
    );
    assert_eq!(env.entry(asset).await, before);
}

async fn quote(env: &Env, usd: f64) -> Quote {
    Quote {
        price: price_of(usd),
        conf: price_of(usd).unsigned_abs() / 2_000,
        publish_time: env.now().await,
    }
}

#[tokio::test]
async fn a_good_price_is_taken() {
    let mut env = Env::new().await;
    env.advance(30).await;
    env.move_price(SOL, 151.0).await;
    let entry = env.entry(SOL).await;
    let clock = env.clock().await;
    assert_eq!(entry.price.publish_time, clock.unix_timestamp);
    assert_eq!(entry.price.refresh_slot, clock.slot);
    // Native quote per lamport: 151e6 / 1e9, at the entry's scale.
    let expected = (151e6 / 1e9 * f64::from(2u32).powi(i32::from(entry.shift))).floor() as u64;
    assert!(entry.price.spot.abs_diff(expected) <= 1);
    let market = env.risk().await.markets[SOL_PERP];
    assert_eq!(market.price.publish_time, clock.unix_timestamp);
    assert_eq!(
        env.market(SOL_PERP).await.funded_until,
        clock.unix_timestamp
    );
}

#[tokio::test]
async fn bad_numbers_are_left_alone() {
    let mut env = Env::new().await;
    env.advance(30).await;
    let now = env.now().await;
    let feed = env.assets[SOL].primary;
    let good = quote(&env, 150.0).await;
    for (bad, reason) in [
        (Quote { price: 0, ..good }, E::InvalidOraclePrice),
        (Quote { price: -1, ..good }, E::InvalidOraclePrice),
        (
            Quote {
                price: i64::MIN,
                ..good
            },
            E::InvalidOraclePrice,
        ),
        (
            Quote {
                conf: price_of(3.1).unsigned_abs(),
                ..good
            },
            E::OracleTooWide,
        ),
        (
            Quote {
                conf: u64::MAX,
                ..good
            },
            E::Overflow,
        ),
        (
            Quote {
                price: i64::MAX,
                conf: 0,
                ..good
            },
            E::Overflow,
        ),
        (
            Quote {
                publish_time: now + 61,
                ..good
            },
            E::InvalidOraclePrice,
        ),
        (
            Quote {
                publish_time: i64::MAX,
                ..good
            },
            E::InvalidOraclePrice,
        ),
        (
            Quote {
                publish_time: now - 31,
                ..good
            },
            E::OracleTooOld,
        ),
        (
            Quote {
                publish_time: now - 121,
                ..good
            },
            E::OracleTooOld,
        ),
        (
            Quote {
                publish_time: i64::MIN,
                ..good
            },
            E::OracleTooOld,
        ),
    ] {
        env.publish(&feed, bad);
        skips(&mut env, SOL, reason).await;
    }
    env.publish(
        &feed,
        Quote {
            publish_time: now + 60,
            ..good
        },
    );
    let entry = env.asset_entry(SOL);
    assert!(reasons(&env.refresh(&[entry]).await).is_empty());
}

#[tokio::test]
async fn pull_accounts_must_be_the_receivers_fully_verified_and_of_the_feed() {
    let mut env = Env::new().await;
    env.advance(30).await;
    let feed = env.assets[SOL].primary;
    let good = quote(&env, 150.0).await;
    let full = VerificationLevel::Full;
    let bytes = pull_bytes(feed.source.feed, full, good);
    let receiver_id = pyth_solana_receiver_sdk::ID;

    env.write_account(feed.account, Pubkey::new_unique(), bytes.clone());
    skips(&mut env, SOL, E::WrongOracleOwner).await;
    let pro = receiver_program(receiver::PRO_COMPATIBLE).unwrap();
    env.write_account(feed.account, pro, bytes.clone());
    skips(&mut env, SOL, E::WrongOracleOwner).await;
    env.write_account(feed.account, receiver_id, pull_bytes([9; 32], full, good));
    skips(&mut env, SOL, E::WrongFeed).await;
    let partial = VerificationLevel::Partial { num_signatures: 12 };
    let partial = pull_bytes(feed.source.feed, partial, good);
    env.write_account(feed.account, receiver_id, partial);
    skips(&mut env, SOL, E::NotFullyVerified).await;
    env.write_account(feed.account, receiver_id, bytes[..100].to_vec());
    skips(&mut env, SOL, E::WrongOracleAccount).await;
    env.write_account(feed.account, receiver_id, Vec::new());
    skips(&mut env, SOL, E::WrongOracleAccount).await;
    let mut other_kind = bytes.clone();
    other_kind[0] ^= 1;
    env.write_account(feed.account, receiver_id, other_kind);
    skips(&mut env, SOL, E::WrongOracleAccount).await;

    // Any account with the feed will do.
    let copy = Pubkey::new_unique();
    env.write_account(copy, receiver_id, bytes);
    let asset = env.assets[SOL].asset;
    let entry = RefreshEntry::Asset {
        asset,
        oracle: copy,
        fallback: None,
    };
    assert!(reasons(&env.refresh(&[entry]).await).is_empty());
    assert_eq!(env.entry(SOL).await.price.publish_time, good.publish_time);
}

#[tokio::test]
async fn legacy_accounts_must_be_the_one_configured_and_trading() {
    let mut env = Env::new().await;
    env.advance(30).await;
    let feed = env.assets[BTC].primary;
    let good = quote(&env, 60_000.0).await;
    let bytes = legacy_bytes(PriceStatus::Trading, good);
    env.write_account(feed.account, Pubkey::new_unique(), bytes.clone());
    skips(&mut env, BTC, E::WrongOracleOwner).await;
    let halted = legacy_bytes(PriceStatus::Halted, good);
    env.write_account(feed.account, PYTH_LEGACY_PROGRAM, halted);
    skips(&mut env, BTC, E::InvalidOraclePrice).await;
    env.write_account(feed.account, PYTH_LEGACY_PROGRAM, bytes[..300].to_vec());
    skips(&mut env, BTC, E::WrongOracleAccount).await;
    let copy = Feed::legacy();
    env.write_account(copy.account, PYTH_LEGACY_PROGRAM, bytes.clone());
    let asset = env.assets[BTC].asset;
    let entry = RefreshEntry::Asset {
        asset,
        oracle: copy.account,
        fallback: None,
    };
    let outcome = env.refresh(&[entry]).await;
    assert_eq!(reasons(&outcome), [errors::code(E::WrongOracleAccount)]);
    env.write_account(feed.account, PYTH_LEGACY_PROGRAM, bytes);
    let entry = env.asset_entry(BTC);
    assert!(reasons(&env.refresh(&[entry]).await).is_empty());
}

#[tokio::test]
async fn one_bad_group_does_not_spoil_the_others() {
    let mut env = Env::new().await;
    let other = env.other_exchange().await;
    let trader = env.trader().await;
    env.advance(30).await;
    for asset in 0..env.assets.len() {
        env.set_price(asset, env.assets[asset].usd).await;
    }
    let exchange = env.exchange;
    let (sol, btc) = (env.assets[SOL], env.assets[BTC]);
    let oracle = sol.primary.account;
    let (market, next) = (env.markets[0].market, env.markets[1].market);
    let mut crossed = market;
    crossed.book = next.book;
    let mut batch = ix::refresh(&exchange, &[]);
    let groups = [
        // Another exchange's bank.
        RefreshEntry::Asset {
            asset: other.quote,
            oracle,
            fallback: None,
        },
        // Another asset's oracle.
        RefreshEntry::Asset {
            asset: sol.asset,
            oracle: btc.primary.account,
            fallback: None,
        },
        // Another market's book.
        RefreshEntry::Market {
            market: crossed,
            oracle,
            fallback: None,
        },
        env.asset_entry(USDC),
        env.market_entry(1),
    ];
    // A head of the wrong kind, of the wrong owner, and one without oracles.
    let heads = [trader.margin, exchange.risk_state];
    let good = ix::refresh(&exchange, &groups);
    batch.accounts.extend(good.accounts[1..].iter().cloned());
    for head in heads {
        let lone = RefreshEntry::Asset {
            asset: sol.asset,
            oracle,
            fallback: None,
        };
        let bent = swap(&ix::refresh(&exchange, &[lone]), sol.asset.bank, head);
        batch.accounts.extend(bent.accounts[1..].iter().cloned());
    }
    let lone = ix::refresh(
        &exchange,
        &[RefreshEntry::Asset {
            asset: sol.asset,
            oracle,
            fallback: None,
        }],
    );
    batch.accounts.push(lone.accounts[1].clone());
    let outcome = env.run(&[batch], &[]).await;
    let found = reasons(&outcome);
    assert_eq!(found.len(), 6, "{found:?}");
    assert_eq!(found[0], errors::code(E::WrongExchange));
    assert_eq!(found[1], errors::code(E::WrongOracleOwner));
    assert_eq!(found[2], errors::code(E::WrongMarketAccount));
    assert_eq!(found[3], u32::from(ErrorCode::AccountDiscriminatorMismatch));
    assert_eq!(found[5], errors::code(E::WrongRemainingAccount));
    let now = env.now().await;
    let risk = env.risk().await;
    assert_eq!(risk.assets[USDC].price.publish_time, now);
    assert_eq!(risk.markets[1].price.publish_time, now);
    assert!(risk.assets[SOL].price.publish_time < now);
}

#[tokio::test]
async fn a_book_that_is_not_extended_yet_is_skipped() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let asset = env.assets[SOL];
    let market = env.exchange.market(2);
    let create = ix::create_market(
        &env.exchange,
        authority.pubkey(),
        &market,
        asset.primary.account,
        terms("NEW", 9, 1_000_000),
        market_params(),
        oracles(&asset),
        None,
    );
    env.run(&[create], &[&authority]).await;
    env.advance(10).await;
    env.set_price(SOL, 150.0).await;
    let oracle = asset.primary.account;
    let new = RefreshEntry::Market {
        market,
        oracle,
        fallback: None,
    };
    let sol = env.asset_entry(SOL);
    let outcome = env.refresh(&[new, sol]).await;
    assert_eq!(
        reasons(&outcome),
        [u32::from(ErrorCode::AccountDidNotDeserialize)]
    );
    assert_eq!(env.entry(SOL).await.price.publish_time, env.now().await);
}

#[tokio::test]
async fn the_fallback_serves_only_once_the_primary_is_out() {
    let mut env = Env::new().await;
    let fallback = env.assets[ETH].fallback.unwrap();
    let entry = env.asset_entry(ETH);
    env.advance(100).await;
    // The primary is silent, but its last price still counts.
    env.publish(&fallback, quote(&env, 2_500.0).await);
    let before = env.entry(ETH).await;
    let outcome = env.refresh(&[entry]).await;
    assert!(
        reasons(&outcome).is_empty(),
        "the same price confirms the entry"
    );
    assert_eq!(env.entry(ETH).await.price.spot, before.price.spot);

    env.advance(21).await;
    env.publish(&fallback, quote(&env, 2_500.0).await);
    assert!(reasons(&env.refresh(&[entry]).await).is_empty());
    let served = env.entry(ETH).await;
    assert_eq!(served.price.publish_time, env.now().await);
    assert!(served.price.spot < before.price.spot);

    // The primary is back.
    env.advance(5).await;
    env.set_price(ETH, 3_000.0).await;
    assert!(reasons(&env.refresh(&[entry]).await).is_empty());
    assert!(env.entry(ETH).await.price.spot > served.price.spot);
}

/// Nobody chooses between two live feeds by handing in something else for the primary: an entry that nobody refreshed
/// for some slots is no proof that its feed is out.
#[tokio::test]
async fn junk_for_the_primary_does_not_bring_the_fallback_in() {
    let mut env = Env::new().await;
    let fallback = env.assets[ETH].fallback.unwrap();
    let max_slots = u64::from(env.entry(ETH).await.max_age_slots);
    env.advance_by(60, max_slots + 1).await;
    env.set_price(ETH, 3_000.0).await;
    env.publish(&fallback, quote(&env, 2_500.0).await);
    let asset = env.assets[ETH].asset;
    let entry = RefreshEntry::Asset {
        asset,
        oracle: Pubkey::new_unique(),
        fallback: Some(fallback.account),
    };
    let before = env.entry(ETH).await;
    let outcome = env.refresh(&[entry]).await;
    assert_eq!(reasons(&outcome), [errors::code(E::WrongOracleOwner)]);
    assert_eq!(env.entry(ETH).await, before);
}

#[tokio::test]
async fn the_stable_price_follows_slowly_and_once_per_observation() {
    let mut env = Env::new().await;
    let before = env.entry(SOL).await;
    env.advance(60).await;
    env.move_price(SOL, 300.0).await;
    let pumped = env.entry(SOL).await;
    // At most a quarter an hour.
    let allowed = before.price.stable + before.price.stable / 4 / 60 + 1;
    assert!(pumped.price.stable > before.price.stable && pumped.price.stable <= allowed);
    let twice = f64::from(RATIO_ONE);
    assert!(pumped.price.spot as f64 / before.price.spot as f64 > 1.99 && twice > 0.0);
    // Deposits count at the slow price for Init.
    assert!(pumped.asset_price[0] < pumped.asset_price[1] * 6 / 10);
    for _ in 0..3 {
        let entry = env.asset_entry(SOL);
        env.refresh(&[entry]).await;
    }
    assert_eq!(env.entry(SOL).await.price.stable, pumped.price.stable);
}

#[tokio::test]
async fn listing_refuses_what_refresh_would_skip() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let mint = env.create_mint(plimsoll_tests::tokens::SPL_TOKEN, 6);
    let feed = Feed::pull();
    let asset = env.exchange.asset(mint, plimsoll_tests::tokens::SPL_TOKEN);
    let sources = plimsoll::state::OracleSources {
        primary: feed.source,
        ..Default::default()
    };
    let params = plimsoll_tests::params::volatile_params(0.5, 0.6);
    let key = authority.pubkey();
    let list = ix::list_asset(
        &env.exchange,
        key,
        &asset,
        feed.account,
        params,
        sources,
        None,
    );
    let good = quote(&env, 5.0).await;
    for (bad, reason) in [
        (Quote { price: 0, ..good }, E::InvalidOraclePrice),
        (
            Quote {
                publish_time: good.publish_time - 121,
                ..good
            },
            E::OracleTooOld,
        ),
        (
            Quote {
                publish_time: good.publish_time + 61,
                ..good
            },
            E::InvalidOraclePrice,
        ),
        (
            Quote {
                conf: 11_000_000,
                ..good
            },
            E::OracleTooWide,
        ),
    ] {
        env.publish(&feed, bad);
        env.refuse(&[list.clone()], &[&authority], reason).await;
    }
    env.write_account(feed.account, Pubkey::new_unique(), Vec::new());
    env.refuse(&[list.clone()], &[&authority], E::WrongOracleOwner)
        .await;
    env.publish(&feed, good);
    env.run(&[list], &[&authority]).await;
}
