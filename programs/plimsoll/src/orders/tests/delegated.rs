//! What a delegate's orders are charged against the oracle.

use plimsoll_risk::Bucket;

use super::*;
use crate::state::delegation::scope;

/// Seconds for which the entry's price serves a trade, and one.
const TOO_OLD: i64 = 61;

fn delegation(loss_per_day: u64) -> Delegation {
    Delegation {
        scope: scope::ALL,
        markets: 1,
        loss_per_day,
        expires_at: i64::MAX,
        lost: Bucket::default(),
        ..Delegation::zeroed()
    }
}

/// What an order is charged, given plenty.
fn charged(desk: &mut Desk, terms: OrderTerms, hands: &[usize]) -> u64 {
    let mut by = delegation(u64::from(u32::MAX));
    desk.place_by(0, terms, hands, Some(&mut by)).unwrap();
    by.lost.level
}

#[test]
fn a_resting_order_is_charged_as_if_it_filled_at_the_oracle_of_now() {
    // Ten lots at a price lot above the oracle lose 10,000, less the maker's rebate of 0.02 % of 10,010,000: 2,001.
    assert_eq!(
        charged(&mut Desk::new(), bid(1_001, 10), &[]),
        10_000 - 2_001
    );
    assert_eq!(charged(&mut Desk::new(), ask(999, 10), &[]), 10_000 - 1_997);
    // At the oracle or better it loses nothing.
    for terms in [bid(1_000, 10), bid(900, 10), ask(1_000, 10), ask(1_100, 10)] {
        assert_eq!(charged(&mut Desk::new(), terms, &[]), 0);
    }
    // A maker's fee is a loss, unless the price makes up for it.
    let mut desk = Desk::new();
    desk.market.params.maker_fee = 3_355;
    assert_eq!(charged(&mut desk, bid(1_000, 10), &[]), 2_000);
    assert_eq!(charged(&mut desk, bid(999, 10), &[]), 0);
}

#[test]
fn what_fills_at_once_is_charged_at_its_price_and_with_its_fee() {
    let mut desk = Desk::new();
    desk.place(1, ask(1_002, 6), &[]).unwrap();
    // Six lots at two price lots above the oracle, and 0.05 % of 6,012,000; the limit was further away.
    let fee = 3_006;
    let taken = OrderTerms {
        kind: OrderType::ImmediateOrCancel,
        ..bid(1_050, 10)
    };
    assert_eq!(charged(&mut desk, taken, &[1]), 12_000 + fee);
    // A maker not at hand makes no difference.
    let mut desk = Desk::new();
    desk.place(1, ask(1_002, 6), &[]).unwrap();
    assert_eq!(charged(&mut desk, taken, &[]), 12_000 + fee);
}

#[test]
fn a_gain_does_not_pay_for_what_rests() {
    let mut desk = Desk::new();
    desk.place(1, ask(990, 6), &[]).unwrap();
    // Six lots are bought for less than they are worth; five rest a price lot above, for 5,000 less the rebate.
    let rest = charged(&mut desk, bid(1_001, 11), &[1]);
    assert_eq!(rest, 5_000 - 1_000);
}

#[test]
fn beyond_the_budget_an_order_is_refused() {
    let mut desk = Desk::new();
    let mut by = delegation(8_000);
    let order = bid(1_001, 10);
    desk.place_by(0, order, &[], Some(&mut by)).unwrap();
    assert_eq!(by.lost.level, 7_999);
    refused(
        desk.place_by(0, order, &[], Some(&mut by)),
        PlimsollError::LossBudget,
    );
    // Half a day later there is half of the budget, and a day later the whole.
    let mut desk = Desk::new();
    let mut at = |desk: &mut Desk, secs: i64| {
        desk.clock.unix_timestamp += secs;
        desk.set_spot(SPOT);
        desk.risk.assets[0].price.published_ms = desk.clock.unix_timestamp * 1_000;
        desk.place_by(0, order, &[], Some(&mut by))
    };
    refused(at(&mut desk, 43_200), PlimsollError::LossBudget);
    at(&mut desk, 43_200).unwrap();
}

/// Nobody knows what an order loses while the price is stale: not even one that reduces passes, as the owner's does.
#[test]
fn a_delegate_does_not_trade_at_a_stale_price() {
    let mut desk = Desk::new();
    desk.place(1, ask(1_000, 10), &[]).unwrap();
    desk.place(0, bid(1_000, 10), &[1]).unwrap();
    desk.place(1, bid(1_000, 10), &[]).unwrap();
    desk.clock.unix_timestamp += TOO_OLD;
    desk.risk.markets[0].price.max_age_secs = [60; 3];
    let closing = OrderTerms {
        reduce_only: true,
        ..ask(1_000, 10)
    };
    let mut by = delegation(u64::MAX);
    refused(
        desk.place_by(0, closing, &[1], Some(&mut by)),
        PlimsollError::StaleEntry,
    );
    desk.place(0, closing, &[1]).unwrap();
    assert_eq!(desk.position(0), 0);
}
