//! Prices read from the book: best, mid, and what funding is sampled at; expired orders are skipped.

use super::{BookOrder, Orders, Side};

impl Orders {
    /// The orders of a side that still trade at `now`, best first.
    pub fn live(&self, side: Side, now: i64) -> impl Iterator<Item = &BookOrder> {
        self.side(side)
            .iter()
            .filter(move |order| !order.is_expired(now))
    }

    /// The best price at which somebody is ready to trade on `side`, in price lots.
    pub fn best_price(&self, side: Side, now: i64) -> Option<u64> {
        self.live(side, now).next().map(|order| order.price)
    }

    /// Half way between best bid and best ask, rounded down to a price lot; none while a side is empty.
    pub fn mid_price(&self, now: i64) -> Option<u64> {
        let bid = self.best_price(Side::Bid, now)?;
        let ask = self.best_price(Side::Ask, now)?;
        bid.checked_add(ask.checked_sub(bid)? / 2)
    }

    /// What trading `lots` against `side` costs in quote lots, counting only what has `rested`; none unless that comes to
    /// a better average than `limit` for whoever rests there, above it for bids and below it for asks.
    ///
    /// Looks at every order of the side, as far as it has to: nobody hides depth behind dust or behind orders that do
    /// not count. Within a spread around `limit` it looks at one. An order that may only reduce says nothing, since
    /// what of it can trade depends on its owner's position.
    ///
    /// None, too, when those do not offer `lots`, when `lots` is not positive, and when a notional exceeds a `u64`.
    pub fn impact(&self, side: Side, lots: i64, limit: u64, rested: &Rested) -> Option<u64> {
        let wanted = u64::try_from(lots).ok().filter(|lots| *lots > 0)?;
        let bound = wanted.checked_mul(limit)?;
        let orders = self.side(side).as_slice();
        let (others, better) =
            orders.split_at_checked(orders.partition_point(|o| side.accepts(limit, o.price)))?;
        // The best bid, or else the limit, is the highest price among these: no sum of them exceeds 64 bits.
        wanted.checked_mul(better.last()?.price.max(limit))?;
        let (mut missing, mut notional) = (wanted, 0u64);
        let expired_until = u32::try_from(rested.now.max(0)).unwrap_or(u32::MAX);
        for order in better.iter().rev() {
            // An expiry of zero is none.
            let is_expired = order.expiry.wrapping_sub(1) < expired_until;
            if order.seq >= rested.before || order.is_reduce_only() || is_expired {
                continue;
            }
            let taken = missing.min(order.lots.unsigned_abs());
            notional = notional.wrapping_add(taken.wrapping_mul(order.price));
            missing = missing.wrapping_sub(taken);
            if missing == 0 {
                return Some(notional);
            }
        }
        let is_better = |notional: u64| match side {
            Side::Bid => notional > bound,
            Side::Ask => notional < bound,
        };
        for order in others.iter().rev().filter(|order| rested.counts(order)) {
            // What is missing trades at no better price than this.
            let rest = product(missing, order.price)?;
            if !is_better(notional.checked_add(rest)?) {
                return None;
            }
            let taken = missing.min(order.lots.unsigned_abs());
            notional = notional.checked_add(product(taken, order.price)?)?;
            missing = missing.wrapping_sub(taken);
            if missing == 0 {
                return Some(notional).filter(|notional| is_better(*notional));
            }
        }
        None
    }
}

/// `lots × price`. A checked product of 64 bits is computed in 128, which a walk over a full side cannot afford.
#[inline(always)]
fn product(lots: u64, price: u64) -> Option<u64> {
    if (lots | price) >> 32 == 0 {
        return Some(lots.wrapping_mul(price));
    }
    lots.checked_mul(price)
}

/// Which orders count as having rested.
#[derive(Clone, Copy, Debug)]
pub struct Rested {
    /// Only those with a lower sequence number.
    pub before: u64,
    /// Only those that still trade then, unix seconds.
    pub now: i64,
}

impl Rested {
    fn counts(&self, order: &BookOrder) -> bool {
        order.seq < self.before && !order.is_reduce_only() && !order.is_expired(self.now)
    }
}
