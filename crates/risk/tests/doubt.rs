//! Properties of doubt for accounts that are on both sides of one feed: they are measured at one price.

mod common;

use common::portfolio::portfolio_account;
use common::*;
use plimsoll_risk::*;
use proptest::prelude::*;

const POLICY: Policy = Policy::BenefitOfDoubt;

/// An account all of whose entries follow one feed, which has been doubted for so long, by the clock of its limits.
fn on_one_feed() -> impl Strategy<Value = Account> {
    (account(), feed_limits(), 0u64..=100_000_000).prop_map(|(mut account, limits, doubted)| {
        let prices = account.assets.iter_mut().map(|risk| &mut risk.price);
        for price in prices.chain(account.markets.iter_mut().map(|risk| &mut risk.price)) {
            (price.feed, price.moves_with) = (7, 7);
            price.published_ms = NOW - 10_000_000;
            price.flags = 0;
            price.stable = price.spot;
            price.doubt_benefit = limits.doubt_benefit;
            price.doubt_floor = limits.doubt_floor;
            price.doubt_secs = limits.doubt_secs as u16;
            price.doubt_from = DOUBT - doubted.min(DOUBT);
        }
        account
    })
}

fn at(account: &Account, [low, last, high]: [u64; 3]) -> Assessment {
    let view = RiskView {
        one_price: OnePrice { low, last, high },
        ..account.view()
    };
    AccountMargin::assess(&view, &account.portfolio(), POLICY).unwrap()
}

/// An account whose entries follow a few feeds, most of them in doubt for so long by their own limits, in either mode.
fn on_some_feeds() -> impl Strategy<Value = (Account, MarginMode)> {
    let feed = (feed_limits(), 0u64..=100_000_000, prop::bool::weighted(0.8));
    let feeds = prop::collection::vec(feed, 3);
    (account(), feeds, any::<bool>()).prop_map(|(mut account, feeds, is_portfolio)| {
        let prices = account.assets.iter_mut().map(|risk| &mut risk.price);
        let prices = prices.chain(account.markets.iter_mut().map(|risk| &mut risk.price));
        for (number, price) in prices.enumerate() {
            let (limits, doubted, is_stale) = &feeds[number % feeds.len()];
            // The last that a set can hold, and one that none can.
            price.feed = [0, 63, 64][number % feeds.len()];
            price.moves_with = price.feed;
            price.published_ms = if *is_stale { NOW - 10_000_000 } else { NOW };
            price.flags = 0;
            price.doubt_benefit = limits.doubt_benefit;
            price.doubt_floor = limits.doubt_floor;
            price.doubt_secs = limits.doubt_secs as u16;
            price.doubt_from = DOUBT - doubted.min(&DOUBT);
        }
        let mode = MarginMode::from_byte(u8::from(is_portfolio));
        (account, mode)
    })
}

/// What [`RiskView::at_one_price`] decides, feed by feed and each price by a measurement of its own.
fn decided(view: &RiskView, whole: &Portfolio) -> OnePrice {
    let mut out = OnePrice::default();
    for feed in 0..64u8 {
        let follows = |price: &EntryPrice| price.moves_with == feed && !view.is_fresh(price);
        let asset = |balance: &Balance| view.assets[usize::from(balance.asset)].price;
        let market = |perp: &PerpPosition| view.markets[usize::from(perp.market)].price;
        let balances = whole.balances.iter().copied();
        let balances: Vec<Balance> = balances
            .filter(|slot| !slot.is_free() && !slot.shares.is_zero() && follows(&asset(slot)))
            .collect();
        let perps = whole.perps.iter().copied();
        let perps: Vec<PerpPosition> = perps
            .filter(|slot| !slot.is_free() && slot.is_exposed() && follows(&market(slot)))
            .collect();
        let sides = balances.iter().map(|slot| slot.shares.0);
        let sides: Vec<i64> = sides
            .chain(perps.iter().map(|slot| slot.position.0))
            .collect();
        if !(sides.iter().any(|side| *side > 0) && sides.iter().any(|side| *side < 0)) {
            continue;
        }
        let part = Portfolio {
            balances: &balances,
            perps: &perps,
            ..*whole
        };
        // Without an underlying a slot nets with nothing: it counts alike in both modes.
        let worth = |[low, last, high]: [u64; 3]| {
            let view = RiskView {
                one_price: OnePrice { low, last, high },
                ..*view
            };
            let assessed = StandardMargin::assess(&view, &part, POLICY).unwrap();
            assessed.of(HealthKind::Maint)
        };
        let bit = 1 << feed;
        let [low, last, high] = [[bit, 0, 0], [0, bit, 0], [0, 0, bit]].map(worth);
        let is_benefit = |price: EntryPrice| {
            let doubted = price.in_doubt(&view.clock).unwrap();
            doubted.owned >= doubted.owed
        };
        let mut prices = balances.iter().map(asset).chain(perps.iter().map(market));
        let set = match prices.all(is_benefit) {
            true if last >= low && last >= high => &mut out.last,
            true if low > high => &mut out.low,
            true => &mut out.high,
            false if low <= high => &mut out.low,
            false => &mut out.high,
        };
        *set |= bit;
    }
    out
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// The best of three prices while doubt is a benefit, and the worse of two from then on.
    #[test]
    fn both_sides_count_at_one_price(account in on_one_feed()) {
        let assessed = AccountMargin::assess(&account.view(), &account.portfolio(), POLICY).unwrap();
        let sides = |is_long: bool| {
            account.balances.iter().any(|b| !b.is_free() && (b.shares.0 > 0) == is_long && b.shares.0 != 0)
                || account.perps.iter().any(|p| !p.is_free() && (p.position.0 > 0) == is_long && p.position.0 != 0)
        };
        let slot_by_slot = StandardMargin::assess(&account.view(), &account.portfolio(), POLICY).unwrap();
        if !(sides(true) && sides(false)) {
            prop_assert_eq!(assessed, slot_by_slot);
            return Ok(());
        }
        let [low, last, high] = [[1 << 7, 0, 0], [0, 1 << 7, 0], [0, 0, 1 << 7]].map(|sets| at(&account, sets));
        prop_assert!([low, last, high].contains(&assessed));
        // Of prices of few digits one may be past the turn that the other is not.
        let prices = account.assets.iter().map(|risk| &risk.price);
        let benefits: Vec<bool> = prices
            .chain(account.markets.iter().map(|risk| &risk.price))
            .map(|price| price.in_doubt(&account.clock).unwrap())
            .map(|doubted| doubted.owned >= doubted.owed)
            .collect();
        let [assessed, low, last, high, slots] =
            [assessed, low, last, high, slot_by_slot].map(|a| a.of(HealthKind::Maint));
        if benefits.iter().all(|is| *is) {
            prop_assert_eq!(assessed, low.max(high).max(last));
            prop_assert!(assessed <= slots, "a benefit is no greater for both sides than for each");
        }
        if benefits.iter().all(|is| !is) {
            prop_assert_eq!(assessed, low.min(high));
            prop_assert!(assessed >= slots, "nor is what doubt takes");
        }
        // One line is measured as all of them are.
        for kind in HealthKind::ALL {
            let one = AccountMargin::health(&account.view(), &account.portfolio(), kind, POLICY).unwrap();
            let all = AccountMargin::assess(&account.view(), &account.portfolio(), POLICY).unwrap();
            prop_assert_eq!(one, Health { value: all.of(kind), stale: all.stale });
        }
    }

    /// One pass over the slots decides what a measurement of each feed at each price does.
    #[test]
    fn each_feed_is_decided_by_itself((account, mode) in on_some_feeds()) {
        let view = account.view();
        let whole = Portfolio { mode, ..account.portfolio() };
        let found = view.at_one_price(&whole).unwrap().map(|view| view.one_price);
        prop_assert_eq!(found.unwrap_or_default(), decided(&view, &whole));
    }

    /// While doubt is a benefit no hedge is worth less for it than at the last price, whatever its profits count.
    #[test]
    fn doubt_that_is_a_benefit_costs_no_portfolio_anything(mut case in portfolio_account(), held in 0u64..=100) {
        // What the quote token itself may lose is asked of the sum.
        case.model.params.depeg_ratio = 0;
        let account = &mut case.account;
        account.orders.clear();
        for perp in &mut account.perps {
            (perp.order_mask, perp.open_notional) = (0, QuoteNative(0));
            (perp.bid_lots, perp.ask_lots) = (BaseLots(0), BaseLots(0));
            // The price is chosen slot by slot: what a hedge's profit counts beyond its weight is not asked.
            perp.opened = QuoteNative(i64::MIN / 4);
        }
        let prices = account.assets.iter_mut().map(|risk| (risk.underlying, &mut risk.price));
        let prices = prices.chain(account.markets.iter_mut().map(|risk| (risk.underlying, &mut risk.price)));
        for (number, (underlying, price)) in prices.enumerate() {
            // What is of one underlying moves together, and with nothing else that is.
            price.moves_with = if underlying == 0 { 32 + (number % 3) as u8 } else { underlying };
            price.published_ms = NOW - 10_000_000;
            price.flags = 0;
            price.stable = price.spot;
            (price.doubt_benefit, price.doubt_floor) = (RATIO_ONE / 10, RATIO_ONE / 2);
            price.doubt_secs = 3_600;
            price.doubt_from = DOUBT - 3_600 * held;
        }
        let view = case.view();
        let Some(found) = view.at_one_price(&case.portfolio()).unwrap() else {
            return Ok(());
        };
        let OnePrice { low, last, high } = found.one_price;
        let at_last = RiskView { one_price: OnePrice { last: low | last | high, ..OnePrice::default() }, ..view };
        let [found, at_last] = [found, at_last]
            .map(|view| PortfolioMargin::assess(&view, &case.portfolio(), POLICY).unwrap())
            .map(|assessed| assessed.of(HealthKind::Maint));
        // Each slot is rounded by itself, to a share's price, and what a hedge mirrors to nine digits.
        let mut exposures = plimsoll_risk::portfolio::Exposures::new();
        plimsoll_risk::portfolio::gather(&view, &case.portfolio(), &HealthKind::ALL, POLICY, true, &mut exposures).unwrap();
        let gross: i128 = exposures.items().iter().map(|item| i128::from(item.long) + i128::from(item.short)).sum();
        prop_assert!(found + 16 + (gross >> 28) >= at_last, "{found} < {at_last}");
    }

    /// As much owned as is owed is worth the same in any doubt.
    #[test]
    fn a_hedge_is_worth_what_it_is_at_any_price(mut account in on_one_feed(), shares in 1i64..1 << 40) {
        account.perps.clear();
        let (_, risk) = (account.asset_params.truncate(1), account.assets[0]);
        let owed = AssetRisk { borrow_index: risk.deposit_index, ..risk };
        account.assets = vec![risk, owed];
        account.balances = vec![
            Balance { shares: Shares(shares), ..Balance::of(0) },
            Balance { shares: Shares(-shares), ..Balance::of(1) },
        ];
        let assessed = AccountMargin::assess(&account.view(), &account.portfolio(), POLICY).unwrap();
        // Of each side at most a native unit is rounded off.
        let grain = i128::from(risk.price.spot >> risk.shift) * 4 + 4;
        prop_assert!(assessed.equity.abs() <= grain, "{} of {grain}", assessed.equity);
    }
}
