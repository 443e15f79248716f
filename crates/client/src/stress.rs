//! What happens to health when prices move: a risk state at other prices, tables of scenarios, and where lines cross.
//! In either mode of margin by the program's own engine: in portfolio margin the deltas move with the prices, so that what
//! is required does too.
//!
//! A move multiplies the prices of some entries by a factor; the oracle's confidence interval moves with its price, and
//! a moved entry counts as refreshed now. Weights stay as they are: an Init weight that shrinks with an asset's total
//! deposits would recover somewhat in a crash, so what is told here is not optimistic.
use anchor_lang::prelude::{Clock, Error};
use plimsoll::{
    error::OrRefuse,
    health::{clock_of, portfolio, view},
    state::{MarginAccount, RiskState},
};
use plimsoll_risk::{
    self as risk,
    feed::REFUSED,
    fixed::{div_ceil, div_floor, ratio_ceil, shift_ceil, to_u64},
    AccountMargin, AssetRisk, EntryPrice, HealthKind, MarginModel, MarketRisk, Policy, Purpose,
    RiskError, INDEX_BITS, RATIO_BITS,
};
use serde::{Deserialize, Serialize};

use crate::{
    copy::boxed,
    health::{lines, HealthLines},
};

/// Fraction bits of a factor.
pub const FACTOR_BITS: u32 = 32;
/// A price that stays.
pub const ONE: u64 = 1 << FACTOR_BITS;
/// The largest factor at which a crossing is looked for.
pub const HIGHEST: u64 = 10 * ONE;

/// What the stable price, which bounds Init health only, does when spot moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stable {
    /// It has caught up: the move has lasted.
    #[default]
    Follows,
    /// It is where it was: the move is a minute old.
    Stays,
}

/// Entries of one underlying, which move together: SOL as collateral, staked SOL and SOL-PERP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Underlying {
    /// Indices of assets.
    pub assets: Vec<u16>,
    /// Indices of markets.
    pub markets: Vec<u16>,
}

/// A move of some entries by one factor, in 2⁻³².
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub of: Underlying,
    pub factor: u64,
}

/// A scenario: moves at once, each from the present prices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    pub name: String,
    pub moves: Vec<Move>,
    pub stable: Stable,
}

/// What a scenario makes of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub name: String,
    pub lines: HealthLines,
}

/// A line of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Line {
    Init,
    LiquidationEnd,
    Maintenance,
    Equity,
}

impl Line {
    /// Every line, the first to be crossed first.
    pub const ALL: [Self; 4] = [
        Self::Init,
        Self::LiquidationEnd,
        Self::Maintenance,
        Self::Equity,
    ];
}

/// Where a line crosses zero as an underlying moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Crossings {
    pub line: Line,
    /// Whether the line is below zero at the present price.
    pub crossed: bool,
    /// The highest factor below one, in 2⁻³², at which the line is on the other side of zero.
    pub below: Option<u64>,
    /// The lowest factor above one, up to ten.
    pub above: Option<u64>,
}

/// A copy of the risk state in which a scenario has happened.
///
/// # Errors
/// The program's, when an entry is not listed or a price does not fit.
pub fn with_prices(
    risk: &RiskState,
    scenario: &Scenario,
    clock: &Clock,
) -> Result<Box<RiskState>, Error> {
    let mut shocked = boxed(risk);
    for step in &scenario.moves {
        shift(&mut shocked, risk, step, scenario.stable, clock)?;
    }
    Ok(shocked)
}

/// A copy of the risk state in which every entry has just been refreshed at its present price, as a transaction that
/// refreshes first would find it if no price had moved.
pub fn refreshed(risk: &RiskState, clock: &Clock) -> Box<RiskState> {
    let (mut fresh, clock) = (boxed(risk), clock_of(risk, clock));
    let assets = fresh.assets.iter_mut().map(|entry| &mut entry.price);
    let markets = fresh.markets.iter_mut().map(|entry| &mut entry.price);
    for price in assets.chain(markets).filter(|price| price.spot != 0) {
        price.published_ms = price.published_ms.max(clock.now_ms);
        price.flags &= !REFUSED;
        if !price.is_broken() {
            price.doubt_from = clock.doubt_ms;
        }
    }
    fresh
}

/// Health under each scenario.
///
/// # Errors
/// As [`with_prices`].
pub fn table(
    risk: &RiskState,
    account: &MarginAccount,
    scenarios: &[Scenario],
    clock: &Clock,
) -> Result<Vec<Row>, Error> {
    let row = |scenario: &Scenario| {
        let shocked = with_prices(risk, scenario, clock)?;
        Ok(Row {
            name: scenario.name.clone(),
            lines: lines(&shocked, account, clock)?,
        })
    };
    scenarios.iter().map(row).collect()
}

/// Where lines of an account cross zero as an underlying moves, everything else as it is. Health is concave in a price
/// (in portfolio margin what is required is convex in the deltas, which move with it), so an account above a line
/// crosses it at most once in each direction. One below a line is told from where on it
/// would be above, where that holds as far as is looked.
///
/// # Errors
/// As [`with_prices`].
pub fn crossings(
    risk: &RiskState,
    account: &MarginAccount,
    of: &Underlying,
    stable: Stable,
    asked: &[Line],
    clock: &Clock,
) -> Result<Vec<Crossings>, Error> {
    let mut search = Search {
        risk,
        account,
        of,
        stable,
        clock,
        moved_at: clock_of(risk, clock),
        scratch: boxed(risk),
    };
    asked.iter().map(|line| search.crossings(*line)).collect()
}

/// A search for the factor at which a line is zero.
struct Search<'a> {
    risk: &'a RiskState,
    account: &'a MarginAccount,
    of: &'a Underlying,
    stable: Stable,
    clock: &'a Clock,
    moved_at: risk::Clock,
    scratch: Box<RiskState>,
}

impl Search<'_> {
    fn crossings(&mut self, line: Line) -> Result<Crossings, Error> {
        let crossed = !self.holds(line, ONE)?;
        Ok(Crossings {
            line,
            crossed,
            below: self.first_change(line, crossed, ONE, 1)?,
            above: self.first_change(line, crossed, ONE, HIGHEST)?,
        })
    }

    /// The factor nearest to `near` at which the line has changed sides, if it has at `far`.
    fn first_change(
        &mut self,
        line: Line,
        crossed: bool,
        near: u64,
        far: u64,
    ) -> Result<Option<u64>, Error> {
        if self.holds(line, far)? != crossed {
            return Ok(None);
        }
        let (mut same, mut changed) = (near, far);
        while same.abs_diff(changed) > 1 {
            let middle = same.midpoint(changed);
            if self.holds(line, middle)? == crossed {
                changed = middle;
            } else {
                same = middle;
            }
        }
        Ok(Some(changed))
    }

    /// Whether the line is at zero or above when the underlying has moved by a factor.
    fn holds(&mut self, line: Line, factor: u64) -> Result<bool, Error> {
        let now = &self.moved_at;
        for index in &self.of.assets {
            let moved = moved_asset(self.risk.asset(*index)?, factor, self.stable, now);
            *self.scratch.asset_mut(*index)? = moved.or_refuse()?;
        }
        for index in &self.of.markets {
            let moved = moved_market(self.risk.market(*index)?, factor, self.stable, now);
            *self.scratch.market_mut(*index)? = moved.or_refuse()?;
        }
        Ok(value(&self.scratch, self.account, line, self.clock)? >= 0)
    }
}

/// A line's value under the policy of those who ask for it.
fn value(
    risk: &RiskState,
    account: &MarginAccount,
    line: Line,
    clock: &Clock,
) -> Result<i128, Error> {
    let (view, portfolio) = (view(risk, clock, Purpose::Trade), portfolio(account));
    let health = |kind, policy| AccountMargin::health(&view, &portfolio, kind, policy);
    match line {
        Line::Init => health(HealthKind::Init, Policy::Strict).map(|health| health.value),
        Line::LiquidationEnd => {
            health(HealthKind::LiquidationEnd, Policy::BenefitOfDoubt).map(|health| health.value)
        }
        Line::Maintenance => {
            health(HealthKind::Maint, Policy::BenefitOfDoubt).map(|health| health.value)
        }
        Line::Equity => AccountMargin::assess(&view, &portfolio, Policy::BenefitOfDoubt)
            .map(|assessment| assessment.equity),
    }
    .or_refuse()
}

fn shift(
    shocked: &mut RiskState,
    risk: &RiskState,
    step: &Move,
    stable: Stable,
    clock: &Clock,
) -> Result<(), Error> {
    let clock = &clock_of(risk, clock);
    for index in &step.of.assets {
        let moved = moved_asset(risk.asset(*index)?, step.factor, stable, clock);
        *shocked.asset_mut(*index)? = moved.or_refuse()?;
    }
    for index in &step.of.markets {
        let moved = moved_market(risk.market(*index)?, step.factor, stable, clock);
        *shocked.market_mut(*index)? = moved.or_refuse()?;
    }
    Ok(())
}

/// An asset's entry at another price.
///
/// # Errors
/// `PriceOutOfRange` when a price does not fit its mantissa.
pub fn moved_asset(
    entry: &AssetRisk,
    factor: u64,
    stable: Stable,
    clock: &risk::Clock,
) -> Result<AssetRisk, RiskError> {
    let low = init_low(entry)?;
    let high = init_high(entry)?;
    let price = moved_price(&entry.price, factor, stable, clock)?;
    let below = scaled_up(entry.price.lower().saturating_sub(low), factor)?;
    let above = scaled_up(high.saturating_sub(entry.price.higher()), factor)?;
    let low = price.lower().saturating_sub(below);
    let high = price.higher().checked_add(above);
    let high = high.ok_or(RiskError::PriceOutOfRange)?;

    let spot = price.spot;
    let mut moved = AssetRisk { price, ..*entry };
    let slots = moved.asset_price.iter_mut().zip(&mut moved.liability_price);
    let prices = [(low, high), (spot, spot), (spot, spot)];
    for (((asset, liability), kind), (low, high)) in slots.zip(HealthKind::ALL).zip(prices) {
        *asset = entry.asset_price_at(low, kind)?;
        *liability = entry.liability_price_at(high, kind)?;
    }
    moved.share_price = [entry.deposit_price_at(spot)?, entry.debt_price_at(spot)?];
    moved.doubt = entry.doubt.at(&price);
    Ok(moved)
}

/// A market's entry at another price.
///
/// # Errors
/// As [`moved_asset`].
pub fn moved_market(
    entry: &MarketRisk,
    factor: u64,
    stable: Stable,
    clock: &risk::Clock,
) -> Result<MarketRisk, RiskError> {
    let price = moved_price(&entry.price, factor, stable, clock)?;
    let [low, ..] = entry.price_low;
    let [high, ..] = entry.price_high;
    let below = scaled_up(entry.price.lower().saturating_sub(low), factor)?;
    let above = scaled_up(high.saturating_sub(entry.price.higher()), factor)?;
    let low = price.lower().saturating_sub(below);
    let high = price.higher().checked_add(above);
    let high = high.ok_or(RiskError::PriceOutOfRange)?;

    let per_lot = |price: u64, ratio| to_u64(ratio_ceil(u128::from(price), ratio)?);
    let scale = u128::from(entry.size_scale_notional) << (entry.shift & 63);
    let threshold = div_floor(scale, u128::from(high.max(1)))?;
    Ok(MarketRisk {
        price,
        price_low: [low, price.spot, price.spot],
        price_high: [high, price.spot, price.spot],
        requirement_price: [
            per_lot(high, entry.init_ratio)?,
            per_lot(price.spot, entry.end_ratio)?,
            per_lot(price.spot, entry.maint_ratio)?,
        ],
        size_threshold_lots: u64::try_from(threshold).unwrap_or(u64::MAX),
        doubt: entry.doubt.at(&price),
        ..*entry
    })
}

/// A price times a factor; no scenario moves a final one.
fn moved_price(
    price: &EntryPrice,
    factor: u64,
    stable: Stable,
    clock: &risk::Clock,
) -> Result<EntryPrice, RiskError> {
    if price.is_final() {
        return Ok(*price);
    }
    let spot = scaled(price.spot, factor)?.max(1);
    Ok(EntryPrice {
        published_ms: clock.now_ms,
        doubt_from: clock.doubt_ms,
        flags: 0,
        spot,
        conf: scaled_up(price.conf, factor)?,
        stable: match stable {
            Stable::Follows => scaled(price.stable, factor)?.max(1),
            Stable::Stays => price.stable,
        },
        ..*price
    })
}

/// The price that Init health takes a deposit at: the lowest that gives the entry's price per share.
fn init_low(entry: &AssetRisk) -> Result<u64, RiskError> {
    let [per_share, ..] = entry.asset_price;
    let [weight, ..] = entry.asset_weight;
    if weight == 0 || entry.deposit_index == 0 {
        return Ok(entry.price.lower());
    }
    let unweighted = div_ceil(u128::from(per_share) << RATIO_BITS, u128::from(weight))?;
    to_u64(div_ceil(
        unweighted << INDEX_BITS,
        u128::from(entry.deposit_index),
    )?)
}

/// The price that Init health takes a debt at: the highest that gives the entry's price per share.
fn init_high(entry: &AssetRisk) -> Result<u64, RiskError> {
    let [per_share, ..] = entry.liability_price;
    let [weight, ..] = entry.liability_weight;
    if weight == 0 || entry.borrow_index == 0 {
        return Ok(entry.price.higher());
    }
    let unweighted = div_floor(u128::from(per_share) << RATIO_BITS, u128::from(weight))?;
    to_u64(div_floor(
        unweighted << INDEX_BITS,
        u128::from(entry.borrow_index),
    )?)
}

fn scaled(price: u64, factor: u64) -> Result<u64, RiskError> {
    to_u64((u128::from(price) * u128::from(factor)) >> FACTOR_BITS)
}

fn scaled_up(price: u64, factor: u64) -> Result<u64, RiskError> {
    to_u64(shift_ceil(
        u128::from(price) * u128::from(factor),
        FACTOR_BITS,
    ))
}
