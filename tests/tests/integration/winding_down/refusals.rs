//! What a final price refuses, who may not set one, and which accounts the instructions do not take.
use plimsoll::{
    error::PlimsollError as E,
    state::{OracleSource, OracleSources},
};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    attack::swap,
    env::{BTC, BTC_PERP, ETH, JUP, SOL, SOL_PERP, USDC},
    listing::oracles,
    oracles::{price_of, Quote},
    params::{feed_limits, market_params, terms, volatile_params},
    scenarios::{all_but, pass, price_lots, rich, trade, SOL_1},
    tokens::SPL_TOKEN,
    trading::{ask, bid},
    usd, Env,
};
use solana_signer::Signer;

use plimsoll_tests::winding_down::{
    close_debt_ix, close_positions_ix, edit_ix, final_price, open_wallet_ix, return_ix, wind_down,
    DOUBT_SECS,
};

/// Nothing new at a final price; what gives back or reduces goes on.
#[tokio::test]
async fn a_final_price_lets_out_and_nothing_in() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let lender = env.trader_with(&[(SOL, 100 * SOL_1)]).await;
    let debtor = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.borrow(&debtor, SOL, 20 * SOL_1).await.unwrap();
    let other = env.open_margin_account(&lender.key, 1).await;
    let seller = rich(&mut env).await;
    trade(&mut env, SOL_PERP, &debtor, &seller, 150.0, 1_000).await;
    let price = price_lots(&env, SOL_PERP, 150.0).await;
    let resting = env.place(&debtor, bid(price - 100, 100), &[]).await;
    wind_down(&mut env, SOL, 14_000).await;
    let alive = all_but(&env, &[SOL]);
    env.refresh_only(&alive).await;

    let keys = [&debtor.key];
    env.refuse(
        &[env.deposit_ix(&lender, SOL, 1)],
        &[&lender.key],
        E::WindingDown,
    )
    .await;
    env.refuse(
        &[env.deposit_ix(&debtor, SOL, 21 * SOL_1)],
        &keys,
        E::WindingDown,
    )
    .await;
    env.refuse(
        &[env.withdraw_ix(&debtor, SOL, 1, true)],
        &keys,
        E::WindingDown,
    )
    .await;
    let asset = env.assets[SOL].asset;
    let owner = lender.pubkey();
    for (from, to, amount, borrow) in [
        (lender.margin, other, SOL_1, false),
        (lender.margin, other, 101 * SOL_1, true),
    ] {
        let moved = ix::transfer(&env.exchange, owner, from, to, &asset, amount, borrow);
        env.refuse(&[moved], &[&lender.key], E::WindingDown).await;
    }
    for terms in [bid(price, 10), ask(price, 10)] {
        env.refuse_order(&debtor, terms, &[], E::WindingDown).await;
        let reduce = plimsoll::orders::terms::OrderTerms {
            reduce_only: true,
            ..ask(price, 10)
        };
        env.refuse_order(&debtor, reduce, &[], E::WindingDown).await;
    }
    // Another market goes on.
    let price = price_lots(&env, BTC_PERP, 60_000.0).await;
    env.place_in(BTC_PERP, &debtor, bid(price - 100, 1), &[])
        .await;

    env.deposit(&debtor, SOL, SOL_1).await.unwrap();
    env.withdraw(&lender, SOL, SOL_1).await.unwrap();
    let order = plimsoll::orders::terms::OrderRef::Id(resting.id);
    env.cancel(&debtor, order).await;
    env.settle_pnl(&debtor).await;
    env.assert_conserved().await;
}

/// A final price is for ever, takes no other shape, and nothing new follows it.
#[tokio::test]
async fn a_final_price_is_well_formed_and_never_changed() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let key = authority.pubkey();
    let alive = all_but(&env, &[JUP]);
    pass(&mut env, DOUBT_SECS + 60, &alive).await;
    let good = final_price(75);
    let bad = [
        final_price(0),
        OracleSources {
            fallback: oracles(&env.assets[JUP]).primary,
            ..good
        },
        OracleSources {
            primary: OracleSource::default(),
            fallback: good.primary,
        },
        OracleSources {
            fallback: good.primary,
            ..oracles(&env.assets[JUP])
        },
        OracleSources {
            primary: OracleSource {
                base: 1,
                ..good.primary
            },
            ..good
        },
        OracleSources {
            primary: OracleSource {
                feed: [1; 32],
                ..good.primary
            },
            ..good
        },
        // Too small for the feed's scale.
        OracleSources {
            primary: OracleSource {
                exponent: -20,
                ..good.primary
            },
            ..good
        },
    ];
    for sources in bad {
        let edit = edit_ix(&env, JUP, sources, None).await;
        env.refuse(&[edit], &[&authority], E::InvalidParameter)
            .await;
    }
    let huge = OracleSources {
        primary: OracleSource {
            exponent: 30,
            ..good.primary
        },
        ..good
    };
    let edit = edit_ix(&env, JUP, huge, None).await;
    env.refuse(&[edit], &[&authority], E::Overflow).await;
    let (exchange, limits) = (env.exchange, feed_limits());
    let list = ix::list_feed(&exchange, key, [0; 16], good, limits, None);
    env.refuse(&[list], &[&authority], E::InvalidParameter)
        .await;
    // One that is listed but never had a price has nothing to wind down.
    let empty = env.risk().await.feed_count;
    let sources = OracleSources {
        primary: plimsoll_tests::oracles::Feed::pull().source,
        ..OracleSources::default()
    };
    let list = ix::list_feed(&exchange, key, [0; 16], sources, limits, None);
    let edit = ix::edit_feed(&exchange, key, empty, good, limits, None);
    env.run(&[list], &[&authority]).await;
    env.refuse(&[edit], &[&authority], E::StaleEntry).await;

    let edit = edit_ix(&env, JUP, good, None).await;
    env.run(&[edit.clone()], &[&authority]).await;
    let entry = env.entry(JUP).await.price;
    assert!(entry.is_final());
    let back = edit_ix(&env, JUP, oracles(&env.assets[JUP]), None).await;
    let other = edit_ix(&env, JUP, final_price(76), None).await;
    let tighter = env.edit_feed_ix(JUP, |l| l.stable_rate_per_hour /= 2).await;
    for edit in [back, other, tighter, edit] {
        env.refuse(&[edit], &[&authority], E::WindingDown).await;
    }
    assert_eq!(env.entry(JUP).await.price, entry);

    // Nothing leaves it, and nothing new follows it.
    env.refresh_only(&alive).await;
    let (jup, params) = (env.assets[JUP].asset, env.bank(JUP).await.params);
    let away = ix::edit_asset(&exchange, key, &jup, params, env.assets[SOL].feed, None);
    let params = env.bank(SOL).await.params;
    let onto = ix::edit_asset(
        &exchange,
        key,
        &env.assets[SOL].asset,
        params,
        env.assets[JUP].feed,
        None,
    );
    let mint = env.create_mint(SPL_TOKEN, 6);
    let new = exchange.asset(mint, SPL_TOKEN);
    let params = volatile_params(0.5, 0.6);
    let list = ix::list_asset(&exchange, key, &new, params, env.assets[JUP].feed, None);
    let (terms, params) = (terms("JUP-PERP", 6, 1_000_000), market_params());
    let market = exchange.market(2);
    let create = ix::create_market(
        &exchange,
        key,
        &market,
        terms,
        params,
        env.assets[JUP].feed,
        None,
    );
    for attempt in [away, onto, list, create] {
        env.refuse(&[attempt], &[&authority], E::WindingDown).await;
    }
}

#[tokio::test]
async fn the_quote_asset_and_a_feed_that_is_heard_are_not_wound_down() {
    let mut env = Env::new().await;
    let authority = env.authority();
    env.refresh_all().await;
    let edit = edit_ix(&env, SOL, final_price(15_000), None).await;
    env.refuse(&[edit.clone()], &[&authority], E::FeedAlive)
        .await;
    let quote = edit_ix(&env, USDC, final_price(100), None).await;
    env.refuse(&[quote.clone()], &[&authority], E::QuoteCannotWindDown)
        .await;
    // In an outage of the oracle as a whole no clock runs: nothing is wound down, however long it lasts.
    pass(&mut env, 2 * DOUBT_SECS, &[USDC]).await;
    env.refuse(&[edit.clone()], &[&authority], E::FeedAlive)
        .await;
    let alive = all_but(&env, &[SOL, USDC]);
    pass(&mut env, DOUBT_SECS + 60, &alive).await;
    env.refuse(&[quote], &[&authority], E::QuoteCannotWindDown)
        .await;
    // A price at the last moment keeps it alive.
    env.refresh_only(&[SOL]).await;
    env.refuse(&[edit], &[&authority], E::FeedAlive).await;
}

/// Nor is a feed whose fallback is heard, however long the primary is silent.
#[tokio::test]
async fn a_fallback_keeps_a_feed_alive() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let authority = env.authority();
    let alive = all_but(&env, &[ETH]);
    pass(&mut env, DOUBT_SECS + 60, &alive).await;
    let fallback = env.assets[ETH].fallback.expect("a fallback");
    let quote = Quote {
        price: price_of(env.assets[ETH].usd),
        conf: 1_000_000,
        publish_time: env.now().await,
    };
    env.publish(&fallback, quote);
    env.refresh(&[env.fallback_entry(ETH)]).await;
    let edit = edit_ix(&env, ETH, final_price(300_000), None).await;
    env.refuse(&[edit.clone()], &[&authority], E::FeedAlive)
        .await;
    let [age, ..] = feed_limits().ages();
    pass(&mut env, i64::from(age), &alive).await;
    env.refuse(&[edit.clone()], &[&authority], E::FeedAlive)
        .await;
    // What it said counts for as long as any price: doubt lasts anew.
    pass(&mut env, DOUBT_SECS + 30, &alive).await;
    env.run(&[edit], &[&authority]).await;
    assert!(env.entry(ETH).await.price.is_final());
}

/// Before there is a final price nothing is closed out or returned.
#[tokio::test]
async fn nothing_is_closed_out_at_a_price_that_is_not_final() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let lender = env
        .trader_with(&[(SOL, 100 * SOL_1), (USDC, usd(10_000))])
        .await;
    let debtor = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.borrow(&debtor, SOL, 20 * SOL_1).await.unwrap();
    trade(&mut env, SOL_PERP, &debtor, &lender, 150.0, 100).await;
    env.run(&[open_wallet_ix(&env, SOL, &lender.pubkey())], &[])
        .await;
    for attempt in [
        close_positions_ix(&env, &debtor, &lender),
        close_debt_ix(&env, SOL, &lender, &debtor),
        return_ix(&env, SOL, &lender),
    ] {
        env.refuse(&[attempt], &[], E::NotWindingDown).await;
    }
    // An order that has not expired stays.
    let price = price_lots(&env, SOL_PERP, 149.0).await;
    env.place(&debtor, bid(price, 100), &[]).await;
    let market = env.markets[SOL_PERP].market;
    let prune = ix::prune_orders(&env.exchange, &market, &[debtor.margin], 24);
    env.run(&[prune], &[]).await;
    assert_eq!(env.open_orders(&debtor).await.len(), 1);
}

/// Wrong accounts, one by one.
#[tokio::test]
async fn accounts_are_checked_against_each_other() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let lender = env
        .trader_with(&[(SOL, 100 * SOL_1), (USDC, usd(10_000))])
        .await;
    let debtor = env.trader_with(&[(USDC, usd(100_000))]).await;
    let stranger = env.trader_with(&[(USDC, usd(100))]).await;
    env.borrow(&debtor, SOL, 20 * SOL_1).await.unwrap();
    trade(&mut env, SOL_PERP, &debtor, &lender, 150.0, 100).await;
    let other = env.other_exchange().await;
    wind_down(&mut env, SOL, 14_000).await;
    let foreign = other.exchange.risk_state;
    let close = close_positions_ix(&env, &debtor, &lender);
    let settle = close_debt_ix(&env, SOL, &lender, &debtor);
    for good in [&close, &settle] {
        let bent = swap(good, env.exchange.risk_state, foreign);
        env.refuse(&[bent], &[], E::WrongExchange).await;
        let twice = swap(good, lender.margin, debtor.margin);
        env.refuse(&[twice], &[], E::DuplicateAccount).await;
        // Its price is old by now.
        let empty = swap(good, lender.margin, stranger.margin);
        env.refresh_only(&[USDC]).await;
        env.refuse(&[empty], &[], E::NothingToCloseOut).await;
    }
    // Another exchange's prices do not open this one's book.
    let market = env.markets[SOL_PERP].market;
    let prune = ix::prune_orders(&env.exchange, &market, &[], 8);
    let bent = swap(&prune, env.exchange.risk_state, foreign);
    env.refuse(&[bent], &[], E::WrongExchange).await;
    // The sides the wrong way round.
    let around = close_positions_ix(&env, &lender, &debtor);
    env.refuse(&[around], &[], E::NothingToCloseOut).await;
    let around = close_debt_ix(&env, SOL, &debtor, &lender);
    env.refuse(&[around], &[], E::NothingToCloseOut).await;
    let market = swap(
        &close,
        env.markets[SOL_PERP].market.address,
        env.markets[BTC_PERP].market.address,
    );
    env.refuse(&[market], &[], E::NotWindingDown).await;
    let bank = swap(
        &settle,
        env.assets[SOL].asset.bank,
        env.assets[BTC].asset.bank,
    );
    env.refuse(&[bank], &[], E::NotWindingDown).await;
    let quote = swap(
        &settle,
        env.assets[USDC].asset.bank,
        env.assets[BTC].asset.bank,
    );
    env.refuse(&[quote], &[], E::WrongMint).await;
    let same = swap(
        &settle,
        env.assets[USDC].asset.bank,
        env.assets[SOL].asset.bank,
    );
    env.refuse(&[same], &[], E::DuplicateAccount).await;
    env.advance(60).await;
    env.refuse(&[settle], &[], E::StaleEntry).await;

    // The wallet must be the owner's own.
    let all = all_but(&env, &[SOL]);
    env.refresh_only(&all).await;
    for owner in [lender.pubkey(), stranger.pubkey()] {
        env.run(&[open_wallet_ix(&env, SOL, &owner)], &[]).await;
    }
    let pay = return_ix(&env, SOL, &lender);
    let asset = env.assets[SOL].asset;
    let wallet = plimsoll_client::addresses::token_account(
        &lender.pubkey(),
        &asset.mint,
        &asset.token_program,
    );
    let theirs = plimsoll_client::addresses::token_account(
        &stranger.pubkey(),
        &asset.mint,
        &asset.token_program,
    );
    for thief in [theirs, stranger.tokens[SOL], lender.tokens[SOL]] {
        env.refuse(&[swap(&pay, wallet, thief)], &[], E::WrongTokenAccount)
            .await;
    }
    let bent = swap(&pay, lender.margin, stranger.margin);
    env.refuse(&[bent], &[], E::WrongTokenAccount).await;
    let bent = swap(
        &pay,
        env.assets[SOL].asset.vault,
        env.assets[BTC].asset.vault,
    );
    env.refuse(&[bent], &[], E::WrongVault).await;
    let bent = swap(&pay, env.exchange.risk_state, foreign);
    env.refuse(&[bent], &[], E::WrongExchange).await;
    let none = return_ix(&env, SOL, &stranger);
    env.refuse(&[none], &[], E::NoSuchPosition).await;
    let debt = return_ix(&env, SOL, &debtor);
    env.run(&[open_wallet_ix(&env, SOL, &debtor.pubkey())], &[])
        .await;
    env.refuse(&[debt], &[], E::NoSuchPosition).await;
    env.run(&[pay], &[]).await;
    env.assert_conserved().await;
}
