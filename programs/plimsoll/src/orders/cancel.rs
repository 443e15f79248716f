//! Orders of an account leave a book: by their owner, or by a liquidation.
use anchor_lang::prelude::*;
use plimsoll_risk::{BaseLots, Side as AccountSide};

use super::{report::RemovalLog, Resting};
use crate::{
    error::{OrRefuse, PlimsollError},
    matching::{MatchError, Side},
    state::{Book, MarginAccount},
};

/// What became of an account's orders in a book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// Orders that left the book.
    pub count: u16,
    /// Orders that had left it before: what happened to them waits in the market's fill queue, and their slots stay
    /// taken until it is settled. An order that is cancelled with a partial fill waiting is not among them.
    pub waiting: u16,
}

/// Cancels every order that the account has in this book. Health can only rise by it.
///
/// # Errors
/// `WrongExchange` when the book is of another exchange; `OrderMismatch` when book and account disagree.
pub fn cancel_all_in_book(
    account_key: &Pubkey,
    account: &mut MarginAccount,
    book: &mut Book,
) -> Result<Cancelled> {
    cancel_in_book(account_key, account, book, None, u16::MAX)
}

/// Cancels up to `limit` orders of the account in this book, of one side or of both, in the order of their slots.
///
/// # Errors
/// As [`cancel_all_in_book`].
#[inline(never)]
pub fn cancel_in_book(
    account_key: &Pubkey,
    account: &mut MarginAccount,
    book: &mut Book,
    side: Option<AccountSide>,
    limit: u16,
) -> Result<Cancelled> {
    require_keys_eq!(
        book.exchange,
        account.exchange,
        PlimsollError::WrongExchange
    );
    let mut done = Cancelled::default();
    let Some(perp_slot) = account.find_perp(book.index) else {
        return Ok(done);
    };
    let mut log = RemovalLog::new(*account_key, book.index);
    let mut mask = account.perps.get(perp_slot).or_refuse()?.order_mask;
    while mask != 0 && done.count < limit {
        let slot = usize::try_from(mask.trailing_zeros()).ok().or_refuse()?;
        mask &= mask.wrapping_sub(1);
        let order = account.orders.get(slot).or_refuse()?;
        if side.is_some_and(|side| side != order.side()) {
            continue;
        }
        if cancel_slot(account_key, account, book, slot, &mut log)? {
            done.count = done.count.saturating_add(1);
        } else {
            done.waiting = done.waiting.saturating_add(1);
        }
    }
    log.flush()?;
    Ok(done)
}

/// Cancels the order in one order slot of the account and notes it in `log`; it must be one of this book's market; false when it
/// has left the book and what happened to it waits in the fill queue.
///
/// # Errors
/// `OrderMismatch` when book and account disagree.
pub fn cancel_slot(
    account_key: &Pubkey,
    account: &mut MarginAccount,
    book: &mut Book,
    slot: usize,
    log: &mut RemovalLog,
) -> Result<bool> {
    let order = *account.orders.get(slot).or_refuse()?;
    let removed = match book
        .orders
        .cancel(book_side(order.side()), order.price.0, order.id)
    {
        Ok(removed) => removed,
        Err(MatchError::OrderNotFound) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    require!(
        removed.owner == account_key.to_bytes(),
        PlimsollError::OrderMismatch
    );
    let mut resting = Resting::find(account, book.index, slot, order.id)?;
    resting.reduce(BaseLots(removed.lots), book.tick)?;
    resting.release();
    log.push(order.id, order.client_id, removed.lots)?;
    Ok(true)
}

/// The same side, as the book names it.
pub(super) fn book_side(side: AccountSide) -> Side {
    match side {
        AccountSide::Bid => Side::Bid,
        AccountSide::Ask => Side::Ask,
    }
}
