//! The types of the risk report, as JSON tells them. Amounts are native quote (10⁻⁶ USD) unless said otherwise.
use std::fmt;

use serde::{de::Error as _, Deserialize, Deserializer, Serialize, Serializer};

use crate::health::{Mode, StaleKind};

/// The version of the document. Version 1 counted slots, and told of no feeds.
pub const VERSION: u32 = 2;

/// An integer of 64 bits or more, a decimal string in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub i128);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let parsed = text.parse();
        parsed
            .map(Self)
            .map_err(|_| D::Error::custom(format!("{text} is no integer")))
    }
}

impl<T: Into<i128>> From<T> for Amount {
    fn from(number: T) -> Self {
        Self(number.into())
    }
}

/// What is at risk in an account, why, and how far it is from its liquidation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RiskReport {
    /// [`VERSION`].
    pub version: u32,
    /// Address of the exchange.
    pub exchange: String,
    /// Address of the margin account.
    pub account: String,
    /// Address of who owns it.
    pub owner: String,
    /// Its number among the owner's.
    pub sub_account: u16,
    /// When: of the chain's clock.
    pub slot: Amount,
    /// Unix seconds of the chain's clock.
    pub time: Amount,
    /// How the account is margined.
    pub mode: Mode,
    /// Whether a liquidator has flagged it.
    pub liquidating: bool,
    pub health: Health,
    /// Each token balance.
    pub balances: Vec<Balance>,
    /// Each market with a position, claim or orders.
    pub perps: Vec<Perp>,
    /// Every entry that the account uses and that is stale for trades.
    pub stale: Vec<Stale>,
    /// Every feed that the account counts on.
    pub feeds: Vec<Feed>,
    /// Holdings by what their prices follow.
    pub underlyings: Vec<Underlying>,
    /// What the portfolio model says, in either mode; none while the exchange has no model.
    pub model: Option<Model>,
}

/// The lines of the account in its own mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Must not be below zero after what increases risk.
    pub init: Amount,
    /// A liquidation goes on until this is at zero.
    pub liquidation_end: Amount,
    /// Below zero the account may be liquidated: the distance to liquidation.
    pub maintenance: Amount,
    /// What closing everything at spot would leave.
    pub equity: Amount,
    /// What Init requires of the account as a whole; zero in standard margin, where it is within each slot's part.
    pub init_requirement: Amount,
    /// The same of maintenance.
    pub maintenance_requirement: Amount,
    /// Maintenance health by equity: the part of the account that may be lost before its liquidation. None without equity.
    pub distance: Option<f64>,
    /// Σ |position| · spot, resting orders aside.
    pub notional: Amount,
    /// Notional by equity. None without equity.
    pub leverage: Option<f64>,
    /// The part of the Init collateral in use, one when nothing more can be risked. None without collateral.
    pub margin_use: Option<f64>,
    /// The part of the maintenance collateral in use, above one when the account may be liquidated.
    pub maintenance_use: Option<f64>,
}

/// A token balance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    pub asset: u16,
    pub name: String,
    /// Native units, negative for a debt.
    pub native: Amount,
    /// What it adds to Init health, before the requirement in portfolio margin.
    pub init: Amount,
    /// What it adds to maintenance health, likewise.
    pub maintenance: Amount,
}

/// A market's position, claim and orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Perp {
    pub market: u16,
    pub name: String,
    /// Base lots, negative for a short.
    pub position: Amount,
    /// Profit at spot, funding included, orders left aside.
    pub pnl: Amount,
    /// What it adds to Init health, before the requirement in portfolio margin.
    pub init: Amount,
    /// What it adds to maintenance health, likewise.
    pub maintenance: Amount,
}

/// A stale entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stale {
    pub kind: StaleKind,
    /// Of the asset or market.
    pub index: u16,
    pub name: String,
    /// Number of the feed that prices it.
    pub feed: u8,
    pub age_seconds: Amount,
    pub max_age_seconds: u32,
    /// Whether it keeps the account from what increases risk.
    pub blocks: bool,
}

/// A feed, how old its price is, and how far it is doubted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feed {
    /// Number in the risk state.
    pub feed: u8,
    pub name: String,
    /// Milliseconds since the oracle published the price.
    pub age_ms: Amount,
    /// Whether the price is good for new risk.
    pub trades: bool,
    /// Whether it is good for what leaves: withdrawals, loans, profits.
    pub pays: bool,
    /// Whether a liquidation takes it as it is; otherwise it counts under doubt.
    pub seizes: bool,
    /// Whether it is more than half away from its own average.
    pub broken: bool,
    /// Whether a newer price was refused for its width or its distance.
    pub refused: bool,
    /// For how long it has been doubted, by the exchange's clock of doubt, milliseconds.
    pub doubted_ms: Amount,
    /// The time over which what doubt is worth decays, seconds.
    pub doubt_seconds: u32,
}

/// What prices follow, and the account's holdings in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Underlying {
    /// Its number in the model, from 1; none for a holding that the model does not cover and that stands alone.
    pub number: Option<u8>,
    pub name: String,
    /// Indices of the assets that the account holds or owes.
    pub assets: Vec<u16>,
    /// Indices of the markets that it is in.
    pub markets: Vec<u16>,
    pub delta: Deltas,
    /// Standard deviation of its daily return; none for what the model does not cover.
    pub volatility: Option<Ratios>,
    /// Where the account would be liquidated.
    pub liquidation: Liquidation,
}

/// Value at spot, as an interval over what resting orders may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deltas {
    /// After every order that sells has filled.
    pub low: Amount,
    /// After every order that buys has filled.
    pub high: Amount,
    /// Of longs alone, orders included.
    pub long: Amount,
    /// Of shorts alone, orders included; counted positive.
    pub short: Amount,
}

/// A number of now, and the one that the maintenance line is at: a rise of volatility is announced before it binds there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ratios {
    /// Behind Init.
    pub current: f64,
    /// Behind LiquidationEnd and maintenance.
    pub binding: f64,
}

/// Where maintenance health reaches zero as this underlying alone moves, as a ratio of its present price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Liquidation {
    /// Whether maintenance health is below zero now; the prices then are where it would be above.
    pub crossed: bool,
    /// On the way down; none when no fall does it.
    pub below: Option<f64>,
    /// On the way up; none when not even tenfold does it.
    pub above: Option<f64>,
}

/// What the portfolio model says of the account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Whether the account is margined by it. If not, this is what portfolio margin would say.
    pub applies: bool,
    pub lines: Lines,
    pub requirement: Requirements,
    /// Deltas to the common causes of moves.
    pub factors: Vec<Factor>,
    /// Each scenario's loss at the current volatilities.
    pub scenarios: Vec<Scenario>,
    /// Each named day's loss, whole.
    pub crash_days: Vec<CrashDay>,
    pub insolvency: Insolvency,
}

/// Health in portfolio margin, line by line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lines {
    pub init: Line,
    pub liquidation_end: Line,
    pub maintenance: Line,
}

/// A line: health = value − requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub value: Amount,
    pub requirement: Amount,
    pub health: Amount,
}

/// What is required, part by part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Requirements {
    /// At the current volatilities.
    pub init: Requirement,
    /// At the binding ones; maintenance requires a fixed part of it.
    pub liquidation_end: Requirement,
}

/// The parts of a requirement: `total = max(linear, shortfall, crash) + liquidity + basis + depeg + confidence`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Requirement {
    /// By the factor model alone.
    pub model: Amount,
    /// As if nothing hedged anything.
    pub isolated: Amount,
    /// The least part of the gross delta.
    pub gross_floor: Amount,
    /// Model and isolated mixed, at least the gross floor.
    pub linear: Amount,
    /// Mean of the worst quarter of the scenarios.
    pub shortfall: Amount,
    /// The exchange's part of the loss on the worst named day.
    pub crash: Amount,
    /// For sizes beyond the depth of their market.
    pub liquidity: Amount,
    /// For longs that only shorts of the same underlying hedge.
    pub basis: Amount,
    /// For the peg of the quote asset.
    pub depeg: Amount,
    /// For the uncertainty of prices; Init only.
    pub confidence: Amount,
    pub total: Amount,
    pub binding: Binding,
}

/// What decides `max(linear, shortfall, crash)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Binding {
    /// Nothing is required.
    Nothing,
    /// The factor model, mixed with the isolated sum.
    Linear,
    /// The least part of the gross delta.
    GrossFloor,
    /// The mean of the worst scenarios.
    Shortfall,
    /// A named day.
    CrashDay {
        /// UTC date, ISO 8601.
        date: String,
    },
}

/// A factor, and the account's delta to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Factor {
    /// From 1.
    pub number: u8,
    /// Name of the underlying that drives it; none when no underlying does.
    pub driver: Option<String>,
    /// Least over what resting orders may do.
    pub low: Amount,
    /// Most over what resting orders may do.
    pub high: Amount,
    /// Standard deviation of its daily return.
    pub volatility: Ratios,
}

/// A joint shock, and the loss in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scenario {
    /// Move of each factor, in its volatilities.
    pub shocks: Vec<f64>,
    /// Relative move of implied volatilities.
    pub volatility: f64,
    /// The part of the loss that counts.
    pub weight: f64,
    /// Weighted; negative for a gain.
    pub loss: Amount,
    /// Whether it is among the worst quarter, whose mean is the shortfall.
    pub worst: bool,
}

/// A named day, and the loss that it would be again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrashDay {
    /// UTC date, ISO 8601.
    pub date: String,
    pub name: String,
    /// Negative for a gain.
    pub loss: Amount,
}

/// The chance that the account owns less than nothing after a day, by the model: an estimate, not a measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Insolvency {
    /// Always `model`: what is told is predicted, not observed.
    pub source: String,
    pub horizon_days: u8,
    /// Standard deviation of the account's value over the horizon, at the current volatilities.
    pub deviation: Amount,
    /// Equity by deviation. None without deviation.
    pub distance: Option<f64>,
    /// With a normal distribution, which makes too little of large moves.
    pub normal: f64,
    /// With Student's distribution of as many degrees of freedom as told, scaled to the same deviation.
    pub student: f64,
    pub degrees: u8,
    /// Σ |value at spot| of the holdings that the model does not cover, whose moves it leaves out; the quote asset aside.
    pub uncovered: Amount,
}
