//! Writing a transaction's events: all of them or none, and never twice.
use anyhow::{Context, Result};
use plimsoll::{
    events::{OrderFilled, OrderPlaced},
    orders::report::MakerFill,
};
use plimsoll_client::events::{self, Described};
use sqlx::{Any, Row, Transaction};

use super::{
    database::Database,
    membership::Membership,
    source::{Executed, Source},
};

/// Events that one slot can have: positions leave twenty bits for them.
const SLOT_BITS: u32 = 20;

/// An event that belongs to the exchange, with its number within the transaction.
struct Own {
    index: i64,
    event: Described,
    filled: Option<OrderFilled>,
    placed: Option<OrderPlaced>,
}

impl Own {
    /// Positions that it takes: each trade has one, and the event the last of them.
    fn positions(&self) -> i64 {
        let fills = self.filled.as_ref().map_or(1, |filled| filled.fills.len());
        i64::try_from(fills.max(1)).unwrap_or(1)
    }
}

/// Position of the first event of a slot.
pub fn first_position(slot: u64) -> i64 {
    i64::try_from(slot.min(i64::MAX as u64 >> SLOT_BITS)).unwrap_or(0) << SLOT_BITS
}

/// Whether a transaction is recorded.
pub async fn is_recorded(database: &Database, signature: &str) -> Result<bool> {
    let row = sqlx::query("SELECT 1 FROM transactions WHERE signature = $1")
        .bind(signature)
        .fetch_optional(database.pool())
        .await?;
    Ok(row.is_some())
}

/// Records a transaction and the events of it that belong to the exchange, in one database transaction. Recording it
/// again changes nothing. Returns the number of new events.
pub async fn record(
    database: &Database,
    membership: &Membership,
    source: &impl Source,
    executed: &Executed,
) -> Result<usize> {
    let logs = executed.logs.as_deref().unwrap_or_default();
    let (own, unknown) = own_events(database, membership, source, logs).await?;
    let gap = match executed.logs {
        None => 2,
        Some(_) if events::is_truncated(logs) => 1,
        Some(_) if unknown => 3,
        Some(_) => 0,
    };
    if gap != 0 {
        tracing::warn!(signature = executed.signature, gap, "events may be missing");
    }
    write(database, executed, &own, gap)
        .await
        .with_context(|| format!("cannot record transaction {}", executed.signature))
}

/// The events of the exchange, and whether the program logged something that is no event.
async fn own_events(
    database: &Database,
    membership: &Membership,
    source: &impl Source,
    logs: &[String],
) -> Result<(Vec<Own>, bool)> {
    let (mut own, mut unknown) = (Vec::new(), false);
    for (index, payload) in events::payloads(logs).iter().enumerate() {
        let Some(event) = events::describe(payload) else {
            unknown = true;
            continue;
        };
        if membership.admits(database, source, &event).await? {
            own.push(Own {
                index: i64::try_from(index)?,
                filled: events::read(payload),
                placed: events::read(payload),
                event,
            });
        }
    }
    Ok((own, unknown))
}

async fn write(database: &Database, executed: &Executed, own: &[Own], gap: i64) -> Result<usize> {
    let _writing = database.writing().await;
    let mut transaction = database.pool().begin().await?;
    // The first statement writes, so that SQLite takes its lock here and not halfway.
    let new = sqlx::query(
        "INSERT INTO transactions (signature, slot, time, gap) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (signature) DO NOTHING",
    )
    .bind(executed.signature.clone())
    .bind(i64::try_from(executed.slot)?)
    .bind(executed.time)
    .bind(gap)
    .execute(&mut *transaction)
    .await?;
    if new.rows_affected() == 0 {
        return Ok(0);
    }
    let mut next = if own.is_empty() {
        0
    } else {
        next_position(&mut transaction, executed.slot).await?
    };
    for own in own {
        let first = next;
        next += own.positions();
        write_event(&mut transaction, executed, own, first, next - 1).await?;
    }
    transaction.commit().await?;
    Ok(own.len())
}

/// The position after the last event of a slot: within a slot, transactions are in the order in which they were recorded.
/// Another process that records into the same database at this moment makes the insertion fail rather than share a
/// position; the transaction is then recorded at the next attempt.
async fn next_position(transaction: &mut Transaction<'_, Any>, slot: u64) -> Result<i64> {
    let (first, end) = (first_position(slot), first_position(slot.saturating_add(1)));
    let row =
        sqlx::query("SELECT MAX(position) FROM events WHERE position >= $1 AND position < $2")
            .bind(first)
            .bind(end)
            .fetch_one(&mut **transaction)
            .await?;
    let last: Option<i64> = row.try_get(0)?;
    Ok(last.map_or(first, |last| last + 1))
}

async fn write_event(
    transaction: &mut Transaction<'_, Any>,
    executed: &Executed,
    own: &Own,
    first: i64,
    position: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO events (signature, event_index, position, slot, time, kind, data) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(executed.signature.clone())
    .bind(own.index)
    .bind(position)
    .bind(i64::try_from(executed.slot)?)
    .bind(executed.time)
    .bind(own.event.kind)
    .bind(serde_json::to_string(&own.event.data)?)
    .execute(&mut **transaction)
    .await?;
    for (_, address) in &own.event.keys {
        // An event can name an address twice, as a self-trade would.
        sqlx::query(
            "INSERT INTO touched (address, position) VALUES ($1, $2) ON CONFLICT (address, position) DO NOTHING",
        )
        .bind(address.to_string())
        .bind(position)
        .execute(&mut **transaction)
        .await?;
    }
    if let Some(filled) = &own.filled {
        for (fill, position) in filled.fills.iter().zip(first..) {
            write_fill(transaction, executed, filled, fill, position).await?;
        }
    }
    if let Some(placed) = &own.placed {
        write_order(transaction, placed, position).await?;
    }
    Ok(())
}

async fn write_fill(
    transaction: &mut Transaction<'_, Any>,
    executed: &Executed,
    order: &OrderFilled,
    fill: &MakerFill,
    position: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO fills (position, signature, slot, time, market, price, lots, taker_side, maker, taker, \
         taker_order) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(position)
    .bind(executed.signature.clone())
    .bind(i64::try_from(executed.slot)?)
    .bind(executed.time)
    .bind(i64::from(order.market))
    // A book of prices beyond 63 bits could not be margined; the event keeps the exact number even so.
    .bind(i64::try_from(fill.price).unwrap_or(i64::MAX))
    .bind(fill.lots)
    .bind(i64::from(order.maker_side == 0))
    .bind(fill.maker.to_string())
    .bind(order.taker.to_string())
    .bind(i64::try_from(order.taker_order_id)?)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Notes an order's number and what it traded: the numbers of a market have no gap where none of its orders is missing.
async fn write_order(
    transaction: &mut Transaction<'_, Any>,
    placed: &OrderPlaced,
    position: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO orders (market, id, position, filled_lots) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (market, id) DO NOTHING",
    )
    .bind(i64::from(placed.market))
    .bind(i64::try_from(placed.order_id)?)
    .bind(position)
    .bind(placed.filled_lots)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
