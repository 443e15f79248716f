//! What the doubt of one feed is worth to an account that is on both sides of it.
//!
//! In doubt what is owned and what is owed count at two prices ([`InDoubt`]). An account that owns a token and owes as much of
//! what follows the same feed would be worth less and less by that, though it is worth the same at any one price. So each
//! feed that an account is both long and short of, itself or by what is derived from it, counts at one price on both sides:
//! while doubt is a benefit the best for the account of the two and the last price, as a profit may count less than a loss; and
//! the worse of the two from then on.

use crate::asset::AssetRisk;
use crate::balance::{spot_value, Balance};
use crate::entry_price::{EntryPrice, InDoubt};
use crate::fixed::{add, sub, Result};
use crate::health::{Clock, HealthKind, MarginMode, Policy, Portfolio, RiskView, StaleSet};
use crate::market::MarketRisk;
use crate::portfolio::{believed, MAX_EXPOSURES};
use crate::position::{OpenOrder, PerpPosition};
use crate::standard::{equity_at, stale_balance_value, value_at, weighted, PerpTerms};

const POLICY: Policy = Policy::BenefitOfDoubt;
const MAINT: HealthKind = HealthKind::Maint;
/// Feeds of which an account can be on both sides: it takes two slots for each.
const MOST: usize = MAX_EXPOSURES / 2;

/// Feeds, one bit each, that count at one price on both sides while they are in doubt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnePrice {
    /// At the lower of what an owner and an ower count.
    pub low: u64,
    /// At the last price.
    pub last: u64,
    /// At the higher.
    pub high: u64,
}

impl OnePrice {
    /// What a price in doubt counts for.
    #[inline]
    pub fn of(self, price: &EntryPrice, doubted: InDoubt) -> InDoubt {
        let feed = price.moves_with;
        if contains(self.low, feed) {
            return one(doubted.owned.min(doubted.owed));
        }
        if contains(self.high, feed) {
            return one(doubted.owned.max(doubted.owed));
        }
        if contains(self.last, feed) {
            return one(price.last());
        }
        doubted
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
        let mut sides = Sides::of(feeds);
        self.weigh(portfolio, &mut sides)?;
        while feeds != 0 {
            let feed = u8::try_from(feeds.trailing_zeros()).unwrap_or(u8::MAX);
            feeds &= feeds.wrapping_sub(1);
            let OnePrice { low, last, high } = &mut self.one_price;
            let set = match sides.level(feed) {
                Level::Low => low,
                Level::Last => last,
                Level::High => high,
            };
            *set |= bit(feed);
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

    /// Compares the prices of each feed of a set, all in one pass over the slots.
    #[inline(never)]
    fn weigh(&self, portfolio: &Portfolio<'_>, sides: &mut Sides) -> Result<()> {
        let feeds = sides.feeds;
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
        Ok(())
    }
}

/// A price in doubt that counts on both sides.
enum Level {
    Low,
    Last,
    High,
}

/// Of each feed, what the lower and the higher price do for the slots that move with it, compared with the last.
struct Sides {
    /// The feeds, one bit each.
    feeds: u64,
    /// How much more the slots are worth at each, by the feed's place among them.
    gains: [[i128; 2]; MOST],
    /// Feeds, one bit each, whose doubt is a benefit no more.
    decayed: u64,
}

impl Sides {
    const fn of(feeds: u64) -> Self {
        Self {
            feeds,
            gains: [[0; 2]; MOST],
            decayed: 0,
        }
    }

    fn place(&self, feed: u8) -> usize {
        let before = bit(feed).saturating_sub(1) & self.feeds;
        // At most 64.
        usize::try_from(before.count_ones()).unwrap_or(MOST)
    }

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
        let place = self.place(price.moves_with);
        if let Some(gains) = self.gains.get_mut(place) {
            // Once it has decayed the last price is not asked for.
            let last = if owned < owed {
                0
            } else {
                worth(price.last())?
            };
            for (gain, at) in gains.iter_mut().zip([owned.min(owed), owned.max(owed)]) {
                *gain = add(*gain, sub(worth(at)?, last)?)?;
            }
        }
        Ok(())
    }

    /// The price at which what moves with a feed counts.
    fn level(&self, feed: u8) -> Level {
        let gains = self.gains.get(self.place(feed)).copied();
        let [low, high] = gains.unwrap_or_default();
        match contains(self.decayed, feed) {
            true if low <= high => Level::Low,
            true => Level::High,
            false if low.max(high) <= 0 => Level::Last,
            false if low > high => Level::Low,
            false => Level::High,
        }
    }
}

/// What a balance adds at a price to Maint health, where slots net to what counts before anything is required.
#[inline(never)]
fn balance_worth(
    balance: &Balance,
    risk: &AssetRisk,
    mode: MarginMode,
    price: u64,
) -> Result<i128> {
    match mode {
        MarginMode::Portfolio if risk.underlying != 0 => believed(
            spot_value(balance, risk.indices(), price, risk.shift)?,
            risk,
        ),
        _ => {
            let (doubted, mut stale) = (Some(one(price)), StaleSet::default());
            stale_balance_value(MAINT, balance, risk, POLICY, doubted, &mut stale)
        }
    }
}

/// The same of a position with its orders, or without them where slots net: a liquidation cancels them first.
#[inline(never)]
fn perp_worth(
    perp: &PerpPosition,
    orders: &[OpenOrder],
    risk: &MarketRisk,
    mode: MarginMode,
    price: u64,
) -> Result<i128> {
    match mode {
        MarginMode::Portfolio if risk.underlying != 0 => {
            weighted(equity_at(perp, risk, price)?, MAINT.of(&risk.profit_weight))
        }
        _ => {
            let terms = PerpTerms::in_doubt(MAINT, risk, one(price), POLICY)?;
            value_at(perp, orders, risk, &terms)
        }
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
