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

    fn worst(&self, side: Side) -> Option<usize> {
        let places = (0..self.orders.len()).filter(|&place| self.orders[place].0 == side);
        places.max_by_key(|&place| {
            let order = self.orders[place].1;
            let price = i128::from(order.price);
            (if side == Side::Bid { -price } else { price }, order.seq)
        })
    }

    /// Tells the owner that `lots` of the order at `place` traded or went, and takes them off.
    fn record(&mut self, place: usize, lots: i64, reason: Option<OutReason>) -> bool {
        let (side, order) = self.orders[place];
        let event = Event {
            maker: order.owner,
            seq: order.seq,
            side,
            price: order.price,
            lots,
            reason,
            order_done: lots == order.lots,
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
        if self.orders[place].1.lots == 0 {
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
            outcome.stop = Stop::StepLimit;
            if steps == 0 {
                break;
            }
            steps -= 1;
            outcome.stop = Stop::QueueFull;
            let lots = outcome.dropped_lots.min(maker.lots);
            if expired {
                if !self.record(place, maker.lots, Some(OutReason::Expired)) {
                    break;
                }
            } else if maker.owner == taker.owner {
                let lost = match taker.self_trade {
                    SelfTrade::AbortTransaction => return Err(MatchError::SelfTrade),
                    SelfTrade::CancelProvide => 0,
                    SelfTrade::DecrementAndCancel => lots,
                };
                let out = if lost == 0 { maker.lots } else { lost };
                if !self.record(place, out, Some(OutReason::SelfTrade)) {
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
                let mut limit = i64::MAX;
                if maker.is_reduce_only() && self.accounts.at_hand(&maker.owner) {
                    if let Some(allowed) = self.accounts.allowed.get_mut(&maker.owner) {
                        limit = *allowed;
                        *allowed -= limit.min(lots);
                    }
                }
                let traded = lots.min(limit);
                if traded > 0 {
                    if !self.record(place, traded, None) {
                        break;
                    }
                    outcome.filled_lots += traded;
                    outcome.filled_quote_lots += traded * price;
                    outcome.fills += 1;
                    outcome.dropped_lots -= traded;
                }
                if traded < lots {
                    self.record(place, maker.lots - traded, Some(OutReason::NotAllowed));
                }
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
        if self
            .orders
            .iter()
            .filter(|(side, _)| *side == taker.side)
            .count()
            == BOOK_SIDE_CAPACITY
        {
            let place = self.worst(taker.side).unwrap();
            let worst = self.orders[place].1;
            let expired = worst.expiry != 0 && i64::from(worst.expiry) <= now;
            let better = if taker.side == Side::Bid {
                price > worst.price
            } else {
                price < worst.price
            };
            let reason = if expired {
                OutReason::Expired
            } else {
                OutReason::Evicted
            };
            if !(expired || better) || !self.record(place, worst.lots, Some(reason)) {
                outcome.stop = Stop::BookFull;
                return if outcome.fills == 0 {
                    Err(MatchError::BookFull)
                } else {
                    Ok(())
                };
            }
            outcome.evicted = Some(worst);
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
