//! Brings queued fills and removals to the margin accounts they belong to. Permissionless.
use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    orders::{
        load_makers, reclaim, require_whole_book, require_whole_queue, settle_waiting, Over,
        Trading,
    },
    state::{Book, FillQueueAccount, MarginAccount, Market},
};

#[derive(Accounts)]
pub struct SettleFills<'info> {
    #[account(
        mut,
        has_one = fill_queue @ PlimsollError::WrongMarketAccount,
        has_one = book @ PlimsollError::WrongMarketAccount,
    )]
    pub market: AccountLoader<'info, Market>,
    #[account(mut)]
    pub book: AccountLoader<'info, Book>,
    #[account(mut)]
    pub fill_queue: AccountLoader<'info, FillQueueAccount>,
    // Remaining accounts, writable: the margin accounts to settle.
}

/// Settles up to `limit` entries of the accounts that were passed, each account's oldest first, and frees the slots of their
/// orders in the market that have expired. Never gated, and no account's entries wait for another's. Having nothing to
/// settle is no error. Returns how many entries were settled.
#[inline(never)]
pub(crate) fn settle_fills<'info>(
    ctx: Context<'info, SettleFills<'info>>,
    limit: u16,
) -> Result<u16> {
    let accounts = &ctx.accounts;
    require_whole_queue(&accounts.fill_queue)?;
    require_whole_book(&accounts.book)?;
    let over = Over {
        now: Clock::get()?.unix_timestamp,
        all: false,
    };
    let mut market = accounts.market.load_mut()?;
    let mut fills = accounts.fill_queue.load_mut()?;
    let mut book = accounts.book.load_mut()?;
    let mut left = limit;
    for loader in load_makers(ctx.remaining_accounts)? {
        let key = loader.key();
        let mut account = loader.load_mut()?;
        let settled = clear(
            &key,
            &mut account,
            &mut market,
            &mut fills,
            &mut book,
            over,
            left,
        )?;
        left = left.saturating_sub(settled);
    }
    Ok(limit.saturating_sub(left))
}

/// Settles up to `max` of an account's entries in a market; once none is left, frees the slots of its orders that are over.
#[inline(never)]
pub(super) fn clear(
    key: &Pubkey,
    account: &mut MarginAccount,
    market: &mut Market,
    fills: &mut FillQueueAccount,
    book: &mut Book,
    over: Over,
    max: u16,
) -> Result<u16> {
    require_keys_eq!(
        account.exchange,
        market.exchange,
        PlimsollError::WrongExchange
    );
    let settled = settle_waiting(&mut fills.queue, market, key, account, usize::from(max))?;
    let mut trading = Trading {
        orders: &mut book.orders,
        index: market.index,
        tick: market.terms.tick,
    };
    let waits = fills.queue.has_any_of(key.as_array());
    reclaim(key, account, &mut trading, over, waits)?;
    account.release_perp_of(market.index);
    Ok(u16::try_from(settled).unwrap_or(u16::MAX))
}
