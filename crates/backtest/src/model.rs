//! The model in floats: an independent reference for the integer engine, written from the formulas alone.

use plimsoll_risk::portfolio::{ModelParams, CRASH_DAYS, MAX_FACTORS};

use crate::fixed::from_ratio;

/// Multiples and fractions of the model, one set for an exchange.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Multiples {
    /// `k`: standard deviations of a day that the requirement covers.
    pub deviations: f64,
    /// `d`: the part charged as if nothing hedged anything.
    pub correlation_breakdown: f64,
    /// `φ`: least requirement as a part of the gross.
    pub gross_floor: f64,
    /// `h`: part of the worst named day that the requirement covers.
    pub crash_multiple: f64,
    /// Maintenance as a part of where a liquidation ends.
    pub maint_fraction: f64,
    /// Charge on a deposit of the quote asset.
    pub depeg_ratio: f64,
    /// Charge on longs that shorts of the same underlying hedge.
    pub basis_ratio: f64,
}

/// Charge on longs that shorts of the same underlying hedge. Daily candles of spot markets do not tell it: a perpetual
/// strays from its underlying by a few tenths of a percent on most days and by percents in a crash.
const BASIS_RATIO: f64 = 0.02;

impl Default for Multiples {
    /// Those of a new exchange.
    fn default() -> Self {
        let params = ModelParams::standard();
        Self {
            deviations: from_ratio(params.deviations),
            correlation_breakdown: from_ratio(params.correlation_breakdown),
            gross_floor: from_ratio(params.gross_floor),
            crash_multiple: from_ratio(params.crash_multiple),
            maint_fraction: from_ratio(params.maint_fraction),
            depeg_ratio: from_ratio(params.depeg_ratio),
            basis_ratio: BASIS_RATIO,
        }
    }
}

/// One shock of all factors together, in volatilities of each, and the part of the loss that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shock {
    /// Move of each factor in its volatilities.
    pub moves: [f64; MAX_FACTORS],
    /// Part of the loss that counts.
    pub weight: f64,
}

/// An underlying as the reference sees it. Volatilities are per square root of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Underlying {
    /// Move per move of each factor.
    pub loadings: [f64; MAX_FACTORS],
    /// Volatility that no factor explains.
    pub own: f64,
    /// USD that trade without moving the price much.
    pub depth: f64,
    /// Growth of the liquidity add-on.
    pub impact: f64,
    /// Returns on the named days.
    pub crash: [f64; CRASH_DAYS],
}

/// Everything that a requirement depends on but the positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Multiples.
    pub multiples: Multiples,
    /// Volatility of each factor.
    pub factors: [f64; MAX_FACTORS],
    /// The same for gains within a scenario: the lower of the current and the binding one.
    pub gains: [f64; MAX_FACTORS],
    /// The scenarios.
    pub shocks: Vec<Shock>,
    /// The underlyings.
    pub underlyings: Vec<Underlying>,
}

/// What an account holds of one underlying, in USD at spot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Holding {
    /// Number of the underlying.
    pub underlying: usize,
    /// All that gains when it rises.
    pub long: f64,
    /// All that gains when it falls, counted positive.
    pub short: f64,
}

impl Holding {
    /// Longs less shorts.
    pub fn net(&self) -> f64 {
        self.long - self.short
    }
}

/// A requirement and what it is made of, in USD.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    /// As if nothing hedged anything.
    pub isolated: f64,
    /// The factor model with its charge for broken correlations and its floor.
    pub linear: f64,
    /// Mean of the worst quarter of the scenarios.
    pub shortfall: f64,
    /// The worst named day's part.
    pub crash: f64,
    /// Liquidity, basis and depeg add-ons.
    pub add_ons: f64,
}

/// Which of the three ways to measure decided a requirement, in the order of [`Parts::decider`]'s numbers.
pub const DECIDERS: [&str; 3] = ["factors", "scenarios", "named days"];

impl Parts {
    /// The number of the way to measure that came to the most.
    pub fn decider(&self) -> usize {
        let ways = [self.linear, self.shortfall, self.crash];
        let more = |best: usize, at: usize| if ways[at] > ways[best] { at } else { best };
        (1..ways.len()).fold(0, more)
    }

    /// The whole model's requirement.
    pub fn full(&self) -> f64 {
        self.linear.max(self.shortfall).max(self.crash) + self.add_ons
    }
}

impl Model {
    /// The requirement of holdings, each underlying at most once, and of a deposit of the quote asset.
    pub fn requirement(&self, holdings: &[Holding], quote_deposit: f64) -> Parts {
        let many = &self.multiples;
        let mut factors = [0.0; MAX_FACTORS];
        let (mut own, mut alone, mut gross, mut add_ons) = (0.0, 0.0, 0.0, 0.0);
        for holding in holdings {
            let Some(underlying) = self.underlyings.get(holding.underlying) else {
                continue;
            };
            let (net, size) = (holding.net(), holding.net().abs());
            for (sum, loading) in factors.iter_mut().zip(underlying.loadings) {
                *sum += loading * net;
            }
            own += (size * underlying.own).powi(2);
            alone += size * self.volatility(underlying);
            gross += size;
            if underlying.depth > 0.0 && size > underlying.depth {
                add_ons += size * underlying.impact * ((size / underlying.depth).sqrt() - 1.0);
            }
            add_ons += many.basis_ratio * holding.long.min(holding.short);
        }
        let moves: Vec<f64> = factors
            .iter()
            .zip(self.factors)
            .map(|(x, s)| x * s)
            .collect();
        let together = (moves.iter().map(|x| x * x).sum::<f64>() + own).sqrt();
        let (isolated, modelled) = (many.deviations * alone, many.deviations * together);
        let d = many.correlation_breakdown;
        Parts {
            isolated,
            linear: ((1.0 - d) * modelled + d * isolated).max(many.gross_floor * gross),
            shortfall: self.shortfall(&factors),
            crash: many.crash_multiple * self.worst_day(holdings),
            add_ons: add_ons + many.depeg_ratio * quote_deposit.max(0.0),
        }
    }

    /// Volatility in all of an underlying.
    pub fn volatility(&self, underlying: &Underlying) -> f64 {
        let explained = underlying.loadings.iter().zip(self.factors);
        (explained.map(|(b, s)| (b * s).powi(2)).sum::<f64>() + underlying.own.powi(2)).sqrt()
    }

    fn shortfall(&self, exposures: &[f64; MAX_FACTORS]) -> f64 {
        let change = |at: usize, shock: f64| {
            let move_of = shock * exposures[at];
            let volatility = if move_of > 0.0 {
                self.gains
            } else {
                self.factors
            };
            move_of * volatility[at]
        };
        let loss = |shock: &Shock| {
            let moves = shock.moves.iter().enumerate();
            let total: f64 = moves.map(|(at, shock)| change(at, *shock)).sum();
            (-total * shock.weight).max(0.0)
        };
        let mut losses: Vec<f64> = self.shocks.iter().map(loss).collect();
        losses.sort_by(|a, b| b.total_cmp(a));
        let tail = losses.len().div_ceil(4);
        if tail == 0 {
            return 0.0;
        }
        losses[..tail].iter().sum::<f64>() / tail as f64
    }

    fn worst_day(&self, holdings: &[Holding]) -> f64 {
        let loss = |day: usize| {
            let of = |holding: &Holding| {
                let underlying = self.underlyings.get(holding.underlying)?;
                Some(-holding.net() * underlying.crash.get(day)?)
            };
            holdings.iter().filter_map(of).sum::<f64>()
        };
        (0..CRASH_DAYS).map(loss).fold(0.0, f64::max)
    }
}
