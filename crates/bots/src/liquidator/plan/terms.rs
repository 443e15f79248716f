//! What a plan needs to know beside the risk state and the accounts: terms of markets and banks, and the names of legs.
use plimsoll::state::{Bank, Market};
use plimsoll_risk::{profits::ProfitLedger, LiquidationTerms, RiskError};

/// What a market's account adds to its entry.
#[derive(Clone, Copy, Debug, Default)]
pub struct MarketTerms {
    pub liquidation: LiquidationTerms,
    pub dust_lots: i64,
    /// Collected losses, from which claims are paid, native quote.
    pub pnl_pool: u64,
    /// Whose the pool is.
    pub profits: ProfitLedger,
    /// Open interest of longs and shorts, lots.
    pub interest: [i64; 2],
    /// A shortfall of so much halts the payment of profits, native quote.
    pub shortfall_floor: u64,
}

impl From<&Market> for MarketTerms {
    fn from(market: &Market) -> Self {
        Self {
            liquidation: market.params.liquidation,
            dust_lots: market.params.dust_lots,
            pnl_pool: market.pnl_pool,
            profits: market.profits,
            interest: market.interest(),
            shortfall_floor: market.params.shortfall_floor,
        }
    }
}

/// What a bank adds to its entry.
#[derive(Clone, Copy, Debug, Default)]
pub struct AssetTerms {
    pub liquidation: LiquidationTerms,
    pub dust_usd: u64,
}

impl From<&Bank> for AssetTerms {
    fn from(bank: &Bank) -> Self {
        Self {
            liquidation: bank.params.liquidation,
            dust_usd: bank.params.dust_usd,
        }
    }
}

/// The terms of everything that is listed, by index.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    pub assets: Vec<AssetTerms>,
    pub markets: Vec<MarketTerms>,
}

impl Terms {
    /// Those of an asset.
    pub(super) fn asset(&self, index: u16) -> Result<AssetTerms, Obstacle> {
        let terms = self.assets.get(usize::from(index));
        terms.copied().ok_or(Obstacle::NotPriced)
    }

    /// Those of a market.
    pub(super) fn market(&self, index: u16) -> Result<MarketTerms, Obstacle> {
        let terms = self.markets.get(usize::from(index));
        terms.copied().ok_or(Obstacle::NotPriced)
    }
}

/// Collateral or debt: an asset, or the claim on a market in which no position is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leg {
    Asset(u16),
    Claim(u16),
}

/// Why a step cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The entry is stale or its feed broken, or it is not listed.
    NotPriced,
    /// The account, or the liquidator, has no slot for it.
    NoSlot,
    /// It would leave the account's LiquidationEnd health lower than it is.
    Harms,
    /// The risk crate's refusal.
    Risk(RiskError),
}

impl From<RiskError> for Obstacle {
    fn from(error: RiskError) -> Self {
        Self::Risk(error)
    }
}
