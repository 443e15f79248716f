//! The exchange's directory: what its users need to know and what is not on the chain.
use std::net::SocketAddr;

use serde_json::{json, Value};

use crate::{node::Node, setup::World};

/// The directory of a local exchange, with everything at its local address.
pub fn of(world: &World, node: &Node, address: SocketAddr) -> Value {
    let assets = world.assets.iter().enumerate().map(|(index, listed)| {
        json!({
            "index": index,
            "symbol": listed.symbol,
            "name": listed.name,
            "mint": listed.asset.mint.to_string(),
            "tokenProgram": listed.asset.token_program.to_string(),
            "decimals": listed.decimals,
            "oracle": listed.oracle.to_string(),
            "fallback": null,
        })
    });
    let markets = world.markets.iter().map(|listed| {
        let base = &world.assets[listed.base];
        json!({
            "index": listed.market.index,
            "name": listed.name,
            "base": base.symbol,
            "oracle": base.oracle.to_string(),
            "fallback": null,
        })
    });
    json!({
        "version": 1,
        "name": "Local exchange",
        "program": plimsoll::ID.to_string(),
        "exchange": world.exchange.address.to_string(),
        "assets": assets.collect::<Value>(),
        "markets": markets.collect::<Value>(),
        "endpoints": {
            "rpc": node.rpc_url(),
            "ws": node.ws_url(),
            "history": format!("http://{address}/history"),
            "local": format!("http://{address}/local"),
        },
    })
}
