//! The largest order that the program accepts.
use anchor_lang::prelude::Error;
use plimsoll::{error::PlimsollError, orders::terms::OrderTerms};
use plimsoll_risk::Side;

use super::OrderCase;
use crate::{errors::Refusal, health::Mode};

/// The largest size of an order, and what stands in the way of more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaxOrder {
    /// Base lots; zero when not even the smallest order is accepted.
    pub lots: i64,
    /// Why a lot more is refused; none when more would be accepted and come to nothing: the position bounds a
    /// reduce-only order, the book one that does not rest.
    pub limit: Option<Refusal>,
}

impl OrderCase<'_> {
    /// The largest size at which the program accepts an order of these terms, whatever size they name.
    ///
    /// Acceptance does not come back with size once it is lost, so this is a bisection over the real thing. Three
    /// exceptions are looked at: below the market's minimum nothing but a close is accepted, an account that may not
    /// reduce a little may sometimes close, and in portfolio margin one that may not hedge a little may sometimes hedge
    /// enough.
    pub fn max_lots(&self, terms: &OrderTerms) -> MaxOrder {
        let sized = |lots| OrderTerms { lots, ..*terms };
        let perp = self.account.find_perp(self.market.index);
        let perp = perp.and_then(|slot| self.account.perps.get(slot));
        let whole = perp.map_or(0, |perp| perp.reducible(Side::from(terms.side)).0);
        let most = if terms.reduce_only { whole } else { i64::MAX };
        let smallest = self.smallest(terms).min(most);
        let closes = whole != 0 && self.check(&sized(whole)).is_ok();
        let mut refused = None;
        let mut accepted = match self.check(&sized(smallest)) {
            _ if closes => whole.max(smallest),
            Ok(_) => smallest,
            Err(error) => match self.hedge(terms, smallest, most) {
                Some(lots) => lots,
                None => {
                    return MaxOrder {
                        lots: 0,
                        limit: Some(error.into()),
                    }
                }
            },
        };
        // Doubling first: prices and lots whose product overflows are refused as too large like any other.
        let mut bound = most;
        while accepted < bound {
            let next = if refused.is_none() {
                accepted.saturating_mul(2).min(most)
            } else {
                accepted.midpoint(bound)
            };
            if next == accepted {
                break;
            }
            match self.check(&sized(next)) {
                Ok(_) => accepted = next,
                Err(error) => {
                    bound = next;
                    refused = Some(error);
                }
            }
        }
        let limit = refused.map(told);
        if terms.kind.rests() {
            return MaxOrder {
                lots: accepted,
                limit,
            };
        }
        // What such an order does not find in the book is dropped, however much is asked for.
        let found = self.preview(&sized(accepted));
        let traded = found.map_or(accepted, |preview| preview.filled_lots);
        MaxOrder {
            lots: traded.min(accepted),
            limit: limit.filter(|_| traded >= accepted),
        }
    }
}

impl OrderCase<'_> {
    /// The fewest lots that are worth the market's minimum: at the limit of what may rest, at the oracle's price of what may not.
    fn smallest(&self, terms: &OrderTerms) -> i64 {
        let least = u128::from(self.market.params.min_order_notional);
        let entry = self.risk.markets.get(usize::from(self.market.index));
        let (least, lot) = if terms.kind.rests() {
            let lot = u128::from(terms.price) * u128::from(self.market.terms.tick);
            (least, lot)
        } else {
            let last = entry.map_or(0, |entry| entry.price.last());
            let shift = entry.map_or(0, |entry| u32::from(entry.shift));
            (least << shift, u128::from(last))
        };
        let lots = least.div_ceil(lot.max(1));
        i64::try_from(lots).unwrap_or(i64::MAX).max(1)
    }

    /// In portfolio margin, a size that is accepted although `smallest` is not: an account below its lines may have to
    /// hedge much to come above them. Init health is concave in the size of an order, so its highest is looked for by
    /// thirds.
    fn hedge(&self, terms: &OrderTerms, smallest: i64, most: i64) -> Option<i64> {
        if Mode::of(self.account.margin_mode) != Mode::Portfolio {
            return None;
        }
        let alone = OrderCase {
            underlying: None,
            ..*self
        };
        let sized = |lots| OrderTerms { lots, ..*terms };
        let init = |lots| {
            let after = alone.preview(&sized(lots)).ok()?.after?;
            Some(after.lines.init)
        };
        // As far as an outcome can be told at all.
        init(smallest)?;
        let mut high = smallest;
        while high < most && init(high.saturating_mul(2).min(most)).is_some() {
            high = high.saturating_mul(2).min(most);
        }
        let mut low = smallest;
        while high - low > 2 {
            let third = (high - low) / 3;
            if init(low + third) < init(high - third) {
                low += third;
            } else {
                high -= third;
            }
        }
        (low..=high).find(|lots| self.check(&sized(*lots)).is_ok())
    }
}

/// A size beyond the arithmetic is simply too large.
fn told(error: Error) -> Refusal {
    let refusal = Refusal::from(error);
    if refusal.code == u32::from(PlimsollError::Overflow) {
        return Refusal::from(Error::from(PlimsollError::InvalidOrderSize));
    }
    refusal
}
