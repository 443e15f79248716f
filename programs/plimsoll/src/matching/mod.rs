//! The matching engine: price-time priority over two sorted arrays, pure `core` code.
//!
//! It knows orders, lots and prices; margin accounts, fees and funding stay behind the [`Makers`] trait.
//! Prices are in price lots, sizes in base lots and their products in *quote lots* (lots × price lots;
//! times the market's tick this is native quote).
//!
//! - [`book`](BookSide): the resting orders of both sides, best order last, so that a fill pops for free;
//! - [`fill_queue`](FillQueue): what happened to makers whose margin account was not in the transaction;
//! - [`taker`](TakerOrder): an incoming order and the rule for what it does to the next resting order;
//! - [`makers`](Makers): what the engine asks of the program, the owner of the margin accounts;
//! - [`engine`](match_order): walks the book, settles, queues, rests the remainder;
//! - [`depth`](Orders::impact): prices read from the book, for the mark price and for funding;
//! - [`error`](MatchError): every refusal.
//!
//! # What always holds
//! - A better price trades first; within a price, the lower sequence number.
//! - No order rests at a price that crosses the other side, not even a side of expired orders.
//! - Taker lots = filled + lost to self-trade + resting + dropped; maker lots = filled + out + resting, until it expires.
//! - Nothing rests with less than the least worth, an owner's reduce-only remainder of a position aside.
//! - Trades and evictions of a resting order reach its owner's margin account: at once when the account is at
//!   hand, otherwise through the queue, in order. When neither can take it, matching stops there.
//! - An expired order costs no step and no room in the queue: it vanishes from the book, and its owner's account knows
//!   by the clock and the book that it is gone.
//!
//! # What the caller must do
//! - Settle the queued entries of **every margin account at hand** before it matches or cancels
//!   ([`FillQueue::drain_for`]), so that an account sees the events of one order in the order they happened.
//! - Hand out sequence numbers from a counter that only grows, refuse orders below the market's minimum size,
//!   and check that `lots × price × tick` of what rests fits its own arithmetic.
//! - Abort the transaction on an error: an error found half-way leaves book, queue and accounts half-way.

mod book;
mod depth;
mod engine;
mod error;
mod fill_queue;
mod makers;
mod taker;

#[cfg(test)]
mod tests;

pub use book::{BookOrder, BookSide, Orders, Side, BOOK_SIDE_CAPACITY};
pub use depth::Rested;
pub use engine::{match_order, MatchOutcome};
pub use error::MatchError;
pub use fill_queue::{FillQueue, OutReason, QueuedFill, FILL_QUEUE_CAPACITY};
pub use makers::{Fill, MakerOut, Makers, QueueTerms, Settled};
pub use taker::{OrderKind, SelfTrade, Stop, TakerOrder};
