//! The local chain's signer of prices as its users reach it: a WebSocket that speaks as Pyth Pro's servers do, so that bots
//! which know those know this one.
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use base64::{prelude::BASE64_STANDARD, Engine as _};
use futures_util::{SinkExt, StreamExt};
use plimsoll_bots::shutdown::Shutdown;
use plimsoll_client::pro::{LocalSigner, ProSource as _};
use serde::Deserialize;
use serde_json::{json, Value};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::MissedTickBehavior,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// Time between two messages of a subscription.
const EVERY: Duration = Duration::from_millis(200);
/// Most subscriptions of a connection.
const MOST: usize = 16;

/// A request that is understood; all else is left unanswered.
#[derive(Deserialize)]
#[serde(tag = "type", rename = "subscribe", rename_all = "camelCase")]
struct Subscribe {
    subscription_id: u64,
    price_feed_ids: Vec<u32>,
}

/// Listens on a free port.
pub async fn listen() -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    listener.context("no port is free for the signer of prices")
}

/// Where it is reached.
pub fn url(address: SocketAddr) -> String {
    format!("ws://{address}/v1/stream")
}

/// Serves until told to stop.
pub async fn run(
    listener: TcpListener,
    signer: Arc<LocalSigner>,
    shutdown: Shutdown,
) -> Result<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.context("the signer of prices")?;
                let signer = signer.clone();
                connections.spawn(async move {
                    if let Err(error) = serve(stream, &signer).await {
                        tracing::debug!("a subscriber of prices is gone: {error:#}");
                    }
                });
            }
            Some(_) = connections.join_next() => {}
            () = shutdown.requested() => return Ok(()),
        }
    }
}

/// Sends the newest message of every subscription, again and again, until the connection ends.
async fn serve(stream: TcpStream, signer: &LocalSigner) -> Result<()> {
    let mut socket = accept_async(stream).await?;
    let mut subscriptions: Vec<Subscribe> = Vec::new();
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(text))) => {
                    let asked = serde_json::from_str::<Subscribe>(&text);
                    if let Some(asked) = asked.ok().filter(|_| subscriptions.len() < MOST) {
                        let id = asked.subscription_id;
                        let answer = json!({ "type": "subscribed", "subscriptionId": id });
                        socket.send(Message::text(answer.to_string())).await?;
                        subscriptions.push(asked);
                    }
                }
                Some(other) => { other?; }
                None => return Ok(()),
            },
            _ = timer.tick() => {
                for update in subscriptions.iter().filter_map(|asked| update(asked, signer)) {
                    socket.send(Message::text(update.to_string())).await?;
                }
            }
        }
    }
}

/// The message of a subscription, dated now; none while the signer signs none.
fn update(asked: &Subscribe, signer: &LocalSigner) -> Option<Value> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let now_us = u64::try_from(since.as_micros()).ok()?;
    let message = signer.newest(&asked.price_feed_ids, now_us)?;
    let data = BASE64_STANDARD.encode(message.encode());
    Some(json!({
        "type": "streamUpdated",
        "subscriptionId": asked.subscription_id,
        "solana": { "encoding": "base64", "data": data },
    }))
}
