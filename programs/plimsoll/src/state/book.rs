//! The order book account of a market.
use anchor_lang::prelude::*;

use crate::matching::Orders;

/// Resting orders of one market, both sides sorted with the best order last.
#[account(zero_copy)]
#[repr(C)]
pub struct Book {
    pub market: Pubkey,
    pub exchange: Pubkey,
    /// The market's tick, so that a cancel needs no market account.
    pub tick: u64,
    /// The market's index.
    pub index: u16,
    pub bump: u8,
    pub version: u8,
    pub padding: [u8; 4],
    pub reserved: [u64; 6],
    pub orders: Orders,
}

impl Book {
    pub const SPACE: usize = 8 + core::mem::size_of::<Self>();
}
