//! What a plan needs to know beside the risk state and the accounts: terms of markets and banks, and the names of legs.
use plimsoll::{
    liquidation::{reward::Fund, PATIENCE_SECS},
    state::{Bank, MarginAccount, Market},
};
use plimsoll_risk::{profits::ProfitLedger, AssetRisk, Bucket, LiquidationTerms, RiskError};

/// What a market's account adds to its entry.
#[derive(Clone, Copy, Debug, Default)]
pub struct MarketTerms {
    pub liquidation: LiquidationTerms,
    pub dust_lots: i64,
    /// Native quote per lot and price lot.
    pub tick: u64,
    /// Collected losses, from which claims are paid, native quote.
    pub pnl_pool: u64,
    /// Whose the pool is.
    pub profits: ProfitLedger,
    /// Open interest of longs and shorts, lots.
    pub interest: [i64; 2],
    /// A shortfall of so much halts the payment of profits, native quote.
    pub shortfall_floor: u64,
    /// Seconds for which collected losses are announced before they are paid out.
    pub cover_delay_secs: u32,
    pub insurance: Insurance,
}

impl From<&Market> for MarketTerms {
    fn from(market: &Market) -> Self {
        Self {
            liquidation: market.params.liquidation,
            dust_lots: market.params.dust_lots,
            tick: market.terms.tick,
            pnl_pool: market.pnl_pool,
            profits: market.profits,
            interest: market.interest(),
            shortfall_floor: market.params.shortfall_floor,
            cover_delay_secs: market.params.cover_delay_secs,
            insurance: Insurance {
                held: market.insurance_accrued,
                top_ups: market.top_ups,
            },
        }
    }
}

/// What a bank adds to its entry.
#[derive(Clone, Copy, Debug, Default)]
pub struct AssetTerms {
    pub liquidation: LiquidationTerms,
    pub dust_usd: u64,
    pub insurance: Insurance,
}

impl From<&Bank> for AssetTerms {
    fn from(bank: &Bank) -> Self {
        Self {
            liquidation: bank.params.liquidation,
            dust_usd: bank.params.dust_usd,
            insurance: Insurance {
                held: bank.insurance,
                top_ups: bank.top_ups,
            },
        }
    }
}

/// What insurance may add to a reward.
#[derive(Clone, Copy, Debug, Default)]
pub struct Insurance {
    /// Native quote of a market, native units of an asset.
    pub held: u64,
    /// What it added of late.
    pub top_ups: Bucket,
}

impl Insurance {
    /// What it adds of what is wanted, at a time, to what is taken of an account that it has paid `paid` before.
    pub(super) fn add(
        mut self,
        wanted: u64,
        terms: &LiquidationTerms,
        entry: Option<&AssetRisk>,
        now: i64,
        paid: &mut u64,
    ) -> u64 {
        let fund = Fund::new(&mut self.held, &mut self.top_ups, terms, now);
        fund.add(wanted, entry, paid, &mut 0)
    }
}

/// What an account's flag says of fees.
#[derive(Clone, Copy, Debug, Default)]
pub struct Episode {
    /// Seconds since it was flagged.
    pub secs: u64,
    /// What fees may still take, native quote.
    pub fee_allowance: u64,
    /// What insurance has paid the account before, native quote.
    pub topped_up: u64,
    /// What legs that were taken alone cost it and it has not made up for, native quote.
    pub opened_loss: u64,
    /// The slots whose leg may not be taken alone again yet: positions first, then balances.
    pub opened_slots: u32,
}

impl Episode {
    /// An account's, at a time.
    pub fn of(account: &MarginAccount, now: i64) -> Self {
        let since = |at: i64| u64::try_from(now.saturating_sub(at)).unwrap_or(0);
        let is_over = since(account.opened_at) >= PATIENCE_SECS;
        Self {
            secs: since(account.flagged_at),
            fee_allowance: account.fee_allowance,
            topped_up: account.topped_up,
            opened_loss: account.opened_loss,
            opened_slots: if is_over { 0 } else { account.opened_slots },
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
