//! Funding over hours: longs pay shorts while the book is above the oracle, and nothing is lost on the way.
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    trading::{ask, bid},
    usd, Env,
};

use super::{desk, fee, notional, MAKER, SPOT, TAKER};

/// Lets time pass in steps that keep the first market fresh.
pub async fn accrue(env: &mut Env, steps: usize) {
    for _ in 0..steps {
        env.advance(100).await;
        env.set_price(SOL, env.assets[SOL].usd).await;
        let entry = env.market_entry(SOL_PERP);
        env.refresh(&entry).await;
    }
    env.refresh_all().await;
}

/// Two hours with a book that is a hundredth above (or below) the oracle; what a long and a short gained from it.
async fn two_hours(above: bool) -> (i64, i64) {
    let (mut env, maker, taker) = desk().await;
    let quoter = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.place(&maker, ask(SPOT, 3_000), &[]).await;
    env.place(&taker, bid(SPOT, 2_000), &[&maker]).await;
    // These wait in the queue all the time.
    env.place(&taker, bid(SPOT, 400), &[]).await;
    let quote = if above {
        bid(SPOT + 150, 4_000)
    } else {
        ask(SPOT - 150, 4_000)
    };
    env.cancel_all(&maker).await;
    env.place(&quoter, quote, &[]).await;
    assert_eq!(env.holding(&taker).await.0, 2_400);
    accrue(&mut env, 36).await;
    env.assert_conserved().await;
    let market = env.market(SOL_PERP).await;
    assert_eq!(market.funding_long, market.funding_short);
    let queued = env.fill_queue(SOL_PERP).await;
    assert_eq!(queued.queue.len(), 1);
    env.settle_fills(&[&maker]).await;
    env.assert_conserved().await;
    env.settle_pnl(if above { &taker } else { &maker }).await;
    env.assert_conserved().await;
    env.settle_pnl(if above { &maker } else { &taker }).await;
    env.assert_conserved().await;

    // What the trades and their fees brought and cost, taken off, the rest is funding.
    let lots = [2_000, 400].map(|lots| notional(SPOT, lots));
    let [paid, earned] = [TAKER, MAKER].map(|rate| lots.map(|n| fee(n, rate)).iter().sum::<i64>());
    let trades: i64 = lots.iter().sum();
    let whole = usd(100_000).cast_signed();
    let long = env.balance(taker.margin, USDC).await + env.holding(&taker).await.1;
    let short = env.balance(maker.margin, USDC).await + env.holding(&maker).await.1;
    (
        long + trades + paid - whole,
        short - trades + earned - whole,
    )
}

#[tokio::test]
async fn longs_pay_shorts_while_the_book_is_above_the_oracle() {
    let (long, short) = two_hours(true).await;
    assert!(long < 0 && short > 0, "{long} {short}");
    assert!((0..20).contains(&-(long + short)), "{long} {short}");
    // At most a fiftieth of the notional a day, and not next to nothing.
    let most = notional(SPOT, 2_400) / 50 / 12;
    assert!((most / 100..most).contains(&short), "{short} of {most}");
}

#[tokio::test]
async fn shorts_pay_longs_while_the_book_is_below() {
    let (long, short) = two_hours(false).await;
    assert!(long > 0 && short < 0, "{long} {short}");
    assert!((0..20).contains(&-(long + short)), "{long} {short}");
}
