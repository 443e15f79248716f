//! Liquidation of accounts in portfolio margin: what improves them is taken, what opens a hedge is not.
use plimsoll::{
    error::PlimsollError as E,
    liquidation::PATIENCE_SECS,
    orders::terms::{OrderTerms, OrderType},
};
use plimsoll_client::instructions::Liquidation;
use plimsoll_risk::{portfolio::PortfolioMargin, HealthKind, Policy, Purpose};
use plimsoll_tests::{
    env::{BTC, BTC_PERP, ETH, SOL, SOL_PERP, USDC},
    trading::bid,
    usd, Env, Trader,
};

use plimsoll_tests::scenarios::*;

/// An exchange with a model, an account in portfolio margin, its counterparty and a liquidator.
struct Desk {
    env: Env,
    account: Trader,
    other: Trader,
    liquidator: Trader,
}

impl Desk {
    async fn new(deposits: &[(usize, u64)]) -> Self {
        let mut env = Env::new().await;
        env.list_model().await;
        let (other, liquidator) = (rich(&mut env).await, rich(&mut env).await);
        let account = env.portfolio_trader(deposits).await;
        Self {
            env,
            account,
            other,
            liquidator,
        }
    }

    /// Buys lots, or sells them.
    async fn trade(&mut self, market: usize, lots: i64) {
        let dollars = self.env.assets[self.env.markets[market].underlying].usd;
        let (account, other) = (&self.account, &self.other);
        let (buyer, seller) = if lots > 0 {
            (account, other)
        } else {
            (other, account)
        };
        trade(&mut self.env, market, buyer, seller, dollars, lots.abs()).await;
    }

    /// Borrows as many dollars as Init health leaves room for.
    async fn borrow_all(&mut self) {
        let init = self.env.health(&self.account).await.init;
        let amount = u64::try_from(init).unwrap() / 1_000 * 995;
        self.env.borrow(&self.account, USDC, amount).await.unwrap();
    }

    /// Moves a price by this factor a minute until the account is below its line.
    async fn move_until_below(&mut self, asset: usize, factor: f64) {
        for _ in 0..200 {
            let dollars = self.env.assets[asset].usd * factor;
            shock(&mut self.env, asset, dollars).await;
            if self.env.health(&self.account).await.maintenance < 0 {
                return;
            }
        }
        panic!("the account stays above its line");
    }

    async fn liquidate(&mut self, what: &Liquidation) -> plimsoll_tests::TxOutcome {
        let outcome = liquidate(&mut self.env, &self.liquidator, &self.account, what).await;
        self.env.assert_conserved().await;
        outcome
    }

    async fn refuse(&mut self, what: &Liquidation, expected: E) {
        refuse(
            &mut self.env,
            &self.liquidator,
            &self.account,
            what,
            expected,
        )
        .await;
    }

    /// Value and requirement at the end of a liquidation, from the same engine.
    async fn footing(&self) -> (i128, i128) {
        let risk = self.env.risk().await;
        let account = self.env.margin(self.account.margin).await;
        let clock = self.env.clock().await;
        let view = plimsoll::health::view(&risk, &clock, Purpose::Seize);
        let portfolio = plimsoll::health::portfolio(&account);
        let lines = PortfolioMargin::lines(&view, &portfolio, Policy::BenefitOfDoubt).unwrap();
        let end = HealthKind::LiquidationEnd as usize;
        (lines.value[end], lines.requirement[end])
    }

    async fn is_flagged(&self) -> bool {
        is_flagged(&self.env, &self.account).await
    }
}

/// Requires that health rose and requirement ÷ value fell.
fn assert_improved(before: (i128, i128), after: (i128, i128)) {
    assert!(
        after.0 - after.1 > before.0 - before.1,
        "{before:?} {after:?}"
    );
    assert!(
        before.0 <= 0 || after.1 * before.0 < before.1 * after.0,
        "{before:?} {after:?}"
    );
}

#[tokio::test]
async fn a_concentrated_account_gives_up_as_much_as_it_needs() {
    let mut t = Desk::new(&[(USDC, usd(5_000))]).await;
    t.trade(SOL_PERP, 10_000).await;
    t.move_until_below(SOL, 0.97).await;
    let before = t.footing().await;
    let outcome = t.liquidate(&take(&t.env, SOL_PERP, ALL)).await;
    let lots = taken(&outcome).lots;
    assert!(lots > 1_000 && lots < 9_000, "{lots}");
    let after = t.footing().await;
    assert_improved(before, after);
    // No more than it takes: health of next to nothing.
    let health = after.0 - after.1;
    assert!((0..10_000_000).contains(&health), "{health}");
    assert!(!t.is_flagged().await);
}

/// 100 SOL, sold forward, financed with dollars.
async fn carry() -> Desk {
    let mut t = Desk::new(&[(SOL, 100 * SOL_1)]).await;
    t.trade(SOL_PERP, -10_000).await;
    t.borrow_all().await;
    t.move_until_below(SOL, 1.1).await;
    t
}

fn both(env: &Env, lots: u64, dollars: u64) -> Liquidation {
    Liquidation {
        swap: swap(env, Leg::Asset(SOL), Leg::Asset(USDC), dollars).swap,
        ..take(env, SOL_PERP, lots)
    }
}

#[tokio::test]
async fn neither_leg_of_a_hedge_goes_alone_and_both_go_together() {
    let mut t = carry().await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let forward = take(&t.env, SOL_PERP, ALL);
    let spot = swap(&t.env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    t.refuse(&forward, E::LiquidationHarms).await;
    t.refuse(&spot, E::LiquidationHarms).await;

    let mut calls = 0;
    loop {
        let before = t.footing().await;
        let outcome = t.liquidate(&both(&t.env, ALL, ALL)).await;
        calls += 1;
        if before.0 >= before.1 {
            break;
        }
        assert_improved(before, t.footing().await);
        // The leg that opens the hedge earns nothing, the one that closes it does.
        assert_eq!(taken(&outcome).fee, 0);
        let swapped = swapped(&outcome);
        assert!(swapped.seized > 0 && swapped.insurance > 0);
        if !t.is_flagged().await {
            break;
        }
        t.refuse(&forward, E::LiquidationHarms).await;
        assert!(calls < 20, "never done");
    }
    let health = t.env.health(&t.account).await;
    assert!(health.liquidation_end >= 0 && health.equity > 0);
    let left = t.env.perp(&t.account).await.position.0;
    assert!(left < 0, "not all of it: {left}");
}

#[tokio::test]
async fn a_leg_that_nobody_finds_a_partner_for_goes_alone_for_nothing() {
    let mut t = carry().await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    assert!(t.is_flagged().await);
    let forward = take(&t.env, SOL_PERP, 200);
    t.refuse(&forward, E::LiquidationHarms).await;
    // Patience is measured in seconds, not in slots; one of them passed with the flag.
    t.env.advance_by(PATIENCE_SECS as i64 - 2, 1_000).await;
    t.env.refresh_all().await;
    t.refuse(&forward, E::LiquidationHarms).await;
    t.env.advance_by(1, 0).await;
    t.env.refresh_all().await;
    let outcome = t.liquidate(&forward).await;
    let taken = taken(&outcome);
    assert_eq!((taken.lots, taken.fee), (-200, 0));
    // The other leg is an improvement by itself now.
    let before = t.footing().await;
    let spot = swap(&t.env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    let outcome = t.liquidate(&spot).await;
    let slice = swapped(&outcome);
    assert!(
        slice.repaid > 0 && slice.insurance == 0,
        "what was opened is made good first"
    );
    assert_improved(before, t.footing().await);
}

#[tokio::test]
async fn two_positions_that_hedge_each_other_go_together() {
    let mut t = Desk::new(&[(USDC, usd(4_000))]).await;
    t.trade(SOL_PERP, 10_000).await;
    t.trade(BTC_PERP, -2_500).await;
    t.move_until_below(SOL, 0.98).await;
    let hedged = Liquidation {
        hedges: vec![t.env.markets[BTC_PERP].market],
        ..take(&t.env, SOL_PERP, ALL)
    };
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let before = t.footing().await;
    t.liquidate(&hedged).await;
    assert_improved(before, t.footing().await);
}

#[tokio::test]
async fn orders_go_first() {
    let mut t = Desk::new(&[(USDC, usd(5_000))]).await;
    t.trade(SOL_PERP, 10_000).await;
    let price = price_lots(&t.env, SOL_PERP, 100.0).await;
    let order = OrderTerms {
        kind: OrderType::PostOnly,
        ..bid(price, 1_000)
    };
    t.env.place(&t.account, order, &[]).await;
    t.move_until_below(SOL, 0.97).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let takeover = take(&t.env, SOL_PERP, ALL);
    t.refuse(&takeover, E::OrdersRemain).await;
    let cancelling = Liquidation {
        cancel_in: vec![t.env.markets[SOL_PERP].market],
        ..takeover
    };
    t.liquidate(&cancelling).await;
    assert!(t.env.open_orders(&t.account).await.is_empty());
    assert!(!t.is_flagged().await);
}

#[tokio::test]
async fn stale_entries_count_in_favour() {
    let mut t = Desk::new(&[(USDC, usd(5_000))]).await;
    t.trade(SOL_PERP, 10_000).await;
    t.move_until_below(SOL, 0.97).await;
    t.env.advance(11).await;
    let takeover = take(&t.env, SOL_PERP, ALL);
    // Prices may be a tenth better by now.
    t.refuse(&takeover, E::NotLiquidatable).await;
    t.env.refresh_all().await;
    t.liquidate(&takeover).await;
    assert!(!t.is_flagged().await);
}

#[tokio::test]
async fn a_flag_is_cleared_when_the_account_recovers() {
    let mut t = Desk::new(&[(USDC, usd(5_000))]).await;
    t.trade(SOL_PERP, 10_000).await;
    t.move_until_below(SOL, 0.97).await;
    t.liquidate(&Liquidation::default()).await;
    assert!(t.is_flagged().await);
    let dollars = t.env.assets[SOL].usd;
    shock(&mut t.env, SOL, dollars * 1.2).await;
    t.liquidate(&take(&t.env, SOL_PERP, ALL)).await;
    assert!(!t.is_flagged().await);
    assert_eq!(t.env.perp(&t.account).await.position.0, 10_000);
}

#[tokio::test]
async fn what_is_left_of_a_bankrupt_account_is_resolved() {
    let mut t = Desk::new(&[(USDC, usd(5_000))]).await;
    t.trade(SOL_PERP, 10_000).await;
    shock(&mut t.env, SOL, 90.0).await;
    let health = t.env.health(&t.account).await;
    assert!(health.equity < 0 && health.maintenance < 0);
    insure(&mut t.env, &t.liquidator, usd(2_000)).await;
    let everything = Liquidation {
        swap: swap(&t.env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL).swap,
        ..take(&t.env, SOL_PERP, ALL)
    };
    t.liquidate(&everything).await;
    let perp = t.env.perp(&t.account).await;
    assert!(perp.position.is_zero() && perp.quote.0 < 0);
    let resolve = resolve_loss_ix(&t.env, &t.liquidator, &t.account, SOL_PERP);
    t.env.run(&[resolve], &[&t.liquidator.key]).await;
    t.env.assert_conserved().await;
    assert!(!t.is_flagged().await);
    assert_eq!(t.env.perp(&t.account).await.quote.0, 0);
}

/// Long BTC against a debt in ether: each hedges the other in part.
#[tokio::test]
async fn collateral_pays_a_debt_that_it_hedges() {
    let mut t = Desk::new(&[(BTC, BTC_1 / 2)]).await;
    t.env.borrow(&t.account, ETH, 6 * ETH_1).await.unwrap();
    t.move_until_below(ETH, 1.03).await;
    let before = t.footing().await;
    let what = swap(&t.env, Leg::Asset(BTC), Leg::Asset(ETH), ALL);
    let outcome = t.liquidate(&what).await;
    assert!(swapped(&outcome).repaid > 0);
    assert_improved(before, t.footing().await);
    assert!(!t.is_flagged().await);
}
