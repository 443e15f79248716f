//! Candles, aggregated by the database from what was recorded. A period without a trade has no candle: a gap is
//! information, and whoever draws it decides how.
use anyhow::Result;
use serde::Serialize;
use sqlx::{any::AnyRow, Row};

use super::database::Database;

/// Lengths of a candle that can be asked for, seconds.
pub const RESOLUTIONS: [i64; 9] = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400];

/// What candles are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Length of a candle, seconds.
    pub resolution: i64,
    /// Unix seconds, inclusive.
    pub from: i64,
    /// Unix seconds, exclusive.
    pub to: i64,
    /// The newest so many.
    pub limit: i64,
}

/// A candle of trades, prices in price lots.
#[derive(Debug, PartialEq, Serialize)]
pub struct TradeCandle {
    /// When it begins, Unix seconds.
    pub time: i64,
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
    /// Lots, a decimal string.
    pub volume: String,
    pub trades: i64,
}

/// A candle of oracle prices, USD per whole token.
#[derive(Debug, PartialEq, Serialize)]
pub struct PriceCandle {
    /// When it begins, Unix seconds.
    pub time: i64,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
}

/// Time of a market's newest trade; 0 before the first.
pub async fn newest_trade(database: &Database, market: u16) -> Result<i64> {
    newest(
        database,
        "SELECT MAX(time) FROM fills WHERE market = $1",
        market,
    )
    .await
}

/// Publish time of an asset's newest oracle price; 0 before the first.
pub async fn newest_price(database: &Database, asset: u16) -> Result<i64> {
    newest(
        database,
        "SELECT MAX(time) FROM asset_prices WHERE asset = $1",
        asset,
    )
    .await
}

async fn newest(database: &Database, query: &str, index: u16) -> Result<i64> {
    let row = sqlx::query(query)
        .bind(i64::from(index))
        .fetch_one(database.pool())
        .await?;
    Ok(row.try_get::<Option<i64>, _>(0)?.unwrap_or(0))
}

/// Candles of a market's trades, oldest first.
pub async fn of_trades(database: &Database, market: u16, span: Span) -> Result<Vec<TradeCandle>> {
    // The running order of fills is by position; the first and last of a period open and close it.
    let rows = sqlx::query(
        "WITH periods AS ( \
            SELECT (time / $1) * $1 AS begins, MIN(position) AS first, MAX(position) AS last, \
                MAX(price) AS high, MIN(price) AS low, CAST(SUM(lots) AS BIGINT) AS volume, COUNT(*) AS trades \
            FROM fills WHERE market = $2 AND time >= $3 AND time < $4 \
            GROUP BY 1 ORDER BY 1 DESC LIMIT $5 \
         ) \
         SELECT begins, opening.price, high, low, closing.price, volume, trades FROM periods \
         JOIN fills opening ON opening.position = first JOIN fills closing ON closing.position = last \
         ORDER BY begins",
    )
    .bind(span.resolution)
    .bind(i64::from(market))
    .bind(span.from)
    .bind(span.to)
    .bind(span.limit)
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(trade_candle).collect()
}

fn trade_candle(row: &AnyRow) -> Result<TradeCandle> {
    Ok(TradeCandle {
        time: row.try_get(0)?,
        open: row.try_get(1)?,
        high: row.try_get(2)?,
        low: row.try_get(3)?,
        close: row.try_get(4)?,
        volume: row.try_get::<i64, _>(5)?.to_string(),
        trades: row.try_get(6)?,
    })
}

/// Candles of an asset's oracle prices, oldest first.
pub async fn of_prices(database: &Database, asset: u16, span: Span) -> Result<Vec<PriceCandle>> {
    let rows = sqlx::query(
        "WITH periods AS ( \
            SELECT (time / $1) * $1 AS begins, MIN(time) AS first, MAX(time) AS last, \
                MAX(price) AS high, MIN(price) AS low \
            FROM asset_prices WHERE asset = $2 AND time >= $3 AND time < $4 \
            GROUP BY 1 ORDER BY 1 DESC LIMIT $5 \
         ) \
         SELECT begins, opening.price, high, low, closing.price FROM periods \
         JOIN asset_prices opening ON opening.asset = $2 AND opening.time = first \
         JOIN asset_prices closing ON closing.asset = $2 AND closing.time = last \
         ORDER BY begins",
    )
    .bind(span.resolution)
    .bind(i64::from(asset))
    .bind(span.from)
    .bind(span.to)
    .bind(span.limit)
    .fetch_all(database.pool())
    .await?;
    let candle = |row: &AnyRow| {
        Ok(PriceCandle {
            time: row.try_get(0)?,
            open: row.try_get(1)?,
            high: row.try_get(2)?,
            low: row.try_get(3)?,
            close: row.try_get(4)?,
        })
    };
    rows.iter().map(candle).collect()
}
