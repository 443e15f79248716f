//! Cancels one order of a margin account.
use anchor_lang::prelude::*;

use crate::{
    delegation::signed,
    error::PlimsollError,
    orders::{cancel_slot, report::RemovalLog, require_whole_book, terms::OrderRef},
    state::{delegation::scope, Book, MarginAccount},
};

#[derive(Accounts)]
pub struct CancelOrder<'info> {
    /// Owner of the margin account, or a delegate that may cancel.
    pub trader: Signer<'info>,
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    #[account(mut)]
    pub book: AccountLoader<'info, Book>,
    // Remaining account: the delegation, where a delegate signs.
}

/// Takes the order off the book. Allowed at all times: health can only rise by it.
///
/// # Errors
/// `NoSuchOrder` when the account has no such order in this market; `FillsPending` when the order has left the book:
/// `settle_fills` brings what happened to it, or frees its slot when it has expired.
#[inline(never)]
pub(crate) fn cancel_order<'info>(
    ctx: Context<'info, CancelOrder<'info>>,
    order: OrderRef,
) -> Result<()> {
    let accounts = &ctx.accounts;
    require_whole_book(&accounts.book)?;
    let mut account = accounts.margin_account.load_mut()?;
    let mut book = accounts.book.load_mut()?;
    let key = accounts.margin_account.key();
    let (delegation, _) = signed(accounts.trader.key, &key, &account, ctx.remaining_accounts)?;
    if let Some(delegation) = delegation {
        delegation.load()?.require(scope::CANCELS, book.index)?;
    }
    require_keys_eq!(
        book.exchange,
        account.exchange,
        PlimsollError::WrongExchange
    );
    let slot = find(&account, book.index, order).ok_or(PlimsollError::NoSuchOrder)?;
    let mut log = RemovalLog::new(key, book.index);
    require!(
        cancel_slot(&key, &mut account, &mut book, slot, &mut log)?,
        PlimsollError::FillsPending
    );
    log.flush()
}

/// The slot of the order that is meant.
pub fn find(account: &MarginAccount, market: u16, order: OrderRef) -> Option<usize> {
    account.orders.iter().position(|open| {
        let named = match order {
            OrderRef::Id(id) => open.id == id,
            OrderRef::ClientId(client_id) => open.client_id == client_id,
        };
        named && open.market == market && !open.is_free()
    })
}
