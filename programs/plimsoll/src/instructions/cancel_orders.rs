//! Cancels orders of a margin account in several markets at once.
use anchor_lang::prelude::*;

use crate::{
    orders::{cancel_in_book, require_whole_book, terms::OrderSide},
    state::{Book, MarginAccount},
};

#[derive(Accounts)]
pub struct CancelOrders<'info> {
    /// Owner or delegate of the margin account.
    pub trader: Signer<'info>,
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    // Remaining accounts, writable: the books of the markets to cancel in.
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
    account.require_trader(accounts.trader.key)?;
    let key = accounts.margin_account.key();
    let mut left = u16::from(limit);
    for info in ctx.remaining_accounts {
        let loader = AccountLoader::<Book>::try_from(info)?;
        require_whole_book(&loader)?;
        let mut book = loader.load_mut()?;
        let done = cancel_in_book(&key, &mut account, &mut book, side.map(Into::into), left)?;
        left = left.saturating_sub(done.count);
    }
    Ok(())
}
