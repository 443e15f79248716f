//! `plimsoll-backtest`: the commands behind `cargo xtask estimate`, `backtest` and the synthetic prices, and `shortfalls`.

mod command;
mod shortfalls_command;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{ensure, Context as _, Result};
use clap::{Args, Parser, Subcommand};
use plimsoll_backtest::config::{configuration, table};
use plimsoll_backtest::date::Date;
use plimsoll_backtest::estimate::{estimate, Method};
use plimsoll_backtest::model::Multiples;
use plimsoll_backtest::prices::Prices;
use plimsoll_backtest::synthetic::{self, Weather};

/// Estimates the portfolio model from daily prices, and measures it on history.
#[derive(Parser, Debug)]
#[command(name = "plimsoll-backtest", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Backtest(command::Backtest),
    Estimate(Estimate),
    Shortfalls(shortfalls_command::Shortfalls),
    Synthetic(Synthetic),
}

/// Estimate the model's parameters from daily prices.
///
/// Prints the on-chain configuration as JSON on standard output, and a table of the fit's quality on standard error. The
/// prices are CSV with the columns date,asset,open,high,low,close,quote_volume_usd, the dates of each asset rising.
/// Without --prices it runs on the synthetic file that comes with the project.
#[derive(Args, Debug)]
struct Estimate {
    /// The price file. [default: the project's synthetic one]
    #[arg(long, value_name = "CSV")]
    prices: Option<PathBuf>,
    /// The last day to use. [default: the last in the file]
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// Assets to estimate. [default: all in the file]
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    assets: Option<Vec<String>>,
    #[command(flatten)]
    method: MethodArguments,
}

/// How to estimate.
#[derive(Args, Debug)]
struct MethodArguments {
    /// Assets that drive the factors, the market first.
    #[arg(
        long,
        value_name = "SYMBOLS",
        value_delimiter = ',',
        default_value = "BTC,ETH,SOL"
    )]
    drivers: Vec<String>,
    /// Days of returns that loadings are learnt from.
    #[arg(long, default_value_t = Method::default().window)]
    window: usize,
    /// Part of past days on which volatility was below the stressed floor.
    #[arg(long, default_value_t = Method::default().floor_quantile)]
    floor_quantile: f64,
}

impl MethodArguments {
    fn method(&self) -> Result<Method> {
        let method = Method {
            drivers: self.drivers.clone(),
            window: self.window,
            floor_quantile: self.floor_quantile,
            ..Method::default()
        };
        ensure!(
            (method.least..=5_000).contains(&method.window),
            "the window must have {} to 5000 days",
            method.least
        );
        ensure!(
            (0.0..=1.0).contains(&method.floor_quantile),
            "the floor's quantile must lie between 0 and 1"
        );
        Ok(method)
    }
}

/// Write the synthetic prices that tests use; they describe no market that ever was.
#[derive(Args, Debug)]
struct Synthetic {
    /// Where to.
    #[arg(long, default_value_os_t = shipped())]
    out: PathBuf,
}

/// The synthetic file that comes with the project.
fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/synthetic.csv")
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Backtest(arguments) => command::backtest(&arguments),
        Command::Estimate(arguments) => run_estimate(&arguments),
        Command::Shortfalls(arguments) => shortfalls_command::shortfalls(&arguments),
        Command::Synthetic(arguments) => run_synthetic(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_estimate(arguments: &Estimate) -> Result<()> {
    let prices = open(arguments.prices.as_deref())?;
    let day = match arguments.as_of {
        Some(date) => prices
            .day(date)
            .with_context(|| not_covered(&prices, date))?,
        None => prices.days().saturating_sub(1),
    };
    let assets: Vec<usize> = match &arguments.assets {
        Some(names) => names
            .iter()
            .map(|name| prices.asset(name))
            .collect::<Result<_>>()?,
        None => (0..prices.series.len()).collect(),
    };
    let method = Method {
        // Configuring as of a past day asks what was known then.
        all_crash_days: arguments.as_of.is_none(),
        ..arguments.method.method()?
    };
    let found = estimate(&prices, &assets, day, &method)?;
    let configuration = configuration(&prices, &found, &Multiples::default())?;
    eprintln!("{}", table(&configuration));
    if let Err(refusal) = configuration.check() {
        eprintln!("warning: the program would refuse this: {refusal}");
    }
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &configuration).context("cannot print")?;
    writeln!(out).context("cannot print")
}

fn run_synthetic(arguments: &Synthetic) -> Result<()> {
    std::fs::write(&arguments.out, synthetic::csv(400, 1, Weather::Crash))
        .with_context(|| format!("cannot write {}", arguments.out.display()))?;
    println!("{}", arguments.out.display());
    Ok(())
}

fn not_covered(prices: &Prices, date: Date) -> String {
    let last = prices.date(prices.days().saturating_sub(1));
    format!(
        "{date} is not covered: the prices are of {} to {last}",
        prices.first
    )
}

/// The prices at a path, or the synthetic ones, with what the reader should know of them on standard error.
fn open(path: Option<&Path>) -> Result<Prices> {
    let prices = match path {
        Some(path) => Prices::open(path)?,
        None => {
            eprintln!("note: no --prices given: these are the project's synthetic ones, of no market that ever was");
            Prices::open(&shipped())?
        }
    };
    for (asset, date) in &prices.bad_lows {
        eprintln!("note: the low of {asset} on {date} is under a fifth of its open and close; left out as a bad print");
    }
    Ok(prices)
}
