//! Orders between the book and the margin accounts: what the instructions that touch orders have in common.
//!
//! A resting order stands in two places: in its market's book, and in an order slot of its owner's margin account,
//! where health counts it. The slot holds the book's lots plus whatever waits for it in the fill queue, so entries may
//! be settled and lots removed in any order, and the slot is free when both are gone. An expired order may be gone from
//! the book without a word: its slot is free as soon as nothing of its account waits, and anybody may free it.
//!
//! - [`terms`]: an order as a client states it;
//! - [`PriceBand`]: the prices around the oracle that an order may have;
//! - [`place`]: the whole of placing an order, accounts and clock given;
//! - [`Resting`]: a resting order in its owner's account;
//! - [`AtHand`]: the margin accounts in a transaction, as the matching engine asks for them;
//! - [`settle_waiting`]: queued fills and removals reach their account;
//! - [`cancel_all_in_book`], [`cancel_in_book`]: an account's orders leave a book;
//! - [`reclaim`], [`trim_reduce_only`]: orders that are over give their slots back;
//! - [`report`]: what orders tell indexers.
mod at_hand;
mod band;
mod cancel;
mod place;
mod queued;
mod reclaim;
pub mod report;
mod resting;
pub mod terms;

#[cfg(test)]
mod tests;

pub use at_hand::{load_makers, native_quote, AtHand, Maker};
pub use band::PriceBand;
pub use cancel::{cancel_all_in_book, cancel_in_book, cancel_slot, Cancelled};
pub use place::{incoming, place, reclaim_expired};
pub use queued::{settle_entry, settle_waiting};
pub use reclaim::{
    min_quote_lots, reclaim, require_reduce_only_covered, trim_reduce_only, Over, Trading,
};
pub use resting::Resting;

use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    state::{Book, FillQueueAccount},
};

/// Refuses an account that still has to be extended to its full size.
fn require_extended(info: &AccountInfo, space: usize) -> Result<()> {
    require!(info.data_len() == space, PlimsollError::AccountNotExtended);
    Ok(())
}

/// Refuses a book that still has to be extended.
pub fn require_whole_book(book: &AccountLoader<Book>) -> Result<()> {
    require_extended(book.as_ref(), Book::SPACE)
}

/// Refuses a fill queue that still has to be extended.
pub fn require_whole_queue(queue: &AccountLoader<FillQueueAccount>) -> Result<()> {
    require_extended(queue.as_ref(), FillQueueAccount::SPACE)
}
