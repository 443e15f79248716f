//! What liquidations cost and pay: continuous through zero equity, never worth waiting for, and never more than the account can
//! bear, however often something is taken.

mod common;

use common::*;
use plimsoll_risk::liquidation::*;
use plimsoll_risk::position::PerpPosition;
use plimsoll_risk::*;
use proptest::prelude::*;

const TERMS: LiquidationTerms = LiquidationTerms {
    fee_min: RATIO_ONE / 200,
    fee_max: RATIO_ONE / 40,
    ramp_secs: 40,
    insurance_share: RATIO_ONE / 5,
    reward_min: RATIO_ONE / 5_000,
    top_up_limit: 1_000,
};
/// A position of ten million dollars, a dollar a lot; a slice of a hundred thousandth of it.
const LOTS: i64 = 10_000_000;
const NOTIONAL: i128 = LOTS as i128 * 1_000_000;
const SLICE: i64 = 100;
/// Native quote of a slice that makes a millionth of it.
const MILLIONTH: i64 = 100;

/// A market at ten times leverage and a long in it.
fn long() -> (MarketRisk, PerpPosition) {
    let mut risk = MarketRisk::listed(20, 1);
    risk.price = steady(1_000_000 << 20);
    let params = MarketParams {
        size_scale_notional: u64::MAX,
        init_ratio: RATIO_ONE / 10,
        maint_ratio: RATIO_ONE / 20,
        ..MarketParams::default()
    };
    risk.recompute(&params, None).unwrap();
    let perp = PerpPosition {
        position: BaseLots(LOTS),
        quote: QuoteNative(-LOTS * 1_000_000),
        ..PerpPosition::of(0)
    };
    (risk, perp)
}

/// What a slice costs and pays, in millionths of its notional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Paid {
    by_account: i64,
    to_liquidator: i64,
    to_insurance: i64,
}

/// Of an account with this equity in millionths of the notional, so many seconds after the flag.
fn paid(equity: i64, secs: u64) -> Paid {
    let (risk, perp) = long();
    let equity = NOTIONAL * i128::from(equity) / 1_000_000;
    let target = Target {
        insurance_share: TERMS.insurance_share,
        reward_min: TERMS.reward_min,
        ..against(equity - NOTIONAL / 10, equity, ramped_fee(&TERMS, secs))
    };
    let slice = position_slice(&perp, &risk, &target, BaseLots(SLICE), BaseLots(0)).unwrap();
    assert_eq!(slice.lots, BaseLots(SLICE));
    let part = |amount: i64| (amount + MILLIONTH / 2).div_euclid(MILLIONTH);
    Paid {
        by_account: part(slice.penalty.0),
        to_liquidator: part(slice.penalty.0 - slice.insurance.0 + slice.top_up.0),
        to_insurance: part(slice.insurance.0 - slice.top_up.0),
    }
}

/// The table of the liquidators' guide.
fn table() -> String {
    let percent = |millionths: i64| {
        let sign = if millionths < 0 { "-" } else { "" };
        let size = millionths.abs();
        format!("{sign}{}.{:03} %", size / 10_000, size % 10_000 / 10)
    };
    let mut out = String::from(
        "equity of      when flagged                     at the end of the ramp\n\
         notional       fee   liquidator  insurance      fee   liquidator  insurance\n",
    );
    let equities = [
        90_000, 50_000, 40_000, 20_000, 10_000, 5_000, 1_000, 500, 200, 100, 0, -100, -10_000,
        -100_000,
    ];
    for equity in equities {
        let [first, last] = [0, 40].map(|secs| paid(equity, secs));
        let columns = |paid: Paid| {
            format!(
                "{:>8}  {:>8}  {:>9}",
                percent(paid.by_account),
                percent(paid.to_liquidator),
                percent(paid.to_insurance)
            )
        };
        let line = format!(
            "{:>10}  {}  {}",
            percent(equity),
            columns(first),
            columns(last)
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn the_guide_shows_what_is_paid() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fee_table.txt");
    let wanted = format!("docs: fees\n{}docs: end\n", table());
    if std::env::var_os("PLIMSOLL_WRITE_FIXTURES").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    let shown = std::fs::read_to_string(path).expect("PLIMSOLL_WRITE_FIXTURES=1 writes it");
    assert_eq!(shown, wanted, "PLIMSOLL_WRITE_FIXTURES=1 writes it anew");
}

/// From ten per cent above zero to ten below, in steps of a hundredth of a per cent: what is paid falls with equity, in steps no
/// larger than half of equity's own, and does not jump anywhere.
#[test]
fn fee_and_reward_fall_with_equity_without_a_jump() {
    for secs in [0, 10, 25, 40, 3_600] {
        let mut before = paid(99_900, secs);
        for step in 1..=1_998 {
            let equity = 99_900 - step * 100;
            let now = paid(equity, secs);
            assert!(
                now.by_account <= before.by_account,
                "{equity}: {before:?} {now:?}"
            );
            assert!(
                now.to_liquidator <= before.to_liquidator,
                "{equity}: {before:?} {now:?}"
            );
            for (was, is) in [
                (before.by_account, now.by_account),
                (before.to_liquidator, now.to_liquidator),
                (before.to_insurance, now.to_insurance),
            ] {
                assert!((was - is).abs() <= 51, "{equity}: {before:?} {now:?}");
            }
            assert!(now.to_liquidator >= 199, "{equity}: {now:?}");
            assert!((now.by_account - now.to_liquidator - now.to_insurance).abs() <= 2);
            if equity <= 0 {
                let reward = Paid {
                    by_account: 0,
                    to_liquidator: 200,
                    to_insurance: -200,
                };
                assert_eq!(now, reward, "{equity}");
            }
            before = now;
        }
    }
}

/// Whoever waits for a ramp that has ended gains nothing by it, whether the account sinks or not.
#[test]
fn waiting_beyond_the_ramp_pays_nothing() {
    for equity in (-100_000..=99_000).step_by(1_000) {
        let best = paid(equity, 40).to_liquidator;
        for (later, sunk) in [(41, 0), (1_000, 1_000), (100_000, 60_000)] {
            assert!(
                paid(equity - sunk, later).to_liquidator <= best,
                "{equity} {later}"
            );
        }
    }
}

/// Insurance adds what the fee falls short of, no more: where it has nothing, the reward is the fee, which does not jump.
#[test]
fn insurance_adds_what_the_fee_falls_short_of() {
    for equity in [1_000, 500, 399, 200, 0, -1] {
        let paid = paid(equity, 40);
        let (added, short) = (paid.to_insurance.min(0), (paid.by_account - 200).min(0));
        // But for a unit, by rounding.
        assert!((added - short).abs() <= 1, "{equity}: {added} for {short}");
    }
}

/// An account that is cut into slices of a few lots: its equity, the rest of its allowance, and what it paid.
fn cut(equity: i128, slice: i64, mut perp: PerpPosition, risk: &MarketRisk) -> (i128, i128, i64) {
    let deposit = equity - NOTIONAL - i128::from(perp.quote.0);
    let mut allowance = equity.max(0).unsigned_abs() / 2;
    let (mut ratio, mut paid) = (0f64, 0);
    loop {
        let value = i128::from(perp.position.0) * 1_000_000 + i128::from(perp.quote.0);
        let equity = value + deposit;
        let health = equity - i128::from(perp.position.0) * 100_000;
        if perp.position.is_zero() || health >= 0 {
            return (equity, allowance as i128, paid);
        }
        let now = equity as f64 / (equity - health) as f64;
        assert!(now >= ratio - 1e-9 || equity <= 0, "{ratio} {now}");
        ratio = now;
        let target = Target {
            charged: Charged::default(),
            allowance,
            ..against(health, equity, TERMS.fee_max)
        };
        let slice = position_slice(&perp, risk, &target, BaseLots(slice), BaseLots(0)).unwrap();
        let funding = risk.funding();
        perp.apply_fill(
            Side::Ask,
            slice.lots,
            slice.notional,
            slice.penalty,
            funding,
        )
        .unwrap();
        allowance -= slice.penalty.0 as u128;
        paid += slice.penalty.0;
    }
}

/// However an account below its line is cut, each slice leaves it better in proportion, and all of them half of its equity.
#[test]
fn no_number_of_slices_sinks_an_account() {
    let (risk, perp) = long();
    for thousandths in [49, 40, 30, 20, 10, 5, 1] {
        let equity = NOTIONAL * thousandths / 1_000;
        let (whole, ..) = cut(equity, LOTS, perp, &risk);
        for slice in [LOTS / 4, LOTS / 40, LOTS / 1_000] {
            let (left, allowance, paid) = cut(equity, slice, perp, &risk);
            assert_eq!(left, equity - i128::from(paid));
            assert_eq!(allowance, equity / 2 - i128::from(paid));
            // Cut finely the fee is a little higher, as the account gets better on the way, never more than half of all.
            assert!(
                left >= equity / 2 && whole >= equity / 2,
                "{left} {whole} of {equity}"
            );
        }
    }
    let (left, _, paid) = cut(-1_000_000, LOTS / 3, perp, &risk);
    assert_eq!((left, paid), (-1_000_000, 0));
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// A swap leaves equity ÷ requirement no lower, whatever the weights and sizes.
    #[test]
    fn the_part_that_a_penalty_takes_is_half_of_what_it_may(
        value in wide(60), requirement in wide(60), freed in wide(50),
    ) {
        let (requirement, freed) = (i128::from(requirement) + 2, i128::from(freed));
        let value = i128::from(value) % requirement;
        let start = Footing { value, requirement };
        let after = Footing { value, requirement: (requirement - freed).max(0) };
        let fee = start.allowance(&after, Charged::default()).unwrap() as i128;
        let paid = Footing { value: value - fee, ..after };
        prop_assert!(start.is_kept_by(&paid, 2), "{start:?} {paid:?} {fee}");
        prop_assert!(fee <= value / 2 + 1);
        prop_assert!(start.ratio() <= paid.ratio().saturating_add(1));
    }

    /// What was lost when a leg was opened is made up for before anything costs a fee, and no more than that: half of what is
    /// beyond it, however little was opened. What made up for a part leaves the rest.
    #[test]
    fn a_loss_is_made_up_for_once(
        value in wide(50), requirement in wide(50), raised in wide(40), cost in wide(30), freed in wide(50), part in 0..=RATIO_ONE,
    ) {
        let requirement = i128::from(requirement) + 2;
        let value = (i128::from(value) % requirement).max(1);
        let start = Footing { value, requirement };
        let opened = Footing { value: value - i128::from(cost), requirement: requirement + i128::from(raised) };
        let lost = u64::try_from(start.lost_at(&opened).unwrap()).unwrap();
        prop_assert!((i128::from(cost)..=i128::from(cost) + i128::from(raised)).contains(&i128::from(lost)));
        let from = opened.without_loss(lost);
        prop_assert!(from.value >= opened.value && from.value <= from.requirement.max(opened.value));
        // Back to where it was: nothing is to be paid yet. From there half of what is more.
        let free = Charged::default();
        prop_assert_eq!(from.allowance(&start, free).unwrap(), 0);
        let closed = Footing { value: opened.value, requirement: (opened.requirement - i128::from(freed)).max(0) };
        let fee = from.allowance(&closed, free).unwrap();
        let whole = opened.allowance(&closed, free).unwrap();
        prop_assert!(fee <= whole && fee + u128::from(lost) / 2 + 2 >= whole, "{fee} {whole} {lost}");
        prop_assert!(fee == 0 || from.lost_at(&closed).unwrap() == 0);
        // In two steps, what is left after the first is what the second has to make up for.
        let step = ((i128::from(freed) * i128::from(part)) >> 24).min(opened.requirement);
        let halfway = Footing { value: opened.value, requirement: opened.requirement - step };
        let left = u64::try_from(from.lost_at(&halfway).unwrap()).unwrap();
        prop_assert!(left <= lost);
        let at_once = from.lost_at(&closed).unwrap();
        let from = halfway.without_loss(left);
        if from.value > 0 && closed.requirement <= halfway.requirement {
            let in_two = from.lost_at(&closed).unwrap();
            prop_assert!(at_once.abs_diff(in_two) <= 2, "{at_once} {in_two}");
        }
    }
}

/// Fees paid out of a profit that does not count take nothing off the value: they are no improvement beside that, and the legs
/// of a call cost half of what they improve together, once.
#[test]
fn what_does_not_count_is_no_improvement_when_it_is_charged() {
    let start = Footing {
        value: 100_000,
        requirement: 200_000,
    };
    let mut charged = Charged::default();
    for requirement in [150_000, 120_000, 100_000] {
        let after = Footing {
            requirement,
            ..start
        };
        let paid = start.allowance(&after, charged).unwrap();
        charged = charged.and(Charged { paid, counted: 0 });
    }
    assert_eq!(charged.paid, 25_000);
    let after = Footing {
        requirement: 100_000,
        ..start
    };
    assert_eq!(start.allowance(&after, charged).unwrap(), 0);
}

/// In however many legs a call goes: together they cost no more than half of what they improve, and no less than one leg would.
#[test]
fn the_legs_of_a_call_cost_together_no_more_than_half_of_what_they_improve() {
    let start = Footing {
        value: 100_000,
        requirement: 200_000,
    };
    let at = |requirement: i128, charged: u128| Footing {
        value: start.value - charged as i128,
        requirement,
    };
    let whole = start
        .allowance(&at(100_000, 0), Charged::default())
        .unwrap();
    assert_eq!(whole, 25_000);
    for legs in [
        vec![100_000],
        vec![150_000, 100_000],
        vec![180_000, 150_000, 140_000, 100_000],
    ] {
        let mut charged = Charged::default();
        for requirement in legs {
            let paid = start
                .allowance(&at(requirement, charged.counted), charged)
                .unwrap();
            charged = charged.and(Charged {
                paid,
                counted: paid,
            });
        }
        let paid = charged.paid;
        assert!((whole - 4..=whole).contains(&paid), "{paid}");
    }
}
