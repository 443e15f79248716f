//! What is due for a refresh: feeds by the age of their prices, as often as they publish; banks and markets, whose interest and
//! funding run slowly, at a pace of their own. Decided from the chain alone, so that a keeper that starts anew decides the same.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use plimsoll::state::RiskState;
use plimsoll_client::rpc::ChainClock;
use plimsoll_risk::feed::{BROKEN, REFUSED};

use super::KeeperConfig;
use crate::config::seconds;

/// How old a feed is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Age {
    pub feed: u8,
    /// Milliseconds since its price was published.
    pub ms: i64,
    /// Oldest price that a liquidation takes as it is, milliseconds: the strictest limit.
    pub limit_ms: i64,
    /// When the price that it holds was published, Unix milliseconds.
    pub published_ms: i64,
    /// Whether trades refuse it: too old, broken, or a newer one was refused.
    pub is_stale: bool,
}

impl Age {
    /// The age in parts of the limit.
    fn used(&self) -> f64 {
        self.ms as f64 / self.limit_ms.max(1) as f64
    }
}

/// The ages of all feeds but those with a final price, which has none. A feed without a price yet is as old as can be.
pub fn ages(risk: &RiskState, clock: ChainClock) -> Vec<Age> {
    let now_ms = clock.unix_time.saturating_mul(1_000);
    let feeds = (0..risk.feed_count).zip(&risk.feeds);
    let feeds = feeds.filter(|(_, state)| !state.price.is_final());
    let age = |(feed, state): (u8, &plimsoll::state::Feed)| Age {
        feed,
        ms: now_ms.saturating_sub(state.price.published_ms),
        limit_ms: i64::from(state.limits.seize_age_secs) * 1_000,
        published_ms: state.price.published_ms,
        is_stale: state.price.is_silent(now_ms, &state.limits)
            || state.price.flags() & (BROKEN | REFUSED) != 0,
    };
    feeds.map(age).collect()
}

/// What was refreshed when, and at which price: only to spare a source that is silent from being asked all the time.
#[derive(Debug, Default)]
pub struct Attempts(BTreeMap<u8, (i64, Instant)>);

impl Attempts {
    /// A refresh of a feed was sent.
    pub fn note(&mut self, age: &Age, now: Instant) {
        self.0.insert(age.feed, (age.published_ms, now));
    }

    /// Whether a feed with the same price was tried less than `pause` ago.
    fn recent(&self, age: &Age, pause: Duration, now: Instant) -> bool {
        self.0.get(&age.feed).is_some_and(|(published_ms, at)| {
            *published_ms == age.published_ms && now.duration_since(*at) < pause
        })
    }
}

/// The feeds that are due, the most urgent first: older than the keeper lets them be, unless nothing newer was there a moment
/// ago.
pub fn due(ages: &[Age], attempts: &Attempts, config: &KeeperConfig, now: Instant) -> Vec<Age> {
    let pause = seconds(config.refresh_retry);
    let is_due = |age: &&Age| {
        age.ms as f64 >= config.refresh_after * 1e3 && !attempts.recent(age, pause, now)
    };
    let mut due: Vec<Age> = ages.iter().filter(is_due).copied().collect();
    due.sort_by(|a, b| b.used().total_cmp(&a.used()));
    due
}

/// Banks and markets whose interest or funding has not run for as long as the keeper lets it wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accruals {
    pub banks: BTreeSet<u16>,
    pub markets: BTreeSet<u16>,
}

impl Accruals {
    /// From when each bank and market last accrued, Unix seconds, by index.
    pub fn due(banks: &[i64], markets: &[i64], now: i64, config: &KeeperConfig) -> Self {
        let old = |times: &[i64]| {
            let times = (0u16..).zip(times);
            times
                .filter(|(_, at)| now.saturating_sub(**at) as f64 >= config.accrue_every)
                .map(|(index, _)| index)
                .collect()
        };
        Self {
            banks: old(banks),
            markets: old(markets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(feed: u8, ms: i64) -> Age {
        Age {
            feed,
            ms,
            limit_ms: 10_000,
            published_ms: 1_000,
            is_stale: false,
        }
    }

    fn feeds(ages: &[Age], attempts: &Attempts, now: Instant) -> Vec<u8> {
        let due = due(ages, attempts, &KeeperConfig::default(), now);
        due.iter().map(|age| age.feed).collect()
    }

    #[test]
    fn refreshes_every_feed_older_than_a_slot_the_most_urgent_first() {
        let mut ages = [age(0, 100), age(1, 2_000), age(2, 9_000), age(3, 2_000)];
        // Twice as strict, hence twice as urgent.
        ages[3].limit_ms = 3_000;
        let found = feeds(&ages, &Attempts::default(), Instant::now());
        assert_eq!(found, [2, 3, 1]);
    }

    #[test]
    fn leaves_a_silent_source_alone_for_a_while() {
        let now = Instant::now();
        let mut attempts = Attempts::default();
        let mut silent = age(0, 50_000);
        attempts.note(&silent, now);
        assert!(feeds(&[silent], &attempts, now).is_empty());
        let later = now + Duration::from_secs(2);
        assert_eq!(feeds(&[silent], &attempts, later), [0]);
        silent.published_ms += 1;
        assert_eq!(feeds(&[silent], &attempts, now), [0]);
    }

    #[test]
    fn banks_and_markets_accrue_at_their_own_pace() {
        let config = KeeperConfig {
            accrue_every: 20.0,
            ..KeeperConfig::default()
        };
        let found = Accruals::due(&[981, 980, 0], &[980, 999], 1_000, &config);
        let expected = Accruals {
            banks: [1, 2].into(),
            markets: [0].into(),
        };
        assert_eq!(found, expected);
        let none = Accruals::due(&[1_000], &[990], 1_000, &config);
        assert_eq!(none, Accruals::default());
    }

    #[test]
    fn reads_ages_from_the_risk_state() {
        let mut risk: Box<RiskState> = bytemuck::zeroed_box();
        risk.feed_count = 2;
        for (feed, published_ms) in risk.feeds.iter_mut().zip([990_500, 0]) {
            feed.limits = plimsoll_risk::FeedLimits::DEFAULT;
            feed.price.published_ms = published_ms;
        }
        let clock = ChainClock {
            slot: 1,
            unix_time: 1_000,
        };
        let found = ages(&risk, clock);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].feed, found[0].ms), (0, 9_500));
        assert_eq!((found[0].limit_ms, found[0].is_stale), (10_000, false));
        assert!(found[1].is_stale);
    }
}
