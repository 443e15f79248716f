//! Properties of a limit on a net outflow: a round trip costs nobody anything and prepares nothing.

use plimsoll_risk::{flow::CREDIT_SECS, Flow};
use proptest::prelude::*;

const START: i64 = 1_700_000_000;

#[derive(Clone, Copy, Debug)]
struct Event {
    after: i64,
    amount: u64,
    comes_in: bool,
}

fn history() -> impl Strategy<Value = Vec<Event>> {
    let event = (0i64..=400, 0u64..=1 << 40, any::<bool>());
    let event = event.prop_map(|(after, amount, comes_in)| Event {
        after,
        amount,
        comes_in,
    });
    prop::collection::vec(event, 0..60)
}

/// A flow after a history that kept to its limit.
fn after(history: &[Event], capacity: u64, window: u32) -> (Flow, i64) {
    let (mut flow, mut now) = (Flow::default(), START);
    for event in history {
        now += event.after;
        flow.leak(capacity, window, now);
        match event.comes_in {
            true => flow.come_back(event.amount),
            false => drop(flow.leave(event.amount, capacity)),
        }
    }
    (flow, now)
}

proptest! {
    /// In and out at one moment, whatever the amount: all have the room they had, now and at any later time.
    #[test]
    fn a_round_trip_at_one_moment_changes_nothing(
        history in history(),
        amount in 0u64..=1 << 60,
        capacity in 0u64..=1 << 40,
        window in 1u32..=100_000,
        later in 0i64..=100_000,
    ) {
        let (before, now) = after(&history, capacity, window);
        let mut flow = before;
        flow.come_back(amount);
        prop_assert!(flow.leave(amount, capacity).is_ok());
        let (mut with, mut without) = (flow, before);
        for flow in [&mut with, &mut without] {
            flow.leak(capacity, window, now + later);
        }
        prop_assert_eq!(with.room(capacity), without.room(capacity));
        // The other way round it needs the room, and leaves it too.
        let mut flow = before;
        if flow.leave(amount, capacity).is_ok() {
            flow.come_back(amount);
            prop_assert_eq!(flow.room(capacity), before.room(capacity));
        }
    }

    /// From any moment on no more leaves, net, than the limit says and what came in just before.
    #[test]
    fn the_net_outflow_keeps_to_the_limit_from_any_moment_on(
        history in history(),
        from in 0usize..60,
        capacity in 0u64..=1 << 40,
        window in 1u32..=100_000,
    ) {
        let start = from.min(history.len());
        let (mut flow, mut now) = after(&history[..start], capacity, window);
        let (begun, credit) = (now, flow.credit.level);
        let mut net = 0i128;
        for event in &history[start..] {
            now += event.after;
            flow.leak(capacity, window, now);
            if event.comes_in {
                flow.come_back(event.amount);
                net -= i128::from(event.amount);
            } else if flow.leave(event.amount, capacity).is_ok() {
                net += i128::from(event.amount);
            }
            let leaked = i128::from(capacity) * i128::from(now - begun) / i128::from(window);
            prop_assert!(net <= i128::from(capacity) + leaked + i128::from(credit) + 1);
        }
    }

    /// What came in makes no room any more when its time is over, however often somebody calls meanwhile, with however little.
    #[test]
    fn what_came_in_earlier_makes_no_room(
        history in history(),
        amount in 1u64 << 30..=1 << 60,
        capacity in 0u64..=1 << 40,
        steps in 1u32..=CREDIT_SECS,
    ) {
        let (mut flow, now) = after(&history, capacity, 86_400);
        flow.come_back(amount);
        let end = i64::from(CREDIT_SECS);
        for step in (0..end).step_by(steps as usize) {
            flow.leak(capacity, 86_400, now + step);
            flow.come_back(1);
        }
        // Each call loses at most a microsecond of the line, and its own unit lasts as long.
        flow.leak(capacity, 86_400, now + end + 1);
        prop_assert!(flow.room(capacity) <= capacity.saturating_add(u64::from(CREDIT_SECS)));
        flow.leak(capacity, 86_400, now + 2 * end + 2);
        prop_assert!(flow.room(capacity) <= capacity);
    }
}
