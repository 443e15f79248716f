//! Losses that were realised and are not paid: whoever owes one to a market's pool borrows from the winners who wait, and pays for it
//! what he would pay depositors.
use plimsoll::error::PlimsollError as E;
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    scenarios::*,
    usd, Env, Trader,
};

const DAY: i64 = 86_400;

/// A loser of some 1,000 USD with SOL and no quote, the winner, and a borrower of as much quote; nothing more can be borrowed.
struct Unpaid {
    env: Env,
    loser: Trader,
    winner: Trader,
    borrower: Trader,
}

async fn unpaid() -> Unpaid {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let winner = rich(&mut env).await;
    let loser = env.trader_with(&[(SOL, 50 * SOL_1)]).await;
    let borrower = env.trader_with(&[(SOL, 20_000 * SOL_1)]).await;
    trade(&mut env, SOL_PERP, &loser, &winner, 155.0, 10_000).await;
    trade(&mut env, SOL_PERP, &winner, &loser, 145.0, 10_000).await;
    let loss = env.perp(&loser).await.quote.0;
    assert!(loss < -(usd(1_000) as i64), "{loss}");
    // Enough for a rate that is worth something.
    env.borrow(&borrower, USDC, usd(700_000)).await.unwrap();
    env.edit_asset(USDC, |p| p.borrow_cap_usd = 0).await;
    refresh(&mut env).await;
    let settle = env.settle_pnl_ix(&loser);
    env.refuse(&[settle], &[], E::CannotPayLoss).await;
    Unpaid {
        env,
        loser,
        winner,
        borrower,
    }
}

/// What the quote bank's entry says reaches the markets with the next refresh.
async fn refresh(env: &mut Env) {
    for _ in 0..2 {
        env.refresh_all().await;
    }
}

async fn days(env: &mut Env, days: i64) {
    for _ in 0..days {
        env.advance(DAY).await;
        refresh(env).await;
    }
}

/// What a debt of the bank grew by, per unit.
async fn growth(env: &Env, before: u64) -> f64 {
    env.entry(USDC).await.borrow_index as f64 / before as f64 - 1.0
}

#[tokio::test]
async fn an_unpaid_loss_bears_what_a_borrow_bears() {
    let Unpaid {
        mut env,
        loser,
        winner,
        ..
    } = unpaid().await;
    let loss = -env.perp(&loser).await.quote.0;
    let index = env.entry(USDC).await.borrow_index;
    let (mut equity, won) = (equity(&mut env, &loser).await, env.perp(&winner).await);
    let first = equity;
    for month in 1..=3 {
        days(&mut env, 30).await;
        let now = env.health(&loser).await;
        let owed = (first - now.equity) as f64;
        let exact = growth(&env, index).await * loss as f64;
        // Simple interest, where the bank compounds.
        assert!(
            owed > exact * 0.98 && owed < exact + 10.0,
            "{month}: {owed} of {exact}"
        );
        assert!(now.equity < equity);
        equity = now.equity;
    }
    // Who waits owes nothing.
    assert_eq!(env.perp(&winner).await.quote, won.quote);
    // What it was measured at is what is paid, and insurance has the interest.
    let insurance = env.market(SOL_PERP).await.insurance_accrued;
    let pool = env.market(SOL_PERP).await.pnl_pool;
    env.deposit(&loser, USDC, usd(5_000)).await.unwrap();
    let before = env.health(&loser).await.equity;
    env.settle_pnl(&loser).await;
    let after = env.health(&loser).await.equity;
    assert!((before - after).abs() <= 2, "{before} then {after}");
    assert!(env.perp(&loser).await.is_free());
    let market = env.market(SOL_PERP).await;
    let interest = (market.insurance_accrued - insurance) as i64;
    assert!((interest - (first - equity)).abs() <= 1);
    assert_eq!((market.pnl_pool - pool) as i64, loss + interest);
    env.assert_conserved().await;
}

/// The interest starts when nothing is held any more, and stops with a new position, whose loss is not realised.
#[tokio::test]
async fn only_a_loss_without_a_position_bears_interest() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let other = rich(&mut env).await;
    let trader = env.trader_with(&[(SOL, 50 * SOL_1)]).await;
    let borrower = env.trader_with(&[(SOL, 20_000 * SOL_1)]).await;
    env.borrow(&borrower, USDC, usd(700_000)).await.unwrap();
    env.edit_asset(USDC, |p| p.borrow_cap_usd = 0).await;
    refresh(&mut env).await;
    trade(&mut env, SOL_PERP, &trader, &other, 155.0, 10_000).await;
    let before = env.perp(&trader).await.quote.0;
    days(&mut env, 30).await;
    // Funding of a month apart, which has nothing to do with it.
    trade(&mut env, SOL_PERP, &other, &trader, 150.0, 10_000).await;
    let (_, realised) = env.holding(&trader).await;
    assert!(realised < 0 && before < realised);
    assert_eq!(
        env.perp(&trader).await.quote.0,
        realised,
        "from now on only"
    );
    days(&mut env, 30).await;
    let (_, owed) = env.holding(&trader).await;
    assert!(owed < realised, "a month's interest");
    // A new position takes it into the claim.
    let insurance = env.market(SOL_PERP).await.insurance_accrued;
    trade(&mut env, SOL_PERP, &trader, &other, 150.0, 100).await;
    let market = env.market(SOL_PERP).await;
    assert_eq!(
        (market.insurance_accrued - insurance) as i64,
        realised - owed
    );
    env.assert_conserved().await;
    // Marked by anybody, it is charged once.
    trade(&mut env, SOL_PERP, &other, &trader, 150.0, 100).await;
    days(&mut env, 10).await;
    let (_, owed) = env.holding(&trader).await;
    for _ in 0..3 {
        mark_all(&mut env, SOL_PERP).await;
        env.advance(1).await;
        assert!((env.holding(&trader).await.1 - owed).abs() <= 3);
    }
    env.assert_conserved().await;
}

/// Nobody lends himself out of the pool for free: two accounts of one owner, one of which loses to the other what the bank lends
/// nobody any more.
#[tokio::test]
async fn a_pool_lends_nothing_for_free() {
    let Unpaid {
        mut env,
        loser,
        winner,
        borrower,
    } = unpaid().await;
    let debt = env.balance(borrower.margin, USDC).await;
    let loss = env.perp(&loser).await.quote.0;
    let both = equity(&mut env, &loser).await + equity(&mut env, &winner).await;
    let deposit = env.balance(winner.margin, USDC).await;
    days(&mut env, 60).await;
    let now = equity(&mut env, &loser).await + equity(&mut env, &winner).await;
    let earned = env.balance(winner.margin, USDC).await - deposit;
    let cost = both + earned - now;
    let grown = debt as f64 / env.balance(borrower.margin, USDC).await as f64;
    let fair = -loss as f64 * (1.0 / grown - 1.0);
    assert!(cost as f64 > fair * 0.97, "{cost} of {fair}");
    env.assert_conserved().await;
}

/// What interest made of a loss is resolved with it: insurance waives what it is owed first.
#[tokio::test]
async fn interest_on_a_loss_that_nobody_pays_costs_no_winner() {
    let Long {
        mut env,
        account,
        liquidator,
        ..
    } = long().await;
    let borrower = env.trader_with(&[(SOL, 20_000 * SOL_1)]).await;
    env.borrow(&borrower, USDC, usd(1_000_000)).await.unwrap();
    shock(&mut env, SOL, 125.0).await;
    let what = plimsoll_client::instructions::Liquidation {
        swap: swap(&env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL).swap,
        ..take(&env, SOL_PERP, ALL)
    };
    liquidate(&mut env, &liquidator, &account, &what).await;
    let loss = env.perp(&account).await.quote.0;
    assert!(loss < 0);
    let shortfall = env.market(SOL_PERP).await.profits.shortfall;
    days(&mut env, 30).await;
    let (_, owed) = env.holding(&account).await;
    assert!(owed < loss, "{owed} of {loss}");
    let resolve = resolve_loss_ix(&env, &liquidator, &account, SOL_PERP);
    env.run(&[resolve], &[&liquidator.key]).await;
    let after = env.market(SOL_PERP).await.profits.shortfall - shortfall;
    assert!(after as i64 <= -loss, "{after} of {loss}");
    env.assert_conserved().await;
}
