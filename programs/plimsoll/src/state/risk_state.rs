//! The risk array of an exchange: market-wide numbers computed once, read by every trade.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    portfolio::MAX_UNDERLYINGS, AssetRisk, MarketRisk, PortfolioModel, UnderlyingRisk,
};

/// Assets that an exchange can list.
pub const MAX_ASSETS: usize = 64;
/// Markets that an exchange can list.
pub const MAX_MARKETS: usize = 64;

/// For every asset and market the validated price and the effective, premultiplied risk parameters.
/// Written by `refresh` and listing only, so that trades on different markets run in parallel.
#[account(zero_copy)]
#[repr(C)]
pub struct RiskState {
    pub exchange: Pubkey,
    /// Entries of `assets` in use; asset 0 is the quote asset.
    pub asset_count: u16,
    /// Entries of `markets` in use.
    pub market_count: u16,
    /// The exchange's mode, one of [`crate::state::mode`]; here because every instruction reads this account.
    pub mode: u8,
    pub bump: u8,
    pub version: u8,
    /// Entries of `underlyings` in use; the first is number 1.
    pub underlying_count: u8,
    pub reserved: [u64; 7],
    pub assets: [AssetRisk; MAX_ASSETS],
    pub markets: [MarketRisk; MAX_MARKETS],
    /// The portfolio model.
    pub model: PortfolioModel,
    pub underlyings: [UnderlyingRisk; MAX_UNDERLYINGS],
}

impl RiskState {
    pub const SPACE: usize = 8 + core::mem::size_of::<Self>();

    /// The entry of an asset.
    pub fn asset(&self, index: u16) -> Result<&AssetRisk> {
        Ok(&self.assets[checked(index, self.asset_count)?])
    }

    /// The entry of an asset, to be rewritten.
    pub fn asset_mut(&mut self, index: u16) -> Result<&mut AssetRisk> {
        let i = checked(index, self.asset_count)?;
        Ok(&mut self.assets[i])
    }

    /// The entry of a market.
    pub fn market(&self, index: u16) -> Result<&MarketRisk> {
        Ok(&self.markets[checked(index, self.market_count)?])
    }

    /// The entry of a market, to be rewritten.
    pub fn market_mut(&mut self, index: u16) -> Result<&mut MarketRisk> {
        let i = checked(index, self.market_count)?;
        Ok(&mut self.markets[i])
    }
}

/// An index below `count`, which is itself bounded by the arrays' lengths at listing.
fn checked(index: u16, count: u16) -> Result<usize> {
    require!(
        index < count,
        crate::error::PlimsollError::WrongRemainingAccount
    );
    Ok(usize::from(index))
}
