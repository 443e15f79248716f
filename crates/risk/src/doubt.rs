//! What the doubt of one feed is worth to an account that is on both sides of it.
//!
//! In doubt what is owned and what is owed count at two prices ([`InDoubt`]). An account that owns a token and owes as much of
//! what follows the same feed would be worth less and less by that, though it is worth the same at any one price. So each
//! feed that an account is both long and short of counts at one price on both sides: the better of the two for the account
//! while doubt is a benefit, and the worse of them from then on.

use crate::balance::Balance;
use crate::entry_price::{EntryPrice, InDoubt};
use crate::fixed::Result;
use crate::health::{Assessment, HealthKind, MarginMode, Policy, Portfolio, RiskView};
use crate::position::PerpPosition;
use crate::standard::{assess_balance, assess_perp};

const POLICY: Policy = Policy::BenefitOfDoubt;

/// Feeds, one bit each, that count at one price on both sides while they are in doubt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnePrice {
    /// At what is owned.
    pub owned: u64,
    /// At what is owed.
    pub owed: u64,
}

impl OnePrice {
    /// What a feed's price in doubt counts for.
    #[inline]
    pub fn of(self, feed: u8, price: InDoubt) -> InDoubt {
        let InDoubt { owned, owed } = price;
        match (contains(self.owned, feed), contains(self.owed, feed)) {
            (true, _) => InDoubt { owned, owed: owned },
            (_, true) => InDoubt { owned: owed, owed },
            _ => price,
        }
    }
}

fn bit(feed: u8) -> u64 {
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
        let (mut long, mut short) = (0, 0);
        let mut side = |price: &EntryPrice, is_long: bool| {
            if !self.is_fresh(price) {
                *(if is_long { &mut long } else { &mut short }) |= bit(price.feed);
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
        let mut both = long & short;
        if both == 0 {
            return Ok(None);
        }
        let mut view = *self;
        while both != 0 {
            let feed = u8::try_from(both.trailing_zeros()).unwrap_or(u8::MAX);
            both &= both.wrapping_sub(1);
            if self.counts_as_owned(portfolio, feed)? {
                view.one_price.owned |= bit(feed);
            } else {
                view.one_price.owed |= bit(feed);
            }
        }
        Ok(Some(view))
    }

    /// Whether what follows a feed counts at the price of what is owned, rather than at that of what is owed.
    fn counts_as_owned(&self, portfolio: &Portfolio<'_>, feed: u8) -> Result<bool> {
        let worth = |one_price| {
            let view = Self { one_price, ..*self };
            view.worth(portfolio, feed)
        };
        let (owned, is_benefit) = worth(OnePrice {
            owned: bit(feed),
            owed: 0,
        })?;
        let (owed, _) = worth(OnePrice {
            owned: 0,
            owed: bit(feed),
        })?;
        Ok(if is_benefit {
            owned >= owed
        } else {
            owned <= owed
        })
    }

    /// What the slots add that follow a feed: to Maint health where slots add up, to equity where they net; and whether doubt is
    /// still a benefit.
    fn worth(&self, portfolio: &Portfolio<'_>, feed: u8) -> Result<(i128, bool)> {
        let mut out = Assessment::default();
        let mut is_benefit = true;
        let mut follows = |price: &EntryPrice| -> Result<bool> {
            if price.feed != feed || self.is_fresh(price) {
                return Ok(false);
            }
            let InDoubt { owned, owed } = price.in_doubt(&self.clock)?;
            is_benefit = owned >= owed;
            Ok(true)
        };
        for balance in held(portfolio) {
            if let Some(risk) = self.assets.get(usize::from(balance.asset)) {
                if follows(&risk.price)? {
                    assess_balance(&mut out, self, balance, risk, POLICY)?;
                }
            }
        }
        for perp in exposed(portfolio) {
            if let Some(risk) = self.markets.get(usize::from(perp.market)) {
                if follows(&risk.price)? {
                    assess_perp(&mut out, self, perp, portfolio.orders, risk, POLICY)?;
                }
            }
        }
        let worth = match portfolio.mode {
            MarginMode::Standard => out.of(HealthKind::Maint),
            MarginMode::Portfolio => out.equity,
        };
        Ok((worth, is_benefit))
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
