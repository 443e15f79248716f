//! Entries of the risk state that an account is concerned with, and which of them are due for a refresh.
use std::collections::BTreeSet;

use plimsoll::state::{MarginAccount, RiskState};
use plimsoll_risk::PriceState;

use super::ChainClock;

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

    /// Those of them that are due for a refresh.
    #[must_use]
    pub fn due(&self, risk: &RiskState, clock: ChainClock, freshness: Freshness) -> Self {
        let assets = self.assets.iter().filter(|i| {
            risk.asset(**i)
                .is_ok_and(|e| freshness.is_due(&e.price, e.max_age_secs, e.max_age_slots, clock))
        });
        let markets = self.markets.iter().filter(|i| {
            risk.market(**i)
                .is_ok_and(|e| freshness.is_due(&e.price, e.max_age_secs, e.max_age_slots, clock))
        });
        Self {
            assets: assets.copied().collect(),
            markets: markets.copied().collect(),
        }
    }
}

/// How fresh an entry has to be to be left alone. What is close to its limit is refreshed too: a transaction lands some
/// slots after it was put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Most slots since an entry's refresh, if the entry's own limit is not lower.
    pub max_refresh_slots: u32,
    /// Slots that a transaction may take to land.
    pub spare_slots: u64,
    /// The same in seconds of the oracle's age.
    pub spare_secs: i64,
}

impl Freshness {
    /// What orders, withdrawals and transfers need.
    pub const TRADE: Self = Self {
        max_refresh_slots: u32::MAX,
        spare_slots: 32,
        spare_secs: 13,
    };

    fn is_due(self, price: &PriceState, secs: u32, slots: u32, clock: ChainClock) -> bool {
        let now = clock.unix_time.saturating_add(self.spare_secs);
        let slot = clock.slot.saturating_add(self.spare_slots);
        !price.is_fresh(now, slot, secs, slots.min(self.max_refresh_slots))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_risk::{Balance, PerpPosition, Shares};

    const NOW: ChainClock = ChainClock {
        slot: 1_000,
        unix_time: 50_000,
    };
    /// Nothing to spare, no limit but the entry's own.
    const EXACT: Freshness = Freshness {
        max_refresh_slots: u32::MAX,
        spare_slots: 0,
        spare_secs: 0,
    };

    /// Asset 0 and market 0, both of this age, good for 60 seconds and 150 slots.
    fn aged(secs: i64, slots: u64) -> Box<RiskState> {
        let mut risk: Box<RiskState> = bytemuck::zeroed_box();
        (risk.asset_count, risk.market_count) = (1, 1);
        let price = PriceState {
            publish_time: NOW.unix_time - secs,
            refresh_slot: NOW.slot - slots,
            ..bytemuck::Zeroable::zeroed()
        };
        let asset = &mut risk.assets[0];
        (asset.price, asset.max_age_secs, asset.max_age_slots) = (price, 60, 150);
        let market = &mut risk.markets[0];
        (market.price, market.max_age_secs, market.max_age_slots) = (price, 60, 150);
        risk
    }

    fn both() -> Entries {
        Entries::default().and_asset(0).and_market(0)
    }

    /// Whether entries of this age are due; asset and market agree.
    fn due(secs: i64, slots: u64, freshness: Freshness) -> bool {
        let due = both().due(&aged(secs, slots), NOW, freshness);
        assert!(due == both() || due.is_empty(), "{due:?}");
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
    fn an_entry_is_due_past_its_limit_in_seconds_or_slots() {
        assert!(!due(60, 150, EXACT));
        assert!(due(61, 0, EXACT));
        assert!(due(0, 151, EXACT));
    }

    #[test]
    fn an_entry_close_to_its_limits_is_due_too() {
        let (secs, slots) = (Freshness::TRADE.spare_secs, Freshness::TRADE.spare_slots);
        assert!(!due(60 - secs, 150 - slots, Freshness::TRADE));
        assert!(due(61 - secs, 0, Freshness::TRADE));
        assert!(due(0, 151 - slots, Freshness::TRADE));
    }

    #[test]
    fn a_stricter_limit_in_slots_counts_and_a_laxer_one_does_not() {
        let within = |max_refresh_slots| Freshness {
            max_refresh_slots,
            ..EXACT
        };
        assert!(!due(0, 16, within(16)));
        assert!(due(0, 17, within(16)));
        assert!(due(0, 151, within(1_000)));
    }

    #[test]
    fn what_is_not_listed_is_never_due() {
        let unlisted = Entries::default().and_asset(1).and_market(1);
        assert!(unlisted.due(&aged(1_000, 900), NOW, EXACT).is_empty());
    }
}
