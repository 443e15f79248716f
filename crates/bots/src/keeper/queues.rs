//! What waits in fill queues and books: whose fills to settle together, which expired orders to remove.
use anchor_lang::prelude::Pubkey;
use plimsoll::{
    matching::{FillQueue, Side},
    state::Book,
};

/// Most queued entries that one settlement takes.
pub const ENTRIES_PER_CALL: u8 = 24;
/// Most orders that one pruning removes: they cost little, as their owners need not be told.
pub const ORDERS_PER_CALL: u16 = 1_024;

/// The accounts for which something waits, whoever waits longest first, in groups of one call each, which has room for so
/// many.
pub fn settlements(queue: &FillQueue, room: usize) -> Vec<Vec<Pubkey>> {
    let mut makers: Vec<Pubkey> = Vec::new();
    for entry in queue.entries() {
        let maker = Pubkey::new_from_array(entry.maker);
        if !makers.contains(&maker) {
            makers.push(maker);
        }
    }
    // More accounts than entries find nothing left.
    let together = room.min(usize::from(ENTRIES_PER_CALL)).max(1);
    makers.chunks(together).map(<[_]>::to_vec).collect()
}

/// Expired orders that one call removes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruning {
    /// How many.
    pub orders: u16,
    /// Their margin accounts, as many as there is room for: their slots are freed at once, the others by whoever needs them.
    pub owners: Vec<Pubkey>,
    /// Expired orders in the whole book.
    pub expired: usize,
}

/// What to prune, in the program's order: bids first, the worst price first; of a market that is being wound down `all`. The call
/// has room for so many owners.
pub fn pruning(book: &Book, all: bool, now: i64, room: usize) -> Pruning {
    let mut pruning = Pruning::default();
    for side in [Side::Bid, Side::Ask] {
        let orders = book.orders.side(side).as_slice().iter();
        for order in orders.filter(|order| all || order.is_expired(now)) {
            pruning.expired += 1;
            if pruning.orders == ORDERS_PER_CALL {
                continue;
            }
            pruning.orders += 1;
            let owner = Pubkey::new_from_array(order.owner);
            let known = pruning.owners.contains(&owner);
            if !known && pruning.owners.len() < room {
                pruning.owners.push(owner);
            }
        }
    }
    pruning
}
