//! A perpetual position and its resting orders in a margin account, and the transitions that trades make on them.

use crate::fixed::{to_i64, Result, RiskError, FUNDING_BITS, RATIO_BITS};
use crate::interest::LOSS_BITS;
use crate::market::MarketRisk;
use crate::profits::ProfitShare;
use crate::units::{BaseLots, PriceLots, QuoteNative};

pub use crate::balance::{Balance, Indices, ShareChange, EMPTY};

/// Side of an order or a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Side {
    /// Buys.
    Bid = 0,
    /// Sells.
    Ask = 1,
}

impl Side {
    /// The side of a stored byte.
    #[inline(always)]
    pub const fn from_byte(byte: u8) -> Self {
        if byte == 0 {
            Self::Bid
        } else {
            Self::Ask
        }
    }

    /// The other side.
    #[inline(always)]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }

    /// The side that closes a position.
    #[inline(always)]
    pub const fn closing(position: BaseLots) -> Self {
        if position.0 > 0 {
            Self::Ask
        } else {
            Self::Bid
        }
    }
}

/// The two funding indices of a market, Q40.24 native quote per base lot, and that of interest on unpaid losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FundingIndices {
    /// Of longs.
    pub long: i64,
    /// Of shorts.
    pub short: i64,
    /// Of claims where no position is left, native quote per native quote with [`LOSS_BITS`] binary places.
    pub loss: i64,
}

impl FundingIndices {
    /// The index that applies to a position.
    #[inline(always)]
    pub const fn of(self, position: BaseLots) -> i64 {
        match position.0 {
            1.. => self.long,
            0 => self.loss,
            _ => self.short,
        }
    }
}

impl MarketRisk {
    /// The market's funding indices.
    #[inline(always)]
    pub const fn funding(&self) -> FundingIndices {
        FundingIndices {
            long: self.funding_long,
            short: self.funding_short,
            loss: self.loss_index,
        }
    }
}

/// How a trade changed the open interest of each side, in base lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenInterestChange {
    /// Of longs.
    pub long: i64,
    /// Of shorts, counted positive.
    pub short: i64,
}

/// One resting order of an account.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct OpenOrder {
    /// Key of the order in its book; zero marks a free slot.
    pub id: u64,
    /// The owner's name for it.
    pub client_id: u64,
    /// Limit price.
    pub price: PriceLots,
    /// Lots that still rest.
    pub lots: BaseLots,
    /// Unix second from which it no longer fills; zero for never.
    pub expiry: u32,
    /// Index of its market.
    pub market: u16,
    /// A [`Side`].
    pub side: u8,
    /// Bit 0: reduce-only.
    pub flags: u8,
}

const _: () = assert!(core::mem::size_of::<OpenOrder>() == 40);

impl OpenOrder {
    /// Bit of `flags`: the order may only reduce a position.
    pub const REDUCE_ONLY: u8 = 1;

    /// True when the slot holds no order.
    #[inline(always)]
    pub const fn is_free(&self) -> bool {
        self.id == 0
    }

    /// Its side.
    #[inline(always)]
    pub const fn side(&self) -> Side {
        Side::from_byte(self.side)
    }

    /// True when it may only reduce a position.
    #[inline(always)]
    pub const fn is_reduce_only(&self) -> bool {
        self.flags & Self::REDUCE_ONLY != 0
    }

    /// Whether it no longer trades at `now` (unix seconds).
    #[inline(always)]
    pub fn is_expired(&self, now: i64) -> bool {
        self.expiry != 0 && i64::from(self.expiry) <= now
    }
}

/// One position slot: what the account holds in a market and what its resting orders there may add.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct PerpPosition {
    /// Base lots held, signed.
    pub position: BaseLots,
    /// Claim on the market in native quote: what sales brought less what purchases and fees cost, less settled profit.
    pub quote: QuoteNative,
    /// Funding index of the position's side up to which funding is in `quote`; without a position the market's index of
    /// interest on unpaid losses up to which that is.
    pub funding_entry: i64,
    /// Lots of all resting bids.
    pub bid_lots: BaseLots,
    /// Lots of all resting asks.
    pub ask_lots: BaseLots,
    /// Notional of all resting orders at their limits.
    pub open_notional: QuoteNative,
    /// No resting bid is higher; zero when there is none.
    pub best_bid: PriceLots,
    /// No resting ask is lower; the highest number when there is none.
    pub best_ask: PriceLots,
    /// Bit i is set when slot i of the account's orders rests in this market.
    pub order_mask: u64,
    /// Index of the market, or [`EMPTY`].
    pub market: u16,
    /// Unused.
    pub padding: u8,
    /// Number of resting orders that may only reduce the position.
    pub reduce_only_orders: u8,
    /// No resting order expires before this unix second; zero when none ever does.
    pub first_expiry: u32,
    /// What the lots held brought when they were sold, less what they cost when they were bought, fees aside: what they gained
    /// since is this and their value. Lots that are closed take their part along.
    pub opened: QuoteNative,
    /// Its part in the market's profits, as of its last mark.
    pub share: ProfitShare,
}

const _: () = assert!(core::mem::size_of::<PerpPosition>() == 136);

impl Default for PerpPosition {
    fn default() -> Self {
        Self::of(EMPTY)
    }
}

impl PerpPosition {
    /// An empty position in a market.
    pub const fn of(market: u16) -> Self {
        Self {
            position: BaseLots::ZERO,
            quote: QuoteNative::ZERO,
            funding_entry: 0,
            bid_lots: BaseLots::ZERO,
            ask_lots: BaseLots::ZERO,
            open_notional: QuoteNative::ZERO,
            best_bid: PriceLots::ZERO,
            best_ask: PriceLots::MAX,
            order_mask: 0,
            market,
            padding: 0,
            reduce_only_orders: 0,
            first_expiry: 0,
            opened: QuoteNative::ZERO,
            share: ProfitShare::NONE,
        }
    }

    /// True when the slot names no market.
    #[inline(always)]
    pub const fn is_free(&self) -> bool {
        self.market == EMPTY
    }

    /// True when nothing is held, owed, marked or resting, so that the slot may be freed.
    pub const fn is_closed(&self) -> bool {
        self.position.is_zero()
            && self.quote.is_zero()
            && self.order_mask == 0
            && self.share.is_none()
    }

    /// True when its value depends on the market's price.
    #[inline(always)]
    pub const fn is_exposed(&self) -> bool {
        !self.position.is_zero() || self.order_mask != 0
    }

    /// Funding that the position owes since its entry (negative: is owed), or, where none is left, interest on what it lost.
    /// Rounded up.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    #[inline]
    pub fn funding_due(&self, funding: FundingIndices) -> Result<i128> {
        if self.position.is_zero() {
            return match self.quote.0 {
                0.. => Ok(0),
                _ => self.interest_due(funding.loss),
            };
        }
        let moved = funding
            .of(self.position)
            .checked_sub(self.funding_entry)
            .ok_or(RiskError::Overflow)?;
        if moved == 0 {
            return Ok(0);
        }
        Ok(ceil_bits(
            i128::from(self.position.0).wrapping_mul(i128::from(moved)),
            FUNDING_BITS,
        ))
    }

    /// Interest that the unpaid loss of a slot without a position bears since its entry, rounded up.
    fn interest_due(&self, loss_index: i64) -> Result<i128> {
        let moved = loss_index
            .checked_sub(self.funding_entry)
            .ok_or(RiskError::Overflow)?;
        let owed = i128::from(self.quote.0.min(0)).wrapping_neg();
        Ok(ceil_bits(owed.wrapping_mul(i128::from(moved)), LOSS_BITS))
    }

    /// What the slot owes besides its claim: funding since its entry, or interest on a loss, and what it still has to give up for
    /// a shortfall.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    #[inline(always)]
    pub fn owed(&self, risk: &MarketRisk) -> Result<i128> {
        let funding = self.funding_due(risk.funding())?;
        if self.share.epoch == 0 {
            return Ok(funding);
        }
        Ok(funding.saturating_add(i128::from(risk.haircuts.due(&self.share))))
    }

    /// Moves the funding due into `quote`; returns what the account paid.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    #[inline(always)]
    pub fn settle_funding(&mut self, funding: FundingIndices) -> Result<QuoteNative> {
        let due = QuoteNative(to_i64(self.funding_due(funding)?)?);
        self.quote = self.quote.checked_sub(due)?;
        self.funding_entry = funding.of(self.position);
        Ok(due)
    }

    /// A trade of `lots` for `notional`, with `fee` paid on top (negative: received). Settles funding first. Resting
    /// orders are not touched: the maker's is reduced by [`PerpPosition::reduce_order`].
    ///
    /// # Errors
    /// [`RiskError::InvalidOrder`] when lots are not positive; [`RiskError::Overflow`].
    pub fn apply_fill(
        &mut self,
        side: Side,
        lots: BaseLots,
        notional: QuoteNative,
        fee: QuoteNative,
        funding: FundingIndices,
    ) -> Result<OpenInterestChange> {
        if lots.0 <= 0 {
            return Err(RiskError::InvalidOrder);
        }
        let mut next = *self;
        next.settle_funding(funding)?;
        let quote = next.quote.checked_sub(fee)?;
        let (signed, brought) = match side {
            Side::Bid => (lots, QuoteNative::ZERO.checked_sub(notional)?),
            Side::Ask => (BaseLots::ZERO.checked_sub(lots)?, notional),
        };
        next.position = next.position.checked_add(signed)?;
        next.quote = quote.checked_add(brought)?;
        next.opened = self.opened_after(next.position, signed, brought)?;
        next.funding_entry = funding.of(next.position);
        let change = |after: i64, before: i64| after.checked_sub(before).ok_or(RiskError::Overflow);
        let (before, after) = (self.position.0, next.position.0);
        let shorts = |position: i64| position.min(0).checked_neg().ok_or(RiskError::Overflow);
        let interest = OpenInterestChange {
            long: change(after.max(0), before.max(0))?,
            short: change(shorts(after)?, shorts(before)?)?,
        };
        *self = next;
        Ok(interest)
    }

    /// What the lots held after a trade of `signed` lots brought when they were opened.
    fn opened_after(
        &self,
        after: BaseLots,
        signed: BaseLots,
        brought: QuoteNative,
    ) -> Result<QuoteNative> {
        let (before, after) = (self.position.0, after.0);
        if before == 0 || (before > 0) == (signed.0 > 0) {
            return self.opened.checked_add(brought);
        }
        let (value, whole) = match (before > 0) == (after > 0) {
            true => (self.opened, before),
            false => (brought, signed.0),
        };
        let left = part_floor(value.0, after.unsigned_abs(), whole.unsigned_abs())?;
        Ok(QuoteNative(left))
    }

    /// Counts an order that now rests in the account's order slot `slot`.
    ///
    /// # Errors
    /// [`RiskError::OrderSlotMismatch`] when the slot is counted already or the order is of another market;
    /// [`RiskError::InvalidOrder`] on lots or price that are not positive; [`RiskError::Overflow`].
    pub fn add_order(&mut self, slot: usize, order: &OpenOrder, tick: u64) -> Result<()> {
        let bit = order_bit(slot)?;
        if self.order_mask & bit != 0 || order.market != self.market {
            return Err(RiskError::OrderSlotMismatch);
        }
        if order.lots.0 <= 0 || order.price.is_zero() {
            return Err(RiskError::InvalidOrder);
        }
        let open_notional = self
            .open_notional
            .checked_add(order.lots.notional(order.price, tick)?)?;
        match order.side() {
            Side::Bid => {
                self.bid_lots = self.bid_lots.checked_add(order.lots)?;
                self.best_bid = self.best_bid.max(order.price);
            }
            Side::Ask => {
                self.ask_lots = self.ask_lots.checked_add(order.lots)?;
                self.best_ask = self.best_ask.min(order.price);
            }
        }
        if order.is_reduce_only() {
            self.reduce_only_orders = self
                .reduce_only_orders
                .checked_add(1)
                .ok_or(RiskError::Overflow)?;
        }
        self.expect_expiry(order.expiry);
        self.open_notional = open_notional;
        self.order_mask |= bit;
        Ok(())
    }

    /// Lowers `first_expiry` to that of an order, if it has one.
    #[inline(always)]
    pub fn expect_expiry(&mut self, expiry: u32) {
        if expiry != 0 && (self.first_expiry == 0 || expiry < self.first_expiry) {
            self.first_expiry = expiry;
        }
    }

    /// Whether a resting order may have expired at `now` (unix seconds).
    #[inline(always)]
    pub fn may_have_expired(&self, now: i64) -> bool {
        self.first_expiry != 0 && i64::from(self.first_expiry) <= now
    }

    /// Lots that the resting orders of a side have in sum.
    #[inline(always)]
    pub const fn resting_lots(&self, side: Side) -> BaseLots {
        match side {
            Side::Bid => self.bid_lots,
            Side::Ask => self.ask_lots,
        }
    }

    /// Lots of the position that trades of this side would reduce.
    #[inline]
    pub fn reducible(&self, side: Side) -> BaseLots {
        let lots = match side {
            Side::Bid => self.position.0.checked_neg().unwrap_or(i64::MAX),
            Side::Ask => self.position.0,
        };
        BaseLots(lots.max(0))
    }

    /// Whether every reduce-only order only reduces whichever orders fill, and in whatever order: the orders of a side with one
    /// are no larger than what they reduce. Fills keep that, as they take the same off both.
    pub fn is_reduce_only_covered(&self, orders: &[OpenOrder]) -> bool {
        let mut rest = if self.reduce_only_orders == 0 {
            0
        } else {
            self.order_mask
        };
        while rest != 0 {
            let slot = usize::try_from(rest.trailing_zeros()).unwrap_or(usize::MAX);
            rest &= rest.wrapping_sub(1);
            let Some(order) = orders.get(slot) else {
                return false;
            };
            let side = order.side();
            if order.is_reduce_only() && self.resting_lots(side) > self.reducible(side) {
                return false;
            }
        }
        true
    }

    /// Takes `lots` off a resting order, by a fill or a cancel, and frees its slot when none rest any more. The bounds
    /// on the best prices stay until a side is empty: they only have to hold, not to be tight.
    ///
    /// # Errors
    /// [`RiskError::OrderSlotMismatch`] when the slot is not counted here; [`RiskError::InvalidOrder`] when fewer lots
    /// rest; [`RiskError::Overflow`].
    pub fn reduce_order(
        &mut self,
        slot: usize,
        order: &mut OpenOrder,
        lots: BaseLots,
        tick: u64,
    ) -> Result<()> {
        let bit = order_bit(slot)?;
        if self.order_mask & bit == 0 || order.market != self.market {
            return Err(RiskError::OrderSlotMismatch);
        }
        if lots.0 <= 0 || lots > order.lots {
            return Err(RiskError::InvalidOrder);
        }
        self.open_notional = self
            .open_notional
            .checked_sub(lots.notional(order.price, tick)?)?;
        match order.side() {
            Side::Bid => {
                self.bid_lots = self.bid_lots.checked_sub(lots)?;
                if self.bid_lots.is_zero() {
                    self.best_bid = PriceLots::ZERO;
                }
            }
            Side::Ask => {
                self.ask_lots = self.ask_lots.checked_sub(lots)?;
                if self.ask_lots.is_zero() {
                    self.best_ask = PriceLots::MAX;
                }
            }
        }
        order.lots = order.lots.checked_sub(lots)?;
        if order.lots.is_zero() {
            self.order_mask &= !bit;
            if order.is_reduce_only() {
                self.reduce_only_orders = self.reduce_only_orders.saturating_sub(1);
            }
            if self.order_mask == 0 {
                self.first_expiry = 0;
            }
            *order = OpenOrder::default();
        }
        Ok(())
    }

    /// Takes a resting order off whole: [`PerpPosition::reduce_order`] by all its lots.
    ///
    /// # Errors
    /// As [`PerpPosition::reduce_order`].
    pub fn remove_order(&mut self, slot: usize, order: &mut OpenOrder, tick: u64) -> Result<()> {
        self.reduce_order(slot, order, order.lots, tick)
    }
}

/// A trading fee on a notional, rounded up against whoever pays it; a negative rate is a rebate, rounded down.
///
/// # Errors
/// [`RiskError::Overflow`].
#[inline]
pub fn trading_fee(notional: QuoteNative, rate: i32) -> Result<QuoteNative> {
    to_i64(ceil_bits(
        i128::from(notional.0).wrapping_mul(i128::from(rate)),
        RATIO_BITS,
    ))
    .map(QuoteNative)
}

/// `⌊value · of / whole⌋` of a part of at most the whole, lower by up to a 2³²th of the value. In 64 bits, but for a product.
///
/// # Errors
/// [`RiskError::DivisionByZero`] of nothing.
pub(crate) fn part_floor(value: i64, of: u64, whole: u64) -> Result<i64> {
    if of >= whole && whole > 0 {
        return Ok(value);
    }
    let places = 32u32.saturating_sub(of.leading_zeros());
    let up = |number: u64| number.wrapping_shr(places).saturating_add(1);
    // A part of what was paid is rounded up, of what was received down.
    let (of, whole) = match (places, value < 0) {
        (0, _) => (of, whole),
        (_, true) => (up(of), whole.wrapping_shr(places)),
        (_, false) => (of.wrapping_shr(places), up(whole)),
    };
    let scaled = of.wrapping_shl(32);
    let ratio = match value < 0 {
        true => scaled
            .checked_add(whole.saturating_sub(1))
            .unwrap_or(scaled),
        false => scaled,
    }
    .checked_div(whole)
    .ok_or(RiskError::DivisionByZero)?;
    let product = i128::from(value).wrapping_mul(i128::from(ratio.min(1 << 32)));
    to_i64(product.wrapping_shr(32))
}

/// `⌈value / 2^bits⌉` of a signed value well inside the range.
#[inline(always)]
fn ceil_bits(value: i128, bits: u32) -> i128 {
    value.wrapping_neg().wrapping_shr(bits).wrapping_neg()
}

fn order_bit(slot: usize) -> Result<u64> {
    let slot = u32::try_from(slot).map_err(|_| RiskError::OrderSlotMismatch)?;
    1u64.checked_shl(slot).ok_or(RiskError::OrderSlotMismatch)
}
