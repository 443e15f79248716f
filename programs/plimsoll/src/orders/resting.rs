//! A resting order in its owner's margin account: its order slot and the position of its market.
use anchor_lang::prelude::*;
use plimsoll_risk::{BaseLots, OpenOrder, PerpPosition, QuoteNative};

use crate::{
    error::{OrRefuse, PlimsollError},
    state::{MarginAccount, Market},
};

/// The two slots of a margin account that a resting order concerns.
pub struct Resting<'a> {
    slot: usize,
    order: &'a mut OpenOrder,
    perp: &'a mut PerpPosition,
}

impl<'a> Resting<'a> {
    /// The order `id` of a market, which its book or queue says is in order slot `slot`.
    ///
    /// # Errors
    /// `OrderMismatch` when the slot holds another order: book and account would disagree.
    pub fn find(account: &'a mut MarginAccount, market: u16, slot: usize, id: u64) -> Result<Self> {
        let MarginAccount { perps, orders, .. } = account;
        let order = orders
            .get_mut(slot)
            .filter(|order| order.id == id && order.market == market && id != 0)
            .ok_or(PlimsollError::OrderMismatch)?;
        let perp = perps
            .iter_mut()
            .find(|perp| perp.market == market)
            .ok_or(PlimsollError::OrderMismatch)?;
        Ok(Self { slot, order, perp })
    }

    /// The owner's name for the order.
    pub fn client_id(&self) -> u64 {
        self.order.client_id
    }

    /// Books a trade of `lots` for `notional`, with `charge` (fee, and funding of a late settlement) on top, and
    /// takes the lots off the order.
    pub fn fill(
        &mut self,
        market: &mut Market,
        lots: BaseLots,
        notional: QuoteNative,
        charge: QuoteNative,
    ) -> Result<()> {
        let side = self.order.side();
        market.change(self.perp, |perp, funding| {
            perp.apply_fill(side, lots, notional, charge, funding)
                .or_refuse()
        })?;
        self.reduce(lots, market.terms.tick)
    }

    /// Takes lots off the order; its slot is free when none are left.
    pub fn reduce(&mut self, lots: BaseLots, tick: u64) -> Result<()> {
        self.perp
            .reduce_order(self.slot, self.order, lots, tick)
            .or_refuse()
    }

    /// Takes off what is left of the order; returns how many lots.
    pub fn drop_rest(&mut self, tick: u64) -> Result<i64> {
        let rest = self.order.lots;
        if rest.0 > 0 {
            self.reduce(rest, tick)?;
        }
        Ok(rest.0)
    }

    /// Frees the market's slot if nothing is left in it.
    pub fn release(self) {
        if self.perp.is_closed() {
            *self.perp = PerpPosition::default();
        }
    }
}
