//! The exchange's directory: what its users need to know and what is not on the chain.
use std::net::SocketAddr;

use plimsoll_client::directory::{
    Directory, DirectoryAsset, DirectoryFeed, DirectoryMarket, Endpoints, VERSION,
};

use super::pro;
use crate::{
    feeds::ListedFeed,
    node::Node,
    setup::{ListedAsset, ListedMarket, World},
};

/// Where what is local to the chain is served.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The web app, history, faucet and scenarios.
    pub pages: SocketAddr,
    /// The signer of prices.
    pub signer: SocketAddr,
}

/// The directory of a local exchange, with everything at its local address.
pub fn of(world: &World, node: &Node, addresses: Addresses) -> Directory {
    let address = addresses.pages;
    let feeds = (0..).zip(&world.feeds.listed);
    let assets = (0..).zip(&world.assets);
    let markets = world.markets.iter();
    Directory {
        version: VERSION,
        name: "Local exchange".into(),
        program: plimsoll::ID,
        exchange: world.exchange.address,
        feeds: feeds.map(|(index, listed)| feed(index, listed)).collect(),
        assets: assets.map(|(index, listed)| asset(index, listed)).collect(),
        markets: markets.map(|listed| market(world, listed)).collect(),
        endpoints: Endpoints {
            rpc: node.rpc_url(),
            ws: Some(node.ws_url()),
            history: Some(format!("http://{address}/history")),
            local: Some(format!("http://{address}/local")),
            pro: Some(pro::url(addresses.signer)),
        },
    }
}

fn feed(index: u8, listed: &ListedFeed) -> DirectoryFeed {
    DirectoryFeed {
        index,
        name: listed.listing.name.into(),
        account: listed.account.filter(|_| listed.is_derived()),
        fallback: listed.account.filter(|_| !listed.is_derived()),
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
    }
}

fn market(world: &World, listed: &ListedMarket) -> DirectoryMarket {
    DirectoryMarket {
        index: listed.market.index,
        name: listed.name.into(),
        base: world.assets[listed.base].symbol.into(),
    }
}
