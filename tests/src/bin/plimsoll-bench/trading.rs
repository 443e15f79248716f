//! Compute units of placing, filling and cancelling orders.
use anchor_lang::prelude::Pubkey;
use plimsoll::orders::terms::{OrderRef, OrderSide, OrderType};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    env::{BTC_PERP, SOL_PERP},
    Trader,
};
use std::collections::BTreeSet;

use crate::{
    portfolio::{largest, order, place, World, DEEP, LOTS, ROOM},
    table::Row,
};

const SMALL: &str = "2 collateral, 1 market";
/// Makers, or fills, between which the cost of one is the difference.
const FEW: usize = 1;
const MANY: usize = 4;

pub async fn rows(world: &mut World) -> Vec<Row> {
    let mut rows = posting(world).await;
    rows.extend(filling(world).await);
    rows.extend(cancelling(world).await);
    rows.extend(delegated(world).await);
    rows
}

/// Posts into a filled book by portfolios of several sizes.
async fn posting(world: &mut World) -> Vec<Row> {
    let small = world.full(1_000_000, 2, 1).await;
    let assets = world.full(1_000_000, ROOM, 1).await;
    let full = world.full(1_000_000, ROOM, ROOM).await;
    let largest = largest(world).await;
    world.fill_book(SOL_PERP, DEEP).await;
    world.fill_book(BTC_PERP, DEEP).await;
    let price = world.price(SOL_PERP).await - 30;
    let terms = order(OrderSide::Bid, price, LOTS, OrderType::PostOnly);
    let mut post = async |trader: &Trader| world.place(trader, SOL_PERP, terms, &[]).await;
    let small = post(&small).await;
    let assets = post(&assets).await;
    let full = post(&full).await;
    let most = post(&largest).await;
    cancel_all(world, &largest).await;
    let room = ROOM as u64;
    vec![
        Row::new("place_order, posts", SMALL, small, 12_000),
        Row::new(
            "place_order, posts",
            "16 collateral, 16 markets",
            full,
            25_000,
        ),
        Row::new("place_order, posts", "largest account", most, 200_000),
        Row::new(
            "each further collateral in health",
            "",
            (assets - small) / (room - 2),
            250,
        ),
        Row::new(
            "each further market in health",
            "",
            (full - assets) / (room - 1),
            550,
        ),
    ]
}

/// Clears the books of an account's orders for what is measured next.
async fn cancel_all(world: &mut World, trader: &Trader) {
    let markets: Vec<_> = world.env.markets.iter().map(|m| m.market).collect();
    let cancel = ix::cancel_orders(trader.pubkey(), trader.margin, &markets, None, 64);
    world.cost(cancel, trader).await;
}

/// Trades with makers at hand, with a maker who is not, and the settlement of the latter.
async fn filling(world: &mut World) -> Vec<Row> {
    let taker = world.full(1_000_000, 2, 1).await;
    let mut makers = Vec::new();
    for _ in 0..MANY {
        makers.push(world.full(1_000_000, 2, 1).await);
    }
    let mut in_place = [0; 2];
    let mut queued = [0; 2];
    let mut settled = [0; 2];
    for (i, count) in [FEW, MANY].into_iter().enumerate() {
        let makers: Vec<&Trader> = makers.iter().take(count).collect();
        let margins: Vec<Pubkey> = makers.iter().map(|maker| maker.margin).collect();
        in_place[i] = trade(world, &taker, &makers, &margins).await;
        let maker = makers[0];
        queued[i] = trade(world, &taker, &vec![maker; count], &[]).await;
        let market = &world.env.markets[SOL_PERP].market;
        let settle = ix::settle_fills(market, &[maker.margin], u16::MAX);
        settled[i] = world.cost(settle, maker).await;
    }
    let terms = order(OrderSide::Bid, 1, LOTS, OrderType::Limit);
    let margins = [makers[0].margin, makers[1].margin];
    let trade = place(&world.env, &taker, SOL_PERP, terms, &margins);
    let accounts: BTreeSet<_> = trade.accounts.iter().map(|a| a.pubkey).collect();
    let named = accounts.len() as u64 + 1;
    let each = |[few, many]: [u64; 2]| (many - few) / (MANY - FEW) as u64;
    vec![
        Row::new("place_order, one fill in place", SMALL, in_place[0], None),
        Row::new(
            "each further maker filled and settled in place",
            "",
            each(in_place),
            5_000,
        ),
        Row::new("place_order, one fill queued", SMALL, queued[0], None),
        Row::new("each further fill queued", "", each(queued), 5_000),
        Row::new("settle_fills, one fill", "", settled[0], None),
        Row::new("settle_fills, each further fill", "", each(settled), None),
        Row::new(
            "accounts in a trade, two makers and the program included",
            "any",
            named,
            10,
        ),
    ]
}

/// An order that fills one order of each of `makers`, those in `at_hand` in place.
async fn trade(world: &mut World, taker: &Trader, makers: &[&Trader], at_hand: &[Pubkey]) -> u64 {
    let price = world.price(SOL_PERP).await;
    for maker in makers {
        let posts = order(OrderSide::Ask, price, LOTS, OrderType::PostOnly);
        world.place(maker, SOL_PERP, posts, &[]).await;
    }
    let lots = LOTS * makers.len() as i64;
    let takes = order(OrderSide::Bid, price, lots, OrderType::FillOrKill);
    world.place(taker, SOL_PERP, takes, at_hand).await
}

/// What a delegate's signature adds: an order of it, and its delegation.
async fn delegated(world: &mut World) -> Vec<Row> {
    let owner = world.full(1_000_000, 2, 1).await;
    let by = world.full(1_000_000, 1, 0).await;
    let terms = world.env.anything(1_000).await;
    let (key, margin) = (owner.pubkey(), owner.margin);
    let set = ix::set_delegate(key, key, margin, by.pubkey(), terms);
    let set = world.cost(set, &owner).await;
    let price = world.price(SOL_PERP).await - 30;
    let terms = order(OrderSide::Bid, price, LOTS, OrderType::PostOnly);
    let (exchange, market) = (world.env.exchange, world.env.markets[SOL_PERP].market);
    let post = ix::place_order(&exchange, by.pubkey(), margin, &market, terms, &[]);
    let post = world
        .cost(ix::by_delegate(post, margin, by.pubkey()), &by)
        .await;
    let cancel = ix::cancel_orders(key, margin, &[market], None, 64);
    world.cost(cancel, &owner).await;
    vec![
        Row::new("place_order by a delegate, posts", SMALL, post, 13_000),
        Row::new("set_delegate, a new one", "", set, 20_000),
    ]
}

/// Cancels one order, and all that an account can have.
async fn cancelling(world: &mut World) -> Vec<Row> {
    let trader = world.fill_book(SOL_PERP, DEEP).await;
    let market = world.env.markets[SOL_PERP].market;
    let (signer, margin) = (trader.pubkey(), trader.margin);
    let all = ix::cancel_orders(signer, margin, &[market], None, 64);
    let all = world.cost(all, &trader).await;
    let price = world.price(SOL_PERP).await - 30;
    let terms = order(OrderSide::Bid, price, LOTS, OrderType::PostOnly);
    world.place(&trader, SOL_PERP, terms, &[]).await;
    let one = ix::cancel_order(signer, margin, &market, OrderRef::ClientId(terms.client_id));
    let one = world.cost(one, &trader).await;
    vec![
        Row::new("cancel_order", "", one, 5_000),
        Row::new("cancel_orders, 64 orders", "", all, 200_000),
    ]
}
