//! Calendar days as numbers, so that a series is an array.

use std::fmt;
use std::str::FromStr;

use anyhow::{bail, Error, Result};

/// A UTC calendar day: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i32);

impl Date {
    /// From year, month (1 to 12) and day of the month; `None` when there is no such day.
    pub fn new(year: i32, month: i32, day: i32) -> Option<Self> {
        if !(1900..=9999).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        // Years from March, so that the leap day ends one (Hinnant, "chrono-compatible low-level date algorithms").
        let shifted = if month <= 2 { year - 1 } else { year };
        let era = shifted.div_euclid(400);
        let of_era = shifted.rem_euclid(400);
        let from_march = (month + 9) % 12;
        let of_year = (153 * from_march + 2) / 5 + day - 1;
        let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        let date = Self(era * 146_097 + days - 719_468);
        (date.parts() == (year, month, day)).then_some(date)
    }

    /// Year, month and day of the month.
    pub fn parts(self) -> (i32, i32, i32) {
        let shifted = self.0 + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let of_year = day_of_era - (365 * of_era + of_era / 4 - of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = (from_march + 2) % 12 + 1;
        let year = of_era + era * 400 + i32::from(month <= 2);
        (year, month, day)
    }

    /// Whole days from `earlier` to this one.
    pub fn since(self, earlier: Self) -> i32 {
        self.0 - earlier.0
    }

    /// This many days later.
    pub fn plus(self, days: i32) -> Self {
        Self(self.0 + days)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<Option<i32>> = text.split('-').map(|part| part.parse().ok()).collect();
        if let [Some(year), Some(month), Some(day)] = parts[..] {
            if let Some(date) = Self::new(year, month, day) {
                return Ok(date);
            }
        }
        bail!("{text:?} is not a date such as 2024-12-31")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_reads_back_as_it_was_written() {
        for text in [
            "1970-01-01",
            "2000-02-29",
            "2020-02-29",
            "2020-03-01",
            "2024-12-31",
        ] {
            let date: Date = text.parse().unwrap();
            assert_eq!(date.to_string(), text);
        }
        assert_eq!("1970-01-01".parse::<Date>().unwrap(), Date(0));
        assert_eq!("2020-03-12".parse::<Date>().unwrap(), Date(18_333));
        let every = (-20_000..60_000).map(Date);
        assert!(every.into_iter().all(|date| {
            let (year, month, day) = date.parts();
            Date::new(year, month, day) == Some(date)
        }));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2023-02-29",
            "2023-13-01",
            "2023-04-31",
            "12/31/2023",
            "2023-01",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }
}
