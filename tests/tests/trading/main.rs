//! Trading on the built program: orders, matching, health of those who trade, settlement.
mod access;
mod cancelling;
mod delegates;
mod expiry;
mod fees;
mod fixture;
mod funding;
mod history;
mod kinds;
mod late;
mod limits;
mod margin;
mod modes;
mod portfolio;
mod preview;
mod preview_funds;
mod preview_portfolio;
mod reduce_only;
mod risk_report;
mod self_trade;
mod settlement;
mod volatility;

use plimsoll_risk::RATIO_BITS;
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    usd, Env, Trader,
};

/// The oracle's price of a lot in price lots: 0.01 SOL at 150 USD, a price lot being 0.0001 USD.
const SPOT: u64 = 15_000;
/// Quote units of a price lot, per lot.
const TICK: i64 = 100;

/// An exchange and two traders with 100,000 USD each.
async fn desk() -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    let maker = env.trader_with(&[(USDC, usd(100_000))]).await;
    let taker = env.trader_with(&[(USDC, usd(100_000))]).await;
    (env, maker, taker)
}

/// A second later the price of SOL is another.
async fn reprice(env: &mut Env, usd: f64) {
    env.advance(1).await;
    env.move_price(SOL, usd).await;
    let entry = env.risk().await.markets[SOL_PERP];
    let spot = (usd * 10_000.0).round() as u128;
    assert_eq!(u128::from(entry.price.spot), spot << entry.shift);
}

/// Native quote of lots at a price.
fn notional(price: u64, lots: i64) -> i64 {
    i64::try_from(price).expect("small") * lots * TICK
}

/// Fee on a notional at a rate of 2⁻²⁴, rounded up: a rebate down.
fn fee(notional: i64, rate: i64) -> i64 {
    let exact = i128::from(notional) * i128::from(rate);
    i64::try_from(-(-exact >> RATIO_BITS)).expect("small")
}

/// The environment's taker fee.
const TAKER: i64 = 8_389;
/// The environment's maker rebate.
const MAKER: i64 = -1_678;
