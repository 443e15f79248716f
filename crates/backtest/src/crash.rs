//! Returns on the named days, by which the model's historical floor is set.
//!
//! A return is from the close of the day before to the day's close (UTC), not to the day's low: the floor adds the losses
//! of several positions, and lows of different assets need not have come at the same moment.

use plimsoll_risk::portfolio::{CRASH_DAYS, DAYS};

use crate::date::Date;
use crate::prices::Prices;
use crate::regression::mean;

/// Where a return comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The price file.
    Prices,
    /// The table of published figures.
    Published,
    /// The mean of what the others did that day, since the asset was not traded yet or nobody published its figure.
    StandIn,
}

/// A day's return and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct CrashReturn {
    /// Simple return, −0.395 for a fall of 39.5 %.
    pub value: f64,
    /// Where it comes from.
    pub origin: Origin,
}

/// Returns as published, by asset and in the order of [`DAYS`]; `docs/crash-days.md` names the sources.
#[rustfmt::skip]
const PUBLISHED: [(&str, [Option<f64>; CRASH_DAYS]); 12] = [
    ("BTC", [Some(-0.3950), Some(-0.1438), Some(0.1195), Some(-0.0617), Some(-0.1538), Some(-0.1415), Some(-0.0712), Some(-0.0651)]),
    ("ETH", [Some(-0.4460), Some(-0.2774), Some(0.2633), Some(-0.1098), Some(-0.1568), Some(-0.1738), Some(-0.1002), Some(-0.1183)]),
    ("SOL", [None, Some(-0.3750), Some(0.2804), Some(-0.2392), Some(-0.0657), Some(-0.4225), Some(-0.0618), Some(-0.1437)]),
    ("BNB", [Some(-0.4414), Some(-0.3408), Some(0.3257), Some(-0.1492), Some(-0.1248), Some(-0.1836), Some(-0.0658), Some(-0.0857)]),
    ("XRP", [Some(-0.3490), Some(-0.3349), Some(0.2573), Some(-0.1867), Some(-0.0918), Some(-0.1794), Some(-0.0648), Some(-0.1275)]),
    ("ADA", [Some(-0.4132), Some(-0.2682), Some(0.1797), Some(-0.1748), Some(-0.0530), Some(-0.1470), Some(-0.0938), Some(-0.1804)]),
    ("DOGE", [Some(-0.2634), Some(-0.3075), Some(0.1944), Some(-0.2102), Some(-0.1469), Some(-0.1560), Some(-0.0905), Some(-0.1992)]),
    ("AVAX", [None, Some(-0.3749), Some(0.2428), Some(-0.3008), Some(-0.0682), Some(-0.1941), Some(-0.0805), None]),
    ("LINK", [Some(-0.4778), Some(-0.3839), Some(0.3310), Some(-0.1909), Some(-0.0542), Some(-0.1916), Some(-0.1278), Some(-0.1838)]),
    ("LTC", [Some(-0.3853), Some(-0.3675), Some(0.3015), Some(-0.1696), Some(-0.0919), Some(-0.1235), Some(-0.1021), None]),
    ("ATOM", [Some(-0.4606), Some(-0.3977), Some(0.2484), Some(-0.2054), Some(-0.0792), Some(-0.1939), Some(-0.0808), None]),
    ("DOT", [None, Some(-0.3831), Some(0.2986), Some(-0.1998), Some(-0.0499), Some(-0.1413), Some(-0.1041), None]),
];

/// The returns of every asset on each named day up to `until`; a later one is not known.
pub fn returns(prices: &Prices, until: Date) -> Vec<[Option<CrashReturn>; CRASH_DAYS]> {
    let mut out = vec![[None; CRASH_DAYS]; prices.series.len()];
    for (at, named) in DAYS.iter().enumerate() {
        let Ok(date) = named.date.parse::<Date>() else {
            continue;
        };
        if date > until {
            continue;
        }
        let known: Vec<Option<CrashReturn>> = (0..prices.series.len())
            .map(|asset| known(prices, asset, date, at))
            .collect();
        let others = mean(&followers(prices, &known));
        for (row, known) in out.iter_mut().zip(known) {
            let stand_in = CrashReturn {
                value: others,
                origin: Origin::StandIn,
            };
            row[at] = Some(known.unwrap_or(stand_in));
        }
    }
    out
}

fn known(prices: &Prices, asset: usize, date: Date, at: usize) -> Option<CrashReturn> {
    let from = |value, origin| CrashReturn { value, origin };
    if let Some(value) = prices
        .day(date)
        .and_then(|day| prices.simple_return(asset, day))
    {
        return Some(from(value, Origin::Prices));
    }
    Some(from(
        published(&prices.series.get(asset)?.asset, at)?,
        Origin::Published,
    ))
}

fn published(asset: &str, at: usize) -> Option<f64> {
    let (_, row) = PUBLISHED.iter().find(|(name, _)| *name == asset)?;
    *row.get(at)?
}

/// What a stand-in is the mean of: the day's other assets but the first, which falls less than the rest.
fn followers(prices: &Prices, known: &[Option<CrashReturn>]) -> Vec<f64> {
    let followers = known
        .iter()
        .zip(&prices.series)
        .filter(|(_, series)| series.asset != "BTC");
    let found: Vec<f64> = followers
        .filter_map(|(known, _)| known.map(|k| k.value))
        .collect();
    if found.is_empty() {
        return known.iter().flatten().map(|known| known.value).collect();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{self, Weather};

    fn until(text: &str) -> Vec<[Option<CrashReturn>; CRASH_DAYS]> {
        let prices = Prices::read(synthetic::csv(5, 1, Weather::Even).as_bytes()).unwrap();
        returns(&prices, text.parse().unwrap())
    }

    #[test]
    fn what_the_prices_lack_is_published_or_stood_in_for() {
        let rows = until("2030-01-05");
        let published = |value| {
            Some(CrashReturn {
                value,
                origin: Origin::Published,
            })
        };
        assert_eq!(rows[0][0], published(-0.395));
        // SOL was not traded in March 2020: what ETH, the only follower with a figure, did.
        let stand_in = CrashReturn {
            value: -0.4462,
            origin: Origin::StandIn,
        };
        assert_eq!(rows[2][0].map(|known| known.origin), Some(Origin::StandIn));
        assert!((rows[2][0].unwrap().value - stand_in.value).abs() < 1e-3);
        // Nobody publishes the returns of a made-up asset.
        assert!(rows[4]
            .iter()
            .flatten()
            .all(|known| known.origin == Origin::StandIn));
    }

    #[test]
    fn a_day_to_come_is_not_known() {
        let rows = until("2022-01-01");
        assert!(rows.iter().all(|row| row[..3].iter().all(Option::is_some)));
        assert!(rows.iter().all(|row| row[3..].iter().all(Option::is_none)));
    }
}
