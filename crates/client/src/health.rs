//! Health of an account as the program reports it, with what a screen shows beside it: staleness, leverage, margin use.
use std::collections::BTreeMap;

use anchor_lang::prelude::{Clock, Error};
use plimsoll::{
    account_health::{report, BalanceHealth, HealthReport, PerpHealth},
    error::OrRefuse,
    health::{clock_of, portfolio, view},
    state::{MarginAccount, RiskState},
};
use plimsoll_risk::{
    self as risk, feed::REFUSED, fixed::scale_ceil, AccountMargin, AssetRisk, EntryPrice,
    HealthKind, MarginMode, MarginModel, MarketRisk, Policy, Purpose, StaleSet,
};
use serde::{Deserialize, Serialize};

/// One whole in basis points.
pub const BASIS_POINTS: i128 = 10_000;

/// The chain's clock from its two numbers that matter here.
pub fn clock(slot: u64, unix_time: i64) -> Clock {
    Clock {
        slot,
        unix_timestamp: unix_time,
        ..Clock::default()
    }
}

/// How an account is margined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Each balance and position by itself.
    #[default]
    Standard,
    /// The portfolio as a whole.
    Portfolio,
}

impl Mode {
    /// The mode of an account's stored byte, as the program reads it.
    pub const fn of(byte: u8) -> Self {
        match MarginMode::from_byte(byte) {
            MarginMode::Standard => Self::Standard,
            MarginMode::Portfolio => Self::Portfolio,
        }
    }

    /// The byte that an account stores.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Standard => MarginMode::Standard as u8,
            Self::Portfolio => MarginMode::Portfolio as u8,
        }
    }
}

/// The lines of an account, in native quote, and what each of its slots adds to them: in either mode a line is the sum of
/// the slots' parts less the requirement, which portfolio margin has for the account as a whole and standard margin
/// within each part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthLines {
    /// Init health as trades see it: a stale deposit counts nothing. At least zero after whatever increases risk.
    pub init: i64,
    /// Where a liquidation ends; stale entries count in the account's favour.
    pub liquidation_end: i64,
    /// Below zero the account may be liquidated; stale entries as above.
    pub maintenance: i64,
    /// What closing everything at spot would leave; stale entries as above.
    pub equity: i64,
    /// Whether a liquidator has flagged the account.
    pub liquidating: bool,
    pub mode: Mode,
    /// What portfolio margin takes off the sum of the parts of Init health; zero in standard margin.
    pub init_requirement: i64,
    /// The same of maintenance health.
    pub maintenance_requirement: i64,
    /// Σ |position| · spot over all markets, resting orders aside.
    pub notional: i64,
    /// Notional by equity, basis points; none without equity.
    pub leverage: Option<i64>,
    /// The part of the Init collateral that positions, orders, debts and the requirement take, basis points: at 10,000
    /// nothing more can be risked. None without collateral.
    pub margin_use: Option<i64>,
    /// The same of the maintenance collateral: above 10,000 the account may be liquidated.
    pub maintenance_use: Option<i64>,
    /// Each token balance's part.
    pub balances: Vec<BalancePart>,
    /// Each market's part, with its resting orders.
    pub perps: Vec<PerpPart>,
    /// Every entry that the account uses and that is stale for trades.
    pub stale: Vec<Stale>,
    /// Every feed that the account counts on.
    pub feeds: Vec<FeedHealth>,
}

/// A token balance's part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BalancePart {
    pub asset: u16,
    /// Native units as of the entry's refresh, negative for a debt.
    pub native: i64,
    /// What it adds to Init health, before the requirement in portfolio margin.
    pub init: i64,
    /// What it adds to maintenance health, likewise.
    pub maintenance: i64,
}

/// A market's part, with its resting orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PerpPart {
    pub market: u16,
    /// Base lots, signed.
    pub position: i64,
    /// Profit at spot, funding included, orders left aside.
    pub pnl: i64,
    /// What it adds to Init health: its weighted profit, in standard margin less the margin it needs.
    pub init: i64,
    /// What it adds to maintenance health, likewise.
    pub maintenance: i64,
}

/// What a stale entry is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StaleKind {
    /// An asset held as a deposit: it counts nothing towards Init health.
    Deposit,
    /// An asset owed: risk cannot grow.
    Debt,
    /// A market with a position or orders: risk cannot grow.
    Market,
}

/// A stale entry: its price is too old for what it is asked for, or doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stale {
    pub kind: StaleKind,
    /// Of the asset or market.
    pub index: u16,
    /// Number of the feed that prices it.
    pub feed: u8,
    /// Seconds since the oracle published the price.
    pub age_seconds: i64,
    /// Most seconds that count as fresh.
    pub max_age_seconds: u32,
    /// Whether it keeps the account from what increases risk.
    pub blocks: bool,
}

/// A feed that an account counts on: how old its price is, and how far it is doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedHealth {
    /// Number in the risk state.
    pub feed: u8,
    /// Milliseconds since the oracle published the price.
    pub age_ms: i64,
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
    /// For how long it has been doubted, by the exchange's clock of doubt, milliseconds; zero while it is good for everything.
    pub doubted_ms: u64,
    /// The time over which what doubt is worth decays, seconds.
    pub doubt_seconds: u32,
}

/// The lines of an account at a time, by the program's own report.
///
/// # Errors
/// The program's, when the account names an entry that the risk state does not hold or a number does not fit.
pub fn lines(
    risk: &RiskState,
    account: &MarginAccount,
    clock: &Clock,
) -> Result<HealthLines, Error> {
    let report = report(risk, account, clock)?;
    let notional = notional(risk, account);
    let leverage = (report.equity > 0).then(|| share(notional, i128::from(report.equity)));
    Ok(HealthLines {
        init: report.init,
        liquidation_end: report.liquidation_end,
        maintenance: report.maintenance,
        equity: report.equity,
        liquidating: report.state == plimsoll::state::margin_account::account_state::LIQUIDATING,
        mode: Mode::of(report.margin_mode),
        init_requirement: report.init_requirement,
        maintenance_requirement: report.maintenance_requirement,
        notional: narrow(notional),
        leverage,
        margin_use: margin_use(&report, report.init_requirement, |b| b.init, |p| p.init),
        maintenance_use: margin_use(
            &report,
            report.maintenance_requirement,
            |b| b.maintenance,
            |p| p.maintenance,
        ),
        stale: named(
            risk,
            StaleSet {
                deposits: report.stale_deposits,
                debts: report.stale_debts,
                markets: report.stale_markets,
            },
            Purpose::Trade,
            clock,
        ),
        feeds: feeds(risk, &report, clock),
        balances: report.balances.iter().map(balance_part).collect(),
        perps: report.perps.iter().map(perp_part).collect(),
    })
}

/// Every entry that an account uses and that is stale for a purpose.
///
/// # Errors
/// As [`lines`].
pub fn stale(
    risk: &RiskState,
    account: &MarginAccount,
    purpose: Purpose,
    clock: &Clock,
) -> Result<Vec<Stale>, Error> {
    let view = view(risk, clock, purpose);
    let health =
        AccountMargin::health(&view, &portfolio(account), HealthKind::Init, Policy::Strict);
    Ok(named(risk, health.or_refuse()?.stale, purpose, clock))
}

fn named(risk: &RiskState, stale: StaleSet, purpose: Purpose, clock: &Clock) -> Vec<Stale> {
    let clock = &clock_of(risk, clock);
    let of_assets = |mask, kind| {
        indices(mask).filter_map(move |index| {
            Some(stale_asset(
                risk.asset(index).ok()?,
                kind,
                index,
                purpose,
                clock,
            ))
        })
    };
    of_assets(stale.deposits, StaleKind::Deposit)
        .chain(of_assets(stale.debts, StaleKind::Debt))
        .chain(indices(stale.markets).filter_map(|index| {
            Some(stale_market(
                risk.market(index).ok()?,
                index,
                purpose,
                clock,
            ))
        }))
        .collect()
}

/// An asset's entry, stale or not, with its age and the limit for a purpose.
pub fn stale_asset(
    entry: &AssetRisk,
    kind: StaleKind,
    index: u16,
    purpose: Purpose,
    clock: &risk::Clock,
) -> Stale {
    aged(&entry.price, kind, index, purpose, clock)
}

/// A market's entry, likewise.
pub fn stale_market(
    entry: &MarketRisk,
    index: u16,
    purpose: Purpose,
    clock: &risk::Clock,
) -> Stale {
    aged(&entry.price, StaleKind::Market, index, purpose, clock)
}

fn aged(
    price: &EntryPrice,
    kind: StaleKind,
    index: u16,
    purpose: Purpose,
    clock: &risk::Clock,
) -> Stale {
    let [trade, pay, seize] = price.max_age_secs;
    let limit = match purpose {
        Purpose::Trade => trade,
        Purpose::Pay => pay,
        Purpose::Seize => seize,
    };
    Stale {
        kind,
        index,
        feed: price.feed,
        age_seconds: age_ms(price, clock).div_euclid(1_000),
        max_age_seconds: limit.into(),
        blocks: kind != StaleKind::Deposit,
    }
}

/// Milliseconds since a price was published; a final one never ages.
fn age_ms(price: &EntryPrice, clock: &risk::Clock) -> i64 {
    if price.is_final() {
        return 0;
    }
    clock.now_ms.saturating_sub(price.published_ms)
}

const PURPOSES: [Purpose; 3] = [Purpose::Trade, Purpose::Pay, Purpose::Seize];

/// The feeds of all that a report tells of, each once.
fn feeds(risk: &RiskState, report: &HealthReport, clock: &Clock) -> Vec<FeedHealth> {
    let clock = clock_of(risk, clock);
    let assets = report.balances.iter();
    let assets = assets.filter_map(|b| Some(&risk.asset(b.asset.into()).ok()?.price));
    let markets = report.perps.iter();
    let markets = markets.filter_map(|p| Some(&risk.market(p.market.into()).ok()?.price));
    let found: BTreeMap<u8, &EntryPrice> = assets.chain(markets).map(|p| (p.feed, p)).collect();
    let health = |(feed, price): (u8, &EntryPrice)| FeedHealth {
        feed,
        age_ms: age_ms(price, &clock),
        trades: price.is_fresh(&clock, Purpose::Trade),
        pays: price.is_fresh(&clock, Purpose::Pay),
        seizes: price.is_fresh(&clock, Purpose::Seize),
        broken: price.is_broken(),
        refused: price.flags & REFUSED != 0,
        doubted_ms: match PURPOSES
            .iter()
            .all(|purpose| price.is_fresh(&clock, *purpose))
        {
            true => 0,
            false => price.doubted_ms(&clock),
        },
        doubt_seconds: price.doubt_secs.into(),
    };
    found.into_iter().map(health).collect()
}

/// Σ |position| · spot, rounded up.
fn notional(risk: &RiskState, account: &MarginAccount) -> i128 {
    account
        .perps
        .iter()
        .filter_map(|perp| {
            let entry = risk.market(perp.market).ok()?;
            let size = scale_ceil(perp.position.abs(), entry.price.spot, entry.shift);
            i128::try_from(size).ok()
        })
        .fold(0i128, i128::saturating_add)
}

/// What the negative parts and the requirement take of the positive parts.
fn margin_use(
    report: &HealthReport,
    requirement: i64,
    of_balance: impl Fn(&BalanceHealth) -> i64,
    of_perp: impl Fn(&PerpHealth) -> i64,
) -> Option<i64> {
    let parts = report
        .balances
        .iter()
        .map(of_balance)
        .chain(report.perps.iter().map(of_perp));
    let (mut collateral, mut taken) = (0i128, i128::from(requirement));
    for part in parts.map(i128::from) {
        if part >= 0 {
            collateral += part;
        } else {
            taken -= part;
        }
    }
    (collateral > 0).then(|| share(taken, collateral))
}

/// `part / whole` in basis points, rounded up.
fn share(part: i128, whole: i128) -> i64 {
    let scaled = part.saturating_mul(BASIS_POINTS);
    let floor = scaled.div_euclid(whole);
    narrow(if scaled.rem_euclid(whole) == 0 {
        floor
    } else {
        floor.saturating_add(1)
    })
}

/// The set bits of a mask.
fn indices(mask: u64) -> impl Iterator<Item = u16> {
    (0..64u16).filter(move |index| mask >> index & 1 == 1)
}

fn narrow(value: i128) -> i64 {
    let limit = if value < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(value).unwrap_or(limit)
}

fn balance_part(part: &BalanceHealth) -> BalancePart {
    BalancePart {
        asset: part.asset.into(),
        native: part.native,
        init: part.init,
        maintenance: part.maintenance,
    }
}

fn perp_part(part: &PerpHealth) -> PerpPart {
    PerpPart {
        market: part.market.into(),
        position: part.position,
        pnl: part.pnl,
        init: part.init,
        maintenance: part.maintenance,
    }
}
