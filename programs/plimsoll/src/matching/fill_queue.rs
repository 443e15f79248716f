//! Fills and removals that wait for the maker's margin account, first in, first out.

use bytemuck::{Pod, Zeroable};

use super::{BookOrder, Fill, MakerOut, QueueTerms, Side};

/// Most entries that a market's queue holds.
pub const FILL_QUEUE_CAPACITY: usize = 256;

/// Why lots of a resting order left the book without trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OutReason {
    /// A full side dropped it for an order of higher priority that is worth as much.
    Evicted = 1,
    /// It stood in the way of an order of the same account.
    SelfTrade = 2,
}

impl TryFrom<u8> for OutReason {
    type Error = u8;

    fn try_from(byte: u8) -> Result<Self, u8> {
        match byte {
            1 => Ok(Self::Evicted),
            2 => Ok(Self::SelfTrade),
            other => Err(other),
        }
    }
}

/// One thing that happened to a resting order and that its margin account has yet to be told.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct QueuedFill {
    /// Margin account of the resting order.
    pub maker: [u8; 32],
    /// Sequence number of the resting order.
    pub seq: u64,
    /// Its price in price lots, which is the price of the trade.
    pub price: u64,
    /// Base lots filled or removed, positive.
    pub lots: i64,
    /// Fee of the maker in native quote, as of the trade, negative for a rebate; 0 for a removal.
    pub maker_fee: i64,
    /// Funding index of the market as of the trade, for the funding between trade and settlement; 0 for a
    /// removal.
    pub funding_index: i64,
    /// Unix seconds of the event.
    pub time: i64,
    /// [`QueuedFill::FILL`] or an [`OutReason`].
    pub kind: u8,
    /// [`Side`] of the resting order.
    pub maker_side: u8,
    /// Order slot of the resting order in its margin account.
    pub maker_slot: u8,
    /// 1 when the order left the book with this event, and what is left in its slot then goes back to its owner; 0 when some of
    /// it still rests.
    pub order_done: u8,
    pub _padding: [u8; 4],
}

const _: () = assert!(size_of::<QueuedFill>() == 88 && align_of::<QueuedFill>() == 8);

impl QueuedFill {
    /// `kind` of a trade.
    pub const FILL: u8 = 0;

    /// Whether this is a trade.
    #[inline]
    pub fn is_fill(&self) -> bool {
        self.kind == Self::FILL
    }

    pub(super) fn fill(order: &BookOrder, fill: &Fill, terms: QueueTerms, time: i64) -> Self {
        Self {
            maker_fee: terms.maker_fee,
            funding_index: terms.funding_index,
            ..Self::event(
                order,
                Self::FILL,
                fill.maker_side,
                fill.lots,
                fill.order_done,
                time,
            )
        }
    }

    pub(crate) fn out(order: &BookOrder, out: &MakerOut, time: i64) -> Self {
        Self::event(
            order,
            out.reason as u8,
            out.side,
            out.lots,
            out.order_done,
            time,
        )
    }

    fn event(
        order: &BookOrder,
        kind: u8,
        side: Side,
        lots: i64,
        order_done: bool,
        time: i64,
    ) -> Self {
        Self {
            maker: order.owner,
            seq: order.seq,
            price: order.price,
            lots,
            maker_fee: 0,
            funding_index: 0,
            time,
            kind,
            maker_side: side as u8,
            maker_slot: order.owner_slot,
            order_done: u8::from(order_done),
            _padding: [0; 4],
        }
    }
}

/// The queue of a market, kept compact. Zeroed bytes are an empty queue.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct FillQueue {
    len: u64,
    entries: [QueuedFill; FILL_QUEUE_CAPACITY],
}

const _: () =
    assert!(size_of::<FillQueue>() == 8 + 88 * FILL_QUEUE_CAPACITY && align_of::<FillQueue>() == 8);

impl FillQueue {
    /// Number of waiting entries.
    #[inline]
    pub fn len(&self) -> usize {
        usize::try_from(self.len)
            .unwrap_or(FILL_QUEUE_CAPACITY)
            .min(FILL_QUEUE_CAPACITY)
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many more entries fit.
    #[inline]
    pub fn room(&self) -> usize {
        FILL_QUEUE_CAPACITY.saturating_sub(self.len())
    }

    /// The waiting entries, oldest first.
    #[inline]
    pub fn entries(&self) -> &[QueuedFill] {
        self.entries.get(..self.len()).unwrap_or_default()
    }

    /// Whether something waits for `owner`.
    #[inline(never)]
    pub fn has_any_of(&self, owner: &[u8; 32]) -> bool {
        let owner: [u64; 4] = bytemuck::cast(*owner);
        let mut entries = self.entries().iter();
        entries.any(|entry| bytemuck::cast::<_, [u64; 4]>(entry.maker) == owner)
    }

    /// Appends an entry; false, and nothing changes, when the queue is full.
    #[must_use]
    pub(crate) fn push(&mut self, entry: QueuedFill) -> bool {
        let len = self.len();
        let Some(vacant) = self.entries.get_mut(len) else {
            return false;
        };
        *vacant = entry;
        self.len = self.len.saturating_add(1);
        true
    }

    /// Gives the entries of `owner` to `settle`, oldest first and at most `max`, and removes them; the others
    /// keep their order. Returns how many were settled.
    ///
    /// # Errors
    /// The error of `settle`; what it refused and all behind it stays in the queue.
    #[inline(never)]
    pub fn drain_for<E>(
        &mut self,
        owner: &[u8; 32],
        max: usize,
        mut settle: impl FnMut(&QueuedFill) -> Result<(), E>,
    ) -> Result<usize, E> {
        let owner: [u64; 4] = bytemuck::cast(*owner);
        let mut result = Ok(0usize);
        let mut kept = 0usize;
        for at in 0..self.len() {
            let Some(entry) = self.entries.get(at) else {
                break;
            };
            match result {
                Ok(settled)
                    if settled < max && bytemuck::cast::<_, [u64; 4]>(entry.maker) == owner =>
                {
                    result = settle(entry).map(|()| settled.saturating_add(1));
                    if result.is_ok() {
                        continue;
                    }
                }
                _ => {}
            }
            if kept != at {
                self.entries.copy_within(at..=at, kept);
            }
            kept = kept.saturating_add(1);
        }
        self.len = u64::try_from(kept).unwrap_or_default();
        result
    }
}
