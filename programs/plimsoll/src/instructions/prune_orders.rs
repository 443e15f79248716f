//! Removes from a book orders that have expired, or whose market is being wound down. Permissionless.
use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    matching::{BookOrder, FillQueue, MakerOut, OutReason, QueuedFill, Side},
    orders::{load_makers, require_whole_book, require_whole_queue, take_out},
    state::{Book, FillQueueAccount, MarginAccount, RiskState},
};

#[derive(Accounts)]
pub struct PruneOrders<'info> {
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut)]
    pub book: AccountLoader<'info, Book>,
    #[account(mut)]
    pub fill_queue: AccountLoader<'info, FillQueueAccount>,
    // Remaining accounts, writable: margin accounts to be told at once; others are told through the fill queue.
}

/// Removes up to `limit` expired orders, bids first, worst price first; of a market that has a final price any orders.
///
/// # Errors
/// `NoSuchOrder` when there is none; `FillQueueFull` when none could be removed, because its owner is not at hand
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
    let risk = accounts.risk_state.load()?;
    require_keys_eq!(book.exchange, risk.exchange, PlimsollError::WrongExchange);
    let all = risk.market(book.index)?.price.is_final();
    let owners = load_makers(ctx.remaining_accounts)?;
    let mut left = usize::from(limit);
    for side in [Side::Bid, Side::Ask] {
        for (price, seq) in prunable(&book, side, now, all, left) {
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

/// Price and sequence number of up to `max` orders of a side that have expired, or of `all`.
#[inline(never)]
fn prunable(book: &Book, side: Side, now: i64, all: bool, max: usize) -> Vec<(u64, u64)> {
    let mut keys = Vec::with_capacity(max);
    let orders = book.orders.side(side).as_slice().iter();
    keys.extend(
        orders
            .filter(|order| all || order.is_expired(now))
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
