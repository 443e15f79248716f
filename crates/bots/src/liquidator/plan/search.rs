//! The best next move against an account, as large as the liquidator's own margin allows.
use plimsoll_risk::{AssetRisk, HealthKind, MarketRisk};

use super::{
    terms::{Leg, Obstacle},
    trial::{Gain, Trial},
    NoPlan,
};

/// Steps of the search for the largest affordable size: enough to come within a thousandth of it.
const SIZING_STEPS: u32 = 10;
/// A move may take this part more than it is expected to: the price moves until the call lands.
const HEADROOM_PART: u64 = 4;

/// What the liquidator wants of a step, amounts in native quote.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most value that one move takes over.
    pub max_move: u64,
    /// Init health that the liquidator keeps.
    pub reserve: i128,
    /// Least profit of a call; below zero for a liquidator that accepts losses to keep the exchange solvent.
    pub min_profit: i128,
    /// What a transaction costs.
    pub transaction_cost: i128,
    /// What getting rid of a position costs, per ten thousand of its value.
    pub position_cost_bps: u32,
    /// What exchanging tokens costs, per ten thousand of their value.
    pub token_cost_bps: u32,
    /// Whether calls are made that bring no reward but move an account on.
    pub chores: bool,
    /// Prices published within so many milliseconds need no refresh.
    pub fresh_ms: i64,
}

/// One thing that a call takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Take over up to so many lots of a position.
    TakeOver { market: u16, max_lots: u64 },
    /// The same, followed by what it hedges: both are judged together, so this may be a leg that cannot go alone.
    Open { market: u16, max_lots: u64 },
    /// After a takeover, take over as much in value of a position that hedges it.
    Hedge { market: u16 },
    /// Pay up to so many native units of a debt for collateral.
    Swap {
        collateral: Leg,
        debt: Leg,
        max_debt: u64,
    },
}

impl Move {
    fn limit(&self) -> u64 {
        match *self {
            Self::TakeOver { max_lots, .. } | Self::Open { max_lots, .. } => max_lots,
            Self::Hedge { .. } => u64::MAX,
            Self::Swap { max_debt, .. } => max_debt,
        }
    }

    fn with_limit(self, limit: u64) -> Self {
        match self {
            Self::TakeOver { market, .. } => Self::TakeOver {
                market,
                max_lots: limit,
            },
            Self::Open { market, .. } => Self::Open {
                market,
                max_lots: limit,
            },
            Self::Hedge { .. } => self,
            Self::Swap {
                collateral, debt, ..
            } => Self::Swap {
                collateral,
                debt,
                max_debt: limit,
            },
        }
    }

    /// Makes the move in a trial.
    ///
    /// # Errors
    /// The [`Obstacle`].
    pub fn try_on(&self, trial: &mut Trial<'_>) -> Result<Gain, Obstacle> {
        match *self {
            Self::TakeOver { market, max_lots } => trial.take_over(market, max_lots),
            Self::Open { market, max_lots } => trial.open(market, max_lots),
            Self::Hedge { market } => trial.take_over_hedge(market),
            Self::Swap {
                collateral,
                debt,
                max_debt,
            } => trial.swap(collateral, debt, max_debt),
        }
    }
}

/// A move with its size and what follows from it.
pub struct Sized<'a> {
    pub made: Move,
    pub gain: Gain,
    /// The reward less the cost of getting rid of what was taken over.
    pub score: i128,
    /// Both accounts after it.
    pub trial: Trial<'a>,
}

impl Sized<'_> {
    /// Whether the account needs no more after it.
    pub fn ends(&self) -> bool {
        self.trial.is_over()
    }

    /// A move that pays is better the more it pays. Where none does, which only a liquidator that accepts losses goes on
    /// with, the one that relieves the account most is better: many small losses add up.
    pub fn is_better_than(&self, other: &Self) -> bool {
        let key = |sized: &Self| match sized.score >= 0 {
            true => (true, sized.score),
            false => (false, sized.trial.standing.of(HealthKind::LiquidationEnd)),
        };
        key(self) > key(other)
    }
}

/// The move of the highest score.
///
/// # Errors
/// [`NoPlan::OwnMargin`] when only that stands in the way, [`NoPlan::Stuck`] when nothing else could be done either.
pub(super) fn best<'a>(
    trial: &Trial<'a>,
    limits: &Limits,
    positions: bool,
) -> Result<Sized<'a>, NoPlan> {
    let mut best: Option<Sized<'a>> = None;
    let mut reason = NoPlan::Stuck(Obstacle::NotPriced);
    for candidate in candidates(trial, limits, positions) {
        match sized(trial, candidate, limits) {
            Ok(found) => {
                if best.as_ref().is_none_or(|best| found.is_better_than(best)) {
                    best = Some(found);
                }
            }
            Err(NoPlan::OwnMargin) => reason = NoPlan::OwnMargin,
            Err(other) if reason != NoPlan::OwnMargin => reason = other,
            Err(_) => {}
        }
    }
    best.ok_or(reason)
}

/// How often a first leg is tried with a quarter of the size when the liquidator's margin does not suffice.
const QUARTERINGS: u32 = 6;

/// The best takeover with a second leg that together improve an account of which no leg can go alone: the takeover, and
/// both with what follows from them. Only in portfolio margin.
pub(super) fn best_pair<'a>(trial: &Trial<'a>, limits: &Limits) -> Option<(Move, Sized<'a>)> {
    let mut best: Option<(Move, Sized<'a>)> = None;
    if !trial.is_netted() {
        return None;
    }
    let positions = candidates(trial, limits, true).into_iter();
    for first in positions.filter_map(|made| match made {
        Move::TakeOver { market, max_lots } => Some(Move::Open { market, max_lots }),
        _ => None,
    }) {
        for step in 0..QUARTERINGS {
            let first = first.with_limit((first.limit() >> (2 * step)).max(1));
            let found = with_second(trial, first, limits);
            if let Some(found) = found {
                if best
                    .as_ref()
                    .is_none_or(|(_, best)| found.is_better_than(best))
                {
                    best = Some((first, found));
                }
                break;
            }
        }
    }
    best
}

/// A takeover with the best second leg after it.
fn with_second<'a>(trial: &Trial<'a>, first: Move, limits: &Limits) -> Option<Sized<'a>> {
    let mut opened = trial.clone();
    let gain = first.try_on(&mut opened).ok()?;
    let hedges = candidates(&opened, limits, true)
        .into_iter()
        .filter_map(|made| match made {
            Move::TakeOver { market, .. } => Some(Move::Hedge { market }),
            _ => None,
        });
    let hedges = hedges.filter_map(|second| {
        let found = sized(&opened, second, limits).ok()?;
        Some(together(gain, found, limits))
    });
    let swaps = candidates(&opened, limits, false).into_iter();
    let swaps = swaps.filter_map(|second| closed_by(trial, first, second, limits));
    let mut best: Option<Sized<'a>> = None;
    for found in hedges.chain(swaps) {
        if best.as_ref().is_none_or(|best| found.is_better_than(best)) {
            best = Some(found);
        }
    }
    best
}

/// A second leg with what the first one brings.
fn together<'a>(first: Gain, mut second: Sized<'a>, limits: &Limits) -> Sized<'a> {
    second.gain.reward += first.reward;
    second.score += score(&first, limits);
    second
}

/// A takeover with a swap that closes what it opens. No more is opened than the swap's limit can close, so once that is known
/// both are tried again as the program will carry them out.
fn closed_by<'a>(trial: &Trial<'a>, first: Move, swap: Move, limits: &Limits) -> Option<Sized<'a>> {
    let open = |swap: Move| -> Result<(Gain, Trial<'a>), Obstacle> {
        let mut opened = trial.clone();
        opened.prepare(&[first, swap])?;
        Ok((first.try_on(&mut opened)?, opened))
    };
    let (gain, opened) = open(swap).ok()?;
    let found = sized(&opened, swap, limits).ok()?;
    if found.made == swap {
        return Some(together(gain, found, limits));
    }
    let swap = found.made;
    let (gain, mut after) = open(swap).ok()?;
    let swapped = swap.try_on(&mut after).ok()?;
    after.judge().ok()?;
    if !is_affordable(trial.own_init(), after.own_init(), limits.reserve) {
        return None;
    }
    let second = Sized {
        made: swap,
        gain: swapped,
        score: score(&swapped, limits),
        trial: after,
    };
    Some(together(gain, second, limits))
}

/// Every position and every pair of collateral and debt, within the largest move allowed.
fn candidates(trial: &Trial<'_>, limits: &Limits, positions: bool) -> Vec<Move> {
    let account = &trial.account;
    let risk = trial.outlook.risk();
    let mut found = Vec::new();
    let held = account.perps.iter().filter(|p| !p.position.is_zero());
    for perp in held.filter(|_| positions) {
        if let Ok(entry) = risk.market(perp.market) {
            found.push(Move::TakeOver {
                market: perp.market,
                max_lots: lots_worth(limits.max_move, entry),
            });
        }
    }
    let claims = |wanted: fn(i64) -> bool| {
        let flat = account.perps.iter().filter(|p| !p.is_free());
        flat.filter(move |p| p.position.is_zero() && wanted(p.quote.0))
            .map(|p| Leg::Claim(p.market))
    };
    let tokens = |wanted: fn(i64) -> bool| {
        let balances = account.balances.iter().filter(|b| !b.is_free());
        balances
            .filter(move |b| wanted(b.shares.0))
            .map(|b| Leg::Asset(b.asset))
    };
    let debts: Vec<Leg> = tokens(|x| x < 0).chain(claims(|x| x < 0)).collect();
    for collateral in tokens(|x| x > 0).chain(claims(|x| x > 0)) {
        found.extend(debts.iter().map(|&debt| {
            Move::Swap {
                collateral,
                debt,
                max_debt: match debt {
                    Leg::Asset(asset) => risk
                        .asset(asset)
                        .map_or(1, |entry| units_worth(limits.max_move, entry)),
                    Leg::Claim(_) => limits.max_move,
                },
            }
        }));
    }
    found
}

/// A move as large as it may be while the liquidator keeps its reserve.
fn sized<'a>(trial: &Trial<'a>, wanted: Move, limits: &Limits) -> Result<Sized<'a>, NoPlan> {
    let before = trial.own_init();
    let attempt = |wanted: Move| -> Result<(Gain, Trial<'a>), Obstacle> {
        let mut after = trial.clone();
        let gain = wanted.try_on(&mut after)?;
        after.judge()?;
        Ok((gain, after))
    };
    let affordable = |after: &Trial<'_>| is_affordable(before, after.own_init(), limits.reserve);
    let finish = |limit: u64, (gain, trial): (Gain, Trial<'a>)| Sized {
        made: wanted.with_limit(limit),
        gain,
        score: score(&gain, limits),
        trial,
    };
    let whole = attempt(wanted).map_err(NoPlan::Stuck)?;
    if affordable(&whole.1) {
        let room = whole
            .0
            .amount
            .saturating_add(whole.0.amount / HEADROOM_PART);
        let limit = match whole.0.amount {
            0 => wanted.limit(),
            _ => room.saturating_add(1).min(wanted.limit()),
        };
        return Ok(finish(limit, whole));
    }
    let (mut low, mut high, mut found) = (0, whole.0.amount, None);
    for _ in 0..SIZING_STEPS {
        let middle = low + (high - low) / 2;
        if middle == low {
            break;
        }
        match attempt(wanted.with_limit(middle)) {
            Ok(tried) if affordable(&tried.1) => {
                low = middle;
                found = Some(tried);
            }
            _ => high = middle,
        }
    }
    found
        .map(|tried| finish(low, tried))
        .ok_or(NoPlan::OwnMargin)
}

/// The liquidator keeps its reserve, or is no worse off than before and still at zero or above, which is what the
/// program asks.
pub(super) fn is_affordable(before: Option<i128>, after: Option<i128>, reserve: i128) -> bool {
    let Some(after) = after else {
        return false;
    };
    after >= reserve || (after >= 0 && before.is_some_and(|before| after >= before))
}

fn score(gain: &Gain, limits: &Limits) -> i128 {
    let part = |value: i128, bps: u32| value.max(0) * i128::from(bps) / 10_000;
    gain.reward
        - part(gain.position, limits.position_cost_bps)
        - part(gain.tokens, limits.token_cost_bps)
}

/// Lots of a market for so much native quote, at least one.
fn lots_worth(value: u64, entry: &MarketRisk) -> u64 {
    worth(value, entry.price.spot, entry.shift)
}

/// Native units of an asset for so much native quote, at least one.
pub(super) fn units_worth(value: u64, entry: &AssetRisk) -> u64 {
    worth(value, entry.price.spot, entry.shift)
}

fn worth(value: u64, spot: u64, shift: u8) -> u64 {
    let scaled = u128::from(value).checked_shl(u32::from(shift)).unwrap_or(0);
    let units = scaled.checked_div(u128::from(spot)).unwrap_or(0);
    u64::try_from(units).unwrap_or(u64::MAX).max(1)
}
