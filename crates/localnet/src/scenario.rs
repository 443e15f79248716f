//! How prices move: the shapes of a mild dip and of two historic crashes, as short tables of published facts.
//!
//! A table gives prices as factors of the start; between its points prices run in a straight line, with a little seeded
//! noise. The start prices are of today's magnitude whatever the year of the shape, so the decimals are realistic.
use clap::ValueEnum;

use crate::random::Random;

/// What is priced, in the order in which the exchange lists it; the quote asset first.
pub const SYMBOLS: [&str; 5] = ["USDC", "SOL", "BTC", "ETH", "lstSOL"];
/// Prices at the start, USD. The liquid-staked token is worth more than its base by the rewards it has gathered.
pub const START: [f64; 5] = [0.9999, 190.0, 117_000.0, 4_350.0, 190.0 * STAKED_RATE];
/// Base tokens that one liquid-staked token redeems for.
pub const STAKED_RATE: f64 = 1.21;
/// Largest noise on a tick's price, as a part of it.
const NOISE: f64 = 0.0012;

/// A price history to replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// A dip of 8 % within four hours, half of it recovered.
    Mild,
    /// The shape of 12 March 2020: bitcoin lost 47 % within a day, in two legs; in the second, liquidators do not get
    /// through for an hour and a half.
    #[value(name = "march-2020")]
    March2020,
    /// The shape of 10 October 2025: a flash crash within half an hour, mostly recovered within the next.
    #[value(name = "october-2025")]
    October2025,
}

/// How far prices have moved since a scenario began.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// Factors of the prices then.
    pub btc: f64,
    pub eth: f64,
    pub sol: f64,
    /// By how much the liquid-staked token trades below what it redeems for.
    pub staked_discount: f64,
}

/// A point of a shape.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// Minutes since the start.
    minute: f64,
    /// Out of a hundred: the part of all ticks that the way to this point takes, so that ticks are dense where prices
    /// move and sparse where they do not.
    share: u32,
    moved: Move,
}

const fn at(minute: f64, share: u32, [btc, eth, sol]: [f64; 3], staked_discount: f64) -> Point {
    Point {
        minute,
        share,
        moved: Move {
            btc,
            eth,
            sol,
            staked_discount,
        },
    }
}

/// No history: a dip as there are several a month.
const MILD: &[Point] = &[
    at(0.0, 0, [1.0, 1.0, 1.0], 0.001),
    at(150.0, 60, [0.945, 0.93, 0.92], 0.004),
    at(240.0, 40, [0.97, 0.96, 0.955], 0.002),
];

/// 12 March 2020, from 09:00 UTC. Bitcoin: 7,300 USD at 10:00, 5,690 at 11:00, 5,800 at 23:00, 3,900 at 02:15 (Coin
/// Metrics, report of 23 March 2020, "two price collapses on the day"). Ether: 190 USD to 87 over the two legs, divided
/// between them here as bitcoin's fall was. SOL had no market yet and takes ether's shape; no liquid-staked token
/// existed either, its discount is an assumption. What came after the low is left out.
const MARCH_2020: &[Point] = &[
    at(0.0, 0, [1.0, 1.0, 1.0], 0.001),
    at(60.0, 8, [1.0, 1.0, 1.0], 0.001),
    at(120.0, 32, [0.779, 0.744, 0.744], 0.02),
    at(840.0, 20, [0.795, 0.761, 0.761], 0.005),
    at(1035.0, 35, [0.534, 0.458, 0.458], 0.03),
    at(1050.0, 5, [0.534, 0.458, 0.458], 0.03),
];

/// 10 October 2025, from 14:50 UTC. Bitcoin: the day's high of 122,574 USD before the first announcement, about 117,000
/// when the cascade began at 20:50, 104,782 at the low around 21:20, 114,500 at 21:50 (cascade times: Amberdata;
/// levels: Coinglass and contemporary live reports). Ether fell to 3,436 and stood at 3,900 at 21:50, from about 4,350.
/// SOL: reports of its low range from 20 % to 40 % below the day's start; the table takes 30 %, and 190 of 222 at 21:50.
/// Staked tokens lost their parity on some venues; the 4 % here is an assumption for an average over venues.
const OCTOBER_2025: &[Point] = &[
    at(0.0, 0, [1.0, 1.0, 1.0], 0.001),
    at(360.0, 20, [0.955, 0.945, 0.935], 0.004),
    at(385.0, 40, [0.875, 0.82, 0.74], 0.03),
    at(390.0, 10, [0.855, 0.79, 0.70], 0.04),
    at(420.0, 30, [0.934, 0.897, 0.856], 0.01),
];

/// Prices at one moment of a scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick {
    /// Seconds since the start.
    pub second: i64,
    /// USD per whole token, by [`SYMBOLS`].
    pub prices: [f64; 5],
    /// Confidence intervals, USD, by [`SYMBOLS`]: publishers disagree more while prices run.
    pub confidence: [f64; 5],
}

impl Scenario {
    fn points(self) -> &'static [Point] {
        match self {
            Self::Mild => MILD,
            Self::March2020 => MARCH_2020,
            Self::October2025 => OCTOBER_2025,
        }
    }

    /// The name that the command line uses.
    pub fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// All of them.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The scenario of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().iter().find(|s| s.name() == name).copied()
    }

    /// What it is, in a sentence.
    pub fn about(self) -> String {
        self.to_possible_value()
            .and_then(|value| value.get_help().map(ToString::to_string))
            .unwrap_or_default()
    }

    /// Plays the scenario in `ticks` steps after its start, which is tick 0.
    pub fn replay(self, ticks: u32, seed: u64) -> Vec<Tick> {
        let mut random = Random::new(seed, "prices");
        let mut path: Vec<Tick> = Vec::new();
        for tick in 0..=ticks {
            let point = self.point(f64::from(tick) / f64::from(ticks.max(1)));
            path.push(priced(&point, path.last(), &mut random));
        }
        path
    }

    /// How long it took, seconds.
    pub fn seconds(self) -> f64 {
        self.points()
            .last()
            .map_or(0.0, |point| point.minute * 60.0)
    }

    /// Whether somebody is bound to be liquidated.
    pub fn is_crash(self) -> bool {
        self != Self::Mild
    }

    /// Whether liquidators' transactions fail to get through at a time, as on the congested chains of March 2020, when
    /// liquidation auctions ended without bids. Which minutes is an assumption: the steepest of the second leg.
    pub fn is_congested(self, second: i64) -> bool {
        self == Self::March2020 && (860 * 60..950 * 60).contains(&second)
    }

    /// How far prices have moved after a fraction of all ticks.
    pub fn at(self, fraction: f64) -> Move {
        self.point(fraction).moved
    }

    /// The point after a fraction of all ticks.
    fn point(self, fraction: f64) -> Point {
        let mut reached = 0.0;
        for pair in self.points().windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let share = f64::from(to.share) / 100.0;
            if fraction <= reached + share {
                return between(&from, &to, (fraction - reached) / share);
            }
            reached += share;
        }
        self.points()[self.points().len() - 1]
    }
}

fn between(from: &Point, to: &Point, part: f64) -> Point {
    let blend = |a: f64, b: f64| a + (b - a) * part;
    Point {
        minute: blend(from.minute, to.minute),
        share: 0,
        moved: Move {
            btc: blend(from.moved.btc, to.moved.btc),
            eth: blend(from.moved.eth, to.moved.eth),
            sol: blend(from.moved.sol, to.moved.sol),
            staked_discount: blend(from.moved.staked_discount, to.moved.staked_discount),
        },
    }
}

fn priced(point: &Point, last: Option<&Tick>, random: &mut Random) -> Tick {
    let mut noisy = |price: f64, size: f64| match last {
        Some(_) => price * (1.0 + random.signed_unit() * size),
        None => price,
    };
    let sol = noisy(START[1] * point.moved.sol, NOISE);
    let prices = [
        noisy(START[0], NOISE / 20.0),
        sol,
        noisy(START[2] * point.moved.btc, NOISE),
        noisy(START[3] * point.moved.eth, NOISE),
        sol * STAKED_RATE * (1.0 - point.moved.staked_discount),
    ];
    let mut confidence = [0.0; 5];
    for (i, out) in confidence.iter_mut().enumerate() {
        let before = last.map_or(prices[i], |tick| tick.prices[i]);
        let moved = (prices[i] / before - 1.0).abs();
        *out = prices[i] * (0.0004 + moved / 20.0).min(0.01);
    }
    Tick {
        second: (point.minute * 60.0) as i64,
        prices,
        confidence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Scenario; 3] = [Scenario::Mild, Scenario::March2020, Scenario::October2025];

    fn lowest(path: &[Tick], asset: usize) -> f64 {
        path.iter()
            .map(|tick| tick.prices[asset] / START[asset])
            .fold(f64::MAX, f64::min)
    }

    #[test]
    fn tables_are_in_order_and_share_out_all_ticks() {
        for scenario in ALL {
            let points = scenario.points();
            assert_eq!(points.iter().map(|p| p.share).sum::<u32>(), 100);
            assert!(points.windows(2).all(|p| p[0].minute < p[1].minute));
        }
    }

    #[test]
    fn falls_are_as_deep_as_the_facts() {
        let deep = |scenario: Scenario, asset| lowest(&scenario.replay(200, 1), asset);
        assert!((0.52..0.55).contains(&deep(Scenario::March2020, 2)));
        assert!((0.84..0.87).contains(&deep(Scenario::October2025, 2)));
        assert!((0.68..0.72).contains(&deep(Scenario::October2025, 1)));
        assert!((0.91..0.93).contains(&deep(Scenario::Mild, 1)));
    }

    #[test]
    fn march_falls_in_two_legs() {
        let path = Scenario::March2020.replay(100, 1);
        let btc = |minute: i64| {
            path.iter()
                .min_by_key(|tick| (tick.second - minute * 60).abs())
                .map_or(0.0, |tick| tick.prices[2] / START[2])
        };
        assert!(btc(60) > 0.98);
        assert!((0.76..0.80).contains(&btc(120)));
        assert!((0.77..0.81).contains(&btc(840)));
        assert!(btc(1035) < 0.55);
    }

    #[test]
    fn october_recovers_most_of_its_fall() {
        let path = Scenario::October2025.replay(60, 1);
        let last = path[60].prices[2] / START[2];
        assert!((0.92..0.95).contains(&last));
        assert!(path[60].second == 420 * 60);
    }

    #[test]
    fn time_runs_forward_and_a_seed_repeats() {
        for scenario in ALL {
            for ticks in [1, 8, 48] {
                let path = scenario.replay(ticks, 3);
                assert_eq!(path.len(), ticks as usize + 1);
                assert!(path.windows(2).all(|p| p[0].second < p[1].second));
                assert_eq!(path, scenario.replay(ticks, 3));
                assert_eq!(path[0].prices, scenario.replay(ticks, 4)[0].prices);
            }
        }
    }

    #[test]
    fn a_staked_token_trades_below_what_it_redeems_for() {
        for tick in Scenario::October2025.replay(50, 9) {
            assert!(tick.prices[4] < tick.prices[1] * STAKED_RATE);
            assert!(tick
                .prices
                .iter()
                .zip(tick.confidence)
                .all(|(price, conf)| conf > 0.0 && conf <= price * 0.0101));
        }
    }
}
