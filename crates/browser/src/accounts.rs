//! Accounts in JSON. Free slots and unlisted entries are left out.
use std::collections::BTreeMap;

use anchor_lang::prelude::Pubkey;
use plimsoll::{
    matching::{BookOrder, BookSide, Side},
    state::Book,
};
use plimsoll_risk::EMPTY;
use serde::{Deserialize, Serialize};

use crate::{
    input::{Address, At, Part, Parts},
    output::{json, Answer, Failure},
    schema::{schema, Value},
};

#[derive(Deserialize)]
struct AccountInput {
    account: Part,
}

fn decoded(parts: &Parts, kind: &str) -> Result<Value, Failure> {
    let input: AccountInput = parts.header()?;
    let data = parts.bytes(input.account)?;
    let failed = |problem: String| Failure::input(&problem);
    schema()
        .map_err(failed)?
        .account(kind, data)
        .map_err(failed)
}

/// A margin account: its balances, positions and orders.
pub fn margin_account(parts: &Parts) -> Answer {
    let mut account = decoded(parts, "MarginAccount")?;
    let empty = i128::from(EMPTY);
    keep(&mut account, "balances", |balance| {
        balance.get("asset").and_then(Value::integer) != Some(empty)
    });
    keep(&mut account, "perps", |perp| {
        perp.get("market").and_then(Value::integer) != Some(empty)
    });
    keep(&mut account, "orders", |order| {
        order.get("id").and_then(Value::integer) != Some(0)
    });
    json(&account)
}

/// The risk state: the entries in use.
pub fn risk_state(parts: &Parts) -> Answer {
    let mut state = decoded(parts, "RiskState")?;
    for (list, count) in [
        ("feeds", "feedCount"),
        ("assets", "assetCount"),
        ("markets", "marketCount"),
        ("underlyings", "underlyingCount"),
    ] {
        let count = state.get(count).and_then(Value::integer);
        let count = count.and_then(|count| usize::try_from(count).ok());
        if let Some(entries) = state.get_mut(list).and_then(Value::list_mut) {
            entries.truncate(count.unwrap_or(0));
        }
    }
    json(&state)
}

/// A market.
pub fn market(parts: &Parts) -> Answer {
    json(&decoded(parts, "Market")?)
}

/// A bank.
pub fn bank(parts: &Parts) -> Answer {
    json(&decoded(parts, "Bank")?)
}

/// The exchange.
pub fn exchange(parts: &Parts) -> Answer {
    json(&decoded(parts, "Exchange")?)
}

/// A pending change, with what it would change decoded.
pub fn pending_change(parts: &Parts) -> Answer {
    let input: AccountInput = parts.header()?;
    let mut pending = decoded(parts, "PendingChange")?;
    let data = parts.bytes(input.account)?;
    // Discriminator, exchange, proposer, nonce, time, bump and the length of what follows.
    let change = data.get(8 + 32 + 32 + 8 + 8 + 1 + 4..).unwrap_or_default();
    let schema = schema().map_err(|problem| Failure::input(&problem))?;
    if let (Some(slot), Some(change)) = (pending.get_mut("change"), schema.value("Change", change))
    {
        *slot = change;
    }
    json(&pending)
}

/// A fill queue: the entries that wait, oldest first.
pub fn fill_queue(parts: &Parts) -> Answer {
    let mut account = decoded(parts, "FillQueueAccount")?;
    let waiting = account.get_mut("queue").and_then(|queue| {
        let len = usize::try_from(queue.get("len")?.integer()?).ok()?;
        let entries = queue.get_mut("entries")?.list_mut()?;
        entries.truncate(len);
        Some(std::mem::take(entries))
    });
    if let Some(slot) = account.get_mut("queue") {
        *slot = Value::List(waiting.unwrap_or_default());
    }
    json(&account)
}

fn keep(account: &mut Value, list: &str, used: impl Fn(&Value) -> bool) {
    if let Some(entries) = account.get_mut(list).and_then(Value::list_mut) {
        entries.retain(used);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookInput {
    account: Part,
    clock: At,
    /// Margin account whose orders are told one by one.
    #[serde(default)]
    owner: Option<Address>,
    /// Most levels of a side.
    #[serde(default)]
    depth: Option<usize>,
}

/// What rests at one price.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Level {
    /// Price lots.
    price: u64,
    /// Base lots of all orders.
    lots: i64,
    orders: u32,
    /// Base lots of the owner asked about.
    own_lots: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnOrder {
    side: &'static str,
    order_id: u64,
    price: u64,
    lots: i64,
    expiry: u32,
    reduce_only: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BookOutput {
    market: String,
    index: u16,
    tick: u64,
    /// Best first, expired orders left out.
    bids: Vec<Level>,
    asks: Vec<Level>,
    bid_orders: u32,
    ask_orders: u32,
    own: Vec<OwnOrder>,
    /// Margin accounts of the resting orders of each side, the best priced first, each once.
    bid_owners: Vec<String>,
    ask_owners: Vec<String>,
}

/// A book: levels of both sides, and an owner's own orders.
pub fn book(parts: &Parts) -> Answer {
    let input: BookInput = parts.header()?;
    let book = parts.account::<Book>(input.account)?;
    let now = input.clock.clock().unix_timestamp;
    let owner = input.owner.map(|owner| owner.0.to_bytes());
    let depth = input.depth.unwrap_or(usize::MAX);
    let (bids, asks) = (book.orders.side(Side::Bid), book.orders.side(Side::Ask));
    let mut own = Vec::new();
    for (side, orders) in [("bid", bids), ("ask", asks)] {
        let mine = orders.iter().filter(|order| Some(order.owner) == owner);
        own.extend(mine.map(|order| own_order(side, order)));
    }
    json(&BookOutput {
        market: book.market.to_string(),
        index: book.index,
        tick: book.tick,
        bids: levels(bids, owner, depth, now),
        asks: levels(asks, owner, depth, now),
        bid_orders: u32::try_from(bids.len()).unwrap_or(u32::MAX),
        ask_orders: u32::try_from(asks.len()).unwrap_or(u32::MAX),
        own,
        bid_owners: owners(bids, now),
        ask_owners: owners(asks, now),
    })
}

fn own_order(side: &'static str, order: &BookOrder) -> OwnOrder {
    OwnOrder {
        side,
        order_id: order.seq,
        price: order.price,
        lots: order.lots,
        expiry: order.expiry,
        reduce_only: order.is_reduce_only(),
    }
}

fn levels(side: &BookSide, owner: Option<[u8; 32]>, depth: usize, now: i64) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    for order in side.iter().filter(|order| !order.is_expired(now)) {
        let own = if Some(order.owner) == owner {
            order.lots
        } else {
            0
        };
        let full = levels.len() == depth;
        match levels.last_mut() {
            Some(level) if level.price == order.price => {
                level.lots = level.lots.saturating_add(order.lots);
                level.own_lots = level.own_lots.saturating_add(own);
                level.orders = level.orders.saturating_add(1);
            }
            _ if full => break,
            _ => levels.push(Level {
                price: order.price,
                lots: order.lots,
                orders: 1,
                own_lots: own,
            }),
        }
    }
    levels
}

fn owners(side: &BookSide, now: i64) -> Vec<String> {
    let mut seen: BTreeMap<[u8; 32], ()> = BTreeMap::new();
    side.iter()
        .filter(|order| !order.is_expired(now))
        .filter(|order| seen.insert(order.owner, ()).is_none())
        .map(|order| Pubkey::new_from_array(order.owner).to_string())
        .collect()
}
