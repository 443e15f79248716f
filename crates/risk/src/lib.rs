//! Margin mathematics of Plimsoll: pure functions over plain data, shared by the program, bots, tests and the browser.
//!
//! Everything here is integer arithmetic without allocation and without any type of the chain. Three rules hold
//! throughout: a conversion rounds against the account and for the protocol, arithmetic is checked, and nothing
//! panics. What is read in every trade ([`standard`]) is multiplies, shifts and compares only; divisions happen
//! where a risk entry is refreshed or tokens move.
#![cfg_attr(not(feature = "idl-build"), no_std)]
#![forbid(unsafe_code)]

pub mod asset;
pub mod balance;
pub mod bankruptcy;
pub mod bucket;
pub mod crowding;
pub mod delegate;
pub mod doubt;
pub mod entry_price;
pub mod feed;
pub mod fixed;
pub mod flow;
pub mod funding;
pub mod health;
pub mod interest;
pub mod liquidation;
pub mod market;
pub mod params;
pub mod portfolio;
pub mod position;
pub mod price;
pub mod profits;
pub mod standard;
pub mod units;
pub mod volatility;
pub mod weights;
pub mod winding_down;

pub use asset::{AssetRisk, BankTotals, Mode};
pub use bucket::Bucket;
pub use doubt::OnePrice;
pub use entry_price::EntryPrice;
pub use feed::{FeedLimits, FeedPrice, Observation, Origin, Outcome, Purpose, Rejection};
pub use fixed::{
    Result, RiskError, FUNDING_BITS, FUNDING_ONE, INDEX_BITS, INDEX_ONE, RATIO_BITS, RATIO_ONE,
};
pub use flow::Flow;
pub use health::{
    AccountMargin, Assessment, Clock, Health, HealthKind, MarginMode, MarginModel, Policy,
    Portfolio, RiskView, StaleEntry, StaleSet,
};
pub use market::MarketRisk;
pub use params::{AssetParams, BadParameter, LiquidationTerms, MarketParams, RateCurve};
pub use portfolio::{
    ModelParams, PortfolioMargin, PortfolioModel, Scenario, UnderlyingParams, UnderlyingRisk,
};
pub use position::{Balance, OpenOrder, PerpPosition, Side, EMPTY};
pub use standard::StandardMargin;
pub use units::{BaseLots, PriceLots, QuoteNative, Shares};
pub use volatility::VolatilityState;
pub use weights::Haircut;
