//! Orders that are over give their slots back: expired ones, and reduce-only ones of which there is nothing left to reduce.
use anchor_lang::prelude::*;
use plimsoll_risk::{BaseLots, OpenOrder, Side as AccountSide};

use super::{cancel::book_side, report::RemovalLog, Resting};
use crate::{
    error::{OrRefuse, PlimsollError},
    matching::{MatchError, Orders},
    state::{MarginAccount, Market},
};

/// The market whose orders are concerned.
pub struct Trading<'a> {
    pub orders: &'a mut Orders,
    pub index: u16,
    pub tick: u64,
}

/// When an order no longer trades: from its expiry, or whatever it says once its market has a final price.
#[derive(Clone, Copy, Debug)]
pub struct Over {
    /// Unix seconds.
    pub now: i64,
    pub all: bool,
}

/// Takes the orders of an account that are over out of the book and its slots. They need not be in the book any more: whoever
/// meets an expired order drops it. So whatever a slot still holds then is free, unless fills of the account wait in the
/// queue (`waits`), which it may hold them for.
#[inline(never)]
pub fn reclaim(
    key: &Pubkey,
    account: &mut MarginAccount,
    market: &mut Trading,
    over: Over,
    waits: bool,
) -> Result<()> {
    let Some(perp_slot) = account.find_perp(market.index) else {
        return Ok(());
    };
    let perp = account.perps.get_mut(perp_slot).or_refuse()?;
    if !over.all && !perp.may_have_expired(over.now) {
        return Ok(());
    }
    let mut mask = perp.order_mask;
    perp.first_expiry = 0;
    let mut log = RemovalLog::new(*key, market.index);
    while mask != 0 {
        let slot = next_slot(&mut mask)?;
        let order = *account.orders.get(slot).or_refuse()?;
        if over.all || order.is_expired(over.now) {
            free(key, account, market, slot, waits, &mut log)?;
        }
        let left = account.orders.get(slot).or_refuse()?.expiry;
        let perp = account.perps.get_mut(perp_slot).or_refuse()?;
        perp.expect_expiry(left);
    }
    log.flush()
}

/// Takes the order in a slot, which is over, out of the book if it is there, and out of the slot.
fn free(
    key: &Pubkey,
    account: &mut MarginAccount,
    market: &mut Trading,
    slot: usize,
    waits: bool,
    log: &mut RemovalLog,
) -> Result<()> {
    let order = *account.orders.get(slot).or_refuse()?;
    let side = book_side(order.side());
    let in_book = match market.orders.cancel(side, order.price.0, order.id) {
        Ok(removed) => {
            require!(
                removed.owner == key.to_bytes(),
                PlimsollError::OrderMismatch
            );
            removed.lots
        }
        Err(MatchError::OrderNotFound) => 0,
        Err(error) => return Err(error.into()),
    };
    let lots = if waits { in_book } else { order.lots.0 };
    if lots > 0 {
        let mut resting = Resting::find(account, market.index, slot, order.id)?;
        resting.reduce(BaseLots(lots), market.tick)?;
        log.push(order.id, order.client_id, lots)?;
    }
    Ok(())
}

/// Takes off the account's reduce-only orders what is more than they would reduce, whichever orders of their side fill, the
/// order with the worst price first. What would be left of one as dust goes whole, unless it is all that is left to reduce.
///
/// As fills take the same off an order and the position, that holds from then on, until the account trades on its own:
/// a reduce-only order never opens a position, at hand or not. The account must have nothing waiting in the queue.
#[inline(never)]
pub fn trim_reduce_only(
    key: &Pubkey,
    account: &mut MarginAccount,
    market: &mut Trading,
    perp_slot: usize,
    min_quote_lots: i64,
) -> Result<()> {
    if account.perps.get(perp_slot).or_refuse()?.reduce_only_orders == 0 {
        return Ok(());
    }
    let mut log = RemovalLog::new(*key, market.index);
    for side in [AccountSide::Bid, AccountSide::Ask] {
        loop {
            let perp = account.perps.get(perp_slot).or_refuse()?;
            let resting = perp.resting_lots(side);
            let most = perp.reducible(side);
            let excess = resting.0.saturating_sub(most.0);
            if excess <= 0 {
                break;
            }
            let Some(slot) = worst_reduce_only(&account.orders, perp.order_mask, side) else {
                break;
            };
            let order = *account.orders.get(slot).or_refuse()?;
            let kept = order.lots.0.saturating_sub(excess);
            let worth = i128::from(kept).wrapping_mul(i128::from(order.price.0));
            let is_dust = worth < i128::from(min_quote_lots) && kept != most.0;
            let out = if kept <= 0 || is_dust {
                order.lots.0
            } else {
                excess
            };
            take_off(account, market, slot, out)?;
            log.push(order.id, order.client_id, out)?;
        }
    }
    log.flush()
}

/// Takes lots off the order in a slot, in the book and in the account.
fn take_off(
    account: &mut MarginAccount,
    market: &mut Trading,
    slot: usize,
    lots: i64,
) -> Result<()> {
    let order = *account.orders.get(slot).or_refuse()?;
    let side = book_side(order.side());
    if lots < order.lots.0 {
        market
            .orders
            .reduce(side, order.price.0, order.id, lots)
            .map_err(PlimsollError::from)?;
    } else {
        market
            .orders
            .cancel(side, order.price.0, order.id)
            .map_err(PlimsollError::from)?;
    }
    Resting::find(account, market.index, slot, order.id)?.reduce(BaseLots(lots), market.tick)
}

/// The slot of the reduce-only order of a side that is furthest from trading.
fn worst_reduce_only(orders: &[OpenOrder], mask: u64, side: AccountSide) -> Option<usize> {
    let mut mask = mask;
    let mut worst: Option<(usize, u64, u64)> = None;
    while mask != 0 {
        let slot = next_slot(&mut mask).ok()?;
        let order = orders.get(slot)?;
        if order.side() != side || !order.is_reduce_only() {
            continue;
        }
        let distance = match side {
            AccountSide::Bid => !order.price.0,
            AccountSide::Ask => order.price.0,
        };
        if worst.is_none_or(|(_, far, id)| (distance, order.id) > (far, id)) {
            worst = Some((slot, distance, order.id));
        }
    }
    worst.map(|(slot, ..)| slot)
}

/// Takes the lowest bit out of a mask of slots.
fn next_slot(mask: &mut u64) -> Result<usize> {
    let slot = usize::try_from(mask.trailing_zeros()).ok().or_refuse()?;
    *mask &= mask.wrapping_sub(1);
    Ok(slot)
}

/// Refuses an account whose position, changed elsewhere than in its book, no longer covers its reduce-only orders.
///
/// # Errors
/// `ReduceOnlyExceeded`.
#[inline(never)]
pub fn require_reduce_only_covered(account: &MarginAccount) -> Result<()> {
    let covered = account
        .perps
        .iter()
        .all(|perp| perp.is_reduce_only_covered(&account.orders));
    require!(covered, PlimsollError::ReduceOnlyExceeded);
    Ok(())
}

/// The least worth of what rests, in quote lots.
pub fn min_quote_lots(market: &Market) -> Result<i64> {
    let least = market
        .params
        .min_order_notional
        .div_ceil(market.terms.tick.max(1));
    i64::try_from(least).ok().or_refuse()
}
