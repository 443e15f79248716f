//! Tests of the price band.
use super::*;
use crate::orders::PriceBand;

fn band(side: Side) -> PriceBand {
    let desk = Desk::new();
    PriceBand::around(&desk.risk.markets[0], side, RATIO_ONE / 10)
}

#[test]
fn an_order_may_lose_no_more_than_the_ratio() {
    let bids = band(Side::Bid);
    assert!(bids.check(1_099, false).is_ok());
    refused(bids.check(1_101, false), PlimsollError::PriceOutOfBand);
    let asks = band(Side::Ask);
    assert!(asks.check(901, false).is_ok());
    refused(asks.check(899, false), PlimsollError::PriceOutOfBand);
}

#[test]
fn only_what_rests_is_bounded_on_the_far_side() {
    let bids = band(Side::Bid);
    assert!(bids.check(125, true).is_ok());
    refused(bids.check(124, true), PlimsollError::PriceOutOfBand);
    assert!(bids.check(1, false).is_ok());
    let asks = band(Side::Ask);
    assert!(asks.check(8_000, true).is_ok());
    refused(asks.check(8_001, true), PlimsollError::PriceOutOfBand);
    assert!(asks.check(1_000_000, false).is_ok());
}

#[test]
fn prices_of_nothing_and_beyond_arithmetic_are_refused() {
    for side in [Side::Bid, Side::Ask] {
        refused(band(side).check(0, false), PlimsollError::PriceOutOfBand);
        let huge = band(side).check(u64::MAX, false);
        refused(huge, PlimsollError::PriceOutOfBand);
        let most = band(side).check(u64::MAX / TICK, true);
        refused(most, PlimsollError::PriceOutOfBand);
    }
}

#[test]
fn a_market_order_is_cut_to_the_edge_and_the_edge_is_inside() {
    let bids = band(Side::Bid);
    assert_eq!(bids.cut(u64::MAX).unwrap(), 1_099);
    assert_eq!(bids.cut(1_000).unwrap(), 1_000);
    assert!(bids.check(bids.cut(u64::MAX).unwrap(), false).is_ok());
    let asks = band(Side::Ask);
    assert_eq!(asks.cut(0).unwrap(), 901);
    assert_eq!(asks.cut(1_000).unwrap(), 1_000);
    assert!(asks.check(asks.cut(0).unwrap(), false).is_ok());
}

#[test]
fn a_price_below_one_price_lot_has_no_band_for_bids() {
    let mut desk = Desk::new();
    desk.risk.markets[0].price.spot = (TICK << SHIFT) / 2;
    let bids = PriceBand::around(&desk.risk.markets[0], Side::Bid, RATIO_ONE / 10);
    refused(bids.cut(u64::MAX), PlimsollError::PriceOutOfBand);
    let asks = PriceBand::around(&desk.risk.markets[0], Side::Ask, RATIO_ONE);
    assert_eq!(asks.cut(0).unwrap(), 1);
}
