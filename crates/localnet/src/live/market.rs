//! The publisher: moves prices every second, and tells them to the signer as of the chain's time.
use std::{sync::Arc, time::Duration};

use anyhow::Result;
use plimsoll_bots::shutdown::Shutdown;
use tokio::time::{Instant, MissedTickBehavior};

use super::Shared;
use crate::memory;

/// Time between two prices.
pub const EVERY: Duration = Duration::from_secs(1);
/// Publications between two cleanings of the validator.
const CLEAN_EVERY: u64 = 30;

/// Publishes until told to stop.
pub async fn run(shared: Arc<Shared>, shutdown: Shutdown) -> Result<()> {
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = shutdown.requested() => return Ok(()),
        }
        let elapsed = last.elapsed();
        last += elapsed;
        let (tick, count, silent) = {
            let mut prices = shared.prices();
            let tick = prices.step(elapsed.as_secs_f64());
            (tick, prices.ticks(), prices.silent())
        };
        // Never later than the chain's own time, which the program would not believe.
        let now = shared.chain.node().keep_time()?;
        let feeds = &shared.world.feeds;
        feeds.publish(&shared.chain, &tick, now, |i| !silent[i])?;
        if count.is_multiple_of(CLEAN_EVERY) {
            shared.chain.node().forget_old_blocks()?;
            memory::give_back();
        }
    }
}
