//! A trader's margin account: balances, positions and order slots. No margin number is stored.
use anchor_lang::prelude::*;
use plimsoll_risk::{Balance, OpenOrder, PerpPosition, EMPTY};

use crate::error::PlimsollError;

/// Assets that one account can hold; slot 0 is always the quote asset.
pub const MAX_BALANCES: usize = 16;
/// Markets in which one account can have a position or orders.
pub const MAX_PERPS: usize = 16;
/// Orders that one account can have resting.
pub const MAX_ORDERS: usize = 64;

/// States of a margin account.
pub mod account_state {
    /// Nothing special.
    pub const ACTIVE: u8 = 0;
    /// Flagged by a liquidator; clears when health reaches the line where liquidation ends.
    pub const LIQUIDATING: u8 = 1;
}

/// One margin account of an owner in an exchange.
#[account(zero_copy)]
#[repr(C)]
pub struct MarginAccount {
    pub exchange: Pubkey,
    pub owner: Pubkey,
    /// When the account was flagged for liquidation, Unix seconds; zero when it is not.
    pub flagged_at: i64,
    /// When the account was flagged, or the newest publish time among the prices it was flagged at where that is later, Unix
    /// milliseconds: what is seized is seized at prices published after it.
    pub flagged_price_ms: i64,
    /// Number among the owner's accounts.
    pub sub_account: u16,
    /// One of [`account_state`].
    pub state: u8,
    pub bump: u8,
    pub version: u8,
    /// A [`plimsoll_risk::MarginMode`], chosen by the owner.
    pub margin_mode: u8,
    /// One of [`confirmation`].
    pub flag_confirmed: u8,
    /// How many [`super::Delegation`]s of it there are: it is not closed before they are.
    pub delegates: u8,
    /// The feeds that were in doubt at an observation of the flagged account, one bit each. Of what they said nothing was known:
    /// the first price of one that was known at none is a first observation.
    pub flag_doubts: u64,
    /// The feeds whose price was known at one.
    pub flag_known: u64,
    /// What liquidation fees may still take while the flag stands, native quote: half of the equity when it was set, less what
    /// they took.
    pub fee_allowance: u64,
    /// What insurance has paid this account for taking something over, native quote. It is not paid again for what is taken from it.
    pub topped_up: u64,
    /// When legs of a hedge were first taken alone that are in `opened_slots`, Unix seconds.
    pub opened_at: i64,
    /// What the account lost of equity ÷ requirement by legs that were taken alone and has not made up for, native quote of its
    /// value: fees take nothing of that.
    pub opened_loss: u64,
    /// The slots of those legs, one bit each: positions first, then balances.
    pub opened_slots: u32,
    pub padding2: [u8; 4],
    pub reserved: [u64; 4],
    pub balances: [Balance; MAX_BALANCES],
    pub perps: [PerpPosition; MAX_PERPS],
    pub orders: [OpenOrder; MAX_ORDERS],
}

/// Whether a second, later observation has found a flagged account below its maintenance line.
pub mod confirmation {
    /// Not yet.
    pub const NONE: u8 = 0;
    /// It has, with every price known: the account is liquidated up to its end line.
    pub const CERTAIN: u8 = 1;
    /// It has, with some price in doubt: that is worth something only while the account is below its line.
    pub const IN_DOUBT: u8 = 2;
}

impl MarginAccount {
    pub const SPACE: usize = 8 + core::mem::size_of::<Self>();

    /// The signer must be the owner.
    pub fn require_owner(&self, signer: &Pubkey) -> Result<()> {
        require_keys_eq!(self.owner, *signer, PlimsollError::NotOwner);
        Ok(())
    }

    /// Slot of an asset, if the account has one.
    pub fn find_balance(&self, asset: u16) -> Option<usize> {
        self.balances.iter().position(|b| b.asset == asset)
    }

    /// Slot of an asset, taking a free one if needed.
    pub fn open_balance(&mut self, asset: u16) -> Result<usize> {
        if let Some(slot) = self.find_balance(asset) {
            return Ok(slot);
        }
        let slot = self
            .find_balance(EMPTY)
            .ok_or(PlimsollError::NoFreeBalanceSlot)?;
        self.balances[slot] = Balance::of(asset);
        Ok(slot)
    }

    /// Frees a slot that holds nothing; the quote slot stays.
    pub fn release_balance(&mut self, slot: usize) {
        if slot != 0 && self.balances[slot].shares.is_zero() {
            self.balances[slot] = Balance::FREE;
        }
    }

    /// Slot of a market, if the account has one.
    pub fn find_perp(&self, market: u16) -> Option<usize> {
        self.perps.iter().position(|p| p.market == market)
    }

    /// Slot of a market, taking a free one if needed.
    pub fn open_perp(&mut self, market: u16) -> Result<usize> {
        if let Some(slot) = self.find_perp(market) {
            return Ok(slot);
        }
        let slot = self.find_perp(EMPTY).ok_or(PlimsollError::NoFreePerpSlot)?;
        self.perps[slot] = PerpPosition::of(market);
        Ok(slot)
    }

    /// Frees a slot with no position, claim or orders.
    pub fn release_perp(&mut self, slot: usize) {
        if self.perps[slot].is_closed() {
            self.perps[slot] = PerpPosition::default();
        }
    }

    /// Frees the slot of a market, if it has one that nothing is left in.
    pub fn release_perp_of(&mut self, market: u16) {
        if let Some(slot) = self.find_perp(market) {
            self.release_perp(slot);
        }
    }

    /// Ends a liquidation.
    pub fn clear_liquidation(&mut self) {
        self.state = account_state::ACTIVE;
        self.flagged_at = 0;
        self.flagged_price_ms = 0;
        self.flag_confirmed = confirmation::NONE;
        (self.flag_doubts, self.flag_known) = (0, 0);
        self.start_fees(0);
    }

    /// Starts what fees may take while a flag stands.
    pub fn start_fees(&mut self, allowance: u64) {
        self.fee_allowance = allowance;
        (self.opened_at, self.opened_loss, self.opened_slots) = (0, 0, 0);
    }

    /// A free order slot.
    pub fn free_order(&self) -> Result<usize> {
        self.orders
            .iter()
            .position(|o| o.is_free())
            .ok_or_else(|| PlimsollError::NoFreeOrderSlot.into())
    }
}
