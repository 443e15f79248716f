//! Compute units of portfolio margin: the same instructions, by accounts whose slots net.
use plimsoll::orders::terms::{OrderSide, OrderType};
use plimsoll_client::instructions::{self as ix, Follower, Liquidation, Swap};
use plimsoll_risk::{MarginMode, UnderlyingParams};
use plimsoll_tests::{
    env::{ETH, SOL, SOL_PERP, USDC},
    portfolio::{driver, model, underlying},
    usd, Trader,
};

use crate::{
    portfolio::{largest, order, units, World, DEEP, LOTS, ROOM},
    risk::{flag, liquidate_ix},
    table::Row,
};

const FULL: &str = "16 collateral, 16 markets, portfolio margin";
/// Lots whose loss a fall of the price turns into a liquidation.
const LARGE: i64 = 25_000;
const BEYOND: &str = "largest account beyond every depth, portfolio margin";

/// Every asset and every market gets an underlying of its own: the most that an account can be exposed to.
pub async fn rows(world: &mut World) -> Vec<Row> {
    world.env.edit_model(model()).await;
    for number in 1..2 * ROOM {
        edit(world, number, |_| ()).await;
        let follower = if number < ROOM {
            Follower::Asset(number as u16)
        } else {
            Follower::Market((number - ROOM) as u16)
        };
        let env = &mut world.env;
        env.assign_underlying(follower, number as u8, true).await;
    }
    world.env.refresh_all().await;
    let mover = full(world, ROOM, ROOM).await;
    let victim = world.full(10_000, ROOM, ROOM).await;
    world.take_position(&victim, SOL_PERP, LARGE).await;
    let mode = MarginMode::Portfolio;
    world.env.set_margin_mode(&victim, mode).await;
    let (mut rows, beyond) = posting(world).await;
    rows.extend(moving(world, &mover).await);
    rows.extend(reporting(world, &mover, &beyond).await);
    for number in 1..2 * ROOM {
        edit(world, number, |_| ()).await;
    }
    world.env.refresh_all().await;
    rows.extend(liquidating(world, &mover, &victim).await);
    rows
}

/// Sets an underlying's parameters; the first three drive the factors.
async fn edit(world: &mut World, number: usize, change: impl Fn(&mut UnderlyingParams)) {
    let mut params = match number {
        1 => driver(1, "ONE", [1.0, 0.0, 0.0], 0.05, 0.05),
        2 => driver(2, "TWO", [1.2, 1.0, 0.0], 0.065, 0.03),
        3 => driver(3, "THREE", [1.1, 0.3, 1.0], 0.055, 0.02),
        _ => underlying("OTHER", [1.1, 0.3, -0.2], 0.06, 0.03),
    };
    change(&mut params);
    world.env.edit_underlying(number as u8, params).await;
}

async fn full(world: &mut World, assets: usize, markets: usize) -> Trader {
    let trader = world.full(1_000_000, assets, markets).await;
    let mode = MarginMode::Portfolio;
    world.env.set_margin_mode(&trader, mode).await;
    trader
}

/// Also the largest account.
async fn posting(world: &mut World) -> (Vec<Row>, Trader) {
    let mut traders = Vec::new();
    for (assets, markets, portfolio, budget) in [
        (2, 1, "2 collateral, 1 market, portfolio margin", None),
        (
            4,
            4,
            "4 collateral, 4 markets, portfolio margin",
            Some(25_000),
        ),
        (ROOM, ROOM, FULL, Some(60_000)),
    ] {
        traders.push((full(world, assets, markets).await, portfolio, budget));
    }
    let beyond = largest(world).await;
    world.fill_book(SOL_PERP, DEEP).await;
    let price = world.price(SOL_PERP).await - 30;
    let terms = order(OrderSide::Bid, price, LOTS, OrderType::PostOnly);
    let mut rows = Vec::new();
    for (trader, portfolio, budget) in &traders {
        let cost = world.place(trader, SOL_PERP, terms, &[]).await;
        rows.push(Row::new("place_order, posts", portfolio, cost, *budget));
    }
    shallow(world).await;
    world
        .env
        .deposit(&beyond, USDC, usd(9_000_000))
        .await
        .expect("a deposit");
    let mode = MarginMode::Portfolio;
    world.env.set_margin_mode(&beyond, mode).await;
    let cost = world.place(&beyond, SOL_PERP, terms, &[]).await;
    rows.push(Row::new("place_order, posts", BEYOND, cost, 200_000));
    for number in 1..2 * ROOM {
        edit(world, number, |_| ()).await;
    }
    (rows, beyond)
}

/// Every delta beyond its depth needs a root of its own.
async fn shallow(world: &mut World) {
    for number in 1..2 * ROOM {
        edit(world, number, |params| params.depth_notional = usd(1)).await;
    }
}

/// What is stale is measured with and without.
async fn reporting(world: &mut World, trader: &Trader, beyond: &Trader) -> Vec<Row> {
    let exchange = world.env.exchange;
    let health = ix::account_health(&exchange, trader.margin);
    let health = world.cost(health, trader).await;
    let risk = ix::account_risk(&exchange, trader.margin);
    let risk = world.cost(risk, trader).await;
    shallow(world).await;
    world.env.advance(3_600).await;
    let worst_health = ix::account_health(&exchange, beyond.margin);
    let worst_health = world.cost(worst_health, beyond).await;
    let worst_risk = ix::account_risk(&exchange, beyond.margin);
    let worst_risk = world.cost(worst_risk, beyond).await;
    vec![
        Row::new("account_health", FULL, health, 200_000),
        Row::new("account_risk", FULL, risk, 200_000),
        Row::new("account_health, all stale", BEYOND, worst_health, 200_000),
        Row::new("account_risk, all stale", BEYOND, worst_risk, 200_000),
    ]
}

/// Slices so small that the account stays below its line. The liquidator's slots net too.
async fn liquidating(world: &mut World, liquidator: &Trader, victim: &Trader) -> Vec<Row> {
    while world.env.health(victim).await.maintenance >= 0 {
        world.env.advance(60).await;
        world.env.assets[SOL].usd *= 0.98;
        world.env.refresh_all().await;
    }
    let position = Liquidation {
        position: Some((world.env.markets[SOL_PERP].market, 100)),
        ..Liquidation::default()
    };
    let swap = Liquidation {
        swap: Some(Swap {
            collateral: world.env.assets[SOL].asset.bank,
            debt: world.env.assets[ETH].asset.bank,
            max_debt: units(&world.env, ETH, 10.0),
            quote_bank: None,
        }),
        ..Liquidation::default()
    };
    let both = Liquidation {
        swap: swap.swap,
        ..position.clone()
    };
    flag(world, liquidator, victim).await;
    let mut rows = Vec::new();
    for (name, what) in [
        ("liquidate, a position slice", position),
        ("liquidate, a swap of collateral for debt", swap),
        ("liquidate, a position slice and a swap", both),
    ] {
        let liquidate = liquidate_ix(world, liquidator, victim, &what);
        let cost = world.cost(liquidate, liquidator).await;
        rows.push(Row::new(name, FULL, cost, 200_000));
    }
    rows
}

async fn moving(world: &mut World, trader: &Trader) -> Vec<Row> {
    let deposit = world.env.deposit_ix(trader, USDC, usd(10));
    let deposit = world.cost(deposit, trader).await;
    let withdraw = world.env.withdraw_ix(trader, USDC, usd(10), false);
    let withdraw = world.cost(withdraw, trader).await;
    vec![
        Row::new("deposit", FULL, deposit, None),
        Row::new("withdraw", FULL, withdraw, None),
    ]
}
