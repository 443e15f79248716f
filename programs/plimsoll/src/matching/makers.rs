//! What the engine asks of the program: to settle with the margin accounts of resting orders.

use super::{BookOrder, MatchError, OutReason, Side};

/// A trade, as the resting order sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Side of the resting order; the taker is on the other.
    pub maker_side: Side,
    /// Price in price lots: that of the resting order.
    pub price: u64,
    /// Base lots traded, positive.
    pub lots: i64,
    /// `lots × price`.
    pub quote_lots: i64,
    /// Whether the resting order leaves the book with this: filled whole, or to dust, which its owner has back.
    pub order_done: bool,
}

/// Lots that leave the book without trading, as their owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MakerOut {
    /// Side of the resting order.
    pub side: Side,
    /// Base lots removed, positive.
    pub lots: i64,
    /// Whether the order is gone with this, so that its slot is free.
    pub order_done: bool,
    /// Why.
    pub reason: OutReason,
}

/// What has to be fixed at the time of a trade that is settled later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueTerms {
    /// Fee of the maker in native quote, negative for a rebate.
    pub maker_fee: i64,
    /// Funding index of the market.
    pub funding_index: i64,
}

/// What became of a trade at the maker's margin account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is in the maker's margin account.
    InPlace,
    /// Nothing was done, the account is not in the transaction: the trade is to be queued on these terms.
    NotAtHand(QueueTerms),
}

/// The margin accounts of the makers, as the program sees them.
///
/// The account of the taker counts as at hand. Before a call to [`match_order`] the queued entries of every
/// account at hand must have been settled.
pub trait Makers {
    /// Error of the program.
    type Error: From<MatchError>;

    /// Whether the margin account can be written in this transaction.
    fn at_hand(&self, owner: &[u8; 32]) -> bool;

    /// Books a trade of `order` (as it was before the trade) in its margin account, if that is at hand.
    ///
    /// A reduce-only order trades like any other, at hand or not: the program keeps what rests of them within the
    /// position, whichever orders fill.
    fn settle_fill(&mut self, order: &BookOrder, fill: &Fill) -> Result<Settled, Self::Error>;

    /// Tells the margin account of `order` (as it was before), if at hand, that lots left the book; false
    /// when it is not at hand.
    fn release(&mut self, order: &BookOrder, out: &MakerOut) -> Result<bool, Self::Error>;
}
