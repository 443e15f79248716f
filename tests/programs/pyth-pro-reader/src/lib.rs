//! Reads a signed message by Plimsoll's own code and tells each price, or fails as Plimsoll's code fails.
use anchor_lang::prelude::*;
use plimsoll::oracle::pyth_pro::{self, InstructionsSysvar};

declare_id!("BarYsfzbwvz18DwRH68wAnVXZUgtDKfw5sDGKQvGz9tX");

#[program]
pub mod pyth_pro_reader {
    use super::*;

    /// The prices of the message in the transaction's instruction at `index`.
    pub fn read(ctx: Context<Read>, index: u16) -> Result<Vec<Price>> {
        let now = Clock::get()?.unix_timestamp;
        let instructions = InstructionsSysvar::open(&ctx.accounts.instructions)?;
        let message = pyth_pro::verify(&instructions, &ctx.accounts.storage, index, now)?;
        let mut prices = Vec::new();
        for feed in message.feeds() {
            let feed = feed?;
            let price = feed.price(&message)?;
            prices.push(Price {
                feed: feed.id,
                price: price.price,
                conf: price.conf,
                exponent: price.exponent,
                publishers: price.publishers,
                publish_time_ms: price.publish_time_ms,
            });
        }
        Ok(prices)
    }

    /// Reads the message and drops it: what checking costs, and each feed of it.
    pub fn check(ctx: Context<Read>, index: u16, feeds: u8) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        let instructions = InstructionsSysvar::open(&ctx.accounts.instructions)?;
        let message = pyth_pro::verify(&instructions, &ctx.accounts.storage, index, now)?;
        for feed in message.feeds().take(feeds.into()) {
            core::hint::black_box(feed?.price(&message)?);
        }
        Ok(())
    }
}

#[derive(Accounts)]
pub struct Read<'info> {
    /// CHECK: by the code under test.
    pub instructions: UncheckedAccount<'info>,
    /// CHECK: by the code under test.
    pub storage: UncheckedAccount<'info>,
}

/// A feed and its price, as the code under test reads them.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub feed: u32,
    pub price: i64,
    pub conf: u64,
    pub exponent: i16,
    pub publishers: u16,
    pub publish_time_ms: i64,
}
