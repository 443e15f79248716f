//! The largest order that the program accepts.
use anchor_lang::prelude::Error;
use plimsoll::{
    error::PlimsollError,
    orders::{reducible, terms::OrderTerms},
};
use plimsoll_risk::{BaseLots, Side};

use super::OrderCase;
use crate::errors::Refusal;

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
    /// Acceptance does not come back with size once it is lost, so this is a bisection over the real thing. Two
    /// exceptions are looked at: below the market's minimum nothing but a close is accepted, and an account that may not
    /// reduce a little may sometimes close.
    pub fn max_lots(&self, terms: &OrderTerms) -> MaxOrder {
        let sized = |lots| OrderTerms { lots, ..*terms };
        let position = self
            .account
            .find_perp(self.market.index)
            .and_then(|slot| self.account.perps.get(slot))
            .map_or(BaseLots::ZERO, |perp| perp.position);
        let whole = reducible(position, Side::from(terms.side));
        let most = if terms.reduce_only { whole } else { i64::MAX };
        let smallest = self.market.params.min_order_lots.max(1).min(most);
        let mut refused = match self.check(&sized(smallest)) {
            Err(error) if whole == 0 || self.check(&sized(whole)).is_err() => {
                return MaxOrder {
                    lots: 0,
                    limit: Some(error.into()),
                };
            }
            _ => None,
        };
        let mut accepted = if self.check(&sized(whole)).is_ok() {
            whole.max(smallest)
        } else {
            smallest
        };
        // Doubling first: prices and lots whose product overflows are refused as too large like any other.
        let mut bound = most;
        while accepted < bound {
            let next = if bound == most && refused.is_none() {
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

/// A size beyond the arithmetic is simply too large.
fn told(error: Error) -> Refusal {
    let refusal = Refusal::from(error);
    if refusal.code == u32::from(PlimsollError::Overflow) {
        return Refusal::from(Error::from(PlimsollError::InvalidOrderSize));
    }
    refusal
}
