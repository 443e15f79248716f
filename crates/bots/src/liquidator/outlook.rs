//! The market-wide numbers that accounts are valued by, as a liquidation would find them.
use std::sync::Arc;

use anchor_lang::solana_program::clock::Clock as Sysvar;
use plimsoll::{
    health,
    state::{
        margin_account::{account_state, confirmation},
        MarginAccount, RiskState,
    },
};
use plimsoll_client::rpc::{needs_fallback, sources, ChainClock, Entries, Feeds};
use plimsoll_risk::{
    AccountMargin, AssetRisk, Clock, EntryPrice, HealthKind, MarginModel, MarketRisk, Policy,
    Portfolio, Purpose, RiskError, RiskView, UnderlyingRisk,
};

use super::compact::bit;

/// A risk state and a time.
pub struct Outlook {
    risk: Arc<RiskState>,
    clock: Clock,
}

/// The entries that differ between two risk states, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub assets: u64,
    pub markets: u64,
}

/// A feed to refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    pub feed: u8,
    /// Whether its fallback is to go along: the primary has long been silent.
    pub with_fallback: bool,
}

/// The flag of an account in liquidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// When it was set, Unix seconds.
    pub at: i64,
    /// Newest publish time among the prices that it was set at, Unix milliseconds. Nothing is seized before the account is
    /// below its maintenance line at prices that are all newer.
    pub price_ms: i64,
    /// Whether that has been seen already.
    pub is_confirmed: bool,
    /// Whether every price was known then.
    pub is_certain: bool,
    /// The feeds that were in doubt at every observation since, one bit each.
    pub unknown: u64,
}

impl Flag {
    /// An account's, if it is flagged.
    pub fn of(account: &MarginAccount) -> Option<Self> {
        (account.state == account_state::LIQUIDATING).then_some(Self {
            at: account.flagged_at,
            price_ms: account.flagged_price_ms,
            is_confirmed: account.flag_confirmed != confirmation::NONE,
            is_certain: account.flag_confirmed == confirmation::CERTAIN,
            unknown: account.flag_doubts & !account.flag_known,
        })
    }
}

impl Outlook {
    /// The outlook on a risk state at a time of the chain, Unix seconds.
    pub fn new(risk: Arc<RiskState>, unix_time: i64) -> Self {
        let sysvar = Sysvar {
            unix_timestamp: unix_time,
            ..Sysvar::default()
        };
        Self {
            clock: health::clock_of(&risk, &sysvar),
            risk,
        }
    }

    /// Whether profits are paid at a price.
    pub fn is_payable(&self, price: &EntryPrice) -> bool {
        !price.is_broken() && price.is_fresh(&self.clock, Purpose::Pay)
    }

    /// The time of it.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The time of it, Unix seconds.
    pub fn unix_time(&self) -> i64 {
        self.clock.now_ms.div_euclid(1_000)
    }

    /// The same as the program's handlers take it.
    pub fn sysvar(&self) -> Sysvar {
        Sysvar {
            unix_timestamp: self.unix_time(),
            ..Sysvar::default()
        }
    }

    /// The risk state.
    pub fn risk(&self) -> &RiskState {
        &self.risk
    }

    /// What a liquidation may rely on.
    pub fn view(&self) -> RiskView<'_> {
        self.view_for(Purpose::Seize)
    }

    fn view_for(&self, purpose: Purpose) -> RiskView<'_> {
        health::view(&self.risk, &self.sysvar(), purpose)
    }

    /// The entry of an asset, if its price is young enough for a purpose.
    pub fn asset(&self, index: u16, purpose: Purpose) -> Option<&AssetRisk> {
        let entry = self.risk.asset(index).ok()?;
        entry.price.is_fresh(&self.clock, purpose).then_some(entry)
    }

    /// The same for an account, in which feeds in doubt that it is on both sides of count at one price.
    ///
    /// # Errors
    /// When it cannot be valued.
    pub fn view_of(&self, portfolio: &Portfolio<'_>) -> Result<RiskView<'_>, RiskError> {
        let view = self.view();
        Ok(view.at_one_price(portfolio)?.unwrap_or(view))
    }

    /// Init health as the program asks it of a liquidator; `None` when a number does not fit.
    pub fn own_init(&self, portfolio: &Portfolio<'_>) -> Option<i128> {
        let view = self.view_for(Purpose::Trade);
        let health = AccountMargin::health(&view, portfolio, HealthKind::Init, Policy::Taker);
        health.ok().map(|health| health.value)
    }

    /// The feeds that entries follow whose price `is_due`.
    pub fn feeds(&self, entries: &Entries, is_due: impl Fn(&EntryPrice) -> bool) -> Feeds {
        let assets = entries.assets.iter();
        let assets = assets.filter_map(|i| self.risk.asset(*i).ok());
        let markets = entries.markets.iter();
        let markets = markets.filter_map(|i| self.risk.market(*i).ok());
        let prices = assets.map(|a| &a.price).chain(markets.map(|m| &m.price));
        let due = prices.filter(|price| is_due(price)).map(|price| price.feed);
        sources(&self.risk, due)
    }

    /// When a feed's price was published, Unix milliseconds; zero of one that is not listed.
    pub fn published_ms(&self, feed: u8) -> i64 {
        self.risk
            .feed(feed)
            .map_or(0, |feed| feed.price.published_ms)
    }

    /// Feeds to refresh, the one with the oldest price first.
    pub fn oldest_first(&self, feeds: Feeds) -> Vec<Due> {
        let clock = ChainClock {
            slot: 0,
            unix_time: self.unix_time(),
        };
        let known = feeds.into_iter();
        let known = known.filter_map(|feed| Some((feed, self.risk.feed(feed).ok()?)));
        let mut aged: Vec<(i64, Due)> = known
            .map(|(feed, state)| {
                let with_fallback = needs_fallback(state, clock);
                (
                    state.price.published_ms,
                    Due {
                        feed,
                        with_fallback,
                    },
                )
            })
            .collect();
        aged.sort_by_key(|(published, due)| (*published, due.feed));
        aged.into_iter().map(|(_, due)| due).collect()
    }

    /// The entries that valuations would find different from those of an earlier outlook. An entry that has become
    /// stale, or fresh again, or is worth less by now for being in doubt, counts as moved too, and so does all that the
    /// portfolio model covers when the model moved: where slots net, the volatility of one underlying is every account's
    /// matter.
    pub fn moved_since(&self, earlier: &Self) -> Moved {
        let (old, new) = (earlier.view(), self.view());
        let model_moved = !is_same_model(&old, &new);
        let same_model = |underlying: u8| underlying == 0 || !model_moved;
        let mut moved = Moved::default();
        for (index, entry) in (0u16..).zip(new.assets) {
            let before = old.assets.get(usize::from(index));
            let same = before.is_some_and(|before| {
                is_same_asset(before, entry)
                    && same_model(entry.underlying)
                    && is_as_fresh(&old, &before.price, &new, &entry.price)
            });
            if !same {
                moved.assets |= bit(index);
            }
        }
        for (index, entry) in (0u16..).zip(new.markets) {
            let before = old.markets.get(usize::from(index));
            let same = before.is_some_and(|before| {
                is_same_market(before, entry)
                    && same_model(entry.underlying)
                    && is_as_fresh(&old, &before.price, &new, &entry.price)
            });
            if !same {
                moved.markets |= bit(index);
            }
        }
        moved
    }
}

impl Moved {
    /// The entries of the set.
    pub fn entries(self) -> Entries {
        let indices = |set: u64| (0..64u16).filter(move |index| set & bit(*index) != 0);
        Entries {
            assets: indices(self.assets).collect(),
            markets: indices(self.markets).collect(),
        }
    }
}

/// Whether requirements follow from the same numbers, whatever was learnt since.
fn is_same_model(before: &RiskView<'_>, after: &RiskView<'_>) -> bool {
    let same = |(before, after): (&UnderlyingRisk, &UnderlyingRisk)| {
        let mut aligned = *before;
        aligned.volatility = after.volatility;
        aligned == *after
    };
    before.model == after.model
        && before.underlyings.len() == after.underlyings.len()
        && before.underlyings.iter().zip(after.underlyings).all(same)
}

/// Equal but for when the price was published.
fn is_same_asset(before: &AssetRisk, after: &AssetRisk) -> bool {
    let mut aligned = *before;
    aligned.price = published_with(&before.price, &after.price);
    aligned == *after
}

fn is_same_market(before: &MarketRisk, after: &MarketRisk) -> bool {
    let mut aligned = *before;
    aligned.price = published_with(&before.price, &after.price);
    aligned.premium = after.premium;
    aligned == *after
}

fn published_with(price: &EntryPrice, other: &EntryPrice) -> EntryPrice {
    EntryPrice {
        published_ms: other.published_ms,
        doubt_from: other.doubt_from,
        ..*price
    }
}

/// Whether a price counts as it did: as it is, or for as much in doubt.
fn is_as_fresh(
    old: &RiskView<'_>,
    before: &EntryPrice,
    new: &RiskView<'_>,
    after: &EntryPrice,
) -> bool {
    match (old.is_fresh(before), new.is_fresh(after)) {
        (true, true) => true,
        (false, false) => before.in_doubt(&old.clock) == after.in_doubt(&new.clock),
        _ => false,
    }
}
