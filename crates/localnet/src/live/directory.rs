//! The exchange's directory: what its users need to know and what is not on the chain.
use std::net::SocketAddr;

use plimsoll_client::directory::{Directory, DirectoryAsset, DirectoryMarket, Endpoints, VERSION};

use crate::{
    node::Node,
    setup::{ListedAsset, ListedMarket, World},
};

/// The directory of a local exchange, with everything at its local address.
pub fn of(world: &World, node: &Node, address: SocketAddr) -> Directory {
    let assets = (0..).zip(&world.assets);
    let markets = world.markets.iter();
    Directory {
        version: VERSION,
        name: "Local exchange".into(),
        program: plimsoll::ID,
        exchange: world.exchange.address,
        assets: assets.map(|(index, listed)| asset(index, listed)).collect(),
        markets: markets.map(|listed| market(world, listed)).collect(),
        endpoints: Endpoints {
            rpc: node.rpc_url(),
            ws: Some(node.ws_url()),
            history: Some(format!("http://{address}/history")),
            local: Some(format!("http://{address}/local")),
        },
    }
}

fn asset(index: u16, listed: &ListedAsset) -> DirectoryAsset {
    DirectoryAsset {
        index,
        symbol: listed.symbol.into(),
        name: listed.name.into(),
        mint: listed.asset.mint,
        token_program: listed.asset.token_program,
        decimals: listed.decimals,
        oracle: listed.oracle,
        fallback: None,
    }
}

fn market(world: &World, listed: &ListedMarket) -> DirectoryMarket {
    let base = &world.assets[listed.base];
    DirectoryMarket {
        index: listed.market.index,
        name: listed.name.into(),
        base: base.symbol.into(),
        oracle: base.oracle,
        fallback: None,
    }
}
