//! The queue account of a market: fills whose maker account was not at hand.
use anchor_lang::prelude::*;

use crate::matching::FillQueue;

/// Fills and removals that wait for `settle_fills`.
#[account(zero_copy)]
#[repr(C)]
pub struct FillQueueAccount {
    pub market: Pubkey,
    pub exchange: Pubkey,
    /// The market's index.
    pub index: u16,
    pub bump: u8,
    pub version: u8,
    pub padding: [u8; 4],
    pub reserved: [u64; 7],
    pub queue: FillQueue,
}

impl FillQueueAccount {
    pub const SPACE: usize = 8 + core::mem::size_of::<Self>();
}
