//! Which entries of the risk state a call has to refresh first.
use plimsoll::state::MarginAccount;

use crate::liquidator::outlook::Outlook;

/// An entry of the risk state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entry {
    Asset(u16),
    Market(u16),
}

/// The entries that an account's health counts on: of what it holds or owes, and of markets with a position or orders.
pub fn used(account: &MarginAccount) -> Vec<Entry> {
    let balances = account.balances.iter();
    let held = balances.filter(|b| !b.is_free() && !b.shares.is_zero());
    let perps = account.perps.iter();
    let exposed = perps.filter(|p| !p.is_free() && p.is_exposed());
    held.map(|b| Entry::Asset(b.asset))
        .chain(exposed.map(|p| Entry::Market(p.market)))
        .collect()
}

/// The entries due for a refresh, the one refreshed longest ago first: those of `needed` older than `fresh_slots`, and
/// those of `own` that would soon be too old for the liquidator's own margin.
pub fn due(
    outlook: &Outlook,
    fresh_slots: u64,
    needed: impl IntoIterator<Item = Entry>,
    own: impl IntoIterator<Item = Entry>,
) -> Vec<Entry> {
    let needed = needed.into_iter().filter_map(|entry| {
        let age = outlook.refresh_age(entry)?;
        (age > fresh_slots).then_some((age, entry))
    });
    let own = own.into_iter().filter_map(|entry| {
        let age = outlook.refresh_age(entry)?;
        let limit = outlook.max_age_slots(entry)?;
        (age.saturating_add(fresh_slots) > limit).then_some((age, entry))
    });
    let mut found: Vec<(u64, Entry)> = needed.chain(own).collect();
    found.sort_by_key(|(age, entry)| (std::cmp::Reverse(*age), *entry));
    found.dedup();
    found.into_iter().map(|(_, entry)| entry).collect()
}
