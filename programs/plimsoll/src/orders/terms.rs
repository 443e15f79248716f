//! An order as a client states it.
use anchor_lang::prelude::*;
use plimsoll_risk::Side as AccountSide;

use crate::matching;

/// Side of an order.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderSide {
    /// Buys.
    Bid,
    /// Sells.
    Ask,
}

impl From<OrderSide> for matching::Side {
    fn from(side: OrderSide) -> Self {
        match side {
            OrderSide::Bid => Self::Bid,
            OrderSide::Ask => Self::Ask,
        }
    }
}

impl From<OrderSide> for AccountSide {
    fn from(side: OrderSide) -> Self {
        match side {
            OrderSide::Bid => Self::Bid,
            OrderSide::Ask => Self::Ask,
        }
    }
}

/// What an order may do.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderType {
    /// Trades what it can, the remainder rests.
    Limit,
    /// Rests; refused when it would trade.
    PostOnly,
    /// Rests; when it would trade, one price lot behind the best opposite order instead.
    PostOnlySlide,
    /// Trades what it can, the remainder is dropped.
    ImmediateOrCancel,
    /// Trades whole or is refused.
    FillOrKill,
    /// Immediate-or-cancel whose price is the worst acceptable one, cut to the band around the oracle instead of being
    /// refused for lying outside it: the highest number buys, and zero sells, at whatever the band allows.
    Market,
}

impl OrderType {
    /// Whether a remainder rests in the book.
    pub const fn rests(self) -> bool {
        matches!(self, Self::Limit | Self::PostOnly | Self::PostOnlySlide)
    }
}

impl From<OrderType> for matching::OrderKind {
    fn from(kind: OrderType) -> Self {
        match kind {
            OrderType::Limit => Self::Limit,
            OrderType::PostOnly => Self::PostOnly,
            OrderType::PostOnlySlide => Self::PostOnlySlide,
            OrderType::ImmediateOrCancel | OrderType::Market => Self::ImmediateOrCancel,
            OrderType::FillOrKill => Self::FillOrKill,
        }
    }
}

/// What happens when an order meets one of its own margin account. They never trade.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTradeBehavior {
    /// Both lose the lots they would have traded.
    DecrementAndCancel,
    /// The resting order is cancelled.
    CancelProvide,
    /// The transaction is refused.
    AbortTransaction,
}

impl From<SelfTradeBehavior> for matching::SelfTrade {
    fn from(behavior: SelfTradeBehavior) -> Self {
        match behavior {
            SelfTradeBehavior::DecrementAndCancel => Self::DecrementAndCancel,
            SelfTradeBehavior::CancelProvide => Self::CancelProvide,
            SelfTradeBehavior::AbortTransaction => Self::AbortTransaction,
        }
    }
}

/// A new order.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderTerms {
    pub side: OrderSide,
    /// Worst acceptable price in price lots.
    pub price: u64,
    /// Base lots, positive, worth at least the market's minimum. A reduce-only order is cut to the position, and may close a
    /// position that is worth less than the minimum.
    pub lots: i64,
    pub kind: OrderType,
    /// Most native quote, before fees, that is traded and rests in sum.
    pub max_quote: Option<u64>,
    /// May only shrink the position. While it rests it is charged margin like any other order. The account's resting orders of
    /// the side that closes its position are no more than the position while one of them is reduce-only: placing an order, or a
    /// trade of one, takes what is too much off the reduce-only order with the worst price.
    pub reduce_only: bool,
    /// Unix second from which it no longer trades; 0 for never.
    pub expiry: u32,
    /// The owner's name for the order.
    pub client_id: u64,
    pub self_trade: SelfTradeBehavior,
    /// Most resting orders to trade with, up to 64, which bounds the compute units. Expired ones do not count.
    pub max_fills: u8,
}

/// How an order is named.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderRef {
    /// By the id that `place_order` returned.
    Id(u64),
    /// By the owner's name for it; of several with that name, the one in the lowest order slot.
    ClientId(u64),
}
