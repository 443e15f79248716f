//! Nothing that operators set, and no limit that is met, holds a liquidation back.
use plimsoll::state::mode;
use plimsoll_tests::{
    env::{BTC, SOL, SOL_PERP, USDC},
    Env,
};

use plimsoll_tests::scenarios::*;

#[derive(Clone, Copy, Debug)]
enum Obstacle {
    ExchangePaused,
    ExchangeReduceOnly,
    BanksPaused,
    BanksReduceOnly,
    MarketPaused,
    MarketReduceOnly,
    NoCaps,
    NoWindows,
    NoOpenInterest,
}

const OBSTACLES: [Obstacle; 9] = [
    Obstacle::ExchangePaused,
    Obstacle::ExchangeReduceOnly,
    Obstacle::BanksPaused,
    Obstacle::BanksReduceOnly,
    Obstacle::MarketPaused,
    Obstacle::MarketReduceOnly,
    Obstacle::NoCaps,
    Obstacle::NoWindows,
    Obstacle::NoOpenInterest,
];

async fn put(env: &mut Env, obstacle: Obstacle) {
    match obstacle {
        Obstacle::ExchangePaused => env.set_exchange_mode(mode::PAUSED).await,
        Obstacle::ExchangeReduceOnly => env.set_exchange_mode(mode::REDUCE_ONLY).await,
        Obstacle::BanksPaused => banks(env, mode::PAUSED).await,
        Obstacle::BanksReduceOnly => banks(env, mode::REDUCE_ONLY).await,
        Obstacle::MarketPaused => env.set_market_mode(SOL_PERP, mode::PAUSED).await,
        Obstacle::MarketReduceOnly => env.set_market_mode(SOL_PERP, mode::REDUCE_ONLY).await,
        Obstacle::NoCaps => {
            for asset in [USDC, SOL, BTC] {
                env.edit_asset(asset, |p| {
                    p.deposit_cap_usd = 0;
                    p.borrow_cap_usd = 0;
                })
                .await;
            }
        }
        Obstacle::NoWindows => {
            for asset in [USDC, SOL, BTC] {
                env.edit_asset(asset, |p| {
                    p.net_borrow_limit_usd = 0;
                    p.outflow_limit_usd = 0;
                })
                .await;
            }
        }
        Obstacle::NoOpenInterest => {
            env.edit_market(SOL_PERP, |m| m.open_interest_cap_lots = 0)
                .await
        }
    }
}

async fn banks(env: &mut Env, mode: u8) {
    for asset in [USDC, SOL, BTC] {
        env.set_asset_mode(asset, mode).await;
    }
}

/// Closes a position, swaps a deposit for its loss and, as the resolver has no quote, lets the liquidator borrow it.
async fn liquidate_under(obstacles: &[Obstacle]) {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let account = env.trader_with(&[(BTC, BTC_1 / 20)]).await;
    let other = rich(&mut env).await;
    // No quote, so that paying the loss borrows it.
    let liquidator = env.trader_with(&[(SOL, 1_000 * SOL_1)]).await;
    trade(&mut env, SOL_PERP, &account, &other, 150.0, 10_000).await;
    for obstacle in obstacles {
        put(&mut env, *obstacle).await;
    }
    shock(&mut env, SOL, 124.0).await;
    let takeover = take(&env, SOL_PERP, ALL);
    liquidate(&mut env, &liquidator, &account, &takeover).await;
    assert!(env.perp(&account).await.position.is_zero());
    let what = swap(&env, Leg::Asset(BTC), Leg::Pnl(SOL_PERP), ALL);
    liquidate(&mut env, &liquidator, &account, &what).await;
    assert!(!is_flagged(&env, &account).await, "{obstacles:?}");
    assert!(env.balance(liquidator.margin, USDC).await < 0);
    env.assert_conserved().await;
}

#[tokio::test]
async fn no_mode_cap_or_window_holds_it_back() {
    for obstacle in OBSTACLES {
        liquidate_under(&[obstacle]).await;
    }
}

#[tokio::test]
async fn nor_do_all_of_them_at_once() {
    use Obstacle::*;
    liquidate_under(&[
        NoCaps,
        NoWindows,
        NoOpenInterest,
        BanksPaused,
        MarketPaused,
        ExchangePaused,
    ])
    .await;
}
