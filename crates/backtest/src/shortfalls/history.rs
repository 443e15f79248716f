//! Traders, a crash and everybody's haste, drawn from a seed.

use crate::random::Random;

/// Seconds of a step.
pub const STEP_SECS: usize = 10;
/// Steps of a history: four hours.
pub const STEPS: usize = 4 * 360;
/// Native quote per USD.
pub const USD: f64 = 1e6;
/// USD per lot before the crash.
const START: f64 = 100.0;
/// Exponent of the sizes' tail: the largest of a hundred has about a third of all.
const TAIL: f64 = 1.3;

/// One trader's plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Lots, negative for a short position.
    pub lots: i64,
    /// Native quote per lot that was paid or received.
    pub entry: u64,
    /// Native quote that it brought.
    pub deposit: u64,
    /// Step in which it enters at the price of then; zero for those who did before, at `entry`.
    pub enters: usize,
    /// Step in which it closes.
    pub leaves: usize,
    /// Steps from when it should be liquidated until somebody does.
    pub lag: usize,
    /// Whether it entered at the price that most did.
    pub is_usual: bool,
}

/// A crash of 20 to 60 percent within one to sixty minutes, of which up to a half returns, and who is in it.
#[derive(Clone, Debug)]
pub struct History {
    /// Traders: longs lose, shorts win.
    pub plans: Vec<Plan>,
    /// Native quote per lot, by step.
    pub prices: Vec<u64>,
    /// What insurance may pay, native quote: up to 2 percent of the open interest.
    pub insurance: u64,
    /// What chance decides while it runs.
    pub seed: u64,
}

impl History {
    /// Draws the history of a seed with so many traders on each side.
    pub fn draw(seed: u64, traders: usize) -> Self {
        let mut random = Random::new(seed);
        let fall = 0.2 + 0.4 * random.unit();
        let crash = 6 + random.below(6 * 59 + 1);
        let prices = path(&mut random, fall, crash);
        let mut plans: Vec<Plan> = (0..traders).map(|_| plan(&mut random, 1, crash)).collect();
        plans.extend((0..traders).map(|_| plan(&mut random, -1, crash)));
        balance(&mut plans);
        let interest: f64 = plans.iter().map(|plan| plan.lots.max(0) as f64).sum();
        Self {
            insurance: (0.02 * random.unit() * interest * START * USD) as u64,
            plans,
            prices,
            seed: random.bits(),
        }
    }
}

/// The lots of those who are there from the start, shorts negative.
fn early(plans: &[Plan]) -> i64 {
    let early = plans.iter().filter(|plan| plan.enters == 0);
    early.map(|plan| plan.lots).sum()
}

fn path(random: &mut Random, fall: f64, crash: usize) -> Vec<u64> {
    let back = 0.5 * random.unit() * fall;
    let quiet = 30;
    let (bottom, end) = ((1.0 - fall).ln(), (1.0 - fall + back).ln());
    let mut noise = 0.0;
    let level = |step: usize| {
        let fallen = step.saturating_sub(quiet);
        if fallen <= crash {
            return bottom * fallen as f64 / crash as f64;
        }
        let risen = ((fallen - crash) as f64 / 360.0).min(1.0);
        bottom + (end - bottom) * risen
    };
    (0..STEPS)
        .map(|step| {
            noise = 0.98 * noise + 0.001 * random.normal();
            (START * (level(step) + noise).exp() * USD) as u64
        })
        .collect()
}

fn plan(random: &mut Random, sign: i64, crash: usize) -> Plan {
    let size = (20.0 * (1.0 - random.unit()).powf(-1.0 / TAIL)).min(20_000.0);
    let leverage = 2.0 * 10f64.powf(random.unit());
    // Among those who sell, a fifth comes while the price falls.
    let enters = if sign < 0 && random.below(5) == 0 {
        31 + random.below(crash)
    } else {
        0
    };
    let is_usual = enters == 0 && random.below(3) > 0;
    let off = if is_usual {
        0.0
    } else {
        0.1 * (random.unit() - 0.5)
    };
    let entry = START * (1.0 + off);
    // A third of those who win closes and withdraws while the price falls, the others within the two hours after.
    let leaves = if sign > 0 {
        STEPS - 360 + random.below(180)
    } else if random.below(3) == 0 {
        enters.max(30) + 1 + random.below(crash)
    } else {
        31 + crash + random.below(720)
    };
    Plan {
        lots: sign * (size as i64).max(1),
        enters,
        entry: (entry * USD) as u64,
        deposit: (size * entry * USD / leverage) as u64,
        leaves,
        lag: random.below(31),
        is_usual,
    }
}

/// Gives both sides of those who are there from the start the same lots: the largest of the smaller side holds the rest.
fn balance(plans: &mut [Plan]) {
    let rest = early(plans);
    let smaller = plans
        .iter_mut()
        .filter(|plan| plan.enters == 0)
        .filter(|plan| plan.lots.signum() == -rest.signum())
        .max_by_key(|plan| plan.lots.abs());
    let Some(plan) = smaller else { return };
    let before = plan.lots;
    plan.lots -= rest;
    plan.deposit = (plan.deposit as f64 * plan.lots as f64 / before as f64) as u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_follows_from_its_seed_and_is_within_its_bounds() {
        for seed in 0..40 {
            let history = History::draw(seed, 50);
            let again = History::draw(seed, 50);
            assert_eq!(history.prices, again.prices);
            assert_eq!(early(&history.plans), 0);
            let lowest = *history.prices.iter().min().unwrap() as f64 / USD / START;
            assert!((0.37..=0.82).contains(&lowest), "{lowest}");
            assert!(history
                .plans
                .iter()
                .all(|plan| plan.deposit > 0 && plan.enters < plan.leaves && plan.leaves < STEPS));
        }
    }
}
