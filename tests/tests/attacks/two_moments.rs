//! Two legs at two moments: the attacker refreshes one of them, and liquidates a hedge that is whole at any one price.
use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions::{self as ix, Liquidation, RefreshEntry};
use plimsoll_tests::{
    env::{BTC, BTC_PERP, SOL, SOL_PERP, USDC},
    scenarios::*,
    usd, Env, Trader,
};

use super::{assert_one_of, grid};

/// What a hedge is worth on either side, dollars.
const HEDGED: f64 = 15_000.0;

/// An exchange with a model; an account in portfolio margin that owns 100 SOL, is short as much in a market, and has borrowed
/// all but a cushion of what it could; its liquidator to be.
struct Hedge {
    env: Env,
    account: Trader,
    attacker: Trader,
    books: Books,
}

async fn hedge(market: usize, cushion: f64) -> Hedge {
    let mut env = Env::new().await;
    env.list_model().await;
    let other = rich(&mut env).await;
    let account = env.portfolio_trader(&[(SOL, 100 * SOL_1)]).await;
    let dollars = env.assets[env.markets[market].underlying].usd;
    let lots = if market == SOL_PERP { 10_000 } else { 2_500 };
    trade(&mut env, market, &other, &account, dollars, lots).await;
    let free = env.health(&account).await.init;
    let amount = free - (cushion * 1e6) as i64;
    env.borrow(&account, USDC, u64::try_from(amount).unwrap())
        .await
        .unwrap();
    let attacker = env.trader().await;
    let books = Books::open(&mut env, &[&attacker]).await;
    env.deposit(&attacker, USDC, usd(100_000)).await.unwrap();
    Hedge {
        env,
        account,
        attacker,
        books,
    }
}

/// Flags, and seizes both legs, or one, as far as it goes.
async fn attempts(t: &mut Hedge, market: usize, refresh: &[RefreshEntry]) {
    let spot = swap(&t.env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    let both = Liquidation {
        swap: spot.swap,
        ..take(&t.env, market, ALL)
    };
    for what in [
        Liquidation::default(),
        both,
        spot,
        take(&t.env, market, ALL),
    ] {
        let refresh = ix::refresh(&t.env.exchange, refresh);
        let call = liquidate_ix(&t.env, &t.attacker, &t.account, &what);
        let result = t.env.send(&[refresh, call], &[&t.attacker.key]).await;
        assert_one_of(result, &[E::NotLiquidatable]);
    }
}

#[tokio::test]
async fn the_legs_of_a_hedge_are_never_at_two_moments() {
    for (by, delay) in grid() {
        // At one price the profit of one leg counts in part against the other's loss.
        let mut t = hedge(SOL_PERP, HEDGED * by.abs() * 0.6 + 30.0).await;
        let (env, market) = (&t.env, t.env.markets[SOL_PERP].market);
        let feed = env.feed_entry(SOL);
        let bank = RefreshEntry::Bank(env.assets[SOL].asset);
        let market = RefreshEntry::Market(market);
        let usdc = env.feed_entry(USDC);
        t.env.advance(delay).await;
        t.env.set_price(USDC, 1.0).await;
        t.env.set_price(SOL, 150.0 * (1.0 + by)).await;
        for part in [
            vec![market],
            vec![bank],
            vec![feed, market],
            vec![bank, feed],
            vec![market, usdc],
        ] {
            attempts(&mut t, SOL_PERP, &part).await;
        }
        // And back, a second later.
        t.env.advance(1).await;
        t.env.set_price(SOL, 150.0).await;
        for part in [vec![market, usdc], vec![feed, bank], vec![market]] {
            attempts(&mut t, SOL_PERP, &part).await;
        }
        let gain = t.books.gain(&mut t.env, &[&t.attacker]).await;
        assert!(gain <= 0, "{by} after {delay} s: {gain}");
        assert_eq!(t.env.perp(&t.account).await.position.0, -10_000);
        t.env.assert_conserved().await;
    }
}

/// Another pair of feeds, which two updates of their own can move apart: SOL against bitcoin. For the ten seconds that a price
/// may be seized at, the legs can be at two moments; a second observation has to be later in both.
#[tokio::test]
async fn the_legs_of_two_feeds_are_at_two_moments_in_no_second_observation() {
    for (by, delay) in grid() {
        let mut t = hedge(BTC_PERP, HEDGED * by.abs() * 0.6 + 30.0).await;
        t.env.advance(delay).await;
        // Both fall, or rise, together. Whoever calls takes the one that hurts.
        let moved = [(SOL, 150.0), (BTC, 60_000.0)].map(|(asset, usd)| (asset, usd * (1.0 + by)));
        for (asset, dollars) in moved.into_iter().chain([(USDC, 1.0)]) {
            t.env.set_price(asset, dollars).await;
        }
        let (hurts, helps) = if by < 0.0 { (SOL, BTC) } else { (BTC, SOL) };
        let part = t.env.followers(&[hurts, USDC]);
        let refresh = ix::refresh(&t.env.exchange, &part);
        let both = Liquidation {
            swap: swap(&t.env, Leg::Asset(SOL), Leg::Asset(USDC), ALL).swap,
            ..take(&t.env, BTC_PERP, ALL)
        };
        let flag = liquidate_ix(&t.env, &t.attacker, &t.account, &Liquidation::default());
        let seize = liquidate_ix(&t.env, &t.attacker, &t.account, &both);
        let one = t
            .env
            .send(&[refresh.clone(), seize.clone()], &[&t.attacker.key])
            .await;
        assert_one_of(one, &[E::NotLiquidatable, E::SameObservation]);
        let flagged = t.env.send(&[refresh, flag], &[&t.attacker.key]).await;
        println!("{by} after {delay} s: flagged {}", flagged.is_ok());
        // A second later, again without the leg that helps.
        t.env.advance(1).await;
        for asset in [hurts, USDC] {
            let usd = t.env.assets[asset].usd;
            t.env.set_price(asset, usd).await;
        }
        let again = ix::refresh(&t.env.exchange, &part);
        let result = t
            .env
            .send(&[again, seize.clone()], &[&t.attacker.key])
            .await;
        assert_one_of(result, &[E::NotLiquidatable, E::SameObservation]);
        // And with it.
        let usd = t.env.assets[helps].usd;
        t.env.set_price(helps, usd).await;
        t.env.refresh_only(&[helps]).await;
        let result = t.env.send(&[seize], &[&t.attacker.key]).await;
        if let Err(error) = result {
            assert_one_of(Err(error), &[E::NotLiquidatable, E::SameObservation]);
        }
        assert_eq!(t.env.perp_in(BTC_PERP, &t.account).await.position.0, -2_500);
        let gain = t.books.gain(&mut t.env, &[&t.attacker]).await;
        assert!(gain <= 0, "{by} after {delay} s: {gain}");
        t.env.assert_conserved().await;
    }
}
