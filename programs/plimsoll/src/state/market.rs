//! A perpetual market: contract terms, open interest, funding state and the pool that pays its profits.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    position::{FundingIndices, OpenInterestChange},
    price::PriceUnit,
    Bucket, MarketParams,
};

use crate::error::OrRefuse;

/// What one lot and one price lot mean. Fixed at creation.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    bytemuck::Pod,
    bytemuck::Zeroable,
    AnchorSerialize,
    AnchorDeserialize,
)]
#[repr(C)]
pub struct ContractTerms {
    /// Native units of the underlying in one base lot.
    pub base_lot_size: u64,
    /// Native quote per base lot and price lot: notional = lots × price × tick.
    pub tick: u64,
    /// Decimals of the underlying.
    pub base_decimals: u8,
    pub padding: [u8; 7],
    /// Display name, UTF-8, zero-padded.
    pub name: [u8; 16],
}

impl ContractTerms {
    /// What the market's price is quoted for: one base lot.
    pub const fn price_unit(&self) -> PriceUnit {
        PriceUnit {
            decimals: self.base_decimals,
            size: self.base_lot_size,
        }
    }
}

/// One perpetual market.
#[account(zero_copy)]
#[repr(C)]
pub struct Market {
    pub exchange: Pubkey,
    pub book: Pubkey,
    pub fill_queue: Pubkey,
    pub terms: ContractTerms,
    /// Sum of all long positions, lots.
    pub long_interest: i64,
    /// Sum of all short positions, lots, positive; equals `long_interest` once all fills are settled.
    pub short_interest: i64,
    /// Cumulative funding owed per lot by longs, Q40.24 native quote.
    pub funding_long: i64,
    /// Cumulative funding per lot of shorts, Q40.24 native quote.
    pub funding_short: i64,
    /// Unix time up to which funding has accrued.
    pub funded_until: i64,
    /// Collected losses not yet paid out as profits, native quote, held in the quote vault.
    pub pnl_pool: u64,
    /// Trading fees charged and not yet collected: a claim on the pool, native quote.
    pub fees_accrued: u64,
    /// Liquidation fees meant for insurance: a claim on the pool, native quote.
    pub insurance_accrued: u64,
    /// Identifier of the next order: time priority and order id.
    pub next_order_id: u64,
    pub params: MarketParams,
    /// Smoothed (mark − spot) / spot, a signed Q8.24 ratio.
    pub premium: i32,
    /// Entry in the risk state.
    pub index: u16,
    /// One of [`crate::state::mode`].
    pub mode: u8,
    pub bump: u8,
    pub version: u8,
    pub padding: [u8; 7],
    /// What insurance added to liquidators' rewards of late, native quote, against the limit of a day.
    pub top_ups: Bucket,
    pub reserved: [u64; 13],
}

impl Market {
    pub const SPACE: usize = 8 + core::mem::size_of::<Self>();

    /// Both funding indices, as of the last refresh.
    pub fn funding(&self) -> FundingIndices {
        FundingIndices {
            long: self.funding_long,
            short: self.funding_short,
        }
    }

    /// Counts what a trade or takeover did to the sums of positions.
    pub fn change_interest(&mut self, change: OpenInterestChange) -> Result<()> {
        self.long_interest = self.long_interest.checked_add(change.long).or_refuse()?;
        self.short_interest = self.short_interest.checked_add(change.short).or_refuse()?;
        Ok(())
    }
}
