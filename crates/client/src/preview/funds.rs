//! Deposits and withdrawals, as the program would book or refuse them.
use anchor_lang::prelude::{Clock, Error, Pubkey};
use plimsoll::{
    deposit::put,
    error::{OrRefuse, PlimsollError},
    health::clock_of,
    state::{Bank, MarginAccount, RiskState},
    withdraw::take,
};
use plimsoll_risk::Purpose;
use serde::Serialize;

use super::{blocking, Standing};
use crate::{
    copy::boxed,
    errors::Refusal,
    health::{stale_asset, Stale, StaleKind},
    stress::Underlying,
};

/// All that a deposit's or withdrawal's outcome depends on.
#[derive(Clone, Copy)]
pub struct FundsCase<'a> {
    pub risk: &'a RiskState,
    pub bank: &'a Bank,
    /// Tokens in the bank's vault, native; without it, liquidity is not checked.
    pub vault: Option<u64>,
    pub account_key: Pubkey,
    pub account: &'a MarginAccount,
    /// Who signs: the owner to withdraw, anyone to deposit.
    pub signer: Pubkey,
    pub clock: &'a Clock,
    /// What the liquidation price is asked for.
    pub underlying: Option<&'a Underlying>,
}

/// What becomes of a deposit or withdrawal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FundsPreview {
    /// Why the program would refuse it.
    pub refusal: Option<Refusal>,
    /// What has to be refreshed for it, when that is why it is refused.
    pub stale: Vec<Stale>,
    /// Native units moved.
    pub amount: u64,
    /// The part of a withdrawal that is borrowed.
    pub borrowed: u64,
    /// Native units held before, interest up to now included; negative for a debt.
    pub balance_before: i64,
    /// The same afterwards.
    pub balance_after: i64,
    pub before: Standing,
    /// Afterwards; for a withdrawal refused over health, what it would be. None for other refusals.
    pub after: Option<Standing>,
}

/// The most that can be withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MaxWithdrawal {
    /// Native units.
    pub amount: u64,
    /// The part of them that is borrowed.
    pub borrowed: u64,
    /// Why one unit more is refused.
    pub limit: Option<Refusal>,
}

/// What moved.
#[derive(Clone, Copy, Default)]
struct Moved {
    amount: u64,
    borrowed: u64,
}

impl FundsCase<'_> {
    /// What the program would do with a deposit of which `amount` native units arrive.
    ///
    /// # Errors
    /// The program's, when the account's health cannot be told at all.
    pub fn deposit(&self, amount: u64) -> Result<FundsPreview, Error> {
        self.preview(|bank, account| self.put(bank, account, amount))
    }

    /// What the program would do with a withdrawal; `u64::MAX` is the whole deposit.
    ///
    /// # Errors
    /// The program's, when the account's health cannot be told at all.
    pub fn withdraw(&self, amount: u64, allow_borrow: bool) -> Result<FundsPreview, Error> {
        self.preview(|bank, account| self.take(bank, account, amount, allow_borrow))
    }

    /// The most that the program lets the owner withdraw now. More is refused once less is, so this is a bisection over
    /// the real thing.
    pub fn max_withdrawal(&self, allow_borrow: bool) -> MaxWithdrawal {
        let check = |amount| {
            let (mut bank, mut account) = (boxed(self.bank), boxed(self.account));
            self.take(&mut bank, &mut account, amount, allow_borrow)
        };
        let mut best = MaxWithdrawal {
            amount: 0,
            borrowed: 0,
            limit: None,
        };
        // The highest number stands for the whole deposit.
        let mut refused = u64::MAX;
        while refused - best.amount > 1 {
            let amount = best.amount.midpoint(refused);
            match check(amount) {
                Ok(moved) => (best.amount, best.borrowed) = (amount, moved.borrowed),
                Err(error) => {
                    refused = amount;
                    best.limit = Some(error.into());
                }
            }
        }
        best
    }

    fn put(
        &self,
        bank: &mut Bank,
        account: &mut MarginAccount,
        amount: u64,
    ) -> Result<Moved, Error> {
        if amount == 0 {
            return Err(PlimsollError::ZeroAmount.into());
        }
        self.require_one_exchange()?;
        put(
            self.risk,
            bank,
            &self.account_key,
            account,
            &self.signer,
            amount,
            self.clock,
        )?;
        Ok(Moved {
            amount,
            borrowed: 0,
        })
    }

    fn take(
        &self,
        bank: &mut Bank,
        account: &mut MarginAccount,
        amount: u64,
        allow_borrow: bool,
    ) -> Result<Moved, Error> {
        self.require_one_exchange()?;
        account.require_owner(&self.signer)?;
        let taken = take(
            self.risk,
            bank,
            &self.account_key,
            account,
            amount,
            allow_borrow,
            self.clock,
        )?;
        if self.vault.is_some_and(|held| held < taken.amount) {
            return Err(PlimsollError::InsufficientLiquidity.into());
        }
        Ok(Moved {
            amount: taken.amount,
            borrowed: taken.borrowed,
        })
    }

    fn preview(
        &self,
        run: impl FnOnce(&mut Bank, &mut MarginAccount) -> Result<Moved, Error>,
    ) -> Result<FundsPreview, Error> {
        let standing = |account: &_| Standing::of(self.risk, account, self.underlying, self.clock);
        let (mut bank, mut account) = (boxed(self.bank), boxed(self.account));
        plimsoll::ledger::accrue(&mut bank, self.clock.unix_timestamp)?;
        let before = native(&bank, &account)?;
        let (refusal, moved) = match run(&mut bank, &mut account) {
            Ok(moved) => (None, moved),
            Err(error) => (Some(Refusal::from(error)), Moved::default()),
        };
        let told = refusal
            .as_ref()
            .is_none_or(|refusal| refusal.code == u32::from(PlimsollError::InsufficientHealth));
        Ok(FundsPreview {
            stale: self.stale(&account, refusal.as_ref())?,
            amount: moved.amount,
            borrowed: moved.borrowed,
            balance_before: before,
            balance_after: if told {
                native(&bank, &account)?
            } else {
                before
            },
            before: standing(self.account)?,
            after: if told {
                Some(standing(&account)?)
            } else {
                None
            },
            refusal,
        })
    }

    /// What has to be refreshed: of a deposit its own asset, of a withdrawal what the account needs.
    fn stale(
        &self,
        account: &MarginAccount,
        refusal: Option<&Refusal>,
    ) -> Result<Vec<Stale>, Error> {
        let doubt = u32::from(PlimsollError::DepositInDoubt);
        if refusal.is_some_and(|refusal| refusal.code == doubt) {
            let index = self.bank.index;
            let clock = clock_of(self.risk, self.clock);
            let (entry, kind) = (self.risk.asset(index)?, StaleKind::Deposit);
            return Ok(vec![stale_asset(
                entry,
                kind,
                index,
                Purpose::Trade,
                &clock,
            )]);
        }
        blocking(self.risk, account, refusal, Purpose::Pay, self.clock)
    }

    fn require_one_exchange(&self) -> Result<(), Error> {
        let exchange = self.risk.exchange;
        if self.account.exchange != exchange || self.bank.exchange != exchange {
            return Err(PlimsollError::WrongExchange.into());
        }
        Ok(())
    }
}

/// Native units of the bank's asset in an account.
fn native(bank: &Bank, account: &MarginAccount) -> Result<i64, Error> {
    let slot = account.find_balance(bank.index);
    match slot.and_then(|slot| account.balances.get(slot)) {
        Some(balance) => balance.native(bank.indices()).or_refuse(),
        None => Ok(0),
    }
}
