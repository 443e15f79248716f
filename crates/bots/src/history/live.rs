//! Following transactions as they happen: the node's subscription says which, the node then returns each in full.
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::StreamExt;
use solana_commitment_config::CommitmentConfig;
use solana_pubsub_client::nonblocking::pubsub_client::PubsubClient;
use solana_rpc_client_api::config::{RpcTransactionLogsConfig, RpcTransactionLogsFilter};
use tokio::sync::mpsc;

use super::{
    database::Database,
    membership::Membership,
    record::record,
    source::{Executed, Source},
};

/// Signatures waiting to be recorded; more are left to the next look at the node's list.
const WAITING: usize = 4_096;
/// How often a transaction just notified is asked for, and the time between: nodes notify before they can return it.
const ATTEMPTS: u32 = 5;
const BETWEEN: Duration = Duration::from_millis(300);
/// First and longest wait before subscribing again.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// A subscription without any notification for so long is made anew: a connection can die without a word.
const SILENCE: Duration = Duration::from_secs(300);

/// Records transactions as the node notifies them, for as long as it is polled. What it misses the next look at the
/// node's list finds.
pub async fn follow(url: &str, database: &Database, membership: &Membership, source: &impl Source) {
    let (sender, mut signatures) = mpsc::channel(WAITING);
    let recording = async {
        while let Some(signature) = signatures.recv().await {
            if let Err(error) = record_notified(database, membership, source, signature).await {
                tracing::warn!("{error:#}; the next look at the list finds it");
            }
        }
    };
    tokio::join!(subscribe_always(url, sender), recording);
}

async fn subscribe_always(url: &str, sender: mpsc::Sender<String>) {
    let mut wait = BACKOFF.0;
    loop {
        match subscribe(url, &sender).await {
            // It worked for a while.
            Ok(()) => wait = BACKOFF.0,
            Err(error) => {
                tracing::warn!("cannot follow the program's logs at {url}: {error:#}");
                wait = (wait * 2).min(BACKOFF.1);
            }
        }
        tokio::time::sleep(wait).await;
    }
}

/// Passes signatures on until the subscription ends.
async fn subscribe(url: &str, sender: &mpsc::Sender<String>) -> Result<()> {
    let client = tokio::time::timeout(BACKOFF.1, PubsubClient::new(url))
        .await
        .context("no answer")??;
    let config = RpcTransactionLogsConfig {
        commitment: Some(CommitmentConfig::confirmed()),
    };
    let mentions = RpcTransactionLogsFilter::Mentions(vec![plimsoll::ID.to_string()]);
    let subscription = client.logs_subscribe(mentions, config);
    let (mut notifications, _unsubscribe) = tokio::time::timeout(BACKOFF.1, subscription)
        .await
        .context("no answer")??;
    tracing::info!("following the program's logs at {url}");
    while let Ok(Some(notification)) = tokio::time::timeout(SILENCE, notifications.next()).await {
        let transaction = notification.value;
        // When it has no room the list has it.
        if transaction.err.is_none() && sender.try_send(transaction.signature).is_err() {
            tracing::debug!("more notifications than can be recorded at once");
        }
    }
    Ok(())
}

/// Records a transaction that the node has just notified.
async fn record_notified(
    database: &Database,
    membership: &Membership,
    source: &impl Source,
    signature: String,
) -> Result<()> {
    for attempt in 1..=ATTEMPTS {
        // A block without a time yet is as good as none.
        if let Some((found, time)) = source
            .transaction(&signature)
            .await?
            .and_then(|found| found.time.map(|time| (found, time)))
        {
            if found.failed {
                return Ok(());
            }
            let executed = Executed {
                signature,
                slot: found.slot,
                time,
                logs: Some(found.logs),
            };
            record(database, membership, source, &executed).await?;
            return Ok(());
        }
        tokio::time::sleep(BETWEEN * attempt).await;
    }
    anyhow::bail!("the node notified transaction {signature} and does not return it yet")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{
        catch_up::CatchUp,
        fixture::{self, exchange, Chain},
    };

    #[tokio::test]
    async fn notified_and_listed_is_recorded_once() {
        let (database, chain) = (fixture::database().await, Chain::default());
        chain.trade(3);
        let membership = Membership::load(&database, exchange().address)
            .await
            .unwrap();
        for n in 0..3 {
            let signature = format!("signature{n}");
            record_notified(&database, &membership, &chain, signature)
                .await
                .unwrap();
        }
        let rest = CatchUp::new(&database, &membership, &chain)
            .run(9)
            .await
            .unwrap();
        assert_eq!(rest, 2);
    }
}
