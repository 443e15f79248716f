use axum::{body::Body, http::Request};
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::history::{
    catch_up::CatchUp,
    fixture::{self, exchange, line, trader, Chain},
    membership::Membership,
};
use plimsoll::events::PositionLiquidated;

/// Twenty trades, of which sixteen succeeded, in seconds 1,002 to 1,021, and a liquidation.
async fn recorded() -> Database {
    let (database, chain) = (fixture::database().await, Chain::default());
    chain.trade(20);
    let liquidated = PositionLiquidated {
        margin_account: trader(1).1,
        liquidator: trader(2).1,
        market: 0,
        lots: -3,
        notional: 4,
        fee: 5,
        insurance_fee: 6,
        liquidation_end_health: -7,
        top_up: 0,
    };
    chain.push(30, false, &[line(&liquidated)]);
    let membership = Membership::load(&database, exchange().address)
        .await
        .unwrap();
    let catch_up = CatchUp::new(&database, &membership, &chain);
    catch_up.run(unix_now()).await.unwrap();
    database
}

async fn ask(database: &Database, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router(database.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await;
    (status, serde_json::from_slice(&body.unwrap()).unwrap())
}

async fn list(database: &Database, path: &str) -> Vec<Value> {
    let (status, body) = ask(database, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body.as_array().unwrap().clone()
}

#[tokio::test]
async fn draws_candles_of_trades_without_inventing_any() {
    let database = recorded().await;
    let path = "/v1/markets/0/candles?resolution=5&from=1000&to=2000";
    let candles = list(&database, path).await;
    // Trade n is in second 1,002 + n at price 100 + n with 1 + n lots; every fifth failed.
    let expected = json!([
        { "time": 1000, "open": 100, "high": 102, "low": 100, "close": 102, "volume": "6", "trades": 3 },
        { "time": 1005, "open": 103, "high": 107, "low": 103, "close": 107, "volume": "25", "trades": 4 },
        { "time": 1010, "open": 108, "high": 112, "low": 108, "close": 112, "volume": "45", "trades": 4 },
        { "time": 1015, "open": 113, "high": 117, "low": 113, "close": 117, "volume": "65", "trades": 4 },
        { "time": 1020, "open": 118, "high": 118, "low": 118, "close": 118, "volume": "19", "trades": 1 },
    ]);
    assert_eq!(Value::Array(candles), expected);
    let seconds = list(
        &database,
        "/v1/markets/0/candles?resolution=1&from=1000&to=2000",
    )
    .await;
    assert_eq!(seconds.len(), 16);
    let last = list(
        &database,
        "/v1/markets/0/candles?resolution=5&from=1000&to=2000&limit=2",
    )
    .await;
    assert_eq!([&last[0]["time"], &last[1]["time"]], [1015, 1020]);
    assert!(list(&database, "/v1/markets/1/candles?from=0&to=2000")
        .await
        .is_empty());
    assert!(list(&database, "/v1/markets/0/candles").await.is_empty());
}

#[tokio::test]
async fn pages_through_trades_and_events() {
    let database = recorded().await;
    let first = list(&database, "/v1/markets/0/trades?limit=10").await;
    let position = first[9]["position"].as_str().unwrap();
    let rest = list(
        &database,
        &format!("/v1/markets/0/trades?before={position}"),
    )
    .await;
    assert_eq!((first.len(), rest.len()), (10, 6));
    let mut expected = first[0].clone();
    expected.as_object_mut().unwrap().remove("position");
    let newest = json!({
        "signature": "signature20", "slot": 20, "time": 1020, "price": "118", "lots": "19", "side": "buy",
        "maker": trader(1).1.to_string(), "taker": trader(2).1.to_string(),
    });
    assert_eq!(expected, newest);

    let account = trader(1).1;
    let all = list(&database, &format!("/v1/accounts/{account}/events")).await;
    assert_eq!(all.len(), 2 + 16 + 1);
    assert_eq!(all[18]["kind"], "MarginAccountCreated");
    let deposits = list(
        &database,
        &format!("/v1/accounts/{account}/events?kind=Deposited"),
    )
    .await;
    assert_eq!(deposits.len(), 1);
    assert_eq!(
        (&deposits[0]["index"], &deposits[0]["data"]["amount"]),
        (&json!(1), &json!("500"))
    );
    // An owner finds its accounts.
    let owned = list(&database, &format!("/v1/accounts/{}/events", trader(1).0)).await;
    assert_eq!(owned.len(), 1);

    let liquidations = list(&database, "/v1/liquidations").await;
    assert_eq!(liquidations.len(), 1);
    assert_eq!(liquidations[0]["data"]["lots"], "-3");
}

#[tokio::test]
async fn tells_how_far_it_goes() {
    let database = recorded().await;
    let (_, status) = ask(&database, "/v1/status").await;
    assert!(status["lag"].as_i64().unwrap() < 60);
    assert_eq!(
        (&status["lastSlot"], &status["backfilling"]),
        (&json!(30), &json!(false))
    );
    assert_eq!(
        (&status["transactions"], &status["events"]),
        (&json!(19), &json!(21))
    );
    let empty = ask(&fixture::database().await, "/v1/status").await.1;
    assert_eq!(empty["lag"], Value::Null);
}

#[tokio::test]
async fn charts_samples_and_forgets_them() {
    let database = fixture::database().await;
    let account = trader(1).1;
    for (time, price) in [(100, 1.0), (101, 3.5), (119, 2.0), (300, 9.0)] {
        sqlx::query("INSERT INTO asset_prices VALUES (3, $1, $2, 0.5)")
            .bind(time)
            .bind(price)
            .execute(database.pool())
            .await
            .unwrap();
        sqlx::query("INSERT INTO health_samples VALUES ($1, $2, '1', '-2', '3', '4')")
            .bind(account.to_string())
            .bind(time)
            .execute(database.pool())
            .await
            .unwrap();
        sqlx::query("INSERT INTO funding_samples VALUES (0, $1, 0.1, -0.2, $2, 7.5, '1', '2')")
            .bind(time)
            .bind(price)
            .execute(database.pool())
            .await
            .unwrap();
    }
    let path = "/v1/assets/3/prices?resolution=60&from=0&to=1000";
    let candles = list(&database, path).await;
    let expected = json!([
        { "time": 60, "open": 1.0, "high": 3.5, "low": 1.0, "close": 2.0 },
        { "time": 300, "open": 9.0, "high": 9.0, "low": 9.0, "close": 9.0 },
    ]);
    assert_eq!(Value::Array(candles), expected);
    let healths = list(
        &database,
        &format!("/v1/accounts/{account}/health?from=101&limit=2"),
    )
    .await;
    assert_eq!([&healths[0]["time"], &healths[1]["time"]], [119, 300]);
    assert_eq!(healths[0]["liquidationEnd"], "-2");
    let funding = list(&database, "/v1/markets/0/funding?limit=1").await;
    assert_eq!(
        (&funding[0]["time"], &funding[0]["premium"]),
        (&json!(300), &json!(-0.2))
    );

    assert_eq!(database.forget_samples(300).await.unwrap(), 9);
    assert_eq!(list(&database, path).await.len(), 1);
}

#[tokio::test]
async fn refuses_in_words() {
    let database = fixture::database().await;
    for (path, status, word) in [
        ("/v1/markets/0/candles?resolution=7", 400, "resolution"),
        ("/v1/markets/x/candles", 400, "index"),
        ("/v1/markets/0/trades?limit=0", 400, "limit"),
        ("/v1/markets/0/trades?before=yesterday", 400, "before"),
        ("/v1/accounts/me/events", 400, "address"),
        ("/v1/nothing", 404, "no such"),
    ] {
        let (found, body) = ask(&database, path).await;
        assert_eq!(found.as_u16(), status, "{path}");
        assert!(
            body["error"].as_str().unwrap().contains(word),
            "{path}: {body}"
        );
    }
    let unknown = format!("/v1/accounts/{}/events?kind=Nothing", trader(1).1);
    assert_eq!(ask(&database, &unknown).await.0, StatusCode::BAD_REQUEST);
}

/// A local chain's clock can be ahead of this machine's.
#[tokio::test]
async fn charts_go_up_to_the_newest_price() {
    let database = fixture::database().await;
    let ahead = unix_now() + 1_000_000;
    sqlx::query("INSERT INTO asset_prices VALUES (0, $1, 1.0, 0.5)")
        .bind(ahead)
        .execute(database.pool())
        .await
        .unwrap();
    let candles = list(&database, "/v1/assets/0/prices?resolution=1&limit=5").await;
    assert_eq!(candles[0]["time"], ahead);
}
