//! What the TypeScript client's tests read: accounts of the built program, and what it then did with an order.
//!
//! With `PLIMSOLL_WRITE_FIXTURES` set the file is written; otherwise sizes and figures in it must be as they are here.
use std::{fs, path::Path};

use anchor_lang::prelude::Pubkey;
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    trading::{ask, bid, placed},
    Env,
};
use serde_json::{json, Value};

use super::{desk, SPOT};

/// The accounts that have an entry of their own.
const ACCOUNTS: [&str; 6] = [
    "riskState",
    "exchange",
    "bank",
    "market",
    "book",
    "fillQueue",
];
/// Stretches of zeros shorter than this are written out.
const GAP: usize = 16;

/// An account's data as its length and its stretches that are not zero: most of a book is.
async fn account(env: &Env, address: Pubkey) -> Value {
    let data = env.find_account(address).await.expect("exists").data;
    let mut stretches: Vec<(usize, String)> = Vec::new();
    let mut end = 0;
    for (i, byte) in data.iter().enumerate().filter(|(_, byte)| **byte != 0) {
        match stretches.last_mut() {
            Some((_, hex)) if i - end < GAP => hex.push_str(&"00".repeat(i - end)),
            _ => stretches.push((i, String::new())),
        }
        let (_, hex) = stretches.last_mut().expect("just there");
        hex.push_str(&format!("{byte:02x}"));
        end = i + 1;
    }
    json!({ "length": data.len(), "stretches": stretches })
}

#[tokio::test]
async fn the_typescript_clients_fixture_is_what_the_program_does() {
    let (mut env, maker, taker) = desk().await;
    env.deposit(&maker, SOL, 500_000_000_000).await.unwrap();
    env.borrow(&taker, SOL, 200_000_000_000).await.unwrap();
    env.place(&maker, ask(SPOT + 10, 5_000), &[]).await;
    env.place(&taker, bid(SPOT + 10, 2_000), &[&maker]).await;
    env.place(&maker, ask(SPOT + 20, 800), &[]).await;
    env.place(&taker, bid(SPOT - 30, 700), &[]).await;
    env.place(&taker, bid(SPOT + 10, 10), &[]).await;

    let market = env.markets[SOL_PERP].market;
    let clock = env.clock().await;
    let mut fixture = json!({
        "clock": { "slot": clock.slot.to_string(), "unixTime": clock.unix_timestamp.to_string() },
        "riskState": account(&env, env.exchange.risk_state).await,
        "exchange": account(&env, env.exchange.address).await,
        "bank": account(&env, env.assets[USDC].asset.bank).await,
        "market": account(&env, market.address).await,
        "book": account(&env, market.book).await,
        "fillQueue": account(&env, market.fill_queue).await,
        "vault": env.tokens(env.assets[USDC].asset.vault).await.to_string(),
        "taker": {
            "address": taker.margin.to_string(),
            "owner": taker.pubkey().to_string(),
            "marginAccount": account(&env, taker.margin).await,
        },
        "maker": {
            "address": maker.margin.to_string(),
            "owner": maker.pubkey().to_string(),
            "marginAccount": account(&env, maker.margin).await,
        },
    });
    let before = env.health(&taker).await;
    fixture["health"] = json!({
        "init": before.init.to_string(),
        "liquidationEnd": before.liquidation_end.to_string(),
        "maintenance": before.maintenance.to_string(),
        "equity": before.equity.to_string(),
    });
    let order = env.order_ix(&taker, bid(SPOT + 25, 4_500), &[&maker]);
    let outcome = env.run(&[order], &[&taker.key]).await;
    let done = placed(&outcome);
    let after = env.health(&taker).await;
    fixture["order"] = json!({
        "price": (SPOT + 25).to_string(),
        "lots": "4500",
        "orderId": done.id.to_string(),
        "filledLots": done.filled.to_string(),
        "filledQuote": done.quote.to_string(),
        "fee": done.fee.to_string(),
        "restingLots": done.resting.to_string(),
        "initAfter": after.init.to_string(),
        "maintenanceAfter": after.maintenance.to_string(),
        "logs": outcome.logs,
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/client/test/fixtures/risk.json");
    if std::env::var_os("PLIMSOLL_WRITE_FIXTURES").is_some() {
        let text = serde_json::to_string_pretty(&fixture).unwrap();
        fs::write(&path, text + "\n").unwrap();
    }
    let committed = fs::read_to_string(&path).expect("the fixture is committed");
    let committed: Value = serde_json::from_str(&committed).expect("the fixture is JSON");
    assert_eq!(
        comparable(fixture),
        comparable(committed),
        "run this test with PLIMSOLL_WRITE_FIXTURES=1 and commit the result"
    );
}

/// Without what differs from run to run: keys and times.
fn comparable(mut fixture: Value) -> Value {
    let lengths: Vec<Value> = ACCOUNTS
        .iter()
        .map(|name| fixture[name]["length"].clone())
        .collect();
    let mut order = fixture["order"].take();
    order["logs"].take();
    json!({ "lengths": lengths, "health": fixture["health"], "order": order })
}
