//! Properties of crowding: the totals that scale everybody's weights move at a rate, and who adds is held to the true ones.

mod common;

use common::*;
use plimsoll_risk::crowding::{catch_up_secs, follow, own_secs, Added};
use plimsoll_risk::*;
use proptest::prelude::*;

/// The entry of a bank in which others see a total of so many USD, deposits or borrows, with scales from 1,000 USD.
fn entry(seen: u64) -> AssetRisk {
    let params = AssetParams {
        deposit_scale_start_usd: START,
        borrow_scale_start_usd: START,
        asset_weight_init: RATIO_ONE,
        asset_weight_maint: RATIO_ONE,
        liability_weight_init: RATIO_ONE,
        liability_weight_maint: RATIO_ONE,
        ..AssetParams::default()
    };
    let mut risk = AssetRisk::listed(20, 6);
    risk.price = EntryPrice {
        spot: 1 << 20,
        stable: 1 << 20,
        published_ms: T0 * 1_000,
        max_age_secs: [u16::MAX; 3],
        ..EntryPrice::default()
    };
    let totals = BankTotals {
        deposits: seen,
        borrows: seen,
    };
    risk.recompute(&params, &totals, None).unwrap();
    risk
}

const START: u64 = 1_000_000_000;
const T0: i64 = 1_700_000_000;

fn added(before: u64, amount: u64, total: u64, seen: u64) -> Added {
    Added {
        before,
        amount,
        amount_usd: u128::from(amount),
        others_usd: u128::from(total.saturating_sub(before + amount)),
        total_usd: u128::from(total),
        seen_usd: u128::from(seen),
        start_usd: START,
        secs: catch_up_secs(seen, total, START, 3_600),
        own_secs: own_secs(amount, START, 3_600),
    }
}

/// What Init counts of a balance by itself, quote per native unit being one.
fn init(balance: &Balance, risk: &AssetRisk, now: i64) -> i128 {
    let assets = [*risk];
    let model = PortfolioModel::default();
    let view = RiskView {
        assets: &assets,
        markets: &[],
        underlyings: &[],
        model: &model,
        clock: Clock {
            now_ms: now * 1_000,
            doubt_ms: 0,
        },
        purpose: Purpose::Trade,
        one_price: OnePrice::default(),
    };
    let portfolio = Portfolio {
        balances: core::slice::from_ref(balance),
        perps: &[],
        orders: &[],
        mode: MarginMode::Standard,
    };
    let [init, ..] = StandardMargin::assess(&view, &portfolio, Policy::Strict)
        .unwrap()
        .health;
    let one = StandardMargin::health(&view, &portfolio, HealthKind::Init, Policy::Strict);
    assert_eq!(one.unwrap().value, init);
    init
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// However often it is called: never faster than the start of the scale in its time, but for a unit a call, towards the true
    /// total, and there when the time says so.
    #[test]
    fn a_scaled_total_follows_at_its_rate(
        scaled in wide(50), total in wide(50), start in wide(45), per in 1u32..=1_000_000, steps in prop::collection::vec(0u64..=600, 1..50),
    ) {
        let start = start + 1;
        let mut at = scaled;
        let mut secs = 0u64;
        for step in &steps {
            let next = follow(at, total, start, per, *step);
            let between = next >= at.min(total) && next <= at.max(total);
            prop_assert!(between);
            at = next;
            secs += step;
        }
        let most = u128::from(start) * u128::from(secs) / u128::from(per) + steps.len() as u128;
        // What is below the start scales nothing, wherever it is.
        let moved = scaled.max(start).abs_diff(at.max(start));
        prop_assert!(u128::from(moved) <= most, "{moved} of {most}");
        let needed = u128::from(scaled.max(start).abs_diff(total.max(start))) * u128::from(per) / u128::from(start);
        if u128::from(secs) > needed {
            prop_assert_eq!(at, total);
        }
    }

    /// A deposit into an empty balance counts at the total after it, at once and until others see as much; so does a debt.
    #[test]
    fn who_adds_is_held_to_the_true_total(seen in 0u64..=10 * START, amount in 1_000u64..=50 * START, debt: bool, wait in 0u64..=400_000) {
        let total = seen + amount;
        let sign = if debt { -1 } else { 1 };
        let mut balance = Balance { shares: Shares(sign * amount as i64), ..Balance::of(0) };
        balance.crowd(&added(0, amount, total, seen), &entry(seen), T0).unwrap();
        // What others see by then.
        let mut risk = entry(follow(seen, total, START, 3_600, wait));
        risk.price.published_ms += 1_000 * wait as i64;
        let counted = init(&balance, &risk, T0 + wait as i64);
        let scale = (START as f64 / total as f64).min(1.0);
        let exact = if debt { -(amount as f64) / scale } else { amount as f64 * scale };
        // The mark has sixteen bits.
        let grain = exact.abs() / (scale * 32_768.0) + 2.0;
        prop_assert!((counted as f64 - exact).abs() <= grain, "{counted} of {exact}");
    }

    /// In slices it counts as at once, to a hundredth, at any later time.
    #[test]
    fn slices_count_as_the_whole(seen in 0u64..=10 * START, slice in 1_000_000u64..=4 * START, slices in 2u64..=40, debt: bool, wait in 0u64..=400_000) {
        let sign = if debt { -1 } else { 1 };
        let mut balance = Balance::of(0);
        for n in 0..slices {
            balance.shares.0 += sign * slice as i64;
            let total = seen + (n + 1) * slice;
            balance.crowd(&added(n * slice, slice, total, seen), &entry(seen), T0).unwrap();
        }
        let (amount, total) = (slices * slice, seen + slices * slice);
        let mut risk = entry(follow(seen, total, START, 3_600, wait));
        risk.price.published_ms += 1_000 * wait as i64;
        let counted = init(&balance, &risk, T0 + wait as i64) as f64;
        let scale = (START as f64 / total as f64).min(1.0);
        let exact = if debt { -(amount as f64) / scale } else { amount as f64 * scale };
        let grain = exact.abs() * (0.01 + slices as f64 / (scale * 32_768.0)) + 2.0;
        prop_assert!(counted <= exact + grain, "{counted} of {exact}");
    }

    /// Over several accounts, in whatever order and slices, it counts no more than one deposit, or one debt, that is added at
    /// once, but for what lies below the start and scales nothing.
    #[test]
    fn accounts_count_together_as_one(
        seen in 0u64..=10 * START, slices in prop::collection::vec((0usize..6, 1_000_000u64..=6 * START), 1..30), debt: bool,
    ) {
        let sign = if debt { -1 } else { 1 };
        let mut accounts = [Balance::of(0); 6];
        let (risk, mut total, mut grain) = (entry(seen), seen, 2.0);
        for (who, amount) in slices {
            let balance = &mut accounts[who];
            let had = balance.shares.0.unsigned_abs();
            balance.shares.0 += sign * amount as i64;
            total += amount;
            balance.crowd(&added(had, amount, total, seen), &risk, T0).unwrap();
            // Two roundings of a mark of sixteen bits, for all that the account has.
            grain += (had + amount) as f64 / 16_384.0;
        }
        let counted: f64 = accounts.iter().map(|balance| init(balance, &risk, T0) as f64).sum();
        let free = START.saturating_sub(seen).min(total - seen) as f64;
        let new = total.saturating_sub(seen.max(START)) as f64;
        let scale = (START as f64 / total as f64).min(1.0);
        let most = if debt { -(free + new / scale) } else { free + new * scale };
        let grain = most.abs() * 0.001 + if debt { grain / scale } else { grain };
        prop_assert!(counted <= most + grain, "{counted} of {most}");
    }

    /// A stranger's unit in a crowd says nothing about what comes when it is over, or in another one.
    #[test]
    fn a_unit_holds_nothing_that_comes_later(
        seen in 0u64..=10 * START, crowd in 0u64..=50 * START, amount in 10_000_000u64..=START, later in 0u64..=50 * START,
    ) {
        let risk = entry(seen);
        let gifted = |unit: u64| {
            let mut balance = Balance { shares: Shares(unit as i64), ..Balance::of(0) };
            if unit > 0 {
                balance.crowd(&added(0, unit, seen + crowd, seen), &risk, T0).unwrap();
            }
            balance.shares.0 += amount as i64;
            balance.crowd(&added(unit, amount, seen + later + amount, seen), &risk, T0).unwrap();
            init(&balance, &risk, T0)
        };
        let (with, without) = (gifted(1), gifted(0));
        prop_assert!(with + 2 >= without, "{with} of {without}");
    }

    /// What the balance had before counts as before, and a stranger's dust, whatever the total for a moment, changes nothing.
    #[test]
    fn dust_changes_nothing(seen in 0u64..=10 * START, had in 1_000_000u64..=START, total in 0u64..=1 << 60) {
        let mut balance = Balance { shares: Shares(had as i64), ..Balance::of(0) };
        let risk = entry(seen);
        let before = init(&balance, &risk, T0);
        balance.crowd(&added(had, 3, total.max(seen), seen), &risk, T0).unwrap();
        prop_assert_eq!(init(&balance, &risk, T0), before);
    }

    /// Whatever was added when: Init never counts more than others' weights give, and nothing but Init changes.
    #[test]
    fn being_held_only_tightens(
        seen in 0u64..=10 * START, steps in prop::collection::vec((1u64..=START, 0u64..=20 * START, 0i64..=5_000), 1..8), debt: bool,
    ) {
        let sign = if debt { -1 } else { 1 };
        let (mut balance, mut now) = (Balance::of(0), T0);
        let risk = entry(seen);
        for (amount, others, wait) in steps {
            now += wait;
            let had = balance.shares.0.unsigned_abs();
            balance.shares.0 += sign * amount as i64;
            balance.crowd(&added(had, amount, seen + others, seen), &risk, now).unwrap();
            let free = Balance { crowding: 0, crowded_until: 0, ..balance };
            prop_assert!(init(&balance, &risk, now) <= init(&free, &risk, now));
        }
    }
}

#[test]
fn a_balance_that_changes_sides_is_held_to_nothing() {
    let indices = balance::Indices {
        deposit: INDEX_ONE,
        borrow: INDEX_ONE,
    };
    let mut balance = Balance::of(0);
    balance.credit(10, indices).unwrap();
    balance
        .crowd(&added(0, 10, 5 * START, 0), &entry(0), T0)
        .unwrap();
    assert!(balance.crowded_until > 0);
    balance.debit(11, indices).unwrap();
    assert_eq!((balance.crowding, balance.crowded_until), (0, 0));
}

/// What is moved between own accounts counts there as it counted before, however often it is moved, deposit or debt.
#[test]
fn a_mark_moves_along_as_it_is() {
    let (risk, amount) = (entry(START), 20_000_000);
    for sign in [1, -1] {
        for mark in [60_000u16, 50_000, 32_768, 16_384] {
            let mut from = Balance {
                shares: Shares(sign * i64::try_from(amount).unwrap()),
                crowding: mark,
                crowded_until: u32::try_from(T0 + 900).unwrap(),
                ..Balance::default()
            };
            for _ in 0..4 {
                let mut to = Balance {
                    shares: from.shares,
                    ..Balance::default()
                };
                to.crowd_like(&from, 0, amount, &risk, T0).unwrap();
                assert!(to.crowding.abs_diff(mark) <= 1, "{} of {mark}", to.crowding);
                assert_eq!(to.crowded_until, from.crowded_until);
                from = to;
            }
            // Beside as much that counts whole, half of what is missing is missing.
            let mut both = Balance {
                shares: Shares(2 * from.shares.0),
                ..Balance::default()
            };
            both.crowd_like(&from, amount, amount, &risk, T0).unwrap();
            let alone = init(&from, &risk, T0)
                + init(
                    &Balance {
                        crowding: 0,
                        ..from
                    },
                    &risk,
                    T0,
                );
            let together = init(&both, &risk, T0);
            assert!(
                (together - alone).abs() <= 2_000,
                "{together} for {alone}, at {mark}"
            );
        }
    }
}
