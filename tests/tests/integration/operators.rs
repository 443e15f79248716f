//! Creating and configuring: who may, with what, and only once.
use anchor_lang::error::ErrorCode;
use plimsoll::{
    error::PlimsollError as E,
    state::{Bank, RiskState},
};
use plimsoll_client::{instructions as ix, AssetRef};
use plimsoll_risk::MarketParams;
use plimsoll_tests::{
    attack::swap,
    env::{SOL, SOL_PERP, USDC},
    listing::oracles,
    params::{feed_limits, market_params, quote_params, ratio, terms, volatile_params},
    tokens::SPL_TOKEN,
    Env,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

/// The system program's refusal to create what exists.
const ALREADY_IN_USE: u32 = 0;

fn new_asset(env: &mut Env, decimals: u8) -> AssetRef {
    let mint = env.create_mint(SPL_TOKEN, decimals);
    env.exchange.asset(mint, SPL_TOKEN)
}

#[tokio::test]
async fn an_exchange_is_created_once_over_a_quote_of_six_decimals() {
    let mut env = Env::bare().await;
    let quote = env.assets[USDC].asset;
    let (authority, guardian) = (env.authority(), env.guardian.pubkey());
    let key = authority.pubkey();
    let wrong = env.create_mint(SPL_TOKEN, 9);
    let bad = ix::create_exchange(0, key, wrong, SPL_TOKEN, guardian, 7);
    env.refuse(&[bad], &[&authority], E::QuoteNotListed).await;

    let create = ix::create_exchange(0, key, quote.mint, SPL_TOKEN, guardian, 7);
    env.run(&[create.clone()], &[&authority]).await;
    let state = env.exchange_state().await;
    assert_eq!((state.authority, state.guardian), (key, guardian));
    assert_eq!((state.change_delay, state.id), (7, 0));
    assert_eq!(state.quote_mint, quote.mint);

    let thief = Keypair::new();
    env.fund(thief.pubkey());
    env.refuse_with(&[create], &[&authority], ALREADY_IN_USE)
        .await;
    let again = ix::create_exchange(0, thief.pubkey(), quote.mint, SPL_TOKEN, guardian, 0);
    env.refuse_with(&[again], &[&thief], ALREADY_IN_USE).await;
}

#[tokio::test]
async fn accounts_grow_to_their_size_and_no_further() {
    let mut env = Env::bare().await;
    let quote = env.assets[USDC];
    let authority = env.authority();
    let key = authority.pubkey();
    let create = ix::create_exchange(0, key, quote.asset.mint, SPL_TOKEN, key, 0);
    env.run(&[create], &[&authority]).await;
    let exchange = env.exchange;
    env.set_price(USDC, 1.0).await;
    let sources = oracles(&quote);
    let price = ix::list_feed(&exchange, key, [0; 16], sources, feed_limits(), None);
    let list = ix::list_asset(&exchange, key, &quote.asset, quote_params(), 0, None);
    // Not a panic: an error with a name.
    let small = u32::from(ErrorCode::AccountDidNotDeserialize);
    for early in [&price, &list] {
        env.refuse(
            std::slice::from_ref(early),
            &[&authority],
            E::AccountNotExtended,
        )
        .await;
    }
    let open = ix::create_margin_account(&exchange, key, key, 0);
    env.refuse_with(&[open], &[&authority], small).await;

    // Anyone may complete it.
    let helper = Keypair::new();
    env.fund(helper.pubkey());
    let extend = ix::extend_account(helper.pubkey(), exchange.risk_state);
    for _ in 0..ix::extensions_needed(RiskState::SPACE) {
        env.run(&[extend.clone()], &[&helper]).await;
    }
    env.refuse(&[extend], &[&helper], E::AlreadyExtended).await;
    let refresh = ix::refresh(&exchange, &[env.feed_entry(USDC)]);
    env.run(&[price, refresh, list], &[&authority]).await;

    let bank = ix::extend_account(helper.pubkey(), quote.asset.bank);
    env.refuse(&[bank], &[&helper], E::WrongRemainingAccount)
        .await;
    let foreign = ix::extend_account(helper.pubkey(), quote.asset.vault);
    env.refuse_with(&[foreign], &[&helper], ErrorCode::ConstraintOwner.into())
        .await;
}

#[tokio::test]
async fn only_the_quote_can_be_listed_first() {
    let mut env = Env::bare().await;
    let quote = env.assets[USDC];
    env.create_exchange(0, &quote.asset, 0).await;
    let authority = env.authority();
    let key = authority.pubkey();
    let feed = env.list_feed(&quote, feed_limits()).await;
    let asset = new_asset(&mut env, 9);
    let params = volatile_params(0.8, 0.9);
    let list = ix::list_asset(&env.exchange, key, &asset, params, feed, None);
    env.refuse(&[list], &[&authority], E::QuoteNotListed).await;
    let market = env.exchange.market(0);
    let (terms, params) = (terms("X", 9, 1_000), market_params());
    let create = ix::create_market(&env.exchange, key, &market, terms, params, feed, None);
    env.refuse(&[create], &[&authority], E::QuoteNotListed)
        .await;
    let open = ix::create_margin_account(&env.exchange, key, key, 0);
    env.refuse(&[open], &[&authority], E::QuoteNotListed).await;
}

#[tokio::test]
async fn an_asset_is_listed_by_the_authority_with_sound_parameters() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let key = authority.pubkey();
    let asset = new_asset(&mut env, 9);
    let good = volatile_params(0.8, 0.9);
    let feed = env.assets[SOL].feed;
    let exchange = env.exchange;
    let list = |params, feed, who| ix::list_asset(&exchange, who, &asset, params, feed, None);
    let mut loose = good;
    loose.asset_weight_init = ratio(0.95);
    let bad = list(loose, feed, key);
    env.refuse(&[bad], &[&authority], E::InvalidParameter).await;
    for unknown in [env.risk().await.feed_count, 64, u8::MAX] {
        let bad = list(good, unknown, key);
        env.refuse(&[bad], &[&authority], E::UnknownFeed).await;
    }
    let thief = Keypair::new();
    env.fund(thief.pubkey());
    let stolen = list(good, feed, thief.pubkey());
    env.refuse(&[stolen], &[&thief], E::NotAuthority).await;

    let listing = list(good, feed, key);
    let other = env.other_exchange().await;
    let bent = swap(&listing, env.exchange.risk_state, other.exchange.risk_state);
    env.refuse(&[bent], &[&authority], E::WrongExchange).await;
    env.run(&[listing.clone()], &[&authority]).await;
    let bank = env.read::<Bank>(asset.bank).await;
    assert_eq!((bank.index, bank.decimals), (5, 9));
    assert_eq!(bank.params, good);
    env.refuse_with(&[listing], &[&authority], ALREADY_IN_USE)
        .await;

    let many = new_asset(&mut env, 13);
    let list = ix::list_asset(&env.exchange, key, &many, good, feed, None);
    env.refuse(&[list], &[&authority], E::TooManyDecimals).await;
}

#[tokio::test]
async fn a_market_is_the_next_one_with_sound_terms() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let key = authority.pubkey();
    let feed = env.assets[SOL].feed;
    let exchange = env.exchange;
    let create = |index, terms, params: MarketParams, who| {
        let market = exchange.market(index);
        ix::create_market(&exchange, who, &market, terms, params, feed, None)
    };
    let good = terms("SOL-2", 9, 1_000_000);
    let mut no_tick = good;
    no_tick.tick = 0;
    let mut no_lot = good;
    no_lot.base_lot_size = 0;
    let mut wide = good;
    wide.base_decimals = 13;
    let mut thin = market_params();
    thin.maint_ratio = ratio(0.01);
    for (terms, params) in [
        (no_tick, market_params()),
        (no_lot, market_params()),
        (wide, market_params()),
        (good, thin),
    ] {
        let bad = create(2, terms, params, key);
        env.refuse(&[bad], &[&authority], E::InvalidParameter).await;
    }
    let skipped = create(3, good, market_params(), key);
    let seeds = ErrorCode::ConstraintSeeds.into();
    env.refuse_with(&[skipped], &[&authority], seeds).await;
    let thief = env.guardian();
    let stolen = create(2, good, market_params(), thief.pubkey());
    env.refuse(&[stolen], &[&thief], E::NotAuthority).await;

    env.run(&[create(2, good, market_params(), key)], &[&authority])
        .await;
    assert_eq!(env.risk().await.market_count, 3);
    let again = create(2, good, market_params(), key);
    env.refuse_with(&[again], &[&authority], seeds).await;
}

#[tokio::test]
async fn edits_reach_the_risk_state_at_once_and_only_in_their_own_exchange() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let before = env.entry(SOL).await;
    env.edit_asset(SOL, |p| p.asset_weight_init = ratio(0.4))
        .await;
    let after = env.entry(SOL).await;
    assert_eq!(after.asset_weight[0], ratio(0.4));
    assert!(after.asset_price[0] < before.asset_price[0]);
    env.edit_market(SOL_PERP, |p| p.init_ratio = ratio(0.2))
        .await;
    assert_eq!(env.risk().await.markets[SOL_PERP].init_ratio, ratio(0.2));

    let bad = env
        .edit_asset_ix(SOL, |p| p.asset_weight_maint = ratio(1.1))
        .await;
    env.refuse(&[bad], &[&authority], E::InvalidParameter).await;
    let bad = env
        .edit_market_ix(SOL_PERP, |p| p.min_order_notional = 0)
        .await;
    env.refuse(&[bad], &[&authority], E::InvalidParameter).await;

    let other = env.other_exchange().await;
    let edit = env.edit_asset_ix(USDC, |p| p.dust_usd = 1).await;
    let foreign = swap(&edit, env.assets[USDC].asset.bank, other.quote.bank);
    env.refuse(&[foreign], &[&authority], E::WrongExchange)
        .await;
    let foreign = swap(&edit, env.exchange.risk_state, other.exchange.risk_state);
    env.refuse(&[foreign], &[&authority], E::WrongExchange)
        .await;
    let thief = swap(&edit, authority.pubkey(), other.authority.pubkey());
    env.refuse(&[thief], &[&other.authority], E::NotAuthority)
        .await;
    let edit = env.edit_market_ix(SOL_PERP, |p| p.dust_lots = 1).await;
    let thief = swap(&edit, authority.pubkey(), other.authority.pubkey());
    env.refuse(&[thief], &[&other.authority], E::NotAuthority)
        .await;
    let mut unsigned = edit;
    unsigned.accounts[0].is_signer = false;
    env.refuse_with(&[unsigned], &[], ErrorCode::AccountNotSigner.into())
        .await;
}
