//! Prices of a chain that stays up: a calm walk, and scenarios or shocks on demand, each from wherever prices are.
use std::fmt::{Display, Formatter};

use crate::{
    random::Random,
    scenario::{Move, Scenario, Tick, STAKED_RATE, START, SYMBOLS},
};

/// Standard deviation of a second's move in the calm walk, as parts of the price, by [`SYMBOLS`]; the liquid-staked
/// token has SOL's move and a small one of its own.
const CALM: [f64; 5] = [0.000_003, 0.000_20, 0.000_12, 0.000_16, 0.000_02];
/// Part of the way back to where it started that the calm walk goes in a second: it keeps near for hours.
const PULL: f64 = 0.001;
/// Longest that a scenario or a shock may take, seconds.
pub const MAX_SECONDS: f64 = 86_400.0;
/// By how much a liquid-staked token trades below what it redeems for in calm times.
const STAKED_DISCOUNT: f64 = 0.001;
/// Index of SOL and of its liquid-staked token.
const SOL: usize = 1;
const STAKED: usize = 4;

/// What moves prices now.
enum Playing {
    Calm,
    /// Prices run along a scenario's table, from `from` on.
    Scenario {
        scenario: Scenario,
        from: [f64; 5],
        since: f64,
        seconds: f64,
    },
    /// Prices run straight to `to`.
    Shock {
        from: [f64; 5],
        to: [f64; 5],
        since: f64,
        seconds: f64,
    },
}

/// Where prices are and what moves them.
pub struct Prices {
    now: [f64; 5],
    /// What the calm walk stays near.
    anchor: [f64; 5],
    /// Seconds since the start.
    second: f64,
    ticks: u64,
    playing: Playing,
    /// Feeds that say nothing, by [`SYMBOLS`].
    silent: [bool; 5],
    random: Random,
}

/// What is wrong with a request to move prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    Scenario(String),
    Asset(String),
    Seconds,
    Percent,
}

impl Display for Refused {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Scenario(name) => {
                let known: Vec<_> = Scenario::all().iter().map(|s| s.name()).collect();
                let known = known.join(", ");
                write!(f, "no scenario is called {name:?}: there are calm, {known}")
            }
            Self::Asset(symbol) => {
                write!(f, "no asset is called {symbol:?}: {}", SYMBOLS.join(", "))
            }
            Self::Seconds => write!(f, "seconds must be from 1 to {MAX_SECONDS}"),
            Self::Percent => write!(f, "percent must be from -95 to 900"),
        }
    }
}

impl Prices {
    /// Calm prices from [`START`].
    pub fn new(seed: u64) -> Self {
        Self {
            now: START,
            anchor: START,
            second: 0.0,
            ticks: 0,
            playing: Playing::Calm,
            silent: [false; 5],
            random: Random::new(seed, "prices"),
        }
    }

    /// USD per whole token, by [`SYMBOLS`].
    pub fn now(&self) -> [f64; 5] {
        self.now
    }

    /// How often prices have moved.
    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Which feeds say nothing, by [`SYMBOLS`].
    pub fn silent(&self) -> [bool; 5] {
        self.silent
    }

    /// Stops publishing an asset's price, or starts again. What it would be goes on moving.
    pub fn set_publishing(&mut self, symbol: &str, publishing: bool) -> Result<(), Refused> {
        self.silent[index_of(symbol)?] = !publishing;
        Ok(())
    }

    /// What is played, and how much of it has been, from 0 to 1.
    pub fn playing(&self) -> (String, Option<f64>) {
        let part = |since: f64, seconds: f64| Some(((self.second - since) / seconds).min(1.0));
        match &self.playing {
            Playing::Calm => ("calm".into(), None),
            Playing::Scenario {
                scenario,
                since,
                seconds,
                ..
            } => (scenario.name(), part(*since, *seconds)),
            Playing::Shock { since, seconds, .. } => ("shock".into(), part(*since, *seconds)),
        }
    }

    /// Plays a scenario within `seconds`, or ends what is played when the name is `calm`.
    pub fn play(&mut self, name: &str, seconds: f64) -> Result<(), Refused> {
        if name == "calm" {
            self.calm_down();
            return Ok(());
        }
        let scenario = Scenario::named(name).ok_or_else(|| Refused::Scenario(name.into()))?;
        self.playing = Playing::Scenario {
            scenario,
            from: self.now,
            since: self.second,
            seconds: checked(seconds)?,
        };
        Ok(())
    }

    /// Moves assets (all of them but the quote token when `symbols` is `None`) by `percent` within `seconds`.
    pub fn shock(
        &mut self,
        symbols: Option<&[String]>,
        percent: f64,
        seconds: f64,
    ) -> Result<(), Refused> {
        let seconds = checked(seconds)?;
        if !(-95.0..=900.0).contains(&percent) {
            return Err(Refused::Percent);
        }
        let mut to = self.now;
        let mut move_by = |asset: usize| to[asset] = self.now[asset] * (1.0 + percent / 100.0);
        match symbols {
            None => (1..SYMBOLS.len()).for_each(move_by),
            Some(symbols) => {
                for symbol in symbols {
                    move_by(index_of(symbol)?);
                }
            }
        }
        self.playing = Playing::Shock {
            from: self.now,
            to,
            since: self.second,
            seconds,
        };
        Ok(())
    }

    /// The prices `elapsed` seconds later.
    pub fn step(&mut self, elapsed: f64) -> Tick {
        let before = self.now;
        self.second += elapsed;
        self.ticks += 1;
        let ended = match &self.playing {
            Playing::Calm => {
                self.walk(elapsed);
                false
            }
            Playing::Scenario {
                scenario,
                from,
                since,
                seconds,
            } => {
                let part = ((self.second - since) / seconds).min(1.0);
                self.now = along(from, &scenario.at(part));
                part >= 1.0
            }
            Playing::Shock {
                from,
                to,
                since,
                seconds,
            } => {
                let part = ((self.second - since) / seconds).min(1.0);
                self.now = std::array::from_fn(|i| from[i] + (to[i] - from[i]) * part);
                part >= 1.0
            }
        };
        if ended {
            self.calm_down();
        }
        self.tick(&before)
    }

    fn calm_down(&mut self) {
        self.playing = Playing::Calm;
        self.anchor = self.now;
    }

    /// The calm walk. What belongs together moves together: a liquid-staked token follows its base, and comes back to the
    /// discount that it has in calm times.
    fn walk(&mut self, elapsed: f64) {
        let root = elapsed.sqrt();
        let sol_before = self.now[SOL];
        for (i, calm) in CALM.iter().enumerate() {
            // The variance of an even draw over [-1, 1) is a third.
            let noise = self.random.signed_unit() * 3f64.sqrt() * calm * root;
            if i == STAKED {
                let parity = self.now[SOL] * STAKED_RATE * (1.0 - STAKED_DISCOUNT);
                let followed = self.now[i] * self.now[SOL] / sol_before;
                self.now[i] = followed * (1.0 + noise) + (parity - followed) * PULL * elapsed;
            } else {
                let pull = (self.anchor[i] / self.now[i] - 1.0) * PULL * elapsed;
                self.now[i] *= 1.0 + noise + pull;
            }
        }
    }

    /// Publishers disagree more while prices run.
    fn tick(&self, before: &[f64; 5]) -> Tick {
        let confidence = std::array::from_fn(|i| {
            let moved = (self.now[i] / before[i] - 1.0).abs();
            self.now[i] * (0.0004 + moved / 20.0).min(0.01)
        });
        Tick {
            second: self.second as i64,
            prices: self.now,
            confidence,
        }
    }
}

fn index_of(symbol: &str) -> Result<usize, Refused> {
    let known = SYMBOLS.iter().position(|s| *s == symbol);
    known.ok_or_else(|| Refused::Asset(symbol.into()))
}

fn checked(seconds: f64) -> Result<f64, Refused> {
    if (1.0..=MAX_SECONDS).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(Refused::Seconds)
    }
}

/// Prices that have moved `from` where a scenario began.
fn along(from: &[f64; 5], moved: &Move) -> [f64; 5] {
    let sol = from[SOL] * moved.sol;
    // The discount is one to what it redeems for; whatever it was at the start is left behind.
    let staked = sol * STAKED_RATE * (1.0 - moved.staked_discount);
    [
        from[0],
        sol,
        from[2] * moved.btc,
        from[3] * moved.eth,
        staked,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(prices: &mut Prices, seconds: usize) -> Vec<Tick> {
        (0..seconds).map(|_| prices.step(1.0)).collect()
    }

    #[test]
    fn a_calm_hour_stays_near() {
        let mut prices = Prices::new(3);
        let path = run(&mut prices, 3_600);
        for (i, start) in START.iter().enumerate() {
            let far = path.iter().map(|t| (t.prices[i] / start - 1.0).abs());
            assert!(far.fold(0.0, f64::max) < 0.03, "{}", SYMBOLS[i]);
            assert!(path.windows(2).any(|p| p[0].prices[i] != p[1].prices[i]));
        }
    }

    #[test]
    fn a_scenario_takes_its_time_and_leaves_prices_where_it_ends() {
        let mut prices = Prices::new(3);
        run(&mut prices, 10);
        let from = prices.now();
        prices.play("march-2020", 30.0).unwrap();
        run(&mut prices, 15);
        assert_eq!(prices.playing(), ("march-2020".into(), Some(0.5)));
        run(&mut prices, 15);
        assert_eq!(prices.playing(), ("calm".into(), None));
        assert!((prices.now()[2] / from[2] - 0.534).abs() < 1e-9);
        let path = run(&mut prices, 60);
        assert!((path[59].prices[2] / from[2] - 0.534).abs() < 0.01);
    }

    #[test]
    fn a_shock_moves_what_it_names() {
        let mut prices = Prices::new(3);
        let from = prices.now();
        prices
            .shock(Some(&["SOL".into(), "lstSOL".into()]), -30.0, 5.0)
            .unwrap();
        run(&mut prices, 5);
        let moved: Vec<f64> = prices.now().iter().zip(from).map(|(a, b)| a / b).collect();
        assert!((moved[1] - 0.7).abs() < 1e-9 && (moved[4] - 0.7).abs() < 1e-9);
        assert!((moved[2] - 1.0).abs() < 1e-9 && (moved[0] - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_feed_falls_silent_and_speaks_again() {
        let mut prices = Prices::new(3);
        prices.set_publishing("ETH", false).unwrap();
        assert_eq!(prices.silent(), [false, false, false, true, false]);
        prices.set_publishing("ETH", true).unwrap();
        assert_eq!(prices.silent(), [false; 5]);
        let unknown = prices.set_publishing("DOGE", false);
        assert_eq!(unknown, Err(Refused::Asset("DOGE".into())));
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_reason() {
        let mut prices = Prices::new(3);
        let unknown = prices.play("april-2031", 10.0).unwrap_err();
        assert!(unknown.to_string().contains("march-2020"));
        assert_eq!(prices.play("mild", 0.0), Err(Refused::Seconds));
        let asset = prices.shock(Some(&["DOGE".into()]), 1.0, 5.0);
        assert_eq!(asset, Err(Refused::Asset("DOGE".into())));
        assert_eq!(prices.shock(None, -100.0, 5.0), Err(Refused::Percent));
        assert_eq!(prices.shock(None, f64::NAN, 5.0), Err(Refused::Percent));
    }
}
