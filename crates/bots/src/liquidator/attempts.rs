//! Which accounts are being worked on, and which are left alone for a while because that failed.
use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use anchor_lang::prelude::Pubkey;

/// How long the news of an account that a call changed may take.
const NEWS: Duration = Duration::from_secs(3);
/// Longest pause of an account about which nothing can be done.
const POSTPONED: Duration = Duration::from_secs(4);

/// How often calls on an account failed in a row, and until when it rests.
#[derive(Clone, Copy, Debug)]
struct Rest {
    failures: u32,
    until: Instant,
}

/// At most one call in flight for an account and a limited number in all; pauses that double with every failure until
/// the account changes. Nothing of it outlives the process: a new one finds everything out again.
#[derive(Debug)]
pub struct Attempts {
    in_flight: HashSet<Pubkey>,
    resting: HashMap<Pubkey, Rest>,
    most: usize,
    first: Duration,
    longest: Duration,
}

impl Attempts {
    /// Allows `most` calls at a time; pauses from `first` to `longest`.
    pub fn new(most: usize, first: Duration, longest: Duration) -> Self {
        Self {
            in_flight: HashSet::new(),
            resting: HashMap::new(),
            most,
            first,
            longest,
        }
    }

    /// How many more calls may start.
    pub fn room(&self) -> usize {
        self.most.saturating_sub(self.in_flight.len())
    }

    /// Calls in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Accounts that are left alone for now.
    pub fn resting(&self, now: Instant) -> usize {
        self.resting
            .values()
            .filter(|rest| rest.until > now)
            .count()
    }

    /// Whether a call on an account may start.
    pub fn may_start(&self, account: &Pubkey, now: Instant) -> bool {
        let rests = self
            .resting
            .get(account)
            .is_some_and(|rest| rest.until > now);
        self.room() > 0 && !rests && !self.in_flight.contains(account)
    }

    /// How often calls on an account have failed since it last changed.
    pub fn failures(&self, account: &Pubkey) -> u32 {
        self.resting.get(account).map_or(0, |rest| rest.failures)
    }

    /// A call on an account starts; false when it may not.
    pub fn start(&mut self, account: Pubkey, now: Instant) -> bool {
        self.may_start(&account, now) && self.in_flight.insert(account)
    }

    /// The call landed: the account waits for its new state to arrive, and no longer than for one failure.
    pub fn landed(&mut self, account: Pubkey, now: Instant) {
        self.in_flight.remove(&account);
        let until = now + self.first.max(NEWS);
        self.resting.insert(account, Rest { failures: 0, until });
    }

    /// The call failed: the account rests.
    pub fn failed(&mut self, account: Pubkey, now: Instant) {
        self.rest(account, now, self.longest);
    }

    /// Nothing can be done about the account now. Prices or the own margin may change that, so that it does not rest
    /// long.
    pub fn postponed(&mut self, account: Pubkey, now: Instant) {
        self.rest(account, now, POSTPONED.min(self.longest));
    }

    fn rest(&mut self, account: Pubkey, now: Instant, longest: Duration) {
        self.in_flight.remove(&account);
        let failures = self.failures(&account).saturating_add(1);
        let doubled = 1u32.checked_shl(failures - 1).unwrap_or(u32::MAX);
        let until = now + self.first.saturating_mul(doubled).min(longest);
        self.resting.insert(account, Rest { failures, until });
    }

    /// The account changed, so that what failed before may succeed now.
    pub fn changed(&mut self, account: &Pubkey) {
        self.resting.remove(account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Pubkey {
        Pubkey::new_from_array([number; 32])
    }

    #[test]
    fn one_call_for_an_account_and_a_limit_for_all() {
        let second = Duration::from_secs(1);
        let mut attempts = Attempts::new(2, second, 60 * second);
        let now = Instant::now();
        assert!(attempts.start(key(1), now));
        assert!(!attempts.start(key(1), now), "it is in flight");
        assert!(attempts.start(key(2), now));
        assert!(!attempts.start(key(3), now), "no room");
        attempts.landed(key(1), now);
        assert!(attempts.start(key(3), now) && attempts.room() == 0);
        attempts.changed(&key(1));
        assert!(!attempts.may_start(&key(1), now), "no room");
    }

    #[test]
    fn pauses_double_up_to_a_limit_and_end_when_the_account_changes() {
        let second = Duration::from_secs(1);
        let mut attempts = Attempts::new(1, second, 5 * second);
        let mut now = Instant::now();
        for pause in [1, 2, 4, 5, 5] {
            assert!(attempts.start(key(1), now));
            attempts.failed(key(1), now);
            let end = now + pause * second;
            assert!(!attempts.may_start(&key(1), end - second / 10));
            assert!(attempts.may_start(&key(1), end));
            now = end;
        }
        assert_eq!(attempts.failures(&key(1)), 5);
        attempts.failed(key(1), now);
        assert_eq!(attempts.resting(now), 1);
        attempts.changed(&key(1));
        assert!(attempts.may_start(&key(1), now) && attempts.failures(&key(1)) == 0);
    }
}
