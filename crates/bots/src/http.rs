//! What a bot tells about itself over HTTP: `/metrics` for Prometheus, `/health` for whoever restarts it, and a page of
//! text for people.
use std::{fmt::Write, net::SocketAddr};

use anyhow::{Context, Result};
use axum::{
    extract::State,
    http::{header, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
    Json, Router,
};
use tokio::net::TcpListener;

use crate::{context::Reports, shutdown::Shutdown};

/// What the pages are made of.
#[derive(Clone)]
struct About {
    name: &'static str,
    reports: Reports,
}

/// The pages of a bot, at the root. A bot with pages of its own merges them in.
pub fn router(name: &'static str, reports: Reports) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/metrics", get(exposition))
        .route("/health", get(report))
        .with_state(About { name, reports })
}

/// Takes the address, so that a port that is in use ends the start and not the run.
///
/// # Errors
/// When it cannot be taken.
pub async fn bind(listen: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| {
        format!("{listen} cannot be listened to: choose another address with --listen")
    })
}

/// Serves until the end is asked for.
///
/// # Errors
/// When the server fails.
pub async fn serve(listener: TcpListener, routes: Router, shutdown: Shutdown) -> Result<()> {
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move { shutdown.requested().await })
        .await
        .context("the HTTP server")
}

async fn exposition(State(about): State<About>) -> Response {
    match about.reports.metrics.exposition() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}

async fn report(State(about): State<About>) -> Response {
    let report = about.reports.health.report();
    let status = if report.healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

async fn page(State(about): State<About>) -> String {
    let report = about.reports.health.report();
    let mut text = format!("plimsoll {}\n", about.name);
    let state = if report.healthy {
        "healthy".to_owned()
    } else {
        format!("not healthy: {}", report.reasons.join("; "))
    };
    let _ = writeln!(text, "{state}");
    if let (Some(slot), Some(age)) = (report.slot, report.slot_age) {
        let _ = writeln!(text, "slot {slot}, seen {age:.1} s ago");
    }
    for (name, turn) in &report.loops {
        let failure = turn.failure.as_deref().unwrap_or("");
        let _ = writeln!(text, "{name}: {:.1} s ago {failure}", turn.age);
    }
    let _ = writeln!(text, "\n/metrics  /health");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn serves_health_and_metrics_until_it_is_stopped() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let reports = Reports::new().unwrap();
        reports.metrics.landed("refresh", Some(5_000));
        let health = reports.health.clone();
        let (trigger, shutdown) = crate::shutdown::channel();
        let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = router("keeper", reports);
        let server = tokio::spawn(serve(listener, routes, shutdown));
        let ask = |path: &'static str| async move {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        assert!(ask("/health").await.starts_with("HTTP/1.1 503"));
        health.at_slot(3);
        assert!(ask("/health").await.starts_with("HTTP/1.1 200"));
        assert!(ask("/metrics")
            .await
            .contains("plimsoll_transactions_total"));
        assert!(ask("/").await.contains("plimsoll keeper\nhealthy"));
        trigger.fire();
        server.await.unwrap().unwrap();
    }
}
