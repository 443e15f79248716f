//! Measures how fast a liquidator values all accounts anew after prices moved.
use std::{hint::black_box, time::Duration};

use anchor_lang::prelude::Pubkey;
use anyhow::{Context, Result};
use clap::Parser;
use plimsoll_bots::liquidator::{
    synthetic::World,
    valuation::{Census, ValuationBook},
};

/// Values an exchange of made-up accounts over and over, each time at other prices. Nine in twenty accounts hold one or
/// two things, one in twenty all that the limits allow: 16 balances, 16 positions and 64 orders.
#[derive(Parser)]
#[command(name = "plimsoll-revalue")]
struct Args {
    /// Number of margin accounts.
    #[arg(long, default_value_t = 100_000)]
    accounts: u64,
    /// Full re-valuations, of which the fastest, the median and the slowest are printed.
    #[arg(long, default_value_t = 21)]
    rounds: u32,
    /// Threads; as many as there are processors when not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Seed of the made-up exchange.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let world = World::new(args.seed);
    let mut book = ValuationBook::default();
    for number in 0..args.accounts {
        let address = Pubkey::new_from_array(bytemuck::cast([number, 0, 0, 0]));
        book.upsert(address, &world.account(number), &world.outlook);
    }
    println!("{} accounts; {}", book.len(), described(&book.census()));
    for threads in [Some(1), args.threads] {
        measure(&mut book, &world, &args, threads)?;
    }
    println!("after the last prices: {}", described(&book.census()));
    Ok(())
}

fn measure(
    book: &mut ValuationBook,
    world: &World,
    args: &Args,
    threads: Option<usize>,
) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build()
        .context("starting the threads")?;
    let mut times: Vec<Duration> = (0..args.rounds.max(1))
        .map(|round| {
            let outlook = world.shocked(0.97, 0.03, u64::from(round));
            let done = pool.install(|| book.revalue(&outlook));
            black_box(book.census());
            done.time
        })
        .collect();
    times.sort_unstable();
    let at = |part: usize| times.get(part).copied().unwrap_or_default();
    let (best, median, worst) = (at(0), at(times.len() / 2), at(times.len() - 1));
    let rate = book.len() as f64 / median.as_secs_f64();
    println!(
        "{} thread(s): {:.1} ms per full re-valuation (best {:.1}, worst {:.1}), {rate:.0} accounts/s",
        pool.current_num_threads(),
        millis(median),
        millis(best),
        millis(worst),
    );
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn described(census: &Census) -> String {
    let [init, end, maint] = census.below;
    format!(
        "{init} below Init, {end} below LiquidationEnd, {maint} below Maint, {} not valued",
        census.failed
    )
}
