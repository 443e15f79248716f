//! Removes expired orders from a book. Permissionless.
use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    matching::{BookOrder, FillQueue, MakerOut, OutReason, QueuedFill, Side},
    orders::{load_makers, require_whole_book, require_whole_queue, take_out},
    state::{Book, FillQueueAccount, MarginAccount},
};

#[derive(Accounts)]
pub struct PruneOrders<'info> {
    #[account(mut)]
    pub book: AccountLoader<'info, Book>,
    #[account(mut)]
    pub fill_queue: AccountLoader<'info, FillQueueAccount>,
    // Remaining accounts, writable: margin accounts to be told at once; others are told through the fill queue.
}

/// Removes up to `limit` expired orders, bids first, worst price first.
///
/// # Errors
/// `NoSuchOrder` when none has expired; `FillQueueFull` when none could be removed, because its owner is not at hand
/// and the queue has no room.
#[inline(never)]
pub(crate) fn prune_orders<'info>(
    ctx: Context<'info, PruneOrders<'info>>,
    limit: u8,
) -> Result<()> {
    let accounts = &ctx.accounts;
    require_whole_book(&accounts.book)?;
    require_whole_queue(&accounts.fill_queue)?;
    let now = Clock::get()?.unix_timestamp;
    let mut book = accounts.book.load_mut()?;
    let mut fills = accounts.fill_queue.load_mut()?;
    require_keys_eq!(fills.market, book.market, PlimsollError::WrongMarketAccount);
    let owners = load_makers(ctx.remaining_accounts)?;
    let mut left = usize::from(limit);
    for side in [Side::Bid, Side::Ask] {
        let expired = expired_orders(&book, side, now, left);
        for (price, seq) in expired {
            if !prune(
                &mut book,
                &mut fills.queue,
                &owners,
                (side, price, seq),
                now,
            )? {
                require!(left < usize::from(limit), PlimsollError::FillQueueFull);
                return Ok(());
            }
            left = left.saturating_sub(1);
        }
    }
    require!(left < usize::from(limit), PlimsollError::NoSuchOrder);
    Ok(())
}

/// Price and sequence number of up to `max` expired orders of a side.
#[inline(never)]
fn expired_orders(book: &Book, side: Side, now: i64, max: usize) -> Vec<(u64, u64)> {
    let mut keys = Vec::with_capacity(max);
    let orders = book.orders.side(side).as_slice().iter();
    keys.extend(
        orders
            .filter(|order| order.is_expired(now))
            .map(|order| (order.price, order.seq))
            .take(max),
    );
    keys
}

/// Removes an order and tells its owner; false, and nothing changes, when that is not possible.
#[inline(never)]
fn prune(
    book: &mut Book,
    queue: &mut FillQueue,
    owners: &[AccountLoader<MarginAccount>],
    (side, price, seq): (Side, u64, u64),
    now: i64,
) -> Result<bool> {
    let order: BookOrder = *book
        .orders
        .find(side, price, seq)
        .ok_or(PlimsollError::NoSuchOrder)?;
    let out = MakerOut {
        side,
        lots: order.lots,
        order_done: true,
        reason: OutReason::Expired,
    };
    let owner = owners
        .iter()
        .find(|loader| *loader.key().as_array() == order.owner);
    match owner {
        Some(loader) => {
            let key = loader.key();
            let mut account = loader.load_mut()?;
            take_out(&mut account, &key, book.index, book.tick, &order, &out)?.release();
        }
        None if queue.push(QueuedFill::out(&order, &out, now)) => {}
        None => return Ok(false),
    }
    book.orders.cancel(side, price, seq)?;
    Ok(true)
}
