//! Cancelling orders, as the program would.
use anchor_lang::prelude::{Clock, Error, Pubkey};
use plimsoll::{
    cancel_order::find,
    error::PlimsollError,
    orders::{cancel_in_book, cancel_slot, report::RemovalLog, terms::OrderRef},
    state::{delegation::scope, Book, Delegation, MarginAccount, RiskState},
};
use plimsoll_risk::Side;
use serde::Serialize;

use super::{require_signer, Standing};
use crate::{copy::boxed, errors::Refusal, stress::Underlying};

/// All that a cancel's outcome depends on.
#[derive(Clone, Copy)]
pub struct CancelCase<'a> {
    pub risk: &'a RiskState,
    pub book: &'a Book,
    pub account_key: Pubkey,
    pub account: &'a MarginAccount,
    /// Who signs: the owner or a delegate.
    pub trader: Pubkey,
    /// By which a delegate does.
    pub delegation: Option<&'a Delegation>,
    pub clock: &'a Clock,
    /// What the liquidation price is asked for.
    pub underlying: Option<&'a Underlying>,
}

/// What is to be cancelled in the book's market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancels {
    /// One order.
    One(OrderRef),
    /// All of a side, or of both.
    All(Option<Side>),
}

/// What becomes of a cancel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelPreview {
    /// Why the program would refuse it.
    pub refusal: Option<Refusal>,
    /// Orders that leave the book.
    pub cancelled: u16,
    /// Orders that had left it before, and wait in the fill queue.
    pub waiting: u16,
    pub before: Standing,
    pub after: Standing,
}

/// What the program would do with a cancel.
///
/// # Errors
/// The program's, when the account's health cannot be told at all.
pub fn cancel(case: &CancelCase, what: Cancels) -> Result<CancelPreview, Error> {
    let standing = |account: &_| Standing::of(case.risk, account, case.underlying, case.clock);
    let mut account = boxed(case.account);
    let (refusal, (cancelled, waiting)) = match run(case, &mut account, what) {
        Ok(done) => (None, done),
        Err(error) => (Some(Refusal::from(error)), (0, 0)),
    };
    let before = standing(case.account)?;
    Ok(CancelPreview {
        after: if refusal.is_none() {
            standing(&account)?
        } else {
            before.clone()
        },
        before,
        refusal,
        cancelled,
        waiting,
    })
}

fn run(case: &CancelCase, account: &mut MarginAccount, what: Cancels) -> Result<(u16, u16), Error> {
    let mut book = boxed(case.book);
    let key = &case.account_key;
    require_signer(account, key, &case.trader, case.delegation, case.clock)?;
    if let Some(delegation) = case.delegation.filter(|_| account.owner != case.trader) {
        delegation.require(scope::CANCELS, book.index)?;
    }
    match what {
        Cancels::All(side) => {
            let done = cancel_in_book(key, account, &mut book, side, u16::MAX)?;
            Ok((done.count, done.waiting))
        }
        Cancels::One(order) => {
            if book.exchange != account.exchange {
                return Err(PlimsollError::WrongExchange.into());
            }
            let slot = find(account, book.index, order).ok_or(PlimsollError::NoSuchOrder)?;
            let mut log = RemovalLog::new(*key, book.index);
            if !cancel_slot(key, account, &mut book, slot, &mut log)? {
                return Err(PlimsollError::FillsPending.into());
            }
            Ok((1, 0))
        }
    }
}
