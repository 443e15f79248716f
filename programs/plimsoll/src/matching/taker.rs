//! An incoming order, and the rule for what it does to the next order of the opposite side.

use super::{book::quote_lots, BookOrder, MatchError, Side};

/// What an incoming order may do. A market order is an [`OrderKind::ImmediateOrCancel`] whose limit the caller
/// derives from the oracle price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKind {
    /// Trades what it can, the remainder rests.
    Limit,
    /// Trades what it can, the remainder is dropped.
    ImmediateOrCancel,
    /// Trades whole or is refused with [`MatchError::NotFillable`].
    FillOrKill,
    /// Rests; refused with [`MatchError::WouldCross`] when it would trade.
    PostOnly,
    /// Rests; when it would trade, at one price lot behind the best opposite order instead.
    PostOnlySlide,
}

impl OrderKind {
    #[inline]
    pub(super) const fn rests(self) -> bool {
        matches!(self, Self::Limit | Self::PostOnly | Self::PostOnlySlide)
    }

    #[inline]
    const fn is_post_only(self) -> bool {
        matches!(self, Self::PostOnly | Self::PostOnlySlide)
    }
}

/// What happens when an order meets one of its own account. It never trades with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTrade {
    /// Both orders lose the lots they would have traded.
    DecrementAndCancel,
    /// The resting order is cancelled.
    CancelProvide,
    /// The incoming order is refused with [`MatchError::SelfTrade`].
    AbortTransaction,
}

/// An incoming order. `repr(C)` so that `owner` stays aligned to whole words.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TakerOrder {
    /// Address of the margin account that places it.
    pub owner: [u8; 32],
    /// Sequence number under which a remainder rests: above all earlier ones of the market.
    pub seq: u64,
    /// Worst acceptable price in price lots.
    pub price: u64,
    /// Base lots wanted, positive. For a reduce-only order the caller has cut this to the position.
    pub lots: i64,
    /// Most quote lots (lots × price lots) to trade and rest in sum, before fees; none for no budget.
    pub max_quote_lots: Option<u64>,
    /// Unix second from which a remainder no longer trades; 0 for never.
    pub expiry: u32,
    /// Most resting orders to trade with or to take out by the self-trade rule, which bounds the work. Expired ones cost none.
    pub max_steps: u16,
    /// Least quote lots that anything rests with, the taker's remainder and what a trade leaves of a resting order: less
    /// leaves the book. A reduce-only remainder that no budget cuts rests whatever it is.
    pub min_quote_lots: i64,
    /// Order slot of the margin account in which a remainder is entered.
    pub owner_slot: u8,
    /// Bids buy, asks sell.
    pub side: Side,
    /// What it may do.
    pub kind: OrderKind,
    /// What happens when it meets an order of its own account.
    pub self_trade: SelfTrade,
    /// Marks a remainder as [`BookOrder::REDUCE_ONLY`].
    pub reduce_only: bool,
    /// Nothing is left for the fill queue: matching ends as if that were full.
    pub in_place_only: bool,
}

/// Why matching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// No lots were left.
    Exhausted,
    /// No further order is within the limit price.
    Price,
    /// The quote budget does not buy another lot at the next price.
    QuoteBudget,
    /// `max_steps` orders were met.
    StepLimit,
    /// The next maker is not at hand and the fill queue is full, or nothing may be left for it.
    QueueFull,
    /// The remainder found no place on a full side.
    BookFull,
    /// The remainder is too small to rest.
    Dust,
}

/// What an incoming order still may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub lots: i64,
    pub quote_lots: Option<u64>,
    pub steps: u16,
}

impl Left {
    /// Most lots that the quote budget allows at `price`.
    #[inline]
    pub fn affordable(&self, price: u64) -> i64 {
        match self.quote_lots {
            None => i64::MAX,
            Some(budget) => {
                i64::try_from(budget.checked_div(price).unwrap_or_default()).unwrap_or(i64::MAX)
            }
        }
    }

    /// Accounts for a trade of `lots` for `quote_lots`.
    #[inline]
    pub fn spend(&mut self, lots: i64, quote_lots: i64) -> Result<(), MatchError> {
        self.lots = self.lots.checked_sub(lots).ok_or(MatchError::Overflow)?;
        if let Some(budget) = self.quote_lots {
            let left = budget
                .checked_sub(quote_lots.unsigned_abs())
                .ok_or(MatchError::Overflow)?;
            self.quote_lots = Some(left);
        }
        Ok(())
    }

    #[inline]
    pub fn count_step(&mut self) {
        self.steps = self.steps.saturating_sub(1);
    }
}

/// What an incoming order does to the best opposite order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: matching ends.
    Stop(Stop),
    /// Nothing: it would trade but is post-only.
    Blocked,
    /// Trades these lots.
    Fill(i64),
    /// Throws it out of the book, whoever it is of: it has expired.
    Sweep,
    /// Takes it out of the book whole: the orders are of one account.
    Remove,
    /// Both lose these lots: the orders are of one account.
    Decrement(i64),
    /// Aborts: the orders are of one account.
    Abort,
}

impl TakerOrder {
    /// Refuses an order that makes no sense, whatever the book.
    pub(super) fn validate(&self, now: i64) -> Result<(), MatchError> {
        if self.lots <= 0 {
            return Err(MatchError::InvalidLots);
        }
        if self.price == 0 {
            return Err(MatchError::InvalidPrice);
        }
        if self.seq == 0 {
            return Err(MatchError::InvalidSequence);
        }
        if self.resting(self.lots, self.price).is_expired(now) {
            return Err(MatchError::Expired);
        }
        Ok(())
    }

    /// What this order does to `maker`, the best opposite order. An order past its expiry never trades, nor
    /// does one of the same account.
    #[inline]
    pub(super) fn next_step(&self, maker: &BookOrder, left: &Left, now: i64) -> Step {
        if left.lots <= 0 {
            return Step::Stop(Stop::Exhausted);
        }
        if !self.side.accepts(self.price, maker.price) {
            return Step::Stop(Stop::Price);
        }
        let expired = maker.is_expired(now);
        if self.kind.is_post_only() && !expired {
            return Step::Blocked;
        }
        if expired {
            return Step::Sweep;
        }
        if left.steps == 0 {
            return Step::Stop(Stop::StepLimit);
        }
        let lots = left.lots.min(maker.lots);
        if self.owns(maker) {
            return match self.self_trade {
                SelfTrade::DecrementAndCancel => Step::Decrement(lots),
                SelfTrade::CancelProvide => Step::Remove,
                SelfTrade::AbortTransaction => Step::Abort,
            };
        }
        match lots.min(left.affordable(maker.price)) {
            0 => Step::Stop(Stop::QuoteBudget),
            lots => Step::Fill(lots),
        }
    }

    /// Whether these lots at this price are too few to rest.
    #[inline]
    pub(super) fn is_dust(&self, lots: i64, price: u64) -> bool {
        quote_lots(lots, price).is_ok_and(|worth| worth < self.min_quote_lots)
    }

    /// The order as it rests with `lots` at `price`.
    #[inline]
    pub(super) fn resting(&self, lots: i64, price: u64) -> BookOrder {
        BookOrder {
            price,
            seq: self.seq,
            lots,
            owner: self.owner,
            expiry: self.expiry,
            owner_slot: self.owner_slot,
            flags: if self.reduce_only {
                BookOrder::REDUCE_ONLY
            } else {
                0
            },
            _padding: [0; 2],
        }
    }

    #[inline]
    fn owns(&self, maker: &BookOrder) -> bool {
        bytemuck::cast::<_, [u64; 4]>(self.owner) == bytemuck::cast::<_, [u64; 4]>(maker.owner)
    }
}
