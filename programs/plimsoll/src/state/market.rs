//! A perpetual market: contract terms, open interest, funding state and the pool that pays its profits.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    interest::loss_growth,
    position::{FundingIndices, OpenInterestChange},
    price::PriceUnit,
    profits::{Covering, Moment, ProfitLedger},
    Bucket, MarketParams, MarketRisk, PerpPosition,
};

use crate::{
    error::OrRefuse,
    matching::{QueuedFill, Side},
};

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
    /// What `next_order_id` was when the book was last sampled for funding: what has a lower identifier rested then.
    pub sampled_order_id: u64,
    /// Averaged (mark − spot) / spot, a signed Q24.40 ratio.
    pub premium: i64,
    pub params: MarketParams,
    /// Who is paid how much of the pool.
    pub profits: ProfitLedger,
    /// What the exchange's insurance paid for the market's losses, native quote, leaking over a day.
    pub insurance_drawn: Bucket,
    /// What funding has moved beyond the last unit of its indices, over 2³².
    pub funding_fraction: u32,
    /// Entry in the risk state.
    pub index: u16,
    /// One of [`crate::state::mode`].
    pub mode: u8,
    pub bump: u8,
    pub version: u8,
    pub padding: [u8; 7],
    /// What insurance added to liquidators' rewards of late, native quote, against the limit of a day.
    pub top_ups: Bucket,
    /// Lots that fills in the queue buy for makers who have not been told yet. With the longs it is the open interest that the
    /// market comes to at most once all are told; what such fills sell comes, with the shorts, to the same.
    pub waiting_bids: i64,
    /// Cumulative interest on unpaid losses, native quote per native quote with [`plimsoll_risk::interest::LOSS_BITS`] binary places.
    pub loss_index: i64,
    /// The quote bank's borrow index up to which it has accrued; zero before the first refresh.
    pub loss_accrued_to: u64,
    pub reserved: [u64; 7],
}

impl Market {
    pub const SPACE: usize = 8 + core::mem::size_of::<Self>();

    /// Both funding indices, as of the last refresh.
    pub fn funding(&self) -> FundingIndices {
        FundingIndices {
            long: self.funding_long,
            short: self.funding_short,
            loss: self.loss_index,
        }
    }

    /// Counts what a trade or takeover did to the sums of positions.
    fn change_interest(&mut self, change: OpenInterestChange) -> Result<()> {
        self.long_interest = self.long_interest.checked_add(change.long).or_refuse()?;
        self.short_interest = self.short_interest.checked_add(change.short).or_refuse()?;
        Ok(())
    }

    /// Counts lots of a fill that begins to wait, or less than none of one that no longer does.
    pub fn count_waiting(&mut self, fill: &QueuedFill, lots: i64) -> Result<()> {
        if fill.maker_side == Side::Bid as u8 {
            self.waiting_bids = self.waiting_bids.checked_add(lots).or_refuse()?;
        }
        Ok(())
    }

    /// The most that either side's open interest comes to, fills that wait counted as if each opened a position.
    pub fn interest_to_come(&self) -> Result<i64> {
        self.long_interest
            .checked_add(self.waiting_bids)
            .or_refuse()
    }

    /// Both sides' open interest, longs first.
    pub fn interest(&self) -> [i64; 2] {
        [self.long_interest, self.short_interest]
    }

    /// Changes a slot's position or claim, and with it the market's sums. Everything that does goes through here. The mark of a
    /// slot without a position never is above its claim, and a loss bears interest from when no position is left.
    pub fn change(
        &mut self,
        perp: &mut PerpPosition,
        change: impl FnOnce(&mut PerpPosition, FundingIndices) -> Result<OpenInterestChange>,
    ) -> Result<()> {
        if perp.quote.0 < 0 && perp.position.is_zero() {
            self.charge_interest(perp)?;
        }
        self.profits.prepare(perp).or_refuse()?;
        self.profits.count(perp, -1).or_refuse()?;
        let interest = change(perp, self.funding())?;
        self.profits.count(perp, 1).or_refuse()?;
        self.change_interest(interest)?;
        if perp.position.is_zero() {
            perp.funding_entry = self.loss_index;
            if !perp.share.is_none() {
                self.profits.cut(perp).or_refuse()?;
            }
        }
        Ok(())
    }

    /// Adds the interest on an unpaid loss to it. It is insurance's, which bears the market's losses before its profits do.
    #[cold]
    #[inline(never)]
    fn charge_interest(&mut self, perp: &mut PerpPosition) -> Result<()> {
        let due = perp.settle_funding(self.funding()).or_refuse()?;
        self.insurance_accrued = self
            .insurance_accrued
            .checked_add_signed(due.0)
            .or_refuse()?;
        Ok(())
    }

    /// Lets unpaid losses bear what a borrow from the quote bank bore up to an index of it.
    pub fn accrue_losses(&mut self, borrow_index: u64) -> Result<()> {
        let before = core::mem::replace(&mut self.loss_accrued_to, borrow_index);
        if before == 0 || before >= borrow_index {
            return Ok(());
        }
        let grown = loss_growth(before, borrow_index).or_refuse()?;
        self.loss_index = self.loss_index.saturating_add(grown);
        Ok(())
    }

    /// Sets collected losses that are nobody's yet and were announced long enough ago aside for uncovered profits, and announces the
    /// others.
    pub fn cover_profits(&mut self, entry: &MarketRisk, now: i64) -> Result<()> {
        let (pool, interest) = (self.pnl_pool, self.interest());
        let when = covering(&self.params, now);
        self.profits
            .cover_from(pool, interest, &moment(entry), &when)
            .or_refuse()?;
        Ok(())
    }

    /// What of the pool may be paid as profits now.
    pub fn payable(&self, entry: &MarketRisk) -> u64 {
        ProfitLedger::payable(self.pnl_pool, self.interest(), &moment(entry))
    }

    /// Opens an epoch in which a shortfall is shared, if there is one to share and none is open.
    pub fn open_epoch(&mut self, entry: &MarketRisk, now: i64) -> Result<bool> {
        if !self
            .profits
            .may_open(self.params.shortfall_floor, &moment(entry))
        {
            return Ok(false);
        }
        let (funding, interest) = (self.funding(), self.interest());
        self.profits
            .open(&moment(entry), funding, interest, now)
            .or_refuse()?;
        Ok(true)
    }

    /// Marks a slot at its profit or loss at an entry's price, native quote; at no more than before where that is too late for what is
    /// announced.
    pub fn mark(
        &mut self,
        perp: &mut PerpPosition,
        pnl: i128,
        entry: &MarketRisk,
        now: i64,
    ) -> Result<()> {
        let profit = u64::try_from(pnl.max(0)).ok().or_refuse()?;
        let interest = self.interest();
        if !self.profits.is_open() {
            self.profits
                .note_unmarked(interest, &moment(entry))
                .or_refuse()?;
        }
        let when = covering(&self.params, now);
        self.profits.mark_in_time(perp, profit, &when).or_refuse()
    }
}

/// When a market's collected losses are set aside.
pub fn covering(params: &MarketParams, now: i64) -> Covering {
    Covering {
        floor: params.shortfall_floor,
        delay_secs: params.cover_delay_secs,
        now,
    }
}

/// An entry's prices, as profits are measured at them.
pub fn moment(entry: &MarketRisk) -> Moment {
    Moment {
        spot: entry.price.spot,
        stable: entry.price.stable,
        shift: entry.shift,
    }
}
