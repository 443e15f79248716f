//! The environment itself: everything later tests rely on.
use plimsoll::state::RiskState;
use plimsoll_tests::{
    env::{BTC, SOL, USDC},
    usd, Env,
};

#[tokio::test]
async fn an_exchange_is_set_up_with_assets_and_markets() {
    let mut env = Env::new().await;
    let risk = env.risk().await;
    assert_eq!((risk.asset_count, risk.market_count), (5, 2));
    let account = env.find_account(env.exchange.risk_state).await.unwrap();
    assert_eq!(account.data.len(), RiskState::SPACE);
    let trader = env
        .trader_with(&[(USDC, usd(1_000)), (SOL, 10_000_000_000)])
        .await;
    assert_eq!(env.balance(trader.margin, USDC).await, 1_000_000_000);
    env.advance(60).await;
    env.refresh_all().await;
    env.move_price(BTC, 61_000.0).await;
    env.assert_conserved().await;
}
