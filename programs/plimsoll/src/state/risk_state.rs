//! The risk array of an exchange: market-wide numbers computed once, read by every trade.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    portfolio::MAX_UNDERLYINGS, volatility, AssetRisk, Haircut, MarketRisk, PortfolioModel,
    UnderlyingRisk,
};

use super::feed::{Feed, MAX_FEEDS};
use crate::error::{OrRefuse, PlimsollError};

/// Assets that an exchange can list.
pub const MAX_ASSETS: usize = 64;
/// Markets that an exchange can list.
pub const MAX_MARKETS: usize = 64;
/// Most milliseconds by which one refresh moves the clock of doubt on: what nobody refreshed for longer, nobody watched.
const MAX_DOUBT_STEP_MS: u64 = 60_000;
/// Fewest milliseconds by which it is moved on: doubt lasts for minutes, and every feed is looked at.
const MIN_DOUBT_STEP_MS: i64 = 10_000;

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
    /// The clock by which doubt decays, milliseconds: time in which at least half of the feeds were heard.
    pub doubt_ms: u64,
    /// When it was last moved on, Unix milliseconds.
    pub doubt_moved_ms: i64,
    /// Entries of `feeds` in use.
    pub feed_count: u8,
    pub padding: [u8; 7],
    /// When the exchange was last opened again after a pause, Unix seconds; zero when it never was.
    pub resumed_at: i64,
    pub reserved: [u64; 3],
    /// Every price, once.
    pub feeds: [Feed; MAX_FEEDS],
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

    /// The entries of the underlyings in use, the first of them number 1.
    pub fn known_underlyings(&self) -> &[UnderlyingRisk] {
        self.underlyings
            .get(..usize::from(self.underlying_count))
            .unwrap_or(&self.underlyings)
    }

    /// The entry of an underlying by its number, to be rewritten.
    pub fn underlying_mut(&mut self, number: u8) -> Result<&mut UnderlyingRisk> {
        require!(
            number <= self.underlying_count,
            PlimsollError::UnknownUnderlying
        );
        usize::from(number)
            .checked_sub(1)
            .and_then(|index| self.underlyings.get_mut(index))
            .ok_or_else(|| PlimsollError::UnknownUnderlying.into())
    }

    /// The room that Standard margin leaves for the moves of an underlying by its number; none for zero.
    #[inline(always)]
    pub fn haircut(&self, underlying: u8) -> Option<Haircut> {
        Haircut::of(&self.model, &self.underlyings, underlying)
    }

    /// Whether a price published then would be a sample of an underlying's volatility.
    #[inline(always)]
    pub fn is_sample_due(&self, underlying: u8, publish_time: i64) -> bool {
        let index = usize::from(underlying).wrapping_sub(1);
        let underlying = self.underlyings.get(index);
        underlying.is_some_and(|u| u.volatility.is_due(&self.model.params, publish_time))
    }

    /// Lets an underlying learn its volatility from a price, a mantissa of its driving entry, that its feed has just accepted;
    /// tells whether it did. It cannot fail: nothing is learnt by an underlying that does not exist.
    #[inline(never)]
    pub fn sample(
        &mut self,
        underlying: u8,
        spot: u64,
        published_ms: i64,
        is_broken: bool,
    ) -> bool {
        volatility::sample(
            &mut self.model,
            &mut self.underlyings,
            underlying,
            spot,
            published_ms / 1_000,
            is_broken,
        )
        .unwrap_or(false)
    }

    /// A feed in use.
    pub fn feed(&self, index: u8) -> Result<&Feed> {
        require!(index < self.feed_count, PlimsollError::UnknownFeed);
        self.feeds
            .get(usize::from(index))
            .ok_or_else(|| PlimsollError::UnknownFeed.into())
    }

    /// A feed in use, to be rewritten.
    pub fn feed_mut(&mut self, index: u8) -> Result<&mut Feed> {
        require!(index < self.feed_count, PlimsollError::UnknownFeed);
        self.feeds
            .get_mut(usize::from(index))
            .ok_or_else(|| PlimsollError::UnknownFeed.into())
    }

    /// Moves the clock of doubt on to now, unless more than half of the feeds are silent: an outage of the oracle as a whole
    /// makes nobody's collateral worth less. Feeds with a final price are neither heard nor silent, and a derived one is not
    /// heard by itself.
    pub fn move_doubt(&mut self, now_ms: i64) {
        let elapsed = now_ms.saturating_sub(self.doubt_moved_ms);
        if elapsed < MIN_DOUBT_STEP_MS {
            return;
        }
        let used = self.feeds.iter().take(usize::from(self.feed_count));
        let (mut silent, mut listened) = (0u32, 0u32);
        let speaks =
            |feed: &&Feed| feed.is_priced() && !feed.price.is_final() && !feed.is_derived();
        for feed in used.filter(speaks) {
            listened = listened.saturating_add(1);
            if feed.price.is_silent(now_ms, &feed.limits) {
                silent = silent.saturating_add(1);
            }
        }
        // While most are silent nothing is moved, so that whoever calls in such a moment takes no time away.
        if silent.saturating_mul(2) <= listened {
            self.doubt_moved_ms = now_ms;
            let step = elapsed.unsigned_abs().min(MAX_DOUBT_STEP_MS);
            self.doubt_ms = self.doubt_ms.saturating_add(step);
        }
    }

    /// Takes another underlying's entry into use.
    pub fn add_underlying(&mut self) -> Result<()> {
        require!(
            usize::from(self.underlying_count) < MAX_UNDERLYINGS,
            PlimsollError::TooManyUnderlyings
        );
        self.underlying_count = self
            .underlying_count
            .checked_add(1)
            .ok_or(PlimsollError::TooManyUnderlyings)?;
        Ok(())
    }

    /// Rewrites everything that the model's parameters and the underlyings' say together with what prices taught. A factor's
    /// volatility is what the earlier factors leave of its driver's, so the drivers come first, in the factors' order.
    #[inline(never)]
    pub fn derive_volatilities(&mut self) -> Result<()> {
        let count = self.underlying_count;
        let used = self
            .underlyings
            .get_mut(..usize::from(count))
            .ok_or(PlimsollError::UnknownUnderlying)?;
        self.model.factors = Default::default();
        for factor in 1..=self.model.params.factor_count {
            let driver = (1u8..)
                .zip(used.iter())
                .find(|(_, underlying)| underlying.params.factor == factor);
            if let Some((number, _)) = driver {
                volatility::derive(&mut self.model, used, number).or_refuse()?;
            }
        }
        for number in 1..=count {
            volatility::derive(&mut self.model, used, number).or_refuse()?;
        }
        Ok(())
    }
}

/// An index below `count`, which is itself bounded by the arrays' lengths at listing.
fn checked(index: u16, count: u16) -> Result<usize> {
    require!(index < count, PlimsollError::WrongRemainingAccount);
    Ok(usize::from(index))
}
