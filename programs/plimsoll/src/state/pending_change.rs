//! A loosening that waits out its delay, open for all to read.
use anchor_lang::prelude::*;

/// Largest serialized [`crate::change::Change`].
pub const MAX_CHANGE: usize = 1024;

/// One proposed change. Executed by the ordinary instruction that makes the change, which must match it exactly.
#[account]
pub struct PendingChange {
    pub exchange: Pubkey,
    /// Paid the rent and gets it back.
    pub proposer: Pubkey,
    pub nonce: u64,
    /// Unix time from which the change may be executed.
    pub ready_at: i64,
    pub bump: u8,
    /// Borsh bytes of the [`crate::change::Change`].
    pub change: Vec<u8>,
}

impl PendingChange {
    /// Account size for a change of `len` bytes.
    pub const fn space(len: usize) -> usize {
        8 + 32 + 32 + 8 + 8 + 1 + 4 + len
    }
}
