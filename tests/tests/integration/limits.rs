//! Caps on deposits and borrows, and the leaky limits on net borrows and outflows.
use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions as ix;
use plimsoll_risk::flow::CREDIT_SECS;
use plimsoll_tests::{
    env::{JUP, SOL, USDC},
    usd, Env, Trader,
};

/// Native units of SOL worth so many USD at 150.
const fn sol_of(dollars: u64) -> u64 {
    dollars * 1_000_000_000 / 150
}

/// A day, the length of every window here.
const DAY: i64 = 86_400;

async fn lender_and_borrower(env: &mut Env) -> (Trader, Trader) {
    let lender = env.trader_with(&[(SOL, sol_of(1_500_000))]).await;
    let borrower = env.trader_with(&[(USDC, usd(5_000_000))]).await;
    (lender, borrower)
}

#[tokio::test]
async fn the_deposit_cap_holds_over_all_accounts_and_never_stops_a_repayment() {
    let mut env = Env::new().await;
    let (lender, borrower) = lender_and_borrower(&mut env).await;
    env.borrow(&borrower, SOL, sol_of(15_000)).await.unwrap();
    // Lowered below what is there: a tightening.
    env.edit_asset(SOL, |p| p.deposit_cap_usd = usd(1_000_000))
        .await;
    let more = env.deposit_ix(&lender, SOL, 1);
    env.refuse(&[more], &[&lender.key], E::DepositCap).await;
    let other = env.deposit_ix(&borrower, SOL, sol_of(20_000));
    env.refuse(&[other], &[&borrower.key], E::DepositCap).await;
    env.deposit(&borrower, SOL, sol_of(15_000)).await.unwrap();
    env.withdraw(&lender, SOL, sol_of(600_000)).await.unwrap();
    env.deposit(&lender, SOL, sol_of(90_000)).await.unwrap();
    let more = env.deposit_ix(&lender, SOL, sol_of(15_000));
    env.refuse(&[more], &[&lender.key], E::DepositCap).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn the_borrow_cap_holds_over_all_accounts() {
    let mut env = Env::new().await;
    let (_lender, borrower) = lender_and_borrower(&mut env).await;
    env.edit_asset(SOL, |p| p.borrow_cap_usd = usd(150_000))
        .await;
    env.borrow(&borrower, SOL, sol_of(120_000)).await.unwrap();
    let more = env.withdraw_ix(&borrower, SOL, sol_of(33_000), true);
    env.refuse(&[more], &[&borrower.key], E::BorrowCap).await;
    let other = env.trader_with(&[(USDC, usd(100_000))]).await;
    let more = env.withdraw_ix(&other, SOL, sol_of(33_000), true);
    env.refuse(&[more], &[&other.key], E::BorrowCap).await;
    // Nor by a transfer, which moves no token.
    let second = env.open_margin_account(&other.key, 1).await;
    let (owner, from) = (other.pubkey(), other.margin);
    let asset = env.assets[SOL].asset;
    let aside = ix::transfer(
        &env.exchange,
        owner,
        from,
        second,
        &asset,
        sol_of(33_000),
        true,
    );
    env.refuse(&[aside], &[&other.key], E::BorrowCap).await;
    env.deposit(&borrower, SOL, sol_of(60_000)).await.unwrap();
    env.borrow(&other, SOL, sol_of(33_000)).await.unwrap();
    env.assert_conserved().await;
}

#[tokio::test]
async fn net_borrows_are_limited_and_leak() {
    let mut env = Env::new().await;
    let (_lender, borrower) = lender_and_borrower(&mut env).await;
    env.edit_asset(SOL, |p| p.net_borrow_limit_usd = usd(150_000))
        .await;
    env.borrow(&borrower, SOL, sol_of(149_000)).await.unwrap();
    let more = env.withdraw_ix(&borrower, SOL, sol_of(2_000), true);
    env.refuse(&[more.clone()], &[&borrower.key], E::NetBorrowLimit)
        .await;
    // A repayment gives its room back.
    env.deposit(&borrower, SOL, sol_of(30_000)).await.unwrap();
    env.borrow(&borrower, SOL, sol_of(30_000)).await.unwrap();
    env.refuse(&[more.clone()], &[&borrower.key], E::NetBorrowLimit)
        .await;
    // A day's limit leaks in a day, 1,000 USD in 576 seconds.
    env.advance(570).await;
    env.refresh_all().await;
    env.refuse(&[more.clone()], &[&borrower.key], E::NetBorrowLimit)
        .await;
    env.advance(10).await;
    env.refresh_all().await;
    env.run(&[more.clone()], &[&borrower.key]).await;
    env.refuse(&[more], &[&borrower.key], E::NetBorrowLimit)
        .await;
    // There is no moment at which it starts anew: half a day gives half of it.
    env.advance(DAY / 2).await;
    env.refresh_all().await;
    let half = env.withdraw_ix(&borrower, SOL, sol_of(76_000), true);
    env.refuse(&[half], &[&borrower.key], E::NetBorrowLimit)
        .await;
    env.borrow(&borrower, SOL, sol_of(74_000)).await.unwrap();
    // What was repaid a while ago makes no room beyond the limit.
    env.deposit(&borrower, SOL, sol_of(200_000)).await.unwrap();
    env.advance(i64::from(CREDIT_SECS) + 1).await;
    env.refresh_all().await;
    let whole = env.withdraw_ix(&borrower, SOL, sol_of(151_000), true);
    env.refuse(&[whole], &[&borrower.key], E::NetBorrowLimit)
        .await;
    env.borrow(&borrower, SOL, sol_of(149_000)).await.unwrap();
    env.assert_conserved().await;
}

#[tokio::test]
async fn outflows_are_limited_and_leak() {
    let mut env = Env::new().await;
    let (lender, _borrower) = lender_and_borrower(&mut env).await;
    env.edit_asset(SOL, |p| p.outflow_limit_usd = usd(150_000))
        .await;
    // What came in a while ago is no allowance.
    env.advance(i64::from(CREDIT_SECS) + 1).await;
    env.refresh_all().await;
    let much = env.withdraw_ix(&lender, SOL, sol_of(151_000), false);
    env.refuse(&[much], &[&lender.key], E::OutflowLimit).await;
    env.withdraw(&lender, SOL, sol_of(149_000)).await.unwrap();
    let more = env.withdraw_ix(&lender, SOL, sol_of(2_000), false);
    env.refuse(&[more.clone()], &[&lender.key], E::OutflowLimit)
        .await;
    // What comes in makes room for as much, and no more.
    env.deposit(&lender, SOL, sol_of(10_000)).await.unwrap();
    env.withdraw(&lender, SOL, sol_of(10_000)).await.unwrap();
    env.refuse(&[more.clone()], &[&lender.key], E::OutflowLimit)
        .await;
    env.advance(580).await;
    env.run(&[more.clone()], &[&lender.key]).await;
    env.refuse(&[more], &[&lender.key], E::OutflowLimit).await;
    env.advance(DAY + 1).await;
    env.refresh_all().await;
    let much = env.withdraw_ix(&lender, SOL, sol_of(151_000), false);
    env.refuse(&[much], &[&lender.key], E::OutflowLimit).await;
    env.withdraw(&lender, SOL, sol_of(149_000)).await.unwrap();
    // A transfer takes nothing out of the vault.
    env.refresh_all().await;
    let second = env.open_margin_account(&lender.key, 1).await;
    let (owner, from) = (lender.pubkey(), lender.margin);
    let asset = env.assets[SOL].asset;
    let aside = ix::transfer(
        &env.exchange,
        owner,
        from,
        second,
        &asset,
        sol_of(149_000),
        false,
    );
    env.run(&[aside], &[&lender.key]).await;
    env.assert_conserved().await;
}

/// Many small withdrawals, through many accounts, are one outflow.
#[tokio::test]
async fn the_outflow_limit_is_the_banks_not_the_accounts() {
    let mut env = Env::new().await;
    env.edit_asset(JUP, |p| p.outflow_limit_usd = usd(800))
        .await;
    let mut traders = Vec::new();
    for _ in 0..4 {
        traders.push(env.trader_with(&[(JUP, 1_000_000_000)]).await);
    }
    env.advance(i64::from(CREDIT_SECS) + 1).await;
    env.refresh_all().await;
    for trader in &traders[..3] {
        env.withdraw(trader, JUP, 300_000_000).await.unwrap();
    }
    let last = env.withdraw_ix(&traders[3], JUP, 300_000_000, false);
    env.refuse(&[last], &[&traders[3].key], E::OutflowLimit)
        .await;
    env.assert_conserved().await;
}
