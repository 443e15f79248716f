//! What a rule did to the winners, and the table of it.

use super::history::STEP_SECS;
use super::market::{Market, Trader};
use super::rules::Rule;

/// What one history under one rule came to. Parts are of one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measures {
    /// Losses that nobody could pay, of all winners' profits.
    pub uncollectable: f64,
    /// Part of what winners gave up that was more than their profit.
    pub principal: f64,
    /// What the first decile of leavers keeps of its profit.
    pub first: f64,
    /// What the last decile keeps.
    pub last: f64,
    /// Distance from the 10th to the 90th percentile of the part kept, among those of the usual entry.
    pub spread: f64,
    /// The most that one account of the usual entry gave up, of its profit.
    pub worst: f64,
    /// Minutes that a unit of profit waited on average after its owner had closed.
    pub wait: f64,
    /// The same of the account that waited longest.
    pub longest: f64,
}

/// What a winner would have been paid.
fn whole(trader: &Trader) -> f64 {
    // What it gave up beyond its profit was not its profit.
    trader.paid as f64 + (trader.given_up - trader.principal) as f64
}

/// Of whom it makes sense to say what part was kept: profits of more than a hundredth of a dollar's worth of rounding.
fn kept(trader: &Trader) -> Option<f64> {
    (whole(trader) > 1e4).then(|| 1.0 - trader.given_up as f64 / whole(trader))
}

fn minutes(trader: &Trader) -> f64 {
    trader.waited / (trader.paid as f64).max(1.0) * STEP_SECS as f64 / 60.0
}

fn together<'a>(traders: impl Iterator<Item = &'a &'a Trader>) -> f64 {
    let (paid, all) = traders.fold((0.0, 0.0), |(paid, all), trader| {
        (
            paid + whole(trader) - trader.given_up as f64,
            all + whole(trader),
        )
    });
    paid / f64::max(all, 1.0)
}

impl Measures {
    /// Of a market whose history is over.
    pub fn of(market: &Market) -> Self {
        let mut winners: Vec<&Trader> = market
            .traders
            .iter()
            .filter(|trader| trader.is_winner && kept(trader).is_some())
            .collect();
        winners.sort_by_key(|trader| trader.left);
        let sum =
            |of: &dyn Fn(&Trader) -> f64| winners.iter().map(|trader| of(trader)).sum::<f64>();
        // Those who came late and won nothing may have to give up something all the same.
        let sellers = market.traders.iter().filter(|trader| trader.is_winner);
        let (given, principal) = sellers.fold((0, 0), |(given, principal), trader| {
            (given + trader.given_up, principal + trader.principal)
        });
        let decile = winners.len().div_ceil(10);
        let mut parts: Vec<f64> = winners
            .iter()
            .filter(|trader| trader.is_usual)
            .filter_map(|trader| kept(trader))
            .collect();
        parts.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = part * parts.len().saturating_sub(1) as f64;
            parts.get(place.round() as usize).copied().unwrap_or(1.0)
        };
        let paid = sum(&|trader| trader.paid as f64).max(1.0);
        let least_kept = parts.first().copied().unwrap_or(1.0);
        let most = |of: &dyn Fn(&Trader) -> f64| {
            winners.iter().map(|trader| of(trader)).fold(0.0, f64::max)
        };
        Self {
            uncollectable: market.uncollectable as f64 / sum(&whole).max(1.0),
            principal: principal as f64 / (given as f64).max(1.0),
            first: together(winners.iter().take(decile)),
            last: together(winners.iter().rev().take(decile)),
            spread: at(0.9) - at(0.1),
            worst: 1.0 - least_kept,
            wait: sum(&|trader| trader.waited) / paid * STEP_SECS as f64 / 60.0,
            longest: most(&minutes),
        }
    }
}

/// How many of these histories left losses that nobody could pay, of what size, and the table of those, in markdown.
pub fn report(all: &[[Measures; 3]]) -> String {
    let left = all
        .iter()
        .filter(|[_, shared, _]| shared.uncollectable > 0.0);
    let found: Vec<_> = left.copied().collect();
    let mut sizes: Vec<f64> = found.iter().map(|row| row[1].uncollectable).collect();
    sizes.sort_by(f64::total_cmp);
    let part = |tenths: usize| 100.0 * sizes.get(sizes.len() * tenths / 10).copied().unwrap_or(0.0);
    format!(
        "{} of {} histories left losses that nobody could pay: of winners' profits {:.1} % in the median, {:.1} % in one of ten.\n\n{}",
        found.len(),
        all.len(),
        part(5),
        part(9),
        markdown(&found),
    )
}

/// The means over histories, as a table in markdown. Of the worst account it has the median history's and one of ten's; of
/// the longest wait the median history's.
pub fn markdown(found: &[[Measures; 3]]) -> String {
    let mut text = String::from(
        "| rule | given up beyond one's profit | first decile keeps | last decile keeps | spread of the part kept | \
         worst account gives up | in one history of ten | wait, minutes | longest wait, minutes |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for (at, rule) in Rule::ALL.iter().enumerate() {
        let column = |of: &dyn Fn(&Measures) -> f64| -> Vec<f64> {
            found.iter().filter_map(|row| row.get(at)).map(of).collect()
        };
        let mean = |of: &dyn Fn(&Measures) -> f64| {
            let values = column(of);
            values.iter().sum::<f64>() / values.len().max(1) as f64
        };
        let ranked = |tenths: usize, of: &dyn Fn(&Measures) -> f64| {
            let mut values = column(of);
            values.sort_by(f64::total_cmp);
            values
                .get(values.len() * tenths / 10)
                .copied()
                .unwrap_or(0.0)
        };
        text += &format!(
            "| {} | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {:.0} % | {:.0} % | {:.1} | {:.0} |\n",
            rule.name(),
            100.0 * mean(&|row| row.principal),
            100.0 * mean(&|row| row.first),
            100.0 * mean(&|row| row.last),
            100.0 * mean(&|row| row.spread),
            100.0 * ranked(5, &|row| row.worst),
            100.0 * ranked(9, &|row| row.worst),
            mean(&|row| row.wait),
            ranked(5, &|row| row.longest),
        );
    }
    text
}
