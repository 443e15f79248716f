//! The exchange: who may operate it, and how long a loosening waits.
use anchor_lang::prelude::*;

/// One exchange; every other account belongs to exactly one.
#[account(zero_copy)]
#[repr(C)]
pub struct Exchange {
    /// May list, edit and propose; receives collected fees in its token accounts.
    pub authority: Pubkey,
    /// May tighten modes and cancel pending changes, nothing else.
    pub guardian: Pubkey,
    /// The array of risk entries.
    pub risk_state: Pubkey,
    /// Token account, in the quote asset, that backs bankruptcies.
    pub insurance_vault: Pubkey,
    /// Mint of asset 0; the default key until it is listed.
    pub quote_mint: Pubkey,
    /// Seconds that a loosening waits between proposal and execution; zero while an exchange is being set up.
    pub change_delay: u64,
    /// Number of the next pending change.
    pub change_nonce: u64,
    /// Distinguishes several exchanges of one program.
    pub id: u16,
    pub bump: u8,
    pub insurance_bump: u8,
    pub version: u8,
    pub padding: [u8; 3],
    pub reserved: [u64; 16],
}

const _: () = assert!(core::mem::size_of::<Exchange>() == 5 * 32 + 24 + 128);

impl Exchange {
    pub const SPACE: usize = 8 + core::mem::size_of::<Self>();

    /// The signer must be the guardian or the authority.
    pub fn require_guardian(&self, signer: &Pubkey) -> Result<()> {
        require!(
            self.guardian == *signer || self.authority == *signer,
            crate::error::PlimsollError::NotGuardian
        );
        Ok(())
    }
}

/// The signer seeds of an exchange's program-derived address, from its id's bytes and its bump.
#[macro_export]
macro_rules! exchange_signer {
    ($id:expr, $bump:expr) => {
        &[&[$crate::state::seeds::EXCHANGE, &$id[..], &[$bump][..]][..]]
    };
}
