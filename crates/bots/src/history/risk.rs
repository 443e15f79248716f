//! The risk report of an account over HTTP: what it is now, read from the node when it is asked for.
use std::sync::Arc;

use anchor_lang::prelude::Pubkey;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    routing::get,
    Json, Router,
};
use plimsoll_client::{
    health::Mode,
    report::{Names, RiskReport},
    rpc::{Connection, ReadError, ReportError},
    Directory, ExchangeRef,
};
use serde::Deserialize;
use tower_http::cors::CorsLayer;

use super::api::Refusal;

/// Where reports are made from.
struct Desk {
    connection: Connection,
    exchange: ExchangeRef,
    names: Names,
}

/// Serves `GET /v1/accounts/{address}/risk`, by the public endpoints of a directory. Merged with
/// [`super::router`], or alone.
pub fn risk_router(directory: &Directory) -> Router {
    let endpoints = &directory.endpoints;
    let desk = Desk {
        connection: Connection::new(endpoints.rpc.clone(), endpoints.ws.clone()),
        exchange: ExchangeRef::at(directory.exchange),
        names: Names::from(directory),
    };
    Router::new()
        .route("/v1/accounts/{address}/risk", get(risk))
        .layer(CorsLayer::permissive())
        .with_state(Arc::new(desk))
}

/// In another mode of margin than the account's.
#[derive(Deserialize)]
struct Asked {
    mode: Option<String>,
}

async fn risk(
    State(desk): State<Arc<Desk>>,
    Path(account): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<RiskReport>, Refusal> {
    let Ok(address) = account.parse::<Pubkey>() else {
        return Err(Refusal::asked_wrongly(format!("`{account}` is no address")));
    };
    let mode = match asked.mode.as_deref() {
        None => None,
        Some("standard") => Some(Mode::Standard),
        Some("portfolio") => Some(Mode::Portfolio),
        Some(_) => {
            return Err(Refusal::asked_wrongly(
                "`mode` must be standard or portfolio",
            ))
        }
    };
    let (connection, exchange) = (&desk.connection, &desk.exchange);
    let report = connection.risk_report(exchange, &desk.names, &address, mode);
    report.await.map(Json).map_err(|error| refused(&error))
}

fn refused(error: &ReportError) -> Refusal {
    let unknown = "there is no such margin account of this exchange";
    match error {
        ReportError::Read(ReadError::Rpc(_)) => {
            // The cause can name hosts; it belongs into the log.
            tracing::error!("a risk report failed: {error}");
            Refusal::new(StatusCode::BAD_GATEWAY, "the node does not answer")
        }
        ReportError::Read(_) | ReportError::Foreign(_) => {
            Refusal::new(StatusCode::NOT_FOUND, unknown)
        }
        ReportError::Untold(_) => {
            tracing::error!("a risk report failed: {error}");
            Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the account's risk cannot be told",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, http::Request};
    use plimsoll_client::{
        decode::DecodeError,
        directory::{Endpoints, VERSION},
    };
    use tower::ServiceExt;

    fn directory() -> Directory {
        Directory {
            version: VERSION,
            name: "test".into(),
            program: plimsoll::ID,
            exchange: Pubkey::new_from_array([1; 32]),
            feeds: Vec::new(),
            assets: Vec::new(),
            markets: Vec::new(),
            endpoints: Endpoints {
                // Nobody listens there.
                rpc: "http://127.0.0.1:1".into(),
                ..Endpoints::default()
            },
        }
    }

    async fn ask(path: &str) -> StatusCode {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = risk_router(&directory()).oneshot(request).await.unwrap();
        answer.status()
    }

    #[tokio::test]
    async fn what_is_asked_wrongly_is_refused_and_a_silent_node_is_named() {
        let address = Pubkey::new_from_array([2; 32]);
        assert_eq!(ask("/v1/accounts/nobody/risk").await, 400);
        let cross = format!("/v1/accounts/{address}/risk?mode=cross");
        assert_eq!(ask(&cross).await, 400);
        let silent = format!("/v1/accounts/{address}/risk?mode=portfolio");
        assert_eq!(ask(&silent).await, 502);
    }

    #[test]
    fn what_is_no_margin_account_of_the_exchange_is_not_found() {
        let address = Pubkey::new_from_array([2; 32]);
        for error in [
            ReportError::Read(ReadError::Missing(address)),
            ReportError::Read(ReadError::Decode(address, DecodeError::TooShort)),
            ReportError::Foreign(address),
        ] {
            let answer = axum::response::IntoResponse::into_response(refused(&error));
            assert_eq!(answer.status(), 404);
        }
    }
}
