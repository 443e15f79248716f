//! What waits in fill queues and books: whose fills to settle together, which expired orders to remove.
use anchor_lang::prelude::Pubkey;
use plimsoll::{
    matching::{FillQueue, Side},
    state::Book,
};

/// Most margin accounts that one call settles or tells.
pub const ACCOUNTS_PER_CALL: usize = 8;
/// Most queued entries that one settlement takes, and most orders that one pruning removes.
pub const ENTRIES_PER_CALL: u8 = 24;

/// The accounts for which something waits, whoever waits longest first, in groups of one call each.
pub fn settlements(queue: &FillQueue) -> Vec<Vec<Pubkey>> {
    let mut makers: Vec<Pubkey> = Vec::new();
    for entry in queue.entries() {
        let maker = Pubkey::new_from_array(entry.maker);
        if !makers.contains(&maker) {
            makers.push(maker);
        }
    }
    makers
        .chunks(ACCOUNTS_PER_CALL)
        .map(<[_]>::to_vec)
        .collect()
}

/// Expired orders that one call removes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruning {
    /// How many.
    pub orders: u8,
    /// Their margin accounts, which are told at once as far as there is room; the rest is told through the queue.
    pub owners: Vec<Pubkey>,
    /// Expired orders in the whole book.
    pub expired: usize,
}

/// What to prune, in the program's order: bids first, the worst price first.
pub fn pruning(book: &Book, now: i64) -> Pruning {
    let mut pruning = Pruning::default();
    for side in [Side::Bid, Side::Ask] {
        let orders = book.orders.side(side).as_slice().iter();
        for order in orders.filter(|order| order.is_expired(now)) {
            pruning.expired += 1;
            if pruning.orders == ENTRIES_PER_CALL {
                continue;
            }
            pruning.orders += 1;
            let owner = Pubkey::new_from_array(order.owner);
            let known = pruning.owners.contains(&owner);
            if !known && pruning.owners.len() < ACCOUNTS_PER_CALL {
                pruning.owners.push(owner);
            }
        }
    }
    pruning
}
