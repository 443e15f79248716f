//! Prices read from the book, for the mark price: best, mid and impact, expired orders skipped.

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

    /// The average price in price lots of trading `lots` against `side` now: what an impact price is made of.
    /// Rounded against the trader: down for bids, up for asks.
    ///
    /// Looks at no more than `max_orders` orders, expired ones included, so that a book of dust cannot make the
    /// mark price expensive. None when those do not offer `lots`, when `lots` is not positive, and when the
    /// notional exceeds a `u64`.
    pub fn impact_price(&self, side: Side, lots: i64, now: i64, max_orders: usize) -> Option<u64> {
        let wanted = u64::try_from(lots).ok()?;
        let mut missing = wanted;
        let mut notional = 0u64;
        for order in self.side(side).iter().take(max_orders) {
            if order.is_expired(now) {
                continue;
            }
            let taken = missing.min(u64::try_from(order.lots).ok()?);
            notional = notional.checked_add(taken.checked_mul(order.price)?)?;
            missing = missing.checked_sub(taken)?;
            if missing == 0 {
                break;
            }
        }
        match (missing, side) {
            (0, Side::Bid) => notional.checked_div(wanted),
            (0, Side::Ask) if wanted > 0 => Some(notional.div_ceil(wanted)),
            _ => None,
        }
    }
}
