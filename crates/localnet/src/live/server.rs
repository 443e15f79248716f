//! The HTTP server of a local chain: the directory, scenarios, the faucet, and the web app at the same origin.
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::{
    extract::{rejection::JsonRejection, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
    Json, Router,
};
use plimsoll_bots::shutdown::Shutdown;
use plimsoll_client::directory::Directory;
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use tokio::net::TcpListener;
use tower_http::{
    cors::CorsLayer,
    services::{ServeDir, ServeFile},
};

use super::{faucet, history::History, market, prices::Refused, Shared};
use crate::{
    conservation::{self, Check},
    scenario::{Scenario, SYMBOLS},
};

/// How often, and how long apart, to look whether everything is accounted for: fills wait for the keeper at times.
const CHECK_TIMES: u32 = 20;
const CHECK_EVERY: Duration = Duration::from_millis(500);
/// What a browser shows where no web app was built.
const NO_APP: &str =
    "The web app is not built. The exchange is described at /exchange.json, the chain at \
                      /local/status.\n";

/// Why a request was not served.
pub struct Failure(StatusCode, String);

impl Failure {
    /// The request is wrong.
    pub fn bad(reason: impl ToString) -> Self {
        Self(StatusCode::BAD_REQUEST, reason.to_string())
    }

    /// The chain does not do what it should.
    pub fn broken(reason: impl ToString) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, reason.to_string())
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::bad(refused)
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

type Body<T> = std::result::Result<Json<T>, JsonRejection>;
type Answer<T> = std::result::Result<Json<T>, Failure>;

/// Serves until told to stop.
pub async fn run(listener: TcpListener, pages: Router, shutdown: Shutdown) -> Result<()> {
    axum::serve(listener, pages)
        .with_graceful_shutdown(async move { shutdown.requested().await })
        .await
        .context("the HTTP server")
}

/// Everything that is served; the web app is whatever is not something else.
pub fn router(shared: Arc<Shared>, app: Option<PathBuf>, history: Option<&History>) -> Router {
    let router = Router::new()
        .route("/exchange.json", get(directory))
        .route("/local/status", get(status))
        .route("/local/scenario", post(scenario))
        .route("/local/shock", post(shock))
        .route("/local/feed", post(feed))
        .route("/local/faucet", post(give))
        .route("/local/conservation", get(conserved))
        .with_state(shared);
    let router = match history {
        Some(history) => router.nest("/history", history.router()),
        None => router,
    };
    let router = match app {
        Some(app) => {
            let index = ServeFile::new(app.join("index.html"));
            router.fallback_service(ServeDir::new(app).fallback(index))
        }
        None => router.fallback(|| async { NO_APP }),
    };
    router.layer(CorsLayer::permissive())
}

async fn directory(State(shared): State<Arc<Shared>>) -> Json<Directory> {
    Json(shared.directory.clone())
}

/// What moves prices, where they are, and who is who.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    scenario: String,
    /// A scenario or a shock is under way.
    running: bool,
    /// Part of it that is over.
    progress: Option<f64>,
    seconds_per_tick: u64,
    tick: u64,
    prices: BTreeMap<&'static str, f64>,
    /// Assets whose prices are not published.
    silent: Vec<&'static str>,
    names: BTreeMap<String, String>,
    scenarios: Vec<About>,
}

#[derive(Serialize)]
struct About {
    name: String,
    about: String,
}

async fn status(State(shared): State<Arc<Shared>>) -> Json<Status> {
    let (scenario, progress, tick, now, silent) = {
        let prices = shared.prices();
        let (scenario, progress) = prices.playing();
        let silent = prices.silent();
        (scenario, progress, prices.ticks(), prices.now(), silent)
    };
    let calm = About {
        name: "calm".into(),
        about: "A small random walk around where prices are".into(),
    };
    let played = Scenario::all().iter().map(|s| About {
        name: s.name(),
        about: s.about(),
    });
    let names = shared.names.iter();
    let feeds = SYMBOLS.into_iter().zip(silent);
    Json(Status {
        running: progress.is_some(),
        scenario,
        progress,
        seconds_per_tick: market::EVERY.as_secs(),
        tick,
        prices: SYMBOLS.into_iter().zip(now).collect(),
        silent: feeds
            .filter_map(|(s, silent)| silent.then_some(s))
            .collect(),
        names: names.map(|(k, v)| (k.to_string(), v.clone())).collect(),
        scenarios: std::iter::once(calm).chain(played).collect(),
    })
}

#[derive(Deserialize)]
struct Play {
    name: String,
    #[serde(default = "default_seconds")]
    seconds: f64,
}

/// Two minutes: slow enough to watch, fast enough to wait for.
fn default_seconds() -> f64 {
    120.0
}

async fn scenario(State(shared): State<Arc<Shared>>, body: Body<Play>) -> Answer<Value> {
    let Json(play) = body?;
    shared.prices().play(&play.name, play.seconds)?;
    Ok(Json(json!({ "scenario": play.name })))
}

#[derive(Deserialize)]
struct Shock {
    assets: Which,
    percent: f64,
    #[serde(default = "short")]
    seconds: f64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Which {
    These(Vec<String>),
    Word(String),
}

fn short() -> f64 {
    5.0
}

async fn shock(State(shared): State<Arc<Shared>>, body: Body<Shock>) -> Answer<Value> {
    let Json(shock) = body?;
    let symbols = match shock.assets {
        Which::Word(word) if word == "all" => None,
        Which::Word(symbol) => Some(vec![symbol]),
        Which::These(symbols) => Some(symbols),
    };
    let mut prices = shared.prices();
    prices.shock(symbols.as_deref(), shock.percent, shock.seconds)?;
    Ok(Json(json!({ "scenario": "shock" })))
}

#[derive(Deserialize)]
struct Feed {
    asset: String,
    publishing: bool,
}

async fn feed(State(shared): State<Arc<Shared>>, body: Body<Feed>) -> Answer<Value> {
    let Json(Feed { asset, publishing }) = body?;
    shared.prices().set_publishing(&asset, publishing)?;
    Ok(Json(json!({ "asset": asset, "publishing": publishing })))
}

async fn give(
    State(shared): State<Arc<Shared>>,
    body: Body<faucet::Request>,
) -> Answer<faucet::Given> {
    let Json(request) = body?;
    Ok(Json(faucet::give(&shared, &request).await?))
}

/// Whether every token is accounted for, and how that was found.
#[derive(Serialize)]
struct Conserved {
    holds: bool,
    checks: Vec<Check>,
}

async fn conserved(State(shared): State<Arc<Shared>>) -> Answer<Conserved> {
    let mut left = CHECK_TIMES;
    loop {
        let transactions = shared.chain.node().transactions();
        let checks = conservation::check(&shared.chain, &shared.world, transactions);
        let checks = checks.map_err(Failure::broken)?;
        let holds = checks.iter().all(|check| check.holds);
        left -= 1;
        if holds || left == 0 {
            return Ok(Json(Conserved { holds, checks }));
        }
        tokio::time::sleep(CHECK_EVERY).await;
    }
}
