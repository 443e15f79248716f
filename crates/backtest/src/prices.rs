//! Daily candles read from a CSV file, aligned by calendar day.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::{bail, ensure, Context as _, Result};

use crate::date::Date;

/// The columns that the file must have, in any order; others are ignored.
pub const COLUMNS: [&str; 7] = [
    "date",
    "asset",
    "open",
    "high",
    "low",
    "close",
    "quote_volume_usd",
];
/// A low under this part of both the open and the close is a bad print, not a price anyone could rely on.
const BAD_LOW: f64 = 0.2;
/// Most days in a row that an asset may lack between its first and its last.
const LONGEST_GAP: i32 = 7;

/// One day of one asset, in USD.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Value traded.
    pub volume: f64,
}

/// One asset's candles, one place per calendar day of [`Prices`].
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Symbol.
    pub asset: String,
    /// `None` before the first day, after the last, and on days that the file lacks.
    pub candles: Vec<Option<Candle>>,
}

/// Candles of several assets over the same calendar days.
#[derive(Clone, Debug, PartialEq)]
pub struct Prices {
    /// The first day of any asset.
    pub first: Date,
    /// Assets in the order in which the file names them first.
    pub series: Vec<Series>,
    /// Lows that were replaced, for the reader to know.
    pub bad_lows: Vec<(String, Date)>,
}

impl Prices {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be opened, a column that is missing, and the first line that is not a candle or is out of order.
    pub fn open(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path)
            .with_context(|| format!("cannot open the prices at {}", path.display()))?;
        Self::read(file).with_context(|| format!("{} is not usable", path.display()))
    }

    /// Reads CSV with the header of [`COLUMNS`], the dates of each asset rising.
    ///
    /// # Errors
    /// As [`Prices::open`].
    pub fn read(input: impl Read) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(input);
        let columns = columns(reader.headers().context("there is no header")?)?;
        let mut order: Vec<String> = Vec::new();
        let mut read: BTreeMap<String, Vec<(Date, Candle)>> = BTreeMap::new();
        let mut bad_lows = Vec::new();
        for record in reader.records() {
            let record = record.context("a line is not CSV")?;
            let line = record.position().map_or(0, csv::Position::line);
            let row = Row::of(&record, &columns).with_context(|| format!("line {line}"))?;
            let Row {
                asset,
                date,
                mut candle,
            } = row;
            if candle.low < BAD_LOW * candle.open && candle.low < BAD_LOW * candle.close {
                candle.low = candle.open.min(candle.close);
                bad_lows.push((asset.clone(), date));
            }
            if !read.contains_key(&asset) {
                order.push(asset.clone());
            }
            let rows = read.entry(asset.clone()).or_default();
            if let Some((last, _)) = rows.last() {
                ensure!(
                    *last < date,
                    "line {line}: {asset} has {date} after {last}; the dates of an asset must rise"
                );
                let gap = date.since(*last) - 1;
                ensure!(
                    gap <= LONGEST_GAP,
                    "line {line}: {asset} lacks {gap} days after {last}; at most {LONGEST_GAP} are bridged"
                );
            }
            rows.push((date, candle));
        }
        align(order, &read, bad_lows)
    }

    /// Number of calendar days.
    pub fn days(&self) -> usize {
        self.series.first().map_or(0, |series| series.candles.len())
    }

    /// The day at a place.
    pub fn date(&self, day: usize) -> Date {
        self.first.plus(i32::try_from(day).unwrap_or(i32::MAX))
    }

    /// The place of a day; `None` when it is not covered.
    pub fn day(&self, date: Date) -> Option<usize> {
        usize::try_from(date.since(self.first))
            .ok()
            .filter(|day| *day < self.days())
    }

    /// The number of an asset.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn asset(&self, name: &str) -> Result<usize> {
        let found = self.series.iter().position(|series| series.asset == name);
        found.with_context(|| {
            let known: Vec<&str> = self.series.iter().map(|s| s.asset.as_str()).collect();
            format!(
                "there are no prices of {name}; there are of {}",
                known.join(", ")
            )
        })
    }

    /// The candle of an asset on a day.
    pub fn candle(&self, asset: usize, day: usize) -> Option<&Candle> {
        self.series.get(asset)?.candles.get(day)?.as_ref()
    }

    /// The last known close of an asset up to a day: what a position is worth on a day without trades.
    pub fn close(&self, asset: usize, day: usize) -> Option<f64> {
        let candles = &self.series.get(asset)?.candles;
        let known = candles.get(..=day)?;
        let recent = known
            .iter()
            .rev()
            .take(usize::try_from(LONGEST_GAP).ok()? + 1);
        recent.flatten().next().map(|candle| candle.close)
    }

    /// Logarithmic return from the previous calendar day's close; `None` unless both days have one.
    pub fn log_return(&self, asset: usize, day: usize) -> Option<f64> {
        let before = self.candle(asset, day.checked_sub(1)?)?;
        Some((self.candle(asset, day)?.close / before.close).ln())
    }

    /// Simple return from the last known close before the day.
    pub fn simple_return(&self, asset: usize, day: usize) -> Option<f64> {
        let before = self.close(asset, day.checked_sub(1)?)?;
        Some(self.candle(asset, day)?.close / before - 1.0)
    }
}

/// One line of the file.
struct Row {
    asset: String,
    date: Date,
    candle: Candle,
}

impl Row {
    fn of(record: &csv::StringRecord, columns: &[usize; 7]) -> Result<Self> {
        let text = |at: usize| record.get(columns[at]).unwrap_or_default();
        let number = |at: usize| -> Result<f64> {
            let value: f64 = text(at)
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .with_context(|| format!("{} is {:?}, not a number", COLUMNS[at], text(at)))?;
            Ok(value)
        };
        let candle = Candle {
            open: number(2)?,
            high: number(3)?,
            low: number(4)?,
            close: number(5)?,
            volume: number(6)?,
        };
        let asset = text(1).to_owned();
        ensure!(!asset.is_empty(), "the asset has no name");
        let date = text(0).parse()?;
        check(&candle).with_context(|| format!("{asset} on {date}"))?;
        Ok(Self {
            asset,
            date,
            candle,
        })
    }
}

fn check(candle: &Candle) -> Result<()> {
    let Candle {
        open,
        high,
        low,
        close,
        volume,
    } = *candle;
    ensure!(
        open > 0.0 && close > 0.0 && low >= 0.0,
        "a price is not positive"
    );
    ensure!(
        low <= open.min(close) && high >= open.max(close),
        "the open or close is outside low and high"
    );
    ensure!(volume >= 0.0, "the volume is negative");
    Ok(())
}

fn columns(header: &csv::StringRecord) -> Result<[usize; 7]> {
    let mut places = [0; 7];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let found = header.iter().position(|column| column == name);
        *place = found.with_context(|| {
            format!(
                "there is no column {name}; the header must name {}",
                COLUMNS.join(",")
            )
        })?;
    }
    Ok(places)
}

fn align(
    order: Vec<String>,
    read: &BTreeMap<String, Vec<(Date, Candle)>>,
    bad_lows: Vec<(String, Date)>,
) -> Result<Prices> {
    let ends = read.values().flat_map(|rows| [rows.first(), rows.last()]);
    let dates: Vec<Date> = ends.flatten().map(|(date, _)| *date).collect();
    let (Some(first), Some(last)) = (dates.iter().min(), dates.iter().max()) else {
        bail!("there is no candle in it");
    };
    let days = usize::try_from(last.since(*first)).unwrap_or(0) + 1;
    ensure!(days <= 40_000, "it spans {days} days, more than a century");
    let series = order.into_iter().map(|asset| {
        let mut candles = vec![None; days];
        for (date, candle) in read.get(&asset).into_iter().flatten() {
            let place = usize::try_from(date.since(*first)).unwrap_or(days);
            if let Some(slot) = candles.get_mut(place) {
                *slot = Some(*candle);
            }
        }
        Series { asset, candles }
    });
    Ok(Prices {
        first: *first,
        series: series.collect(),
        bad_lows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "date,asset,open,high,low,close,quote_volume_usd\n";

    fn read(lines: &str) -> Result<Prices> {
        Prices::read(format!("{HEADER}{lines}").as_bytes())
    }

    fn refusal(text: &str) -> String {
        format!("{:#}", Prices::read(text.as_bytes()).unwrap_err())
    }

    #[test]
    fn days_are_aligned_and_a_missing_one_is_bridged() {
        let prices = read(
            "2024-01-01,A,10,11,9,10,5\n2024-01-02,A,10,13,9,12,5\n2024-01-04,A,12,12,6,6,5\n2024-01-02,B,1,1,1,1,5\n",
        )
        .unwrap();
        assert_eq!((prices.days(), prices.series.len()), (4, 2));
        assert_eq!(prices.log_return(0, 1), Some(1.2f64.ln()));
        assert_eq!(prices.candle(0, 2), None);
        assert_eq!(prices.close(0, 2), Some(12.0));
        // A move over a gap is a loss of the day, but no daily return to learn from.
        assert_eq!(
            (prices.log_return(0, 3), prices.simple_return(0, 3)),
            (None, Some(-0.5))
        );
        assert_eq!(prices.close(1, 0), None);
        assert_eq!(prices.day("2024-01-03".parse().unwrap()), Some(2));
        assert_eq!(prices.date(3).to_string(), "2024-01-04");
        assert!(prices
            .asset("C")
            .unwrap_err()
            .to_string()
            .contains("no prices of C"));
    }

    #[test]
    fn a_bad_low_is_replaced_and_told() {
        let prices =
            read("2020-03-12,LINK,3.8,3.9,0.0001,2.0,5\n2020-03-13,LINK,2,3,0.5,2.4,5\n").unwrap();
        assert_eq!(prices.candle(0, 0).unwrap().low, 2.0);
        // A quarter of the price is deep, and stays.
        assert_eq!(prices.candle(0, 1).unwrap().low, 0.5);
        assert_eq!(prices.bad_lows.len(), 1);
    }

    #[test]
    fn bad_input_is_refused_by_what_is_wrong_with_it() {
        let cases = [
            ("", "no column date"),
            (
                "date,asset,open,high,low,quote_volume_usd\n",
                "no column close",
            ),
            (HEADER, "no candle"),
        ];
        for (text, told) in cases {
            assert!(refusal(text).contains(told), "{}", refusal(text));
        }
        let lines = [
            (
                "2024-01-02,A,1,1,1,1,1\n2024-01-01,A,1,1,1,1,1\n",
                "line 3: A has 2024-01-01 after 2024-01-02",
            ),
            (
                "2024-01-02,A,1,1,1,1,1\n2024-01-02,A,1,1,1,1,1\n",
                "must rise",
            ),
            (
                "2024-01-02,A,1,1,1,1,1\n2024-02-02,A,1,1,1,1,1\n",
                "lacks 30 days",
            ),
            ("2024-01-02,A,1,1,x,1,1\n", "low is \"x\", not a number"),
            ("2024-01-32,A,1,1,1,1,1\n", "not a date"),
            ("2024-01-02,A,1,1,1,0,1\n", "not positive"),
            ("2024-01-02,A,1,1,1,2,1\n", "outside low and high"),
            ("2024-01-02,A,1,1,1,1,-1\n", "volume is negative"),
            ("2024-01-02,A,1,1\n", "not CSV"),
        ];
        for (line, told) in lines {
            let said = refusal(&format!("{HEADER}{line}"));
            assert!(said.contains(told), "{said}");
        }
        let missing = format!("{:#}", Prices::open(Path::new("/nowhere.csv")).unwrap_err());
        assert!(missing.contains("cannot open the prices at /nowhere.csv"));
    }
}
