//! Properties of balances, trades, accrual and shared losses: no operation creates value, rounding is the protocol's.

mod common;

use common::*;
use plimsoll_risk::balance::{native_ceil, native_floor};
use plimsoll_risk::bankruptcy::*;
use plimsoll_risk::fixed::{div_ceil, ratio_ceil, ratio_floor};
use plimsoll_risk::interest::{self, Accrual, Fractions};
use plimsoll_risk::position::{trading_fee, Balance, FundingIndices, Indices, PerpPosition, Side};
use plimsoll_risk::*;
use proptest::prelude::*;

fn indices() -> impl Strategy<Value = Indices> {
    (
        MIN_DEPOSIT_INDEX..=64 * INDEX_ONE,
        INDEX_ONE..=64 * INDEX_ONE,
    )
        .prop_map(|(deposit, borrow)| Indices { deposit, borrow })
}

fn side(ask: bool) -> Side {
    Side::from_byte(u8::from(ask))
}

proptest! {
    #![proptest_config(cases(4_000))]

    #[test]
    fn rounding_never_favours_a_balance(shares in signed_wide(50), amount in wide(40), indices in indices()) {
        let start = Balance { shares: Shares(shares), ..Balance::of(0) };
        // One share's worth is the most that an operation may round away, and one unit for each valuation.
        let grain = (indices.deposit.max(indices.borrow) >> INDEX_BITS) as i64 + 3;
        let native = start.native(indices).unwrap();

        let mut up = start;
        let change = up.credit(amount, indices).unwrap();
        let gained = up.native(indices).unwrap() - native;
        prop_assert!(gained <= amount as i64 && gained >= amount as i64 - grain, "{gained} of {amount}");
        prop_assert_eq!(change.deposit - change.borrow, up.shares.0 - shares);
        prop_assert!(change.deposit >= 0 && change.borrow <= 0);

        let mut down = start;
        let change = down.debit(amount, indices).unwrap();
        let lost = native - down.native(indices).unwrap();
        prop_assert!(lost >= amount as i64 && lost <= amount as i64 + grain, "{lost} of {amount}");
        prop_assert_eq!(change.deposit - change.borrow, down.shares.0 - shares);
        prop_assert!(change.deposit <= 0 && change.borrow >= 0);

        up.debit(amount, indices).unwrap();
        prop_assert!(up.native(indices).unwrap() <= native, "in and out again is never a gain");
    }

    #[test]
    fn a_whole_balance_can_be_taken_or_repaid(shares in signed_wide(50), indices in indices()) {
        let mut balance = Balance { shares: Shares(shares), ..Balance::of(0) };
        let native = balance.native(indices).unwrap();
        if native >= 0 {
            balance.debit(native as u64, indices).unwrap();
            prop_assert!(balance.shares.0 >= 0);
        } else {
            balance.credit(native.unsigned_abs(), indices).unwrap();
            prop_assert_eq!(balance.shares.0, 0, "a debt is gone once its native amount is paid");
        }
        prop_assert_eq!(balance.native(indices).unwrap(), 0);
    }

    #[test]
    fn a_trade_creates_nothing(
        maker in perp(0), taker in perp(0), ask: bool, lots in wide(24), notional in wide(45), rates in (0u32..1 << 18, 0u32..1 << 18),
    ) {
        let lots = BaseLots(lots as i64 + 1);
        let notional = QuoteNative(notional as i64);
        let (taker_rate, maker_rate) = ((rates.0 + rates.1) as i32, -(rates.1 as i32));
        let funding = FundingIndices { long: 5 << 30, short: 5 << 30, loss: 0 };
        let fees = [trading_fee(notional, taker_rate).unwrap(), trading_fee(notional, maker_rate).unwrap()];
        prop_assert!(fees[0].0 + fees[1].0 >= 0);
        prop_assert!(fees[0].0 as i128 * ONE as i128 >= notional.0 as i128 * taker_rate as i128);
        prop_assert!(fees[1].0 as i128 * ONE as i128 >= notional.0 as i128 * maker_rate as i128);
        let (mut a, mut b) = (taker, maker);
        let paid = a.settle_funding(funding).unwrap().0 + b.settle_funding(funding).unwrap().0;
        let (mut a2, mut b2) = (taker, maker);
        let change = a2.apply_fill(side(ask), lots, notional, fees[0], funding).unwrap();
        let other = b2.apply_fill(side(!ask), lots, notional, fees[1], funding).unwrap();
        let quotes = |x: &PerpPosition, y: &PerpPosition| x.quote.0 + y.quote.0;
        prop_assert_eq!(quotes(&a2, &b2) + fees[0].0 + fees[1].0 + paid, quotes(&taker, &maker));
        prop_assert_eq!(a2.position.0 + b2.position.0, taker.position.0 + maker.position.0);
        prop_assert_eq!(change.long + other.long, a2.position.0.max(0) + b2.position.0.max(0)
            - taker.position.0.max(0) - maker.position.0.max(0));
        prop_assert_eq!(change.long - change.short, a2.position.0 - taker.position.0);
        if !a2.position.is_zero() {
            prop_assert_eq!(a2.funding_due(funding), Ok(0));
        }
    }

    #[test]
    fn aggregates_are_the_sum_of_the_orders(
        (_, risk) in market(), seeds in order_seeds(8), cancels in prop::collection::vec((0usize..8, 1i64..=100), 0..12),
    ) {
        let (mut perp, mut orders) = (PerpPosition::of(0), Vec::new());
        rest(&mut perp, &mut orders, &risk, &seeds);
        for (slot, percent) in cancels {
            let Some(order) = orders.get_mut(slot) else { continue };
            if order.is_free() {
                let stale = perp.reduce_order(slot, order, BaseLots(1), risk.tick);
                prop_assert_eq!(stale, Err(RiskError::OrderSlotMismatch));
                continue;
            }
            let lots = BaseLots((order.lots.0 * percent / 100).max(1));
            perp.reduce_order(slot, order, lots, risk.tick).unwrap();
        }
        let resting = |side| orders.iter().filter(move |o| !o.is_free() && o.side() == side);
        let lots = |side| resting(side).map(|o| o.lots.0).sum::<i64>();
        prop_assert_eq!((perp.bid_lots.0, perp.ask_lots.0), (lots(Side::Bid), lots(Side::Ask)));
        let notional: i64 = [Side::Bid, Side::Ask].into_iter().flat_map(resting)
            .map(|o| o.lots.notional(o.price, risk.tick).unwrap().0).sum();
        prop_assert_eq!(perp.open_notional.0, notional);
        prop_assert!(resting(Side::Bid).all(|o| o.price <= perp.best_bid));
        prop_assert!(resting(Side::Ask).all(|o| o.price >= perp.best_ask));
        for (i, order) in orders.iter().enumerate() {
            prop_assert_eq!(perp.order_mask >> i & 1 == 1, !order.is_free());
        }
        if perp.order_mask == 0 {
            prop_assert_eq!(perp, PerpPosition::of(0));
        }
    }

    #[test]
    fn an_accrual_creates_nothing(
        indices in indices(), shares in (wide(50), wide(50)), rate in 0..=50 * RATIO_ONE, secs in wide(18),
        fee in 0..=RATIO_ONE, fraction in 0u64..1 << 48, carried in any::<u64>(),
    ) {
        let (deposit_shares, borrow_shares) = shares;
        let carried = if deposit_shares == 0 { 0 } else { carried % deposit_shares };
        let fractions = Fractions { borrow: fraction, deposit: carried, fee: fraction };
        let bank = Accrual { indices, deposit_shares, borrow_shares, fractions };
        let next = bank.accrue(rate, secs, fee).unwrap();
        prop_assert!(next.indices.deposit >= indices.deposit && next.indices.borrow >= indices.borrow);
        let growth = |after: u64, before: u64, shares: u64| u128::from(after - before) * u128::from(shares);
        let owed = growth(next.indices.borrow, indices.borrow, borrow_shares);
        let earned = growth(next.indices.deposit, indices.deposit, deposit_shares);
        let waits = u128::from(next.fractions.deposit);
        let fees = (u128::from(next.fee) << 48) + u128::from(next.fractions.fee) - u128::from(fraction);
        prop_assert_eq!(earned + waits + fees, owed + u128::from(carried), "all of the interest goes somewhere, and nothing else does");
        // The protocol's part is at least its share.
        let share = owed as f64 * f64::from(fee) / ONE as f64;
        prop_assert!(fees as f64 >= share * (1.0 - 1e-9));
        // And no more where depositors lent all of it.
        let (lent, deposited) = (u128::from(borrow_shares) * u128::from(indices.borrow), u128::from(deposit_shares) * u128::from(indices.deposit));
        if lent <= deposited {
            prop_assert!(fees as f64 <= share * (1.0 + 1e-9) + owed as f64 / ONE as f64 * 2.0 + deposit_shares as f64);
        }
        // No depositor earns more than what a borrower of as much owes, but for the last digit.
        let most = u128::from(next.indices.borrow - indices.borrow) * u128::from(indices.deposit);
        prop_assert!(u128::from(next.indices.deposit - indices.deposit) <= most / u128::from(indices.borrow) + 1);
        prop_assert_eq!(bank.accrue(rate, secs.max(interest::MAX_ACCRUAL_SECS), fee),
            bank.accrue(rate, u64::MAX, fee), "an outage charges a day");
    }

    #[test]
    fn the_borrow_index_grows_by_the_rate(rate in 0..=5 * RATIO_ONE, secs in 1u64..=86_400) {
        let indices = Indices { deposit: INDEX_ONE, borrow: INDEX_ONE };
        let bank = Accrual { indices, deposit_shares: 1_000, borrow_shares: 500, fractions: Fractions::default() };
        let next = bank.accrue(rate, secs, 0).unwrap();
        let exact = f64::from(rate) / ONE as f64 * secs as f64 / 31_536_000.0;
        let grown = (next.indices.borrow - INDEX_ONE) as f64 / INDEX_ONE as f64;
        prop_assert!((grown - exact).abs() < 1e-13, "{grown} {exact}");
        let earned = (next.indices.deposit - INDEX_ONE) as f64 / INDEX_ONE as f64;
        prop_assert!((earned - exact / 2.0).abs() < 1e-13, "depositors of twice the borrows earn half");
    }

    /// However little is lent, at whatever rate, and however often the bank is accrued: both sides get what an accrual of the
    /// whole time gives them, to a thousandth and a unit, and with it no worse a share for the depositors.
    #[test]
    fn no_rhythm_rounds_interest_away(
        deposited in 1u64 << 10..1 << 45, part in 1u64..=1_000, rate in 1..=RATIO_ONE / 2, step in 1u64..=60, fee in 0..=RATIO_ONE / 2,
    ) {
        let borrowed = (deposited * part / 1_000).max(1);
        let indices = Indices { deposit: INDEX_ONE, borrow: INDEX_ONE };
        let mut bank = Accrual { indices, deposit_shares: deposited, borrow_shares: borrowed, fractions: Fractions::default() };
        let steps = 3_600 / step;
        for _ in 0..steps {
            let next = bank.accrue(rate, step, fee).unwrap();
            (bank.indices, bank.fractions) = (next.indices, next.fractions);
        }
        let exact = INDEX_ONE as f64 * f64::from(rate) / ONE as f64 * (steps * step) as f64 / 31_536_000.0;
        let near = |grown: u64, exact: f64| (grown as f64 - exact).abs() <= 2.0 + exact / 1_000.0;
        prop_assert!(near(bank.indices.borrow - INDEX_ONE, exact), "owed {} of {exact}", bank.indices.borrow - INDEX_ONE);
        // The protocol's part is rounded up to a last digit of a native unit's 2⁻⁴⁸ at each step.
        let lent = borrowed as f64 / deposited as f64;
        let earned = exact * (1.0 - f64::from(fee) / ONE as f64) * lent - steps as f64 / deposited as f64;
        prop_assert!(near(bank.indices.deposit - INDEX_ONE, earned), "earned {} of {earned}", bank.indices.deposit - INDEX_ONE);
    }

    /// Whatever is lent by whomever for however long, the indices stay within their limit and no accrual fails.
    #[test]
    fn no_bank_overflows(
        deposit_shares in wide(50), borrow_shares in wide(50), rate in 0..=50 * RATIO_ONE, fee in 0..=RATIO_ONE, days in 1usize..200,
    ) {
        let indices = Indices { deposit: INDEX_ONE, borrow: INDEX_ONE };
        let mut bank = Accrual { indices, deposit_shares, borrow_shares, fractions: Fractions::default() };
        for _ in 0..days {
            let next = bank.accrue(rate, 86_400, fee).unwrap();
            (bank.indices, bank.fractions) = (next.indices, next.fractions);
            prop_assert!(bank.indices.borrow <= interest::MAX_INDEX && bank.indices.deposit <= bank.indices.borrow + days as u64);
        }
    }

    #[test]
    fn rates_rise_with_utilization_along_the_curve(a in 0..=RATIO_ONE, b in 0..=RATIO_ONE) {
        let rate = |at| interest::borrow_rate(&curve(), at).unwrap();
        prop_assert!(rate(a.min(b)) <= rate(a.max(b)));
        prop_assert_eq!([rate(0), rate(curve().util0), rate(curve().util1), rate(RATIO_ONE)],
            [curve().zero_rate, curve().rate0, curve().rate1, curve().max_rate]);
    }

    #[test]
    fn utilization_is_a_ratio(deposits in wide(63), borrows in wide(63)) {
        let ratio = interest::utilization(deposits, borrows);
        prop_assert!(ratio <= RATIO_ONE);
        if borrows < deposits {
            let exact = borrows as f64 / deposits as f64;
            prop_assert!((f64::from(ratio) / ONE as f64 - exact).abs() < 1e-7);
        }
    }

    #[test]
    fn depositors_cover_a_loss(loss in wide(50), shares in wide(50), index in MIN_DEPOSIT_INDEX..=8 * INDEX_ONE) {
        let shares = shares + 1;
        let cut = share_among_depositors(loss, shares, index).unwrap();
        prop_assert!(cut.deposit_index >= MIN_DEPOSIT_INDEX && cut.deposit_index <= index && cut.covered <= loss);
        let given_up = u128::from(shares) * u128::from(index - cut.deposit_index);
        prop_assert!(given_up >= u128::from(cut.covered) << 48);
        if cut.covered < loss {
            prop_assert_eq!(cut.deposit_index, MIN_DEPOSIT_INDEX, "all that may be given up is");
        }
        // No more than one last digit of the index beyond the loss.
        prop_assert!(given_up < (u128::from(loss) << 48) + u128::from(shares));
    }

}

/// One bitcoin lent out of ten at 2 % a year, accrued every two seconds for a day.
#[test]
fn interest_by_the_second_is_the_days() {
    let rate = RATIO_ONE / 50;
    let indices = Indices {
        deposit: INDEX_ONE,
        borrow: INDEX_ONE,
    };
    let mut bank = Accrual {
        indices,
        deposit_shares: 1_000_000_000,
        borrow_shares: 100_000_000,
        fractions: Fractions::default(),
    };
    let mut fees = 0;
    for _ in 0..43_200 {
        let next = bank.accrue(rate, 2, RATIO_ONE / 10).unwrap();
        (bank.indices, bank.fractions) = (next.indices, next.fractions);
        fees += next.fee;
    }
    let owed = native_ceil(bank.borrow_shares, bank.indices.borrow).unwrap() - 100_000_000;
    let earned = native_floor(bank.deposit_shares, bank.indices.deposit).unwrap() - 1_000_000_000;
    // 100,000,000 · 0.02 / 365 = 5,479.4, of which the protocol keeps a tenth.
    assert_eq!((owed, earned, fees), (5_480, 4_931, 547));
}

/// A first depositor's one unit, and a token that somebody else lent: the deposit earns what a unit earns.
#[test]
fn dust_does_not_earn_on_what_others_lent() {
    let indices = Indices {
        deposit: INDEX_ONE,
        borrow: INDEX_ONE,
    };
    let bank = Accrual {
        indices,
        deposit_shares: 1,
        borrow_shares: 1_000_000_000,
        fractions: Fractions::default(),
    };
    let next = bank.accrue(RATIO_ONE, 86_400, RATIO_ONE / 10).unwrap();
    let grown = next.indices.borrow - INDEX_ONE;
    assert!(next.indices.deposit - INDEX_ONE <= grown);
    // All the rest is the protocol's.
    assert_eq!(next.fee, 1_000_000_000 / 365);
}

#[test]
fn an_empty_bank_cannot_bear_a_loss() {
    assert_eq!(
        share_among_depositors(1, 0, INDEX_ONE),
        Err(RiskError::DivisionByZero)
    );
}

#[test]
fn shares_are_worth_their_index() {
    assert_eq!(native_floor(10, INDEX_ONE + INDEX_ONE / 4), Ok(12));
    assert_eq!(native_ceil(10, INDEX_ONE + INDEX_ONE / 4), Ok(13));
    let mut balance = Balance {
        shares: Shares(-10),
        ..Balance::of(0)
    };
    let indices = Indices {
        deposit: 2 * INDEX_ONE,
        borrow: INDEX_ONE + INDEX_ONE / 4,
    };
    let change = balance.credit(20, indices).unwrap();
    // 13 repay the debt, 7 buy three shares of two.
    assert_eq!(
        (balance.shares.0, change.deposit, change.borrow),
        (3, 3, -10)
    );
    let change = balance.debit(9, indices).unwrap();
    // 6 come out of the deposit, 3 are borrowed for three shares of a unit and a quarter.
    assert_eq!(
        (balance.shares.0, change.deposit, change.borrow),
        (-3, -3, 3)
    );
}

#[test]
fn frequent_accruals_lose_no_interest() {
    // 1,000 USD lent at 5 %: 1.6 native units a second, which must not round away a second at a time.
    let mut bank = Accrual {
        indices: Indices {
            deposit: INDEX_ONE,
            borrow: INDEX_ONE,
        },
        deposit_shares: 2_000_000_000,
        borrow_shares: 1_000_000_000,
        fractions: Fractions::default(),
    };
    let mut fees = 0;
    for _ in 0..86_400 {
        let next = bank.accrue(RATIO_ONE / 20, 1, RATIO_ONE / 10).unwrap();
        (bank.indices, bank.fractions) = (next.indices, next.fractions);
        fees += next.fee;
    }
    let owed = native_floor(bank.borrow_shares, bank.indices.borrow).unwrap() - 1_000_000_000;
    let earned = native_floor(bank.deposit_shares, bank.indices.deposit).unwrap() - 2_000_000_000;
    assert!((136_985..=137_010).contains(&owed), "{owed}");
    assert!((13_698..=13_701).contains(&fees), "{fees}");
    assert!(earned + fees <= owed && owed - earned - fees <= 2);
}

proptest! {
    #[test]
    fn short_and_wide_arithmetic_agree(value in any::<u128>(), bits in 0u32..=127, ratio in any::<u32>(), by in any::<u128>(), places in 0u32..=127) {
        let (value, by) = (value >> bits, by >> places);
        if let Some(product) = value.checked_mul(u128::from(ratio)) {
            prop_assert_eq!(ratio_floor(value, ratio), Ok(product >> 24));
            prop_assert_eq!(ratio_ceil(value, ratio), Ok(product.div_ceil(1 << 24)));
        } else {
            prop_assert_eq!(ratio_floor(value, ratio), Err(RiskError::Overflow));
            prop_assert_eq!(ratio_ceil(value, ratio), Err(RiskError::Overflow));
        }
        if by > 0 {
            prop_assert_eq!(div_ceil(value, by), Ok(value.div_ceil(by)));
        } else {
            prop_assert_eq!(div_ceil(value, by), Err(RiskError::DivisionByZero));
        }
    }
}
