//! What a margin account's owner allows another key to do with it.
use anchor_lang::prelude::*;
use plimsoll_risk::{delegate, Bucket};

use crate::{error::PlimsollError, orders::terms::OrderTerms};

/// What a delegate may do: bits of [`DelegateTerms::scope`]. None of them lets anything leave the account.
pub mod scope {
    /// Cancel orders.
    pub const CANCEL: u8 = 1;
    /// Place reduce-only orders, and cancel: an order may take others of its account out of its way.
    pub const REDUCE: u8 = 1 << 1;
    /// Place any orders, and cancel.
    pub const TRADE: u8 = 1 << 2;
    /// Act as liquidator: take over positions and debts of other accounts.
    pub const LIQUIDATE: u8 = 1 << 3;
    /// Those that may cancel.
    pub const CANCELS: u8 = CANCEL | REDUCE | TRADE;
    /// Those that may place reduce-only orders.
    pub const REDUCES: u8 = REDUCE | TRADE;
    /// All of them.
    pub const ALL: u8 = CANCEL | REDUCE | TRADE | LIQUIDATE;
}

/// What the owner allows a delegate.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelegateTerms {
    /// Bits: 1 cancel orders, 2 place reduce-only orders and cancel, 4 place any orders and cancel, 8 act as liquidator.
    pub scope: u8,
    /// Markets in which it may do so, one bit each from the lowest; all ones for every market, those listed later too.
    pub markets: u64,
    /// Unix second from which it may do nothing any more.
    pub expires_at: i64,
    /// Most that what it does may lose against the oracle's prices, fees included: native quote at once, and as much again in
    /// each day.
    pub loss_per_day: u64,
    /// Most seconds for which an order of it may rest: within that time it trades at its price, wherever the oracle is by then. Zero
    /// for any time.
    pub rest_secs: u32,
    /// While the account is worth less at the oracle's prices, native quote, the delegate adds no risk: it places orders that
    /// reduce, and cancels. So what it loses in sum ends here, that of orders which the oracle has passed included, but for what
    /// still rests. Zero for no such line.
    pub least_equity: u64,
}

impl DelegateTerms {
    /// # Errors
    /// `InvalidParameter` where they allow nothing, or what there is not.
    pub fn check(&self, now: i64) -> Result<()> {
        let is_known = self.scope != 0 && self.scope & !scope::ALL == 0;
        require!(
            is_known && self.markets != 0 && self.expires_at > now,
            PlimsollError::InvalidParameter
        );
        Ok(())
    }
}

/// One delegate of a margin account. Read only where somebody else than the owner signs.
#[account(zero_copy)]
#[repr(C)]
pub struct Delegation {
    pub margin_account: Pubkey,
    /// Who signs.
    pub delegate: Pubkey,
    /// See [`DelegateTerms::markets`].
    pub markets: u64,
    /// See [`DelegateTerms::expires_at`].
    pub expires_at: i64,
    /// See [`DelegateTerms::loss_per_day`].
    pub loss_per_day: u64,
    /// What it has lost of that and has not come back yet.
    pub lost: Bucket,
    /// See [`DelegateTerms::least_equity`].
    pub least_equity: u64,
    /// See [`DelegateTerms::rest_secs`].
    pub rest_secs: u32,
    /// Bits of [`scope`].
    pub scope: u8,
    pub bump: u8,
    pub version: u8,
    pub padding: [u8; 1],
    pub reserved: [u64; 3],
}

const _: () = assert!(core::mem::size_of::<Delegation>() == 144);

impl Delegation {
    pub const SPACE: usize = 8 + core::mem::size_of::<Self>();

    /// Takes on what the owner allows from now on. What was lost before stays lost.
    pub fn allow(&mut self, terms: &DelegateTerms, now: i64) {
        self.lost
            .leak(self.loss_per_day, delegate::BUDGET_SECS, now);
        self.scope = terms.scope;
        self.markets = terms.markets;
        self.expires_at = terms.expires_at;
        self.loss_per_day = terms.loss_per_day;
        self.rest_secs = terms.rest_secs;
        self.least_equity = terms.least_equity;
    }

    /// Refuses another account's, another signer's, and one that has expired.
    ///
    /// # Errors
    /// `NotOwnerOrDelegate`, `DelegationExpired`.
    pub fn require_of(&self, margin_account: &Pubkey, signer: &Pubkey, now: i64) -> Result<()> {
        require!(
            self.margin_account == *margin_account && self.delegate == *signer,
            PlimsollError::NotOwnerOrDelegate
        );
        require!(now < self.expires_at, PlimsollError::DelegationExpired);
        Ok(())
    }

    /// Refuses what is in none of these scopes, and what is in another market.
    ///
    /// # Errors
    /// `OutsideScope`, `MarketNotDelegated`.
    pub fn require(&self, scope: u8, market: u16) -> Result<()> {
        require!(self.scope & scope != 0, PlimsollError::OutsideScope);
        let bit = 1u64.checked_shl(u32::from(market)).unwrap_or(0);
        require!(self.markets & bit != 0, PlimsollError::MarketNotDelegated);
        Ok(())
    }

    /// Refuses an order that it may not place.
    ///
    /// # Errors
    /// As [`Self::require`], and `RestsTooLong`.
    pub fn require_order(&self, terms: &OrderTerms, market: u16, now: i64) -> Result<()> {
        let scope = match terms.reduce_only {
            true => scope::REDUCES,
            false => scope::TRADE,
        };
        self.require(scope, market)?;
        if self.rest_secs != 0 && terms.kind.rests() {
            let latest = now.saturating_add(i64::from(self.rest_secs));
            require!(
                terms.expiry != 0 && i64::from(terms.expiry) <= latest,
                PlimsollError::RestsTooLong
            );
        }
        Ok(())
    }

    /// Refuses to add risk to an account that is worth so much.
    ///
    /// # Errors
    /// `BelowLeastEquity`.
    pub fn require_worth(&self, worth: i128) -> Result<()> {
        if worth < i128::from(self.least_equity) && self.least_equity > 0 {
            msg!(
                "worth {}, at least {} is asked for",
                worth,
                self.least_equity
            );
            return err!(PlimsollError::BelowLeastEquity);
        }
        Ok(())
    }

    /// Counts a loss against the oracle, native quote.
    ///
    /// # Errors
    /// `LossBudget`.
    pub fn charge(&mut self, loss: u64, now: i64) -> Result<()> {
        if loss == 0 {
            return Ok(());
        }
        if let Err(left) = delegate::spend(&mut self.lost, self.loss_per_day, loss, now) {
            msg!("may lose {}, of {} are left", loss, left);
            return err!(PlimsollError::LossBudget);
        }
        Ok(())
    }
}
