//! The feeds that price what an account is concerned with, and which of them are due for a refresh.
use std::collections::BTreeSet;

use plimsoll::{
    health::clock_of,
    oracle::RATE_AGE_MS,
    state::{feed::NO_FEED, Feed, MarginAccount, RiskState},
};
use plimsoll_risk::{Clock, EntryPrice, Purpose};

use super::ChainClock;

/// Feeds of an exchange, by their numbers in the risk state.
pub type Feeds = BTreeSet<u8>;

/// Entries of the risk state, by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    pub assets: BTreeSet<u16>,
    pub markets: BTreeSet<u16>,
}

impl Entries {
    /// The entries that an account's health is made of: assets it holds or owes, markets with a position or orders.
    pub fn of(account: &MarginAccount) -> Self {
        let balances = account.balances.iter();
        let perps = account.perps.iter();
        Self {
            assets: balances
                .filter(|b| !b.is_free() && !b.shares.is_zero())
                .map(|b| b.asset)
                .collect(),
            markets: perps.filter(|p| !p.is_free()).map(|p| p.market).collect(),
        }
    }

    /// With one more asset.
    #[must_use]
    pub fn and_asset(mut self, index: u16) -> Self {
        self.assets.insert(index);
        self
    }

    /// With one more market.
    #[must_use]
    pub fn and_market(mut self, index: u16) -> Self {
        self.markets.insert(index);
        self
    }

    /// With all of `other`.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.assets.extend(other.assets);
        self.markets.extend(other.markets);
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.assets.is_empty() && self.markets.is_empty()
    }

    /// The feeds whose refresh brings the prices of all of them up to date.
    pub fn feeds(&self, risk: &RiskState) -> Feeds {
        sources(risk, self.prices(risk).map(|price| price.feed))
    }

    /// Those for the entries whose prices are due.
    pub fn due(&self, risk: &RiskState, clock: ChainClock, freshness: Freshness) -> Feeds {
        let clock = clock_of(risk, &clock.sysvar());
        let due = self
            .prices(risk)
            .filter(|price| freshness.is_due(price, &clock));
        sources(risk, due.map(|price| price.feed))
    }

    /// The prices of the entries that are listed.
    fn prices<'a>(&'a self, risk: &'a RiskState) -> impl Iterator<Item = &'a EntryPrice> {
        let assets = self.assets.iter().filter_map(|i| risk.asset(*i).ok());
        let markets = self.markets.iter().filter_map(|i| risk.market(*i).ok());
        assets
            .map(|entry| &entry.price)
            .chain(markets.map(|entry| &entry.price))
    }
}

/// The feeds that have prices of their own, of which these are made: a derived feed moves with its base, and with the price
/// of its own market; its own account, the rate, is needed before the first price, and once the rate was read half an hour
/// before the base's price.
pub fn sources(risk: &RiskState, feeds: impl IntoIterator<Item = u8>) -> Feeds {
    let mut found = Feeds::new();
    for index in feeds {
        let Ok(feed) = risk.feed(index) else { continue };
        if !feed.is_derived() {
            found.insert(index);
            continue;
        }
        let source = &feed.sources.primary;
        found.extend([source.base, source.cap].iter().filter(|i| **i != NO_FEED));
        let published_ms = risk.feed(source.base).map_or(0, |b| b.price.published_ms);
        let unread = published_ms.saturating_sub(feed.rate_read_at.saturating_mul(1_000));
        if feed.rate == 0 || unread > RATE_AGE_MS / 2 {
            found.insert(index);
        }
    }
    found
}

/// Whether a feed's fallback counts: its primary has been silent for more than twice the age that trades allow.
pub fn needs_fallback(feed: &Feed, clock: ChainClock) -> bool {
    let silent = clock
        .unix_time
        .saturating_mul(1_000)
        .saturating_sub(feed.price.primary_ms);
    feed.is_priced() && silent > i64::from(feed.limits.trade_age_secs) * 2_000
}

/// How young a price has to be to be left alone. What is close to its limit is refreshed too: a transaction lands some time
/// after it was put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// What the price is for: each purpose has its own limit of age.
    pub purpose: Purpose,
    /// Time that a transaction may take to land, milliseconds; at most half of the limit counts.
    pub spare_ms: i64,
}

impl Freshness {
    /// What orders need.
    pub const TRADE: Self = Self::of(Purpose::Trade);
    /// What withdrawals, loans, transfers, and settlements of profits need.
    pub const PAY: Self = Self::of(Purpose::Pay);
    /// What liquidations need.
    pub const SEIZE: Self = Self::of(Purpose::Seize);

    const fn of(purpose: Purpose) -> Self {
        Self {
            purpose,
            spare_ms: 13_000,
        }
    }

    /// Whether a price will be too old, or is doubted now.
    pub fn is_due(self, price: &EntryPrice, clock: &Clock) -> bool {
        let [trade, pay, seize] = price.max_age_secs;
        let limit = match self.purpose {
            Purpose::Trade => trade,
            Purpose::Pay => pay,
            Purpose::Seize => seize,
        };
        let spare = self.spare_ms.min(i64::from(limit) * 500);
        let landed = Clock {
            now_ms: clock.now_ms.saturating_add(spare),
            ..*clock
        };
        !price.is_fresh(&landed, self.purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll::state::{feed::oracle_kind, OracleSource};
    use plimsoll_risk::{feed::REFUSED, Balance, FeedLimits, PerpPosition, Shares};

    const NOW: ChainClock = ChainClock {
        slot: 1_000,
        unix_time: 50_000,
    };
    /// Feeds: of quote, of a base, of a token's own market, and of the token, which is derived.
    const QUOTE: u8 = 0;
    const BASE: u8 = 1;
    const CAP: u8 = 2;
    const DERIVED: u8 = 3;

    /// Asset `i` and market `i` follow feed `i`; all prices are of this age.
    fn aged(ms: i64) -> Box<RiskState> {
        let mut risk: Box<RiskState> = bytemuck::zeroed_box();
        (risk.asset_count, risk.market_count, risk.feed_count) = (4, 4, 4);
        for place in 0..4 {
            let price = EntryPrice {
                published_ms: NOW.unix_time * 1_000 - ms,
                max_age_secs: FeedLimits::DEFAULT.ages(),
                feed: place as u8,
                ..EntryPrice::default()
            };
            risk.assets[place].price = price;
            risk.markets[place].price = price;
            let feed = &mut risk.feeds[place];
            (feed.price.spot, feed.limits) = (1, FeedLimits::DEFAULT);
        }
        risk.feeds[usize::from(DERIVED)].rate = 1;
        risk.feeds[usize::from(DERIVED)].sources.primary = OracleSource {
            kind: oracle_kind::DERIVED,
            base: BASE,
            cap: CAP,
            ..OracleSource::default()
        };
        risk
    }

    fn quote_and_market() -> Entries {
        Entries::default().and_asset(0).and_market(1)
    }

    /// Whether prices of this age are due; asset and market agree.
    fn is_due(ms: i64, freshness: Freshness) -> bool {
        let due = quote_and_market().due(&aged(ms), NOW, freshness);
        assert!(due.is_empty() || due == [QUOTE, BASE].into(), "{due:?}");
        !due.is_empty()
    }

    #[test]
    fn an_account_needs_what_it_holds_owes_trades_or_quotes() {
        let mut account: Box<MarginAccount> = bytemuck::zeroed_box();
        account.balances.fill(Balance::FREE);
        account.perps.fill(PerpPosition::default());
        assert!(Entries::of(&account).is_empty());
        account.balances[1] = Balance::of(5);
        account.balances[2] = Balance {
            shares: Shares(-7),
            ..Balance::of(3)
        };
        account.perps[4] = PerpPosition::of(2);
        let expected = Entries::default().and_asset(3).and_market(2);
        assert_eq!(Entries::of(&account), expected);
        let more = Entries::default().and_asset(0).and_market(2);
        let all = expected.and(more);
        assert_eq!(
            all,
            Entries::default().and_asset(3).and_asset(0).and_market(2)
        );
    }

    #[test]
    fn each_purpose_has_its_own_limit() {
        for (purpose, secs) in [
            (Purpose::Trade, 60),
            (Purpose::Pay, 20),
            (Purpose::Seize, 10),
        ] {
            let exact = Freshness {
                purpose,
                spare_ms: 0,
            };
            assert!(!is_due(secs * 1_000, exact));
            assert!(is_due(secs * 1_000 + 1, exact));
        }
    }

    #[test]
    fn a_price_close_to_its_limit_is_due_too() {
        assert!(!is_due(47_000, Freshness::TRADE));
        assert!(is_due(47_001, Freshness::TRADE));
        // Where the limit is short, half of it is kept for landing.
        assert!(!is_due(10_000, Freshness::PAY));
        assert!(is_due(10_001, Freshness::PAY));
        assert!(!is_due(5_000, Freshness::SEIZE));
        assert!(is_due(5_001, Freshness::SEIZE));
    }

    #[test]
    fn a_price_that_is_doubted_is_due_whatever_its_age() {
        let mut risk = aged(0);
        risk.assets[0].price.flags = REFUSED;
        let due = |freshness| quote_and_market().due(&risk, NOW, freshness);
        assert_eq!(due(Freshness::TRADE), [QUOTE].into());
        assert!(due(Freshness::SEIZE).is_empty());
    }

    #[test]
    fn a_derived_feed_is_refreshed_by_what_it_is_made_of() {
        let token = Entries::default().and_asset(u16::from(DERIVED));
        let mut risk = aged(0);
        assert_eq!(token.feeds(&risk), [BASE, CAP].into());
        risk.feeds[usize::from(DERIVED)].rate = 0;
        assert_eq!(token.feeds(&risk), [BASE, CAP, DERIVED].into());
        risk.feeds[usize::from(DERIVED)].sources.primary.cap = NO_FEED;
        assert_eq!(token.feeds(&risk), [BASE, DERIVED].into());
    }

    #[test]
    fn a_fallback_is_needed_once_the_primary_has_long_been_silent() {
        let mut risk = aged(0);
        let feed = &mut risk.feeds[0];
        feed.price.primary_ms = NOW.unix_time * 1_000 - 120_000;
        assert!(!needs_fallback(feed, NOW));
        feed.price.primary_ms -= 1;
        assert!(needs_fallback(feed, NOW));
        feed.price.spot = 0;
        assert!(!needs_fallback(feed, NOW));
    }

    #[test]
    fn what_is_not_listed_is_never_due() {
        let unlisted = Entries::default().and_asset(4).and_market(4);
        assert!(unlisted
            .due(&aged(1_000_000), NOW, Freshness::TRADE)
            .is_empty());
    }
}
