//! The table: its rows, how it is printed, stored and compared.
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// How far a figure may rise before the stored one has to be rewritten.
pub const TOLERANCE_PERCENT: u64 = 3;

const PREFACE: &str = "\
# Compute units

What each instruction takes on the program as built by `tools/`, measured by `cargo xtask bench` on a bank of the
runtime itself; `cargo xtask bench --write` writes this file. A figure is everything that the program consumes in one
instruction, calls to the token program included. Rows that say *each* are differences between two measurements.

A portfolio of 16 collateral assets and 16 markets holds 12 deposits, 4 debts and 16 positions, long and short in turn:
all that a margin account has room for. *Largest account* adds 64 resting orders, 63 of them at a loss to the oracle
price, which health has to visit. The liquidator's portfolio is as full as the liquidated one.

A refreshed feed has an asset and a market that follow it, which are rewritten with it; *one feed* is the whole instruction,
with a look at whether most feeds are silent. A book holds 64 orders, of which at most four a side are worth the impact
notional. Refreshed markets trade around the oracle price; one that pays funding takes about 200 more. A book *full of dust*
has orders so small that the impact price looks at as many as it ever does.

";

/// Figures by row.
pub type Committed = BTreeMap<String, u64>;

/// One measured figure.
pub struct Row {
    what: &'static str,
    portfolio: &'static str,
    figure: u64,
    budget: Option<u64>,
}

impl Row {
    pub fn new(
        what: &'static str,
        portfolio: &'static str,
        figure: u64,
        budget: impl Into<Option<u64>>,
    ) -> Self {
        Self {
            what,
            portfolio,
            figure,
            budget: budget.into(),
        }
    }

    /// The measured figure.
    pub fn figure(&self) -> u64 {
        self.figure
    }

    /// Whether it is the row of this instruction on this portfolio.
    pub fn is(&self, what: &str, portfolio: &str) -> bool {
        self.what == what && self.portfolio == portfolio
    }

    fn name(&self) -> String {
        match self.portfolio {
            "" => self.what.to_string(),
            portfolio => format!("{} ({portfolio})", self.what),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.budget {
            None => "",
            Some(budget) if self.figure <= budget => "kept",
            Some(_) => "missed",
        }
    }

    fn budget(&self) -> String {
        self.budget.map(grouped).unwrap_or_default()
    }
}

/// The stored figures; none when there is no such file.
pub fn committed() -> Committed {
    std::fs::read_to_string(path("compute-units.json"))
        .map(|text| serde_json::from_str(&text).expect("a table written by --write"))
        .unwrap_or_default()
}

/// Stores the figures, for `--check` and for readers.
pub fn write(rows: &[Row]) {
    let figures: Committed = rows.iter().map(|row| (row.name(), row.figure)).collect();
    let json = serde_json::to_string_pretty(&figures).expect("names and numbers");
    save("compute-units.json", format!("{json}\n"));
    let mut text = PREFACE.to_string();
    text += "| instruction | portfolio | figure | budget | |\n|---|---|---:|---:|---|\n";
    for row in rows {
        let (what, portfolio, figure) = (row.what, row.portfolio, grouped(row.figure));
        let (budget, verdict) = (row.budget(), row.verdict());
        let _ = writeln!(
            text,
            "| {what} | {portfolio} | {figure} | {budget} | {verdict} |"
        );
    }
    save("COMPUTE_UNITS.md", text);
}

/// The rows beside their stored figures.
pub fn compared(rows: &[Row], committed: &Committed) -> String {
    let mut text = String::from(
        "| instruction | portfolio | now | budget | | committed | change, % |\n|---|---|---:|---:|---|---:|---:|\n",
    );
    for row in rows {
        let (what, portfolio, figure) = (row.what, row.portfolio, grouped(row.figure));
        let (budget, verdict) = (row.budget(), row.verdict());
        let _ = write!(
            text,
            "| {what} | {portfolio} | {figure} | {budget} | {verdict} |"
        );
        let _ = match committed.get(&row.name()) {
            Some(&before) => {
                let change = 100.0 * (row.figure as f64 / before as f64 - 1.0);
                writeln!(text, " {} | {change:+.1} |", grouped(before))
            }
            None => writeln!(text, " | |"),
        };
    }
    text
}

/// Rows whose figure is more than the tolerance above the stored one, or that are not stored.
pub fn risen(rows: &[Row], committed: &Committed) -> Vec<String> {
    let exceeds = |row: &&Row| match committed.get(&row.name()) {
        Some(before) => row.figure * 100 > before * (100 + TOLERANCE_PERCENT),
        None => true,
    };
    rows.iter().filter(exceeds).map(Row::name).collect()
}

/// A number with its thousands set apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../bench")
        .join(file)
}

fn save(file: &str, text: String) {
    let path = path(file);
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
