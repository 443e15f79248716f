//! What waits in the fill queue reaches its margin account.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    fixed::to_i64, position::FundingIndices, BaseLots, PerpPosition, PriceLots, QuoteNative,
};

use super::{
    report::{log, RemovalLog},
    Resting,
};
use crate::{
    error::{OrRefuse, PlimsollError},
    events::FillsSettled,
    matching::{FillQueue, QueuedFill, Side},
    state::{MarginAccount, Market},
};

/// Settles up to `max` queued entries of an account, oldest first; returns how many.
///
/// # Errors
/// `OrderMismatch` when queue and account disagree; `Overflow`.
#[inline(never)]
pub fn settle_waiting(
    queue: &mut FillQueue,
    market: &mut Market,
    key: &Pubkey,
    account: &mut MarginAccount,
    max: usize,
) -> Result<usize> {
    if queue.is_empty() {
        return Ok(0);
    }
    let mut removals = RemovalLog::new(*key, market.index);
    let count = queue.drain_for(&key.to_bytes(), max, |entry| {
        settle_entry(market, account, entry, &mut removals)
    })?;
    if count == 0 {
        return Ok(0);
    }
    removals.flush()?;
    log(&FillsSettled {
        margin_account: *key,
        market: market.index,
        count: u16::try_from(count).unwrap_or(u16::MAX),
    })?;
    Ok(count)
}

/// Settles one queued entry. A trade is booked at its price with the fee of its time, and the lots pay or receive
/// the funding since then, so that settling late changes nothing but the time. What is left in the slot of an order that
/// has left the book goes back to its owner.
#[inline(never)]
pub fn settle_entry(
    market: &mut Market,
    account: &mut MarginAccount,
    entry: &QueuedFill,
    removals: &mut RemovalLog,
) -> Result<()> {
    let slot = usize::from(entry.maker_slot);
    let mut resting = Resting::find(account, market.index, slot, entry.seq)?;
    let lots = BaseLots(entry.lots);
    if entry.is_fill() {
        let tick = market.terms.tick;
        let notional = lots.notional(PriceLots(entry.price), tick).or_refuse()?;
        let late = late_funding(entry, market.funding_long)?;
        let charge = QuoteNative(entry.maker_fee).checked_add(late).or_refuse()?;
        let client_id = resting.client_id();
        resting.fill(market, lots, notional, charge)?;
        market.count_waiting(entry, entry.lots.saturating_neg())?;
        if entry.order_done != 0 {
            let rest = resting.drop_rest(market.terms.tick)?;
            removals.push_some(entry.seq, client_id, rest)?;
        }
    } else {
        removals.push(entry.seq, resting.client_id(), entry.lots)?;
        resting.reduce(lots, market.terms.tick)?;
    }
    resting.release();
    Ok(())
}

/// Funding of the traded lots from the trade to now, rounded up against the maker. Regular funding moves the indices
/// of both sides alike, and nothing else moves one while a fill of the market waits, so the long index tells it for
/// either side.
fn late_funding(entry: &QueuedFill, funding_long: i64) -> Result<QuoteNative> {
    let side =
        Side::try_from(entry.maker_side).map_err(|_| error!(PlimsollError::OrderMismatch))?;
    let signed = match side {
        Side::Bid => Some(entry.lots),
        Side::Ask => entry.lots.checked_neg(),
    };
    let traded = PerpPosition {
        position: BaseLots(signed.or_refuse()?),
        funding_entry: entry.funding_index,
        ..PerpPosition::default()
    };
    let now = FundingIndices {
        long: funding_long,
        short: funding_long,
        loss: 0,
    };
    traded
        .funding_due(now)
        .and_then(to_i64)
        .map(QuoteNative)
        .or_refuse()
}
