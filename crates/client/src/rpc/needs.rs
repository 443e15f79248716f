//! Which accounts go into a transaction: makers that an order meets, refreshes in groups that fit.
use std::collections::BTreeSet;

use anchor_lang::prelude::Pubkey;
use plimsoll::{
    matching::{BookOrder, QueuedFill, Side},
    orders::terms::{OrderTerms, SelfTradeBehavior},
};

use crate::instructions::RefreshEntry;

/// Makers that fit into one transaction with an order and a few refreshes: 33 bytes each.
pub const MAX_MAKERS: usize = 8;
/// Most accounts of one refresh instruction: twelve feeds, small enough to travel with a trade, large enough that the
/// instruction's own cost is spread.
const GROUP_ACCOUNTS: usize = 12;

/// Owners of the orders that a taker meets, a quote budget aside, which may end it sooner. `opposite` are the resting
/// orders of the other side, best first. Expired ones are met too: they are thrown out, and their owners told in place if
/// they are at hand.
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
        if owner == *taker && order.self_trade == SelfTradeBehavior::CancelProvide {
            // Cancelled, with nothing taken from the order.
            continue;
        }
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

/// Owners of what waits, longest waiting first, each once.
pub(super) fn waiting(entries: &[QueuedFill]) -> Vec<Pubkey> {
    let mut seen = BTreeSet::new();
    let makers = entries.iter().map(|entry| entry.maker);
    makers
        .filter(|maker| seen.insert(*maker))
        .map(Pubkey::new_from_array)
        .collect()
}

/// Units in groups of few enough accounts, in order; what stands in one unit stays together.
pub(super) fn groups(units: Vec<Vec<RefreshEntry>>) -> Vec<Vec<RefreshEntry>> {
    let mut groups: Vec<Vec<RefreshEntry>> = Vec::new();
    let mut used: BTreeSet<Pubkey> = BTreeSet::new();
    for unit in units {
        let accounts: BTreeSet<Pubkey> = unit.iter().flat_map(accounts).collect();
        let more = accounts.iter().filter(|key| !used.contains(key)).count();
        match groups.last_mut() {
            Some(group) if used.len() + more <= GROUP_ACCOUNTS => group.extend(unit),
            _ => {
                used.clear();
                groups.push(unit);
            }
        }
        used.extend(accounts);
    }
    groups
}

fn accounts(entry: &RefreshEntry) -> Vec<Pubkey> {
    match entry {
        RefreshEntry::Feed(feed) => vec![feed.account],
        RefreshEntry::Bank(asset) => vec![asset.bank],
        RefreshEntry::Market(market) => vec![market.address, market.book],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{instructions::FeedRef, ExchangeRef};
    use plimsoll::orders::terms::{OrderSide, OrderType};

    const TAKER: u8 = 9;

    fn key(who: u8) -> Pubkey {
        Pubkey::new_from_array([who; 32])
    }

    fn resting(who: u8, price: u64, lots: i64) -> BookOrder {
        BookOrder {
            price,
            lots,
            owner: [who; 32],
            ..bytemuck::Zeroable::zeroed()
        }
    }

    fn buy(price: u64, lots: i64) -> OrderTerms {
        OrderTerms {
            side: OrderSide::Bid,
            price,
            lots,
            kind: OrderType::Limit,
            max_quote: None,
            reduce_only: false,
            expiry: 0,
            client_id: 0,
            self_trade: SelfTradeBehavior::DecrementAndCancel,
            max_fills: 16,
        }
    }

    fn met(order: &OrderTerms, book: &[BookOrder], limit: usize) -> Vec<Pubkey> {
        makers(order, &key(TAKER), book.iter(), limit)
    }

    #[test]
    fn names_makers_best_first_each_once_up_to_the_limit() {
        let asks = [
            resting(3, 100, 5),
            resting(1, 101, 5),
            resting(3, 101, 5),
            resting(2, 102, 5),
        ];
        let order = buy(200, 100);
        assert_eq!(met(&order, &asks, 8), [key(3), key(1), key(2)]);
        assert_eq!(met(&order, &asks, 2), [key(3), key(1)]);
        assert!(met(&order, &asks, 0).is_empty());
    }

    #[test]
    fn goes_as_far_as_price_lots_and_fills_reach() {
        let asks = [resting(1, 100, 5), resting(2, 101, 5), resting(3, 102, 5)];
        assert!(met(&buy(99, 100), &asks, 8).is_empty());
        assert_eq!(met(&buy(101, 100), &asks, 8), [key(1), key(2)]);
        assert_eq!(met(&buy(102, 5), &asks, 8), [key(1)]);
        assert_eq!(met(&buy(102, 6), &asks, 8), [key(1), key(2)]);
        let once = OrderTerms {
            max_fills: 1,
            ..buy(102, 100)
        };
        assert_eq!(met(&once, &asks, 8), [key(1)]);
        let bids = [resting(1, 100, 5), resting(2, 99, 5)];
        let sell = OrderTerms {
            side: OrderSide::Ask,
            ..buy(100, 100)
        };
        assert_eq!(met(&sell, &bids, 8), [key(1)]);
    }

    #[test]
    fn skips_the_takers_own_orders_which_take_lots_only_where_both_are_decremented() {
        let asks = [resting(TAKER, 100, 5), resting(1, 101, 5)];
        assert!(met(&buy(200, 5), &asks, 8).is_empty());
        assert_eq!(met(&buy(200, 6), &asks, 8), [key(1)]);
        let order = OrderTerms {
            self_trade: SelfTradeBehavior::CancelProvide,
            ..buy(200, 5)
        };
        assert_eq!(met(&order, &asks, 8), [key(1)]);
    }

    #[test]
    fn names_who_waits_once_longest_first() {
        let entry = |who| QueuedFill {
            maker: [who; 32],
            ..bytemuck::Zeroable::zeroed()
        };
        let entries = [entry(4), entry(2), entry(4), entry(1)];
        assert_eq!(waiting(&entries), [key(4), key(2), key(1)]);
        assert!(waiting(&[]).is_empty());
    }

    fn feed(index: u8, account: u8) -> RefreshEntry {
        RefreshEntry::Feed(FeedRef {
            index,
            account: key(account),
            is_fallback: false,
        })
    }

    fn market(index: u16) -> RefreshEntry {
        RefreshEntry::Market(ExchangeRef::new(0).market(index))
    }

    fn sizes(entries: Vec<RefreshEntry>) -> Vec<usize> {
        let units = entries.into_iter().map(|entry| vec![entry]);
        groups(units.collect()).iter().map(Vec::len).collect()
    }

    #[test]
    fn groups_refreshes_by_their_accounts() {
        assert!(sizes(Vec::new()).is_empty());
        // One account to a feed or bank: twelve of them.
        let feeds = (1..=13).map(|i| feed(i, 100 + i));
        assert_eq!(sizes(feeds.collect()), [12, 1]);
        let exchange = ExchangeRef::new(0);
        let banks = (1..=13).map(|i| RefreshEntry::Bank(exchange.asset(key(i), key(200))));
        assert_eq!(sizes(banks.collect()), [12, 1]);
        // Two to a market.
        assert_eq!(sizes((1..=7).map(market).collect()), [6, 1]);
        // An account that feeds share counts once.
        let shared = (1..=24).map(|i| feed(i, 100));
        assert_eq!(sizes(shared.collect()), [24]);
    }

    #[test]
    fn what_belongs_together_stays_together() {
        // A feed with its market, three accounts: four of them.
        let units = (1..=5).map(|i| vec![feed(i, 100 + i), market(u16::from(i))]);
        let sizes: Vec<_> = groups(units.collect()).iter().map(Vec::len).collect();
        assert_eq!(sizes, [8, 2]);
    }
}
