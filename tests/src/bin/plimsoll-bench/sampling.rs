//! Compute units of refreshing prices that an underlying follows, with and without a sample of its volatility.
use plimsoll_client::instructions::RefreshEntry;
use plimsoll_tests::env::{BTC, ETH, SOL, SOL_PERP};

use crate::{
    portfolio::{World, DEEP, ROOM},
    table::Row,
};

/// Seconds after which a price is a sample, and of the clock that are none.
const DUE: i64 = 400;
const EARLY: i64 = 10;

/// Of feeds that an asset and a market follow: SOL drives a factor, ether is explained by two.
pub async fn rows(world: &mut World) -> Vec<Row> {
    world.env.list_model().await;
    world.fill_book(SOL_PERP, DEEP).await;
    let mut rows = Vec::new();
    let feeds = [
        (
            "refresh, each feed with an underlying",
            SOL,
            EARLY,
            Some(3_000),
        ),
        ("refresh, each feed, a factor's sample", SOL, DUE, None),
        ("refresh, each feed, any other sample", ETH, DUE, None),
        (
            "refresh, each feed, a sample on a legacy feed",
            BTC,
            DUE,
            None,
        ),
    ];
    for (what, asset, secs, budget) in feeds {
        let entry = world.env.feed_entry(asset);
        rows.push(row(world, what, entry, secs, budget).await);
    }
    rows
}

/// The difference between refreshing an entry with another and that other alone.
async fn row(
    world: &mut World,
    what: &'static str,
    entry: RefreshEntry,
    secs: i64,
    budget: impl Into<Option<u64>>,
) -> Row {
    let other = world.env.feed_entry(ROOM - 1);
    // Everything has its first sample, or its last just now.
    let together = [other, entry];
    refresh(world, &together, DUE).await;
    let alone = refresh(world, &[other], EARLY).await;
    refresh(world, &together, DUE).await;
    let both = refresh(world, &together, secs).await;
    Row::new(what, "", both - alone, budget)
}

/// Refreshes what has just been published, a tenth of a percent away from the last time.
async fn refresh(world: &mut World, entries: &[RefreshEntry], secs: i64) -> u64 {
    world.env.advance(secs).await;
    for asset in 0..ROOM {
        let usd = world.env.assets[asset].usd;
        let moved = if secs == DUE { usd * 1.001 } else { usd };
        world.env.set_price(asset, moved).await;
    }
    world.env.refresh(entries).await.cu
}
