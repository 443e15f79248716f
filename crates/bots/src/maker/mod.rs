//! The market maker: quotes several levels on both sides of the oracle's price, leans against its own position, and
//! goes when it cannot trust the price.
//!
//! It is there so that a local chain and tests have a market. It follows an oracle that others can see a moment earlier,
//! knows no other venue, does not hedge and does not learn from who trades with it: on a market with informed traders it
//! loses money. Its orders expire by themselves, so that a maker that died leaves no stale quotes.
mod config;
mod quotes;
mod quoting;

use anyhow::Result;

use crate::{
    config::{seconds, Section},
    context::Context,
    shutdown::Shutdown,
    supervise::every,
};
pub use config::MakerConfig;
use quoting::Maker;

/// Quotes until the end is asked for, then takes all orders back.
///
/// # Errors
/// When it cannot start: options that make no sense, a market that is not listed, or no keypair.
pub async fn run(config: MakerConfig, context: Context, shutdown: Shutdown) -> Result<()> {
    config.check()?;
    let maker = Maker::new(config, context)?;
    let period = seconds(maker.config.every);
    every("quote", period, &maker.context, &shutdown, || maker.turn()).await;
    maker.leave().await;
    Ok(())
}
