//! Two legs at two moments: the attacker refreshes one of them, and liquidates a hedge that is whole at any one price.
use std::collections::{btree_map::Entry, BTreeMap};

use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions::{self as ix, Liquidation, RefreshEntry};
use plimsoll_tests::{
    env::{BTC, BTC_PERP, SOL, SOL_PERP, USDC},
    scenarios::*,
    usd, Env, Trader,
};

use super::{assert_one_of, grid};

/// An exchange with a model; an account in portfolio margin that owns 100 SOL, is short as much in a market, and is a cushion
/// of dollars above its maintenance line; its liquidator to be.
pub struct Hedge {
    pub env: Env,
    pub account: Trader,
    pub attacker: Trader,
    pub books: Books,
}

pub async fn hedge(market: usize, cushion: f64) -> Hedge {
    let mut env = Env::new().await;
    env.list_model().await;
    let other = rich(&mut env).await;
    let account = env.portfolio_trader(&[(SOL, 100 * SOL_1)]).await;
    let dollars = env.assets[env.markets[market].underlying].usd;
    // Not a perfect hedge: that sinks by no move of the price alone.
    let lots = if market == SOL_PERP { 9_000 } else { 2_500 };
    trade(&mut env, market, &other, &account, dollars, lots).await;
    let free = env.health(&account).await.init;
    let kept = (cushion.max(30.0) * 1e6) as i64;
    let amount = u64::try_from((free - kept).max(1)).unwrap();
    env.borrow(&account, USDC, amount).await.unwrap();
    // As the price falls, what is not hedged loses; of two feeds the gain of one counts in part against the loss of the other.
    loop {
        let above = env.health(&account).await.maintenance - (cushion * 1e6) as i64;
        if above <= 0 {
            break;
        }
        let step = if above > 30_000_000 { 0.002 } else { 0.000_3 };
        let dollars = env.assets[SOL].usd * (1.0 - step);
        shock(&mut env, SOL, dollars).await;
    }
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

/// The cushion with which a hedge just withstands a move of both its legs, from what one with a wide cushion loses by it: while
/// one leg loses, the other's profit counts in part.
async fn cushion(market: usize, by: f64) -> f64 {
    let mut t = hedge(market, 2_000.0).await;
    let before = t.env.health(&t.account).await.maintenance;
    t.env.advance(1).await;
    for asset in [SOL, BTC] {
        t.env.assets[asset].usd *= 1.0 + by;
    }
    t.env.refresh_all().await;
    let lost = before - t.env.health(&t.account).await.maintenance;
    lost.max(0) as f64 / 1e6 * 1.15 + 15.0
}

/// The same for every move of the grid, by its bits.
pub async fn cushions(market: usize) -> BTreeMap<u64, f64> {
    let mut found = BTreeMap::new();
    for (by, _) in grid() {
        if let Entry::Vacant(place) = found.entry(by.to_bits()) {
            place.insert(cushion(market, by).await);
        }
    }
    found
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
    let wide = cushions(SOL_PERP).await;
    for (by, delay) in grid() {
        let mut t = hedge(SOL_PERP, wide[&by.to_bits()]).await;
        let price = t.env.assets[SOL].usd;
        let (env, market) = (&t.env, t.env.markets[SOL_PERP].market);
        let feed = env.feed_entry(SOL);
        let bank = RefreshEntry::Bank(env.assets[SOL].asset);
        let market = RefreshEntry::Market(market);
        let usdc = env.feed_entry(USDC);
        t.env.advance(delay).await;
        t.env.set_price(USDC, 1.0).await;
        t.env.set_price(SOL, price * (1.0 + by)).await;
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
        t.env.set_price(SOL, price).await;
        for part in [vec![market, usdc], vec![feed, bank], vec![market]] {
            attempts(&mut t, SOL_PERP, &part).await;
        }
        let gain = t.books.gain(&mut t.env, &[&t.attacker]).await;
        assert!(gain <= 0, "{by} after {delay} s: {gain}");
        assert_eq!(t.env.perp(&t.account).await.position.0, -9_000);
        t.env.assert_conserved().await;
    }
}

/// Another pair of feeds, which two updates of their own can move apart: SOL against bitcoin. For the ten seconds that a price
/// may be seized at, the legs can be at two moments; a second observation has to be later in both.
#[tokio::test]
async fn the_legs_of_two_feeds_are_at_two_moments_in_no_second_observation() {
    let wide = cushions(BTC_PERP).await;
    let mut skewed = 0;
    for (by, delay) in grid() {
        let mut t = hedge(BTC_PERP, wide[&by.to_bits()]).await;
        t.env.advance(delay).await;
        // Both fall, or rise, together. Whoever calls takes the one that hurts.
        let moved = [SOL, BTC].map(|asset| (asset, t.env.assets[asset].usd * (1.0 + by)));
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
        skewed += u32::from(flagged.is_ok());
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
        assert!(t.env.health(&t.account).await.maintenance >= 0, "a hedge");
        let result = t.env.send(&[seize], &[&t.attacker.key]).await;
        if let Err(error) = result {
            assert_one_of(Err(error), &[E::NotLiquidatable, E::SameObservation]);
        }
        assert_eq!(t.env.perp_in(BTC_PERP, &t.account).await.position.0, -2_500);
        let gain = t.books.gain(&mut t.env, &[&t.attacker]).await;
        assert!(gain <= 0, "{by} after {delay} s: {gain}");
        t.env.assert_conserved().await;
    }
    assert!(skewed > 3, "the legs can be told apart by {skewed} moves");
}
