//! One server: connect, subscribe, listen, and again.
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{SinkExt, StreamExt};
use tokio::time::{sleep, timeout, timeout_at, Instant};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{
        client::IntoClientRequest,
        handshake::client::Request,
        http::{header::AUTHORIZATION, HeaderValue},
        protocol::WebSocketConfig,
        Message,
    },
};

use super::{
    protocol::{self, Said},
    Shared,
};
use crate::backoff::Backoff;

/// Longest time to connect or to send.
const PATIENCE: Duration = Duration::from_secs(15);
/// A server that sends no message for so long counts as gone: it owes one a second at least.
const SILENCE: Duration = Duration::from_secs(10);
/// A connection that lasted so long was a good one: the next failure starts with a short wait again.
const LASTED: Duration = Duration::from_secs(60);
/// Longest answer. A message of 255 feeds takes a quarter of it.
const LONGEST_ANSWER: usize = 64 * 1024;
const READ_BUFFER: usize = 16 * 1024;

/// Listens until the task is aborted.
pub(super) async fn listen(shared: Arc<Shared>, url: String) {
    let mut backoff = Backoff::new();
    loop {
        let began = Instant::now();
        let Err(reason) = session(&shared, &url).await;
        tracing::warn!(%url, %reason, "the connection to Pyth ended, connecting again");
        {
            let status = &mut shared.held().status;
            status.failures += 1;
            status.error = Some(format!("{url}: {reason}"));
        }
        if began.elapsed() >= LASTED {
            backoff = Backoff::new();
        }
        sleep(backoff.next_wait()).await;
    }
}

/// Ends with why it did.
async fn session(shared: &Shared, url: &str) -> Result<core::convert::Infallible, String> {
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(LONGEST_ANSWER))
        .max_frame_size(Some(LONGEST_ANSWER));
    let connecting = connect_async_with_config(request(shared, url)?, Some(limits), true);
    let (mut socket, _) = in_time(connecting).await?;
    let config = &shared.config;
    for (index, feeds) in config.subscriptions.iter().enumerate() {
        let request = protocol::subscribe(index, feeds, config.channel);
        in_time(socket.send(Message::text(request))).await?;
    }
    let _connected = Connected::new(shared);
    let mut deadline = Instant::now() + SILENCE;
    loop {
        let heard = timeout_at(deadline, socket.next()).await;
        match heard.map_err(|_| "the server has fallen silent")? {
            Some(Ok(Message::Text(text))) => {
                if take(shared, &text)? {
                    deadline = Instant::now() + SILENCE;
                }
            }
            Some(Ok(Message::Binary(_))) => shared.refuse(),
            // Pings are answered by the socket.
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("the server closed the connection".into()),
        }
    }
}

fn request(shared: &Shared, url: &str) -> Result<Request, String> {
    let mut request = url.into_client_request().map_err(|e| e.to_string())?;
    let token = format!("Bearer {}", shared.config.token.text());
    let mut token = HeaderValue::try_from(token).map_err(|e| e.to_string())?;
    token.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, token);
    Ok(request)
}

async fn in_time<T, E: core::fmt::Display>(
    act: impl core::future::Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match timeout(PATIENCE, act).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err("the server does not answer".into()),
    }
}

/// Takes in what a server said; whether it was a message that was asked for.
fn take(shared: &Shared, text: &str) -> Result<bool, String> {
    match protocol::read(text) {
        Said::Update(index, message) => return Ok(shared.take(index, message, now_us())),
        Said::Refusal(reason) => return Err(format!("the server refuses: {reason}")),
        Said::Noise => shared.refuse(),
        Said::Other => {}
    }
    Ok(false)
}

/// This machine's clock, Unix time in microseconds.
fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| time.as_micros().try_into().unwrap_or(u64::MAX))
}

/// Counts a connection for as long as it lives, however it ends.
struct Connected<'a>(&'a Shared);

impl<'a> Connected<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.held().status.connected += 1;
        Self(shared)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.held().status.connected -= 1;
    }
}
