//! Fees: no slicing, waiting or opening of hedges takes from an account more than its liquidation is worth, and nobody gains from
//! sinking his own.
use plimsoll::{
    error::PlimsollError as E,
    liquidation::{FLAG_SECS, PATIENCE_SECS},
};
use plimsoll_client::instructions::Liquidation;
use plimsoll_tests::{
    env::{BTC, BTC_PERP, SOL, SOL_PERP, USDC},
    scenarios::*,
    usd, Env, TestError, Trader, TxOutcome,
};

use super::assert_one_of;

/// A call as it comes to the program, without a flag before it.
async fn call(
    env: &mut Env,
    by: &Trader,
    account: &Trader,
    what: &Liquidation,
) -> Result<TxOutcome, TestError> {
    let liquidate = liquidate_ix(env, by, account, what);
    env.send(&[liquidate], &[&by.key]).await
}

/// Flags an account and lets the fee's ramp end.
async fn at_full_fee(env: &mut Env, by: &Trader, account: &Trader) {
    flag(env, by, account).await;
    env.advance(40).await;
    env.refresh_all().await;
}

/// What a long pays that was bought at 150 and is worth `dollars` now: in whole, or in slices of so many lots. Its equity before and
/// after, and the fees.
async fn taken_in(slice: u64, dollars: f64) -> (i64, i64, i64) {
    let mut t = long().await;
    shock(&mut t.env, SOL, dollars).await;
    at_full_fee(&mut t.env, &t.liquidator, &t.account).await;
    let start = equity(&mut t.env, &t.account).await;
    let (mut fees, mut ratio) = (0, 0.0);
    while is_flagged(&t.env, &t.account).await {
        let what = take(&t.env, SOL_PERP, slice);
        let outcome = call(&mut t.env, &t.liquidator, &t.account, &what).await;
        let outcome = outcome.expect("a slice of any size helps");
        fees += taken(&outcome).fee as i64;
        let lots = t.env.perp(&t.account).await.position.0;
        if lots == 0 {
            break;
        }
        let now = equity(&mut t.env, &t.account).await as f64 / lots as f64;
        assert!(now >= ratio, "equity for a lot fell from {ratio} to {now}");
        ratio = now;
    }
    t.env.assert_conserved().await;
    (start, equity(&mut t.env, &t.account).await, fees)
}

#[tokio::test]
async fn slices_cost_no_more_than_half_of_equity_and_leave_the_account_better_each() {
    for dollars in [136.0, 132.0, 130.3] {
        let (start, whole, _) = taken_in(ALL, dollars).await;
        let (_, sliced, fees) = taken_in(250, dollars).await;
        assert!(
            whole >= start / 2 && sliced >= start / 2,
            "{start} {whole} {sliced}"
        );
        assert!(fees <= start / 2, "{fees} of {start}");
    }
}

/// A new flag before the old one says nothing any more does not give fees another half; a deposit adds nothing to it.
#[tokio::test]
async fn what_fees_may_take_is_fixed_when_the_account_is_flagged() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 133.0).await;
    at_full_fee(&mut t.env, &t.liquidator, &t.account).await;
    let start = equity(&mut t.env, &t.account).await as u64;
    let allowance = t.env.margin(t.account.margin).await.fee_allowance;
    assert_eq!(allowance, start / 2);
    let what = take(&t.env, SOL_PERP, 500);
    let outcome = call(&mut t.env, &t.liquidator, &t.account, &what).await;
    let fee = taken(&outcome.unwrap()).fee;
    assert!(fee > 0);
    t.env.deposit(&t.account, USDC, usd(50)).await.unwrap();
    // A flag that is young stays, whoever calls.
    let _ = call(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &Liquidation::default(),
    )
    .await;
    assert!(is_flagged(&t.env, &t.account).await);
    let left = t.env.margin(t.account.margin).await.fee_allowance;
    assert_eq!(left, allowance - fee);
    // An old one is set anew, at half of the equity of then.
    t.env.advance(FLAG_SECS as i64 + 1).await;
    t.env.refresh_all().await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let now = equity(&mut t.env, &t.account).await as u64;
    let left = t.env.margin(t.account.margin).await.fee_allowance;
    assert!(
        left <= now / 2 + usd(1) && left + usd(1) >= now / 2,
        "{left} of {now}"
    );
}

/// What the account pays and the liquidator gets falls with equity, through zero, without a jump.
#[tokio::test]
async fn nobody_is_paid_for_letting_an_account_sink() {
    let mut before: Option<(f64, f64)> = None;
    for dollars in [
        136.0, 134.0, 132.0, 131.0, 130.5, 130.2, 130.1, 130.0, 129.9, 129.0, 120.0,
    ] {
        let mut t = long().await;
        // Insurance has something from an earlier liquidation.
        let other = t.env.trader_with(&[(USDC, usd(2_000))]).await;
        trade(&mut t.env, SOL_PERP, &other, &t.seller, 150.0, 10_000).await;
        shock(&mut t.env, SOL, 136.0).await;
        at_full_fee(&mut t.env, &t.liquidator, &other).await;
        let first = take(&t.env, SOL_PERP, 2_000);
        call(&mut t.env, &t.liquidator, &other, &first)
            .await
            .unwrap();
        let insured = t.env.market(SOL_PERP).await.insurance_accrued;
        assert!(insured > 0);

        shock(&mut t.env, SOL, dollars).await;
        at_full_fee(&mut t.env, &t.liquidator, &t.account).await;
        let own = equity(&mut t.env, &t.account).await;
        let what = take(&t.env, SOL_PERP, 2_000);
        let outcome = call(&mut t.env, &t.liquidator, &t.account, &what)
            .await
            .unwrap();
        let slice = taken(&outcome);
        let rate = |amount: u64| amount as f64 / slice.notional as f64;
        let paid = rate(slice.fee);
        let reward = rate(slice.fee - slice.insurance_fee + slice.top_up);
        if own <= 0 {
            assert_eq!(slice.fee, 0, "at {dollars}");
        }
        assert!(
            (0.000_199..=0.025).contains(&reward),
            "{reward} at {dollars}"
        );
        let held = t.env.market(SOL_PERP).await.insurance_accrued;
        assert_eq!(held, insured + slice.insurance_fee - slice.top_up);
        if let Some((fee, was)) = before {
            assert!(
                paid <= fee && reward <= was + 1e-7,
                "{dollars}: {paid} {fee} {reward} {was}"
            );
            // Of two dollars less, a lot's margin is worth less than a sixth of a half per cent.
            assert!(fee - paid < 0.009 && was - reward < 0.009, "{dollars}");
        }
        before = Some((paid, reward));
        t.env.assert_conserved().await;
    }
}

/// Swaps, too: the bonus of an insolvent account is what insurance adds, and nothing is charged.
#[tokio::test]
async fn an_insolvent_account_pays_no_bonus() {
    for (dollars, is_solvent) in [(118.0, true), (112.0, false)] {
        let mut env = Env::new().await;
        let by = rich(&mut env).await;
        let account = env.trader_with(&[(SOL, 100 * SOL_1)]).await;
        env.borrow(&account, USDC, usd(11_500)).await.unwrap();
        shock(&mut env, SOL, dollars).await;
        at_full_fee(&mut env, &by, &account).await;
        let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), usd(1_000));
        let before = equity(&mut env, &account).await;
        let outcome = call(&mut env, &by, &account, &what).await.unwrap();
        let lost = before - equity(&mut env, &account).await;
        let slice = swapped(&outcome);
        assert_eq!(slice.insurance > 0, is_solvent);
        assert_eq!(lost > 100, is_solvent, "{lost}");
        assert_eq!(slice.top_up, 0, "insurance holds nothing");
        env.assert_conserved().await;
    }
}

/// 100 SOL sold forward and financed with dollars, flagged for a minute and below its line.
async fn carry() -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    env.list_model().await;
    let (other, liquidator) = (rich(&mut env).await, rich(&mut env).await);
    let account = env.portfolio_trader(&[(SOL, 100 * SOL_1)]).await;
    trade(&mut env, SOL_PERP, &other, &account, 150.0, 10_000).await;
    let init = env.health(&account).await.init;
    env.borrow(&account, USDC, init as u64 / 1_000 * 995)
        .await
        .unwrap();
    while env.health(&account).await.maintenance >= 0 {
        let dollars = env.assets[SOL].usd * 1.03;
        shock(&mut env, SOL, dollars).await;
    }
    flag(&mut env, &liquidator, &account).await;
    env.advance(PATIENCE_SECS as i64).await;
    env.refresh_all().await;
    (env, account, liquidator)
}

fn both(env: &Env, lots: u64, dollars: u64) -> Liquidation {
    Liquidation {
        swap: swap(env, Leg::Asset(SOL), Leg::Asset(USDC), dollars).swap,
        ..take(env, SOL_PERP, lots)
    }
}

/// After a minute a leg of a hedge may go alone, in proportion and once; then the other legs have their turn, and nothing costs a
/// fee until the account is better than it was.
#[tokio::test]
async fn a_hedge_is_not_stripped_to_be_paid_for_the_rest() {
    let (mut env, account, by) = carry().await;
    let start = equity(&mut env, &account).await;
    let forward = take(&env, SOL_PERP, ALL);
    let spot = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    let lots = env.perp(&account).await.position.0;

    let first = call(&mut env, &by, &account, &forward).await.unwrap();
    assert_eq!(taken(&first).fee, 0);
    let left = env.perp(&account).await.position.0;
    assert!(left < 0 && left > lots, "a part: {left} of {lots}");
    let again = call(&mut env, &by, &account, &forward).await;
    assert_one_of(again, &[E::LiquidationHarms]);
    // Closing what is open now costs nothing but rounding, up to where the account was before.
    let before = equity(&mut env, &account).await;
    let outcome = call(&mut env, &by, &account, &spot).await.unwrap();
    let spent = before - equity(&mut env, &account).await;
    let value = swapped(&outcome).repaid as i64;
    assert!(spent < value / 50, "{spent} for {value}");

    // An attacker goes on for as long as it lets him.
    for _ in 0..40 {
        if !is_flagged(&env, &account).await {
            break;
        }
        for what in [&forward, &spot] {
            let _ = call(&mut env, &by, &account, what).await;
        }
        env.advance(PATIENCE_SECS as i64).await;
        env.refresh_all().await;
    }
    assert!(!is_flagged(&env, &account).await, "it comes to an end");
    let stripped = start - equity(&mut env, &account).await;
    env.assert_conserved().await;

    let (mut env, account, by) = carry().await;
    for _ in 0..40 {
        if !is_flagged(&env, &account).await {
            break;
        }
        let what = both(&env, ALL, ALL);
        call(&mut env, &by, &account, &what).await.unwrap();
    }
    let together = start - equity(&mut env, &account).await;
    // No more than what both legs together cost, but for the fee's rise.
    assert!(
        stripped <= together * 3 / 2 + 1_000_000,
        "{stripped} {together}"
    );
    assert!(stripped <= start / 2, "{stripped} of {start}");
}

/// A short of 100 SOL whose profit counts as far as the 100 SOL deposited mirror it, financed with dollars, beside a long of BTC that
/// has sunk it: flagged, at the full fee.
async fn hedge_beside_a_long() -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    env.list_model().await;
    env.edit_market(SOL_PERP, |m| m.profit_weight = [0; 3])
        .await;
    env.refresh_all().await;
    let (other, by) = (rich(&mut env).await, rich(&mut env).await);
    let account = env
        .portfolio_trader(&[(SOL, 100 * SOL_1), (USDC, usd(5_000))])
        .await;
    trade(&mut env, SOL_PERP, &other, &account, 150.0, 10_000).await;
    let lots = env.perp(&account).await.position.0;
    assert!(lots < 0);
    let dollars = env.assets[BTC].usd;
    trade(&mut env, BTC_PERP, &account, &other, dollars, 3_000).await;
    shock(&mut env, SOL, 135.0).await;
    settle_down(&mut env).await;
    let init = env.health(&account).await.init;
    env.borrow(&account, USDC, init as u64 / 1_000 * 990)
        .await
        .unwrap();
    for _ in 0..20 {
        if env.health(&account).await.maintenance < 0 {
            break;
        }
        let dollars = env.assets[BTC].usd * 0.99;
        shock(&mut env, BTC, dollars).await;
    }
    at_full_fee(&mut env, &by, &account).await;
    (env, account, by)
}

/// What a slice of the long costs after a sliver of the hedge was closed, or none; what the sliver left to be made up for; and the
/// value of the slice.
async fn after_a_sliver(is_closed: bool) -> (u64, u64, u64) {
    let (mut env, account, by) = hedge_beside_a_long().await;
    if is_closed {
        let sliver = both(&env, 10, usd(14));
        let outcome = call(&mut env, &by, &account, &sliver).await.unwrap();
        assert_eq!(taken(&outcome).fee, 0);
    }
    let lost = env.margin(account.margin).await.opened_loss;
    // The account sinks on: it is far from where it was when the sliver was closed.
    let dollars = env.assets[BTC].usd * 0.96;
    shock(&mut env, BTC, dollars).await;
    let what = take(&env, BTC_PERP, 1_200);
    let outcome = call(&mut env, &by, &account, &what).await.unwrap();
    env.assert_conserved().await;
    let slice = taken(&outcome);
    (slice.fee, lost, slice.notional)
}

/// Closing a sliver of a hedge leaves an account worse by next to nothing, and costs nothing. What follows is free of fees up to that
/// next to nothing, whatever prices do meanwhile: no owner frees his account of fees by a sliver that he takes himself.
#[tokio::test]
async fn a_sliver_of_a_hedge_frees_an_account_of_no_more_than_it_cost() {
    let (plain, none, _) = after_a_sliver(false).await;
    let (fee, lost, notional) = after_a_sliver(true).await;
    assert!(none == 0 && lost > 0 && lost < usd(5), "{none} {lost}");
    assert!(plain > notional / 1_000, "{plain} of {notional}");
    let less = plain.saturating_sub(fee);
    assert!(less <= lost / 2 + notional / 10_000, "{fee} {plain} {lost}");
}

/// A leg that is taken in its turn is a sixty-fourth of what there is at least: a sliver does not keep others from it.
#[tokio::test]
async fn a_sliver_takes_no_legs_turn() {
    let (mut env, account, by) = carry().await;
    let lots = env.perp(&account).await.position.abs();
    let (other, sliver) = (rich(&mut env).await, take(&env, SOL_PERP, lots / 64));
    let refused = call(&mut env, &other, &account, &sliver).await;
    assert_one_of(refused, &[E::SliceTooSmall]);
    let debt = env.balance(account.margin, USDC).await.unsigned_abs();
    let sliver = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), debt / 65);
    let refused = call(&mut env, &other, &account, &sliver).await;
    assert_one_of(refused, &[E::SliceTooSmall]);
    assert_eq!(env.margin(account.margin).await.opened_slots, 0);
    // A sixty-fourth is enough, and the leg's turn is over with it.
    let least = take(&env, SOL_PERP, lots.div_ceil(64));
    call(&mut env, &by, &account, &least).await.unwrap();
    let whole = take(&env, SOL_PERP, ALL);
    let again = call(&mut env, &by, &account, &whole).await;
    assert_one_of(again, &[E::LiquidationHarms]);
    env.assert_conserved().await;
}

/// An insolvent hedge, net short or net long by a little or not at all, goes whole or in any part at once, and costs nothing.
#[tokio::test]
async fn an_insolvent_hedge_goes_whole_and_in_parts() {
    for lots in [9_700i64, 10_000, 10_300] {
        for (part, dollars) in [(ALL, ALL), (100, usd(100)), (10, usd(10))] {
            let mut env = Env::new().await;
            env.list_model().await;
            let (other, by) = (rich(&mut env).await, rich(&mut env).await);
            let account = env.portfolio_trader(&[(SOL, 100 * SOL_1)]).await;
            trade(&mut env, SOL_PERP, &other, &account, 150.0, lots).await;
            let init = env.health(&account).await.init as u64;
            env.borrow(&account, USDC, init - usd(15)).await.unwrap();
            let factor = if lots < 10_000 { 0.93 } else { 1.07 };
            for _ in 0..60 {
                let dollars = env.assets[SOL].usd * factor;
                shock(&mut env, SOL, dollars).await;
                if env.health(&account).await.equity < -20_000_000 {
                    break;
                }
            }
            let start = equity(&mut env, &account).await;
            if start >= 0 {
                // What moves with its hedge does not sink by the price alone.
                assert_eq!(lots, 10_000);
                continue;
            }
            flag(&mut env, &by, &account).await;
            let what = both(&env, part, dollars);
            let before = env.perp(&account).await.position.0;
            let outcome = call(&mut env, &by, &account, &what).await;
            let outcome = outcome.unwrap_or_else(|e| panic!("{lots} {part} {dollars}: {e:?}"));
            assert_eq!(taken(&outcome).fee, 0);
            let after = env.perp(&account).await.position.0;
            assert!(after > before, "{lots} {part} {dollars}");
            let lost = start - equity(&mut env, &account).await;
            assert!(lost < 100, "{lost}");
            env.assert_conserved().await;
        }
    }
}

/// Two accounts of one owner trade with each other, one sinks below zero, a third takes it over, and a fourth that one: what
/// insurance adds is less than what the trade cost, and is not added twice.
#[tokio::test]
async fn an_owner_gains_nothing_by_sinking_his_own_account() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let own: Vec<Trader> = vec![
        env.trader().await,
        env.trader().await,
        env.trader().await,
        env.trader().await,
    ];
    let all: Vec<&Trader> = own.iter().collect();
    let books = Books::open(&mut env, &all).await;
    // Others' liquidations have filled the market's insurance.
    let (victim, lender) = (
        env.trader_with(&[(USDC, usd(2_000))]).await,
        rich(&mut env).await,
    );
    trade(&mut env, SOL_PERP, &victim, &lender, 150.0, 10_000).await;
    shock(&mut env, SOL, 134.0).await;
    at_full_fee(&mut env, &lender, &victim).await;
    let what = take(&env, SOL_PERP, ALL);
    call(&mut env, &lender, &victim, &what).await.unwrap();
    let insured = env.market(SOL_PERP).await.insurance_accrued;

    let (long, other, first, second) = (all[0], all[1], all[2], all[3]);
    env.deposit(long, USDC, usd(1_700)).await.unwrap();
    env.deposit(other, USDC, usd(20_000)).await.unwrap();
    env.deposit(first, USDC, usd(1_700)).await.unwrap();
    env.deposit(second, USDC, usd(20_000)).await.unwrap();
    trade(&mut env, SOL_PERP, long, other, 134.0, 10_000).await;
    let cost = 134.0 * 100.0 * 0.0004;
    shock(&mut env, SOL, 114.0).await;
    assert!(equity(&mut env, long).await < 0);
    at_full_fee(&mut env, first, long).await;
    let outcome = call(&mut env, first, long, &what).await.unwrap();
    let added = taken(&outcome).top_up;
    assert!(
        added > 0 && (added as f64) < cost * 1e6 / 2.0,
        "{added} of {cost}"
    );
    assert_eq!(env.margin(first.margin).await.topped_up, added);

    shock(&mut env, SOL, 95.0).await;
    assert!(equity(&mut env, first).await < 0);
    at_full_fee(&mut env, second, first).await;
    let outcome = call(&mut env, second, first, &what).await.unwrap();
    assert_eq!(taken(&outcome).top_up, 0, "paid for once");
    let held = env.market(SOL_PERP).await.insurance_accrued;
    assert_eq!(held, insured - added);
    env.assert_conserved().await;
    // The loss of the sunk is the others' gain, beyond which there is none: what they left unpaid is theirs twice.
    let unpaid = -(equity(&mut env, long).await.min(0) + equity(&mut env, first).await.min(0));
    let gain = books.gain(&mut env, &all).await;
    assert!(gain - unpaid < 0, "{gain} {unpaid}");
}

/// What insurance adds in a day ends at the listed limit, and leaves what it holds beyond that alone.
#[tokio::test]
async fn what_insurance_adds_in_a_day_is_limited() {
    let mut t = long().await;
    t.env
        .edit_market(SOL_PERP, |p| p.liquidation.top_up_limit = 1)
        .await;
    let other = t.env.trader_with(&[(USDC, usd(2_000))]).await;
    trade(&mut t.env, SOL_PERP, &other, &t.seller, 150.0, 10_000).await;
    shock(&mut t.env, SOL, 136.0).await;
    at_full_fee(&mut t.env, &t.liquidator, &other).await;
    let first = take(&t.env, SOL_PERP, ALL);
    call(&mut t.env, &t.liquidator, &other, &first)
        .await
        .unwrap();
    shock(&mut t.env, SOL, 125.0).await;
    at_full_fee(&mut t.env, &t.liquidator, &t.account).await;
    // Two hundredths of a per cent of 12,500 dollars would be two and a half.
    let what = take(&t.env, SOL_PERP, ALL);
    let outcome = call(&mut t.env, &t.liquidator, &t.account, &what)
        .await
        .unwrap();
    assert_eq!(taken(&outcome).top_up, usd(1));
    t.env.assert_conserved().await;
}
