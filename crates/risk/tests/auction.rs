//! Properties of the auction of what is in doubt: what it costs the account, and how much of it goes.

mod common;

use common::*;
use plimsoll_risk::liquidation::*;
use plimsoll_risk::*;
use proptest::prelude::*;

const POLICY: Policy = Policy::BenefitOfDoubt;
const END: HealthKind = HealthKind::LiquidationEnd;

/// An account without orders all of whose prices have been doubted for longer than the benefit of that lasts.
fn doubted() -> impl Strategy<Value = Account> {
    (account(), feed_limits(), 0u64..=300).prop_map(|(mut account, limits, percent)| {
        let whole = u64::from(limits.doubt_secs) * 1_000;
        account.clock.doubt_ms = 10 * whole;
        let prices = account.assets.iter_mut().map(|risk| &mut risk.price);
        let prices = prices.chain(account.markets.iter_mut().map(|risk| &mut risk.price));
        for (feed, price) in (0u8..).zip(prices) {
            (price.feed, price.moves_with) = (feed, feed);
            price.published_ms = NOW - 10_000_000;
            price.doubt_benefit = limits.doubt_benefit;
            price.doubt_floor = limits.doubt_floor;
            price.doubt_secs = limits.doubt_secs as u16;
            price.doubt_from = 9 * whole - whole * percent / 100;
        }
        account.orders.clear();
        for perp in &mut account.perps {
            perp.order_mask = 0;
            perp.bid_lots = BaseLots(0);
            perp.ask_lots = BaseLots(0);
            perp.open_notional = QuoteNative(0);
        }
        account
    })
}

/// Trades a slice on the account's closing side.
fn traded(perp: &PerpPosition, slice: &PositionSlice, risk: &MarketRisk) -> PerpPosition {
    let mut after = *perp;
    let side = Side::closing(perp.position);
    after
        .apply_fill(
            side,
            slice.lots,
            slice.notional,
            slice.penalty,
            risk.funding(),
        )
        .unwrap();
    after
}

fn target(account: &Account) -> Target {
    let assessed = AccountMargin::assess(&account.view(), &account.portfolio(), POLICY).unwrap();
    Target {
        health: assessed.of(END),
        equity: assessed.equity,
        fee: 0,
        insurance_share: 0,
    }
}

proptest! {
    #![proptest_config(cases(3_000))]

    /// All of a position costs at most the equity at last prices, and nothing where there is none.
    #[test]
    fn a_position_costs_no_more_than_there_is(account in doubted()) {
        let view = account.view();
        let before = equity_at_last(&view, &account.portfolio()).unwrap();
        let auction = Auction::of(&view, &account.portfolio()).unwrap();
        for at in 0..account.perps.len() {
            let perp = account.perps[at];
            if perp.is_free() || perp.position.is_zero() {
                continue;
            }
            let risk = &account.markets[usize::from(perp.market)];
            let entry = auction.market(&perp, risk).unwrap().expect("doubt has decayed");
            let all = Target { health: i128::MIN / 4, ..target(&account) };
            let Ok(slice) = position_slice(&perp, &entry, &all, BaseLots::MAX, BaseLots(0)) else {
                continue;
            };
            let mut after = account.clone();
            after.perps[at] = traded(&perp, &slice, &entry);
            let left = equity_at_last(&view, &after.portfolio()).unwrap();
            // Notionals and funding are rounded to a unit.
            prop_assert!(before - left <= before.max(0) + 3, "{before} -> {left}");
        }
    }

    /// All of a deposit, or a debt, likewise.
    #[test]
    fn a_balance_costs_no_more_than_there_is(account in doubted()) {
        let view = account.view();
        let before = equity_at_last(&view, &account.portfolio()).unwrap();
        let auction = Auction::of(&view, &account.portfolio()).unwrap();
        for balance in account.balances.iter().filter(|b| !b.is_free() && !b.shares.is_zero()) {
            let risk = &account.assets[usize::from(balance.asset)];
            let entry = match auction.asset(balance, risk) {
                Ok(entry) => entry.expect("doubt has decayed"),
                // What is left of a price of one digit.
                Err(error) => {
                    prop_assert_eq!((error, risk.price.last() / 16), (RiskError::DivisionByZero, 0));
                    continue;
                }
            };
            let amount = i128::from(balance.native(risk.indices()).unwrap());
            let value = |price: u64| (amount * i128::from(price)) >> risk.shift;
            let cost = value(risk.price.last()) - value(entry.price.spot);
            prop_assert!(cost >= -1, "no better than the last price");
            prop_assert!(cost <= before.max(0) + 1, "{cost} of {before}");
        }
    }

    /// A slice brings LiquidationEnd health to zero, as the account is measured in doubt, and one lot less would not.
    #[test]
    fn a_slice_is_what_health_in_doubt_needs(account in doubted()) {
        let view = account.view();
        let view = view.at_one_price(&account.portfolio()).unwrap().unwrap_or(view);
        let assess = |account: &Account| {
            StandardMargin::assess(&view, &account.portfolio(), POLICY).unwrap().of(END)
        };
        let before = assess(&account);
        if before >= 0 {
            return Ok(());
        }
        let auction = Auction::of(&view, &account.portfolio()).unwrap();
        for at in 0..account.perps.len() {
            let perp = account.perps[at];
            if perp.is_free() || perp.position.is_zero() {
                continue;
            }
            let risk = &account.markets[usize::from(perp.market)];
            let entry = auction.market(&perp, risk).unwrap().expect("doubt has decayed");
            let target = Target { health: before, equity: 0, fee: 0, insurance_share: 0 };
            let with = |most: i64| {
                let slice = position_slice(&perp, &entry, &target, BaseLots(most), BaseLots(0)).ok()?;
                let mut after = account.clone();
                after.perps[at] = traded(&perp, &slice, &entry);
                Some((slice.lots.abs(), assess(&after)))
            };
            let Some((lots, health)) = with(i64::MAX) else {
                continue;
            };
            prop_assert!(health >= before, "{before} -> {health}");
            prop_assert!(health >= 0 || lots == perp.position.abs(), "{health} after {lots} lots");
            if health >= 0 && lots > 1 {
                let fewer = i64::try_from(lots - 1).unwrap();
                if let Some((_, short)) = with(fewer) {
                    prop_assert!(short < 0, "{fewer} lots would do");
                }
            }
        }
    }
}
