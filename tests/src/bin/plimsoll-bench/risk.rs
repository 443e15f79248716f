//! Compute units of refreshing prices, moving tokens, settling profits and liquidating.
use anchor_lang::solana_program::instruction::Instruction;
use plimsoll_client::instructions::{self as ix, Liquidation, RefreshEntry, Swap};
use plimsoll_tests::{
    env::{BTC, ETH, SOL, SOL_PERP, USDC},
    params::feed_limits,
    Trader,
};

use crate::{
    portfolio::{units, World, LOTS, ROOM},
    table::Row,
};

const FULL: &str = "16 collateral, 16 markets";
/// Lots whose loss the price below turns into a liquidation.
const LARGE: i64 = 66_000;
/// A market, with a pull feed, whose book holds more small orders than the impact price looks at.
const DUST: &str = "refresh, each market whose book is full of dust";
const DUST_MARKET: usize = 2;
/// Feeds of a signed message.
const SIGNED: usize = 8;
const CRASHED_SOL: f64 = 130.0;

pub async fn rows(world: &mut World) -> Vec<Row> {
    let trader = world.full(1_000_000, ROOM, ROOM).await;
    let victim = world.full(10_000, ROOM, ROOM).await;
    world.take_position(&victim, SOL_PERP, LARGE).await;
    let mut rows = tokens(world, &trader).await;
    rows.extend(refreshing(world).await);
    world.env.refresh_all().await;
    // A price of the same second would not be newer.
    world.env.advance(1).await;
    world.env.move_price(SOL, CRASHED_SOL).await;
    rows.extend(settling(world, &trader).await);
    rows.extend(liquidating(world, &trader, &victim).await);
    rows
}

async fn tokens(world: &mut World, trader: &Trader) -> Vec<Row> {
    let deposit = world.env.deposit_ix(trader, USDC, 1_000_000);
    let deposit = world.cost(deposit, trader).await;
    let withdraw = world.env.withdraw_ix(trader, USDC, 1_000_000, false);
    let withdraw = world.cost(withdraw, trader).await;
    vec![
        Row::new("deposit", FULL, deposit, 25_000),
        Row::new("withdraw", FULL, withdraw, 35_000),
    ]
}

/// One entry is the difference between refreshing it with others and those others alone.
async fn refreshing(world: &mut World) -> Vec<Row> {
    let other = world.env.feed_entry(ROOM - 1);
    let alone = refresh(world, &[other]).await;
    let mut rows = vec![Row::new("refresh, one feed", "", alone, None)];
    let feeds = [
        ("refresh, each feed of an asset and a market", SOL),
        ("refresh, each legacy feed of an asset and a market", BTC),
    ];
    for (what, asset) in feeds {
        let feed = world.env.feed_entry(asset);
        let both = refresh(world, &[other, feed]).await;
        rows.push(Row::new(what, "", both - alone, 2_500));
    }
    let bank = RefreshEntry::Bank(world.env.assets[SOL].asset);
    let both = refresh(world, &[other, bank]).await;
    rows.push(Row::new("refresh, each bank", "", both - alone, None));
    world.fill_book(DUST_MARKET, LOTS).await;
    for (what, market) in [("refresh, each market", SOL_PERP), (DUST, DUST_MARKET)] {
        let [feed, market] = world.env.market_entry(market);
        let without = refresh(world, &[other, feed]).await;
        let with = refresh(world, &[other, feed, market]).await;
        rows.push(Row::new(what, "", with - without, None));
    }
    let all: Vec<RefreshEntry> = (0..ROOM).map(|a| world.env.feed_entry(a)).collect();
    let all = refresh(world, &all).await;
    rows.push(Row::new(
        "refresh, the feeds of 16 assets and 16 markets",
        "",
        all,
        None,
    ));
    rows.extend(signed(world).await);
    rows
}

/// Refreshes of signed messages, with the instruction that has the signature checked. The feeds take posted prices again
/// afterwards.
async fn signed(world: &mut World) -> Vec<Row> {
    let assets: Vec<usize> = (ROOM - SIGNED..ROOM).collect();
    let env = &mut world.env;
    env.sign_feeds(&assets).await;
    let mut rows = Vec::new();
    for (what, count) in [
        ("refresh, a signed message of one feed", 1),
        ("refresh, a signed message of eight feeds", SIGNED),
    ] {
        // Once for the first price of the source.
        for is_measured in [false, true] {
            env.advance(1).await;
            let pair = env.signed(&assets[..count], &[]).await;
            let cost = env.run(&pair, &[]).await.cu;
            if is_measured {
                rows.push(Row::new(what, "", cost, None));
            }
        }
    }
    for asset in assets {
        let posted = env
            .edit_feed_ix(asset, |limits| *limits = feed_limits())
            .await;
        let authority = env.authority();
        env.run(&[posted], &[&authority]).await;
    }
    rows
}

/// Refreshes what has just been published, ten seconds after the last time.
async fn refresh(world: &mut World, entries: &[RefreshEntry]) -> u64 {
    world.env.advance(10).await;
    for asset in 0..ROOM {
        world
            .env
            .set_price(asset, world.env.assets[asset].usd)
            .await;
    }
    world.env.refresh(entries).await.cu
}

async fn settling(world: &mut World, trader: &Trader) -> Vec<Row> {
    let exchange = world.env.exchange;
    let market = &world.env.markets[SOL_PERP].market;
    let quote = &world.env.assets[USDC].asset;
    let settle = ix::settle_pnl(&exchange, trader.margin, market, quote);
    let settle = world.cost(settle, trader).await;
    let health = ix::account_health(&exchange, trader.margin);
    let health = world.cost(health, trader).await;
    vec![
        Row::new("settle_pnl, a loss", FULL, settle, None),
        Row::new("account_health", FULL, health, 200_000),
    ]
}

pub fn liquidate_ix(
    world: &World,
    liquidator: &Trader,
    victim: &Trader,
    what: &Liquidation,
) -> Instruction {
    let exchange = &world.env.exchange;
    let (key, own) = (liquidator.pubkey(), liquidator.margin);
    ix::liquidate(exchange, key, own, victim.margin, what)
}

/// Flags an account and publishes every price again a second later: from then on it can be seized from.
pub async fn flag(world: &mut World, liquidator: &Trader, victim: &Trader) {
    let flag = liquidate_ix(world, liquidator, victim, &Liquidation::default());
    world.cost(flag, liquidator).await;
    world.env.advance(1).await;
    world.env.refresh_all().await;
}

/// Slices so small that the account stays below its line.
async fn liquidating(world: &mut World, liquidator: &Trader, victim: &Trader) -> Vec<Row> {
    let position = Liquidation {
        position: Some((world.env.markets[SOL_PERP].market, 1_000)),
        ..Liquidation::default()
    };
    let swap = Liquidation {
        swap: Some(Swap {
            collateral: world.env.assets[SOL].asset.bank,
            debt: world.env.assets[ETH].asset.bank,
            max_debt: units(&world.env, ETH, 100.0),
            quote_bank: None,
        }),
        ..Liquidation::default()
    };
    flag(world, liquidator, victim).await;
    let mut figures = Vec::new();
    for what in [position, swap] {
        let liquidate = liquidate_ix(world, liquidator, victim, &what);
        figures.push(world.cost(liquidate, liquidator).await);
    }
    vec![
        Row::new("liquidate, a position slice", FULL, figures[0], 50_000),
        Row::new(
            "liquidate, a swap of collateral for debt",
            FULL,
            figures[1],
            50_000,
        ),
    ]
}
