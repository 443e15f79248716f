//! What a person reads: progress, the table of ticks and the report. One line at a time, so that a log stays readable.
use std::io::Write;

use crate::{
    conservation::Check,
    report::{Liquidated, Report},
    statistics::Summary,
};

/// Writes progress, on standard error when standard output belongs to a machine.
pub struct Narrator {
    out: Box<dyn Write + Send>,
}

/// A line of the table of ticks.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub label: String,
    pub second: i64,
    pub prices: [f64; 5],
    /// Accounts below Init, LiquidationEnd and Maint, before the liquidator acted.
    pub below: [usize; 3],
    pub slices: usize,
    pub bankruptcies: usize,
    /// Whom they concern.
    pub accounts: Vec<String>,
    /// The liquidator's transactions did not get through.
    pub congested: bool,
}

impl Narrator {
    /// Progress on standard output, or on standard error.
    pub fn new(to_stderr: bool) -> Self {
        Self {
            out: if to_stderr {
                Box::new(std::io::stderr())
            } else {
                Box::new(std::io::stdout())
            },
        }
    }

    /// Writes a line. A reader that has gone away is no reason to stop.
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    pub fn step(&mut self, text: &str) {
        self.line(&format!("- {text}"));
    }

    pub fn table_head(&mut self) {
        self.line("");
        self.line(&format!("{:>70}", "accounts below"));
        self.line(&format!(
            "{:>5}  {:>5}  {:>8}  {:>9}  {:>8}  {:>8}  {:>5} {:>4} {:>5}   {}",
            "tick", "time", "SOL", "BTC", "ETH", "lstSOL", "init", "end", "maint", "liquidations"
        ));
    }

    pub fn row(&mut self, row: &Row) {
        let [_, sol, btc, eth, staked] = row.prices;
        let [init, end, maint] = row.below;
        let (hours, minutes) = (row.second / 3600, row.second / 60 % 60);
        let mut text = format!(
            "{:>5}  {hours:02}:{minutes:02}  {sol:>8.2}  {btc:>9.0}  {eth:>8.2}  {staked:>8.2}  \
             {init:>5} {end:>4} {maint:>5}   ",
            row.label
        );
        let mut happened = Vec::new();
        if row.congested {
            happened.push("the chain is congested".to_owned());
        }
        if row.slices > 0 {
            happened.push(counted(row.slices, "slice"));
        }
        if row.bankruptcies > 0 {
            happened.push(counted(row.bankruptcies, "bad debt"));
        }
        text.push_str(&happened.join(", "));
        if !row.accounts.is_empty() {
            text.push_str(&format!(": {}", row.accounts.join(", ")));
        }
        self.line(text.trim_end());
    }

    /// The whole report.
    pub fn report(&mut self, report: &Report) {
        self.liquidations(report);
        self.bad_debts(report);
        self.conservation(&report.conservation);
        self.compute(report);
        self.summary(report);
    }

    fn liquidations(&mut self, report: &Report) {
        self.line("\nLiquidations, slice by slice (at oracle prices, USD)");
        self.line(&format!(
            "{:>5}  {:<13}  {:<44}  {:>10}  {:>10}  {:>13}  {:>12}",
            "tick", "account", "what", "price", "value", "to liquidator", "to insurance"
        ));
        for slice in &report.liquidations {
            self.line(&format!(
                "{:>5}  {:<13}  {:<44}  {:>10.2}  {:>10.2}  {:>13.2}  {:>12.2}",
                slice.tick,
                slice.account,
                slice.what,
                slice.price,
                slice.value,
                slice.to_liquidator,
                slice.to_insurance
            ));
        }
        self.line("\nLiquidations by account (USD)");
        self.line(&format!(
            " {:<13}  {:>9}  {:>6}  {:>11}  {:>13}  {:>12}  {:>10}",
            "account", "ticks", "slices", "taken over", "to liquidator", "to insurance", "bad debt"
        ));
        for account in &report.accounts {
            let ticks = format!("{} to {}", account.first_tick, account.last_tick);
            self.liquidated(account, &ticks);
        }
        self.liquidated(&report.all_accounts(), "");
    }

    fn liquidated(&mut self, sum: &Liquidated, ticks: &str) {
        self.line(&format!(
            " {:<13}  {ticks:>9}  {:>6}  {:>11.2}  {:>13.2}  {:>12.2}  {:>10.2}",
            sum.account, sum.slices, sum.value, sum.to_liquidator, sum.to_insurance, sum.bad_debt
        ));
    }

    fn bad_debts(&mut self, report: &Report) {
        self.line("\nBad debt and who bore it (USD)");
        if report.bad_debts.is_empty() {
            self.line(" none");
        } else {
            self.line(&format!(
                "{:>5}  {:<13}  {:<12}  {:>10}  {:>11}  {:>13}  {:>24}",
                "tick",
                "account",
                "owed in",
                "loss",
                "insurance",
                "market fees",
                "depositors or other side"
            ));
        }
        for bad in &report.bad_debts {
            self.line(&format!(
                "{:>5}  {:<13}  {:<12}  {:>10.2}  {:>11.2}  {:>13.2}  {:>24.2}",
                bad.tick,
                bad.account,
                bad.owed_in,
                bad.loss,
                bad.from_insurance,
                bad.from_fees,
                bad.socialized
            ));
        }
        self.line(&format!(
            " insurance fund: {:.2} USDC before, {:.2} after; {:.2} USD of penalties not collected yet",
            report.insurance_before, report.insurance_after, report.insurance_accrued
        ));
    }

    fn conservation(&mut self, checks: &[Check]) {
        self.line("\nConservation");
        for check in checks {
            let mark = if check.holds { "ok  " } else { "FAIL" };
            self.line(&format!(" {mark}  {:<40}  {}", check.what, check.detail));
        }
    }

    fn compute(&mut self, report: &Report) {
        self.line("\nCompute units");
        self.line(&format!(
            " {:<22} {:>6} {:>8} {:>8} {:>8}",
            "instruction", "count", "min", "median", "max"
        ));
        let mut line = |name: &str, s: &Summary| {
            self.line(&format!(
                " {name:<22} {:>6} {:>8} {:>8} {:>8}",
                s.count, s.least, s.median, s.most
            ));
        };
        for (name, summary) in &report.compute_units {
            line(name, summary);
        }
        line("(whole transaction)", &report.transaction_compute_units);
    }

    fn summary(&mut self, report: &Report) {
        self.line(&format!(
            "\n{} transactions landed, {} were refused; {:.1} s of wall time; scenario {}, {} ticks, seed {}",
            report.transactions_landed,
            report.transactions_refused,
            report.wall_seconds,
            report.scenario,
            report.ticks,
            report.seed
        ));
        for (reason, count) in &report.refusals {
            self.line(&format!("  {count} x {reason}"));
        }
        for failure in report.failures() {
            self.line(&format!("FAILED: {failure}"));
        }
    }
}

/// A number of things, in words.
fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}
