//! The history over HTTP.
//!
//! Every list is bounded by `limit`. Lists of events and trades are newest first and go on with `before`: the `position`
//! of the last row received, exclusive. Amounts are native integers as decimal strings, times Unix seconds.
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
    Json, Router,
};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use sqlx::{any::AnyRow, Row};
use tower_http::cors::CorsLayer;

use super::{
    candles::{self, PriceCandle, Span, TradeCandle, RESOLUTIONS},
    clock::unix_now,
    database::Database,
    gaps,
};

/// Rows of an answer unless asked otherwise, and the most there are.
const ROWS: (i64, i64) = (100, 1_000);
/// Candles of an answer unless asked otherwise, and the most there are.
const CANDLES: (i64, i64) = (500, 5_000);
/// Events that liquidations, and what follows them, leave.
const LIQUIDATIONS: &str =
    "'PositionLiquidated', 'CollateralLiquidated', 'DustForfeited', 'BankruptcyResolved'";

/// Serves a history. Mounted at the root of a server or nested below a path.
pub fn router(database: Database) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/gaps", get(missing))
        .route("/v1/markets/{index}/candles", get(trade_candles))
        .route("/v1/markets/{index}/trades", get(trades))
        .route("/v1/markets/{index}/funding", get(funding))
        .route("/v1/assets/{index}/prices", get(price_candles))
        .route("/v1/accounts/{address}/events", get(account_events))
        .route("/v1/accounts/{address}/health", get(account_health))
        .route("/v1/liquidations", get(liquidations))
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is no such page") })
        .layer(CorsLayer::permissive())
        .with_state(database)
}

/// Why a request was not answered: a status, and a sentence as JSON.
pub(super) struct Refusal {
    status: StatusCode,
    sentence: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self {
            status,
            sentence: sentence.into(),
        }
    }

    pub(super) fn asked_wrongly(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.sentence }))).into_response()
    }
}

impl<E: Into<anyhow::Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        // The cause can name hosts and files; it belongs into the log.
        tracing::error!("a query of the history failed: {:#}", error.into());
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the history cannot be read",
        )
    }
}

type Answer<T> = Result<Json<T>, Refusal>;

/// Parameters of any request; each uses some. Text, so that a wrong one is refused in words.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    resolution: Option<String>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<String>,
    before: Option<String>,
    kind: Option<String>,
}

impl Asked {
    fn limit(&self, (usual, most): (i64, i64)) -> Result<i64, Refusal> {
        let limit = number("limit", self.limit.as_deref())?.unwrap_or(usual);
        if limit < 1 {
            return Err(Refusal::asked_wrongly("`limit` must be at least 1"));
        }
        Ok(limit.min(most))
    }

    fn before(&self) -> Result<i64, Refusal> {
        Ok(number("before", self.before.as_deref())?.unwrap_or(i64::MAX))
    }

    fn from(&self) -> Result<Option<i64>, Refusal> {
        number("from", self.from.as_deref())
    }

    /// The newest `limit` periods before `to`, or those since `from`; without `to`, up to `newest`, which is later than
    /// this machine's clock where a local chain's has been moved.
    fn span(&self, newest: i64) -> Result<Span, Refusal> {
        let resolution = number("resolution", self.resolution.as_deref())?.unwrap_or(60);
        if !RESOLUTIONS.contains(&resolution) {
            return Err(Refusal::asked_wrongly(format!(
                "`resolution` must be one of {RESOLUTIONS:?} seconds"
            )));
        }
        let limit = self.limit(CANDLES)?;
        let now = newest.max(unix_now()).saturating_add(resolution);
        let to = number("to", self.to.as_deref())?.unwrap_or(now);
        let earliest = to.saturating_sub(CANDLES.1 * resolution);
        let from = match self.from()? {
            Some(from) => from.max(earliest),
            None => to.saturating_sub(limit * resolution),
        };
        Ok(Span {
            resolution,
            // The first candle is a whole one.
            from: from.div_euclid(resolution) * resolution,
            to,
            limit,
        })
    }
}

fn number(name: &str, text: Option<&str>) -> Result<Option<i64>, Refusal> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|_| Refusal::asked_wrongly(format!("`{name}` must be a whole number")))
}

fn index(text: &str) -> Result<u16, Refusal> {
    let parsed = text.parse();
    parsed
        .map_err(|_| Refusal::asked_wrongly(format!("`{text}` is no index of an asset or market")))
}

fn address(text: &str) -> Result<String, Refusal> {
    let parsed = text.parse::<anchor_lang::prelude::Pubkey>();
    match parsed {
        Ok(address) => Ok(address.to_string()),
        Err(_) => Err(Refusal::asked_wrongly(format!("`{text}` is no address"))),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// Slot up to which the record is complete.
    last_slot: i64,
    /// Seconds since the record was last seen to be complete; `null` before the first time.
    lag: Option<i64>,
    backfilling: bool,
    transactions: i64,
    events: i64,
    /// Transactions of which events may be missing: their logs were cut short, or the node no longer had them.
    gaps: i64,
    /// Whether every order of every market is there, with all of its trades: `/v1/gaps` names those that are not.
    whole: bool,
}

async fn status(State(database): State<Database>) -> Answer<Status> {
    let progress = database.progress().await?;
    let row = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM transactions), (SELECT COUNT(*) FROM events), \
         (SELECT COUNT(*) FROM transactions WHERE gap <> 0)",
    )
    .fetch_one(database.pool())
    .await?;
    let checked = (progress.checked_at > 0).then_some(progress.checked_at);
    Ok(Json(Status {
        last_slot: progress.last_slot,
        lag: checked.map(|at| unix_now().saturating_sub(at).max(0)),
        backfilling: progress.backfilling,
        transactions: row.try_get(0)?,
        events: row.try_get(1)?,
        gaps: row.try_get(2)?,
        whole: gaps::find(&database, 1).await? == gaps::Gaps::default(),
    }))
}

async fn missing(
    State(database): State<Database>,
    Query(asked): Query<Asked>,
) -> Answer<gaps::Gaps> {
    Ok(Json(gaps::find(&database, asked.limit(ROWS)?).await?))
}

async fn trade_candles(
    State(database): State<Database>,
    Path(market): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer<Vec<TradeCandle>> {
    let market = index(&market)?;
    let span = asked.span(candles::newest_trade(&database, market).await?)?;
    Ok(Json(candles::of_trades(&database, market, span).await?))
}

async fn price_candles(
    State(database): State<Database>,
    Path(asset): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer<Vec<PriceCandle>> {
    let asset = index(&asset)?;
    let span = asked.span(candles::newest_price(&database, asset).await?)?;
    Ok(Json(candles::of_prices(&database, asset, span).await?))
}

/// One match of a taker with a resting order.
#[derive(Serialize)]
struct Trade {
    position: String,
    signature: String,
    slot: i64,
    time: i64,
    /// Price lots.
    price: String,
    lots: String,
    /// What the taker did.
    side: &'static str,
    maker: String,
    taker: String,
}

async fn trades(
    State(database): State<Database>,
    Path(market): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer<Vec<Trade>> {
    let rows = sqlx::query(
        "SELECT position, signature, slot, time, price, lots, taker_side, maker, taker FROM fills \
         WHERE market = $1 AND position < $2 ORDER BY position DESC LIMIT $3",
    )
    .bind(i64::from(index(&market)?))
    .bind(asked.before()?)
    .bind(asked.limit(ROWS)?)
    .fetch_all(database.pool())
    .await?;
    let trade = |row: &AnyRow| {
        let text = |column| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(column)?.to_string());
        Ok(Trade {
            position: text(0)?,
            signature: row.try_get(1)?,
            slot: row.try_get(2)?,
            time: row.try_get(3)?,
            price: text(4)?,
            lots: text(5)?,
            side: match row.try_get::<i64, _>(6)? {
                0 => "buy",
                _ => "sell",
            },
            maker: row.try_get(7)?,
            taker: row.try_get(8)?,
        })
    };
    Ok(Json(
        rows.iter().map(trade).collect::<Result<_, Refusal>>()?,
    ))
}

/// Funding of a market at one moment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Funding {
    time: i64,
    /// What longs pay per day as a part of notional; negative when shorts pay.
    rate: f64,
    premium: f64,
    /// Price lots.
    mark: f64,
    /// Price lots.
    oracle: f64,
    /// Cumulative, Q40.24 native quote per lot.
    index_long: String,
    /// Cumulative, Q40.24 native quote per lot.
    index_short: String,
}

async fn funding(
    State(database): State<Database>,
    Path(market): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer<Vec<Funding>> {
    let rows = sqlx::query(
        "SELECT time, rate, premium, mark, oracle, index_long, index_short FROM funding_samples \
         WHERE market = $1 AND time >= $2 ORDER BY time DESC LIMIT $3",
    )
    .bind(i64::from(index(&market)?))
    .bind(asked.from()?.unwrap_or(0))
    .bind(asked.limit(ROWS)?)
    .fetch_all(database.pool())
    .await?;
    let funding = |row: &AnyRow| {
        Ok(Funding {
            time: row.try_get(0)?,
            rate: row.try_get(1)?,
            premium: row.try_get(2)?,
            mark: row.try_get(3)?,
            oracle: row.try_get(4)?,
            index_long: row.try_get(5)?,
            index_short: row.try_get(6)?,
        })
    };
    Ok(Json(
        rows.iter().map(funding).collect::<Result<_, Refusal>>()?,
    ))
}

/// Any event.
#[derive(Serialize)]
struct Event {
    position: String,
    signature: String,
    /// Its number within the transaction.
    index: i64,
    slot: i64,
    time: i64,
    kind: String,
    data: Box<RawValue>,
}

fn event(row: &AnyRow) -> Result<Event, Refusal> {
    Ok(Event {
        position: row.try_get::<i64, _>(0)?.to_string(),
        signature: row.try_get(1)?,
        index: row.try_get(2)?,
        slot: row.try_get(3)?,
        time: row.try_get(4)?,
        kind: row.try_get(5)?,
        data: RawValue::from_string(row.try_get(6)?)?,
    })
}

async fn account_events(
    State(database): State<Database>,
    Path(account): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer<Vec<Event>> {
    if let Some(kind) = &asked.kind {
        if !plimsoll_client::events::KINDS.contains(&kind.as_str()) {
            return Err(Refusal::asked_wrongly(format!(
                "there are no events of kind `{kind}`"
            )));
        }
    }
    let rows = sqlx::query(
        "SELECT e.position, e.signature, e.event_index, e.slot, e.time, e.kind, e.data \
         FROM touched t JOIN events e ON e.position = t.position \
         WHERE t.address = $1 AND t.position < $2 AND ($3 = '' OR e.kind = $3) \
         ORDER BY t.position DESC LIMIT $4",
    )
    .bind(address(&account)?)
    .bind(asked.before()?)
    .bind(asked.kind.clone().unwrap_or_default())
    .bind(asked.limit(ROWS)?)
    .fetch_all(database.pool())
    .await?;
    Ok(Json(rows.iter().map(event).collect::<Result<_, _>>()?))
}

async fn liquidations(
    State(database): State<Database>,
    Query(asked): Query<Asked>,
) -> Answer<Vec<Event>> {
    let query = format!(
        "SELECT position, signature, event_index, slot, time, kind, data FROM events \
         WHERE kind IN ({LIQUIDATIONS}) AND position < $1 ORDER BY position DESC LIMIT $2"
    );
    let rows = sqlx::query(&query)
        .bind(asked.before()?)
        .bind(asked.limit(ROWS)?)
        .fetch_all(database.pool())
        .await?;
    Ok(Json(rows.iter().map(event).collect::<Result<_, _>>()?))
}

/// Healths of an account at one moment, native quote.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    time: i64,
    init: String,
    liquidation_end: String,
    maintenance: String,
    equity: String,
}

/// The newest `limit` samples since `from`, oldest first as a chart wants them.
async fn account_health(
    State(database): State<Database>,
    Path(account): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer<Vec<Health>> {
    let rows = sqlx::query(
        "SELECT time, init, liquidation_end, maintenance, equity FROM health_samples \
         WHERE address = $1 AND time >= $2 ORDER BY time DESC LIMIT $3",
    )
    .bind(address(&account)?)
    .bind(asked.from()?.unwrap_or(0))
    .bind(asked.limit(ROWS)?)
    .fetch_all(database.pool())
    .await?;
    let health = |row: &AnyRow| {
        Ok(Health {
            time: row.try_get(0)?,
            init: row.try_get(1)?,
            liquidation_end: row.try_get(2)?,
            maintenance: row.try_get(3)?,
            equity: row.try_get(4)?,
        })
    };
    let oldest_first = rows.iter().rev().map(health);
    Ok(Json(oldest_first.collect::<Result<_, Refusal>>()?))
}

#[cfg(test)]
#[path = "api_tests.rs"]
mod tests;
