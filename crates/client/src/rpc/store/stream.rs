//! The task that listens: subscribes, takes in notifications, and connects again when the node goes away.
use std::{sync::Arc, time::Duration};

use futures_util::{
    stream::{select_all, BoxStream},
    StreamExt,
};
use solana_account_decoder_client_types::UiAccountEncoding;
use solana_pubsub_client::nonblocking::pubsub_client::{PubsubClient, PubsubClientError};
use solana_rpc_client_api::{
    config::{RpcAccountInfoConfig, RpcProgramAccountsConfig},
    response::{Response, RpcKeyedAccount, SlotInfo},
};
use tokio::time::{sleep, timeout, Instant};

use super::{
    held::{Ask, Shared},
    table::Source,
    Feed,
};
use crate::{
    backoff::Backoff,
    rpc::{connection, Connection},
};

/// Longest time to connect or to subscribe.
const PATIENCE: Duration = Duration::from_secs(15);
/// A node that says nothing for so long, not even that a slot began, counts as gone.
const SILENCE: Duration = Duration::from_secs(60);
/// A connection that lasted so long was a good one: the next failure starts with a short wait again.
const LASTED: Duration = Duration::from_secs(60);

/// What a node tells.
enum Told {
    Account(Response<RpcKeyedAccount>),
    Slot(SlotInfo),
}

/// Why a session ended.
enum End {
    /// The node does not know `programSubscribe`, and never will.
    Unsupported,
    Failed(String),
}

/// Listens until the task is aborted, or returns when the node cannot be listened to: then it is polled.
pub(super) async fn listen(shared: Arc<Shared>, connection: Connection) {
    let Some(url) = connection.ws_url() else {
        shared.feed_is(Feed::Polling);
        return;
    };
    let mut backoff = Backoff::new();
    loop {
        let began = Instant::now();
        let end = session(&shared, &connection, url).await;
        if began.elapsed() >= LASTED {
            backoff = Backoff::new();
        }
        match end {
            End::Unsupported => {
                tracing::warn!("the node knows no programSubscribe, accounts are polled");
                shared.feed_is(Feed::Polling);
                return;
            }
            End::Failed(reason) => {
                tracing::warn!(%reason, "the subscription ended, connecting again");
                {
                    let mut progress = shared.progress();
                    progress.feed = Feed::Reconnecting;
                    progress.reconnects += 1;
                    progress.listen_error = Some(reason);
                }
                // Without notifications accounts are polled: from now on, not only once the round is due that
                // notifications had made rare.
                shared.ask(Ask::Everything);
            }
        }
        sleep(backoff.next_wait()).await;
    }
}

async fn session(shared: &Shared, connection: &Connection, url: &str) -> End {
    let client = match timeout(PATIENCE, PubsubClient::new(url)).await {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return End::Failed(error.to_string()),
        Err(_) => return End::Failed(format!("{url} does not answer")),
    };
    let end = match subscribe(shared, connection, &client).await {
        Ok(streams) => {
            shared.feed_is(Feed::Subscribed);
            // What happened before the subscription began was not told.
            shared.ask(Ask::Everything);
            follow(shared, streams).await
        }
        Err(end) => end,
    };
    // The socket is closed either way; a failure to say goodbye changes nothing.
    let _ = timeout(PATIENCE, client.shutdown()).await;
    end
}

async fn subscribe<'a>(
    shared: &Shared,
    connection: &Connection,
    client: &'a PubsubClient,
) -> Result<Vec<BoxStream<'a, Told>>, End> {
    let mut streams = Vec::new();
    for filters in shared.filters() {
        let config = RpcProgramAccountsConfig {
            filters: Some(filters),
            account_config: RpcAccountInfoConfig {
                encoding: Some(UiAccountEncoding::Base64),
                commitment: Some(connection.commitment()),
                ..RpcAccountInfoConfig::default()
            },
            ..RpcProgramAccountsConfig::default()
        };
        let subscribing = client.program_subscribe(&plimsoll::ID, Some(config));
        let (stream, _) = in_time(subscribing).await?;
        streams.push(stream.map(Told::Account).boxed());
    }
    // Slots only show that the node is alive.
    if let Ok((stream, _)) = in_time(client.slot_subscribe()).await {
        streams.push(stream.map(Told::Slot).boxed());
    }
    Ok(streams)
}

async fn in_time<T>(
    subscribing: impl std::future::Future<Output = Result<T, PubsubClientError>>,
) -> Result<T, End> {
    match timeout(PATIENCE, subscribing).await {
        Ok(Ok(subscribed)) => Ok(subscribed),
        Ok(Err(error)) if is_unsupported(&error) => Err(End::Unsupported),
        Ok(Err(error)) => Err(End::Failed(error.to_string())),
        Err(_) => Err(End::Failed("a subscription is not answered".into())),
    }
}

/// JSON-RPC's own code for a method that does not exist.
fn is_unsupported(error: &PubsubClientError) -> bool {
    match error {
        PubsubClientError::SubscribeFailed { reason, .. } => reason.contains("-32601"),
        _ => false,
    }
}

async fn follow(shared: &Shared, streams: Vec<BoxStream<'_, Told>>) -> End {
    let mut told = select_all(streams);
    loop {
        match timeout(SILENCE, told.next()).await {
            Ok(Some(Told::Account(told))) => take(shared, told),
            Ok(Some(Told::Slot(slot))) => {
                let mut progress = shared.progress();
                progress.last_slot = progress.last_slot.max(slot.slot);
            }
            Ok(None) => return End::Failed("the node closed the connection".into()),
            Err(_) => return End::Failed("the node has fallen silent".into()),
        }
    }
}

fn take(shared: &Shared, told: Response<RpcKeyedAccount>) {
    let Ok(address) = told.value.pubkey.parse() else {
        return;
    };
    match connection::bytes(&told.value.account) {
        Some(data) => shared.take(address, told.context.slot, Some(&data), Source::Stream),
        None => shared.ask(Ask::Again(address)),
    }
}
