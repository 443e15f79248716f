//! The `backtest` command: its arguments, its steps and what it writes.

use std::path::{Path, PathBuf};

use anyhow::{ensure, Context as _, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use plimsoll_backtest::books::{standard, Book};
use plimsoll_backtest::conditions::{history, Conditions, Settings};
use plimsoll_backtest::date::Date;
use plimsoll_backtest::engine::Terms;
use plimsoll_backtest::model::Multiples;
use plimsoll_backtest::prices::Prices;
use plimsoll_backtest::simulate::{basis, run, together, Outcome, Scene};
use plimsoll_backtest::{plot, report, sensitivity};

use crate::{not_covered, open, MethodArguments};

/// Measure the margin models on history.
///
/// For standard portfolios and four models (isolated, standard, linear, full) it tells what was required, how often the
/// next days cost more, and what became of accounts that held just the requirement. Nothing that a model uses comes from
/// a later day than the one it is used on. The prices are CSV with the columns
/// date,asset,open,high,low,close,quote_volume_usd. Without --prices it runs on the project's synthetic file.
#[derive(Args, Debug)]
pub struct Backtest {
    /// The price file. [default: the project's synthetic one]
    #[arg(long, value_name = "CSV")]
    prices: Option<PathBuf>,
    /// Directory for the results: backtest.csv and backtest.svg. [default: print only]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Page into which the table and the sensitivities are put, between the comments that mark their places.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
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
    /// First and last place of the days on which accounts are opened.
    fn range(&self, prices: &Prices) -> Result<(usize, usize)> {
        let place = |date: Option<Date>, otherwise: usize| match date {
            Some(date) => prices.day(date).with_context(|| not_covered(prices, date)),
            None => Ok(otherwise),
        };
        let last = prices.days().saturating_sub(1);
        let range = (place(self.from, 0)?, place(self.to, last)?);
        ensure!(range.0 <= range.1, "--from is after --to");
        Ok(range)
    }

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

/// Runs the command.
pub fn backtest(arguments: &Backtest) -> Result<()> {
    let settings = arguments.settings()?;
    let prices = open(arguments.prices.as_deref())?;
    let range = arguments.range(&prices)?;
    let learning = bar("learning", prices.days());
    let conditions = history(&prices, &settings, |day| {
        learning.set_position(day as u64 + 1);
    })?;
    learning.finish_and_clear();
    let early = early(&prices, &conditions, &settings)?;
    let books = standard(&prices, &early, arguments.seed)?;
    let scene = Scene {
        prices: &prices,
        conditions: &conditions,
        basis: basis(&prices, arguments.seed),
        gross: arguments.gross,
        range,
    };
    let outcomes = measure(&scene, &books)?;
    print!("{}", report::text(&prices, &outcomes));
    if let Some(directory) = &arguments.out {
        write(directory, &prices, &outcomes)?;
    }
    if let Some(path) = &arguments.page {
        let varying = bar("varying", sensitivity::RUNS);
        let varied = sensitivity::table(&scene, &settings, &books, || varying.inc(1))?;
        varying.finish_and_clear();
        fill(path, &outcomes, &varied)?;
    }
    Ok(())
}

/// The assets that are known from the first day on.
fn early(
    prices: &Prices,
    conditions: &[Option<Conditions>],
    settings: &Settings,
) -> Result<Vec<usize>> {
    let started = conditions.iter().flatten().next().with_context(|| {
        let (least, days) = (settings.method.least, prices.days());
        format!("the prices span {days} days, too few: the market factor takes {least} returns")
    })?;
    let all = 0..prices.series.len();
    Ok(all
        .filter(|asset| started.known.get(*asset) == Some(&true))
        .collect())
}

fn measure(scene: &Scene<'_>, books: &[Book]) -> Result<Vec<Outcome>> {
    let measuring = bar("measuring", books.len());
    let mut outcomes = Vec::new();
    for book in books {
        match run(scene, book)? {
            Some(outcome) => outcomes.push(outcome),
            None => eprintln!(
                "note: left out {}: no day on which enough is known of it",
                book.name
            ),
        }
        measuring.inc(1);
    }
    measuring.finish_and_clear();
    ensure!(
        !outcomes.is_empty(),
        "no portfolio has a day on which enough is known of its assets"
    );
    Ok(together(outcomes))
}

fn fill(path: &Path, outcomes: &[Outcome], varied: &str) -> Result<()> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = report::put(&text, "backtest table", &report::markdown(outcomes))?;
    let text = report::put(&text, "backtest deciders", &report::deciders(outcomes))?;
    let text = report::put(&text, "backtest sensitivities", varied)?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

pub fn bar(what: &'static str, steps: usize) -> ProgressBar {
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
    put("backtest.svg", plot::svg(prices, outcomes))?;
    eprintln!("results are in {}", directory.display());
    Ok(())
}
