//! Swapping collateral for debt, in every combination of what either can be.
use plimsoll::{error::PlimsollError as E, events::CollateralLiquidated, events::PnlSettled};
use plimsoll_client::events;
use plimsoll_tests::{
    env::{BTC, BTC_PERP, ETH, SOL, SOL_PERP, USDC},
    usd, Env, Trader,
};

use plimsoll_tests::scenarios::*;

/// Rounding to a native unit of BTC, the dearest here, on both sides, in native quote.
const ROUNDING: i64 = 2_000;

/// Basis points that collateral or a debt costs a second after the flag: of 1 to 5 % over 40 seconds.
const FEE: i64 = 110;
/// The same of a claim on a market: of 0.5 to 2.5 %.
const CLAIM_FEE: i64 = 55;

/// What a swap should come to.
struct Expected {
    /// Basis points of the debt's value that the account gives on top.
    fee: i64,
    /// Whether the slice suffices.
    clears: bool,
}

/// Swaps as much as is needed and checks who got what.
async fn check(
    env: &mut Env,
    by: &Trader,
    account: &Trader,
    legs: (Leg, Leg),
    expected: Expected,
) -> CollateralLiquidated {
    flag(env, by, account).await;
    let before = env.health(account).await;
    assert!(before.liquidation_end < 0);
    let (own, equity_before) = (equity(env, by).await, before.equity);
    let what = swap(env, legs.0, legs.1, ALL);
    let outcome = liquidate(env, by, account, &what).await;
    let slice = swapped(&outcome);

    let after = env.health(account).await;
    let penalty = equity_before - after.equity;
    let value = match legs.1 {
        Leg::Asset(asset) => {
            let entry = env.entry(asset).await;
            ((u128::from(slice.repaid) * u128::from(entry.price.spot)) >> entry.shift) as i64
        }
        Leg::Pnl(_) => slice.repaid as i64,
    };
    let fee = value * expected.fee / 10_000;
    assert!(
        (penalty - fee).abs() < ROUNDING,
        "penalty {penalty}, fee {fee}"
    );
    let gained = equity(env, by).await - own;
    let insured = penalty - gained;
    let share = penalty / 5;
    assert!(
        (insured - share).abs() < ROUNDING,
        "insurance {insured} of {penalty}"
    );
    assert!(after.liquidation_end > before.liquidation_end);
    assert_eq!(after.liquidation_end >= 0, expected.clears, "{after:?}");
    assert_eq!(is_flagged(env, account).await, !expected.clears);
    if expected.clears {
        let slack = after.liquidation_end;
        assert!(slack < 2 * ROUNDING, "{slack} more than needed");
    }
    env.assert_conserved().await;
    slice
}

async fn start(deposits: &[(usize, u64)]) -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let account = env.trader_with(deposits).await;
    (env, account, by)
}

#[tokio::test]
async fn a_deposit_pays_a_debt_in_quote() {
    let (mut env, account, by) = start(&[(SOL, 10 * SOL_1)]).await;
    env.borrow(&account, USDC, usd(1_000)).await.unwrap();
    shock(&mut env, SOL, 105.0).await;
    let bank = env.bank(SOL).await.insurance;
    let legs = (Leg::Asset(SOL), Leg::Asset(USDC));
    let expected = Expected {
        fee: FEE,
        clears: true,
    };
    let slice = check(&mut env, &by, &account, legs, expected).await;
    assert_eq!(env.bank(SOL).await.insurance - bank, slice.insurance);
    assert!(slice.insurance > 0);
}

#[tokio::test]
async fn quote_pays_a_debt_in_another_asset() {
    let (mut env, account, by) = start(&[(USDC, usd(1_000))]).await;
    env.borrow(&account, SOL, 5 * SOL_1).await.unwrap();
    shock(&mut env, SOL, 185.0).await;
    let legs = (Leg::Asset(USDC), Leg::Asset(SOL));
    let slice = check(
        &mut env,
        &by,
        &account,
        legs,
        Expected {
            fee: FEE,
            clears: true,
        },
    )
    .await;
    assert_eq!(env.bank(USDC).await.insurance, slice.insurance);
}

#[tokio::test]
async fn a_deposit_pays_a_debt_in_another_asset() {
    let (mut env, account, by) = start(&[(SOL, 10 * SOL_1)]).await;
    env.borrow(&account, ETH, ETH_1 * 34 / 100).await.unwrap();
    shock(&mut env, SOL, 115.0).await;
    let legs = (Leg::Asset(SOL), Leg::Asset(ETH));
    check(
        &mut env,
        &by,
        &account,
        legs,
        Expected {
            fee: FEE,
            clears: true,
        },
    )
    .await;
}

#[tokio::test]
async fn a_deposit_pays_a_markets_loss() {
    let mut t = loss_on_btc().await;
    let pool = t.env.market(SOL_PERP).await.pnl_pool;
    let legs = (Leg::Asset(BTC), Leg::Pnl(SOL_PERP));
    let expected = Expected {
        fee: FEE,
        clears: true,
    };
    let slice = check(&mut t.env, &t.liquidator, &t.account, legs, expected).await;
    let paid = t.env.market(SOL_PERP).await.pnl_pool - pool;
    assert_eq!(paid, slice.repaid, "quote in the pool for it");
    assert_eq!((slice.collateral_is_pnl, slice.debt_is_pnl), (false, true));
}

/// Buys in the BTC market and sells 5% higher: a profit, and nobody has paid his loss yet.
async fn earn(env: &mut Env, account: &Trader, other: &Trader, lots: i64) {
    trade(env, BTC_PERP, account, other, 60_000.0, lots).await;
    shock(env, BTC, 63_000.0).await;
    trade(env, BTC_PERP, other, account, 63_000.0, lots).await;
    let perp = env.perp_in(BTC_PERP, account).await;
    assert!(perp.position.is_zero() && perp.quote.0 > 0);
    assert_eq!(env.market(BTC_PERP).await.pnl_pool, 0);
}

#[tokio::test]
async fn a_profit_pays_a_debt() {
    let (mut env, account, by) = start(&[(USDC, usd(2_000))]).await;
    env.borrow(&account, ETH, ETH_1 / 2).await.unwrap();
    earn(&mut env, &account, &by, 300).await;
    shock(&mut env, ETH, 3_850.0).await;
    let claim = env.perp_in(BTC_PERP, &account).await.quote.0;
    let own = env.perp_in(BTC_PERP, &by).await.quote.0;
    let legs = (Leg::Pnl(BTC_PERP), Leg::Asset(ETH));
    let slice = check(
        &mut env,
        &by,
        &account,
        legs,
        Expected {
            fee: FEE,
            clears: false,
        },
    )
    .await;
    assert_eq!(slice.seized, claim as u64, "all of it");
    assert!(env.perp_in(BTC_PERP, &account).await.is_free());
    let gained = env.perp_in(BTC_PERP, &by).await.quote.0 - own;
    assert_eq!(gained as u64, slice.seized - slice.insurance);
    let market = env.market(BTC_PERP).await;
    assert_eq!(market.insurance_accrued, slice.insurance);
}

/// The quote bank is the bank of the debt, too.
#[tokio::test]
async fn a_profit_pays_a_debt_in_quote() {
    let (mut env, account, by) = start(&[(ETH, ETH_1)]).await;
    env.borrow(&account, USDC, usd(2_200)).await.unwrap();
    earn(&mut env, &account, &by, 300).await;
    shock(&mut env, ETH, 2_330.0).await;
    let legs = (Leg::Pnl(BTC_PERP), Leg::Asset(USDC));
    check(
        &mut env,
        &by,
        &account,
        legs,
        Expected {
            fee: CLAIM_FEE,
            clears: false,
        },
    )
    .await;
    let legs = (Leg::Asset(ETH), Leg::Asset(USDC));
    check(
        &mut env,
        &by,
        &account,
        legs,
        Expected {
            fee: FEE,
            clears: true,
        },
    )
    .await;
}

#[tokio::test]
async fn a_profit_pays_another_markets_loss() {
    let (mut env, account, by) = start(&[(ETH, ETH_1)]).await;
    earn(&mut env, &account, &by, 500).await;
    trade(&mut env, SOL_PERP, &account, &by, 150.0, 8_000).await;
    shock(&mut env, SOL, 118.0).await;
    let liquidator = rich(&mut env).await;
    let takeover = take(&env, SOL_PERP, ALL);
    liquidate(&mut env, &liquidator, &account, &takeover).await;
    let legs = (Leg::Pnl(BTC_PERP), Leg::Pnl(SOL_PERP));
    let expected = Expected {
        fee: CLAIM_FEE,
        clears: true,
    };
    let slice = check(&mut env, &liquidator, &account, legs, expected).await;
    assert_eq!((slice.collateral_is_pnl, slice.debt_is_pnl), (true, true));
}

/// What the account can pay itself costs it nothing, and touches no liquidator.
#[tokio::test]
async fn a_loss_is_first_settled_from_the_quote_deposit() {
    let mut t = long().await;
    shock(&mut t.env, SOL, 128.0).await;
    let takeover = take(&t.env, SOL_PERP, ALL);
    liquidate(&mut t.env, &t.liquidator, &t.account, &takeover).await;
    let (before, own) = (
        equity(&mut t.env, &t.account).await,
        t.env.margin(t.liquidator.margin).await,
    );
    assert!(before < 0);
    let what = swap(&t.env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL);
    let outcome = liquidate(&mut t.env, &t.liquidator, &t.account, &what).await;
    let settled: Vec<PnlSettled> = events::of_kind(&outcome.logs);
    assert_eq!(settled.len(), 1);
    assert_eq!(settled[0].amount, -(usd(2_000) as i64));
    assert!(events::of_kind::<CollateralLiquidated>(&outcome.logs).is_empty());
    assert_eq!(equity(&mut t.env, &t.account).await, before);
    assert_eq!(t.env.balance(t.account.margin, USDC).await, 0);
    let own_after = t.env.margin(t.liquidator.margin).await;
    assert!(own.balances == own_after.balances && own.perps == own_after.perps);
    refuse(
        &mut t.env,
        &t.liquidator,
        &t.account,
        &what,
        E::NothingToLiquidate,
    )
    .await;
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn a_profit_is_first_paid_from_the_pool() {
    let (mut env, account, by) = start(&[(ETH, ETH_1)]).await;
    env.borrow(&account, USDC, usd(2_200)).await.unwrap();
    earn(&mut env, &account, &by, 300).await;
    let quote = env.assets[USDC].asset;
    let market = env.markets[BTC_PERP].market;
    let settle =
        plimsoll_client::instructions::settle_pnl(&env.exchange, by.margin, &market, &quote);
    env.run(&[settle], &[]).await;
    assert!(env.market(BTC_PERP).await.pnl_pool > 0);
    shock(&mut env, ETH, 2_330.0).await;
    flag(&mut env, &by, &account).await;
    let claim = env.perp_in(BTC_PERP, &account).await.quote.0;
    let before = equity(&mut env, &account).await;
    let what = swap(&env, Leg::Pnl(BTC_PERP), Leg::Asset(USDC), ALL);
    let outcome = liquidate(&mut env, &by, &account, &what).await;
    let settled: Vec<PnlSettled> = events::of_kind(&outcome.logs);
    assert_eq!(settled[0].amount, claim);
    assert!(events::of_kind::<CollateralLiquidated>(&outcome.logs).is_empty());
    assert!((equity(&mut env, &account).await - before).abs() <= 2);
    assert!(env.perp_in(BTC_PERP, &account).await.is_free());
    env.assert_conserved().await;
}

/// What the liquidator allows bounds the slice; the account cannot be made to give the same thing as both.
#[tokio::test]
async fn a_slice_holds_to_what_is_asked_and_there() {
    let (mut env, account, by) = start(&[(SOL, 10 * SOL_1)]).await;
    env.borrow(&account, USDC, usd(1_000)).await.unwrap();
    shock(&mut env, SOL, 105.0).await;
    flag(&mut env, &by, &account).await;
    let (sol, usdc) = (Leg::Asset(SOL), Leg::Asset(USDC));
    for (collateral, debt) in [
        (sol, sol),
        (usdc, usdc),
        (usdc, sol),
        (Leg::Asset(BTC), usdc),
        (sol, Leg::Asset(ETH)),
    ] {
        let what = swap(&env, collateral, debt, ALL);
        refuse(&mut env, &by, &account, &what, E::NothingToLiquidate).await;
    }
    for pnl in [SOL_PERP, BTC_PERP] {
        let what = swap(&env, Leg::Pnl(pnl), Leg::Pnl(pnl), ALL);
        refuse(&mut env, &by, &account, &what, E::NothingToLiquidate).await;
    }
    let what = swap(&env, sol, usdc, usd(10));
    let outcome = liquidate(&mut env, &by, &account, &what).await;
    assert_eq!(swapped(&outcome).repaid, usd(10));
    assert!(is_flagged(&env, &account).await);
    env.assert_conserved().await;
}

/// A unit at a time rounds for the account: a liquidator gains less by it than by one slice.
#[tokio::test]
async fn tiny_slices_do_not_pay() {
    let (mut env, account, by) = start(&[(BTC, BTC_1 / 10)]).await;
    env.borrow(&account, USDC, usd(5_000)).await.unwrap();
    shock(&mut env, BTC, 54_000.0).await;
    flag(&mut env, &by, &account).await;
    let own = equity(&mut env, &by).await;
    // Less than a native unit of the collateral: rounding up to it may not cost the account health.
    let mut repaid = 0;
    for amount in [1, 1, 10, 500, 539, 541, 1_000, 1_079] {
        let what = swap(&env, Leg::Asset(BTC), Leg::Asset(USDC), amount);
        let liquidate = liquidate_ix(&env, &by, &account, &what);
        match env.send(&[liquidate], &[&by.key]).await {
            Ok(outcome) => repaid += swapped(&outcome).repaid as i64,
            Err(error) => plimsoll_tests::refusal::assert_refused(Err(error), E::SliceTooSmall),
        }
    }
    let gained = equity(&mut env, &by).await - own;
    // At most a fifth of what was repaid could be lost to a weight of 0.85; a unit is 540.
    assert!(gained <= repaid / 5, "{gained} of {repaid}");
    env.assert_conserved().await;
}

#[tokio::test]
async fn dust_of_a_debt_goes_whole() {
    let (mut env, account, by) = start(&[(SOL, 10 * SOL_1)]).await;
    env.borrow(&account, USDC, usd(1_000)).await.unwrap();
    env.edit_asset(USDC, |p| p.dust_usd = usd(450)).await;
    shock(&mut env, SOL, 110.0).await;
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    let outcome = liquidate(&mut env, &by, &account, &what).await;
    assert!(swapped(&outcome).repaid >= usd(1_000));
    assert_eq!(env.balance(account.margin, USDC).await, 0);
    assert!(!is_flagged(&env, &account).await);
    env.assert_conserved().await;
}
