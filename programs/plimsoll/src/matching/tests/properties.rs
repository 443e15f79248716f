//! Random histories of a market, compared step by step with the naive model and with what must always hold.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::model::Model;
use super::*;

/// People of the random histories; everybody else is scenery.
const PEOPLE: u8 = 4;

#[derive(Clone, Debug)]
enum Action {
    Place { who: u8, at_hand: u8, order: Draft },
    Cancel(prop::sample::Index),
    Wait(i64),
    Drain { who: u8, max: usize },
}

#[derive(Clone, Debug)]
struct Draft {
    side: Side,
    price: u64,
    lots: i64,
    kind: OrderKind,
    self_trade: SelfTrade,
    budget: Option<u64>,
    lifetime: u32,
    steps: u16,
    reduce_only: bool,
    least: i64,
}

fn draft() -> impl Strategy<Value = Draft> {
    let side = prop_oneof![Just(Side::Bid), Just(Side::Ask)];
    let kind = prop_oneof![
        4 => Just(OrderKind::Limit),
        1 => Just(OrderKind::ImmediateOrCancel),
        2 => Just(OrderKind::FillOrKill),
        1 => Just(OrderKind::PostOnly),
        2 => Just(OrderKind::PostOnlySlide),
    ];
    let self_trade = prop_oneof![
        Just(SelfTrade::DecrementAndCancel),
        Just(SelfTrade::CancelProvide),
        Just(SelfTrade::AbortTransaction),
    ];
    let budget = prop::option::weighted(0.2, 0..300u64);
    let lifetime = prop_oneof![2 => Just(0u32), 1 => 0..6u32];
    let steps = prop_oneof![1 => 0..4u16, 3 => Just(20u16)];
    let fields = (
        side,
        1..12u64,
        1..20i64,
        kind,
        self_trade,
        budget,
        lifetime,
        steps,
        any::<bool>(),
        prop_oneof![Just(0i64), 1..40i64],
    );
    fields.prop_map(
        |(side, price, lots, kind, self_trade, budget, lifetime, steps, reduce_only, least)| {
            Draft {
                side,
                price,
                lots,
                kind,
                self_trade,
                budget,
                lifetime,
                steps,
                reduce_only,
                least,
            }
        },
    )
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        12 => (0..PEOPLE, any::<u8>(), draft()).prop_map(|(who, at_hand, order)| Action::Place { who, at_hand, order }),
        2 => any::<prop::sample::Index>().prop_map(Action::Cancel),
        2 => (1..4i64).prop_map(Action::Wait),
        1 => (0..PEOPLE, 0..6usize).prop_map(|(who, max)| Action::Drain { who, max }),
    ]
}

/// Engine and model side by side, and what became of every lot that came to rest.
struct World {
    market: Fixture,
    model: Model,
    /// Per resting order: lots that came to rest, lots that have left since.
    ledger: BTreeMap<u64, (i64, i64)>,
    expiries: BTreeMap<u64, u32>,
}

impl World {
    /// A market with this many orders already on each side and this much room in the queue.
    fn new(depth: u64, queue_room: usize) -> Self {
        let mut market = Fixture::new(&[]);
        let mut model = Model {
            queue_room,
            ..Model::default()
        };
        market.leave_queue_room(queue_room);
        let mut ledger = BTreeMap::new();
        for number in 0..depth {
            for (side, price) in [(Side::Bid, 1 + number % 4), (Side::Ask, 8 + number % 4)] {
                let order = market.order(50, side, price, 2);
                market.place(&order).unwrap();
                model.place(&order, market.now).unwrap();
                ledger.insert(order.seq, (2, 0));
            }
        }
        Self {
            market,
            model,
            ledger,
            expiries: BTreeMap::new(),
        }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Place {
                who,
                at_hand,
                order,
            } => self.place(*who, *at_hand, order),
            Action::Cancel(index) => self.cancel(index),
            Action::Wait(seconds) => self.market.now += seconds,
            Action::Drain { who, max } => self.drain(*who, *max),
        }
        self.check_book();
    }

    fn place(&mut self, who: u8, at_hand: u8, draft: &Draft) {
        let now = self.market.now;
        let expiry = match draft.lifetime {
            0 => 0,
            seconds => u32::try_from(now).unwrap() + seconds - 1,
        };
        let order = TakerOrder {
            max_quote_lots: draft.budget,
            expiry,
            max_steps: draft.steps,
            kind: draft.kind,
            self_trade: draft.self_trade,
            reduce_only: draft.reduce_only,
            min_quote_lots: draft.least,
            ..self.market.order(who, draft.side, draft.price, draft.lots)
        };
        let people = (0..PEOPLE).filter(|&person| person == who || at_hand >> person & 1 == 1);
        self.market.accounts.at_hand = people.map(key).collect();
        self.model.accounts.at_hand = self.market.accounts.at_hand.clone();
        self.market.accounts.settled.clear();
        self.model.accounts.settled.clear();

        let (orders, queue) = (
            duplicate(&*self.market.orders),
            duplicate(&*self.market.queue),
        );
        let (accounts, model) = (self.market.accounts.clone(), self.model.clone());
        let outcome = self.market.place(&order);
        let expected = self.model.place(&order, now);
        assert_eq!(outcome, expected);
        match outcome {
            Ok(outcome) => self.check_outcome(&order, &outcome, queue.len()),
            Err(_) => {
                if order.kind == OrderKind::FillOrKill {
                    assert!(
                        bytemuck::bytes_of(&*orders) == bytemuck::bytes_of(&*self.market.orders)
                    );
                    assert!(bytemuck::bytes_of(&*queue) == bytemuck::bytes_of(&*self.market.queue));
                    assert!(self.market.accounts.settled.is_empty());
                }
                (self.market.orders, self.market.queue) = (orders, queue);
                (self.market.accounts, self.model) = (accounts, model);
            }
        }
    }

    /// Lots are conserved; trades respect price, expiry and ownership; both sides of a trade agree.
    fn check_outcome(&mut self, taker: &TakerOrder, outcome: &MatchOutcome, queued_before: usize) {
        let queued = self.market.queue.entries()[queued_before..]
            .iter()
            .map(Event::of_queued);
        let events: Vec<_> = self
            .market
            .accounts
            .settled
            .iter()
            .copied()
            .chain(queued)
            .collect();
        assert_eq!(self.market.accounts.settled, self.model.accounts.settled);

        let (mut maker_lots, mut maker_quote) = (0, 0);
        for event in &events {
            let (rested, left) = self.ledger.get_mut(&event.seq).unwrap();
            *left += event.lots;
            if event.order_done {
                let rest = *rested - *left;
                let price = i64::try_from(event.price).unwrap();
                assert!(rest == 0 || rest * price < taker.min_quote_lots);
                *left = *rested;
            } else {
                assert!(rested > left);
            }
            let expiry = self.expiries.get(&event.seq).copied().unwrap_or(0);
            let expired = expiry != 0 && i64::from(expiry) <= self.market.now;
            assert!(!expired, "an expired order neither trades nor is told of");
            if event.reason.is_none() {
                assert_ne!(event.maker, taker.owner);
                assert_eq!(event.side, taker.side.opposite());
                assert!(match taker.side {
                    Side::Bid => event.price <= taker.price,
                    Side::Ask => event.price >= taker.price,
                });
                maker_lots += event.lots;
                maker_quote += event.lots * i64::try_from(event.price).unwrap();
            }
        }
        assert_eq!(
            (outcome.filled_lots, outcome.filled_quote_lots),
            (maker_lots, maker_quote)
        );
        let parts = [
            outcome.filled_lots,
            outcome.decremented_lots,
            outcome.resting_lots,
            outcome.dropped_lots,
        ];
        assert!(parts.iter().all(|&lots| lots >= 0));
        assert_eq!(parts.iter().sum::<i64>(), taker.lots);
        assert!(
            events.len() <= usize::from(taker.max_steps) * 2 + 1
                && outcome.fills <= taker.max_steps
        );
        let resting_quote = outcome.resting_lots * i64::try_from(outcome.resting_price).unwrap();
        let spent = u64::try_from(outcome.filled_quote_lots + resting_quote).unwrap();
        assert!(taker.max_quote_lots.is_none_or(|budget| spent <= budget));
        if outcome.resting_lots > 0 {
            self.ledger.insert(taker.seq, (outcome.resting_lots, 0));
            self.expiries.insert(taker.seq, taker.expiry);
        }
    }

    fn cancel(&mut self, index: &prop::sample::Index) {
        if self.model.orders.is_empty() {
            return;
        }
        let (side, order) = self
            .model
            .orders
            .remove(index.index(self.model.orders.len()));
        assert_eq!(
            self.market.orders.cancel(side, order.price, order.seq),
            Ok(order)
        );
        assert_eq!(
            self.market.orders.cancel(side, order.price, order.seq),
            Err(MatchError::OrderNotFound)
        );
        self.ledger.get_mut(&order.seq).unwrap().1 += order.lots;
    }

    fn drain(&mut self, who: u8, max: usize) {
        let mut drained = vec![];
        let count = self.market.queue.drain_for(&key(who), max, |entry| {
            drained.push(Event::of_queued(entry));
            Ok::<_, ()>(())
        });
        let mine = |event: &Event| event.maker == key(who);
        let expected: Vec<_> = self
            .model
            .queue
            .iter()
            .copied()
            .filter(mine)
            .take(max)
            .collect();
        assert_eq!(count, Ok(expected.len()));
        assert_eq!(drained, expected);
        for event in expected {
            let place = self
                .model
                .queue
                .iter()
                .position(|queued| *queued == event)
                .unwrap();
            self.model.queue.remove(place);
            self.model.queue_room += 1;
        }
    }

    /// The book is sorted and not crossed, holds what the model holds, and no lot is lost.
    fn check_book(&self) {
        for side in [Side::Bid, Side::Ask] {
            let mut expected: Vec<_> = self
                .model
                .orders
                .iter()
                .filter(|(of, _)| *of == side)
                .map(|(_, order)| *order)
                .collect();
            expected.sort_by_key(|order| {
                let price = i128::from(order.price);
                (if side == Side::Bid { -price } else { price }, order.seq)
            });
            assert!(self.market.orders.side(side).iter().eq(&expected));
        }
        let best = |side| {
            self.market
                .orders
                .side(side)
                .best()
                .map(|order| order.price)
        };
        if let (Some(bid), Some(ask)) = (best(Side::Bid), best(Side::Ask)) {
            assert!(bid < ask, "crossed: bid {bid}, ask {ask}");
        }
        let scenery = self
            .market
            .queue
            .entries()
            .iter()
            .filter(|entry| entry.maker == key(255))
            .count();
        let queued = self.market.queue.entries()[scenery..]
            .iter()
            .map(Event::of_queued);
        assert!(queued.eq(self.model.queue.iter().copied()));
        assert_eq!(self.market.queue.room(), self.model.queue_room);

        let mut resting: BTreeMap<u64, i64> = BTreeMap::new();
        for side in [Side::Bid, Side::Ask] {
            resting.extend(
                self.market
                    .orders
                    .side(side)
                    .iter()
                    .map(|order| (order.seq, order.lots)),
            );
        }
        for (seq, (rested, left)) in &self.ledger {
            let lots = resting.remove(seq);
            let expiry = self.expiries.get(seq).copied().unwrap_or(0);
            if lots.is_none() && expiry != 0 && i64::from(expiry) <= self.market.now {
                continue;
            }
            assert_eq!(
                rested - left,
                lots.unwrap_or(0),
                "lots of order {seq} were lost"
            );
        }
        assert!(resting.is_empty());
    }
}

fn run(mut world: World, actions: &[Action]) {
    for action in actions {
        world.act(action);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn engine_does_what_the_naive_model_does(actions in prop::collection::vec(action(), 1..120)) {
        run(World::new(0, 256), &actions);
    }

    #[test]
    fn full_queue_loses_nothing(room in 0..8usize, actions in prop::collection::vec(action(), 1..80)) {
        run(World::new(3, room), &actions);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn full_side_loses_nothing(
        depth in 1_015..=1_024u64,
        room in 0..40usize,
        actions in prop::collection::vec(action(), 1..60),
    ) {
        run(World::new(depth, room), &actions);
    }
}
