//! The backtest's results as text for a terminal, Markdown for a page, and CSV for further work.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use crate::model::DECIDERS;
use crate::prices::Prices;
use crate::simulate::{Cycle, Outcome, Record, MODELS};

/// The columns of the CSV file.
const HEADER: &str = "portfolio,model,first,last,days,mean_requirement,relative_to_isolated,one_day_exceedances,\
one_day_worst_loss_over_held,two_day_exceedances,two_day_worst_loss_over_held,accounts,liquidated,\
liquidated_by_parameters,with_bad_debt,mean_bad_debt_per_account,worst_bad_debt,peak_to_trough,worst_five_day_rise";

/// All figures, one line per portfolio and model. Parts, not percent.
pub fn csv(prices: &Prices, outcomes: &[Outcome]) -> String {
    let mut out = format!("{HEADER}\n");
    for outcome in outcomes {
        let (first, last) = outcome.span;
        let (first, last) = (prices.date(first), prices.date(last));
        for ((model, record), cycle) in MODELS.iter().zip(&outcome.records).zip(&outcome.cycles) {
            let (one, two) = (&record.one_day, &record.two_days);
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "\"{}\",{model},{first},{last},{},{:.6},{:.6},{},{:.4},{},{:.4},{},{},{},{},{:.8},{:.6},{:.4},{:.4}",
                outcome.name,
                record.required.len(),
                record.mean_required(),
                record.mean_relative(),
                one.count,
                one.worst,
                two.count,
                two.worst,
                record.accounts,
                record.liquidated,
                record.by_parameters,
                record.indebted,
                record.debt / record.accounts.max(1) as f64,
                record.worst_debt,
                cycle.peak_to_trough,
                cycle.five_day_rise,
            );
        }
    }
    out
}

const COLUMNS: [&str; 10] = [
    "model",
    "requires",
    "of isolated",
    "1 day over",
    "worst",
    "2 days over",
    "liquidated",
    "bad debt",
    "peak/trough",
    "5-day rise",
];

fn cells(model: &str, record: &Record, cycle: &Cycle) -> [String; 10] {
    let percent = |value: f64, places: usize| format!("{:.places$} %", 100.0 * value);
    [
        model.to_owned(),
        percent(record.mean_required(), 1),
        percent(record.mean_relative(), 0),
        percent(record.one_day.part(), 2),
        multiple(record.one_day.worst),
        percent(record.two_days.part(), 2),
        percent(record.part_liquidated(), 1),
        format!(
            "{} ({:.1} bp)",
            record.indebted,
            1e4 * record.debt / record.accounts.max(1) as f64
        ),
        format!("{:.1}", cycle.peak_to_trough),
        percent(cycle.five_day_rise, 0),
    ]
}

/// A loss over what was held; that of next to nothing is no number worth reading.
fn multiple(value: f64) -> String {
    if value > 1_000.0 {
        return "nothing held".to_owned();
    }
    format!("{value:.2}")
}

/// A table for a terminal.
pub fn text(prices: &Prices, outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for outcome in outcomes {
        let (first, last) = outcome.span;
        let days = outcome.records[0].required.len();
        let _ = writeln!(
            out,
            "\n{} ({} to {}, {days} days)",
            outcome.name,
            prices.date(first),
            prices.date(last)
        );
        let mut line = |cells: [String; 10]| {
            let padded = cells.iter().map(|cell| format!("{cell:>14}"));
            let _ = writeln!(out, "{}", padded.collect::<String>());
        };
        line(COLUMNS.map(str::to_owned));
        for ((model, record), cycle) in MODELS.iter().zip(&outcome.records).zip(&outcome.cycles) {
            line(cells(model, record, cycle));
        }
    }
    out
}

/// Which way to measure decided the whole model's requirement, on what part of the days, as a Markdown table.
pub fn deciders(outcomes: &[Outcome]) -> String {
    let mut out = format!(
        "| portfolio | {} |\n|---|---|---|---|\n",
        DECIDERS.join(" | ")
    );
    for outcome in outcomes {
        let days: usize = outcome.decided.iter().sum();
        let part =
            |count: &usize| format!(" {:.0} % |", 100.0 * *count as f64 / days.max(1) as f64);
        let cells: String = outcome.decided.iter().map(part).collect();
        let _ = writeln!(out, "| {} |{cells}", outcome.name);
    }
    out
}

/// The results as a Markdown table.
pub fn markdown(outcomes: &[Outcome]) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut header = COLUMNS.map(str::to_owned).to_vec();
    header.insert(0, "portfolio".to_owned());
    let mut out = row(&header);
    out += &row(&vec!["---".to_owned(); header.len()]);
    for outcome in outcomes {
        for (at, model) in MODELS.iter().enumerate() {
            let mut line = cells(model, &outcome.records[at], &outcome.cycles[at]).to_vec();
            let name = if at == 0 {
                outcome.name.clone()
            } else {
                String::new()
            };
            line.insert(0, name);
            out += &row(&line);
        }
    }
    out
}

/// A page with what stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->` replaced by `text`.
///
/// # Errors
/// When the page lacks one of the two lines.
pub fn put(page: &str, name: &str, text: &str) -> Result<String> {
    let (begin, end) = (
        format!("<!-- {name}: begin -->\n"),
        format!("<!-- {name}: end -->\n"),
    );
    let split = page.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let (before, after) = split
        .with_context(|| format!("the page has no lines {} and {}", begin.trim(), end.trim()))?;
    Ok(format!("{before}{begin}\n{text}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gets_its_table_between_the_lines_that_ask_for_it() {
        let page = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n";
        let filled = put(page, "x", "new\n").unwrap();
        assert_eq!(
            filled,
            "a\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\nb\n"
        );
        assert_eq!(put(&filled, "x", "new\n").unwrap(), filled);
        assert!(put(page, "y", "")
            .unwrap_err()
            .to_string()
            .contains("<!-- y: begin -->"));
    }
}
