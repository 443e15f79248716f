//! Collateral or debt as it was passed: the bank of an asset, or a market with a claim on its pool.
use anchor_lang::{prelude::*, Discriminator};

use crate::{
    error::PlimsollError,
    ledger,
    state::{Bank, Market},
};

/// An account that is a bank or a market, told by its discriminator. It is borrowed only while one movement is made,
/// so the same account may be passed in several roles.
pub enum Leg<'info> {
    Bank(AccountLoader<'info, Bank>),
    Market(AccountLoader<'info, Market>),
}

impl<'info> Leg<'info> {
    /// # Errors
    /// `WrongRemainingAccount` when the account is neither.
    #[inline(never)]
    pub fn of(info: &'info AccountInfo<'info>) -> Result<Self> {
        let is_bank = info
            .try_borrow_data()
            .is_ok_and(|data| data.starts_with(Bank::DISCRIMINATOR));
        let leg = if is_bank {
            AccountLoader::try_from(info).map(Self::Bank)
        } else {
            AccountLoader::try_from(info).map(Self::Market)
        };
        leg.map_err(|_| PlimsollError::WrongRemainingAccount.into())
    }

    /// Refuses an account of another exchange, and accrues a bank's interest.
    #[inline(never)]
    pub fn prepare(&self, exchange: &Pubkey, now: i64) -> Result<()> {
        match self {
            Self::Bank(bank) => {
                let mut bank = bank.load_mut()?;
                require_keys_eq!(bank.exchange, *exchange, PlimsollError::WrongExchange);
                ledger::accrue(&mut bank, now)
            }
            Self::Market(market) => {
                let market = market.load()?;
                require_keys_eq!(market.exchange, *exchange, PlimsollError::WrongExchange);
                Ok(())
            }
        }
    }

    /// True for a market.
    pub fn is_market(&self) -> bool {
        matches!(self, Self::Market(_))
    }
}
