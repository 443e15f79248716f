//! What becomes of winners when losers cannot pay: the same crashes under three rules.
//!
//! A history draws traders, a crash and everybody's haste from a seed. A small market runs it under a rule, with the very
//! ledger that the program keeps where that rule is the program's. What differs between rules is only who bears a loss that
//! nobody can pay, and who is paid first.

mod history;
mod market;
mod measure;
mod rules;

pub use history::{History, Plan};
pub use market::{Market, Trader};
pub use measure::{markdown, report, Measures};
pub use rules::Rule;

use anyhow::Result;

/// Runs one seed's history under a rule to its end.
///
/// # Errors
/// When the ledger's arithmetic fails.
pub fn run(seed: u64, traders: usize, rule: Rule) -> Result<Market> {
    let history = History::draw(seed, traders);
    let mut market = Market::open(&history, rule)?;
    for step in 0..history.prices.len() {
        market.step(&history, step)?;
    }
    market.finish()?;
    Ok(market)
}

/// Runs a seed's history under every rule.
///
/// # Errors
/// As [`run`].
pub fn compare(seed: u64, traders: usize) -> Result<[Measures; 3]> {
    let [a, b, c] = Rule::ALL.map(|rule| run(seed, traders, rule));
    Ok([Measures::of(&a?), Measures::of(&b?), Measures::of(&c?)])
}
