//! Tests of the matching engine: fixtures, unit tests, and properties against a naive model.

mod book;
mod engine;
mod fill_queue;
mod model;
mod post_only;
mod properties;

use super::*;

pub type Key = [u8; 32];

/// The margin account of the test person `who`.
pub fn key(who: u8) -> Key {
    [who; 32]
}

/// Something that happened to a resting order: a trade when there is no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub maker: Key,
    pub seq: u64,
    pub side: Side,
    pub price: u64,
    pub lots: i64,
    pub reason: Option<OutReason>,
    pub order_done: bool,
}

impl Event {
    pub fn of_queued(entry: &QueuedFill) -> Self {
        Self {
            maker: entry.maker,
            seq: entry.seq,
            side: Side::try_from(entry.maker_side).unwrap(),
            price: entry.price,
            lots: entry.lots,
            reason: (!entry.is_fill()).then(|| OutReason::try_from(entry.kind).unwrap()),
            order_done: entry.order_done == 1,
        }
    }
}

/// Margin accounts that remember what they were told.
#[derive(Clone, Default)]
pub struct Accounts {
    pub at_hand: Vec<Key>,
    pub settled: Vec<Event>,
}

impl Accounts {
    pub fn with(people: &[u8]) -> Self {
        Self {
            at_hand: people.iter().copied().map(key).collect(),
            ..Self::default()
        }
    }
}

/// The fee that `Accounts` asks for a queued trade, so that tests can recognise it.
pub fn fee_of(fill: &Fill) -> i64 {
    fill.quote_lots * 10 - 3
}

impl Makers for Accounts {
    type Error = MatchError;

    fn at_hand(&self, owner: &Key) -> bool {
        self.at_hand.contains(owner)
    }

    fn settle_fill(&mut self, order: &BookOrder, fill: &Fill) -> Result<Settled, MatchError> {
        assert_eq!(fill.price, order.price);
        assert_eq!(
            fill.quote_lots,
            fill.lots * i64::try_from(fill.price).unwrap()
        );
        assert!(fill.lots > 0 && fill.lots <= order.lots);
        if !self.at_hand(&order.owner) {
            return Ok(Settled::NotAtHand(QueueTerms {
                maker_fee: fee_of(fill),
                funding_index: 77,
            }));
        }
        self.settled.push(Event {
            maker: order.owner,
            seq: order.seq,
            side: fill.maker_side,
            price: fill.price,
            lots: fill.lots,
            reason: None,
            order_done: fill.order_done,
        });
        Ok(Settled::InPlace)
    }

    fn release(&mut self, order: &BookOrder, out: &MakerOut) -> Result<bool, MatchError> {
        assert!(out.lots > 0 && out.lots <= order.lots);
        if !self.at_hand(&order.owner) {
            return Ok(false);
        }
        self.settled.push(Event {
            maker: order.owner,
            seq: order.seq,
            side: out.side,
            price: order.price,
            lots: out.lots,
            reason: Some(out.reason),
            order_done: out.order_done,
        });
        Ok(true)
    }
}

/// A market: book, queue, accounts and the clock.
pub struct Fixture {
    pub orders: Box<Orders>,
    pub queue: Box<FillQueue>,
    pub accounts: Accounts,
    pub now: i64,
    pub next_seq: u64,
}

/// The account that stands for takers in tests that do not care who they are.
pub const TAKER: u8 = 200;

impl Fixture {
    /// An empty market with the accounts of these people, and the taker's, at hand.
    pub fn new(people: &[u8]) -> Self {
        let mut accounts = Accounts::with(people);
        accounts.at_hand.push(key(TAKER));
        Self {
            orders: zeroed_box(),
            queue: zeroed_box(),
            accounts,
            now: 1_000,
            next_seq: 1,
        }
    }

    /// A limit order with no further conditions.
    pub fn order(&mut self, who: u8, side: Side, price: u64, lots: i64) -> TakerOrder {
        let seq = self.next_seq;
        self.next_seq += 1;
        TakerOrder {
            owner: key(who),
            seq,
            price,
            lots,
            max_quote_lots: None,
            expiry: 0,
            max_steps: 2_000,
            min_quote_lots: 0,
            owner_slot: 7,
            side,
            kind: OrderKind::Limit,
            self_trade: SelfTrade::AbortTransaction,
            reduce_only: false,
            in_place_only: false,
        }
    }

    pub fn place(&mut self, order: &TakerOrder) -> Result<MatchOutcome, MatchError> {
        match_order(
            &mut self.orders,
            &mut self.queue,
            &mut self.accounts,
            order,
            self.now,
        )
    }

    /// Rests an order and returns its sequence number.
    pub fn rest(&mut self, who: u8, side: Side, price: u64, lots: i64) -> u64 {
        let order = self.order(who, side, price, lots);
        let outcome = self.place(&order).unwrap();
        assert_eq!(outcome.resting_lots, lots);
        order.seq
    }

    /// Rests an order that expires at `expiry`.
    pub fn rest_until(&mut self, who: u8, side: Side, price: u64, lots: i64, expiry: u32) -> u64 {
        let order = TakerOrder {
            expiry,
            ..self.order(who, side, price, lots)
        };
        assert_eq!(self.place(&order).unwrap().resting_lots, lots);
        order.seq
    }

    /// An order of the taker that does not rest.
    pub fn take(&mut self, side: Side, price: u64, lots: i64) -> MatchOutcome {
        let order = self.order(TAKER, side, price, lots);
        self.place(&TakerOrder {
            kind: OrderKind::ImmediateOrCancel,
            ..order
        })
        .unwrap()
    }

    /// Fills the queue until only `room` entries fit, with entries of an account that nobody knows.
    pub fn leave_queue_room(&mut self, room: usize) {
        let entry = QueuedFill {
            maker: key(255),
            lots: 1,
            ..bytemuck::Zeroable::zeroed()
        };
        while self.queue.room() > room {
            assert!(self.queue.push(entry));
        }
    }

    /// Sequence numbers of a side, best first.
    pub fn seqs(&self, side: Side) -> Vec<u64> {
        self.orders
            .side(side)
            .iter()
            .map(|order| order.seq)
            .collect()
    }

    /// Sequence numbers and lots of the trades that were settled in place, in order.
    pub fn settled_fills(&self) -> Vec<(u64, i64)> {
        let fills = self
            .accounts
            .settled
            .iter()
            .filter(|event| event.reason.is_none());
        fills.map(|event| (event.seq, event.lots)).collect()
    }
}

/// An empty book or queue, on the heap: they are large.
pub fn zeroed_box<T: bytemuck::Zeroable>() -> Box<T> {
    Box::new(T::zeroed())
}

/// A copy of a book or queue, on the heap.
pub fn duplicate<T: bytemuck::Pod>(original: &T) -> Box<T> {
    Box::new(*original)
}
