//! What becomes of a signed transaction: sending it again and again until that is known.
use std::time::{Duration, Instant};

use solana_commitment_config::CommitmentConfig;
use solana_hash::Hash;
use solana_rpc_client_api::{
    client_error::{Error as ClientError, ErrorKind},
    config::{RpcSendTransactionConfig, RpcTransactionConfig},
    request::RpcError,
};
use solana_signature::Signature;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_status_client_types::{TransactionStatus, UiTransactionEncoding};
use tokio::time::{sleep, timeout};

use super::{
    policy::{SendError, SendPolicy},
    Connection,
};
use crate::transaction::NEWEST;

/// Polls of a status between two looks at the block height.
const HEIGHT_EVERY: u32 = 6;
/// Failed calls in a row after which the node counts as gone.
const PATIENCE: u32 = 20;
/// Longest wait for one answer; a lost call is repeated.
const CALL: Duration = Duration::from_secs(10);
/// JSON-RPC's code for parameters that a node does not take, as transactions are of a version that it does not know.
const INVALID_PARAMS: i64 = -32_602;
/// How often, and how far apart, the logs of a transaction that landed are asked for.
const READ_BACK: u32 = 8;
const READ_BACK_EVERY: Duration = Duration::from_millis(250);

/// A blockhash and the block height up to which it counts.
#[derive(Clone, Copy)]
pub(super) struct Recent {
    pub hash: Hash,
    pub last_valid: u64,
}

/// What became of one signed transaction.
pub(super) enum Fate {
    Landed(TransactionStatus),
    /// It can no longer land.
    Expired,
}

/// Sees transactions through by a policy.
pub(super) struct Landing<'a> {
    pub connection: &'a Connection,
    pub policy: &'a SendPolicy,
}

impl Landing<'_> {
    /// Sends a signed transaction again and again until it landed or no longer can.
    pub(super) async fn see_through(
        &self,
        transaction: &VersionedTransaction,
        signature: Signature,
        recent: Recent,
    ) -> Result<Fate, SendError> {
        let policy = self.policy;
        if !self.first_submission(transaction, signature).await? {
            return Ok(Fate::Expired);
        }
        let mut sent = Instant::now();
        let (mut polls, mut failures) = (0u32, 0u32);
        loop {
            sleep(policy.poll_every).await;
            polls = polls.wrapping_add(1);
            let look = if polls.is_multiple_of(HEIGHT_EVERY) {
                self.look_for_the_end(&signature, recent.last_valid).await
            } else {
                self.status(&signature)
                    .await
                    .map(|(status, _)| (status, false))
            };
            let (status, over) = match look {
                Ok(seen) => seen,
                Err(error) if failures < PATIENCE => {
                    tracing::debug!(%error, %signature, "a status is not known");
                    failures += 1;
                    continue;
                }
                Err(error) => return Err(SendError::rpc(error, Some(signature))),
            };
            failures = 0;
            match status {
                Some(status) if is_confirmed(&status) => return Ok(Fate::Landed(status)),
                // Processed: not sent again, it waits for votes or is dropped with its fork.
                Some(_) => continue,
                None if over => return Ok(Fate::Expired),
                None => {}
            }
            if sent.elapsed() >= policy.resend_every {
                sent = Instant::now();
                if let Err(error) = self.submit(transaction).await {
                    tracing::debug!(%error, %signature, "a repetition was not taken");
                }
            }
        }
    }

    /// The first time, of which it matters why it fails: false when the node does not know the blockhash, so that the
    /// transaction went nowhere and another blockhash is to be used.
    async fn first_submission(
        &self,
        transaction: &VersionedTransaction,
        signature: Signature,
    ) -> Result<bool, SendError> {
        let Err(error) = self.submit(transaction).await else {
            return Ok(true);
        };
        match error.kind() {
            ErrorKind::RpcError(RpcError::RpcResponseError { message, .. }) => {
                if message.contains("lockhash not found") {
                    return Ok(false);
                }
                Err(not_taken(error))
            }
            // The connection broke or timed out: the node may have taken it.
            _ => {
                tracing::debug!(%error, %signature, "whether the node took it is not known");
                Ok(true)
            }
        }
    }

    async fn submit(&self, transaction: &VersionedTransaction) -> Result<(), ClientError> {
        let config = RpcSendTransactionConfig {
            skip_preflight: true,
            encoding: Some(UiTransactionEncoding::Base64),
            max_retries: Some(0),
            ..RpcSendTransactionConfig::default()
        };
        let rpc = self.connection.rpc();
        let sending = rpc.send_transaction_with_config(transaction, config);
        in_time(sending).await.map(|_| ())
    }

    /// The status of a signature, if the node knows it, and the slot as of which.
    async fn status(
        &self,
        signature: &Signature,
    ) -> Result<(Option<TransactionStatus>, u64), ClientError> {
        let signatures = [*signature];
        let rpc = self.connection.rpc();
        let mut answer = in_time(rpc.get_signature_statuses(&signatures)).await?;
        Ok((answer.value.pop().flatten(), answer.context.slot))
    }

    /// The status, and whether none means that none will come: the blockhash's time is over on the confirmed chain, and
    /// the status is of a node that is at least as far.
    async fn look_for_the_end(
        &self,
        signature: &Signature,
        last_valid: u64,
    ) -> Result<(Option<TransactionStatus>, bool), ClientError> {
        let rpc = self.connection.rpc();
        let confirmed = CommitmentConfig::confirmed();
        let epoch = in_time(rpc.get_epoch_info_with_commitment(confirmed)).await?;
        let (status, as_of) = self.status(signature).await?;
        let over = epoch.block_height > last_valid && as_of >= epoch.absolute_slot;
        Ok((status, over))
    }

    /// Logs and compute units of a transaction, which a node may know a moment later than its status.
    pub(super) async fn read_back(&self, signature: &Signature) -> (Vec<String>, Option<u64>) {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(CommitmentConfig::confirmed()),
            max_supported_transaction_version: Some(NEWEST),
        };
        let rpc = self.connection.rpc();
        for _ in 0..READ_BACK {
            let found = in_time(rpc.get_transaction_with_config(signature, config)).await;
            if let Some(meta) = found.ok().and_then(|found| found.transaction.meta) {
                let logs: Option<Vec<String>> = meta.log_messages.into();
                return (logs.unwrap_or_default(), meta.compute_units_consumed.into());
            }
            sleep(READ_BACK_EVERY).await;
        }
        (Vec::new(), None)
    }
}

/// Why a node did not take a transaction that it was just given, which went nowhere.
pub(super) fn not_taken(error: ClientError) -> SendError {
    match error.kind() {
        ErrorKind::RpcError(RpcError::RpcResponseError { code, message, .. })
            if *code == INVALID_PARAMS =>
        {
            SendError::Version(message.clone())
        }
        _ => SendError::rpc(error, None),
    }
}

fn is_confirmed(status: &TransactionStatus) -> bool {
    status.satisfies_commitment(CommitmentConfig::confirmed())
}

/// The answer to a call, unless it takes longer than a call may.
async fn in_time<T>(
    call: impl std::future::Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    match timeout(CALL, call).await {
        Ok(answer) => answer,
        Err(_) => Err(ErrorKind::Custom("the node takes too long".into()).into()),
    }
}
