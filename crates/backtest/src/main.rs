//! `plimsoll-backtest`: the commands behind `cargo xtask estimate`, `backtest` and the synthetic prices.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{ensure, Context as _, Result};
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use plimsoll_backtest::books::standard;
use plimsoll_backtest::conditions::{history, Settings};
use plimsoll_backtest::config::{configuration, table};
use plimsoll_backtest::date::Date;
use plimsoll_backtest::estimate::{estimate, Method};
use plimsoll_backtest::model::Multiples;
use plimsoll_backtest::plot;
use plimsoll_backtest::prices::Prices;
use plimsoll_backtest::report;
use plimsoll_backtest::simulate::{basis, run, together, Outcome, Scene};
use plimsoll_backtest::synthetic::{self, Weather};
use plimsoll_backtest::volatility::Terms;

/// Estimates the portfolio model from daily prices, and measures it on history.
#[derive(Parser, Debug)]
#[command(name = "plimsoll-backtest", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Backtest(Backtest),
    Estimate(Estimate),
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

/// Measure the margin models on history.
///
/// For standard portfolios and four models (isolated, standard, linear, full) it tells what was required, how often the
/// next days cost more, and what became of accounts that held just the requirement. Nothing that a model uses comes from
/// a later day than the one it is used on. The prices are CSV with the columns
/// date,asset,open,high,low,close,quote_volume_usd. Without --prices it runs on the project's synthetic file.
#[derive(Args, Debug)]
struct Backtest {
    /// The price file. [default: the project's synthetic one]
    #[arg(long, value_name = "CSV")]
    prices: Option<PathBuf>,
    /// Directory for the results: backtest.csv, backtest.md and backtest.svg. [default: print only]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// First day on which accounts are opened. [default: as soon as there is enough to learn from]
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Last day on which accounts are opened. [default: the last in the file]
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// What random portfolios and the made-up basis follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// USD of every portfolio's gross.
    #[arg(long, default_value_t = 100_000.0)]
    gross: f64,
    /// Standard deviations of a day that the requirement covers.
    #[arg(long, default_value_t = Multiples::default().deviations)]
    deviations: f64,
    /// Part charged as if nothing hedged anything.
    #[arg(long, default_value_t = Multiples::default().correlation_breakdown)]
    correlation_breakdown: f64,
    /// Part of the worst named day that is required.
    #[arg(long, default_value_t = Multiples::default().crash_multiple)]
    crash_multiple: f64,
    /// Fastest relative rise of a volatility per hour.
    #[arg(long, default_value_t = Terms::default().rise_per_hour)]
    rise_per_hour: f64,
    /// Weight that a day leaves to what was before, in the fast variance.
    #[arg(long, default_value_t = Terms::default().fast_decay)]
    fast_decay: f64,
    /// The same in the slow variance.
    #[arg(long, default_value_t = Terms::default().slow_decay)]
    slow_decay: f64,
    #[command(flatten)]
    method: MethodArguments,
}

impl Backtest {
    fn settings(&self) -> Result<Settings> {
        let within = |value: f64, least: f64, most: f64| (least..=most).contains(&value);
        ensure!(
            within(self.gross, 1.0, 1e12),
            "the gross must lie between 1 and 10^12 USD"
        );
        ensure!(
            within(self.deviations, 0.1, 100.0),
            "the deviations must lie between 0.1 and 100"
        );
        let parts = [
            self.correlation_breakdown,
            self.crash_multiple,
            self.fast_decay,
            self.slow_decay,
        ];
        ensure!(
            parts.iter().all(|part| within(*part, 0.0, 1.0)),
            "parts and decays must lie between 0 and 1"
        );
        ensure!(
            within(self.rise_per_hour, 0.0, 10.0),
            "the rise per hour must lie between 0 and 10"
        );
        Ok(Settings {
            method: self.method.method()?,
            multiples: Multiples {
                deviations: self.deviations,
                correlation_breakdown: self.correlation_breakdown,
                crash_multiple: self.crash_multiple,
                ..Multiples::default()
            },
            terms: Terms {
                rise_per_hour: self.rise_per_hour,
                fast_decay: self.fast_decay,
                slow_decay: self.slow_decay,
            },
        })
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
        Command::Backtest(arguments) => run_backtest(&arguments),
        Command::Estimate(arguments) => run_estimate(&arguments),
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
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &configuration).context("cannot print")?;
    writeln!(out).context("cannot print")
}

fn run_backtest(arguments: &Backtest) -> Result<()> {
    let settings = arguments.settings()?;
    let prices = open(arguments.prices.as_deref())?;
    let place = |date: Option<Date>, otherwise: usize| match date {
        Some(date) => prices.day(date).with_context(|| not_covered(&prices, date)),
        None => Ok(otherwise),
    };
    let last = prices.days().saturating_sub(1);
    let range = (place(arguments.from, 0)?, place(arguments.to, last)?);
    ensure!(range.0 <= range.1, "--from is after --to");
    let learning = bar("learning", prices.days());
    let history = history(&prices, &settings, |day| {
        learning.set_position(day as u64 + 1)
    })?;
    learning.finish_and_clear();
    let started = history.iter().flatten().next();
    let started = started.with_context(|| {
        let (least, days) = (settings.method.least, prices.days());
        format!("the prices span {days} days, too few: the market factor takes {least} returns")
    })?;
    let early: Vec<usize> = (0..prices.series.len())
        .filter(|asset| started.known.get(*asset) == Some(&true))
        .collect();
    let books = standard(&prices, &early, arguments.seed)?;
    let scene = Scene {
        prices: &prices,
        conditions: &history,
        basis: basis(&prices, arguments.seed),
        gross: arguments.gross,
        range,
    };
    let measuring = bar("measuring", books.len());
    let mut outcomes = Vec::new();
    for book in &books {
        match run(&scene, book)? {
            Some(outcome) => outcomes.push(outcome),
            None => eprintln!(
                "note: left out {}: no day on which enough is known of it",
                book.name
            ),
        }
        measuring.inc(1);
    }
    measuring.finish_and_clear();
    let outcomes = together(outcomes);
    ensure!(
        !outcomes.is_empty(),
        "no portfolio has a day on which enough is known of its assets"
    );
    print!("{}", report::text(&prices, &outcomes));
    if let Some(directory) = &arguments.out {
        write(directory, &prices, &outcomes)?;
    }
    Ok(())
}

fn bar(what: &'static str, steps: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>10} {bar:40} {pos}/{len}");
    let bar = ProgressBar::new(steps as u64).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn write(directory: &Path, prices: &Prices, outcomes: &[Outcome]) -> Result<()> {
    let put = |name: &str, text: String| {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    put("backtest.csv", report::csv(prices, outcomes))?;
    put("backtest.md", report::markdown(outcomes))?;
    put("backtest.svg", plot::svg(prices, outcomes))?;
    eprintln!("results are in {}", directory.display());
    Ok(())
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
