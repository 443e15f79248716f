//! Which accounts go into a transaction: makers that an order meets, refreshes in groups that fit.
use std::collections::BTreeSet;

use anchor_lang::prelude::Pubkey;
use plimsoll::{
    matching::{BookOrder, Side},
    orders::terms::OrderTerms,
};

use crate::instructions::RefreshEntry;

/// Makers that fit into one transaction with an order and a few refreshes: 33 bytes each.
pub const MAX_MAKERS: usize = 8;
/// Most accounts of the entries of one refresh instruction. Six assets, or four markets: small enough to travel with a
/// trade, large enough that the instruction's own cost is spread.
const GROUP_ACCOUNTS: usize = 12;

/// Owners of the orders that a taker meets, a quote budget aside, which may end it sooner. `opposite` are the resting orders of the other side, best first. Expired ones
/// are met too: they are thrown out, and their owners told in place if they are at hand.
pub(super) fn makers<'a>(
    order: &OrderTerms,
    taker: &Pubkey,
    opposite: impl Iterator<Item = &'a BookOrder>,
    limit: usize,
) -> Vec<Pubkey> {
    let side = Side::from(order.side);
    let mut found: Vec<Pubkey> = Vec::new();
    let mut lots = order.lots;
    for resting in opposite.take(usize::from(order.max_fills)) {
        if lots <= 0 || !side.accepts(order.price, resting.price) {
            break;
        }
        let owner = Pubkey::new_from_array(resting.owner);
        if owner != *taker && !found.contains(&owner) {
            if found.len() == limit {
                break;
            }
            found.push(owner);
        }
        lots = lots.saturating_sub(resting.lots);
    }
    found
}

/// Entries in groups of few enough accounts, in order.
pub(super) fn groups(entries: Vec<RefreshEntry>) -> Vec<Vec<RefreshEntry>> {
    let mut groups: Vec<Vec<RefreshEntry>> = Vec::new();
    let mut used: BTreeSet<Pubkey> = BTreeSet::new();
    for entry in entries {
        let accounts: Vec<Pubkey> = accounts(&entry);
        let more = accounts.iter().filter(|key| !used.contains(key)).count();
        match groups.last_mut() {
            Some(group) if used.len() + more <= GROUP_ACCOUNTS => group.push(entry),
            _ => {
                used.clear();
                groups.push(vec![entry]);
            }
        }
        used.extend(accounts);
    }
    groups
}

fn accounts(entry: &RefreshEntry) -> Vec<Pubkey> {
    let (mut keys, oracle, fallback) = match entry {
        RefreshEntry::Asset {
            asset,
            oracle,
            fallback,
        } => (vec![asset.bank], oracle, fallback),
        RefreshEntry::Market {
            market,
            oracle,
            fallback,
        } => (vec![market.address, market.book], oracle, fallback),
    };
    keys.push(*oracle);
    keys.extend(*fallback);
    keys
}
