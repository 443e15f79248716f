//! Compute units of what becomes of losses: profits are marked and share what is collected, or what cannot be, and a bank buys what
//! it lacks.
use anchor_lang::prelude::Pubkey;
use plimsoll_client::instructions::{self as ix, BadDebt, Liquidation};
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    scenarios::{
        insure, liquidate, mark_all, resolve_ix, resolve_loss_ix, rich, settle_down, shock, swap,
        take, trade, Leg, ALL, SOL_1,
    },
    usd, Env,
};

use crate::table::Row;

/// Who wins what one account loses: the first is marked alone, all others together.
const WINNERS: usize = 5;
/// Lots that each of them is short.
const SHORT: i64 = 2_000;

pub async fn rows() -> Vec<Row> {
    let mut rows = sharing().await;
    rows.push(restocking().await);
    rows
}

/// A long that loses more than it has: its shorts are marked before that is resolved, and again so that they share the shortfall.
async fn sharing() -> Vec<Row> {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let loser = env.trader_with(&[(USDC, usd(2_000))]).await;
    let by = rich(&mut env).await;
    let mut winners = Vec::new();
    for _ in 0..WINNERS {
        let winner = env.trader_with(&[(USDC, usd(50_000))]).await;
        trade(&mut env, SOL_PERP, &loser, &winner, 150.0, SHORT).await;
        winners.push(winner.margin);
    }
    shock(&mut env, SOL, 100.0).await;
    let what = Liquidation {
        swap: swap(&env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL).swap,
        ..take(&env, SOL_PERP, ALL)
    };
    liquidate(&mut env, &by, &loser, &what).await;
    settle_down(&mut env).await;
    let one = mark(&mut env, &winners[..1]).await;
    let others = mark(&mut env, &winners[1..]).await;
    let each = (others - one) / (WINNERS as u64 - 2);

    let resolve = resolve_loss_ix(&env, &by, &loser, SOL_PERP);
    env.run(&[resolve], &[&by.key]).await;
    settle_down(&mut env).await;
    mark_all(&mut env, SOL_PERP).await;
    let share = ix::share_shortfall(&env.exchange, &env.markets[SOL_PERP].market);
    let share = env.run(&[share], &[]).await.cu;
    vec![
        Row::new("mark_profits, one account", "", one, None),
        Row::new("mark_profits, each further account", "", each, None),
        Row::new("share_shortfall", "", share, None),
    ]
}

async fn mark(env: &mut Env, accounts: &[Pubkey]) -> u64 {
    let mark = ix::mark_profits(&env.exchange, &env.markets[SOL_PERP].market, accounts);
    env.run(&[mark], &[]).await.cu
}

/// Insurance has paid for a debt that nobody repays, and the bank buys a part of what it lacks.
async fn restocking() -> Row {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let debtor = env.trader_with(&[(USDC, usd(1_000))]).await;
    let seller = env.trader_with(&[(SOL, 10 * SOL_1)]).await;
    env.borrow(&debtor, SOL, 5 * SOL_1).await.expect("a loan");
    for price in [200.0, 250.0] {
        shock(&mut env, SOL, price).await;
    }
    let what = swap(&env, Leg::Asset(USDC), Leg::Asset(SOL), ALL);
    liquidate(&mut env, &by, &debtor, &what).await;
    insure(&mut env, &by, usd(1_000)).await;
    let (sol, usdc) = (env.assets[SOL].asset.bank, env.assets[USDC].asset.bank);
    let debt = BadDebt::Asset {
        bank: sol,
        resolver_account: None,
        max_repay: 0,
    };
    let resolve = resolve_ix(&env, &by, &debtor, &debt);
    env.run(&[resolve], &[&by.key]).await;
    let (key, margin) = (seller.pubkey(), seller.margin);
    let sell = ix::restock_bank(&env.exchange, key, margin, sol, usdc, SOL_1 / 10);
    let cost = env.run(&[sell], &[&seller.key]).await.cu;
    Row::new("restock_bank", "", cost, None)
}
