//! What each choice of the model's parameters buys and costs: the same history with one of them changed at a time.

use std::fmt::Write as _;

use anyhow::Result;

use crate::books::Book;
use crate::conditions::{history, Settings};
use crate::simulate::{run, together, Outcome, Scene};

/// The whole model's place in the records.
const FULL: usize = 3;

/// Names of the portfolios that are told of.
const TOLD: [&str; 4] = [
    "long BTC",
    "basket, equal weights",
    "long BTC, short ETH",
    "random long-short",
];

/// A choice other than the settings'.
type Change = (&'static str, fn(&mut Settings));

const CHANGES: [Change; 15] = [
    ("as in the table above", |_| ()),
    ("k = 2.5", |s| s.multiples.deviations = 2.5),
    ("k = 4", |s| s.multiples.deviations = 4.0),
    ("d = 0", |s| s.multiples.correlation_breakdown = 0.0),
    ("d = 0.5", |s| s.multiples.correlation_breakdown = 0.5),
    ("h = 0", |s| s.multiples.crash_multiple = 0.0),
    ("h = 0.3", |s| s.multiples.crash_multiple = 0.3),
    ("h = 1", |s| s.multiples.crash_multiple = 1.0),
    ("rise at most 0.25 % an hour", |s| {
        s.terms.rise_per_hour = 0.0025
    }),
    ("rise at most 0.5 % an hour", |s| {
        s.terms.rise_per_hour = 0.005
    }),
    ("rise at most 10 % an hour", |s| s.terms.rise_per_hour = 0.1),
    ("fast λ 0.90", |s| s.terms.fast_decay = 0.9),
    ("fast λ 0.97", |s| s.terms.fast_decay = 0.97),
    ("floor at the third quartile", |s| {
        s.method.floor_quantile = 0.75
    }),
    ("floor at the first quartile", |s| {
        s.method.floor_quantile = 0.25
    }),
];

/// A Markdown table of the whole model's figures under each change.
///
/// # Errors
/// As [`history`] and [`run`].
pub fn table(
    scene: &Scene<'_>,
    settings: &Settings,
    books: &[Book],
    mut tell: impl FnMut(),
) -> Result<String> {
    let told: Vec<&Book> = books
        .iter()
        .filter(|book| TOLD.iter().any(|name| book.name.starts_with(name)))
        .collect();
    let mut out = String::new();
    for (at, (label, change)) in CHANGES.iter().enumerate() {
        let mut changed = settings.clone();
        change(&mut changed);
        let conditions = history(scene.prices, &changed, |_| ())?;
        let scene = Scene {
            conditions: &conditions,
            basis: scene.basis.clone(),
            ..*scene
        };
        let outcomes: Vec<Option<Outcome>> = told
            .iter()
            .map(|book| run(&scene, book))
            .collect::<Result<_>>()?;
        let outcomes = together(outcomes.into_iter().flatten().collect());
        if at == 0 {
            header(&mut out, &outcomes);
        }
        row(&mut out, label, &outcomes);
        tell();
    }
    Ok(out)
}

/// How many runs [`table`] makes.
pub const RUNS: usize = CHANGES.len();

fn header(out: &mut String, outcomes: &[Outcome]) {
    // Writing to a string cannot fail, here and below.
    let names: String = outcomes
        .iter()
        .map(|outcome| format!(" {} |", outcome.name))
        .collect();
    let _ = writeln!(out, "| change |{names}");
    let _ = writeln!(out, "|---|{}", "---|".repeat(outcomes.len()));
}

/// Mean requirement, days over, bad debt, five-day rise.
fn row(out: &mut String, label: &str, outcomes: &[Outcome]) {
    let cell = |outcome: &Outcome| {
        let (record, cycle) = (&outcome.records[FULL], &outcome.cycles[FULL]);
        let debt = 1e4 * record.debt / record.accounts.max(1) as f64;
        format!(
            " {:.1} %, {:.2} %, {debt:.1} bp, {:.0} % |",
            100.0 * record.mean_required(),
            100.0 * record.one_day.part(),
            100.0 * cycle.five_day_rise,
        )
    };
    let cells: String = outcomes.iter().map(cell).collect();
    let _ = writeln!(out, "| {label} |{cells}");
}
