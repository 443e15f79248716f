//! Why the matching engine refuses an order or a cancellation.

/// A refusal by the matching engine; the transaction must abort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchError {
    /// An order needs at least one base lot.
    InvalidLots,
    /// An order needs a limit of at least one price lot.
    InvalidPrice,
    /// Sequence number zero is reserved for "no order".
    InvalidSequence,
    /// The order had expired before it arrived.
    Expired,
    /// A post-only order would have traded, or could not slide behind the best opposite order.
    WouldCross,
    /// A fill-or-kill order cannot be filled whole within its limits.
    NotFillable,
    /// The order met an order of its own account and asked to abort then.
    SelfTrade,
    /// The side is full of orders with at least the same priority or worth more, or the owner of the order that
    /// would make room can be told neither at once nor through the queue.
    BookFull,
    /// An order with this price and sequence number already rests on the side.
    DuplicateOrder,
    /// No order with this price and sequence number rests on the side.
    OrderNotFound,
    /// `lots × price`, or a sum of such products, exceeds an `i64`.
    Overflow,
}
