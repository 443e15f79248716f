//! The question that every margin model answers: what it is given, and the shape of its answer.
//!
//! Nothing here assumes how a portfolio is margined. [`crate::standard`] implements [`MarginModel`] for standard
//! margin, [`crate::portfolio`] for portfolio margin; [`AccountMargin`] asks the one that the account chose.

use crate::asset::AssetRisk;
use crate::balance::Balance;
use crate::doubt::OnePrice;
use crate::entry_price::{EntryPrice, InDoubt};
use crate::feed::Purpose;
use crate::fixed::Result;
use crate::market::MarketRisk;
use crate::portfolio::{PortfolioMargin, PortfolioModel, UnderlyingRisk};
use crate::position::{OpenOrder, PerpPosition};
use crate::standard::StandardMargin;

/// Which line a portfolio is measured against. Every account has Init ≤ LiquidationEnd ≤ Maint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum HealthKind {
    /// Must be at or above zero after whatever increases risk.
    Init = 0,
    /// A liquidation goes on until this is at or above zero.
    LiquidationEnd = 1,
    /// Liquidation starts below zero.
    Maint = 2,
}

impl HealthKind {
    /// All kinds in the order of the per-kind arrays.
    pub const ALL: [Self; 3] = [Self::Init, Self::LiquidationEnd, Self::Maint];

    /// This kind's element of a per-kind array.
    #[inline(always)]
    pub const fn of<T: Copy>(self, values: &[T; 3]) -> T {
        let [init, liquidation_end, maint] = *values;
        match self {
            Self::Init => init,
            Self::LiquidationEnd => liquidation_end,
            Self::Maint => maint,
        }
    }
}

/// What a stale entry counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// For actions that increase risk: a stale deposit counts nothing, a stale debt or position is reported as
    /// blocking.
    Strict,
    /// For liquidation: a stale entry counts as [`EntryPrice::in_doubt`] says, which at first is better for the account than
    /// any price it had.
    BenefitOfDoubt,
    /// For whoever takes over what is liquidated, so that what nobody can price any more still finds a taker: a stale debt or
    /// position counts at the worst that doubt leaves of it and blocks nothing, a stale deposit counts nothing. The quote asset
    /// counts at its last price: margin in quote can liquidate at any time.
    Taker,
}

/// The chain's clock, and the exchange's clock of doubt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Unix milliseconds.
    pub now_ms: i64,
    /// Milliseconds for which doubt could decay since the exchange was created: time in which most feeds were heard.
    pub doubt_ms: u64,
}

/// How an account is margined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum MarginMode {
    /// Each balance and position by itself: [`crate::standard`].
    #[default]
    Standard = 0,
    /// The portfolio as a whole: [`crate::portfolio`].
    Portfolio = 1,
}

impl MarginMode {
    /// The mode of a stored byte; an unknown byte is the one that nets nothing.
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Portfolio,
            _ => Self::Standard,
        }
    }
}

/// The market-wide side of the question: all entries of the risk state, indexed by asset and market.
#[derive(Clone, Copy, Debug)]
pub struct RiskView<'a> {
    /// Entry of each asset.
    pub assets: &'a [AssetRisk],
    /// Entry of each market.
    pub markets: &'a [MarketRisk],
    /// Entry of each underlying, the first of them number 1.
    pub underlyings: &'a [UnderlyingRisk],
    /// The portfolio model.
    pub model: &'a PortfolioModel,
    /// When it is asked.
    pub clock: Clock,
    /// What the answer is for, which says how old prices may be.
    pub purpose: Purpose,
    /// Feeds that count at one price on both sides while in doubt; none unless [`RiskView::at_one_price`] said so.
    pub one_price: OnePrice,
}

impl RiskView<'_> {
    /// What a stale price counts for, where it counts at all and not at its last price.
    ///
    /// # Errors
    /// [`crate::RiskError::PriceOutOfRange`] when it does not fit.
    #[inline(never)]
    pub(crate) fn doubted(&self, price: &EntryPrice, policy: Policy) -> Result<Option<InDoubt>> {
        match policy {
            Policy::Strict => Ok(None),
            Policy::BenefitOfDoubt => {
                let doubted = price.in_doubt(&self.clock)?;
                Ok(Some(self.one_price.of(price, doubted)))
            }
            Policy::Taker => price.at_worst().map(Some),
        }
    }

    /// True while an entry's price may be relied on.
    #[inline(always)]
    pub fn is_fresh(&self, price: &EntryPrice) -> bool {
        price.is_fresh(&self.clock, self.purpose)
    }
}

/// The account's side of the question. Free slots are skipped.
#[derive(Clone, Copy, Debug)]
pub struct Portfolio<'a> {
    /// Token balances.
    pub balances: &'a [Balance],
    /// Perpetual positions.
    pub perps: &'a [PerpPosition],
    /// Resting orders, indexed by the positions' masks.
    pub orders: &'a [OpenOrder],
    /// How the account chose to be margined.
    pub mode: MarginMode,
}

impl<'a> Portfolio<'a> {
    /// Each slot in use as a portfolio of its own, with the orders of all: balances first.
    pub fn slots(self) -> impl Iterator<Item = Self> + 'a {
        let balances = self.balances.iter();
        let balances = balances.filter(|slot| !slot.shares.is_zero() && !slot.is_free());
        let perps = self.perps.iter().filter(|slot| !slot.is_free());
        let balances = balances.map(move |slot| Self {
            balances: core::slice::from_ref(slot),
            perps: &[],
            ..self
        });
        let perps = perps.map(move |slot| Self {
            balances: &[],
            perps: core::slice::from_ref(slot),
            ..self
        });
        balances.chain(perps)
    }
}

/// The stale entries that a portfolio uses, one bit per asset or market index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Zeroable)]
pub struct StaleSet {
    /// Assets held as deposits.
    pub deposits: u64,
    /// Assets owed.
    pub debts: u64,
    /// Markets with a position or orders.
    pub markets: u64,
}

/// An entry that must be refreshed before risk may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleEntry {
    /// Of an asset that is owed.
    Debt(u16),
    /// Of a market with a position or orders.
    Market(u16),
}

impl StaleSet {
    /// The first entry that blocks an increase of risk; a stale deposit never does, it just counts nothing.
    pub fn blocking(&self) -> Option<StaleEntry> {
        lowest(self.debts)
            .map(StaleEntry::Debt)
            .or_else(|| lowest(self.markets).map(StaleEntry::Market))
    }

    /// True when everything the portfolio uses is fresh.
    pub const fn is_empty(&self) -> bool {
        self.deposits | self.debts | self.markets == 0
    }

    /// Adds the entries of another set.
    pub(crate) fn join(&mut self, other: Self) {
        self.deposits |= other.deposits;
        self.debts |= other.debts;
        self.markets |= other.markets;
    }
}

fn lowest(mask: u64) -> Option<u16> {
    if mask == 0 {
        return None;
    }
    u16::try_from(mask.trailing_zeros()).ok()
}

/// Bit of an entry's index in a [`StaleSet`].
#[inline]
pub(crate) fn entry_bit(index: u16) -> u64 {
    1u64.checked_shl(u32::from(index)).unwrap_or(0)
}

/// Health of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Native quote.
    pub value: i128,
    /// What was stale.
    pub stale: StaleSet,
}

/// Health of every kind, and equity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assessment {
    /// Native quote, by [`HealthKind`].
    pub health: [i128; 3],
    /// What would be left if everything were closed at spot, unweighted, in native quote.
    pub equity: i128,
    /// What was stale.
    pub stale: StaleSet,
}

impl Assessment {
    /// Health of a kind.
    pub const fn of(&self, kind: HealthKind) -> i128 {
        kind.of(&self.health)
    }
}

/// A way of margining a portfolio.
pub trait MarginModel {
    /// Health of one kind, as cheaply as possible.
    ///
    /// # Errors
    /// [`crate::RiskError`] when the portfolio names an entry that does not exist, or a value does not fit.
    fn health(
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        kind: HealthKind,
        policy: Policy,
    ) -> Result<Health>;

    /// Health of every kind and equity in a single pass.
    ///
    /// # Errors
    /// As [`MarginModel::health`].
    fn assess(view: &RiskView<'_>, portfolio: &Portfolio<'_>, policy: Policy)
        -> Result<Assessment>;
}

/// The engine that the portfolio's mode names.
#[derive(Clone, Copy, Debug)]
pub struct AccountMargin;

impl MarginModel for AccountMargin {
    #[inline(always)]
    fn health(
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        kind: HealthKind,
        policy: Policy,
    ) -> Result<Health> {
        let of = |view: &RiskView<'_>| match portfolio.mode {
            MarginMode::Standard => StandardMargin::health(view, portfolio, kind, policy),
            MarginMode::Portfolio => PortfolioMargin::health(view, portfolio, kind, policy),
        };
        let health = of(view)?;
        match netted(view, portfolio, policy, &health.stale)? {
            Some(view) => of(&view),
            None => Ok(health),
        }
    }

    #[inline(always)]
    fn assess(
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        policy: Policy,
    ) -> Result<Assessment> {
        let of = |view: &RiskView<'_>| match portfolio.mode {
            MarginMode::Standard => StandardMargin::assess(view, portfolio, policy),
            MarginMode::Portfolio => PortfolioMargin::assess(view, portfolio, policy),
        };
        let assessment = of(view)?;
        match netted(view, portfolio, policy, &assessment.stale)? {
            Some(view) => of(&view),
            None => Ok(assessment),
        }
    }
}

/// The view in which the portfolio is to be measured anew, where doubt is worth something else to it as a whole than slot by
/// slot.
#[inline(always)]
fn netted<'a>(
    view: &RiskView<'a>,
    portfolio: &Portfolio<'_>,
    policy: Policy,
    stale: &StaleSet,
) -> Result<Option<RiskView<'a>>> {
    if policy != Policy::BenefitOfDoubt || stale.is_empty() || view.one_price != OnePrice::default()
    {
        return Ok(None);
    }
    view.at_one_price(portfolio)
}
