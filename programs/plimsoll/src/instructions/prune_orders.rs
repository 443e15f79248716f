//! Removes from a book orders that have expired, or whose market is being wound down. Permissionless.
use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    orders::{load_makers, reclaim, require_whole_book, require_whole_queue, Over, Trading},
    state::{Book, FillQueueAccount, RiskState},
};

#[derive(Accounts)]
pub struct PruneOrders<'info> {
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut)]
    pub book: AccountLoader<'info, Book>,
    pub fill_queue: AccountLoader<'info, FillQueueAccount>,
    // Remaining accounts, writable: margin accounts whose slots of such orders are freed, those included whose orders were
    // removed before.
}

/// Removes up to `limit` expired orders, bids first, worst price first; of a market that has a final price any orders. Their
/// owners need not be told: they, or anybody, free the slots when they like, here or with `settle_fills`. Having nothing to
/// remove is no error.
#[inline(never)]
pub(crate) fn prune_orders<'info>(
    ctx: Context<'info, PruneOrders<'info>>,
    limit: u16,
) -> Result<()> {
    let accounts = &ctx.accounts;
    require_whole_book(&accounts.book)?;
    require_whole_queue(&accounts.fill_queue)?;
    let mut book = accounts.book.load_mut()?;
    let fills = accounts.fill_queue.load()?;
    require_keys_eq!(fills.market, book.market, PlimsollError::WrongMarketAccount);
    let risk = accounts.risk_state.load()?;
    require_keys_eq!(book.exchange, risk.exchange, PlimsollError::WrongExchange);
    let over = Over {
        now: Clock::get()?.unix_timestamp,
        all: risk.market(book.index)?.price.is_final(),
    };
    book.orders.sweep(over.now, over.all, usize::from(limit));
    let (index, tick) = (book.index, book.tick);
    for loader in load_makers(ctx.remaining_accounts)? {
        let key = loader.key();
        let mut account = loader.load_mut()?;
        require_keys_eq!(
            account.exchange,
            book.exchange,
            PlimsollError::WrongExchange
        );
        let mut market = Trading {
            orders: &mut book.orders,
            index,
            tick,
        };
        let waits = fills.queue.has_any_of(key.as_array());
        reclaim(&key, &mut account, &mut market, over, waits)?;
        account.release_perp_of(index);
    }
    Ok(())
}
