//! What is known of an account at one moment: when the prices that it is measured at were published, and which are in doubt.

use crate::doubt::bit;
use crate::health::{Portfolio, RiskView};

/// An account's prices, as one look at it finds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Oldest publish time of the prices that may be relied on, Unix milliseconds; the highest number without any. Final prices
    /// have none.
    pub oldest_ms: i64,
    /// Newest of them; zero without any.
    pub newest_ms: i64,
    /// Their feeds, one bit each.
    pub known: u64,
    /// The feeds in doubt, one bit each.
    pub doubted: u64,
}

impl Observation {
    /// Of what the account holds, owes, or has a position or orders in.
    #[inline(never)]
    pub fn of(view: &RiskView<'_>, portfolio: &Portfolio<'_>) -> Self {
        let mut out = Self {
            oldest_ms: i64::MAX,
            newest_ms: 0,
            known: 0,
            doubted: 0,
        };
        let balances = portfolio.balances.iter().filter(|b| !b.shares.is_zero());
        let assets = balances.filter_map(|b| view.assets.get(usize::from(b.asset)));
        let perps = portfolio.perps.iter().filter(|p| p.is_exposed());
        let markets = perps.filter_map(|p| view.markets.get(usize::from(p.market)));
        for price in assets
            .map(|risk| &risk.price)
            .chain(markets.map(|risk| &risk.price))
        {
            let feed = bit(price.feed);
            if !view.is_fresh(price) {
                out.doubted |= feed;
                continue;
            }
            out.known |= feed;
            if !price.is_final() {
                out.oldest_ms = out.oldest_ms.min(price.published_ms);
                out.newest_ms = out.newest_ms.max(price.published_ms);
            }
        }
        out
    }
}
