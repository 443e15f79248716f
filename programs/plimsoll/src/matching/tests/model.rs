//! The naive model that the engine is compared with: one unsorted list, searched again for every step.

use super::*;

/// Book, queue and accounts of the model.
#[derive(Clone, Default)]
pub struct Model {
    pub orders: Vec<(Side, BookOrder)>,
    pub queue: Vec<Event>,
    pub queue_room: usize,
    pub accounts: Accounts,
}

impl Model {
    fn best(&self, side: Side) -> Option<usize> {
        let places = (0..self.orders.len()).filter(|&place| self.orders[place].0 == side);
        places.min_by_key(|&place| {
            let order = self.orders[place].1;
            let price = i128::from(order.price);
            (if side == Side::Bid { -price } else { price }, order.seq)
        })
    }

    fn is_full(&self, side: Side) -> bool {
        let of = self.orders.iter().filter(|(of, _)| *of == side);
        of.count() == BOOK_SIDE_CAPACITY
    }

    /// The worst of the orders that are worse than one at `price` and worth no more than `worth`.
    fn displaced(&self, side: Side, price: u64, worth: i64) -> Option<usize> {
        let places = (0..self.orders.len()).filter(|&place| {
            let (of, order) = &self.orders[place];
            let worse = match side {
                Side::Bid => order.price < price,
                Side::Ask => order.price > price,
            };
            *of == side && worse && order.lots * i64::try_from(order.price).unwrap() <= worth
        });
        places.max_by_key(|&place| {
            let order = self.orders[place].1;
            let price = i128::from(order.price);
            (if side == Side::Bid { -price } else { price }, order.seq)
        })
    }

    /// Tells the owner that `lots` of the order at `place` traded or went, and takes them off, with what is left where that is
    /// worth less than `least`.
    fn record(&mut self, place: usize, lots: i64, reason: Option<OutReason>, least: i64) -> bool {
        let (side, order) = self.orders[place];
        let rest = order.lots - lots;
        let order_done = rest * i64::try_from(order.price).unwrap() < least || rest == 0;
        let told = if order_done && reason.is_some() {
            order.lots
        } else {
            lots
        };
        let event = Event {
            maker: order.owner,
            seq: order.seq,
            side,
            price: order.price,
            lots: told,
            reason,
            order_done,
        };
        if self.accounts.at_hand(&order.owner) {
            self.accounts.settled.push(event);
        } else if self.queue_room > 0 {
            self.queue_room -= 1;
            self.queue.push(event);
        } else {
            return false;
        }
        self.orders[place].1.lots -= lots;
        if order_done {
            self.orders.remove(place);
        }
        true
    }

    pub fn place(&mut self, taker: &TakerOrder, now: i64) -> Result<MatchOutcome, MatchError> {
        let mut outcome = MatchOutcome {
            filled_lots: 0,
            filled_quote_lots: 0,
            fills: 0,
            decremented_lots: 0,
            resting_lots: 0,
            resting_price: 0,
            dropped_lots: taker.lots,
            evicted: None,
            stop: Stop::Exhausted,
        };
        if taker.expiry != 0 && i64::from(taker.expiry) <= now {
            return Err(MatchError::Expired);
        }
        let mut rest_price = taker.price;
        let mut steps = taker.max_steps;
        let post_only = matches!(taker.kind, OrderKind::PostOnly | OrderKind::PostOnlySlide);
        while outcome.dropped_lots > 0 {
            outcome.stop = Stop::Price;
            let Some(place) = self.best(taker.side.opposite()) else {
                break;
            };
            let maker = self.orders[place].1;
            if (taker.side == Side::Bid) == (maker.price > taker.price)
                && maker.price != taker.price
            {
                break;
            }
            let expired = maker.expiry != 0 && i64::from(maker.expiry) <= now;
            if post_only && !expired {
                rest_price = if taker.side == Side::Bid {
                    maker.price - 1
                } else {
                    maker.price + 1
                };
                if taker.kind == OrderKind::PostOnly || rest_price == 0 {
                    return Err(MatchError::WouldCross);
                }
                break;
            }
            if expired {
                self.orders.remove(place);
                outcome.stop = Stop::Exhausted;
                continue;
            }
            outcome.stop = Stop::StepLimit;
            if steps == 0 {
                break;
            }
            steps -= 1;
            outcome.stop = Stop::QueueFull;
            let lots = outcome.dropped_lots.min(maker.lots);
            if maker.owner == taker.owner {
                let lost = match taker.self_trade {
                    SelfTrade::AbortTransaction => return Err(MatchError::SelfTrade),
                    SelfTrade::CancelProvide => 0,
                    SelfTrade::DecrementAndCancel => lots,
                };
                let out = if lost == 0 { maker.lots } else { lost };
                if !self.record(place, out, Some(OutReason::SelfTrade), taker.min_quote_lots) {
                    break;
                }
                outcome.decremented_lots += lost;
                outcome.dropped_lots -= lost;
            } else {
                let spent = outcome.filled_quote_lots;
                let budget = taker
                    .max_quote_lots
                    .map(|budget| i64::try_from(budget).unwrap() - spent);
                let price = i64::try_from(maker.price).unwrap();
                let lots = budget.map_or(lots, |budget| lots.min(budget / price));
                if lots == 0 {
                    outcome.stop = Stop::QuoteBudget;
                    break;
                }
                if !self.record(place, lots, None, taker.min_quote_lots) {
                    break;
                }
                outcome.filled_lots += lots;
                outcome.filled_quote_lots += lots * price;
                outcome.fills += 1;
                outcome.dropped_lots -= lots;
            }
            outcome.stop = Stop::Exhausted;
        }
        if taker.kind == OrderKind::FillOrKill && outcome.filled_lots < taker.lots {
            return Err(MatchError::NotFillable);
        }
        let rests = matches!(taker.kind, OrderKind::Limit) || post_only;
        if outcome.stop == Stop::Price && rests {
            self.rest(taker, rest_price, now, &mut outcome)?;
        }
        Ok(outcome)
    }

    fn rest(
        &mut self,
        taker: &TakerOrder,
        price: u64,
        now: i64,
        outcome: &mut MatchOutcome,
    ) -> Result<(), MatchError> {
        let spent = u64::try_from(outcome.filled_quote_lots).unwrap();
        let budget = taker
            .max_quote_lots
            .map_or(u64::MAX, |budget| (budget - spent) / price);
        let lots = outcome
            .dropped_lots
            .min(i64::try_from(budget).unwrap_or(i64::MAX));
        if lots == 0 {
            outcome.stop = Stop::QuoteBudget;
            return Ok(());
        }
        let worth = lots * i64::try_from(price).unwrap();
        let is_whole = taker.reduce_only && lots == outcome.dropped_lots;
        if !is_whole && worth < taker.min_quote_lots {
            outcome.stop = Stop::Dust;
            return Ok(());
        }
        if self.is_full(taker.side) {
            let expired = |order: &BookOrder| order.expiry != 0 && i64::from(order.expiry) <= now;
            self.orders
                .retain(|(side, order)| *side != taker.side || !expired(order));
        }
        if self.is_full(taker.side) {
            let place = self.displaced(taker.side, price, worth);
            let recorded = place.is_some_and(|place| {
                let lots = self.orders[place].1.lots;
                outcome.evicted = Some(self.orders[place].1);
                self.record(place, lots, Some(OutReason::Evicted), 0)
            });
            if !recorded {
                outcome.evicted = None;
                outcome.stop = Stop::BookFull;
                return if outcome.fills == 0 {
                    Err(MatchError::BookFull)
                } else {
                    Ok(())
                };
            }
        }
        self.orders.push((
            taker.side,
            BookOrder {
                price,
                seq: taker.seq,
                lots,
                owner: taker.owner,
                expiry: taker.expiry,
                owner_slot: taker.owner_slot,
                flags: u8::from(taker.reduce_only),
                _padding: [0; 2],
            },
        ));
        outcome.dropped_lots -= lots;
        outcome.resting_lots = lots;
        outcome.resting_price = price;
        Ok(())
    }
}
