//! The named days whose returns every underlying carries: a floor under the requirement that no calm period lowers.

/// A day on which crypto-assets moved together as they rarely do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashDay {
    /// UTC date, ISO 8601.
    pub date: &'static str,
    /// What it is remembered for.
    pub name: &'static str,
}

/// Number of named days.
pub const CRASH_DAYS: usize = 8;

/// The days, in the order of [`crate::portfolio::UnderlyingParams::crash_returns`].
pub const DAYS: [CrashDay; CRASH_DAYS] = [
    CrashDay {
        date: "2020-03-12",
        name: "pandemic crash",
    },
    CrashDay {
        date: "2021-05-19",
        name: "mining ban",
    },
    CrashDay {
        // The one rise: without it, a book that is short the market would have no floor.
        date: "2021-05-24",
        name: "rebound",
    },
    CrashDay {
        date: "2022-05-11",
        name: "collapse of an algorithmic stablecoin",
    },
    CrashDay {
        date: "2022-06-13",
        name: "lenders stop withdrawals",
    },
    CrashDay {
        date: "2022-11-09",
        name: "failure of a large exchange",
    },
    CrashDay {
        date: "2024-08-05",
        name: "carry-trade unwind",
    },
    CrashDay {
        date: "2025-10-10",
        name: "tariff announcement",
    },
];
