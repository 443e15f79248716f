//! What is due for a refresh: feeds by the age of their prices, as often as they publish; banks and markets, whose interest and
//! funding run slowly, at a pace of their own. Decided from the chain alone, so that a keeper that starts anew decides the same.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::state::{feed::bits, RiskState};
use plimsoll_client::{
    instructions::RefreshEntry,
    pro::{is_signed, subscriptions, Carried},
    rpc::{ChainClock, Exchange},
};

use super::KeeperConfig;
use crate::{config::seconds, signed::Signed};

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

/// The ages of all feeds. A feed without a price yet is as old as can be.
pub fn ages(risk: &RiskState, clock: ChainClock) -> Vec<Age> {
    let now_ms = clock.unix_time.saturating_mul(1_000);
    let feeds = (0..risk.feed_count).zip(&risk.feeds);
    let age = |(feed, state): (u8, &plimsoll::state::Feed)| Age {
        feed,
        ms: now_ms.saturating_sub(state.price.published_ms),
        limit_ms: i64::from(state.limits.seize_age_secs) * 1_000,
        published_ms: state.price.published_ms,
        is_stale: state.price.is_silent(now_ms, &state.limits) || state.price.flags() != 0,
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

/// What to refresh in one turn.
#[derive(Default)]
pub struct Plan {
    /// Messages with news for somebody, each with what goes along as far as there is room: funding and rates that need a price
    /// which is new in the same instruction. What finds no room is due again at the next look.
    pub signed: Vec<(Carried, Vec<Vec<RefreshEntry>>)>,
    /// Everything else, in units that stay together.
    pub units: Vec<Vec<RefreshEntry>>,
    /// Feeds that are due and whose prices come in signed messages, of which there is none.
    pub unheard: BTreeSet<u8>,
}

/// Plans a turn: each feed with the markets that follow it and are to accrue, since funding advances only at a price that is
/// new in the same instruction; then banks. A derived feed's own account, its rate, is read with what accrues only: its price
/// moves with its base.
pub fn plan(
    exchange: &Exchange,
    risk: &RiskState,
    clock: ChainClock,
    due: &[Age],
    accruals: &Accruals,
    messages: Vec<Carried>,
) -> Plan {
    let mut plan = Plan::default();
    let mut carried = BTreeSet::new();
    for message in messages {
        let news: BTreeSet<u8> = message.news(risk, clock).collect();
        if news.is_empty() {
            continue;
        }
        let units = moved_by(&news, risk)
            .into_iter()
            .filter_map(|feed| unit(exchange, risk, clock, feed, accruals));
        plan.signed.push((message, units.collect()));
        carried.extend(news);
    }
    for age in due {
        let Ok(feed) = risk.feed(age.feed) else {
            continue;
        };
        let moves_along = feed.is_derived() && carried.contains(&feed.sources.primary.base);
        if carried.contains(&age.feed) || moves_along {
            continue;
        }
        match unit(exchange, risk, clock, age.feed, accruals) {
            Some(unit) if unit.iter().any(|e| matches!(e, RefreshEntry::Feed(_))) => {
                plan.units.push(unit);
            }
            _ if is_signed(feed) => {
                plan.unheard.insert(age.feed);
            }
            _ => {}
        }
    }
    let banks = accruals
        .banks
        .iter()
        .filter_map(|i| exchange.asset(*i).ok());
    let banks = banks.map(|asset| vec![RefreshEntry::Bank(asset.refs)]);
    plan.units.extend(banks);
    plan
}

/// Feeds, and those that are derived from them.
fn moved_by(feeds: &BTreeSet<u8>, risk: &RiskState) -> BTreeSet<u8> {
    let known = feeds.iter().filter_map(|index| risk.feed(*index).ok());
    let derived = known.flat_map(|feed| bits(feed.derived));
    let derived = derived.filter_map(|index| u8::try_from(index).ok());
    derived.chain(feeds.iter().copied()).collect()
}

/// A feed's accounts, where they are to be read, and its markets that are to accrue.
fn unit(
    exchange: &Exchange,
    risk: &RiskState,
    clock: ChainClock,
    index: u8,
    accruals: &Accruals,
) -> Option<Vec<RefreshEntry>> {
    let feed = risk.feed(index).ok()?;
    let markets = bits(feed.markets).filter_map(|index| u16::try_from(index).ok());
    let markets: Vec<u16> = markets.filter(|i| accruals.markets.contains(i)).collect();
    let accrues = !markets.is_empty() || accruals.banks.contains(&0);
    if feed.is_derived() && feed.is_priced() && !accrues {
        return None;
    }
    let refs = exchange.feed_refs(index, risk, clock);
    let mut unit: Vec<_> = refs.into_iter().map(RefreshEntry::Feed).collect();
    let markets = markets.iter().filter_map(|i| exchange.market(*i).ok());
    unit.extend(markets.map(|market| RefreshEntry::Market(market.refs)));
    (!unit.is_empty()).then_some(unit)
}

/// The two instructions of a message, with as many units as pass.
pub fn signed(
    exchange: &Exchange,
    (message, units): &(Carried, Vec<Vec<RefreshEntry>>),
    before: usize,
    passes: impl Fn(&[Instruction]) -> bool,
) -> [Instruction; 2] {
    let mut entries = Vec::new();
    for unit in units {
        let more = [entries.as_slice(), unit].concat();
        if passes(&message.refresh(&exchange.refs, &more, before)) {
            entries = more;
        }
    }
    message.refresh(&exchange.refs, &entries, before)
}

/// How the source of signed prices does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hearing {
    /// It speaks, or there is nothing to hear.
    #[default]
    Fresh,
    /// Feeds take signed prices, and no source is named.
    NoSource,
    /// It has no message of some of the feeds.
    Silent,
    /// Its newest message is older than trades allow.
    Late,
}

impl Hearing {
    pub fn of(signed: &Signed, messages: &[Carried], risk: &RiskState, clock: ChainClock) -> Self {
        let wanted = subscriptions(risk).len();
        let now_us = u64::try_from(clock.unix_time).unwrap_or(0) * 1_000_000;
        let is_late = |message: &Carried| {
            let ages = message.feeds().filter_map(|index| risk.feed(index).ok());
            let longest = ages.map(|feed| feed.limits.trade_age_secs).max();
            let longest = u64::from(longest.unwrap_or(0)) * 1_000_000;
            now_us.saturating_sub(message.message.timestamp_us()) > longest
        };
        match (wanted, signed.is_there()) {
            (0, _) => Self::Fresh,
            (_, false) => Self::NoSource,
            _ if messages.len() < wanted => Self::Silent,
            _ if messages.iter().any(is_late) => Self::Late,
            _ => Self::Fresh,
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
