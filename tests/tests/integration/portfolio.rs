//! Setting up the portfolio model and choosing the mode of margin: what goes through, what waits, what is refused.
use plimsoll_risk::MarginMode;
use plimsoll_tests::{
    env::{SOL, USDC},
    portfolio::{model, underlyings, BTC_UNDERLYING, SOL_UNDERLYING},
    usd, Env,
};

#[tokio::test]
async fn a_model_is_set_up_and_an_account_chooses_it() {
    let mut env = Env::new().await;
    env.list_model().await;
    let risk = env.risk().await;
    assert_eq!(risk.model.params, model());
    assert_eq!(risk.underlying_count, 3);
    for (entry, params) in risk.known_underlyings().iter().zip(underlyings()) {
        assert_eq!(entry.params, params);
        assert!(entry.volatility.current >= params.volatility_floor);
        assert!(entry.isolated[1] > 0 && entry.isolated[1] <= entry.isolated[0]);
    }
    let [first, second, third] = risk.model.factors.map(|factor| factor.volatility[0]);
    assert!(first > 0 && second > 0 && third == 0);
    let sol = env.entry(SOL).await;
    assert_eq!((sol.underlying, sol.samples), (SOL_UNDERLYING, 1));
    assert_eq!(risk.markets[1].underlying, BTC_UNDERLYING);

    let trader = env
        .portfolio_trader(&[(USDC, usd(1_000)), (SOL, 10_000_000_000)])
        .await;
    let account = env.margin(trader.margin).await;
    assert_eq!(account.margin_mode, MarginMode::Portfolio as u8);
    assert!(env.health(&trader).await.init > 0);
    env.set_margin_mode(&trader, MarginMode::Standard).await;
    env.assert_conserved().await;
}
