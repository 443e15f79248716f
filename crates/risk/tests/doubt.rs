//! Properties of doubt for accounts that are on both sides of one feed: they are measured at one price.

mod common;

use common::*;
use plimsoll_risk::*;
use proptest::prelude::*;

const POLICY: Policy = Policy::BenefitOfDoubt;

/// An account all of whose entries follow one feed, which has been doubted for so long, by the clock of its limits.
fn on_one_feed() -> impl Strategy<Value = Account> {
    (account(), feed_limits(), 0u64..=100_000_000).prop_map(|(mut account, limits, doubted)| {
        let prices = account.assets.iter_mut().map(|risk| &mut risk.price);
        for price in prices.chain(account.markets.iter_mut().map(|risk| &mut risk.price)) {
            price.feed = 7;
            price.published_ms = NOW - 10_000_000;
            price.flags = 0;
            price.stable = price.spot;
            price.doubt_benefit = limits.doubt_benefit;
            price.doubt_floor = limits.doubt_floor;
            price.doubt_secs = limits.doubt_secs;
            price.doubt_from = DOUBT - doubted.min(DOUBT);
        }
        account
    })
}

fn at(account: &Account, owned: u64, owed: u64) -> Assessment {
    let view = RiskView {
        one_price: OnePrice { owned, owed },
        ..account.view()
    };
    AccountMargin::assess(&view, &account.portfolio(), POLICY).unwrap()
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// The better of two prices while doubt is a benefit, and the worse of them from then on.
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
        let (long, short) = (at(&account, 1 << 7, 0), at(&account, 0, 1 << 7));
        prop_assert!(assessed == long || assessed == short);
        // Of prices of few digits one may be past the turn that the other is not.
        let prices = account.assets.iter().map(|risk| &risk.price);
        let benefits: Vec<bool> = prices
            .chain(account.markets.iter().map(|risk| &risk.price))
            .map(|price| price.in_doubt(&account.clock).unwrap())
            .map(|doubted| doubted.owned >= doubted.owed)
            .collect();
        let [assessed, long, short, slots] = [assessed, long, short, slot_by_slot].map(|a| a.of(HealthKind::Maint));
        if benefits.iter().all(|is| *is) {
            prop_assert_eq!(assessed, long.max(short));
            prop_assert!(assessed <= slots, "a benefit is no greater for both sides than for each");
        }
        if benefits.iter().all(|is| !is) {
            prop_assert_eq!(assessed, long.min(short));
            prop_assert!(assessed >= slots, "nor is what doubt takes");
        }
        // One line is measured as all of them are.
        for kind in HealthKind::ALL {
            let one = AccountMargin::health(&account.view(), &account.portfolio(), kind, POLICY).unwrap();
            let all = AccountMargin::assess(&account.view(), &account.portfolio(), POLICY).unwrap();
            prop_assert_eq!(one, Health { value: all.of(kind), stale: all.stale });
        }
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
