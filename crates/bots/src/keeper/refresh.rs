//! Which entries of the risk state are due for a refresh: decided from the entries alone, so that a keeper that starts
//! anew decides the same.
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use plimsoll::state::RiskState;
use plimsoll_risk::{Clock, PriceState};

use super::KeeperConfig;
use crate::config::seconds;

/// Length of a slot, seconds, for limits in seconds that are measured by slots.
const SLOT_SECONDS: f64 = 0.4;

/// An entry of the risk state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    Asset(u16),
    Market(u16),
}

/// How old an entry is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Age {
    pub entry: Entry,
    /// Slots since its last refresh.
    pub slots: u64,
    /// Seconds since its oracle published its price.
    pub seconds: i64,
    /// Its limits.
    pub max_slots: u32,
    pub max_seconds: u32,
    /// When the price that it holds was published, Unix seconds.
    pub publish_time: i64,
}

impl Age {
    fn of(entry: Entry, price: &PriceState, limits: (u32, u32), clock: Clock) -> Self {
        Self {
            entry,
            slots: clock.slot.saturating_sub(price.refresh_slot),
            seconds: clock.now.saturating_sub(price.publish_time),
            max_slots: limits.0,
            max_seconds: limits.1,
            publish_time: price.publish_time,
        }
    }

    /// Whether the program takes it for stale.
    pub fn is_stale(&self) -> bool {
        self.slots > u64::from(self.max_slots) || self.seconds > i64::from(self.max_seconds)
    }

    /// The larger of both ages, in parts of their limits.
    fn used(&self) -> f64 {
        let slots = self.slots as f64 / f64::from(self.max_slots.max(1));
        let seconds = self.seconds as f64 / f64::from(self.max_seconds.max(1));
        slots.max(seconds)
    }

    fn used_slots(&self) -> f64 {
        self.slots as f64 / f64::from(self.max_slots.max(1))
    }
}

/// The ages of all entries, assets first.
pub fn ages(risk: &RiskState, clock: Clock) -> Vec<Age> {
    let assets = risk.assets.iter().take(usize::from(risk.asset_count));
    let markets = risk.markets.iter().take(usize::from(risk.market_count));
    let assets = (0..).zip(assets).map(|(index, asset)| {
        let limits = (asset.max_age_slots, asset.max_age_secs);
        Age::of(Entry::Asset(index), &asset.price, limits, clock)
    });
    let markets = (0..).zip(markets).map(|(index, market)| {
        let limits = (market.max_age_slots, market.max_age_secs);
        Age::of(Entry::Market(index), &market.price, limits, clock)
    });
    assets.chain(markets).collect()
}

/// What was refreshed when, and at which price: only to spare an oracle that is silent from being asked all the time.
#[derive(Debug, Default)]
pub struct Attempts(BTreeMap<Entry, (i64, Instant)>);

impl Attempts {
    /// A refresh of an entry was sent.
    pub fn note(&mut self, age: &Age, now: Instant) {
        self.0.insert(age.entry, (age.publish_time, now));
    }

    /// Whether an entry with the same price was tried less than `pause` ago.
    fn recent(&self, age: &Age, pause: Duration, now: Instant) -> bool {
        self.0.get(&age.entry).is_some_and(|(publish_time, at)| {
            *publish_time == age.publish_time && now.duration_since(*at) < pause
        })
    }
}

/// The entries that are due, the most urgent first.
///
/// An entry is due when either age has used up its part of the limits, or when it has not been refreshed for the longest
/// time allowed. Where the oracle is silent a refresh renews the slot only, so that its age in seconds alone makes it due
/// no more often than the pause allows.
pub fn due(ages: &[Age], attempts: &Attempts, config: &KeeperConfig, now: Instant) -> Vec<Age> {
    let pause = seconds(config.refresh_retry);
    let is_due = |age: &&Age| {
        let waited = age.slots as f64 * SLOT_SECONDS >= config.refresh_within;
        let by_slots = age.used_slots() >= config.refresh_at || waited;
        let by_oracle = age.used() >= config.refresh_at;
        (by_slots || by_oracle) && !attempts.recent(age, pause, now)
    };
    let mut due: Vec<Age> = ages.iter().filter(is_due).copied().collect();
    due.sort_by(|a, b| b.used().total_cmp(&a.used()));
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(entry: Entry, slots: u64, seconds: i64) -> Age {
        Age {
            entry,
            slots,
            seconds,
            max_slots: 100,
            max_seconds: 60,
            publish_time: 1_000,
        }
    }

    fn entries(ages: &[Age], attempts: &Attempts, now: Instant) -> Vec<Entry> {
        let due = due(ages, attempts, &KeeperConfig::default(), now);
        due.iter().map(|age| age.entry).collect()
    }

    #[test]
    fn refreshes_what_is_half_way_to_its_limits_the_most_urgent_first() {
        let ages = [
            age(Entry::Asset(0), 10, 10),
            age(Entry::Asset(1), 49, 10),
            age(Entry::Asset(2), 10, 30),
            age(Entry::Market(0), 90, 10),
        ];
        let found = entries(&ages, &Attempts::default(), Instant::now());
        assert_eq!(found, [Entry::Market(0), Entry::Asset(2)]);
        assert!(!ages[3].is_stale() && age(Entry::Asset(0), 101, 0).is_stale());
    }

    #[test]
    fn refreshes_everything_in_time_however_wide_its_limits() {
        let mut wide = age(Entry::Asset(0), 49, 1);
        wide.max_slots = 10_000;
        assert!(entries(&[wide], &Attempts::default(), Instant::now()).is_empty());
        wide.slots = 50;
        assert_eq!(
            entries(&[wide], &Attempts::default(), Instant::now()).len(),
            1
        );
    }

    #[test]
    fn leaves_a_silent_oracle_alone_for_a_while() {
        let now = Instant::now();
        let mut attempts = Attempts::default();
        let mut silent = age(Entry::Asset(0), 1, 50);
        attempts.note(&silent, now);
        assert!(entries(&[silent], &attempts, now).is_empty());
        let later = now + Duration::from_secs(6);
        assert_eq!(entries(&[silent], &attempts, later).len(), 1);
        silent.publish_time += 1;
        assert_eq!(entries(&[silent], &attempts, now).len(), 1);
    }

    #[test]
    fn reads_ages_from_the_risk_state() {
        let mut risk: Box<RiskState> = bytemuck_zeroed();
        risk.asset_count = 1;
        risk.market_count = 1;
        risk.assets[0].price.refresh_slot = 90;
        risk.assets[0].max_age_slots = 5;
        risk.markets[0].price.publish_time = 970;
        let clock = Clock {
            now: 1_000,
            slot: 100,
        };
        let found = ages(&risk, clock);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].entry, found[0].slots), (Entry::Asset(0), 10));
        assert_eq!((found[1].entry, found[1].seconds), (Entry::Market(0), 30));
        assert!(found[0].is_stale());
    }

    /// An empty risk state, on the heap.
    fn bytemuck_zeroed() -> Box<RiskState> {
        use anchor_lang::Discriminator;
        let mut data = RiskState::DISCRIMINATOR.to_vec();
        data.resize(RiskState::SPACE, 0);
        plimsoll_client::decode(&data).unwrap()
    }
}
