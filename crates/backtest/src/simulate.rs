//! One portfolio through history: what each model requires every day, what the next days cost, and what becomes of an
//! account that holds just the requirement.
//!
//! An account is opened at the close of every day with equity equal to the Init requirement, known from that day and
//! before. Its quantities stay. On each of the next days it is marked three times: with every asset at its low, every
//! asset at its high, and at the close, the first two with the parameters of the evening before. Profits are settled at
//! each close; of what came since, the maintenance line counts a perpetual's gain by the profit weight. An account below
//! its maintenance requirement is closed at that mark, and what its equity is below zero is bad debt.

use anyhow::{Context as _, Result};
use plimsoll_risk::portfolio::Volatilities;

use crate::books::{Book, Kind};
use crate::conditions::Conditions;
use crate::model::{Holding, Parts};
use crate::prices::Prices;
use crate::random::Random;
use crate::standard::{listing, PROFIT_WEIGHT};

/// The models that are compared, in the order of all arrays.
pub const MODELS: [&str; 4] = ["isolated", "standard", "linear", "full"];

/// Days that an account is held for.
pub const HORIZON: usize = 10;

/// Prices, what was known, and what is made up.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The prices.
    pub prices: &'a Prices,
    /// What was known at the close of each day.
    pub conditions: &'a [Option<Conditions>],
    /// The perpetual's price over its underlying's, less one, of each day.
    pub basis: Vec<f64>,
    /// USD of every book's gross.
    pub gross: f64,
    /// First and last day on which accounts are opened.
    pub range: (usize, usize),
}

/// A made-up basis: half of yesterday's, and noise of 0.1 % a day and 3 % of the first asset's move.
pub fn basis(prices: &Prices, seed: u64) -> Vec<f64> {
    let mut random = Random::new(seed);
    let mut last = 0.0;
    let day = |day| {
        let change = prices.log_return(0, day).unwrap_or(0.0).abs();
        last = 0.5 * last + (0.001 + 0.03 * change) * random.normal();
        last
    };
    (0..prices.days()).map(day).collect()
}

/// What one model did with one book.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Requirement as a part of the gross, of each day.
    pub required: Vec<f64>,
    /// The same divided by the isolated requirement, added up.
    pub relative: f64,
    /// Losses of the next day.
    pub one_day: Exceedances,
    /// Losses of the next two days.
    pub two_days: Exceedances,
    /// Accounts that were opened and could be followed to the end.
    pub accounts: usize,
    /// Of them, liquidated.
    pub liquidated: usize,
    /// Of those, how many the parameters of the opening day would have spared.
    pub by_parameters: usize,
    /// Accounts that ended below zero.
    pub indebted: usize,
    /// Their debts as parts of the gross, added up.
    pub debt: f64,
    /// The largest of them.
    pub worst_debt: f64,
}

/// Losses that were more than what was held.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exceedances {
    /// Losses that were looked at.
    pub days: usize,
    /// Of them, more than was held.
    pub count: usize,
    /// The largest loss over what was held, as a multiple of that; below one when every loss was covered.
    pub worst: f64,
}

impl Exceedances {
    /// Counts a loss against what was held.
    pub fn count(&mut self, loss: f64, held: f64) {
        self.days += 1;
        self.count += usize::from(loss > held);
        if held > 0.0 {
            self.worst = self.worst.max(loss / held);
        }
    }

    fn add(&mut self, other: &Self) {
        self.days += other.days;
        self.count += other.count;
        self.worst = self.worst.max(other.worst);
    }

    /// Part of the losses that were more than was held.
    pub fn part(&self) -> f64 {
        part(self.count, self.days)
    }
}

fn part(count: usize, of: usize) -> f64 {
    if of == 0 {
        return 0.0;
    }
    count as f64 / of as f64
}

impl Record {
    /// Adds another book of the same name. The requirements follow each other, so that days of different books never meet
    /// in a rise: the rises are measured before.
    fn add(&mut self, other: &Self) {
        self.required.extend(&other.required);
        self.relative += other.relative;
        self.one_day.add(&other.one_day);
        self.two_days.add(&other.two_days);
        self.accounts += other.accounts;
        self.liquidated += other.liquidated;
        self.by_parameters += other.by_parameters;
        self.indebted += other.indebted;
        self.debt += other.debt;
        self.worst_debt = self.worst_debt.max(other.worst_debt);
    }

    /// Mean requirement relative to the isolated one.
    pub fn mean_relative(&self) -> f64 {
        self.relative / self.required.len().max(1) as f64
    }

    /// Mean requirement as a part of the gross.
    pub fn mean_required(&self) -> f64 {
        crate::regression::mean(&self.required)
    }

    /// Part of the accounts that were liquidated.
    pub fn part_liquidated(&self) -> f64 {
        part(self.liquidated, self.accounts)
    }
}

/// How a requirement moved by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cycle {
    /// The largest requirement over the smallest.
    pub peak_to_trough: f64,
    /// The largest rise within five days, as a part of what it rose from.
    pub five_day_rise: f64,
}

/// The cycle of a book's requirements of consecutive days.
pub fn cycle(required: &[f64]) -> Cycle {
    let peak = required.iter().copied().fold(0.0, f64::max);
    let trough = required.iter().copied().fold(f64::INFINITY, f64::min);
    let rises = required.windows(6).map(|days| {
        let later = days.iter().copied().fold(0.0, f64::max);
        later / days[0] - 1.0
    });
    Cycle {
        peak_to_trough: if trough > 0.0 && trough.is_finite() {
            peak / trough
        } else {
            0.0
        },
        five_day_rise: rises.fold(0.0, f64::max),
    }
}

/// What all models did with a book, or with several of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The books' name.
    pub name: String,
    /// First and last day that counted.
    pub span: (usize, usize),
    /// Days that counted, and the loss of the day after as a part of the gross; of several books the first's.
    pub losses: Vec<(usize, f64)>,
    /// Days on which each way to measure decided the whole model's requirement: factors, scenarios, named days.
    pub decided: [usize; 3],
    /// Per model.
    pub records: [Record; 4],
    /// Per model; of several books the largest.
    pub cycles: [Cycle; 4],
}

/// Prices of a moment within a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Low,
    High,
    Close,
}

/// Runs a book; `None` when there is no day on which all of its assets are known.
///
/// # Errors
/// What the engine refuses.
pub fn run(scene: &Scene<'_>, book: &Book) -> Result<Option<Outcome>> {
    let mut records: [Record; 4] = Default::default();
    let mut span: Option<(usize, usize)> = None;
    let mut losses = Vec::new();
    let mut decided = [0; 3];
    let (first, last) = scene.range;
    for day in first..=last {
        let Some(account) = Account::open(scene, book, day)? else {
            continue;
        };
        span = Some((span.map_or(day, |(first, _)| first), day));
        let [isolated, ..] = account.held;
        for (record, held) in records.iter_mut().zip(account.held) {
            record.required.push(held / scene.gross);
            record.relative += held / isolated;
        }
        decided[account.decider] += 1;
        losses.push((day, -account.profit(day + 1).unwrap_or(0.0) / scene.gross));
        for (days, of) in [(1, 0), (2, 1)] {
            let Some(profit) = account.profit(day + days) else {
                continue;
            };
            for (record, held) in records.iter_mut().zip(account.held) {
                let exceedances = if of == 0 {
                    &mut record.one_day
                } else {
                    &mut record.two_days
                };
                exceedances.count(-profit, held);
            }
        }
        if day + HORIZON < scene.prices.days() {
            account.follow(&mut records)?;
        }
    }
    let cycles = std::array::from_fn(|at| cycle(&records[at].required));
    Ok(span.map(|span| Outcome {
        name: book.name.clone(),
        span,
        losses,
        decided,
        records,
        cycles,
    }))
}

/// Puts the outcomes of books of one name together.
pub fn together(outcomes: Vec<Outcome>) -> Vec<Outcome> {
    let mut out: Vec<Outcome> = Vec::new();
    for outcome in outcomes {
        let Some(known) = out.iter_mut().find(|known| known.name == outcome.name) else {
            out.push(outcome);
            continue;
        };
        let (first, last) = outcome.span;
        known.span = (known.span.0.min(first), known.span.1.max(last));
        for (record, other) in known.records.iter_mut().zip(&outcome.records) {
            record.add(other);
        }
        for (days, other) in known.decided.iter_mut().zip(outcome.decided) {
            *days += other;
        }
        for (cycle, other) in known.cycles.iter_mut().zip(&outcome.cycles) {
            cycle.peak_to_trough = cycle.peak_to_trough.max(other.peak_to_trough);
            cycle.five_day_rise = cycle.five_day_rise.max(other.five_day_rise);
        }
    }
    out
}

/// An account that was opened with just what a model requires.
struct Account<'a> {
    scene: &'a Scene<'a>,
    book: &'a Book,
    opened: usize,
    quantities: Vec<f64>,
    /// Per model: Init requirement, and equity at the opening.
    held: [f64; 4],
    /// Number of the way to measure that decided the whole model's.
    decider: usize,
}

impl<'a> Account<'a> {
    /// `None` when an asset is not known on the day.
    fn open(scene: &'a Scene<'a>, book: &'a Book, day: usize) -> Result<Option<Self>> {
        let Some(Some(conditions)) = scene.conditions.get(day) else {
            return Ok(None);
        };
        let known = |asset: usize| conditions.known.get(asset) == Some(&true);
        if !book.positions.iter().all(|position| known(position.asset)) {
            return Ok(None);
        }
        let mut account = Self {
            scene,
            book,
            opened: day,
            quantities: Vec::new(),
            held: [0.0; 4],
            decider: 0,
        };
        for position in &book.positions {
            let Some(price) = scene.prices.close(position.asset, day) else {
                return Ok(None);
            };
            account.quantities.push(position.part * scene.gross / price);
        }
        let (held, parts) =
            account.required(conditions, day, Mark::Close, Volatilities::Current)?;
        (account.held, account.decider) = (held, parts.decider());
        Ok(Some(account))
    }

    /// Price of a position's underlying.
    fn spot(&self, at: usize, day: usize, mark: Mark) -> Option<f64> {
        let asset = self.book.positions.get(at)?.asset;
        match (self.scene.prices.candle(asset, day), mark) {
            (Some(candle), Mark::Low) => Some(candle.low),
            (Some(candle), Mark::High) => Some(candle.high),
            _ => self.scene.prices.close(asset, day),
        }
    }

    /// Price of a position itself.
    fn price(&self, at: usize, day: usize, mark: Mark) -> Option<f64> {
        let spot = self.spot(at, day, mark)?;
        Some(match self.book.positions.get(at)?.kind {
            Kind::Strayed => spot * (1.0 + self.scene.basis.get(day).copied().unwrap_or(0.0)),
            Kind::Perpetual | Kind::Spot => spot,
        })
    }

    /// Profit of each position from a day's close to a mark.
    fn profits(&self, from: usize, day: usize, mark: Mark) -> Option<Vec<f64>> {
        let one = |(at, quantity): (usize, &f64)| {
            let before = self.price(at, from, Mark::Close)?;
            Some(quantity * (self.price(at, day, mark)? - before))
        };
        self.quantities.iter().enumerate().map(one).collect()
    }

    /// Profit from the opening to a day's close; `None` beyond the prices.
    fn profit(&self, day: usize) -> Option<f64> {
        Some(self.profits(self.opened, day, Mark::Close)?.iter().sum())
    }

    /// Per model: what is required at a mark: Init with the current volatilities, Maint with the binding ones. And the
    /// whole model's parts.
    fn required(
        &self,
        conditions: &Conditions,
        day: usize,
        mark: Mark,
        which: Volatilities,
    ) -> Result<([f64; 4], Parts)> {
        let mut holdings: Vec<Holding> = Vec::new();
        let (mut isolated, mut standard) = (0.0, 0.0);
        for (at, (position, quantity)) in
            self.book.positions.iter().zip(&self.quantities).enumerate()
        {
            let price = self
                .spot(at, day, mark)
                .context("an asset lost its price")?;
            let value = quantity * price;
            isolated += value.abs() * conditions.engine.isolated(position.asset, which);
            let series = self.scene.prices.series.get(position.asset);
            let terms = listing(series.map_or("", |series| &series.asset));
            let [init, maint] = terms.required(position.kind);
            standard += value.abs()
                * if which == Volatilities::Current {
                    init
                } else {
                    maint
                };
            let known = holdings
                .iter()
                .position(|held| held.underlying == position.asset);
            let slot = known.unwrap_or(holdings.len());
            if known.is_none() {
                holdings.push(Holding {
                    underlying: position.asset,
                    ..Holding::default()
                });
            }
            if let Some(holding) = holdings.get_mut(slot) {
                holding.long += value.max(0.0);
                holding.short += (-value).max(0.0);
            }
        }
        let parts = conditions.engine.requirement(&holdings, which)?;
        let fraction = match which {
            Volatilities::Current => 1.0,
            Volatilities::Binding => conditions.engine.multiples().maint_fraction,
        };
        let all = [
            fraction * isolated,
            standard,
            fraction * parts.linear,
            fraction * parts.full(),
        ];
        Ok((all, parts))
    }

    /// Follows the account of each model through the horizon.
    fn follow(&self, records: &mut [Record; 4]) -> Result<()> {
        let mut open = [true; 4];
        for record in records.iter_mut() {
            record.accounts += 1;
        }
        for day in self.opened + 1..=self.opened + HORIZON {
            for mark in [Mark::Low, Mark::High, Mark::Close] {
                let known = if mark == Mark::Close { day } else { day - 1 };
                let (Some(Some(conditions)), Some(opening)) = (
                    self.scene.conditions.get(known),
                    self.scene.conditions.get(self.opened),
                ) else {
                    continue;
                };
                let (maint, _) = self.required(conditions, day, mark, Volatilities::Binding)?;
                let settled = self.profit(day - 1).context("a day without prices")?;
                let since = self
                    .profits(day - 1, day, mark)
                    .context("a day without prices")?;
                let counted = settled + self.weighted(&since);
                let whole = settled + since.iter().sum::<f64>();
                for (at, record) in records.iter_mut().enumerate() {
                    let held = self.held[at];
                    if !open[at] || held + counted >= maint[at] {
                        continue;
                    }
                    open[at] = false;
                    record.liquidated += 1;
                    if let Some(opening) = opening {
                        let (then, _) = self.required(opening, day, mark, Volatilities::Binding)?;
                        record.by_parameters += usize::from(held + counted >= then[at]);
                    }
                    let debt = -(held + whole) / self.scene.gross;
                    if debt > 0.0 {
                        record.indebted += 1;
                        record.debt += debt;
                        record.worst_debt = record.worst_debt.max(debt);
                    }
                }
                if open == [false; 4] {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What profits since the last close count towards maintenance.
    fn weighted(&self, profits: &[f64]) -> f64 {
        let one = |(position, profit): (&crate::books::Position, &f64)| match position.kind {
            Kind::Spot => *profit,
            Kind::Perpetual | Kind::Strayed => profit.min(profit * PROFIT_WEIGHT),
        };
        self.book.positions.iter().zip(profits).map(one).sum()
    }
}
