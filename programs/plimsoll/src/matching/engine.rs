//! Matching: an incoming order walks the opposite side, its remainder rests on its own.

use super::book::quote_lots;
use super::taker::{Left, Step};
use super::{
    BookOrder, BookSide, Fill, FillQueue, MakerOut, Makers, MatchError, OrderKind, Orders,
    OutReason, QueuedFill, Settled, Side, Stop, TakerOrder,
};

/// What became of an incoming order: lots = filled + decremented + resting + dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchOutcome {
    /// Base lots traded.
    pub filled_lots: i64,
    /// Sum of `lots × price` of the trades.
    pub filled_quote_lots: i64,
    /// Number of trades.
    pub fills: u16,
    /// Base lots lost against own resting orders by `SelfTrade::DecrementAndCancel`.
    pub decremented_lots: i64,
    /// Base lots now resting.
    pub resting_lots: i64,
    /// Price at which they rest, 0 when none do.
    pub resting_price: u64,
    /// Base lots neither traded nor resting.
    pub dropped_lots: i64,
    /// The order that a full side gave up for the remainder; its owner has been told or queued.
    pub evicted: Option<BookOrder>,
    /// Why matching ended.
    pub stop: Stop,
}

/// Matches `taker` against the book at `now` (unix seconds) and rests what remains, if its kind does that.
///
/// Every order on the way either trades at its own price, or leaves the book: when it has expired, or by the
/// self-trade rule. What a trade leaves of it leaves the book, too, where that is dust. What rests is only a
/// remainder that crosses nothing: when matching ends for another reason than the price, the remainder is
/// dropped. A full queue ends the matching but does not fail the order.
///
/// # Errors
/// - [`MatchError::InvalidLots`], [`MatchError::InvalidPrice`], [`MatchError::InvalidSequence`],
///   [`MatchError::Expired`]: the order makes no sense;
/// - [`MatchError::WouldCross`], [`MatchError::NotFillable`], [`MatchError::SelfTrade`]: by its kind and
///   self-trade rule. A fill-or-kill order is refused before anything has changed;
/// - [`MatchError::BookFull`]: nothing was filled and the order cannot rest;
/// - [`MatchError::Overflow`], [`MatchError::DuplicateOrder`], and what the `Makers` refuse.
#[inline(never)]
pub fn match_order<M: Makers>(
    orders: &mut Orders,
    queue: &mut FillQueue,
    makers: &mut M,
    taker: &TakerOrder,
    now: i64,
) -> Result<MatchOutcome, M::Error> {
    taker.validate(now)?;
    let (own, opposite) = orders.own_and_opposite(taker.side);
    let left = Left {
        lots: taker.lots,
        quote_lots: taker.max_quote_lots,
        steps: taker.max_steps,
    };
    let outcome = MatchOutcome {
        filled_lots: 0,
        filled_quote_lots: 0,
        fills: 0,
        decremented_lots: 0,
        resting_lots: 0,
        resting_price: 0,
        dropped_lots: 0,
        evicted: None,
        stop: Stop::Exhausted,
    };
    let mut matching = Matching {
        own,
        opposite,
        queue,
        makers,
        taker,
        now,
        left,
        price: taker.price,
        outcome,
    };
    if taker.kind == OrderKind::FillOrKill && !matching.can_fill_whole()? {
        return Err(MatchError::NotFillable.into());
    }
    matching.outcome.stop = matching.walk()?;
    if taker.kind == OrderKind::FillOrKill && matching.outcome.filled_lots != taker.lots {
        return Err(MatchError::NotFillable.into());
    }
    if matching.outcome.stop == Stop::Price && taker.kind.rests() {
        matching.rest()?;
    }
    matching.outcome.dropped_lots = matching.left.lots;
    Ok(matching.outcome)
}

struct Matching<'a, M> {
    own: &'a mut BookSide,
    opposite: &'a mut BookSide,
    queue: &'a mut FillQueue,
    makers: &'a mut M,
    taker: &'a TakerOrder,
    now: i64,
    left: Left,
    /// Where a remainder rests: the limit, or behind the opposite side after a slide.
    price: u64,
    outcome: MatchOutcome,
}

impl<M: Makers> Matching<'_, M> {
    /// Whether [`Self::walk`] would leave no lots, found without changing anything.
    #[inline(never)]
    fn can_fill_whole(&self) -> Result<bool, M::Error> {
        let mut left = self.left;
        let mut room = match self.taker.in_place_only {
            true => 0,
            false => self.queue.room(),
        };
        for maker in self.opposite.iter() {
            match self.taker.next_step(maker, &left, self.now) {
                Step::Stop(stop) => return Ok(stop == Stop::Exhausted),
                // The quote budget cuts this trade short, so it is the last.
                Step::Fill(lots) if lots < left.lots.min(maker.lots) => return Ok(false),
                Step::Fill(lots) => left.spend(lots, quote_lots(lots, maker.price)?)?,
                Step::Sweep => continue,
                Step::Remove => {}
                Step::Abort => return Err(MatchError::SelfTrade.into()),
                Step::Decrement(_) | Step::Blocked => return Ok(false),
            }
            left.count_step();
            if !self.makers.at_hand(&maker.owner) {
                let Some(less) = room.checked_sub(1) else {
                    return Ok(false);
                };
                room = less;
            }
        }
        Ok(left.lots == 0)
    }

    /// Trades with the best opposite orders until something ends it.
    fn walk(&mut self) -> Result<Stop, M::Error> {
        while self.left.lots != 0 {
            let Some(&maker) = self.opposite.best() else {
                return Ok(Stop::Price);
            };
            let recorded = match self.taker.next_step(&maker, &self.left, self.now) {
                Step::Stop(stop) => return Ok(stop),
                Step::Blocked => {
                    self.price = self.behind(maker.price)?;
                    return Ok(Stop::Price);
                }
                Step::Sweep => {
                    self.opposite.drop_best();
                    continue;
                }
                Step::Fill(lots) => self.fill(&maker, lots)?,
                Step::Remove => self.remove(&maker, maker.lots)?,
                Step::Decrement(lots) => self.decrement(&maker, lots)?,
                Step::Abort => return Err(MatchError::SelfTrade.into()),
            };
            if !recorded {
                return Ok(Stop::QueueFull);
            }
            self.left.count_step();
        }
        Ok(Stop::Exhausted)
    }

    /// Where a post-only order that would trade with one at `price` rests instead.
    fn behind(&self, price: u64) -> Result<u64, MatchError> {
        let behind = match self.taker.side {
            Side::Bid => price.checked_sub(1).filter(|&price| price != 0),
            Side::Ask => price.checked_add(1),
        };
        behind
            .filter(|_| self.taker.kind == OrderKind::PostOnlySlide)
            .ok_or(MatchError::WouldCross)
    }

    /// Trades `lots` with the best opposite order; false when that cannot be recorded.
    fn fill(&mut self, maker: &BookOrder, lots: i64) -> Result<bool, M::Error> {
        let fill = self.price_fill(maker, lots)?;
        match self.makers.settle_fill(maker, &fill)? {
            Settled::InPlace => {}
            Settled::NotAtHand(terms) => {
                let queued = QueuedFill::fill(maker, &fill, terms, self.now);
                if self.taker.in_place_only || !self.queue.push(queued) {
                    return Ok(false);
                }
            }
        }
        self.book_fill(&fill)?;
        Ok(true)
    }

    #[inline]
    fn price_fill(&self, maker: &BookOrder, lots: i64) -> Result<Fill, MatchError> {
        Ok(Fill {
            maker_side: self.taker.side.opposite(),
            price: maker.price,
            lots,
            quote_lots: quote_lots(lots, maker.price)?,
            order_done: self.ends(maker, lots),
        })
    }

    /// Whether an order leaves the book when it loses `lots`: nothing is left of it, or dust.
    #[inline]
    fn ends(&self, maker: &BookOrder, lots: i64) -> bool {
        let rest = maker.lots.saturating_sub(lots);
        rest <= 0 || self.taker.is_dust(rest, maker.price)
    }

    /// Enters a trade that the maker has on record.
    #[inline]
    fn book_fill(&mut self, fill: &Fill) -> Result<(), MatchError> {
        let sums = &mut self.outcome;
        sums.filled_lots = sums
            .filled_lots
            .checked_add(fill.lots)
            .ok_or(MatchError::Overflow)?;
        sums.filled_quote_lots = sums
            .filled_quote_lots
            .checked_add(fill.quote_lots)
            .ok_or(MatchError::Overflow)?;
        sums.fills = sums.fills.saturating_add(1);
        self.left.spend(fill.lots, fill.quote_lots)?;
        if fill.order_done {
            self.opposite.drop_best();
        } else {
            self.opposite.reduce_best(fill.lots);
        }
        Ok(())
    }

    /// Takes `lots` of the best opposite order, which is of the taker's account, out of the book; false when that cannot be
    /// recorded.
    #[inline(never)]
    fn remove(&mut self, maker: &BookOrder, lots: i64) -> Result<bool, M::Error> {
        let order_done = self.ends(maker, lots);
        let out = MakerOut {
            side: self.taker.side.opposite(),
            lots: if order_done { maker.lots } else { lots },
            order_done,
            reason: OutReason::SelfTrade,
        };
        let recorded = self.record_out(maker, &out)?;
        if recorded {
            self.opposite.reduce_best(out.lots);
        }
        Ok(recorded)
    }

    /// Lets both orders lose `lots`, as they are of one account; false when that cannot be recorded.
    fn decrement(&mut self, maker: &BookOrder, lots: i64) -> Result<bool, M::Error> {
        let recorded = self.remove(maker, lots)?;
        if recorded {
            self.left.spend(lots, 0)?;
            let sum = self.outcome.decremented_lots.checked_add(lots);
            self.outcome.decremented_lots = sum.ok_or(MatchError::Overflow)?;
        }
        Ok(recorded)
    }

    /// Rests what is left, if the budget and the side have room for it.
    #[inline(never)]
    fn rest(&mut self) -> Result<(), M::Error> {
        let lots = self.left.lots.min(self.left.affordable(self.price));
        if lots == 0 {
            self.outcome.stop = Stop::QuoteBudget;
            return Ok(());
        }
        let order = self.taker.resting(lots, self.price);
        order.quote_lots()?;
        // Of a reduce-only order all that is left to reduce may rest, whatever it is; not what a budget leaves of it.
        let is_whole = self.taker.reduce_only && lots == self.left.lots;
        if !is_whole && self.taker.is_dust(lots, self.price) {
            self.outcome.stop = Stop::Dust;
            return Ok(());
        }
        match self.make_room(&order) {
            Ok(true) => {}
            Ok(false) if self.outcome.fills > 0 => {
                self.outcome.stop = Stop::BookFull;
                return Ok(());
            }
            Ok(false) => return Err(MatchError::BookFull.into()),
            Err(error) => return Err(error),
        }
        self.own.insert(self.taker.side, order)?;
        self.left.lots = self.left.lots.saturating_sub(lots);
        self.outcome.resting_lots = lots;
        self.outcome.resting_price = self.price;
        Ok(())
    }

    /// Tells the owner of `order` at once or through the queue; false when neither is possible.
    fn record_out(&mut self, order: &BookOrder, out: &MakerOut) -> Result<bool, M::Error> {
        if self.makers.release(order, out)? {
            return Ok(true);
        }
        let queued = QueuedFill::out(order, out, self.now);
        Ok(!self.taker.in_place_only && self.queue.push(queued))
    }

    /// Whether `order` has a place on its side, once expired orders are swept out of a full one, or else the owner of an order
    /// that gives way for it is told.
    fn make_room(&mut self, order: &BookOrder) -> Result<bool, M::Error> {
        let side = self.taker.side;
        if !self.own.is_full() || self.own.sweep(self.now, false, usize::MAX) > 0 {
            return Ok(true);
        }
        let Ok(&evicted) = self.own.displaced_by(side, order) else {
            return Ok(false);
        };
        let out = MakerOut {
            side,
            lots: evicted.lots,
            order_done: true,
            reason: OutReason::Evicted,
        };
        let recorded = self.record_out(&evicted, &out)?;
        if recorded {
            self.own.remove(side, evicted.price, evicted.seq)?;
            self.outcome.evicted = Some(evicted);
        }
        Ok(recorded)
    }
}
