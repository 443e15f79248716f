//! Cancels orders of a margin account in several markets at once.
use anchor_lang::prelude::*;

use crate::{
    delegation::signed,
    orders::{cancel_in_book, require_whole_book, terms::OrderSide},
    state::{delegation::scope, Book, MarginAccount},
};

#[derive(Accounts)]
pub struct CancelOrders<'info> {
    /// Owner of the margin account, or a delegate that may cancel.
    pub trader: Signer<'info>,
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    // Remaining accounts, writable: the books of the markets to cancel in; then the delegation, where a delegate signs.
}

/// Cancels up to `limit` orders, of one side or of both, in the markets whose books were passed. Orders that have left
/// their book, filled or expired, are passed over: `settle_fills` is for those. Having nothing to cancel is no error.
#[inline(never)]
pub(crate) fn cancel_orders<'info>(
    ctx: Context<'info, CancelOrders<'info>>,
    side: Option<OrderSide>,
    limit: u8,
) -> Result<()> {
    let accounts = &ctx.accounts;
    let mut account = accounts.margin_account.load_mut()?;
    let key = accounts.margin_account.key();
    let (delegation, books) = signed(accounts.trader.key, &key, &account, ctx.remaining_accounts)?;
    let mut left = u16::from(limit);
    for info in books {
        let loader = AccountLoader::<Book>::try_from(info)?;
        require_whole_book(&loader)?;
        let mut book = loader.load_mut()?;
        if let Some(delegation) = &delegation {
            delegation.load()?.require(scope::CANCELS, book.index)?;
        }
        let done = cancel_in_book(&key, &mut account, &mut book, side.map(Into::into), left)?;
        left = left.saturating_sub(done.count);
    }
    Ok(())
}
