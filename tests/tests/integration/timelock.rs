//! Loosening waits out the delay, matches its proposal byte for byte, and can be cancelled.
use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::{
    change::{Change, CHANGE_LIFETIME, MAX_CHANGE_DELAY},
    error::PlimsollError as E,
    state::mode,
};
use plimsoll_client::{addresses, instructions as ix, Proposal};
use plimsoll_risk::AssetParams;
use plimsoll_tests::{
    attack::swap,
    env::{BTC, SOL, SOL_PERP},
    listing::oracles,
    oracles::Feed,
    params::{feed_limits, market_params, ratio, terms, volatile_params},
    tokens::SPL_TOKEN,
    Env, ListedAsset,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

const DELAY: u64 = 3_600;

/// An exchange whose loosenings wait an hour.
async fn delayed() -> (Env, Keypair) {
    let mut env = Env::new().await;
    env.raise_delay(DELAY).await;
    let authority = env.authority();
    (env, authority)
}

async fn params(env: &Env) -> AssetParams {
    let mut params = env.bank(SOL).await.params;
    params.deposit_cap_usd *= 2;
    params
}

fn edit(env: &Env, params: AssetParams, proposal: Option<Proposal>) -> Instruction {
    let listed = env.assets[SOL];
    let authority = env.authority.pubkey();
    ix::edit_asset(
        &env.exchange,
        authority,
        &listed.asset,
        params,
        listed.feed,
        proposal,
    )
}

fn edit_change(env: &Env, params: AssetParams) -> Change {
    Change::EditAsset {
        asset: SOL as u16,
        params: Box::new(params),
        feed: env.assets[SOL].feed,
    }
}

#[tokio::test]
async fn a_loosening_runs_only_after_its_delay_and_only_once() {
    let (mut env, authority) = delayed().await;
    let loose = params(&env).await;
    let signers = [&authority];
    env.refuse(&[edit(&env, loose, None)], &signers, E::ChangeNeedsDelay)
        .await;
    let change = edit_change(&env, loose);
    let proposal = env.propose(change).await;
    let stored = env.pending_change(proposal.nonce).await.unwrap();
    assert_eq!(stored.ready_at, env.now().await + DELAY as i64);

    let run = edit(&env, loose, Some(proposal));
    env.refuse(&[run.clone()], &signers, E::ChangeNotReady)
        .await;
    env.advance(DELAY as i64 - 1).await;
    env.refuse(&[run.clone()], &signers, E::ChangeNotReady)
        .await;
    env.advance(1).await;
    env.run(&[run.clone()], &signers).await;
    assert_eq!(env.bank(SOL).await.params, loose);
    assert!(env.pending_change(proposal.nonce).await.is_none());
    // The proposal is used up: the same edit again loosens nothing, but a missing proposal is still refused.
    let error = env.fail(&[run], &signers).await;
    assert!(error.code().is_some());
}

#[tokio::test]
async fn a_tightening_runs_at_once() {
    let (mut env, authority) = delayed().await;
    env.edit_asset(SOL, |p| {
        p.asset_weight_init = ratio(0.5);
        p.asset_weight_maint = ratio(0.6);
        p.deposit_cap_usd /= 2;
        p.outflow_limit_usd /= 2;
    })
    .await;
    env.edit_feed(SOL, |l| l.stable_rate_per_hour /= 2).await;
    env.edit_market(SOL_PERP, |p| {
        p.init_ratio = ratio(0.3);
        p.open_interest_cap_lots = 10;
    })
    .await;
    // Together with one loosened field it waits.
    let mixed = env
        .edit_asset_ix(SOL, |p| {
            p.asset_weight_init = ratio(0.4);
            p.liability_weight_maint -= 1;
        })
        .await;
    env.refuse(&[mixed], &[&authority], E::ChangeNeedsDelay)
        .await;
    let mixed = env.edit_market_ix(SOL_PERP, |p| p.taker_fee += 1).await;
    env.refuse(&[mixed], &[&authority], E::ChangeNeedsDelay)
        .await;
}

/// Every field of an asset, moved a little the loose way (and the others the same), waits.
#[tokio::test]
async fn every_loosened_field_waits() {
    let (mut env, authority) = delayed().await;
    env.edit_asset(SOL, |p| p.asset_weight_init -= 10).await;
    let loosenings: [fn(&mut AssetParams); 21] = [
        |p| p.deposit_scale_start_usd += 1,
        |p| p.borrow_scale_start_usd += 1,
        |p| p.deposit_cap_usd += 1,
        |p| p.borrow_cap_usd += 1,
        |p| p.net_borrow_limit_usd += 1,
        |p| p.outflow_limit_usd += 1,
        |p| p.insurance_limit_usd += 1,
        |p| p.dust_usd -= 1,
        |p| p.asset_weight_init += 1,
        |p| p.asset_weight_maint += 1,
        |p| p.liability_weight_init -= 1,
        |p| p.liability_weight_maint -= 1,
        |p| p.net_borrow_window_secs -= 1,
        |p| p.outflow_window_secs -= 1,
        |p| p.scale_secs -= 1,
        |p| p.per_raw_unit = 1,
        |p| p.interest_fee -= 1,
        |p| p.loan_origination_fee -= 1,
        |p| p.curve.rate0 += 1,
        |p| p.liquidation.fee_min += 1,
        |p| p.liquidation.insurance_share -= 1,
    ];
    for loosen in loosenings {
        let edit = env.edit_asset_ix(SOL, loosen).await;
        env.refuse(&[edit], &[&authority], E::ChangeNeedsDelay)
            .await;
    }
    // So does another feed.
    let asset = env.assets[SOL];
    let params = env.bank(SOL).await.params;
    let other = env.assets[BTC].feed;
    let key = authority.pubkey();
    let edit = ix::edit_asset(&env.exchange, key, &asset.asset, params, other, None);
    env.refuse(&[edit], &[&authority], E::ChangeNeedsDelay)
        .await;
    let params = env.market(SOL_PERP).await.params;
    let market = env.markets[SOL_PERP].market;
    let edit = ix::edit_market(&env.exchange, key, &market, params, other, None);
    env.refuse(&[edit], &[&authority], E::ChangeNeedsDelay)
        .await;
}

#[tokio::test]
async fn a_proposal_allows_exactly_what_it_says() {
    let (mut env, authority) = delayed().await;
    let loose = params(&env).await;
    let change = edit_change(&env, loose);
    let proposal = env.propose(change).await;
    env.advance(DELAY as i64).await;
    let mut more = loose;
    more.deposit_cap_usd += 1;
    let signers = [&authority];
    env.refuse(
        &[edit(&env, more, Some(proposal))],
        &signers,
        E::ChangeMismatch,
    )
    .await;
    // For another asset, and by another instruction.
    let run = edit(&env, loose, Some(proposal));
    let other_bank = swap(&run, env.assets[SOL].asset.bank, env.assets[2].asset.bank);
    env.refuse(&[other_bank], &signers, E::ChangeMismatch).await;
    let key = authority.pubkey();
    let takeover = ix::edit_exchange(&env.exchange, key, key, key, 0, Some(proposal));
    env.refuse(&[takeover], &signers, E::ChangeMismatch).await;
    // The rent goes to who proposed it.
    let mut thief = proposal;
    thief.proposer = env.guardian.pubkey();
    env.refuse(
        &[edit(&env, loose, Some(thief))],
        &signers,
        E::ChangeMismatch,
    )
    .await;
    // Another exchange's proposal is none.
    let other = env.other_exchange().await;
    let their_key = other.authority.pubkey();
    let change = edit_change(&env, loose);
    let theirs = ix::propose_change(&other.exchange, their_key, 0, change);
    env.run(&[theirs], &[&other.authority]).await;
    let pending = addresses::pending_change(&env.exchange.address, proposal.nonce);
    let their_pending = addresses::pending_change(&other.exchange.address, 0);
    let bent = swap(&edit(&env, loose, Some(proposal)), pending, their_pending);
    env.refuse(&[bent], &signers, E::WrongExchange).await;
    env.run(&[edit(&env, loose, Some(proposal))], &signers)
        .await;
}

#[tokio::test]
async fn a_proposal_lapses_after_two_weeks() {
    let (mut env, authority) = delayed().await;
    let loose = params(&env).await;
    let change = edit_change(&env, loose);
    let proposal = env.propose(change).await;
    env.advance(DELAY as i64 + CHANGE_LIFETIME + 1).await;
    let run = edit(&env, loose, Some(proposal));
    env.refuse(&[run], &[&authority], E::ChangeExpired).await;
    let cancel = ix::cancel_change(&env.exchange, authority.pubkey(), proposal);
    env.run(&[cancel], &[&authority]).await;
}

#[tokio::test]
async fn the_guardian_cancels_a_proposal() {
    let (mut env, authority) = delayed().await;
    let loose = params(&env).await;
    let change = edit_change(&env, loose);
    let proposal = env.propose(change).await;
    let guardian = env.guardian();
    let stranger = env.trader().await;
    let cancel = |who| ix::cancel_change(&env.exchange, who, proposal);
    let (by_stranger, by_guardian) = (cancel(stranger.pubkey()), cancel(guardian.pubkey()));
    env.refuse(&[by_stranger], &[&stranger.key], E::NotGuardian)
        .await;
    let mut rent = proposal;
    rent.proposer = guardian.pubkey();
    let stolen = ix::cancel_change(&env.exchange, guardian.pubkey(), rent);
    env.refuse(&[stolen], &[&guardian], E::ChangeMismatch).await;
    let other = env.other_exchange().await;
    let bent = swap(&by_guardian, env.exchange.address, other.exchange.address);
    let bent = swap(&bent, guardian.pubkey(), other.authority.pubkey());
    env.refuse(&[bent], &[&other.authority], E::WrongExchange)
        .await;
    env.run(&[by_guardian], &[&guardian]).await;
    env.advance(DELAY as i64).await;
    env.fail(&[edit(&env, loose, Some(proposal))], &[&authority])
        .await;
}

#[tokio::test]
async fn the_guardian_cannot_propose() {
    let (mut env, _) = delayed().await;
    let guardian = env.guardian();
    let change = Change::SetExchangeMode { mode: mode::ACTIVE };
    let propose = ix::propose_change(&env.exchange, guardian.pubkey(), 0, change);
    env.refuse(&[propose], &[&guardian], E::NotAuthority).await;
}

#[tokio::test]
async fn authority_guardian_and_shorter_delays_wait() {
    let (mut env, authority) = delayed().await;
    let (key, guardian) = (authority.pubkey(), env.guardian.pubkey());
    let heir = Keypair::new();
    env.fund(heir.pubkey());
    let exchange = env.exchange;
    let edit = |a, g, d, p| ix::edit_exchange(&exchange, key, a, g, d, p);
    for instruction in [
        edit(heir.pubkey(), guardian, DELAY, None),
        edit(key, heir.pubkey(), DELAY, None),
        edit(key, guardian, DELAY - 1, None),
        edit(key, guardian, 0, None),
    ] {
        env.refuse(&[instruction], &[&authority], E::ChangeNeedsDelay)
            .await;
    }
    env.run(&[edit(key, guardian, DELAY + 1, None)], &[&authority])
        .await;
    let change = Change::EditExchange {
        authority: heir.pubkey(),
        guardian,
        change_delay: DELAY,
    };
    let proposal = env.propose(change).await;
    env.advance(DELAY as i64 + 1).await;
    let transfer = edit(heir.pubkey(), guardian, DELAY, Some(proposal));
    env.run(&[transfer], &[&authority]).await;
    let back = edit(key, guardian, DELAY, None);
    env.refuse(&[back], &[&authority], E::NotAuthority).await;
    assert_eq!(env.exchange_state().await.authority, heir.pubkey());
}

#[tokio::test]
async fn modes_are_loosened_after_the_delay() {
    let (mut env, authority) = delayed().await;
    let key = authority.pubkey();
    let exchange = env.exchange;
    let asset = env.assets[SOL].asset;
    let market = env.markets[SOL_PERP].market;
    env.set_exchange_mode(mode::PAUSED).await;
    env.set_asset_mode(SOL, mode::PAUSED).await;
    env.set_market_mode(SOL_PERP, mode::PAUSED).await;
    let set = |p: [Option<Proposal>; 3]| {
        [
            ix::set_exchange_mode(&exchange, key, mode::ACTIVE, p[0]),
            ix::set_asset_mode(&exchange, key, &asset, mode::ACTIVE, p[1]),
            ix::set_market_mode(&exchange, key, &market, mode::ACTIVE, p[2]),
        ]
    };
    for now in set([None; 3]) {
        env.refuse(&[now], &[&authority], E::ChangeNeedsDelay).await;
    }
    let changes = [
        Change::SetExchangeMode { mode: mode::ACTIVE },
        Change::SetAssetMode {
            asset: SOL as u16,
            mode: mode::ACTIVE,
        },
        Change::SetMarketMode {
            market: SOL_PERP as u16,
            mode: mode::ACTIVE,
        },
    ];
    let mut proposals = [None; 3];
    for (slot, change) in proposals.iter_mut().zip(changes) {
        *slot = Some(env.propose(change).await);
    }
    let early = set(proposals)[0].clone();
    env.refuse(&[early], &[&authority], E::ChangeNotReady).await;
    env.advance(DELAY as i64).await;
    env.run(&set(proposals), &[&authority]).await;
    assert_eq!(env.risk().await.mode, mode::ACTIVE);
}

#[tokio::test]
async fn listings_wait_too() {
    let (mut env, authority) = delayed().await;
    let key = authority.pubkey();
    let mint = env.create_mint(SPL_TOKEN, 5);
    let feed = env.risk().await.feed_count;
    let asset = ListedAsset {
        asset: env.exchange.asset(mint, SPL_TOKEN),
        decimals: 5,
        primary: Feed::pull(),
        fallback: None,
        feed,
        usd: 0.00002,
    };
    env.assets.push(asset);
    let index = env.assets.len() - 1;
    let (asset_params, market_params) = (volatile_params(0.3, 0.5), market_params());
    let terms = terms("BONK-PERP", 5, 1_000_000_000);
    let exchange = env.exchange;
    let (name, limits, sources) = (*b"BONK/USD\0\0\0\0\0\0\0\0", feed_limits(), oracles(&asset));
    let price = |p| ix::list_feed(&exchange, key, name, sources, limits, p);
    let list = |p| ix::list_asset(&exchange, key, &asset.asset, asset_params, feed, p);
    let market = exchange.market(2);
    let create = |p| ix::create_market(&exchange, key, &market, terms, market_params, feed, p);
    for now in [price(None), list(None), create(None)] {
        env.refuse(&[now], &[&authority], E::ChangeNeedsDelay).await;
    }
    // All three can be announced together.
    let pricing = Change::ListFeed {
        name,
        sources: Box::new(sources),
        limits,
    };
    let listing = Change::ListAsset {
        mint,
        params: Box::new(asset_params),
        feed,
    };
    let creation = Change::CreateMarket {
        terms,
        params: Box::new(market_params),
        feed,
    };
    let pricing = env.propose(pricing).await;
    let listing = env.propose(listing).await;
    let creation = env.propose(creation).await;
    env.advance(DELAY as i64).await;
    // Nothing follows a feed that there is not, or that had no price yet.
    env.refuse(&[list(Some(listing))], &[&authority], E::UnknownFeed)
        .await;
    env.run(&[price(Some(pricing))], &[&authority]).await;
    env.refuse(&[list(Some(listing))], &[&authority], E::StaleEntry)
        .await;
    env.refuse(&[create(Some(creation))], &[&authority], E::StaleEntry)
        .await;
    env.set_price(index, 0.00002).await;
    let feed = env.feed_entry(index);
    env.refresh(&[feed]).await;
    env.run(&[list(Some(listing))], &[&authority]).await;
    env.run(&[create(Some(creation))], &[&authority]).await;
    assert_eq!(env.risk().await.market_count, 3);
}

/// A longer delay runs at once, so it is bounded: an endless one would freeze every control for good.
#[tokio::test]
async fn no_delay_is_longer_than_thirty_days() {
    let (mut env, authority) = delayed().await;
    let (key, guardian) = (authority.pubkey(), env.guardian.pubkey());
    let quote = env.assets[0].asset;
    for delay in [MAX_CHANGE_DELAY + 1, u64::MAX] {
        let freeze = ix::edit_exchange(&env.exchange, key, key, guardian, delay, None);
        env.refuse(&[freeze], &[&authority], E::InvalidParameter)
            .await;
        let program = quote.token_program;
        let create = ix::create_exchange(9, key, quote.mint, program, guardian, delay);
        env.refuse(&[create], &[&authority], E::InvalidParameter)
            .await;
    }
    let longest = ix::edit_exchange(&env.exchange, key, key, guardian, MAX_CHANGE_DELAY, None);
    env.run(&[longest], &[&authority]).await;
}
