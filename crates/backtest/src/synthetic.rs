//! A made-up market for tests and first runs: no asset ever traded at these prices.

use std::fmt::Write as _;

use crate::date::Date;
use crate::random::Random;

/// One made-up asset: loadings on the three factors and the volatility of its own, per square root of a day.
struct Asset {
    symbol: &'static str,
    loadings: [f64; 3],
    own: f64,
    volume: f64,
}

/// Volatilities of the three factors.
pub const FACTOR_VOLATILITIES: [f64; 3] = [0.030, 0.020, 0.035];

const ASSETS: [Asset; 5] = [
    Asset {
        symbol: "BTC",
        loadings: [1.0, 0.0, 0.0],
        own: 0.0,
        volume: 1.0e9,
    },
    Asset {
        symbol: "ETH",
        loadings: [1.1, 1.0, 0.0],
        own: 0.0,
        volume: 6.0e8,
    },
    Asset {
        symbol: "SOL",
        loadings: [1.2, 0.6, 1.0],
        own: 0.0,
        volume: 2.0e8,
    },
    Asset {
        symbol: "ALT",
        loadings: [0.9, 0.4, 0.2],
        own: 0.025,
        volume: 4.0e7,
    },
    Asset {
        symbol: "MEME",
        loadings: [0.7, 0.2, 0.5],
        own: 0.060,
        volume: 1.0e7,
    },
];

/// Loadings and own volatility of a made-up asset, for tests to find again.
pub fn truth(symbol: &str) -> Option<([f64; 3], f64)> {
    let found = ASSETS.iter().find(|asset| asset.symbol == symbol)?;
    Some((found.loadings, found.own))
}

/// What the market does besides drifting about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Every day like every other: what an estimator should find exactly.
    Even,
    /// One crash in the last third, and a month of thrice the volatility after it.
    Crash,
}

/// A CSV file of five made-up assets over this many days from 2030-01-01, all starting at 100.
pub fn csv(days: usize, seed: u64, weather: Weather) -> String {
    let mut random = Random::new(seed);
    let mut out = String::from("date,asset,open,high,low,close,quote_volume_usd\n");
    let mut prices = [100.0f64; ASSETS.len()];
    let first = Date::new(2030, 1, 1).unwrap_or(Date(0));
    let crash = days * 2 / 3;
    for day in 0..days {
        let stormy = weather == Weather::Crash && (crash..crash + 30).contains(&day);
        let scale = if stormy { 3.0 } else { 1.0 };
        let mut factors =
            FACTOR_VOLATILITIES.map(|volatility| scale * volatility * random.normal());
        if weather == Weather::Crash && day == crash {
            factors = [-0.30, -0.08, -0.10];
        }
        for (asset, price) in ASSETS.iter().zip(&mut prices) {
            let common: f64 = asset.loadings.iter().zip(factors).map(|(b, f)| b * f).sum();
            let own = scale * asset.own * random.normal();
            let open = *price;
            let close = open * (common + own).exp();
            let reach = 1.0 + 0.01 * random.unit();
            let (high, low) = (open.max(close) * reach, open.min(close) / reach);
            let volume = asset.volume * (0.5 + random.unit());
            let date = first.plus(i32::try_from(day).unwrap_or(0));
            let symbol = asset.symbol;
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "{date},{symbol},{open:.6},{high:.6},{low:.6},{close:.6},{volume:.0}"
            );
            // What a reader sees is what the next day starts from.
            *price = (close * 1e6).round() / 1e6;
        }
    }
    out
}
