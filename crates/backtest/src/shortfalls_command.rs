//! The `shortfalls` command: three rules for losses that nobody can pay, on the same crashes.

use anyhow::{ensure, Result};
use clap::Args;
use plimsoll_backtest::shortfalls::{compare, report};

use crate::command::bar;

/// Compare three rules for losses that nobody can pay.
///
/// Every seed gives a crash of 20 to 60 percent within one to sixty minutes, traders with leverages of 2 to 20 and
/// heavy-tailed sizes, insurance of up to 2 percent of the open interest, and winners of whom a third closes and withdraws
/// while the price falls. The same histories run under each rule. Histories in which every loser can pay are left out.
/// Prints a table in markdown on standard output.
#[derive(Args, Debug)]
pub struct Shortfalls {
    /// The first seed; the others follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many histories.
    #[arg(long, default_value_t = 200)]
    histories: u64,
    /// Traders on each side.
    #[arg(long, default_value_t = 100)]
    traders: usize,
}

/// Runs the command.
pub fn shortfalls(arguments: &Shortfalls) -> Result<()> {
    ensure!(
        (1..=100_000).contains(&arguments.histories),
        "the histories must be 1 to 100000"
    );
    ensure!(
        (10..=10_000).contains(&arguments.traders),
        "the traders must be 10 to 10000"
    );
    let running = bar("running", arguments.histories as usize);
    let mut found = Vec::new();
    for at in 0..arguments.histories {
        found.push(compare(arguments.seed.wrapping_add(at), arguments.traders)?);
        running.inc(1);
    }
    running.finish_and_clear();
    print!("{}", report(&found));
    Ok(())
}
