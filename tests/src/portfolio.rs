//! The portfolio model over the environment's assets and markets, and accounts in portfolio margin.
use plimsoll_client::instructions::{self as ix, Follower};
use plimsoll_risk::{
    portfolio::{CRASH_DAYS, LOADING_ONE},
    MarginMode, ModelParams, UnderlyingParams, UnderlyingRisk,
};
use solana_signer::Signer;

use crate::{
    env::{BTC, BTC_PERP, ETH, SOL, SOL_PERP},
    params::ratio,
    usd, Env, TestError, Trader, TxOutcome,
};

/// Numbers of the underlyings that [`Env::list_model`] adds: bitcoin drives the first factor, SOL the second, ether has a
/// part of its own.
pub const BTC_UNDERLYING: u8 = 1;
pub const SOL_UNDERLYING: u8 = 2;
pub const ETH_UNDERLYING: u8 = 3;

/// The named day on which prices rose.
const REBOUND: usize = 2;

/// A loading or a crash day's return from a number.
pub fn loading(value: f64) -> i32 {
    (value * f64::from(LOADING_ONE)).round() as i32
}

/// The model that an exchange starts from, but quicker: its volatilities rise ten times as fast, so that a test sees within
/// hours what would take days.
pub fn model() -> ModelParams {
    ModelParams {
        fast_decay: ratio(0.9),
        max_rise_per_hour: ratio(0.1),
        ..ModelParams::standard()
    }
}

/// An underlying with these loadings and least volatilities per square root of a day, which on every named day lost four
/// times its volatility and rose by half of that on the one that rose.
pub fn underlying(
    name: &str,
    loadings: [f64; 3],
    volatility: f64,
    idiosyncratic: f64,
) -> UnderlyingParams {
    let mut padded = [0; 8];
    padded[..name.len()].copy_from_slice(name.as_bytes());
    let mut crash_returns = [loading(-4.0 * volatility); CRASH_DAYS];
    crash_returns[REBOUND] = loading(2.0 * volatility);
    UnderlyingParams {
        name: padded,
        depth_notional: usd(5_000_000),
        loadings: loadings.map(loading),
        crash_returns,
        volatility_floor: ratio(volatility),
        idiosyncratic_floor: ratio(idiosyncratic),
        liquidity_ratio: ratio(0.02),
        basis_ratio: ratio(0.01),
        slippage: ratio(0.01),
        ..UnderlyingParams::default()
    }
}

/// The driver of a factor.
pub fn driver(
    factor: u8,
    name: &str,
    loadings: [f64; 3],
    volatility: f64,
    idiosyncratic: f64,
) -> UnderlyingParams {
    UnderlyingParams {
        factor,
        ..underlying(name, loadings, volatility, idiosyncratic)
    }
}

/// The underlyings of [`Env::list_model`], in their order. Their least volatilities, times the model's deviations, are no
/// less than the haircuts and margin ratios of the environment's listing, so that what nothing hedges needs no less in
/// portfolio margin than in standard margin.
pub fn underlyings() -> [UnderlyingParams; 3] {
    [
        driver(1, "BTC", [1.0, 0.0, 0.0], 0.05, 0.05),
        driver(2, "SOL", [1.2, 1.0, 0.0], 0.065, 0.03),
        underlying("ETH", [1.1, 0.3, 0.0], 0.055, 0.015),
    ]
}

impl Env {
    /// Sets up the portfolio model over bitcoin, SOL and ether and the two markets; JUP stays uncovered. Bitcoin and SOL
    /// learn their volatility from the assets' prices.
    pub async fn list_model(&mut self) {
        self.edit_model(model()).await;
        for (number, params) in (1..).zip(underlyings()) {
            self.edit_underlying(number, params).await;
        }
        for (follower, underlying, samples) in [
            (Follower::Asset(BTC as u16), BTC_UNDERLYING, true),
            (Follower::Market(BTC_PERP as u16), BTC_UNDERLYING, false),
            (Follower::Asset(SOL as u16), SOL_UNDERLYING, true),
            (Follower::Market(SOL_PERP as u16), SOL_UNDERLYING, false),
            (Follower::Asset(ETH as u16), ETH_UNDERLYING, true),
        ] {
            self.assign_underlying(follower, underlying, samples).await;
        }
        self.refresh_all().await;
    }

    /// Sets the model's parameters at once.
    pub async fn edit_model(&mut self, params: ModelParams) {
        let authority = self.authority();
        let edit = ix::edit_portfolio_model(&self.exchange, authority.pubkey(), params, None);
        self.run(&[edit], &[&authority]).await;
    }

    /// Adds an underlying, or replaces its parameters, at once.
    pub async fn edit_underlying(&mut self, number: u8, params: UnderlyingParams) {
        let authority = self.authority();
        let edit = ix::edit_underlying(&self.exchange, authority.pubkey(), number, params, None);
        self.run(&[edit], &[&authority]).await;
    }

    /// Lets an asset or market follow an underlying, at once.
    pub async fn assign_underlying(&mut self, follower: Follower, underlying: u8, samples: bool) {
        let authority = self.authority();
        let key = authority.pubkey();
        let assign =
            ix::assign_underlying(&self.exchange, key, follower, underlying, samples, None);
        self.run(&[assign], &[&authority]).await;
    }

    /// The risk entry of an underlying.
    pub async fn underlying(&self, number: u8) -> UnderlyingRisk {
        self.risk().await.underlyings[usize::from(number) - 1]
    }

    /// Asks for a mode of margin.
    pub async fn try_margin_mode(
        &mut self,
        trader: &Trader,
        mode: MarginMode,
    ) -> Result<TxOutcome, TestError> {
        let set = ix::set_margin_mode(&self.exchange, trader.pubkey(), trader.margin, mode);
        self.send(&[set], &[&trader.key]).await
    }

    /// Switches an account to a mode of margin, which must go through.
    pub async fn set_margin_mode(&mut self, trader: &Trader, mode: MarginMode) -> TxOutcome {
        self.try_margin_mode(trader, mode).await.expect("the mode")
    }

    /// A trader in portfolio margin who has deposited native units of assets.
    pub async fn portfolio_trader(&mut self, deposits: &[(usize, u64)]) -> Trader {
        let trader = self.trader_with(deposits).await;
        self.set_margin_mode(&trader, MarginMode::Portfolio).await;
        trader
    }
}
