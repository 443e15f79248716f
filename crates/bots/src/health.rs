//! Whether a bot does its work: connected, the chain moving, its loops turning.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;

/// The chain counts as standing still when no new slot was seen for so long.
const SLOT_AGE_LIMIT: Duration = Duration::from_secs(30);

/// Shared by everything that a bot runs. Cheap to clone.
#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Why the last look at the chain failed; `None` when it did not.
    disconnected: Option<String>,
    /// How little is left to pay fees from.
    poor: Option<String>,
    slot: Option<(u64, Instant)>,
    loops: BTreeMap<&'static str, Turn>,
}

struct Turn {
    last: Instant,
    /// Longest time between two turns that is still healthy.
    allowed: Duration,
    failure: Option<String>,
}

/// What `/health` answers.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub healthy: bool,
    /// Whether the node answered last time.
    pub connected: bool,
    pub slot: Option<u64>,
    /// Seconds since a new slot was seen.
    pub slot_age: Option<f64>,
    pub loops: BTreeMap<&'static str, LoopReport>,
    /// Why it is not healthy, in sentences.
    pub reasons: Vec<String>,
}

/// One loop of a bot.
#[derive(Clone, Debug, Serialize)]
pub struct LoopReport {
    /// Seconds since it last succeeded, or since it started.
    pub age: f64,
    /// What it failed with last, since it last succeeded.
    pub failure: Option<String>,
}

impl Health {
    fn with<T>(&self, use_it: impl FnOnce(&mut State) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The chain was seen at a slot.
    pub fn at_slot(&self, slot: u64) {
        self.with(|state| {
            state.disconnected = None;
            if state.slot.is_none_or(|(known, _)| known != slot) {
                state.slot = Some((slot, Instant::now()));
            }
        });
    }

    /// The node did not answer.
    pub fn disconnected(&self, why: impl ToString) {
        self.with(|state| state.disconnected = Some(why.to_string()));
    }

    /// Too little is left to pay fees from, in a sentence; `None` when there is enough.
    pub fn short_of_funds(&self, how: Option<String>) {
        self.with(|state| state.poor = how);
    }

    /// A loop starts, and is to succeed at least once every `allowed`.
    pub fn loop_started(&self, name: &'static str, allowed: Duration) {
        let turn = Turn {
            last: Instant::now(),
            allowed,
            failure: None,
        };
        self.with(|state| state.loops.insert(name, turn));
    }

    /// A loop succeeded.
    pub fn loop_done(&self, name: &'static str) {
        self.with(|state| {
            if let Some(turn) = state.loops.get_mut(name) {
                turn.last = Instant::now();
                turn.failure = None;
            }
        });
    }

    /// A loop failed, and will try again.
    pub fn loop_failed(&self, name: &'static str, why: impl ToString) {
        self.with(|state| {
            if let Some(turn) = state.loops.get_mut(name) {
                turn.failure = Some(why.to_string());
            }
        });
    }

    /// How it stands now.
    pub fn report(&self) -> Report {
        self.with(|state| state.report(Instant::now()))
    }
}

impl State {
    fn report(&self, now: Instant) -> Report {
        let mut reasons = Vec::new();
        let slot_age = self.slot.map(|(_, seen)| now.duration_since(seen));
        if let Some(why) = &self.disconnected {
            reasons.push(format!("the node does not answer: {why}"));
        }
        reasons.extend(self.poor.clone());
        match slot_age {
            None if self.disconnected.is_none() => {
                reasons.push("the chain has not been seen yet".to_owned());
            }
            Some(age) if age > SLOT_AGE_LIMIT => {
                reasons.push(format!("no new slot for {:.0} s", age.as_secs_f64()));
            }
            _ => {}
        }
        for (name, turn) in &self.loops {
            let age = now.duration_since(turn.last);
            if age > turn.allowed {
                let why = turn.failure.as_deref().unwrap_or("it is still at it");
                reasons.push(format!(
                    "{name} has not succeeded for {:.0} s: {why}",
                    age.as_secs_f64()
                ));
            }
        }
        Report {
            healthy: reasons.is_empty(),
            connected: self.disconnected.is_none() && self.slot.is_some(),
            slot: self.slot.map(|(slot, _)| slot),
            slot_age: slot_age.map(|age| age.as_secs_f64()),
            loops: self.loops(now),
            reasons,
        }
    }

    fn loops(&self, now: Instant) -> BTreeMap<&'static str, LoopReport> {
        let report = |turn: &Turn| LoopReport {
            age: now.duration_since(turn.last).as_secs_f64(),
            failure: turn.failure.clone(),
        };
        let loops = self.loops.iter();
        loops.map(|(name, turn)| (*name, report(turn))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong() {
        let health = Health::default();
        assert_eq!(health.report().reasons, ["the chain has not been seen yet"]);
        health.at_slot(7);
        health.loop_started("refresh", Duration::from_secs(5));
        assert!(health.report().healthy);

        health.disconnected("connection refused");
        health.loop_failed("refresh", "no route");
        let report = health.report();
        assert!(!report.healthy && !report.connected);
        let later = Instant::now() + Duration::from_secs(60);
        let reasons = health.with(|state| state.report(later)).reasons;
        assert!(reasons.iter().any(|r| r.contains("refused")));
        assert!(reasons.iter().any(|r| r.contains("no new slot for 60 s")));
        assert!(reasons.iter().any(|r| r.contains("no route")));

        health.at_slot(8);
        health.loop_done("refresh");
        assert!(health.report().healthy);
    }
}
