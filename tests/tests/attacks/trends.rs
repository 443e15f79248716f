//! A fast move that goes on: it is doubted for a bounded time, after which it can be traded and liquidated at.
use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions::Liquidation;
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    scenarios::*,
    trading::bid,
    usd,
};

use super::assert_one_of;

/// Twenty per cent a minute, published at different paces: the short is found below its line, and taken over, while it goes on.
#[tokio::test]
async fn a_sustained_pump_is_liquidated_while_it_goes_on() {
    for beat in [5, 10, 60] {
        let mut t = long().await;
        let short = t.env.trader_with(&[(USDC, usd(20_000))]).await;
        trade(&mut t.env, SOL_PERP, &t.seller, &short, 150.0, 10_000).await;
        let step = 1.2f64.powf(beat as f64 / 60.0);
        let (mut dollars, mut doubted, mut longest) = (150.0, 0, 0);
        let mut taken_over = None;
        let mut secs = 0;
        while secs < 20 * 60 {
            dollars *= step;
            t.env.advance(beat).await;
            t.env.assets[SOL].usd = dollars;
            t.env.refresh_all().await;
            secs += beat;
            let broken = t.env.risk().await.markets[SOL_PERP].price.is_broken();
            doubted = if broken { doubted + beat } else { 0 };
            longest = longest.max(doubted);
            let all = take(&t.env, SOL_PERP, ALL);
            let call = liquidate_ix(&t.env, &t.liquidator, &short, &all);
            let flag = liquidate_ix(&t.env, &t.liquidator, &short, &Liquidation::default());
            let result = t.env.send(&[call], &[&t.liquidator.key]).await;
            if result.is_ok() && t.env.perp(&short).await.position.0 > -10_000 {
                taken_over = Some(secs);
                break;
            }
            if result.is_err() {
                let allowed = [E::NotLiquidatable, E::SameObservation, E::BrokenFeed];
                assert_one_of(result, &allowed);
            }
            let _ = t.env.send(&[flag], &[&t.liquidator.key]).await;
        }
        println!("a beat of {beat} s: taken over after {taken_over:?} s, doubted for {longest} s at most");
        assert!(taken_over.is_some(), "a beat of {beat} s");
        assert!(longest <= 7 * beat.max(10), "doubted for {longest} s");
        t.env.assert_conserved().await;
    }
}

/// And traded at.
#[tokio::test]
async fn a_sustained_pump_is_traded_at_within_a_bounded_time() {
    let mut t = long().await;
    let buyer = t.env.trader_with(&[(USDC, usd(1_000_000))]).await;
    let (mut dollars, mut refused, mut longest) = (150.0f64, 0, 0);
    for _ in 0..90 {
        dollars *= 1.2f64.powf(1.0 / 6.0);
        t.env.advance(10).await;
        t.env.assets[SOL].usd = dollars;
        t.env.refresh_all().await;
        let price = price_lots(&t.env, SOL_PERP, dollars * 0.98).await;
        let order = t.env.order_ix(&buyer, bid(price, 1), &[]);
        match t.env.send(&[order], &[&buyer.key]).await {
            Ok(_) => {
                t.env.cancel_all(&buyer).await;
                refused = 0;
            }
            Err(error) => {
                assert_one_of(Err(error), &[E::StaleEntry]);
                refused += 10;
            }
        }
        longest = longest.max(refused);
    }
    assert!((1..=70).contains(&longest), "refused for {longest} s");
    t.env.assert_conserved().await;
}
