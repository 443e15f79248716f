//! Properties of the auction of what is in doubt: what it costs the account, and how much of it goes.

mod common;

use common::*;
use plimsoll_risk::fixed::scale_floor;
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

fn auction<'a>(view: &'a RiskView<'a>, account: &'a Account) -> Auction<'a> {
    let portfolio = account.portfolio();
    Auction {
        view,
        portfolio,
        equity: StandardMargin::assess(view, &portfolio, POLICY)
            .unwrap()
            .equity,
        is_discounted: true,
    }
}

/// As much of an amount as may go.
fn part_of(amount: i64, most: u64) -> i64 {
    i64::try_from(most.min(amount.unsigned_abs())).unwrap() * amount.signum()
}

/// What a slot is worth at the last price of it, and at what doubt leaves of that.
fn worth(price: &EntryPrice, view: &RiskView<'_>, amount: i64, shift: u8) -> [i128; 2] {
    let counted = view
        .one_price
        .of(price, price.in_doubt(&view.clock).unwrap());
    let counted = if amount >= 0 {
        counted.owned
    } else {
        counted.owed
    };
    [price.last(), counted].map(|at| scale_floor(amount, at, shift))
}

proptest! {
    #![proptest_config(cases(3_000))]

    /// All of a slot costs no more than the equity at its last price, in doubt of the rest, and nothing where there is none.
    #[test]
    fn a_slot_costs_no_more_than_there_is(account in doubted()) {
        let view = account.view();
        let auction = auction(&view, &account);
        let check = |risk: &EntryPrice, entry: &EntryPrice, amount: i64, shift: u8| {
            let [last, counted] = worth(risk, &view, amount, shift);
            let cost = last - scale_floor(amount, entry.spot, shift);
            let equity = (auction.equity + last - counted).max(0);
            prop_assert!(cost >= -1, "no better than the last price");
            prop_assert!(cost <= equity + 1, "{cost} of {equity}");
            Ok(())
        };
        for balance in account.balances.iter().filter(|b| !b.is_free() && !b.shares.is_zero()) {
            let risk = &account.assets[usize::from(balance.asset)];
            let offer = match auction.asset(balance, risk) {
                Ok(offer) => offer.expect("doubt has decayed"),
                // What is left of a price of one digit.
                Err(error) => {
                    prop_assert_eq!((error, risk.price.last() / 16), (RiskError::DivisionByZero, 0));
                    continue;
                }
            };
            let amount = balance.native(risk.indices()).unwrap();
            prop_assert_eq!(offer.most, u64::MAX);
            check(&risk.price, &offer.entry.price, amount, risk.shift)?;
        }
        for perp in account.perps.iter().filter(|p| !p.is_free() && !p.position.is_zero()) {
            let risk = &account.markets[usize::from(perp.market)];
            let offer = auction.market(perp, risk).unwrap().expect("doubt has decayed");
            prop_assert_eq!(offer.most, u64::MAX);
            check(&risk.price, &offer.entry.price, perp.position.0, risk.shift)?;
        }
    }

    /// Slots that move with the same feed are measured at one last price, whichever of them goes.
    #[test]
    fn the_excess_of_a_hedge_costs_no_more_than_there_is(mut account in doubted(), mixed in 0u8..=7) {
        let prices = account.assets.iter_mut().map(|a| &mut a.price);
        let prices = prices.chain(account.markets.iter_mut().map(|m| &mut m.price));
        for (at, price) in prices.enumerate() {
            price.moves_with = (mixed >> (at % 3)) & 1;
        }
        let view = account.view();
        let view = view.at_one_price(&account.portfolio()).unwrap().unwrap_or(view);
        let auction = auction(&view, &account);
        // What every slot adds at the last price, and in doubt.
        let mut roots = [[0i128; 2]; 2];
        let mut quote = 0;
        for balance in account.balances.iter().filter(|b| !b.is_free()) {
            let risk = &account.assets[usize::from(balance.asset)];
            let amount = balance.native(risk.indices()).unwrap();
            let sum = &mut roots[usize::from(risk.price.moves_with)];
            let both = worth(&risk.price, &view, amount, risk.shift);
            (sum[0], sum[1]) = (sum[0] + both[0], sum[1] + both[1]);
        }
        for perp in account.perps.iter().filter(|p| !p.is_free()) {
            let risk = &account.markets[usize::from(perp.market)];
            quote += i128::from(perp.quote.0) - perp.funding_due(risk.funding()).unwrap();
            let sum = &mut roots[usize::from(risk.price.moves_with)];
            let both = worth(&risk.price, &view, perp.position.0, risk.shift);
            (sum[0], sum[1]) = (sum[0] + both[0], sum[1] + both[1]);
        }
        for perp in account.perps.iter().filter(|p| !p.is_free() && !p.position.is_zero()) {
            let risk = &account.markets[usize::from(perp.market)];
            let offer = auction.market(perp, risk).unwrap().expect("doubt has decayed");
            let root = usize::from(risk.price.moves_with);
            let other = roots[1 - root];
            let equity = (quote + roots[root][0] + other[0].min(other[1])).max(0);
            let amount = part_of(perp.position.0, offer.most);
            let cost = scale_floor(amount, risk.price.last(), risk.shift)
                - scale_floor(amount, offer.entry.price.spot, risk.shift);
            prop_assert!(cost <= equity + 1, "{cost} of {equity}");
        }
    }

    /// Of what an account owns and owes by one price only the excess goes.
    #[test]
    fn a_hedge_is_not_taken_apart(mut account in doubted()) {
        for price in account.assets.iter_mut().map(|a| &mut a.price).chain(account.markets.iter_mut().map(|m| &mut m.price)) {
            price.moves_with = 9;
        }
        let view = account.view();
        let view = view.at_one_price(&account.portfolio()).unwrap().unwrap_or(view);
        let auction = auction(&view, &account);
        let (mut slots, mut offers) = (vec![], vec![]);
        for balance in account.balances.iter().filter(|b| !b.is_free() && !b.shares.is_zero()) {
            let risk = &account.assets[usize::from(balance.asset)];
            let amount = balance.native(risk.indices()).unwrap();
            let Ok(offer) = auction.asset(balance, risk) else { return Ok(()); };
            slots.push(scale_floor(amount, risk.price.last(), risk.shift));
            let most = part_of(amount, offer.unwrap().most);
            offers.push(scale_floor(most, risk.price.last(), risk.shift));
        }
        for perp in account.perps.iter().filter(|p| !p.is_free() && !p.position.is_zero()) {
            let risk = &account.markets[usize::from(perp.market)];
            let offer = auction.market(perp, risk).unwrap().expect("doubt has decayed");
            slots.push(scale_floor(perp.position.0, risk.price.last(), risk.shift));
            let most = part_of(perp.position.0, offer.most);
            offers.push(scale_floor(most, risk.price.last(), risk.shift));
        }
        let net: i128 = slots.iter().sum();
        let is_hedged = slots.iter().any(|v| *v > 0) && slots.iter().any(|v| *v < 0);
        for (slot, offer) in slots.iter().zip(offers) {
            if !is_hedged || slot.unsigned_abs() < u128::from(account.assets[0].terms.dust_usd) {
                prop_assert_eq!(*slot, offer);
            } else if (*slot > 0) != (net > 0) {
                prop_assert!(offer == 0 || *slot == 0, "{offer} of {slot}, net {net}");
            } else {
                prop_assert!(offer.abs() <= net.abs() + 1 && offer.abs() <= slot.abs());
            }
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
        let auction = auction(&view, &account);
        for at in 0..account.perps.len() {
            let perp = account.perps[at];
            if perp.is_free() || perp.position.is_zero() {
                continue;
            }
            let risk = &account.markets[usize::from(perp.market)];
            let entry = auction.market(&perp, risk).unwrap().expect("doubt has decayed").entry;
            let target = against(before, 0, 0);
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
