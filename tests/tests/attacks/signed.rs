//! Pro beside pull: one leg of a hedge on a feed of signed messages, the other on one of posted updates. The attacker carries or
//! posts one of them, at the moment that suits him, and leaves the other.
use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::{error::PlimsollError as E, state::feed::NO_FEED, SignedPrices, FALLBACK};
use plimsoll_client::instructions::{self as ix, Liquidation};
use plimsoll_tests::{
    env::{BTC, BTC_PERP, ETH, SOL, USDC},
    pyth_pro::CHECK_INDEX,
    scenarios::*,
    Env,
};
use solana_signer::Signer;

use super::{
    assert_one_of, grid,
    two_moments::{cushions, hedge},
};

/// What brings the price of an asset in, and of the quote token, whose posted update is always at hand.
async fn bring(env: &mut Env, asset: usize) -> Vec<Instruction> {
    env.set_price(USDC, 1.0).await;
    if asset == BTC {
        let quote = env.feed_entry(USDC);
        return env.signed(&[BTC], &[quote]).await.into();
    }
    let usd = env.assets[asset].usd;
    env.set_price(asset, usd).await;
    vec![ix::refresh(&env.exchange, &env.followers(&[asset, USDC]))]
}

#[tokio::test]
async fn a_hedge_of_a_signed_and_a_posted_price_is_at_two_moments_in_no_second_observation() {
    let wide = cushions(BTC_PERP).await;
    let mut skewed = 0;
    for (by, delay) in grid() {
        let mut t = hedge(BTC_PERP, wide[&by.to_bits()]).await;
        t.env.sign_feeds(&[BTC]).await;
        let prime = bring(&mut t.env, BTC).await;
        t.env.run(&prime, &[]).await;
        t.env.advance(delay).await;
        for asset in [SOL, BTC] {
            t.env.assets[asset].usd *= 1.0 + by;
        }
        // Both fall, or rise, together. Whoever calls brings the one that hurts.
        let (hurts, helps) = if by < 0.0 { (SOL, BTC) } else { (BTC, SOL) };
        let what = Liquidation {
            swap: swap(&t.env, Leg::Asset(SOL), Leg::Asset(USDC), ALL).swap,
            ..take(&t.env, BTC_PERP, ALL)
        };
        let flag = liquidate_ix(&t.env, &t.attacker, &t.account, &Liquidation::default());
        let seize = liquidate_ix(&t.env, &t.attacker, &t.account, &what);
        let with = |mut refresh: Vec<Instruction>, call: &Instruction| {
            refresh.push(call.clone());
            refresh
        };
        let one = bring(&mut t.env, hurts).await;
        let result = t
            .env
            .send(&with(one.clone(), &seize), &[&t.attacker.key])
            .await;
        assert_one_of(result, &[E::NotLiquidatable, E::SameObservation]);
        let flagged = t.env.send(&with(one, &flag), &[&t.attacker.key]).await;
        skewed += u32::from(flagged.is_ok());
        // Again without the leg that helps: a second later, and when the message is too old for a seizure.
        for later in [1, 4] {
            t.env.advance(later).await;
            let again = bring(&mut t.env, hurts).await;
            let result = t.env.send(&with(again, &seize), &[&t.attacker.key]).await;
            // A call that finds it maintained, one leg in doubt, takes nothing.
            if result.is_err() {
                assert_one_of(result, &[E::NotLiquidatable, E::SameObservation]);
            }
            assert_eq!(t.env.perp_in(BTC_PERP, &t.account).await.position.0, -2_500);
        }
        // And with it.
        let whole = bring(&mut t.env, helps).await;
        t.env.run(&whole, &[]).await;
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

/// All prices that one message tells are taken at once: by no name can one of them be left out, and no two feeds share one.
#[tokio::test]
async fn no_price_of_a_message_is_left_out() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    env.sign_feeds(&[BTC, SOL]).await;
    env.advance(2).await;
    let [check, whole] = env.signed(&[BTC, SOL], &[]).await;
    let [btc, sol, eth] = [BTC, SOL, ETH].map(|asset| env.assets[asset].feed);
    let before = [BTC, SOL].map(|asset| env.assets[asset].feed);
    let published = |risk: &plimsoll::state::RiskState| {
        before.map(|feed| risk.feeds[usize::from(feed)].price.published_ms)
    };
    let old = published(&*env.risk().await);
    for (feeds, refusal) in [
        (vec![NO_FEED, sol], E::FeedLeftOut),
        (vec![btc], E::FeedLeftOut),
        (vec![btc | FALLBACK, sol], E::FeedLeftOut),
        (vec![sol, btc], E::WrongFeed),
        (vec![eth, sol], E::WrongFeed),
        (vec![63, sol], E::UnknownFeed),
    ] {
        let named = SignedPrices {
            instruction: u8::try_from(CHECK_INDEX).unwrap(),
            feeds,
        };
        let refresh = ix::refresh_with(&env.exchange, &[], Some(named));
        env.refuse(&[check.clone(), refresh], &[], refusal).await;
        assert_eq!(published(&*env.risk().await), old);
    }
    env.run(&[check, whole], &[]).await;
    let [a, b] = published(&*env.risk().await);
    assert!(a == b && a > old[0]);
    // Another feed of the same number would be another price of the same thing.
    let risk = env.risk().await;
    let [taken, other] = [btc, eth].map(|feed| risk.feeds[usize::from(feed)]);
    let authority = env.authority();
    let edit = ix::edit_feed(
        &env.exchange,
        authority.pubkey(),
        eth,
        taken.sources,
        other.limits,
        None,
    );
    env.refuse(&[edit], &[&authority], E::InvalidParameter)
        .await;
}
