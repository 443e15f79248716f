//! A token balance of a margin account: deposit or borrow shares of one bank, and how amounts move them.

use crate::fixed::{
    div_ceil, div_floor, scale_floor, shift_ceil, to_i64, to_u64, Result, RiskError, INDEX_BITS,
};
use crate::units::Shares;

/// Marks a slot of an account as free, in the field that names its asset or market.
pub const EMPTY: u16 = u16::MAX;

/// One balance slot. Positive shares are a deposit worth `⌊shares · deposit_index⌋` native units, negative ones a debt
/// of `⌈|shares| · borrow_index⌉`.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Balance {
    /// Deposit (positive) or borrow (negative) shares.
    pub shares: Shares,
    /// Index of the asset, or [`EMPTY`].
    pub asset: u16,
    /// How crowded its bank was when its owner added to it, in 2⁻¹⁶: by as much at least Init shrinks the deposit, or
    /// divides the debt.
    pub crowding: u16,
    /// Unix time until which that counts, seconds.
    pub crowded_until: u32,
}

const _: () = assert!(core::mem::size_of::<Balance>() == 16);

/// The indices of a bank, native units per share, Q16.48.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indices {
    /// Of deposits.
    pub deposit: u64,
    /// Of borrows.
    pub borrow: u64,
}

/// What an operation on a balance changes in its bank's totals of shares, both counted positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShareChange {
    /// Deposit shares added (or, negative, removed).
    pub deposit: i64,
    /// Borrow shares added (or, negative, removed).
    pub borrow: i64,
}

impl Default for Balance {
    fn default() -> Self {
        Self::FREE
    }
}

impl Balance {
    /// A free slot.
    pub const FREE: Self = Self {
        shares: Shares::ZERO,
        asset: EMPTY,
        crowding: 0,
        crowded_until: 0,
    };

    /// An empty balance of an asset.
    pub const fn of(asset: u16) -> Self {
        Self {
            shares: Shares::ZERO,
            asset,
            crowding: 0,
            crowded_until: 0,
        }
    }

    /// True when the slot names no asset.
    #[inline(always)]
    pub const fn is_free(&self) -> bool {
        self.asset == EMPTY
    }

    /// Native units, signed: a deposit rounded down, a debt rounded up.
    ///
    /// # Errors
    /// [`RiskError::Overflow`] when it does not fit.
    pub fn native(&self, indices: Indices) -> Result<i64> {
        to_i64(if self.shares.0 >= 0 {
            i128::from(self.shares.0).wrapping_mul(i128::from(indices.deposit)) >> INDEX_BITS
        } else {
            // Towards minus infinity is up for a debt.
            i128::from(self.shares.0).wrapping_mul(i128::from(indices.borrow)) >> INDEX_BITS
        })
    }

    /// Takes other shares; what a deposit was held to says nothing about a debt, nor the reverse.
    fn set(&mut self, shares: i64) {
        if self.shares.0.signum() != shares.signum() {
            (self.crowding, self.crowded_until) = (0, 0);
        }
        self.shares.0 = shares;
    }

    /// Adds native units: repays a debt first, the rest becomes deposit shares. Both round down.
    ///
    /// # Errors
    /// [`RiskError::Overflow`]; [`RiskError::DivisionByZero`] on a zero index. The balance is unchanged then.
    pub fn credit(&mut self, amount: u64, indices: Indices) -> Result<ShareChange> {
        let held = self.shares.0;
        let debt = native_ceil(held.min(0).unsigned_abs(), indices.borrow)?;
        if held < 0 && amount < debt {
            let repaid = to_shares(div_floor(
                u128::from(amount) << INDEX_BITS,
                u128::from(indices.borrow),
            )?)?;
            self.shares.0 = held.checked_add(repaid).ok_or(RiskError::Overflow)?;
            return Ok(ShareChange {
                deposit: 0,
                borrow: repaid.checked_neg().ok_or(RiskError::Overflow)?,
            });
        }
        let rest = amount.checked_sub(debt).ok_or(RiskError::Overflow)?;
        let minted = to_shares(div_floor(
            u128::from(rest) << INDEX_BITS,
            u128::from(indices.deposit),
        )?)?;
        self.set(held.max(0).checked_add(minted).ok_or(RiskError::Overflow)?);
        Ok(ShareChange {
            deposit: minted,
            borrow: held.min(0),
        })
    }

    /// Takes native units: out of a deposit first, the rest is borrowed. Both round up.
    ///
    /// # Errors
    /// [`RiskError::Overflow`]; [`RiskError::DivisionByZero`] on a zero index. The balance is unchanged then.
    pub fn debit(&mut self, amount: u64, indices: Indices) -> Result<ShareChange> {
        let held = self.shares.0;
        let deposit = native_floor(held.max(0).unsigned_abs(), indices.deposit)?;
        if held > 0 && amount <= deposit {
            let burnt = to_shares(div_ceil(
                u128::from(amount) << INDEX_BITS,
                u128::from(indices.deposit),
            )?)?;
            self.shares.0 = held.checked_sub(burnt).ok_or(RiskError::Overflow)?;
            return Ok(ShareChange {
                deposit: burnt.checked_neg().ok_or(RiskError::Overflow)?,
                borrow: 0,
            });
        }
        let rest = amount.checked_sub(deposit).ok_or(RiskError::Overflow)?;
        let lent = to_shares(div_ceil(
            u128::from(rest) << INDEX_BITS,
            u128::from(indices.borrow),
        )?)?;
        self.set(held.min(0).checked_sub(lent).ok_or(RiskError::Overflow)?);
        let deposit = held.max(0).checked_neg().ok_or(RiskError::Overflow)?;
        Ok(ShareChange {
            deposit,
            borrow: lent,
        })
    }
}

/// Value of shares in native units, rounded down.
pub fn native_floor(shares: u64, index: u64) -> Result<u64> {
    to_u64(u128::from(shares).wrapping_mul(u128::from(index)) >> INDEX_BITS)
}

/// Value of shares in native units, rounded up.
pub fn native_ceil(shares: u64, index: u64) -> Result<u64> {
    to_u64(shift_ceil(
        u128::from(shares).wrapping_mul(u128::from(index)),
        INDEX_BITS,
    ))
}

/// Spot value in native quote of a balance, unweighted: a deposit rounded down, a debt rounded up.
///
/// # Errors
/// [`RiskError::Overflow`] when the native amount does not fit.
pub fn spot_value(balance: &Balance, indices: Indices, price: u64, shift: u8) -> Result<i128> {
    Ok(scale_floor(balance.native(indices)?, price, shift))
}

fn to_shares(value: u128) -> Result<i64> {
    i64::try_from(value).map_err(|_| RiskError::Overflow)
}
