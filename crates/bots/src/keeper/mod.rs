//! The keeper: refreshes the risk state before it is stale, brings queued fills to their accounts, turns profits and
//! losses into balances, marks profits so that they share a market's pool and its shortfall, clears books of expired orders, and
//! winds down what has a final price. All of it is open to anyone and needs no authority.
//!
//! It keeps no state that matters: what is to be done is read from the chain in every turn, so that it can be killed at
//! any moment, started again, and run twice. Each duty is a loop of its own, and none waits for another.
mod config;
mod duties;
mod metrics;
mod plan;
mod pnl;
mod profits;
mod queues;
mod refresh;
pub mod winding_down;

use anyhow::Result;

use crate::{
    config::{seconds, Section},
    context::Context,
    shutdown::Shutdown,
    supervise::every,
};
pub use config::KeeperConfig;
use duties::Keeper;

/// Runs the keeper until the end is asked for.
///
/// # Errors
/// When it cannot start: options that make no sense, or no keypair to pay with.
pub async fn run(config: KeeperConfig, context: Context, shutdown: Shutdown) -> Result<()> {
    config.check()?;
    context.require_sender()?;
    let keeper = Keeper::new(config, context)?;
    let config = &keeper.config;
    tokio::join!(
        duty(
            config.refresh,
            "refresh",
            config.refresh_every,
            &keeper,
            &shutdown,
            || keeper.refresh()
        ),
        duty(
            config.settle_fills,
            "settle_fills",
            config.settle_fills_every,
            &keeper,
            &shutdown,
            || { keeper.settle_fills() }
        ),
        duty(
            config.settle_pnl,
            "settle_pnl",
            config.settle_pnl_every,
            &keeper,
            &shutdown,
            || { keeper.settle_pnl() }
        ),
        duty(
            config.share_shortfalls,
            "share_shortfalls",
            config.share_shortfalls_every,
            &keeper,
            &shutdown,
            || keeper.share_shortfalls()
        ),
        duty(
            config.prune,
            "prune",
            config.prune_every,
            &keeper,
            &shutdown,
            || keeper.prune()
        ),
        duty(
            config.wind_down,
            "wind_down",
            config.wind_down_every,
            &keeper,
            &shutdown,
            || keeper.wind_down()
        ),
    );
    Ok(())
}

/// One duty's loop, unless it is switched off.
async fn duty<F, Fut>(
    wanted: bool,
    name: &'static str,
    period: f64,
    keeper: &Keeper,
    shutdown: &Shutdown,
    turn: F,
) where
    F: FnMut() -> Fut,
    Fut: std::future::Future<Output = Result<()>>,
{
    if wanted {
        every(name, seconds(period), &keeper.context, shutdown, turn).await;
    }
}
