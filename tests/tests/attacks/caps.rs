//! Prices derived from a stake pool: the market of the token, whose price is never exceeded, is an observation like any other.
use anchor_lang::prelude::Pubkey;
use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions::{self as ix, Liquidation};
use plimsoll_tests::{
    env::{BTC_PERP, ETH, SOL, SOL_PERP, USDC},
    params::feed_limits,
    scenarios::*,
    usd, Env,
};
use solana_signer::Signer;

/// Ether becomes a token staked in a pool of 20 SOL each, 3,000 USD, and its own feed the market's.
async fn stake(env: &mut Env) {
    let market = env.assets[ETH].feed;
    stake_with(env, Some(market)).await;
}

async fn stake_with(env: &mut Env, cap: Option<u8>) -> u8 {
    let pool = Pubkey::new_unique();
    env.set_pool(pool, 20.0);
    let base = env.assets[SOL].feed;
    let staked = env.derive_feed(pool, base, cap, feed_limits()).await;
    env.refresh(&[Env::pool_entry(staked, pool)]).await;
    let (authority, params) = (env.authority(), env.bank(ETH).await.params);
    let token = env.assets[ETH].asset;
    let follow = ix::edit_asset(
        &env.exchange,
        authority.pubkey(),
        &token,
        params,
        staked,
        None,
    );
    env.run(&[follow], &[&authority]).await;
    staked
}

/// The market prints a dip once, now or a while ago, and the attacker leaves the market out of the second observation.
#[tokio::test]
async fn one_print_of_the_market_seizes_nothing() {
    for age in [0, 9, 50] {
        let mut env = Env::new().await;
        env.refresh_all().await;
        rich(&mut env).await;
        let attacker = env.trader().await;
        let books = Books::open(&mut env, &[&attacker]).await;
        env.deposit(&attacker, USDC, usd(100_000)).await.unwrap();
        stake(&mut env).await;
        let account = env.trader_with(&[(ETH, ETH_1)]).await;
        env.borrow(&account, USDC, usd(2_500)).await.unwrap();
        let others = all_but(&env, &[ETH]);
        pass(&mut env, 58, &others).await;
        // The true price is 3,000 before and after.
        let dip = env.post(ETH, 2_700.0, 1.0, age).await;
        env.refresh(&[dip]).await;
        let flag = liquidate_ix(&env, &attacker, &account, &Liquidation::default());
        let flagged = env.send(&[flag], &[&attacker.key]).await.is_ok();
        assert_eq!(flagged, age < 10, "one print may flag");
        let what = swap(&env, Leg::Asset(ETH), Leg::Asset(USDC), ALL);
        for _ in 0..4 {
            env.advance(1).await;
            env.refresh_only(&[SOL, USDC]).await;
            let seize = liquidate_ix(&env, &attacker, &account, &what);
            // Refused, or the account is only cleared.
            let _ = env.send(&[seize], &[&attacker.key]).await;
            assert_eq!(
                env.balance(account.margin, ETH).await,
                ETH_1 as i64,
                "{age}"
            );
        }
        let gain = books.gain(&mut env, &[&attacker]).await;
        assert!(gain <= 0, "{age}: {gain}");
        env.assert_conserved().await;
    }
}

/// The market falls, and who knows it refreshes the base only: he borrows on no price older than a payment allows.
#[tokio::test]
async fn a_loan_on_a_market_that_was_left_out_is_refused() {
    for delay in [5, 20, 21, 59] {
        let mut env = Env::new().await;
        env.refresh_all().await;
        rich(&mut env).await;
        let attacker = env.trader().await;
        let books = Books::open(&mut env, &[&attacker]).await;
        stake(&mut env).await;
        env.refresh_all().await;
        env.deposit(&attacker, ETH, ETH_1).await.unwrap();
        let others = all_but(&env, &[ETH]);
        pass(&mut env, delay, &others).await;
        let loan = env.withdraw_ix(&attacker, USDC, usd(2_000), true);
        let lent = env.send(&[loan], &[&attacker.key]).await;
        match delay > 20 {
            true => super::assert_one_of(lent, &[E::InsufficientHealth]),
            false => assert!(lent.is_ok(), "{delay}"),
        }
        // Within a payment's age it fell by two percent.
        env.assets[ETH].usd = 2_940.0;
        let gain = books.gain(&mut env, &[&attacker]).await;
        assert!(gain <= 0, "{delay}: {gain}");
        env.assert_conserved().await;
    }
}

/// The market's feed has been dead for minutes while SOL rises: a hedge of the token against SOL is not seized at a price that
/// stands still.
#[tokio::test]
async fn a_dead_market_is_no_bound() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    stake(&mut env).await;
    env.refresh_all().await;
    let account = env.trader_with(&[(ETH, ETH_1)]).await;
    env.borrow(&account, SOL, 13 * SOL_1).await.unwrap();
    let others = all_but(&env, &[ETH]);
    for dollars in [165.0, 180.0, 200.0] {
        pass(&mut env, 120, &others).await;
        env.assets[SOL].usd = dollars;
    }
    pass(&mut env, 10, &others).await;
    let what = swap(&env, Leg::Asset(ETH), Leg::Asset(SOL), ALL);
    for secs in [0, 30] {
        pass(&mut env, secs, &others).await;
        let call = liquidate_ix(&env, &by, &account, &what);
        let result = env.send(&[call], &[&by.key]).await;
        super::assert_one_of(result, &[E::NotLiquidatable]);
    }
    env.assert_conserved().await;
}

/// A staked token against the same SOL sold forward, SOL's feed dead: worth what it is at any price of SOL.
#[tokio::test]
async fn a_hedge_of_a_staked_token_is_one_price_in_doubt_as_well() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let other = rich(&mut env).await;
    stake_with(&mut env, None).await;
    env.refresh_all().await;
    let account = env.trader_with(&[(ETH, 5 * ETH_1)]).await;
    trade(&mut env, SOL_PERP, &other, &account, 150.0, 10_000).await;
    let alive = all_but(&env, &[SOL]);
    for minutes in [2, 30, 60] {
        let now = env.now().await - plimsoll_tests::chain::START_TIME;
        pass(&mut env, minutes * 60 + 60 - now, &alive).await;
        let equity = equity(&mut env, &account).await;
        let off = equity - usd(15_000).cast_signed();
        assert!(off.abs() < usd(10).cast_signed(), "{minutes}: {equity}");
    }
    env.assert_conserved().await;
}

/// A market on a staked token whose own market's feed is dead: funding does not go on at a price that stands still, however often
/// the base is refreshed.
#[tokio::test]
async fn funding_waits_for_a_price_that_the_derived_feed_accepts() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let cap = env.assets[ETH].feed;
    let staked = stake_with(&mut env, Some(cap)).await;
    let (authority, params) = (env.authority(), env.market(BTC_PERP).await.params);
    let market = env.markets[BTC_PERP].market;
    let signer = authority.pubkey();
    let follow = ix::edit_market(&env.exchange, signer, &market, params, staked, None);
    env.run(&[follow], &[&authority]).await;
    let market = ix::RefreshEntry::Market(market);
    for secs in [5, 70, 5] {
        let before = env.market(BTC_PERP).await.funded_until;
        env.advance(secs).await;
        env.set_price(SOL, 150.0).await;
        env.refresh(&[env.feed_entry(SOL), market]).await;
        assert_eq!(env.market(BTC_PERP).await.funded_until, before, "{secs}");
    }
    env.advance(1).await;
    let before = env.market(BTC_PERP).await.funded_until;
    env.set_price(SOL, 150.0).await;
    env.set_price(ETH, 3_000.0).await;
    let entries = [env.feed_entry(SOL), env.feed_entry(ETH), market];
    env.refresh(&entries).await;
    assert!(env.market(BTC_PERP).await.funded_until > before);
}
