//! Refresh: what it takes from which account, and that it never fails a batch.
use anchor_lang::{error::ErrorCode, prelude::Pubkey};
use plimsoll::{
    error::PlimsollError as E,
    events::RefreshSkipped,
    oracle::{receiver_program, PYTH_LEGACY_PROGRAM},
    state::feed::{receiver, NO_FEED},
};
use plimsoll_client::{
    errors, events,
    instructions::{self as ix, FeedRef, RefreshEntry},
};
use plimsoll_risk::feed::REFUSED;
use plimsoll_tests::{
    attack::swap,
    env::{BTC, ETH, SOL, SOL_PERP, USDC},
    oracles::{legacy_bytes, price_of, pull_bytes, Feed, Quote},
    params::{market_params, terms},
    Env, TxOutcome,
};
use pyth_sdk_solana::state::PriceStatus;
use pyth_solana_receiver_sdk::price_update::VerificationLevel;
use solana_signer::Signer;

/// The reasons that a refresh reports, each with its feed.
fn reports(outcome: &TxOutcome) -> Vec<(u8, u32)> {
    let skipped: Vec<RefreshSkipped> = events::of_kind(&outcome.logs);
    skipped.iter().map(|s| (s.feed, s.reason)).collect()
}

fn reasons(outcome: &TxOutcome) -> Vec<u32> {
    reports(outcome).iter().map(|report| report.1).collect()
}

/// Refreshes one asset's feed and requires that its price stays what it was, for this reason. A newer observation that is
/// refused for its width leaves a mark, and nothing else.
async fn skips(env: &mut Env, asset: usize, reason: E) {
    let before = env.entry(asset).await;
    let entry = env.feed_entry(asset);
    let outcome = env.refresh(&[entry]).await;
    let feed = env.assets[asset].feed;
    assert_eq!(
        reports(&outcome),
        [(feed, errors::code(reason))],
        "{}",
        reason.name()
    );
    let mut after = env.entry(asset).await;
    if matches!(reason, E::OracleTooWide) {
        assert_eq!(after.price.flags, REFUSED);
        after.price.flags = before.price.flags;
    }
    assert_eq!(after, before);
}

async fn quote(env: &Env, usd: f64) -> Quote {
    Quote {
        price: price_of(usd),
        conf: price_of(usd).unsigned_abs() / 2_000,
        publish_time: env.now().await,
    }
}

/// An asset's feed, from another account.
fn feed_from(env: &Env, asset: usize, account: Pubkey) -> RefreshEntry {
    RefreshEntry::Feed(FeedRef {
        index: env.assets[asset].feed,
        account,
        is_fallback: false,
    })
}

#[tokio::test]
async fn a_good_price_is_taken() {
    let mut env = Env::new().await;
    env.advance(30).await;
    env.move_price(SOL, 151.0).await;
    let entry = env.entry(SOL).await;
    let clock = env.clock().await;
    assert_eq!(entry.price.published_ms, clock.unix_timestamp * 1_000);
    // Native quote per lamport: 151e6 / 1e9, at the entry's scale.
    let expected = (151e6 / 1e9 * f64::from(2u32).powi(i32::from(entry.shift))).floor() as u64;
    assert!(entry.price.spot.abs_diff(expected) <= 1);
    let market = env.risk().await.markets[SOL_PERP];
    assert_eq!(market.price.published_ms, clock.unix_timestamp * 1_000);
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
    let at = |publish_time| Quote {
        publish_time,
        ..good
    };
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
        (at(now + 11), E::InvalidOraclePrice),
        (at(i64::MAX), E::InvalidOraclePrice),
        // Older than the one that the feed holds, and older than a trade allows.
        (at(now - 31), E::OracleTooOld),
        (at(now - 61), E::OracleTooOld),
        (at(i64::MIN), E::OracleTooOld),
    ] {
        env.publish(&feed, bad);
        skips(&mut env, SOL, reason).await;
    }
    // The chain's clock is an estimate: a price may be as far ahead of it as that is wrong.
    env.publish(&feed, at(now + 10));
    let entry = env.asset_entry(SOL);
    assert!(reports(&env.refresh(&entry).await).is_empty());
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
    let entry = feed_from(&env, SOL, copy);
    assert!(reports(&env.refresh(&[entry]).await).is_empty());
    let published_ms = env.entry(SOL).await.price.published_ms;
    assert_eq!(published_ms, good.publish_time * 1_000);
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
    let entry = feed_from(&env, BTC, copy.account);
    let outcome = env.refresh(&[entry]).await;
    assert_eq!(reasons(&outcome), [errors::code(E::WrongOracleAccount)]);
    env.write_account(feed.account, PYTH_LEGACY_PROGRAM, bytes);
    let entry = env.asset_entry(BTC);
    assert!(reports(&env.refresh(&entry).await).is_empty());
}

#[tokio::test]
async fn what_is_not_acceptable_does_not_spoil_the_rest() {
    let mut env = Env::new().await;
    let other = env.other_exchange().await;
    let trader = env.trader().await;
    env.advance(30).await;
    for asset in 0..env.assets.len() {
        env.set_price(asset, env.assets[asset].usd).await;
    }
    let exchange = env.exchange;
    let (market, next) = (env.markets[0].market, env.markets[1].market);
    let mut crossed = market;
    crossed.book = next.book;
    let unknown = RefreshEntry::Feed(FeedRef {
        index: 60,
        account: env.assets[SOL].primary.account,
        is_fallback: false,
    });
    let entries = [
        // Another feed's account, a feed that there is not, a fallback where there is none.
        feed_from(&env, SOL, env.assets[BTC].primary.account),
        unknown,
        RefreshEntry::Feed(FeedRef {
            index: env.assets[BTC].feed,
            account: env.assets[BTC].primary.account,
            is_fallback: true,
        }),
        env.feed_entry(USDC),
        env.feed_entry(ETH),
        // Another exchange's bank, and another market's book.
        RefreshEntry::Bank(other.quote),
        RefreshEntry::Market(crossed),
        RefreshEntry::Bank(env.assets[ETH].asset),
        RefreshEntry::Market(next),
    ];
    let mut batch = ix::refresh(&exchange, &entries);
    // What is no bank, what is no market in front of a book, and at last a bank.
    let bank = ix::refresh(&exchange, &[RefreshEntry::Bank(env.assets[USDC].asset)]);
    for head in [trader.margin, exchange.risk_state, market.book] {
        let bent = swap(&bank, env.assets[USDC].asset.bank, head);
        batch.accounts.extend(bent.accounts[1..].iter().cloned());
    }
    batch.accounts.extend(bank.accounts[1..].iter().cloned());
    let outcome = env.run(&[batch], &[]).await;
    let found = reports(&outcome);
    let code = errors::code;
    let sol = env.assets[SOL].feed;
    let btc = env.assets[BTC].feed;
    assert_eq!(found[0], (sol, code(E::WrongOracleOwner)));
    assert_eq!(found[1], (60, code(E::UnknownFeed)));
    assert_eq!(found[2], (btc, code(E::WrongOracleAccount)));
    assert_eq!(found[3], (NO_FEED, code(E::WrongExchange)));
    assert_eq!(found[4], (NO_FEED, code(E::WrongMarketAccount)));
    let mismatch = u32::from(ErrorCode::AccountDiscriminatorMismatch);
    assert_eq!(found[5], (NO_FEED, mismatch));
    assert_eq!(found.len(), 7, "{found:?}");
    let now = env.now().await;
    let risk = env.risk().await;
    assert_eq!(risk.assets[USDC].price.published_ms, now * 1_000);
    assert_eq!(risk.assets[ETH].price.published_ms, now * 1_000);
    assert!(risk.assets[SOL].price.published_ms < now * 1_000);
    assert_eq!(env.bank(USDC).await.accrued_until, now);
    assert_eq!(env.bank(ETH).await.accrued_until, now);
}

/// More feeds than accounts, and none at all.
#[tokio::test]
async fn a_refresh_names_an_account_for_every_feed() {
    let mut env = Env::new().await;
    let feeds = [env.feed_entry(SOL), env.feed_entry(BTC)];
    let mut short = ix::refresh(&env.exchange, &feeds);
    short.accounts.pop();
    env.refuse(&[short], &[], E::WrongRemainingAccount).await;
    let outcome = env.refresh(&[]).await;
    assert!(reports(&outcome).is_empty());
}

#[tokio::test]
async fn a_book_that_is_not_extended_yet_is_skipped() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let feed = env.assets[SOL].feed;
    let market = env.exchange.market(2);
    let terms = terms("NEW", 9, 1_000_000);
    let key = authority.pubkey();
    let exchange = env.exchange;
    let create = ix::create_market(&exchange, key, &market, terms, market_params(), feed, None);
    env.run(&[create], &[&authority]).await;
    env.advance(10).await;
    env.set_price(SOL, 150.0).await;
    let entries = [RefreshEntry::Market(market), env.feed_entry(SOL)];
    let outcome = env.refresh(&entries).await;
    assert_eq!(
        reports(&outcome),
        [(NO_FEED, errors::code(E::AccountNotExtended))]
    );
    let now = env.now().await * 1_000;
    let risk = env.risk().await;
    assert_eq!(risk.assets[SOL].price.published_ms, now);
    // Its price is the feed's all the same.
    assert_eq!(risk.markets[2].price.published_ms, now);
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
    assert!(pumped.price.spot as f64 / before.price.spot as f64 > 1.99);
    // Deposits count at the slow price for Init.
    assert!(pumped.asset_price[0] < pumped.asset_price[1] * 6 / 10);
    for _ in 0..3 {
        let entry = env.asset_entry(SOL);
        assert!(reports(&env.refresh(&entry).await).is_empty());
    }
    assert_eq!(env.entry(SOL).await.price.stable, pumped.price.stable);
}
