//! `plimsoll-demo`: plays a price crash against Plimsoll on an embedded chain, and reports who was liquidated.
use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use plimsoll_localnet::{
    play::{play, Options},
    scenario::Scenario,
    text::Narrator,
};
use tokio::sync::watch;

/// Plays a price crash against Plimsoll on an embedded chain: deploys the built program, lists assets and markets, lets
/// makers, traders, a keeper and a liquidator act through RPC while prices move, and reports who was liquidated, at
/// what price, who was paid, and whether every token is accounted for.
///
/// Ends with an error when money appeared or disappeared, or when an account below its maintenance line was left
/// unliquidated.
#[derive(Parser, Debug)]
#[command(name = "plimsoll-demo", version)]
struct Arguments {
    /// How prices move.
    #[arg(long, value_enum, default_value = "march-2020")]
    scenario: Scenario,
    /// Steps in which they do: more are smoother and take longer.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(4..=2_000))]
    ticks: u32,
    /// Makes the run repeat: prices' noise, keys and order flow follow from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds of the scenario per second of waiting between ticks, 600 for ten minutes a second; without it there is
    /// no waiting.
    #[arg(long)]
    speed: Option<f64>,
    /// USDC in the insurance fund at the start; without any, market fees, depositors and winners bear bad debt.
    #[arg(long, default_value_t = 250_000, value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    insurance: u64,
    /// The built program.
    #[arg(long, default_value_os_t = built_program())]
    program: PathBuf,
    /// Print the report as JSON on standard output; progress goes to standard error.
    #[arg(long)]
    json: bool,
}

/// Where `cargo xtask build` leaves the program.
fn built_program() -> PathBuf {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let workspace = workspace.canonicalize().unwrap_or(workspace);
    workspace.join("target/deploy/plimsoll.so")
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("plimsoll-demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let (stopper, stop) = watch::channel(false);
    tokio::spawn(stop_on_interrupt(stopper));
    let options = Options {
        scenario: arguments.scenario,
        seed: arguments.seed,
        ticks: arguments.ticks,
        speed: arguments.speed,
        program: arguments.program,
        insurance: arguments.insurance,
    };
    let mut narrator = Narrator::new(arguments.json);
    let report = play(options, &mut narrator, stop).await?;
    narrator.report(&report);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    Ok(if report.failures().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The first Ctrl-C ends the run after the current tick, with a report; the second ends it at once.
async fn stop_on_interrupt(stopper: watch::Sender<bool>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        eprintln!("stopping after this tick");
        stopper.send_replace(true);
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(130);
    }
}
