//! Taking over positions: sizes, fees and what remains.
use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions::Liquidation;
use plimsoll_risk::liquidation::ramped_fee;
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    usd,
};

use plimsoll_tests::scenarios::*;

/// Ratios of 24 fraction bits.
fn part(value: u64, ratio: u32, up: bool) -> u64 {
    let product = u128::from(value) * u128::from(ratio);
    let carry = if up { (1 << 24) - 1 } else { 0 };
    ((product + carry) >> 24) as u64
}

/// A rate to the nearest basis point. The ramp of 0.5 to 2.5 % in 40 seconds adds five a second.
fn basis_points(fee: u64, notional: u64) -> u64 {
    (fee * 10_000 + notional / 2) / notional
}

#[tokio::test]
async fn a_slice_of_a_long_trades_at_the_oracles_price_less_the_fee() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    let (before, own) = (
        t.env.perp(&t.account).await,
        t.env.perp(&t.liquidator).await,
    );
    let terms = t.env.market(SOL_PERP).await.params.liquidation;
    let takeover = take(&t.env, SOL_PERP, 500);
    let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    let slice = taken(&outcome);
    assert_eq!((slice.lots, slice.notional), (500, 680_000_000));
    assert_eq!(slice.fee, part(slice.notional, ramped_fee(&terms, 1), true));
    assert_eq!(
        slice.insurance_fee,
        part(slice.fee, terms.insurance_share, false)
    );

    let (after, own_after) = (
        t.env.perp(&t.account).await,
        t.env.perp(&t.liquidator).await,
    );
    assert_eq!(after.position.0, before.position.0 - 500);
    assert_eq!(own_after.position.0, own.position.0 + 500);
    let gained = (slice.notional - slice.fee) as i64;
    assert_eq!(after.quote.0, before.quote.0 + gained);
    let paid = gained + slice.insurance_fee as i64;
    assert_eq!(own_after.quote.0, own.quote.0 - paid);
    let market = t.env.market(SOL_PERP).await;
    assert_eq!(market.insurance_accrued, slice.insurance_fee);
    assert_eq!(
        (market.long_interest, market.short_interest),
        (10_000, 10_000)
    );
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn a_short_is_bought_back() {
    let mut t = long().await;
    let short = t.env.trader_with(&[(USDC, usd(2_000))]).await;
    trade(&mut t.env, SOL_PERP, &t.seller, &short, 150.0, 10_000).await;
    shock(&mut t.env, SOL, 163.0).await;
    let takeover = take(&t.env, SOL_PERP, 500);
    let outcome = liquidate(&mut t.env, &t.liquidator, &short, &takeover).await;
    let slice = taken(&outcome);
    assert_eq!((slice.lots, slice.notional), (-500, 815_000_000));
    assert_eq!(t.env.perp(&short).await.position.0, -9_500);
    assert_eq!(t.env.perp(&t.liquidator).await.position.0, -500);
    let takeover = take(&t.env, SOL_PERP, ALL);
    liquidate(&mut t.env, &t.liquidator, &short, &takeover).await;
    assert!(!is_flagged(&t.env, &short).await);
    assert!(t.env.health(&short).await.liquidation_end >= 0);
    assert!(
        t.env.perp(&short).await.position.0 < 0,
        "no more than needed"
    );
    t.env.assert_conserved().await;
}

/// A liquidator with the opposite position closes it, and open interest falls.
#[tokio::test]
async fn a_takeover_can_close_the_liquidators_own_position() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    let before = t.env.perp(&t.seller).await.position.0;
    let takeover = take(&t.env, SOL_PERP, 1_000);
    liquidate(&mut t.env, &t.seller, &t.account, &takeover).await;
    assert_eq!(t.env.perp(&t.seller).await.position.0, before + 1_000);
    let market = t.env.market(SOL_PERP).await;
    assert_eq!(
        (market.long_interest, market.short_interest),
        (9_000, 9_000)
    );
    t.env.assert_conserved().await;
}

/// By seconds, however many slots they were.
#[tokio::test]
async fn the_fee_ramps_with_the_time_since_the_flag_up_to_its_cap() {
    for slots in [0, 1, 1_000] {
        let mut t = long().await;
        shock(&mut t.env, SOL, 136.0).await;
        let terms = t.env.market(SOL_PERP).await.params.liquidation;
        assert_eq!(terms.ramp_secs, 40);
        let flag = Liquidation::default();
        liquidate(&mut t.env, &t.liquidator, &t.account, &flag).await;
        let mut rates = Vec::new();
        for secs in [10, 20, 10, 40] {
            t.env.advance_by(secs, slots).await;
            t.env.refresh_all().await;
            let takeover = take(&t.env, SOL_PERP, 20);
            let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
            let slice = taken(&outcome);
            rates.push(basis_points(slice.fee, slice.notional));
        }
        // 0.5% to 2.5%, in basis points: after 10, 30, 40 and 80 seconds, the last two as far as the account can bear them.
        assert_eq!(rates, [100, 200, 218, 219]);
        t.env.assert_conserved().await;
    }
}

/// Being cleared and flagged anew starts the ramp from its bottom.
#[tokio::test]
async fn a_new_flag_starts_a_new_ramp() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 136.0).await;
    liquidate(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &Liquidation::default(),
    )
    .await;
    t.env.advance(40).await;
    t.env.refresh_all().await;
    let takeover = take(&t.env, SOL_PERP, ALL);
    let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    let slice = taken(&outcome);
    assert_eq!(basis_points(slice.fee, slice.notional), 218);
    assert!(!is_flagged(&t.env, &t.account).await);
    shock(&mut t.env, SOL, 127.0).await;
    let takeover = take(&t.env, SOL_PERP, 50);
    let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    let slice = taken(&outcome);
    assert_eq!(basis_points(slice.fee, slice.notional), 55);
    t.env.assert_conserved().await;
}

/// Half of equity at most goes with all slices: an account that can pay never becomes one that cannot by fees, however
/// many slices a liquidator cuts, and at the highest fee.
#[tokio::test]
async fn fees_never_make_a_solvent_account_bankrupt() {
    let mut t = long().await;
    // Some 3 USD of equity on a position of 13,000 USD.
    shock(&mut t.env, SOL, 130.11).await;
    let start = equity(&mut t.env, &t.account).await;
    assert!(0 < start && start < 10_000_000, "{start}");
    liquidate(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &Liquidation::default(),
    )
    .await;
    t.env.advance(40).await;
    t.env.refresh_all().await;
    let mut paid = 0;
    for lots in [1, 1, 10, 1_000, 5_000, ALL] {
        let takeover = take(&t.env, SOL_PERP, lots);
        let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
        paid += taken(&outcome).fee as i64;
        let left = equity(&mut t.env, &t.account).await;
        assert!(left > 0, "{lots} lots leave {left}");
        assert!(paid < start);
    }
    assert!(paid <= start / 2, "no more than half: {paid} of {start}");
    assert!(paid > start / 3, "the cap was met: {paid} of {start}");
    assert!(!is_flagged(&t.env, &t.account).await);
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn dust_of_a_position_goes_whole() {
    let mut t = long().await;
    t.env.edit_market(SOL_PERP, |m| m.dust_lots = 9_000).await;
    shock(&mut t.env, SOL, 136.0).await;
    let needed = {
        // What the line needs leaves some 2,000 lots, which are dust now.
        let takeover = take(&t.env, SOL_PERP, ALL);
        let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
        taken(&outcome).lots
    };
    assert_eq!(needed, 10_000);
    assert!(t.env.perp(&t.account).await.position.is_zero());
    assert!(!is_flagged(&t.env, &t.account).await);
    t.env.assert_conserved().await;
}

/// A bankrupt account is still closed; the liquidator is paid, what is missing is left for the bankruptcy.
#[tokio::test]
async fn an_account_that_cannot_pay_is_closed_whole() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 115.0).await;
    let before = equity(&mut t.env, &t.account).await;
    assert!(before < 0);
    let takeover = take(&t.env, SOL_PERP, ALL);
    let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    let slice = taken(&outcome);
    assert_eq!(slice.lots, 10_000);
    assert_eq!(
        equity(&mut t.env, &t.account).await,
        before - slice.fee as i64
    );
    let takeover = take(&t.env, SOL_PERP, ALL);
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &takeover,
        E::NothingToLiquidate,
    )
    .await;
    t.env.assert_conserved().await;
}

/// Nobody has to clear an account that recovered, so what is left of an old flag counts for nothing: above
/// maintenance it is cleared, below it the fee starts from its bottom.
#[tokio::test]
async fn an_old_flag_is_worth_nothing() {
    for (dollars, liquidated) in [(139.0, false), (136.0, true)] {
        let mut t = long().await;
        shock(&mut t.env, SOL, 136.0).await;
        let flag = Liquidation::default();
        liquidate(&mut t.env, &t.liquidator, &t.account, &flag).await;
        shock(&mut t.env, SOL, 150.0).await;
        t.env.advance(3_600).await;
        shock(&mut t.env, SOL, dollars).await;
        let health = t.env.health(&t.account).await;
        assert!(health.liquidation_end < 0 && (health.maintenance < 0) == liquidated);
        if liquidated {
            let takeover = take(&t.env, SOL_PERP, 50);
            let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
            assert!(is_flagged(&t.env, &t.account).await);
            let slice = taken(&outcome);
            assert_eq!(basis_points(slice.fee, slice.notional), 55);
        } else {
            liquidate(&mut t.env, &t.liquidator, &t.account, &flag).await;
            assert!(!is_flagged(&t.env, &t.account).await);
            assert_eq!(t.env.perp(&t.account).await.position.0, 10_000);
        }
        t.env.assert_conserved().await;
    }
}
