//! The liquidator bot's plans on the built program: what it sends is accepted, raises health, pays what it promised, and
//! goes on until nothing is left to do.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::{liquidation::PATIENCE_SECS, state::margin_account::account_state};
use plimsoll_bots::liquidator::{
    calls::{Addresses, FeedAddresses, Liquidator},
    gains::Gains,
    outlook::Outlook,
    plan::{Holdings, Limits, NoPlan, Plan, Situation, Step, Terms},
};
use plimsoll_client::transaction::Version;
use plimsoll_risk::{Assessment, HealthKind};
use plimsoll_tests::{
    env::{BTC, BTC_PERP, ETH, JUP, SOL, SOL_PERP, USDC},
    params::ratio,
    trading::{ask, bid},
    usd, Env, Trader,
};

use crate::largest::{fill_up, largest, sink, ASSETS, MARKETS};
use plimsoll_tests::scenarios::*;

fn limits() -> Limits {
    Limits {
        max_move: usd(5_000),
        reserve: i128::from(usd(1_000)),
        min_profit: -i128::from(usd(1_000_000)),
        transaction_cost: 10_000,
        position_cost_bps: 5,
        token_cost_bps: 10,
        chores: true,
        fresh_ms: 2_000,
    }
}

fn addresses(env: &Env) -> Addresses {
    let mut feeds = vec![FeedAddresses::default(); env.assets.len()];
    for listed in &env.assets {
        feeds[usize::from(listed.feed)] = FeedAddresses {
            account: Some(listed.primary.account),
            fallback: listed.fallback.map(|fallback| fallback.account),
        };
    }
    Addresses {
        exchange: env.exchange,
        feeds,
        assets: env.assets.iter().map(|listed| listed.asset).collect(),
        markets: env.markets.iter().map(|listed| listed.market).collect(),
    }
}

/// What the bot would know now.
struct Knowledge {
    outlook: Outlook,
    terms: Terms,
    waiting: Vec<Vec<Pubkey>>,
}

impl Knowledge {
    async fn of(env: &Env) -> Self {
        let mut terms = Terms::default();
        for index in 0..env.assets.len() {
            terms.assets.push((&*env.bank(index).await).into());
        }
        let mut waiting = Vec::new();
        for index in 0..env.markets.len() {
            terms.markets.push((&*env.market(index).await).into());
            let queue = env.fill_queue(index).await;
            let makers = queue.queue.entries().iter();
            waiting.push(makers.map(|e| Pubkey::new_from_array(e.maker)).collect());
        }
        Self {
            outlook: Outlook::new(env.risk().await.into(), env.now().await),
            terms,
            waiting,
        }
    }

    async fn plan(&self, env: &Env, by: &Trader, account: &Trader) -> Result<Plan, NoPlan> {
        self.plan_within(&limits(), env, by, account).await
    }

    async fn plan_within(
        &self,
        limits: &Limits,
        env: &Env,
        by: &Trader,
        account: &Trader,
    ) -> Result<Plan, NoPlan> {
        let situation = Situation {
            outlook: &self.outlook,
            terms: &self.terms,
            limits,
            address: account.margin,
            account: &*env.margin(account.margin).await,
            own: &*env.margin(by.margin).await,
            waiting: &|market| self.waiting[usize::from(market)].clone(),
        };
        situation.plan(false)
    }

    async fn value(&self, env: &Env, account: &Trader) -> Assessment {
        let account = env.margin(account.margin).await;
        Holdings::of(&account)
            .assess(&self.outlook.view())
            .expect("a value")
    }
}

/// The transactions that the bot sends for a plan.
fn transactions(env: &Env, by: &Trader, plan: &Plan, version: Version) -> Vec<Vec<Instruction>> {
    let who = Liquidator {
        signer: by.pubkey(),
        account: by.margin,
    };
    let transactions = who.transactions(&addresses(env), plan, version);
    transactions.expect("all listed")
}

/// Carries out one plan, transaction by transaction, and holds it to its promises.
async fn carry_out(env: &mut Env, by: &Trader, account: &Trader, plan: &Plan, version: Version) {
    let mut logs = Vec::new();
    for instructions in transactions(env, by, plan, version) {
        let outcome = env.send_as(version, &instructions, &by.key).await;
        logs = outcome.expect("a plan that is accepted").logs;
    }
    // Balances have accrued interest within the call, and queued fills have been settled.
    let known = Knowledge::of(env).await;
    let after = known.value(env, account).await;
    let end = |value: &Assessment| value.of(HealthKind::LiquidationEnd);
    let resolves = matches!(plan.step, Step::Resolve { .. });
    // A fill that waited may have cost the account something of its own.
    if !resolves && plan.settle.is_empty() {
        assert!(end(&after) >= end(&plan.value), "{plan:?} leaves {after:?}");
    }
    let gains = Gains::of(&logs, &known.outlook, &by.margin);
    assert!(!gains.is_nothing() || plan.reward == 0, "{plan:?}");
    if !resolves {
        let off = gains.total() - plan.reward;
        // What fills that waited did to the account decides how much a slice may cost it.
        let more = if plan.settle.is_empty() {
            0
        } else {
            plan.reward / 10
        };
        assert!(
            (-200..=200 + more).contains(&off),
            "promised {plan:?}, brought {gains:?}"
        );
    }
    let own = env.health(by).await;
    assert!(own.init >= 0, "{own:?}");
}

/// A second later every feed publishes again; whoever needs that takes it along.
async fn publish(env: &mut Env) {
    env.advance(1).await;
    for asset in 0..env.assets.len() {
        let usd = env.assets[asset].usd;
        env.set_price(asset, usd).await;
    }
}

/// Plans and acts until nobody needs anything; returns what was done.
async fn work(env: &mut Env, by: &Trader, accounts: &[&Trader]) -> Vec<&'static str> {
    work_as(Version::V1, env, by, accounts).await
}

async fn work_as(
    version: Version,
    env: &mut Env,
    by: &Trader,
    accounts: &[&Trader],
) -> Vec<&'static str> {
    let mut done = Vec::new();
    for _ in 0..200 {
        let mut idle = true;
        for account in accounts {
            let known = Knowledge::of(env).await;
            match known.plan(env, by, account).await {
                Ok(plan) => {
                    carry_out(env, by, account, &plan, version).await;
                    if plan.step.kind() == "flag" {
                        publish(env).await;
                    }
                    done.push(plan.step.kind());
                    idle = false;
                }
                Err(NoPlan::Healthy) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        if idle {
            break;
        }
    }
    for account in accounts {
        let health = env.health(account).await;
        assert!(health.maintenance >= 0, "{health:?}");
        assert_eq!(health.state, account_state::ACTIVE, "{health:?}");
    }
    env.assert_conserved().await;
    done
}

#[tokio::test]
async fn a_long_and_a_short_are_brought_back_to_their_lines() {
    let mut t = long().await;
    let short = t.env.trader_with(&[(USDC, usd(2_000))]).await;
    trade(&mut t.env, SOL_PERP, &t.seller, &short, 150.0, 10_000).await;
    shock(&mut t.env, SOL, 136.0).await;
    let done = work(&mut t.env, &t.liquidator, &[&t.account, &short]).await;
    assert!(done.contains(&"position"), "{done:?}");
    shock(&mut t.env, SOL, 165.0).await;
    let done = work(&mut t.env, &t.liquidator, &[&t.account, &short]).await;
    assert!(done.contains(&"position"), "{done:?}");
}

/// Orders in two books and a fill that waits: all of it goes before anything is taken.
#[tokio::test]
async fn orders_and_waiting_fills_go_first() {
    let mut t = long().await;
    t.env.place(&t.account, bid(14_990, 500), &[]).await;
    t.env.place(&t.account, ask(15_400, 10), &[]).await;
    let price = price_lots(&t.env, BTC_PERP, 59_000.0).await;
    t.env
        .place_in(BTC_PERP, &t.account, bid(price, 1), &[])
        .await;
    t.env.place(&t.seller, ask(14_990, 200), &[]).await;
    assert!(!t.env.fill_queue(SOL_PERP).await.queue.is_empty());
    shock(&mut t.env, SOL, 136.0).await;
    let known = Knowledge::of(&t.env).await;
    let plan = known.plan(&t.env, &t.liquidator, &t.account).await.unwrap();
    assert_eq!(plan.settle, [(0, vec![t.account.margin])]);
    let done = work(&mut t.env, &t.liquidator, &[&t.account]).await;
    assert!(!done.is_empty());
    assert!(t.env.open_orders(&t.account).await.is_empty());
}

/// Collateral of one kind, debts of two others and a position: several moves, and entries that are hours old.
#[tokio::test]
async fn a_mixed_account_is_wound_down_at_fresh_prices() {
    for version in [Version::V0, Version::V1] {
        wind_down_a_mixed_account(version).await;
    }
}

async fn wind_down_a_mixed_account(version: Version) {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let (other, liquidator) = (rich(&mut env).await, rich(&mut env).await);
    let account = env
        .trader_with(&[(JUP, 3_000_000_000), (BTC, BTC_1 / 10)])
        .await;
    env.borrow(&account, ETH, ETH_1).await.unwrap();
    env.borrow(&account, SOL, 5 * SOL_1).await.unwrap();
    trade(&mut env, SOL_PERP, &account, &other, 150.0, 1_000).await;
    env.advance(60).await;
    for (asset, dollars) in [(JUP, 0.5), (SOL, 140.0), (ETH, 3_900.0), (BTC, 43_000.0)] {
        env.assets[asset].usd = dollars;
    }
    env.refresh_all().await;
    // The prices are older than the liquidator likes, so that it brings its own refreshes.
    env.advance(8).await;
    publish(&mut env).await;
    let known = Knowledge::of(&env).await;
    let plan = known.plan(&env, &liquidator, &account).await.unwrap();
    assert_eq!(
        plan.refresh.len(),
        4,
        "of the feeds of two deposits, two debts and a position"
    );
    let done = work_as(version, &mut env, &liquidator, &[&account]).await;
    assert!(done.iter().any(|kind| kind.contains("swap")), "{done:?}");
}

/// What a crash leaves behind: nothing but a loss in a market, and nothing but a debt. Both are resolved.
#[tokio::test]
async fn bankrupt_accounts_are_resolved_to_the_end() {
    let mut t = long().await;
    let borrower = t.env.trader_with(&[(SOL, 20 * SOL_1)]).await;
    t.env.borrow(&borrower, ETH, ETH_1 / 2).await.unwrap();
    insure(&mut t.env, &t.liquidator, usd(500)).await;
    t.env.advance(60).await;
    t.env.assets[SOL].usd = 95.0;
    t.env.assets[ETH].usd = 4_200.0;
    t.env.refresh_all().await;
    let done = work(&mut t.env, &t.liquidator, &[&t.account, &borrower]).await;
    assert!(done.contains(&"resolve"), "{done:?}");
    for trader in [&t.account, &borrower] {
        assert!(t.env.health(trader).await.equity >= 0);
    }
}

/// A liquidator that cannot afford a whole slice takes a smaller one, and keeps its reserve.
#[tokio::test]
async fn a_small_liquidator_takes_what_it_can() {
    let mut t = long().await;
    let small = t.env.trader_with(&[(USDC, usd(1_200))]).await;
    shock(&mut t.env, SOL, 136.0).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let known = Knowledge::of(&t.env).await;
    let plan = known.plan(&t.env, &small, &t.account).await.unwrap();
    carry_out(&mut t.env, &small, &t.account, &plan, Version::V1).await;
    let own = t.env.health(&small).await;
    assert!(own.init >= 950_000_000, "{own:?}");
    let taken = t.env.perp(&small).await.position.0;
    assert!((1..3_000).contains(&taken), "{taken}");
    t.env.assert_conserved().await;
}

/// However many fills wait, the call settles them itself: one plan, one transaction.
#[tokio::test]
async fn many_waiting_fills_are_settled_by_the_bots_own_call() {
    for fills in [25usize, 33, 40] {
        let mut t = long().await;
        t.env.place(&t.account, ask(15_000, 200), &[]).await;
        for _ in 0..fills {
            t.env.place(&t.seller, bid(15_000, 1), &[]).await;
        }
        shock(&mut t.env, SOL, 131.0).await;
        flag(&mut t.env, &t.liquidator, &t.account).await;
        let known = Knowledge::of(&t.env).await;
        let plan = known.plan(&t.env, &t.liquidator, &t.account).await.unwrap();
        assert_eq!(plan.settle, [(SOL_PERP as u16, vec![t.account.margin])]);
        let sent = transactions(&t.env, &t.liquidator, &plan, Version::V0);
        assert_eq!(sent.len(), 1);
        carry_out(&mut t.env, &t.liquidator, &t.account, &plan, Version::V0).await;
        let perp = t.env.perp(&t.account).await;
        assert_eq!(perp.order_mask, 0);
        assert_eq!(t.env.fill_queue(SOL_PERP).await.queue.len(), 0);
        t.env.assert_conserved().await;
    }
}

/// An account with 16 balances, 16 positions and 63 orders in 16 books: the refresh of all its feeds, the cancelling of all of
/// its orders and what can be taken go in one transaction of version 1.
#[tokio::test]
async fn the_largest_account_is_liquidated_in_one_transaction_of_version_1() {
    let mut t = largest().await;
    sink(&mut t).await;
    for market in 0..MARKETS {
        fill_up(&mut t.env, market).await;
    }
    flag(&mut t.env, &t.liquidator, &t.account).await;
    // Older than the bot sends, so that every feed goes along.
    t.env.advance(3).await;
    let known = Knowledge::of(&t.env).await;
    let plan = known.plan(&t.env, &t.liquidator, &t.account).await.unwrap();
    let Step::Liquidate { cancel_in, moves } = &plan.step else {
        panic!("{plan:?}")
    };
    assert_eq!(cancel_in.len(), MARKETS);
    assert!(!moves.is_empty());
    assert_eq!(plan.refresh.len(), ASSETS);
    let sent = transactions(&t.env, &t.liquidator, &plan, Version::V1);
    let before = transactions(&t.env, &t.liquidator, &plan, Version::V0);
    assert_eq!(sent.len(), 1);
    assert!(before.len() > 1);
    carry_out(&mut t.env, &t.liquidator, &t.account, &plan, Version::V1).await;
    assert!(t.env.open_orders(&t.account).await.is_empty());
    t.env.assert_conserved().await;
}

/// Carries out a plan; what it brings, and the margin that it takes, is what the bot foresaw.
async fn as_foreseen(env: &mut Env, by: &Trader, plan: &Plan) {
    let before = env.health(by).await.init;
    let mut logs = Vec::new();
    for instructions in transactions(env, by, plan, Version::V1) {
        let outcome = env.send_as(Version::V1, &instructions, &by.key).await;
        logs = outcome.expect("a plan that is accepted").logs;
    }
    let known = Knowledge::of(env).await;
    let brought = Gains::of(&logs, &known.outlook, &by.margin).total();
    assert!((brought - plan.reward).abs() <= 200, "{plan:?}: {brought}");
    let taken = i128::from(before - env.health(by).await.init).max(0);
    assert!((taken - plan.margin).abs() <= 10_000, "{plan:?}: {taken}");
}

/// Hedges that are solvent or not, whose profits count whole or only as far as they mirror what they hedge: both legs at once, a
/// part of them, or one leg in its turn. Whatever the bot does is accepted, as it foresaw it, and the account comes to its end.
#[tokio::test]
async fn hedges_are_unwound_as_foreseen() {
    for (weights, lots, factor) in [
        ([0.0, 0.8, 0.9], 10_000, 1.03),
        ([0.0; 3], 9_700, 0.96),
        ([0.0; 3], 10_300, 1.04),
    ] {
        for max_move in [usd(5_000), usd(200)] {
            unwind_a_hedge(weights, lots, factor, max_move).await;
        }
    }
}

async fn unwind_a_hedge(weights: [f64; 3], lots: i64, factor: f64, max_move: u64) {
    let mut env = Env::new().await;
    env.list_model().await;
    env.edit_market(SOL_PERP, |m| m.profit_weight = weights.map(ratio))
        .await;
    env.refresh_all().await;
    let (other, by) = (rich(&mut env).await, rich(&mut env).await);
    let account = env.portfolio_trader(&[(SOL, 100 * SOL_1)]).await;
    trade(&mut env, SOL_PERP, &other, &account, 150.0, lots).await;
    let init = env.health(&account).await.init.unsigned_abs();
    env.borrow(&account, USDC, init / 1_000 * 995)
        .await
        .unwrap();
    for _ in 0..60 {
        if env.health(&account).await.maintenance < 0 {
            break;
        }
        let dollars = env.assets[SOL].usd * factor;
        shock(&mut env, SOL, dollars).await;
    }
    let mut done = 0;
    for _ in 0..60 {
        // A refresh within the plan would move what the liquidator's own is worth.
        env.refresh_all().await;
        let known = Knowledge::of(&env).await;
        let limits = Limits {
            max_move,
            ..limits()
        };
        match known.plan_within(&limits, &env, &by, &account).await {
            Ok(plan) => {
                as_foreseen(&mut env, &by, &plan).await;
                if plan.step.kind() == "flag" {
                    publish(&mut env).await;
                }
                done += 1;
            }
            Err(NoPlan::Healthy) => break,
            // Until it is a leg's turn.
            Err(_) => {
                env.advance(PATIENCE_SECS as i64).await;
            }
        }
    }
    assert!(done > 1, "{weights:?} {lots}: nothing was to be done");
    env.assert_conserved().await;
}
