//! What the doubt of one feed is worth to an account that is on both sides of it.
//!
//! In doubt what is owned and what is owed count at two prices ([`InDoubt`]). An account that owns a token and owes as much of
//! what follows the same feed would be worth less and less by that, though it is worth the same at any one price. So each
//! feed that an account is both long and short of, itself or by what is derived from it, counts at one price on both sides:
//! the better of the two for the account while doubt is a benefit, and the worse of them from then on.

use crate::asset::AssetRisk;
use crate::balance::{spot_value, Balance, Indices};
use crate::entry_price::{EntryPrice, InDoubt};
use crate::feed::MAX_FEEDS;
use crate::fixed::{add, sub, Result};
use crate::health::{Clock, HealthKind, MarginMode, Policy, Portfolio, RiskView, StaleSet};
use crate::market::MarketRisk;
use crate::position::{OpenOrder, PerpPosition};
use crate::standard::{equity_at, stale_balance_value, value_at, PerpTerms};

const POLICY: Policy = Policy::BenefitOfDoubt;
const MAINT: HealthKind = HealthKind::Maint;

/// Feeds, one bit each, that count at one price on both sides while they are in doubt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnePrice {
    /// At the lower of what an owner and an ower count.
    pub low: u64,
    /// At the higher.
    pub high: u64,
}

impl OnePrice {
    /// Whether a feed counts at one price.
    #[inline]
    pub fn contains(self, feed: u8) -> bool {
        contains(self.low | self.high, feed)
    }

    /// What a feed's price in doubt counts for.
    #[inline]
    pub fn of(self, feed: u8, price: InDoubt) -> InDoubt {
        let low = price.owned.min(price.owed);
        let high = price.owned.max(price.owed);
        match (contains(self.low, feed), contains(self.high, feed)) {
            (true, _) => one(low),
            (_, true) => one(high),
            _ => price,
        }
    }
}

/// A feed in a set of bits; none for a number that no feed has.
pub(crate) fn bit(feed: u8) -> u64 {
    1u64.checked_shl(u32::from(feed)).unwrap_or(0)
}

fn contains(set: u64, feed: u8) -> bool {
    set & bit(feed) != 0
}

impl<'a> RiskView<'a> {
    /// The view in which feeds in doubt that the portfolio is on both sides of count at one price; none where there is no
    /// such feed.
    ///
    /// # Errors
    /// As [`crate::MarginModel::health`].
    #[inline(never)]
    pub fn at_one_price(&self, portfolio: &Portfolio<'_>) -> Result<Option<Self>> {
        let both = self.on_both_sides(portfolio);
        if both == 0 {
            return Ok(None);
        }
        let mut view = *self;
        view.decide(portfolio, both)?;
        Ok(Some(view))
    }

    /// Lets each feed of a set count at the one price that is its own.
    #[inline(never)]
    fn decide(&mut self, portfolio: &Portfolio<'_>, mut feeds: u64) -> Result<()> {
        let sides = self.weigh(portfolio, feeds)?;
        while feeds != 0 {
            let feed = u8::try_from(feeds.trailing_zeros()).unwrap_or(u8::MAX);
            feeds &= feeds.wrapping_sub(1);
            if sides.counts_as_low(feed) {
                self.one_price.low |= bit(feed);
            } else {
                self.one_price.high |= bit(feed);
            }
        }
        Ok(())
    }

    /// Feeds in doubt, one bit each, that the portfolio is both long and short of.
    #[inline(always)]
    fn on_both_sides(&self, portfolio: &Portfolio<'_>) -> u64 {
        let (mut long, mut short) = (0, 0);
        let mut side = |price: &EntryPrice, is_long: bool| {
            if !self.is_fresh(price) {
                *(if is_long { &mut long } else { &mut short }) |= bit(price.moves_with);
            }
        };
        for balance in held(portfolio) {
            if let Some(risk) = self.assets.get(usize::from(balance.asset)) {
                side(&risk.price, balance.shares.0 > 0);
            }
        }
        for perp in exposed(portfolio).filter(|perp| !perp.position.is_zero()) {
            if let Some(risk) = self.markets.get(usize::from(perp.market)) {
                side(&risk.price, perp.position.0 > 0);
            }
        }
        long & short
    }

    /// Compares the two prices of each feed of a set, all in one pass over the slots.
    #[inline(always)]
    fn weigh(&self, portfolio: &Portfolio<'_>, feeds: u64) -> Result<Sides> {
        let mut sides = Sides::default();
        let follows =
            |price: &EntryPrice| contains(feeds, price.moves_with) && !self.is_fresh(price);
        let mode = portfolio.mode;
        for balance in held(portfolio) {
            if let Some(risk) = self.assets.get(usize::from(balance.asset)) {
                if follows(&risk.price) {
                    let worth = |price| balance_worth(balance, risk, mode, price);
                    sides.count(&risk.price, &self.clock, worth)?;
                }
            }
        }
        for perp in exposed(portfolio) {
            if let Some(risk) = self.markets.get(usize::from(perp.market)) {
                if follows(&risk.price) {
                    let worth = |price| perp_worth(perp, portfolio.orders, risk, mode, price);
                    sides.count(&risk.price, &self.clock, worth)?;
                }
            }
        }
        Ok(sides)
    }
}

/// Of each feed, what the lower price does for the slots that move with it, compared with the higher.
struct Sides {
    /// How much more the slots are worth at it.
    gain: [i128; MAX_FEEDS],
    /// Feeds, one bit each, whose doubt is a benefit no more.
    decayed: u64,
}

impl Default for Sides {
    fn default() -> Self {
        Self {
            gain: [0; MAX_FEEDS],
            decayed: 0,
        }
    }
}

impl Sides {
    /// Counts a slot that follows a price and is worth so much at each.
    #[inline(always)]
    fn count(
        &mut self,
        price: &EntryPrice,
        clock: &Clock,
        worth: impl Fn(u64) -> Result<i128>,
    ) -> Result<()> {
        let InDoubt { owned, owed } = price.in_doubt(clock)?;
        if owned < owed {
            self.decayed |= bit(price.moves_with);
        }
        if let Some(gain) = self.gain.get_mut(usize::from(price.moves_with)) {
            let (low, high) = (owned.min(owed), owned.max(owed));
            *gain = add(*gain, sub(worth(low)?, worth(high)?)?)?;
        }
        Ok(())
    }

    /// Whether what moves with a feed counts at the lower price, rather than at the higher.
    fn counts_as_low(&self, feed: u8) -> bool {
        let gain = self.gain.get(usize::from(feed)).copied().unwrap_or(0);
        if contains(self.decayed, feed) {
            gain <= 0
        } else {
            gain > 0
        }
    }
}

/// What a balance adds at a price: to Maint health where slots add up, to equity where they net.
#[inline(never)]
fn balance_worth(
    balance: &Balance,
    risk: &AssetRisk,
    mode: MarginMode,
    price: u64,
) -> Result<i128> {
    match mode {
        MarginMode::Standard => {
            let (doubted, mut stale) = (Some(one(price)), StaleSet::default());
            stale_balance_value(MAINT, balance, risk, POLICY, doubted, &mut stale)
        }
        MarginMode::Portfolio => {
            let indices = Indices {
                deposit: risk.deposit_index,
                borrow: risk.borrow_index,
            };
            spot_value(balance, indices, price, risk.shift)
        }
    }
}

/// The same of a position with its orders.
#[inline(never)]
fn perp_worth(
    perp: &PerpPosition,
    orders: &[OpenOrder],
    risk: &MarketRisk,
    mode: MarginMode,
    price: u64,
) -> Result<i128> {
    match mode {
        MarginMode::Standard => {
            let terms = PerpTerms::in_doubt(MAINT, risk, one(price), POLICY)?;
            value_at(perp, orders, risk, &terms)
        }
        MarginMode::Portfolio => equity_at(perp, risk, price),
    }
}

/// One price on both sides.
const fn one(price: u64) -> InDoubt {
    InDoubt {
        owned: price,
        owed: price,
    }
}

fn held<'a>(portfolio: &Portfolio<'a>) -> impl Iterator<Item = &'a Balance> {
    let balances = portfolio.balances.iter();
    balances.filter(|balance| !balance.shares.is_zero() && !balance.is_free())
}

fn exposed<'a>(portfolio: &Portfolio<'a>) -> impl Iterator<Item = &'a PerpPosition> {
    let perps = portfolio.perps.iter();
    perps.filter(|perp| perp.is_exposed() && !perp.is_free())
}
