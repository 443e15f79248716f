//! The resting orders of a market: one sorted array per side, best order last.

use bytemuck::{Pod, Zeroable};

use super::MatchError;

/// Most orders that one side of a book holds.
pub const BOOK_SIDE_CAPACITY: usize = 1024;

/// Which side of the book an order is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Side {
    /// Buys base.
    Bid = 0,
    /// Sells base.
    Ask = 1,
}

impl Side {
    /// The side that an order of this side trades against.
    #[inline]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }

    /// Whether an order of this side with this limit accepts to trade at `price`.
    #[inline]
    pub const fn accepts(self, limit: u64, price: u64) -> bool {
        match self {
            Self::Bid => price <= limit,
            Self::Ask => price >= limit,
        }
    }

    /// How good a price is for the other side, as a number that grows: the price of a bid, its complement for
    /// an ask.
    #[inline]
    const fn rank(self, price: u64) -> u64 {
        match self {
            Self::Bid => price,
            Self::Ask => !price,
        }
    }
}

impl TryFrom<u8> for Side {
    type Error = u8;

    fn try_from(byte: u8) -> Result<Self, u8> {
        match byte {
            0 => Ok(Self::Bid),
            1 => Ok(Self::Ask),
            other => Err(other),
        }
    }
}

/// A resting order.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct BookOrder {
    /// Limit price in price lots.
    pub price: u64,
    /// Order id and time priority (the lower, the older), unique in the market, never 0.
    pub seq: u64,
    /// Base lots still open, positive.
    pub lots: i64,
    /// Address of the margin account that placed it.
    pub owner: [u8; 32],
    /// Unix second from which it no longer trades; 0 for never.
    pub expiry: u32,
    /// Index of its order slot in the margin account.
    pub owner_slot: u8,
    /// See [`BookOrder::REDUCE_ONLY`].
    pub flags: u8,
    pub _padding: [u8; 2],
}

const _: () = assert!(size_of::<BookOrder>() == 64 && align_of::<BookOrder>() == 8);

impl BookOrder {
    /// Flag: the order may only shrink its owner's position.
    pub const REDUCE_ONLY: u8 = 1;

    /// Whether the order no longer trades at `now` (unix seconds).
    #[inline]
    pub fn is_expired(&self, now: i64) -> bool {
        self.expiry != 0 && i64::from(self.expiry) <= now
    }

    /// Whether the order may only shrink its owner's position.
    #[inline]
    pub fn is_reduce_only(&self) -> bool {
        self.flags & Self::REDUCE_ONLY != 0
    }

    /// `lots × price`, or [`MatchError::Overflow`] beyond an `i64`.
    #[inline]
    pub fn quote_lots(&self) -> Result<i64, MatchError> {
        quote_lots(self.lots, self.price)
    }
}

/// `lots × price`, or [`MatchError::Overflow`] beyond an `i64`.
#[inline]
pub(super) fn quote_lots(lots: i64, price: u64) -> Result<i64, MatchError> {
    i64::try_from(price)
        .ok()
        .and_then(|price| lots.checked_mul(price))
        .ok_or(MatchError::Overflow)
}

/// The earlier of two expiries, of which 0 is never.
#[inline]
const fn earlier(one: u32, other: u32) -> u32 {
    if other != 0 && (one == 0 || other < one) {
        other
    } else {
        one
    }
}

/// Time and price priority of an order on its side: the greater trades first.
#[inline]
const fn priority(side: Side, price: u64, seq: u64) -> (u64, u64) {
    (side.rank(price), !seq)
}

/// The resting orders of one side, sorted by ascending priority.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct BookSide {
    len: u32,
    /// No order of the side expires before this unix second; 0 when none ever does.
    first_expiry: u32,
    orders: [BookOrder; BOOK_SIDE_CAPACITY],
}

impl BookSide {
    /// Number of resting orders.
    #[inline]
    pub fn len(&self) -> usize {
        usize::try_from(self.len)
            .unwrap_or(BOOK_SIDE_CAPACITY)
            .min(BOOK_SIDE_CAPACITY)
    }

    /// Whether no order rests here.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The orders, worst first.
    #[inline]
    pub fn as_slice(&self) -> &[BookOrder] {
        self.orders.get(..self.len()).unwrap_or_default()
    }

    /// The orders, best first, expired ones included.
    pub fn iter(&self) -> impl Iterator<Item = &BookOrder> {
        self.as_slice().iter().rev()
    }

    /// The order that trades first, expired or not.
    #[inline]
    pub fn best(&self) -> Option<&BookOrder> {
        self.as_slice().last()
    }

    /// Whether every place is taken.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.len() >= BOOK_SIDE_CAPACITY
    }

    /// The order that has to go for `order` to rest on this full side: the worst of those that have less priority and are
    /// worth no more at their limits, so that dust displaces nothing but dust.
    ///
    /// # Errors
    /// [`MatchError::BookFull`] when all may stay.
    #[inline(never)]
    pub(super) fn displaced_by(
        &self,
        side: Side,
        order: &BookOrder,
    ) -> Result<&BookOrder, MatchError> {
        let most = order.quote_lots()?;
        let rank = priority(side, order.price, order.seq);
        self.as_slice()
            .iter()
            .take_while(|other| priority(side, other.price, other.seq) < rank)
            .find(|other| other.quote_lots().is_ok_and(|worth| worth <= most))
            .ok_or(MatchError::BookFull)
    }

    /// Puts `order` in its place, of which there has to be one.
    pub(super) fn insert(&mut self, side: Side, order: BookOrder) -> Result<(), MatchError> {
        let len = self.len();
        let Err(place) = self.locate(side, order.price, order.seq) else {
            return Err(MatchError::DuplicateOrder);
        };
        if len >= BOOK_SIDE_CAPACITY {
            return Err(MatchError::BookFull);
        }
        self.orders.copy_within(place..len, place.saturating_add(1));
        self.len = self.len.saturating_add(1);
        *self.orders.get_mut(place).ok_or(MatchError::BookFull)? = order;
        self.first_expiry = earlier(self.first_expiry, order.expiry);
        Ok(())
    }

    /// Takes up to `max` orders that have expired at `now` out of the book, or as many of `all`; returns how many. Nobody has to
    /// be told: an order past its expiry that is not in its book is gone.
    #[inline(never)]
    pub(crate) fn sweep(&mut self, now: i64, all: bool, max: usize) -> usize {
        if !all && (self.first_expiry == 0 || i64::from(self.first_expiry) > now) {
            return 0;
        }
        let (mut kept, mut swept, mut first_expiry) = (0usize, 0usize, 0u32);
        for at in 0..self.len() {
            let Some(order) = self.orders.get(at) else {
                break;
            };
            if swept < max && (all || order.is_expired(now)) {
                swept = swept.saturating_add(1);
                continue;
            }
            first_expiry = earlier(first_expiry, order.expiry);
            if kept != at {
                self.orders.copy_within(at..=at, kept);
            }
            kept = kept.saturating_add(1);
        }
        self.len = u32::try_from(kept).unwrap_or_default();
        self.first_expiry = first_expiry;
        swept
    }

    /// Takes the best order out of the book.
    #[inline]
    pub(super) fn drop_best(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    /// Takes `lots` off the best order, which leaves the book when none are left.
    pub(super) fn reduce_best(&mut self, lots: i64) {
        let last = self.len().saturating_sub(1);
        if let Some(best) = self.orders.get_mut(last) {
            best.lots = best.lots.saturating_sub(lots);
            if best.lots <= 0 {
                self.len = self.len.saturating_sub(1);
            }
        }
    }

    /// Takes `lots` off an order, which keeps its place.
    fn reduce(
        &mut self,
        side: Side,
        (price, seq): (u64, u64),
        lots: i64,
    ) -> Result<(), MatchError> {
        let place = self
            .locate(side, price, seq)
            .map_err(|_| MatchError::OrderNotFound)?;
        let order = self
            .orders
            .get_mut(place)
            .filter(|order| lots > 0 && order.lots > lots)
            .ok_or(MatchError::InvalidLots)?;
        order.lots = order.lots.saturating_sub(lots);
        Ok(())
    }

    pub(super) fn remove(
        &mut self,
        side: Side,
        price: u64,
        seq: u64,
    ) -> Result<BookOrder, MatchError> {
        let place = self
            .locate(side, price, seq)
            .map_err(|_| MatchError::OrderNotFound)?;
        let order = *self.orders.get(place).ok_or(MatchError::OrderNotFound)?;
        let len = self.len();
        self.orders.copy_within(place.saturating_add(1)..len, place);
        self.len = self.len.saturating_sub(1);
        Ok(order)
    }

    /// Index of the order, or the index at which it would have to be.
    fn locate(&self, side: Side, price: u64, seq: u64) -> Result<usize, usize> {
        let target = priority(side, price, seq);
        self.as_slice()
            .binary_search_by(|order| priority(side, order.price, order.seq).cmp(&target))
    }
}

/// Both sides of a market's book. Zeroed bytes are an empty book.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct Orders {
    bids: BookSide,
    asks: BookSide,
}

const _: () =
    assert!(size_of::<Orders>() == 2 * (8 + 64 * BOOK_SIDE_CAPACITY) && align_of::<Orders>() == 8);

impl Orders {
    /// The resting orders of one side.
    #[inline]
    pub fn side(&self, side: Side) -> &BookSide {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    /// The side of `side` and the one opposite.
    pub(super) fn own_and_opposite(&mut self, side: Side) -> (&mut BookSide, &mut BookSide) {
        match side {
            Side::Bid => (&mut self.bids, &mut self.asks),
            Side::Ask => (&mut self.asks, &mut self.bids),
        }
    }

    /// The order with this price and sequence number, if it rests on `side`.
    pub fn find(&self, side: Side, price: u64, seq: u64) -> Option<&BookOrder> {
        let book = self.side(side);
        book.locate(side, price, seq)
            .ok()
            .and_then(|place| book.as_slice().get(place))
    }

    /// Removes the order with this price and sequence number and returns it with the lots it had left. The
    /// caller checks who may do so, and tells the owner's margin account.
    ///
    /// # Errors
    /// [`MatchError::OrderNotFound`] when no such order rests on `side`.
    #[inline(never)]
    pub fn cancel(&mut self, side: Side, price: u64, seq: u64) -> Result<BookOrder, MatchError> {
        self.own_and_opposite(side).0.remove(side, price, seq)
    }

    /// Takes `lots`, fewer than it has, off the order with this price and sequence number, which keeps its place.
    ///
    /// # Errors
    /// [`MatchError::OrderNotFound`]; [`MatchError::InvalidLots`] when it has no more than these lots.
    #[inline(never)]
    pub fn reduce(
        &mut self,
        side: Side,
        price: u64,
        seq: u64,
        lots: i64,
    ) -> Result<(), MatchError> {
        let own = self.own_and_opposite(side).0;
        own.reduce(side, (price, seq), lots)
    }

    /// Takes up to `max` expired orders out of the book, bids first, or as many of `all`; returns how many.
    pub fn sweep(&mut self, now: i64, all: bool, max: usize) -> usize {
        let bids = self.bids.sweep(now, all, max);
        let asks = self.asks.sweep(now, all, max.saturating_sub(bids));
        bids.saturating_add(asks)
    }
}
