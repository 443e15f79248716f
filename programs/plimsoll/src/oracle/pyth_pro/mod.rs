//! Pyth Pro: prices of many feeds at one moment, in a message that Pyth signs and the transaction carries.
//!
//! The transaction has an instruction of the ed25519 program with key, signature and message in its own data; a wrong
//! signature fails the transaction. What is left to do here is to find that message ([`instruction`]), to see that Pyth
//! trusts the key ([`signers`]), and to read the message in place ([`payload`]). Any number of a transaction's
//! instructions may read the same message.
//!
//! Anyone may ask Pyth for a message of any past moment, with any selection of feeds and of their properties. So a
//! message is bound to the clock here in one direction and by the caller in the other, and a price is only taken
//! together with every property that judges it ([`FeedUpdate::price`]).
pub mod instruction;
pub mod payload;
pub mod signers;

use anchor_lang::prelude::*;

use crate::error::PlimsollError;
pub use instruction::InstructionsSysvar;
pub use payload::{FeedUpdate, Message, ProPrice};

/// How far ahead of the chain's clock a message may be dated, seconds: the clock is drawn from the validators' votes and
/// may lag behind.
pub const MAX_LEAD_SECS: i64 = 5;

const MICROS_PER_SEC: i64 = 1_000_000;

/// The message in the transaction's instruction at `index`, signed by a signer that Pyth trusts at `now`.
///
/// `storage` is Pyth's account of trusted signers, `now` the chain's clock in Unix seconds. A message dated more than
/// [`MAX_LEAD_SECS`] ahead of it is refused; how old it may be is for the caller to say.
#[inline(never)]
pub fn verify<'a>(
    instructions: &'a InstructionsSysvar,
    storage: &AccountInfo,
    index: u16,
    now: i64,
) -> Result<Message<'a>> {
    let signed = instruction::signed_message(instructions.data(), index)?;
    signers::require_trusted(storage, signed.signer, now)?;
    let message = Message::read(signed.message)?;
    require!(
        message.timestamp_us <= latest_timestamp_us(now),
        PlimsollError::MessageFromTheFuture
    );
    Ok(message)
}

/// The latest moment that a message may be dated at, Unix time in microseconds.
fn latest_timestamp_us(now: i64) -> u64 {
    let latest = now
        .saturating_add(MAX_LEAD_SECS)
        .saturating_mul(MICROS_PER_SEC);
    u64::try_from(latest).unwrap_or(0)
}

#[cfg(test)]
mod tests;
