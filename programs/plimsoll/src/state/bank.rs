//! A bank: one listed asset, its totals, indices and limits. Its vault holds the tokens.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    balance::{native_ceil, native_floor, Indices},
    AssetParams, BankTotals, Bucket, RATIO_ONE,
};

use crate::error::{OrRefuse, PlimsollError};

/// One listed asset.
#[account(zero_copy)]
#[repr(C)]
pub struct Bank {
    pub exchange: Pubkey,
    pub mint: Pubkey,
    /// Token account holding every unit that the bank owes, owned by the exchange's address.
    pub vault: Pubkey,
    /// The mint's token program.
    pub token_program: Pubkey,
    /// Deposit shares of all margin accounts together.
    pub deposit_shares: u64,
    /// Borrow shares of all margin accounts together.
    pub borrow_shares: u64,
    /// Native units per deposit share, Q16.48.
    pub deposit_index: u64,
    /// Native units per borrow share, Q16.48.
    pub borrow_index: u64,
    /// Unix time up to which interest has accrued.
    pub accrued_until: i64,
    /// Interest, origination and withdrawal fees not yet collected, native.
    pub fees: u64,
    /// The part of a native unit of interest fees carried to the next accrual, in 2⁻⁴⁸.
    pub fee_fraction: u64,
    /// The part of liquidation fees that backs bad debt in this asset, native.
    pub insurance: u64,
    /// Start of the current net-borrow window, unix time.
    pub borrow_window_start: i64,
    /// Borrowed less repaid within the window, native.
    pub net_borrowed: i64,
    /// Start of the current outflow window, unix time.
    pub outflow_window_start: i64,
    /// Withdrawn less deposited within the window, native.
    pub outflow: i64,
    pub params: AssetParams,
    /// Entry in the risk state.
    pub index: u16,
    pub decimals: u8,
    /// One of [`crate::state::mode`].
    pub mode: u8,
    pub bump: u8,
    pub vault_bump: u8,
    pub version: u8,
    pub padding: u8,
    /// What insurance added to liquidators' rewards of late, native quote, against the limit of a day.
    pub top_ups: Bucket,
    pub reserved: [u64; 13],
}

impl Bank {
    pub const SPACE: usize = 8 + core::mem::size_of::<Self>();

    /// Refuses parameters that are out of bounds, and says which. Every asset but the quote asset must be worth less
    /// than its price as collateral and cost more as debt: between two assets that both count whole, swapping one for
    /// the other would help no account, and a liquidation could get stuck.
    ///
    /// # Errors
    /// `InvalidParameter`.
    pub fn require_valid(params: &AssetParams, index: u16) -> Result<()> {
        params.validate().map_err(|bad| {
            msg!("{}", bad);
            PlimsollError::InvalidParameter
        })?;
        let discounted =
            params.asset_weight_init < RATIO_ONE && params.liability_weight_init > RATIO_ONE;
        require!(index == 0 || discounted, PlimsollError::InvalidParameter);
        Ok(())
    }

    /// Native units per share, as of the last accrual.
    pub fn indices(&self) -> Indices {
        Indices {
            deposit: self.deposit_index,
            borrow: self.borrow_index,
        }
    }

    /// What the bank owes and is owed, native: deposits rounded up, borrows down, hence never optimistic.
    pub fn totals(&self) -> Result<BankTotals> {
        Ok(BankTotals {
            deposits: native_ceil(self.deposit_shares, self.deposit_index).or_refuse()?,
            borrows: native_floor(self.borrow_shares, self.borrow_index).or_refuse()?,
        })
    }
}
