//! What the measured units allow per second: the runtime's limits per block and per writable account, at the slots of
//! yesterday and of today.
use std::{fmt::Write as _, path::Path};

use solana_cost_model::block_cost_limits::{
    INSTRUCTION_DATA_BYTES_COST, MAX_BLOCK_UNITS, MAX_WRITABLE_ACCOUNT_UNITS, SIGNATURE_COST,
    WRITE_LOCK_UNITS,
};

use crate::table::Row;

/// Slot that the runtime's limits are given for; they scale with its length.
const LIMITS_SLOT_MS: u64 = 400;
const SLOTS_MS: [u64; 2] = [400, 200];
/// Feeds that keepers refresh once a slot, in one call.
const FEEDS: u64 = 32;
/// Data of an order's instruction, bytes.
const ORDER_BYTES: u64 = 64;

const PREFACE: &str = "\
# How many orders a second

From the units of [`bench/COMPUTE_UNITS.md`](../bench/COMPUTE_UNITS.md) and the runtime's own limits (crate
`solana-cost-model`: units per block and per writable account, what a signature, a write lock and a byte of data cost).
`cargo xtask bench --write` writes this page. It is a model of the limits, not a measurement of a cluster: what else a block
carries, and how a leader schedules, is left out.

An order writes its trader's account, the market, its book and its fill queue, and reads the risk state. So orders in one
market wait for each other, and orders in different markets do not, as long as nobody writes the risk state. A refresh writes
it: every trade that carries one waits for every other that does, in whatever market.

";

/// The cost of a transaction with one signature, as the scheduler counts it.
const fn cost(units: u64, writable: u64, bytes: u64) -> u64 {
    units + SIGNATURE_COST + writable * WRITE_LOCK_UNITS + bytes / INSTRUCTION_DATA_BYTES_COST
}

fn figure(rows: &[Row], what: &str, portfolio: &str) -> u64 {
    let row = rows.iter().find(|row| row.is(what, portfolio));
    row.unwrap_or_else(|| panic!("no row {what}")).figure()
}

/// The page.
pub fn page(rows: &[Row]) -> String {
    let small = "2 collateral, 1 market";
    let posts = figure(rows, "place_order, posts", small);
    let takes = figure(rows, "place_order, one fill in place", small);
    let one = figure(rows, "refresh, one feed", "");
    let each = figure(rows, "refresh, each feed of an asset and a market", "");
    let keeper = one + (FEEDS - 1) * each;
    let mut out = PREFACE.to_string();
    let _ = writeln!(
        out,
        "Keepers refresh {FEEDS} feeds once a slot: {keeper} units.\n\n\
         | orders a second | slot, ms | rest | take one maker | bound by |\n|---|---:|---:|---:|---|"
    );
    for slot in SLOTS_MS {
        let account = MAX_WRITABLE_ACCOUNT_UNITS * slot / LIMITS_SLOT_MS;
        let block = MAX_BLOCK_UNITS * slot / LIMITS_SLOT_MS;
        let per_second = |limit: u64, cost: u64| limit / cost * 1_000 / slot;
        // Payer, account, market, book, queue; a maker's account more; the risk state more.
        let (rest, take) = (cost(posts, 5, ORDER_BYTES), cost(takes, 6, ORDER_BYTES));
        let left = block - cost(keeper, 2, FEEDS);
        let with = |units: u64, writable: u64| cost(units + one, writable + 1, ORDER_BYTES + 16);
        let rows = [
            (
                "in one market",
                per_second(account, rest),
                per_second(account, take),
                "the market's account",
            ),
            (
                "across markets, keepers refreshing",
                per_second(left, rest),
                per_second(left, take),
                "the block",
            ),
            (
                "across markets, a refresh in front of each",
                per_second(account, with(posts, 5)),
                per_second(account, with(takes, 6)),
                "the risk state",
            ),
        ];
        for (what, rest, take, bound) in rows {
            let _ = writeln!(out, "| {what} | {slot} | {rest} | {take} | {bound} |");
        }
    }
    let share = |slot: u64| {
        let account = MAX_WRITABLE_ACCOUNT_UNITS * slot / LIMITS_SLOT_MS;
        cost(keeper, 2, FEEDS) as f64 / account as f64 * 100.0
    };
    let _ = writeln!(
        out,
        "\nThe keepers' refresh takes {:.1} % of what a slot of 400 ms lets anybody write into the risk state, {:.1} % at 200 ms. \
         The next bottleneck is\nthe market: its account, book and queue are written by every order in it. Across markets it is \
         the block. Refreshes in front of\norders bind all markets together; clients put one there only when a price's age demands \
         it.",
        share(400),
        share(200),
    );
    out
}

/// Stores the page in the guides.
pub fn write(rows: &[Row]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
    std::fs::write(path, page(rows)).expect("docs/performance.md can be written");
}
