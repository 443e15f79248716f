//! Every margin account in memory, what each is worth, and which of them need a liquidator.
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anchor_lang::prelude::Pubkey;
use plimsoll::{liquidation::FLAG_SECS, state::MarginAccount};
use plimsoll_risk::{AccountMargin, Assessment, HealthKind, MarginModel, Policy};
use rayon::prelude::*;

use super::{
    compact::CompactAccount,
    outlook::{Flag, Moved, Outlook},
};

/// Accounts that one task values: enough to make handing it out worthwhile.
const TASK: usize = 256;

/// What a liquidator may do about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Below its maintenance line, or flagged and below the line where a liquidation ends.
    Liquidate,
    /// Flagged, but recovered: the flag, which keeps its owner from withdrawing, can be cleared.
    Clear,
}

/// An account that needs something, with what it is worth.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub address: Pubkey,
    pub need: Need,
    pub value: Assessment,
}

/// How many accounts stand where, and what is at stake in native quote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// All accounts.
    pub watched: usize,
    /// Accounts below each line, by [`HealthKind`].
    pub below: [usize; 3],
    /// LiquidationEnd health that the accounts below maintenance lack, together.
    pub shortfall: u128,
    /// Equity below zero, together: losses that nobody but insurance and the winners can bear.
    pub bad_debt: u128,
    /// Accounts that could not be valued.
    pub failed: usize,
}

/// What a re-valuation did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Revaluation {
    pub accounts: usize,
    pub time: Duration,
}

/// The book of all accounts. `None` stands for an account whose portfolio does not fit the numbers, or that names an
/// entry which the risk state does not have yet.
#[derive(Default)]
pub struct ValuationBook {
    accounts: Vec<CompactAccount>,
    values: Vec<Option<Assessment>>,
    places: HashMap<Pubkey, usize>,
}

impl ValuationBook {
    /// Number of accounts.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// True when there is no account.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Takes an account in, or its new state, and values it at once.
    pub fn upsert(&mut self, address: Pubkey, account: &MarginAccount, outlook: &Outlook) {
        self.insert(CompactAccount::new(address, account), outlook);
    }

    /// The same for an account that is packed already.
    pub fn insert(&mut self, account: CompactAccount, outlook: &Outlook) {
        let value = value_of(&account, outlook);
        match self.places.get(&account.address) {
            Some(&place) => {
                if let (Some(slot), Some(known)) =
                    (self.accounts.get_mut(place), self.values.get_mut(place))
                {
                    (*slot, *known) = (account, value);
                }
            }
            None => {
                self.places.insert(account.address, self.accounts.len());
                self.accounts.push(account);
                self.values.push(value);
            }
        }
    }

    /// Forgets an account that was closed.
    pub fn remove(&mut self, address: &Pubkey) {
        let Some(place) = self.places.remove(address) else {
            return;
        };
        self.accounts.swap_remove(place);
        self.values.swap_remove(place);
        if let Some(moved) = self.accounts.get(place) {
            self.places.insert(moved.address, place);
        }
    }

    /// Forgets the accounts that `keep` does not want.
    pub fn retain(&mut self, keep: impl Fn(&Pubkey) -> bool) {
        let gone: Vec<Pubkey> = self
            .places
            .keys()
            .filter(|key| !keep(key))
            .copied()
            .collect();
        for address in gone {
            self.remove(&address);
        }
    }

    /// What an account was worth when it was last valued.
    pub fn value(&self, address: &Pubkey) -> Option<Assessment> {
        let place = *self.places.get(address)?;
        *self.values.get(place)?
    }

    /// The entries that somebody uses.
    pub fn used(&self) -> Moved {
        let accounts = self.accounts.iter();
        accounts.fold(Moved::default(), |used, account| Moved {
            assets: used.assets | account.assets,
            markets: used.markets | account.markets,
        })
    }

    /// Values every account anew, on all threads of the pool that this runs in.
    pub fn revalue(&mut self, outlook: &Outlook) -> Revaluation {
        self.revalue_where(outlook, |_| true)
    }

    /// Values anew the accounts that use an entry which moved; for the others every number is what it was.
    pub fn revalue_moved(&mut self, outlook: &Outlook, moved: Moved) -> Revaluation {
        self.revalue_where(outlook, |account| {
            account.assets & moved.assets != 0 || account.markets & moved.markets != 0
        })
    }

    fn revalue_where(
        &mut self,
        outlook: &Outlook,
        wanted: impl Fn(&CompactAccount) -> bool + Sync,
    ) -> Revaluation {
        let start = Instant::now();
        let accounts = self
            .accounts
            .par_iter()
            .with_min_len(TASK)
            .zip(self.values.par_iter_mut())
            .filter(|(account, _)| wanted(account))
            .map(|(account, value)| *value = value_of(account, outlook))
            .count();
        Revaluation {
            accounts,
            time: start.elapsed(),
        }
    }

    /// The accounts that need something: those to liquidate first, the greatest shortfall before the others, since that
    /// is where both the reward and the danger of a loss that nobody can pay are greatest.
    pub fn cases(&self, outlook: &Outlook) -> Vec<Case> {
        let mut cases: Vec<Case> = self
            .pairs()
            .filter_map(|(account, value)| {
                Some(Case {
                    address: account.address,
                    need: need(account.flag, &value, outlook.unix_time())?,
                    value,
                })
            })
            .collect();
        cases.sort_by_key(|case| {
            let end = case.value.of(HealthKind::LiquidationEnd);
            (case.need == Need::Clear, end, case.address)
        });
        cases
    }

    /// Counts of all accounts.
    pub fn census(&self) -> Census {
        let mut census = Census {
            watched: self.accounts.len(),
            ..Census::default()
        };
        for (_, value) in self.pairs() {
            for (count, kind) in census.below.iter_mut().zip(HealthKind::ALL) {
                *count += usize::from(value.of(kind) < 0);
            }
            if value.of(HealthKind::Maint) < 0 {
                let end = value.of(HealthKind::LiquidationEnd);
                census.shortfall += end.min(0).unsigned_abs();
            }
            census.bad_debt += value.equity.min(0).unsigned_abs();
        }
        census.failed = self.values.iter().filter(|value| value.is_none()).count();
        census
    }

    fn pairs(&self) -> impl Iterator<Item = (&CompactAccount, Assessment)> {
        let pairs = self.accounts.iter().zip(&self.values);
        pairs.filter_map(|(account, value)| Some((account, (*value)?)))
    }
}

fn value_of(account: &CompactAccount, outlook: &Outlook) -> Option<Assessment> {
    let view = outlook.view();
    AccountMargin::assess(&view, &account.portfolio(), Policy::BenefitOfDoubt).ok()
}

/// What the program would do with an account, by the same rules: below maintenance it may be liquidated, and goes on
/// being so until LiquidationEnd health is zero, unless its flag says nothing any more: it is old, or nobody has confirmed it
/// at later prices with every price known. One that still counts is not cleared while stale entries count in the account's favour.
pub fn need(flag: Option<Flag>, value: &Assessment, now: i64) -> Option<Need> {
    if value.of(HealthKind::Maint) < 0 {
        return Some(Need::Liquidate);
    }
    let flag = flag?;
    let is_weak = flag.is_old(now) || !flag.is_certain;
    if value.of(HealthKind::LiquidationEnd) < 0 && !is_weak {
        return Some(Need::Liquidate);
    }
    (is_weak || value.stale.is_empty()).then_some(Need::Clear)
}

impl Flag {
    /// Whether it was set so long ago that it says nothing about the account of now.
    pub fn is_old(&self, now: i64) -> bool {
        self.secs(now) > FLAG_SECS
    }

    /// Seconds since it was set.
    pub fn secs(&self, now: i64) -> u64 {
        u64::try_from(now.saturating_sub(self.at)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(end: i128, maint: i128) -> Assessment {
        Assessment {
            health: [end.min(0), end, maint],
            ..Assessment::default()
        }
    }

    #[test]
    fn a_flag_counts_while_it_is_young_and_confirmed() {
        let flag = |is_confirmed| {
            Some(Flag {
                at: 1_000,
                price_ms: 0,
                is_confirmed,
                is_certain: is_confirmed,
                unknown: 0,
            })
        };
        let (between, below) = (value(-5, 5), value(-9, -1));
        for flag in [None, flag(false), flag(true)] {
            assert_eq!(need(flag, &below, 1_000), Some(Need::Liquidate));
        }
        assert_eq!(need(None, &between, 1_000), None);
        assert_eq!(need(flag(false), &between, 1_000), Some(Need::Clear));
        assert_eq!(need(flag(true), &between, 4_600), Some(Need::Liquidate));
        assert_eq!(need(flag(true), &between, 4_601), Some(Need::Clear));
        assert_eq!(need(flag(true), &value(0, 9), 1_000), Some(Need::Clear));
        let mut doubted = value(0, 9);
        doubted.stale.debts = 1;
        assert_eq!(need(flag(true), &doubted, 1_000), None);
        assert_eq!(need(flag(false), &doubted, 1_000), Some(Need::Clear));
    }
}
