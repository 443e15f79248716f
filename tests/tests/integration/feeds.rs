//! Feeds: who lists and changes them, what follows them, and that nobody chooses which of two prices a follower holds.
use anchor_lang::error::ErrorCode;
use plimsoll::{
    change::Change,
    error::PlimsollError as E,
    events::{FeedEdited, FeedListed},
    state::{
        feed::{oracle_kind, receiver, NO_FEED},
        OracleSource, OracleSources,
    },
};
use plimsoll_client::{events, instructions as ix};
use plimsoll_risk::{FeedLimits, RATIO_ONE};
use plimsoll_tests::{
    attack::swap,
    env::{BTC, ETH, SOL, SOL_PERP},
    listing::oracles,
    oracles::Feed,
    params::{feed_limits, market_params, terms, volatile_params},
    tokens::SPL_TOKEN,
    Env, ListedAsset,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

const NAME: [u8; 16] = *b"PYTH/USD\0\0\0\0\0\0\0\0";

fn pull() -> OracleSources {
    OracleSources {
        primary: Feed::pull().source,
        ..OracleSources::default()
    }
}

#[tokio::test]
async fn a_feed_is_listed_and_has_a_price_once_a_refresh_took_one() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let key = authority.pubkey();
    let source = Feed::pull();
    let sources = OracleSources {
        primary: source.source,
        ..OracleSources::default()
    };
    let index = env.risk().await.feed_count;
    let limits = feed_limits();
    let list = ix::list_feed(&env.exchange, key, NAME, sources, limits, None);
    let outcome = env.run(&[list], &[&authority]).await;
    let told: Vec<FeedListed> = events::of_kind(&outcome.logs);
    assert_eq!((told.len(), told[0].feed), (1, index));
    let feed = env.risk().await.feeds[usize::from(index)];
    assert_eq!(
        (feed.name, feed.sources, feed.limits),
        (NAME, sources, limits)
    );
    assert!(!feed.is_priced() && feed.assets == 0 && feed.markets == 0);

    // Nothing follows it before its first price, nor once that is old.
    let mint = env.create_mint(SPL_TOKEN, 6);
    let asset = ListedAsset {
        asset: env.exchange.asset(mint, SPL_TOKEN),
        decimals: 6,
        primary: source,
        fallback: None,
        feed: index,
        usd: 5.0,
    };
    env.assets.push(asset);
    let new = env.assets.len() - 1;
    let params = volatile_params(0.5, 0.6);
    let exchange = env.exchange;
    let list = ix::list_asset(&exchange, key, &asset.asset, params, index, None);
    let market = exchange.market(2);
    let (terms, params) = (terms("PYTH-PERP", 6, 1_000_000), market_params());
    let create = ix::create_market(&exchange, key, &market, terms, params, index, None);
    env.set_price(new, 5.0).await;
    for early in [&list, &create] {
        env.refuse(std::slice::from_ref(early), &[&authority], E::StaleEntry)
            .await;
    }
    let entry = env.feed_entry(new);
    env.refresh(&[entry]).await;
    let [age, ..] = limits.ages();
    env.advance(i64::from(age) + 1).await;
    env.refuse(std::slice::from_ref(&list), &[&authority], E::StaleEntry)
        .await;
    env.set_price(new, 5.0).await;
    env.refresh(&[entry]).await;
    env.run(&[list, create], &[&authority]).await;
    let risk = env.risk().await;
    let feed = risk.feeds[usize::from(index)];
    assert_eq!((feed.assets, feed.markets), (1 << new, 1 << 2));
    assert_eq!(risk.assets[new].price.published_ms, feed.price.published_ms);
    assert_eq!(risk.markets[2].price.published_ms, feed.price.published_ms);
}

#[tokio::test]
async fn only_the_authority_lists_and_edits_feeds_of_its_own_exchange() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let other = env.other_exchange().await;
    let (key, thief) = (authority.pubkey(), Keypair::new());
    env.fund(thief.pubkey());
    let exchange = env.exchange;
    let limits = feed_limits();
    let sources = oracles(&env.assets[SOL]);
    let feed = env.assets[SOL].feed;
    let list = ix::list_feed(&exchange, key, NAME, pull(), limits, None);
    let edit = ix::edit_feed(&exchange, key, feed, sources, limits, None);
    for good in [&list, &edit] {
        for (by, error) in [
            (&thief, E::NotAuthority),
            (&other.authority, E::NotAuthority),
        ] {
            let stolen = swap(good, key, by.pubkey());
            env.refuse(&[stolen], &[by], error).await;
        }
        let guardian = env.guardian();
        let stolen = swap(good, key, guardian.pubkey());
        env.refuse(&[stolen], &[&guardian], E::NotAuthority).await;
        let foreign = swap(good, exchange.risk_state, other.exchange.risk_state);
        env.refuse(&[foreign], &[&authority], E::WrongExchange)
            .await;
        let mut unsigned = good.clone();
        unsigned.accounts[0].is_signer = false;
        env.refuse_with(&[unsigned], &[], ErrorCode::AccountNotSigner.into())
            .await;
    }
    for unknown in [env.risk().await.feed_count, 64, NO_FEED] {
        let edit = ix::edit_feed(&exchange, key, unknown, sources, limits, None);
        env.refuse(&[edit], &[&authority], E::UnknownFeed).await;
    }
}

/// Sources that can never be read, and limits out of their bounds.
#[tokio::test]
async fn a_feed_needs_a_source_that_can_be_read_and_sound_limits() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let key = authority.pubkey();
    let exchange = env.exchange;
    let good = pull().primary;
    let legacy = Feed::legacy().source;
    let primaries = [
        OracleSource::default(),
        OracleSource { kind: 9, ..good },
        OracleSource {
            receiver: 0,
            ..good
        },
        OracleSource {
            receiver: 3,
            ..good
        },
        OracleSource {
            feed: [0; 32],
            ..good
        },
        OracleSource {
            padding: [1, 0, 0],
            ..good
        },
        OracleSource { base: 1, ..good },
        OracleSource {
            exponent: -8,
            ..good
        },
        OracleSource {
            receiver: receiver::DEFAULT,
            ..legacy
        },
        OracleSource {
            feed: [0; 32],
            ..legacy
        },
        OracleSource {
            kind: oracle_kind::DERIVED,
            feed: [0; 32],
            cap: NO_FEED,
            ..OracleSource::default()
        },
        // More than the number of a feed.
        OracleSource {
            kind: oracle_kind::PYTH_PRO,
            feed: [1; 32],
            exponent: -8,
            ..OracleSource::default()
        },
    ];
    let fallbacks = [
        OracleSource {
            receiver: 4,
            ..good
        },
        OracleSource {
            feed: [5; 32],
            ..OracleSource::default()
        },
        OracleSource {
            kind: oracle_kind::DERIVED,
            feed: [5; 32],
            cap: NO_FEED,
            ..OracleSource::default()
        },
    ];
    let bad_sources = primaries
        .map(|primary| OracleSources {
            primary,
            ..OracleSources::default()
        })
        .into_iter()
        .chain(fallbacks.map(|fallback| OracleSources {
            primary: good,
            fallback,
        }));
    for sources in bad_sources {
        let list = ix::list_feed(&exchange, key, NAME, sources, feed_limits(), None);
        env.refuse(&[list], &[&authority], E::InvalidParameter)
            .await;
    }
    let bad_limits: [fn(&mut FeedLimits); 14] = [
        |l| l.max_conf_ratio = RATIO_ONE / 1_000 - 1,
        |l| l.min_publishers = 17,
        |l| l.doubt_floor = RATIO_ONE / 4 - 1,
        |l| l.max_conf_ratio = RATIO_ONE / 4 + 1,
        |l| l.stable_rate_per_hour = 0,
        |l| l.max_divergence = 0,
        |l| l.doubt_benefit = RATIO_ONE / 4 + 1,
        |l| l.doubt_floor = RATIO_ONE + 1,
        |l| l.doubt_secs = 599,
        |l| l.doubt_secs = 64_801,
        |l| l.trade_age_secs = 2,
        |l| l.trade_age_secs = 601,
        |l| l.pay_age_secs = l.trade_age_secs + 1,
        |l| l.seize_age_secs = l.pay_age_secs + 1,
    ];
    for spoil in bad_limits {
        let mut limits = feed_limits();
        spoil(&mut limits);
        let list = ix::list_feed(&exchange, key, NAME, pull(), limits, None);
        env.refuse(&[list], &[&authority], E::InvalidParameter)
            .await;
        let edit = env.edit_feed_ix(SOL, spoil).await;
        env.refuse(&[edit], &[&authority], E::InvalidParameter)
            .await;
    }
}

/// A feed that names itself, none that there is, or one that is derived itself.
#[tokio::test]
async fn a_derived_feed_follows_feeds_that_there_are_and_that_are_not_derived() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let key = authority.pubkey();
    let exchange = env.exchange;
    let limits = feed_limits();
    let next = env.risk().await.feed_count;
    let derived = |base, cap| OracleSources {
        primary: OracleSource {
            kind: oracle_kind::DERIVED,
            feed: [7; 32],
            base,
            cap,
            ..OracleSource::default()
        },
        ..OracleSources::default()
    };
    let list = |sources| ix::list_feed(&exchange, key, NAME, sources, limits, None);
    let sol = env.assets[SOL].feed;
    for (base, cap, error) in [
        (next, NO_FEED, E::InvalidParameter),
        (sol, next, E::InvalidParameter),
        (next + 1, NO_FEED, E::UnknownFeed),
        (sol, 64, E::UnknownFeed),
    ] {
        env.refuse(&[list(derived(base, cap))], &[&authority], error)
            .await;
    }
    env.run(&[list(derived(sol, NO_FEED))], &[&authority]).await;
    assert_eq!(env.risk().await.feeds[usize::from(sol)].derived, 1 << next);
    for (base, cap) in [(next, NO_FEED), (sol, next)] {
        env.refuse(
            &[list(derived(base, cap))],
            &[&authority],
            E::InvalidParameter,
        )
        .await;
    }
    // Nor may the one that others follow become derived.
    let edit = ix::edit_feed(&exchange, key, sol, derived(0, NO_FEED), limits, None);
    env.refuse(&[edit], &[&authority], E::InvalidParameter)
        .await;
}

#[tokio::test]
async fn there_is_room_for_sixty_four_feeds() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let key = authority.pubkey();
    let exchange = env.exchange;
    let list = || ix::list_feed(&exchange, key, NAME, pull(), feed_limits(), None);
    while env.risk().await.feed_count < 64 {
        env.run(&[list()], &[&authority]).await;
    }
    env.refuse(&[list()], &[&authority], E::TooManyFeeds).await;
    env.refresh_all().await;
    assert!(env.entry(SOL).await.price.published_ms > 0);
}

/// A tightening runs at once, and for all who follow.
#[tokio::test]
async fn a_tightened_limit_reaches_every_follower_at_once() {
    let mut env = Env::new().await;
    env.raise_delay(3_600).await;
    let authority = env.authority();
    let edit = env
        .edit_feed_ix(SOL, |l| {
            l.conf_multiple *= 3;
            l.stable_rate_per_hour /= 2;
        })
        .await;
    let before = env.risk().await;
    let outcome = env.run(&[edit], &[&authority]).await;
    let told: Vec<FeedEdited> = events::of_kind(&outcome.logs);
    assert_eq!((told.len(), told[0].feed), (1, env.assets[SOL].feed));
    let risk = env.risk().await;
    let (asset, market) = (risk.assets[SOL], risk.markets[SOL_PERP]);
    for price in [asset.price, market.price] {
        assert_eq!(
            price.conf_multiple,
            3 * before.assets[SOL].price.conf_multiple
        );
    }
    // What is computed from the limits, too.
    assert!(asset.asset_price[0] < before.assets[SOL].asset_price[0]);
    assert!(market.price_low[0] < before.markets[SOL_PERP].price_low[0]);
    assert_eq!(risk.assets[BTC], before.assets[BTC]);
}

/// Every limit, moved a little the loose way, or either way where a tighter one could silence the feed, waits, and so does another source; a proposal allows exactly what it says.
#[tokio::test]
async fn loosenings_of_a_feed_wait() {
    const DELAY: u64 = 3_600;
    let mut env = Env::new().await;
    env.edit_feed(SOL, |l| l.min_publishers = 5).await;
    env.raise_delay(DELAY).await;
    let authority = env.authority();
    let key = authority.pubkey();
    let loosenings: [fn(&mut FeedLimits); 21] = [
        |l| l.max_conf_ratio += 1,
        |l| l.conf_multiple -= 1,
        |l| l.stable_rate_per_hour += 1,
        |l| l.max_divergence += 1,
        |l| l.doubt_benefit += 1,
        |l| l.doubt_benefit -= 1,
        |l| l.doubt_floor += 1,
        |l| l.doubt_secs += 1,
        |l| l.doubt_secs -= 1,
        |l| l.max_growth_per_day += 1,
        |l| l.trade_age_secs += 1,
        |l| l.pay_age_secs += 1,
        |l| l.seize_age_secs += 1,
        |l| l.seize_age_secs -= 1,
        |l| l.min_publishers -= 1,
        |l| l.min_publishers += 1,
        |l| l.max_conf_ratio -= 1,
        |l| l.max_divergence -= 1,
        |l| l.doubt_floor -= 1,
        |l| l.trade_age_secs -= 1,
        |l| l.pay_age_secs -= 1,
    ];
    for loosen in loosenings {
        let edit = env.edit_feed_ix(SOL, loosen).await;
        env.refuse(&[edit], &[&authority], E::ChangeNeedsDelay)
            .await;
    }
    let exchange = env.exchange;
    let feed = env.assets[SOL].feed;
    let limits = env.risk().await.feeds[usize::from(feed)].limits;
    let replaced = OracleSources {
        fallback: Feed::legacy().source,
        ..oracles(&env.assets[SOL])
    };
    let edit = |feed, sources, limits, p| ix::edit_feed(&exchange, key, feed, sources, limits, p);
    env.refuse(
        &[edit(feed, replaced, limits, None)],
        &[&authority],
        E::ChangeNeedsDelay,
    )
    .await;
    let change = Change::EditFeed {
        feed,
        sources: Box::new(replaced),
        limits,
    };
    let proposal = Some(env.propose(change).await);
    let run = edit(feed, replaced, limits, proposal);
    env.advance(DELAY as i64 - 1).await;
    env.refuse(std::slice::from_ref(&run), &[&authority], E::ChangeNotReady)
        .await;
    env.advance(1).await;
    let mut more = limits;
    more.trade_age_secs += 1;
    let other = env.assets[ETH].feed;
    for bent in [
        edit(feed, replaced, more, proposal),
        edit(other, replaced, limits, proposal),
        edit(feed, pull(), limits, proposal),
    ] {
        env.refuse(&[bent], &[&authority], E::ChangeMismatch).await;
    }
    env.run(&[run], &[&authority]).await;
    assert_eq!(env.risk().await.feeds[usize::from(feed)].sources, replaced);
}

/// The same entry, another feed: its price is that one's from the edit on, in its own unit.
#[tokio::test]
async fn an_asset_or_a_market_can_move_to_another_feed() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let key = authority.pubkey();
    let mut replacement = env.assets[SOL];
    replacement.primary = Feed::pull();
    let feed = env.list_feed(&replacement, feed_limits()).await;
    let exchange = env.exchange;
    let asset_params = env.bank(SOL).await.params;
    let market_params = env.market(SOL_PERP).await.params;
    let market = env.markets[SOL_PERP].market;
    let asset = env.assets[SOL].asset;
    let edits = [
        ix::edit_asset(&exchange, key, &asset, asset_params, feed, None),
        ix::edit_market(&exchange, key, &market, market_params, feed, None),
    ];
    for early in &edits {
        env.refuse(std::slice::from_ref(early), &[&authority], E::StaleEntry)
            .await;
    }
    let old = env.assets[SOL].feed;
    env.assets[SOL].primary = replacement.primary;
    env.assets[SOL].feed = feed;
    env.set_price(SOL, 140.0).await;
    let entry = env.feed_entry(SOL);
    env.refresh(&[entry]).await;
    let before = env.risk().await;
    env.run(&edits, &[&authority]).await;
    let risk = env.risk().await;
    assert_eq!(
        (
            risk.feeds[usize::from(old)].assets,
            risk.feeds[usize::from(old)].markets
        ),
        (0, 0)
    );
    let sol = risk.assets[SOL];
    assert_eq!(sol.shift, before.assets[SOL].shift);
    let ratio = sol.price.spot as f64 / before.assets[SOL].price.spot as f64;
    assert!((ratio - 140.0 / 150.0).abs() < 1e-6, "{ratio}");
    assert_eq!(sol.price.feed, feed);
    let ratio =
        risk.markets[SOL_PERP].price.spot as f64 / before.markets[SOL_PERP].price.spot as f64;
    assert!((ratio - 140.0 / 150.0).abs() < 1e-6, "{ratio}");
}
