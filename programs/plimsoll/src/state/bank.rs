//! A bank: one listed asset, its totals, indices and limits. Its vault holds the tokens.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    balance::{native_ceil, native_floor, Indices},
    interest::Fractions,
    AssetParams, BankTotals, Bucket, Flow, RATIO_ONE,
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
    /// What the accruals of interest left over.
    pub fractions: Fractions,
    /// The part of liquidation fees that backs bad debt in this asset, native.
    pub insurance: u64,
    /// Borrowed less repaid, native.
    pub net_borrows: Flow,
    /// Tokens that left the vault less those that came in, native.
    pub outflow: Flow,
    /// What depositors are owed that somebody did not repay and insurance has set quote aside for, native.
    pub missing: u64,
    /// The quote tokens set aside to buy it with; they are in the quote bank's vault.
    pub buyout_fund: u64,
    /// What the exchange's insurance has paid for this asset lately, native quote.
    pub insurance_draw: Bucket,
    /// The slot in which deposits were last withdrawn or made.
    pub moved_slot: u64,
    /// Deposits withdrawn less deposits made in that slot, native.
    pub withdrawn: i64,
    /// The totals that scale everybody's Init weights: they follow the true ones at a rate.
    pub scaled: BankTotals,
    /// Native units at which the scales of deposits and of borrows start, at the price of the last refresh.
    pub scale_starts: [u64; 2],
    pub params: AssetParams,
    /// Entry in the risk state.
    pub index: u16,
    pub decimals: u8,
    /// One of [`crate::state::mode`].
    pub mode: u8,
    pub bump: u8,
    pub vault_bump: u8,
    pub version: u8,
    /// One where wallets display raw amounts times a multiplier of the mint.
    pub multiplies: u8,
    /// What insurance added to liquidators' rewards of late, native quote, against the limit of a day.
    pub top_ups: Bucket,
    pub reserved: [u64; 4],
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

    /// Refuses a feed that is not said to be one per raw unit where the mint's displayed amounts are multiplied: when the
    /// multiplier changes, as in a split, a price for what is displayed would be wrong by as much.
    ///
    /// # Errors
    /// `MintScalesAmounts`.
    pub fn require_raw_feed(&self, params: &AssetParams) -> Result<()> {
        require!(
            self.multiplies == 0 || params.per_raw_unit == 1,
            PlimsollError::MintScalesAmounts
        );
        Ok(())
    }

    /// Native units per share, as of the last accrual.
    pub fn indices(&self) -> Indices {
        Indices {
            deposit: self.deposit_index,
            borrow: self.borrow_index,
        }
    }

    /// Deposits and what is the bank's own, less what is lent of them, native: what may leave or be lent. Negative when more is
    /// lent, as what somebody owes for a loss that was paid in full.
    pub fn unlent(&self) -> Result<i128> {
        let BankTotals { deposits, borrows } = self.totals()?;
        // A few 64-bit numbers.
        let own = [deposits, self.fees, self.insurance].map(i128::from);
        let lent = i128::from(borrows).wrapping_add(i128::from(self.missing));
        Ok(own.iter().sum::<i128>().wrapping_sub(lent))
    }

    /// Counts a deposit (negative) or the withdrawal of one in a slot.
    pub fn count_withdrawn(&mut self, amount: i64, slot: u64) {
        let before = if self.moved_slot == slot {
            self.withdrawn
        } else {
            0
        };
        self.moved_slot = slot;
        self.withdrawn = before.saturating_add(amount);
    }

    /// Refuses while more than a thousandth of the deposits has left in this slot: whoever shows a loss, which all depositors
    /// share, bears his part of it. What came in and left again in the slot holds nothing up, nor does dust.
    pub fn require_nobody_stepped_aside(&self, slot: u64) -> Result<()> {
        if self.moved_slot == slot {
            let left = u64::try_from(self.withdrawn).unwrap_or(0);
            let dust = self.totals()?.deposits / 1_000;
            require!(left <= dust, PlimsollError::WithdrawnInSlot);
        }
        Ok(())
    }

    /// What the bank owes and is owed, native: deposits rounded up, borrows down, hence never optimistic.
    pub fn totals(&self) -> Result<BankTotals> {
        Ok(BankTotals {
            deposits: self.total_deposits()?,
            borrows: self.total_borrows()?,
        })
    }

    /// What the bank owes depositors, rounded up.
    pub fn total_deposits(&self) -> Result<u64> {
        native_ceil(self.deposit_shares, self.deposit_index).or_refuse()
    }

    /// What it is owed, rounded down.
    pub fn total_borrows(&self) -> Result<u64> {
        native_floor(self.borrow_shares, self.borrow_index).or_refuse()
    }
}
