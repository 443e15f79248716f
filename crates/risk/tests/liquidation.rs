//! Properties of liquidation slices: they help, suffice, are no larger than needed, and never take what is left.

mod common;

use common::*;
use plimsoll_risk::fixed::scale_floor;
use plimsoll_risk::liquidation::*;
use plimsoll_risk::position::{Balance, PerpPosition};
use plimsoll_risk::standard::{balance_value, perp_equity, perp_value};
use plimsoll_risk::*;
use proptest::prelude::*;

const END: HealthKind = HealthKind::LiquidationEnd;

fn take(perp: &PerpPosition, slice: &PositionSlice, risk: &MarketRisk) -> PerpPosition {
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

/// A position and the health and equity of an account around it.
fn case() -> impl Strategy<Value = (MarketParams, MarketRisk, PerpPosition, Target, u64)> {
    let around = (signed_wide(45), 0u32..=100, wide(32), any::<bool>());
    (market(), perp(0), around).prop_map(
        |((params, risk), mut perp, (rest, share, dust, broke))| {
            if perp.position.is_zero() {
                perp.position = BaseLots(1);
            }
            // What the account has elsewhere leaves it just below the line, or far below it.
            let value = perp_value(END, &perp, &[], &risk).unwrap();
            let size = (perp.position.abs() as f64 * risk.price.spot as f64
                / f64::from(risk.shift).exp2()) as i128;
            let margin = (size * i128::from(params.init_ratio)) >> 24;
            let shortfall = 1 + margin * i128::from(share) / 100;
            let elsewhere = -shortfall - value;
            let equity = perp_equity(&perp, &risk).unwrap() + elsewhere;
            let equity = match broke {
                true => equity.min(0),
                false => equity + i128::from(rest),
            };
            let target = Target {
                insurance_share: params.liquidation.insurance_share,
                reward_min: dust as u32 & 0xFFFF,
                ..against(-shortfall, equity, params.liquidation.fee_max)
            };
            (params, risk, perp, target, dust)
        },
    )
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn a_position_slice_helps_suffices_and_is_minimal_to_a_lot((_, risk, perp, target, _) in case()) {
        let Ok(slice) = position_slice(&perp, &risk, &target, BaseLots::MAX, BaseLots(0)) else {
            // Only a position whose lots are worth less than the rounding may be refused.
            prop_assert!(perp.position.abs() as f64 * risk.price.spot as f64 / f64::from(risk.shift).exp2() < 1e3);
            return Ok(());
        };
        let before = perp_value(END, &perp, &[], &risk).unwrap();
        let after = perp_value(END, &take(&perp, &slice, &risk), &[], &risk).unwrap();
        prop_assert!(after >= before, "{before} -> {after}");
        let gained = after - before;
        prop_assert!(gained >= -target.standing.health() || slice.lots.abs() == perp.position.abs());
        if slice.lots.0 > 1 && gained >= -target.standing.health() {
            // One lot fewer falls short.
            let smaller = position_slice(&perp, &risk, &target, BaseLots(slice.lots.0 - 1), BaseLots(0));
            if let Ok(smaller) = smaller {
                let short = perp_value(END, &take(&perp, &smaller, &risk), &[], &risk).unwrap();
                let lot = risk.price.spot >> risk.shift;
                prop_assert!(short - before < -target.standing.health() || lot < 1_000, "{slice:?} {smaller:?}");
            }
        }
    }

    #[test]
    fn a_capped_slice_never_lowers_health_or_exceeds_its_cap(
        (_, risk, perp, target, dust) in case(), most in wide(31),
    ) {
        match position_slice(&perp, &risk, &target, BaseLots(most as i64), BaseLots(dust as i64)) {
            Ok(slice) => {
                prop_assert!(slice.lots.abs() <= most && slice.lots.abs() <= perp.position.abs());
                let before = perp_value(END, &perp, &[], &risk).unwrap();
                prop_assert!(perp_value(END, &take(&perp, &slice, &risk), &[], &risk).unwrap() >= before);
                prop_assert!(slice.insurance <= slice.penalty && slice.insurance.0 >= 0);
            }
            Err(error) => prop_assert!(matches!(error, RiskError::SliceTooSmall | RiskError::NothingToLiquidate)),
        }
    }

    #[test]
    fn a_position_slice_leaves_no_dust((_, risk, perp, target, dust) in case()) {
        if let Ok(slice) = position_slice(&perp, &risk, &target, BaseLots::MAX, BaseLots(dust as i64)) {
            let left = perp.position.abs() - slice.lots.abs();
            prop_assert!(left == 0 || left >= dust);
        }
    }

    #[test]
    fn taking_over_a_position_leaves_the_solvent_solvent((_, risk, perp, target, _) in case()) {
        if let Ok(slice) = position_slice(&perp, &risk, &target, BaseLots::MAX, BaseLots(0)) {
            let full = slice.notional.0 as i128 * i128::from(target.fee) / i128::from(ONE) + 1;
            prop_assert!(i128::from(slice.penalty.0) <= full);
            let equity = target.standing.value;
            if equity > 0 {
                prop_assert!(i128::from(slice.penalty.0) * 2 <= equity);
                let after = take(&perp, &slice, &risk);
                let lost = perp_equity(&perp, &risk).unwrap() - perp_equity(&after, &risk).unwrap();
                prop_assert!(equity - lost >= 0, "equity {equity} lost {lost}");
            } else {
                prop_assert_eq!(slice.penalty, QuoteNative(0), "nothing is left to pay with");
            }
        }
    }

    #[test]
    fn a_swap_helps_suffices_and_is_small(
        (collateral, debt, target) in swap_case(), most in prop_oneof![Just(u64::MAX), wide(50)], dust in wide(30),
    ) {
        let (given, taken) = (collateral.as_collateral(), debt.as_debt());
        let Ok(slice) = swap_slice(&given, &taken, &target, most, dust, dust) else {
            return Ok(());
        };
        let old = collateral.value() + debt.value();
        let (after_collateral, after_debt) = (collateral.less(slice.collateral), debt.less(slice.debt));
        let new = after_collateral.value() + after_debt.value();
        prop_assert!(new >= old, "{old} -> {new} {slice:?}");
        prop_assert!(slice.debt <= most && slice.insurance <= slice.collateral);
        let gone = |side: &Leg| side.amount() == 0;
        if !gone(&after_collateral) && !gone(&after_debt) && slice.debt < most {
            prop_assert!(new - old >= -target.standing.health(), "short by {}", -target.standing.health() - (new - old));
        }
        // Small: it gains the shortfall and little more, unless something went whole. Weighted prices are rounded to
        // their mantissas in favour of the gain, so the closed form may take that much too much.
        let grain = collateral.grain() + debt.grain();
        let moved = slice.debt as f64 / debt.amount() as f64 * debt.equity().abs() as f64;
        let excess = (new - old + target.standing.health()) as f64 - moved * (collateral.precision() + debt.precision());
        prop_assert!(
            excess < 30.0 + grain as f64 * 8.0 || gone(&after_debt) || gone(&after_collateral) || slice.debt <= 1
                || dust > 0,
            "gained {} for {}", new - old, target.standing.health()
        );
    }

    #[test]
    fn a_swap_leaves_the_solvent_solvent((collateral, debt, target) in swap_case()) {
        let (given, taken) = (collateral.as_collateral(), debt.as_debt());
        let Ok(slice) = swap_slice(&given, &taken, &target, u64::MAX, 0, 0) else {
            return Ok(());
        };
        let lost = collateral.equity() + debt.equity()
            - collateral.less(slice.collateral).equity() - debt.less(slice.debt).equity();
        // A share and a native unit of each side may round away.
        let grain = 2 * (collateral.grain() + debt.grain()) + 4;
        let equity = target.standing.value;
        prop_assert!(lost <= equity.max(0) / 2 + grain, "lost {lost} of {equity}");
        let bound = slice.penalty as i128 + grain;
        prop_assert!(lost <= bound, "lost {lost}, penalty {}", slice.penalty);
    }

    #[test]
    fn the_fee_ramps_up_and_stops(terms in terms(), secs in wide(40), later in wide(40)) {
        let fee = ramped_fee(&terms, secs);
        prop_assert!(fee >= terms.fee_min && fee <= terms.fee_max);
        prop_assert!(ramped_fee(&terms, secs.saturating_add(later)) >= fee);
        prop_assert_eq!(ramped_fee(&terms, u64::from(terms.ramp_secs)), terms.fee_max);
        if terms.ramp_secs > 0 {
            prop_assert_eq!(ramped_fee(&terms, 0), terms.fee_min);
        }
    }
}

/// One side of a swap with its effects measured by health itself.
#[derive(Clone, Debug)]
enum Leg {
    Token(Balance, AssetRisk),
    Claim(i64, MarketRisk),
}

impl Leg {
    fn as_collateral(&self) -> Collateral<'_> {
        match self {
            Leg::Token(balance, risk) => Collateral::Deposit(balance, risk),
            Leg::Claim(pnl, risk) => Collateral::Profit(*pnl as u64, risk),
        }
    }

    fn as_debt(&self) -> Debt<'_> {
        match self {
            Leg::Token(balance, risk) => Debt::Borrow(balance, risk),
            Leg::Claim(pnl, _) => Debt::Loss(pnl.unsigned_abs()),
        }
    }

    fn less(&self, amount: u64) -> Self {
        match self {
            Leg::Token(balance, risk) => {
                let mut after = *balance;
                if balance.shares.0 > 0 {
                    after.debit(amount, risk.indices()).unwrap();
                    assert!(after.shares.0 >= 0, "more collateral taken than there is");
                } else {
                    after.credit(amount, risk.indices()).unwrap();
                    assert!(after.shares.0 <= 0, "more debt repaid than is owed");
                }
                Leg::Token(after, *risk)
            }
            Leg::Claim(pnl, risk) => Leg::Claim(pnl - pnl.signum() * amount as i64, *risk),
        }
    }

    fn amount(&self) -> u64 {
        match self {
            Leg::Token(balance, risk) => balance.native(risk.indices()).unwrap().unsigned_abs(),
            Leg::Claim(pnl, _) => pnl.unsigned_abs(),
        }
    }

    fn value(&self) -> i128 {
        match self {
            Leg::Token(balance, risk) => balance_value(END, balance, risk),
            Leg::Claim(pnl, risk) => {
                let perp = PerpPosition {
                    quote: QuoteNative(*pnl),
                    ..PerpPosition::of(0)
                };
                perp_value(END, &perp, &[], risk).unwrap()
            }
        }
    }

    fn equity(&self) -> i128 {
        match self {
            Leg::Token(balance, risk) => scale_floor(
                balance.native(risk.indices()).unwrap(),
                risk.price.spot,
                risk.shift,
            ),
            Leg::Claim(pnl, _) => i128::from(*pnl),
        }
    }

    /// Relative rounding of the entry's weighted prices.
    fn precision(&self) -> f64 {
        match self {
            Leg::Token(_, risk) => 4.0 / risk.price.spot as f64,
            Leg::Claim(..) => 0.0,
        }
    }

    /// Value of one share, weighted: the size of a rounding.
    fn grain(&self) -> i128 {
        match self {
            Leg::Token(_, risk) => {
                let price =
                    i128::from(risk.liability_price[1]).max(i128::from(risk.price.spot) * 8);
                (price >> risk.shift) + 2
            }
            Leg::Claim(..) => 2,
        }
    }
}

fn swap_case() -> impl Strategy<Value = (Leg, Leg, Target)> {
    let token = || (asset(), wide(55)).prop_map(|((_, risk), shares)| (risk, shares as i64 + 1));
    let claim = || (market(), wide(50)).prop_map(|((_, risk), pnl)| (risk, pnl as i64 + 1));
    let given = prop_oneof![
        3 => token().prop_map(|(risk, x)| Leg::Token(Balance { shares: Shares(x), ..Balance::of(1) }, risk)),
        1 => claim().prop_map(|(risk, x)| Leg::Claim(x, risk)),
    ];
    let owed = prop_oneof![
        3 => token().prop_map(|(risk, x)| Leg::Token(Balance { shares: Shares(-x), ..Balance::of(2) }, risk)),
        1 => claim().prop_map(|(risk, x)| Leg::Claim(-x, risk)),
    ];
    (
        given,
        owed,
        0u32..=100,
        0..=RATIO_ONE / 8,
        0..=RATIO_ONE,
        0u8..3,
        0i64..=200,
    )
        .prop_map(
            |(given, owed, percent, fee, insurance_share, broke, rest)| {
                let shortfall = 1 - owed.value() * i128::from(percent) / 100;
                let equity = given.equity() + owed.equity();
                let equity = match broke {
                    0 => equity.min(0),
                    // Little is left elsewhere, so that the cap on the penalty binds.
                    1 => 1 + shortfall * i128::from(rest) / 1_000,
                    _ => equity.max(1) + i128::from(rest),
                };
                let target = Target {
                    insurance_share,
                    ..against(-shortfall, equity, fee)
                };
                (given, owed, target)
            },
        )
}

#[test]
fn a_long_is_closed_just_as_far_as_needed() {
    // 100 lots at 1,000 quote, 10 % Init, 2 % fee: each lot frees 100 of margin and costs 20.
    let mut risk = MarketRisk::listed(0, 1);
    risk.price = steady(1_000);
    let params = MarketParams {
        init_ratio: RATIO_ONE / 10,
        size_scale_notional: u64::MAX,
        ..Default::default()
    };
    risk.recompute(&params, None).unwrap();
    let perp = PerpPosition {
        position: BaseLots(100),
        quote: QuoteNative(-95_000),
        ..PerpPosition::of(0)
    };
    assert_eq!(
        perp_value(END, &perp, &[], &risk),
        Ok(-10_000),
        "a profit counts nothing, and the margin is 10 % of 100,000"
    );
    let target = Target {
        insurance_share: RATIO_ONE / 2,
        ..against(-800, 7_200, RATIO_ONE / 50)
    };
    // The profit has no weight, so the fee costs no health: 8 lots free 800.
    let slice = position_slice(&perp, &risk, &target, BaseLots::MAX, BaseLots(0)).unwrap();
    assert_eq!(
        (slice.lots, slice.notional, slice.insurance),
        (BaseLots(8), QuoteNative(8_000), QuoteNative(80))
    );
    // At a loss it does: 80 of health a lot.
    let perp = PerpPosition {
        quote: QuoteNative(-105_000),
        ..perp
    };
    let slice = position_slice(&perp, &risk, &target, BaseLots::MAX, BaseLots(0)).unwrap();
    assert_eq!(
        (slice.lots, slice.penalty),
        (BaseLots(10), QuoteNative(200))
    );
    // With little equity left the fee gives way.
    let poor = against(-800, 100, RATIO_ONE / 50);
    // Equity is a ninth of what is required: half of that of the 900 freed.
    let slice = position_slice(&perp, &risk, &poor, BaseLots::MAX, BaseLots(0)).unwrap();
    assert_eq!((slice.lots, slice.penalty), (BaseLots(9), QuoteNative(49)));
    // Nor more than what is left of the episode's allowance.
    let charged = Target {
        charged: Charged::default(),
        allowance: 30,
        ..target
    };
    let slice = position_slice(&perp, &risk, &charged, BaseLots::MAX, BaseLots(0)).unwrap();
    assert_eq!((slice.lots, slice.penalty), (BaseLots(9), QuoteNative(30)));
    // 92 lots of dust allowed: nothing may be left.
    let slice = position_slice(&perp, &risk, &target, BaseLots::MAX, BaseLots(92)).unwrap();
    assert_eq!(slice.lots, BaseLots(100));
}

#[test]
fn a_swap_pays_just_as_much_as_needed_and_leaves_no_dust() {
    let entry = |asset_weight: u32, liability_weight: u32| {
        let mut risk = AssetRisk::listed(20, 6);
        risk.price = steady(1 << 20);
        let params = AssetParams {
            asset_weight_init: asset_weight,
            asset_weight_maint: asset_weight,
            liability_weight_init: liability_weight,
            liability_weight_maint: liability_weight,
            deposit_scale_start_usd: u64::MAX,
            borrow_scale_start_usd: u64::MAX,
            ..AssetParams::default()
        };
        risk.recompute(&params, &BankTotals::default(), None)
            .unwrap();
        risk
    };
    // Collateral at a half against a debt at one and a half, 10 % bonus: a unit repaid gains 1.5 and costs 0.55.
    let (given, owed) = (
        entry(RATIO_ONE / 2, RATIO_ONE),
        entry(RATIO_ONE, RATIO_ONE / 2 * 3),
    );
    let deposit = Balance {
        shares: Shares(2_000_000),
        ..Balance::of(0)
    };
    let debt = Balance {
        shares: Shares(-1_000_000),
        ..Balance::of(1)
    };
    let (collateral, owes) = (
        Collateral::Deposit(&deposit, &given),
        Debt::Borrow(&debt, &owed),
    );
    let target = Target {
        insurance_share: RATIO_ONE / 4,
        ..against(-95_000, 1_000_000, RATIO_ONE / 10)
    };
    let slice = swap_slice(&collateral, &owes, &target, u64::MAX, 0, 0).unwrap();
    assert!((100_000..=100_020).contains(&slice.debt), "{slice:?}");
    assert_eq!(
        slice.collateral,
        slice.debt + u64::try_from(slice.penalty).unwrap()
    );
    assert_eq!(u128::from(slice.insurance), slice.penalty / 4);
    // What is left of either side is less than its dust: it goes whole.
    let slice = swap_slice(&collateral, &owes, &target, u64::MAX, 0, 900_000).unwrap();
    assert_eq!((slice.debt, slice.collateral), (1_000_000, 1_100_000));
    let few = Balance {
        shares: Shares(150_000),
        ..Balance::of(0)
    };
    let collateral = Collateral::Deposit(&few, &given);
    let slice = swap_slice(&collateral, &owes, &target, u64::MAX, 40_001, 0).unwrap();
    assert_eq!(slice.collateral, 150_000);
    assert!((136_360..=136_364).contains(&slice.debt), "{slice:?}");
    // Not by more than the liquidator takes on.
    let slice = swap_slice(&collateral, &owes, &target, 110_000, 40_001, 900_000).unwrap();
    assert!(slice.debt < 110_000 && slice.collateral < 120_000);
    // The last of the collateral goes for the debt that it pays for.
    let target = Target {
        insurance_share: RATIO_ONE / 4,
        ..against(-900_000, 1_000_000, RATIO_ONE / 10)
    };
    let slice = swap_slice(&collateral, &owes, &target, u64::MAX, 0, 0).unwrap();
    assert_eq!((slice.collateral, slice.insurance), (150_000, 3_409));
    assert_eq!(
        swap_slice(&collateral, &owes, &target, 0, 0, 0),
        Err(RiskError::NothingToLiquidate)
    );
}
