//! Which accounts go into a transaction: makers that an order meets, refreshes in groups.
use std::collections::BTreeSet;

use anchor_lang::prelude::Pubkey;
use plimsoll::{
    matching::{BookOrder, QueuedFill, Side},
    orders::terms::{OrderTerms, SelfTradeBehavior},
};

use crate::instructions::RefreshEntry;

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

/// Units in order, in as large groups as pass; what stands in one unit stays together.
pub(super) fn groups(
    units: Vec<Vec<RefreshEntry>>,
    passes: impl Fn(&[RefreshEntry]) -> bool,
) -> Vec<Vec<RefreshEntry>> {
    let mut groups: Vec<Vec<RefreshEntry>> = Vec::new();
    for unit in units {
        match groups.last_mut() {
            Some(group) if passes(&[group.as_slice(), &unit].concat()) => group.extend(unit),
            _ => groups.push(unit),
        }
    }
    groups
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

    #[test]
    fn groups_refreshes_as_long_as_they_pass() {
        let sizes = |count: u8| -> Vec<usize> {
            let units = (1..=count).map(|i| vec![feed(i, 100 + i)]).collect();
            let groups = groups(units, |group| group.len() <= 3);
            groups.iter().map(Vec::len).collect()
        };
        assert!(sizes(0).is_empty());
        assert_eq!(sizes(3), [3]);
        assert_eq!(sizes(7), [3, 3, 1]);
        let none = groups(vec![vec![feed(1, 101)], vec![feed(2, 102)]], |_| false);
        assert_eq!(none.len(), 2, "one that does not pass stands alone");
    }

    #[test]
    fn what_belongs_together_stays_together() {
        let units = (1..=5).map(|i| vec![feed(i, 100 + i), market(u16::from(i))]);
        let groups = groups(units.collect(), |group| group.len() <= 5);
        let sizes: Vec<_> = groups.iter().map(Vec::len).collect();
        assert_eq!(sizes, [4, 4, 2]);
    }
}
