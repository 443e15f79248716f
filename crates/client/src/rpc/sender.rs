//! Sending transactions until their fate is known.
//!
//! # Policy
//! 1. The transaction is simulated, which finds its compute units and most refusals before anything is paid.
//! 2. It is signed with a recent blockhash and sent without preflight. No two transactions of a sender are equal, even
//!    with equal instructions: their compute-unit limits differ by a unit, so that none is taken for a repetition.
//! 3. While its signature's status is polled, it is sent again every so often: nodes drop transactions silently.
//! 4. A status counts once it is confirmed. A transaction that failed on chain is [`SendError::Refused`] with the logs.
//! 5. When the chain's confirmed block height passes the blockhash's last valid one, and a node that has seen that block
//!    still knows no status, the transaction can no longer land. Only then is it signed anew with another blockhash, as
//!    often as the policy says; after that it is [`SendError::Expired`]. Hence nothing is ever executed twice.
//! 6. When the node stops answering the fate stays unknown: [`SendError::Rpc`] with the signature.
use std::{
    sync::{
        atomic::{AtomicU32, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};

use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use base64::{engine::general_purpose::STANDARD, Engine};
use solana_commitment_config::CommitmentConfig;
use solana_hash::Hash;
use solana_keypair::Keypair;
use solana_rpc_client_api::{
    client_error::{Error as ClientError, ErrorKind},
    config::{RpcSendTransactionConfig, RpcSimulateTransactionConfig, RpcTransactionConfig},
    request::RpcError,
};
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;
use solana_transaction_status_client_types::{TransactionStatus, UiTransactionEncoding};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use super::{
    budget::{self, RecentFees, MAX_BYTES, MAX_UNITS, PREFIX},
    policy::{ComputeLimit, Landed, PriorityFee, SendError, SendPolicy, Simulated},
    refusal::Refused,
    Connection,
};

/// How long a blockhash is used for further transactions.
const BLOCKHASH_LASTS: Duration = Duration::from_secs(2);
/// Equal instructions within one blockhash get limits that differ by up to so many units.
const DISTINCT: u32 = 1_000;
/// What a transaction may take beyond its simulation and the margin: between the two, refreshes in front of it may have
/// become due to sample the volatility of several underlyings.
const SAMPLES: u64 = 20_000;
/// Polls of a status between two looks at the block height.
const HEIGHT_EVERY: u32 = 6;
/// Failed calls in a row after which the node counts as gone.
const PATIENCE: u32 = 20;
/// Longest wait for one answer; a lost call is repeated.
const CALL: Duration = Duration::from_secs(10);
/// How often, and how far apart, the logs of a transaction that landed are asked for.
const READ_BACK: u32 = 8;
const READ_BACK_EVERY: Duration = Duration::from_millis(250);

/// Sends transactions that one key pays for. Cheap to clone, and to be shared by any number of tasks.
#[derive(Clone)]
pub struct Sender {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Connection,
    payer: Arc<Keypair>,
    policy: SendPolicy,
    blockhash: Mutex<Option<(Instant, Recent)>>,
    fees: RecentFees,
    count: AtomicU32,
}

/// A blockhash and the block height up to which it counts.
#[derive(Clone, Copy)]
struct Recent {
    hash: Hash,
    last_valid: u64,
}

/// What became of one signed transaction.
enum Fate {
    Landed(TransactionStatus),
    /// It can no longer land.
    Expired,
}

impl Sender {
    /// A sender whose transactions `payer` pays for.
    pub fn new(connection: Connection, payer: Arc<Keypair>, policy: SendPolicy) -> Self {
        Self {
            inner: Arc::new(Inner {
                connection,
                payer,
                policy,
                blockhash: Mutex::default(),
                fees: RecentFees::default(),
                count: AtomicU32::new(0),
            }),
        }
    }

    /// Who pays, and signs what the payer's key is asked for.
    pub fn payer(&self) -> Pubkey {
        self.inner.payer.pubkey()
    }

    /// The connection that transactions go through.
    pub fn connection(&self) -> &Connection {
        &self.inner.connection
    }

    /// Sends one transaction and waits until its fate is known. `signers` besides the payer.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(
        &self,
        instructions: &[Instruction],
        signers: &[&Keypair],
    ) -> Result<Landed, SendError> {
        let units = self.units(instructions).await?;
        let price = self.price(instructions).await?;
        let mut last = Signature::default();
        for _ in 0..=self.inner.policy.renewals {
            let recent = self.blockhash().await?;
            let units =
                units.saturating_sub(self.inner.count.fetch_add(1, Ordering::Relaxed) % DISTINCT);
            let mut all = budget::prefix(units, price).to_vec();
            all.extend_from_slice(instructions);
            let transaction = self.sign(&all, signers, recent.hash)?;
            last = transaction.signatures.first().copied().unwrap_or_default();
            match self.see_through(&transaction, last, recent).await? {
                Fate::Landed(status) => return self.report(instructions, last, status).await,
                Fate::Expired => self.forget(recent.hash).await,
            }
        }
        Err(SendError::Expired { last })
    }

    /// Sends instructions in order, in as few transactions as their size allows, one after the other.
    ///
    /// # Errors
    /// The first [`SendError`]; what came before it is done, what comes after it is not sent.
    pub async fn send_all(
        &self,
        instructions: Vec<Instruction>,
        signers: &[&Keypair],
    ) -> Result<Vec<Landed>, SendError> {
        let mut landed = Vec::new();
        for batch in self.pack(instructions) {
            landed.push(self.send(&batch, signers).await?);
        }
        Ok(landed)
    }

    /// Instructions in order, in as few transactions as their size allows, the budget's instructions and all signatures
    /// counted. One that does not fit alone stands alone, and will be [`SendError::TooLarge`].
    pub fn pack(&self, instructions: Vec<Instruction>) -> Vec<Vec<Instruction>> {
        budget::pack(instructions, &self.payer())
    }

    /// Executes a transaction on the node's state without sending it. Needs no signatures.
    ///
    /// # Errors
    /// [`SendError::Refused`] when it fails; [`SendError::Rpc`], [`SendError::TooLarge`].
    pub async fn simulate(&self, instructions: &[Instruction]) -> Result<Simulated, SendError> {
        let mut all = budget::prefix(MAX_UNITS, 0).to_vec();
        all.extend_from_slice(instructions);
        self.require_size(&all)?;
        let transaction = Transaction::new_with_payer(&all, Some(&self.payer()));
        let config = RpcSimulateTransactionConfig {
            sig_verify: false,
            replace_recent_blockhash: true,
            commitment: Some(self.inner.connection.commitment()),
            encoding: Some(UiTransactionEncoding::Base64),
            ..RpcSimulateTransactionConfig::default()
        };
        let rpc = self.inner.connection.rpc();
        let answer = rpc.simulate_transaction_with_config(&transaction, config);
        let answer = answer.await.map_err(|e| SendError::rpc(e, None))?;
        let logs = answer.value.logs.unwrap_or_default();
        if let Some(error) = answer.value.err {
            let error = TransactionError::from(error);
            let refused = Refused::new(&error, instructions, PREFIX, logs, None);
            return Err(SendError::Refused(Box::new(refused)));
        }
        Ok(Simulated {
            slot: answer.context.slot,
            units: answer.value.units_consumed.unwrap_or(0),
            logs,
            return_data: answer
                .value
                .return_data
                .and_then(|data| STANDARD.decode(data.data.0).ok()),
        })
    }

    /// The compute-unit limit, with room below it to tell equal transactions apart.
    async fn units(&self, instructions: &[Instruction]) -> Result<u32, SendError> {
        match self.inner.policy.compute {
            ComputeLimit::Fixed(units) => Ok(units.saturating_add(DISTINCT).min(MAX_UNITS)),
            ComputeLimit::Simulated {
                margin_percent,
                floor,
            } => {
                let units = self.simulate(instructions).await?.units;
                let units = units.saturating_mul(100 + u64::from(margin_percent)) / 100;
                let units = units.saturating_add(SAMPLES);
                let units = u32::try_from(units).unwrap_or(MAX_UNITS);
                // In steps as large as that room: else a smaller need with a larger room could give an equal limit.
                let steps = units.max(floor).div_ceil(DISTINCT).saturating_add(1);
                Ok(steps.saturating_mul(DISTINCT).min(MAX_UNITS))
            }
        }
    }

    /// Micro-lamports per compute unit.
    async fn price(&self, instructions: &[Instruction]) -> Result<u64, SendError> {
        let inner = &self.inner;
        match inner.policy.fee {
            PriorityFee::None => Ok(0),
            PriorityFee::Fixed(price) => Ok(price),
            PriorityFee::Recent {
                percentile,
                at_least,
                at_most,
            } => {
                let recent = inner
                    .fees
                    .percentile(&inner.connection, instructions, percentile);
                // Not knowing what others pay is no reason not to send.
                let recent = recent.await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "recent priority fees are not known");
                    0
                });
                Ok(recent.max(at_least).min(at_most))
            }
        }
    }

    fn sign(
        &self,
        all: &[Instruction],
        signers: &[&Keypair],
        blockhash: Hash,
    ) -> Result<Transaction, SendError> {
        self.require_size(all)?;
        let mut transaction = Transaction::new_with_payer(all, Some(&self.payer()));
        let mut keys: Vec<&Keypair> = vec![&self.inner.payer];
        for signer in signers {
            if keys.iter().all(|key| key.pubkey() != signer.pubkey()) {
                keys.push(signer);
            }
        }
        transaction
            .try_sign(&keys, blockhash)
            .map_err(|e| SendError::Unsigned(e.to_string()))?;
        Ok(transaction)
    }

    fn require_size(&self, all: &[Instruction]) -> Result<(), SendError> {
        let bytes = budget::bytes(all, &self.payer());
        if bytes > MAX_BYTES {
            return Err(SendError::TooLarge { bytes });
        }
        Ok(())
    }

    /// A blockhash that is at most a moment old; tasks share it.
    async fn blockhash(&self) -> Result<Recent, SendError> {
        let mut cached = self.inner.blockhash.lock().await;
        if let Some((at, recent)) = *cached {
            if at.elapsed() < BLOCKHASH_LASTS {
                return Ok(recent);
            }
        }
        let rpc = self.inner.connection.rpc();
        let commitment = CommitmentConfig::confirmed();
        let (hash, last_valid) = rpc
            .get_latest_blockhash_with_commitment(commitment)
            .await
            .map_err(|e| SendError::rpc(e, None))?;
        let recent = Recent { hash, last_valid };
        *cached = Some((Instant::now(), recent));
        Ok(recent)
    }

    /// Does not use a blockhash again.
    async fn forget(&self, hash: Hash) {
        let mut cached = self.inner.blockhash.lock().await;
        if cached.is_some_and(|(_, recent)| recent.hash == hash) {
            *cached = None;
        }
    }

    /// Sends a signed transaction again and again until it landed or no longer can.
    async fn see_through(
        &self,
        transaction: &Transaction,
        signature: Signature,
        recent: Recent,
    ) -> Result<Fate, SendError> {
        let policy = &self.inner.policy;
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
        transaction: &Transaction,
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
                Err(SendError::rpc(error, None))
            }
            // The connection broke or timed out: the node may have taken it.
            _ => {
                tracing::debug!(%error, %signature, "whether the node took it is not known");
                Ok(true)
            }
        }
    }

    async fn submit(&self, transaction: &Transaction) -> Result<(), ClientError> {
        let config = RpcSendTransactionConfig {
            skip_preflight: true,
            encoding: Some(UiTransactionEncoding::Base64),
            max_retries: Some(0),
            ..RpcSendTransactionConfig::default()
        };
        let rpc = self.inner.connection.rpc();
        let sending = rpc.send_transaction_with_config(transaction, config);
        in_time(sending).await.map(|_| ())
    }

    /// The status of a signature, if the node knows it, and the slot as of which.
    async fn status(
        &self,
        signature: &Signature,
    ) -> Result<(Option<TransactionStatus>, u64), ClientError> {
        let signatures = [*signature];
        let rpc = self.inner.connection.rpc();
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
        let rpc = self.inner.connection.rpc();
        let confirmed = CommitmentConfig::confirmed();
        let epoch = in_time(rpc.get_epoch_info_with_commitment(confirmed)).await?;
        let (status, as_of) = self.status(signature).await?;
        let over = epoch.block_height > last_valid && as_of >= epoch.absolute_slot;
        Ok((status, over))
    }

    /// What a confirmed transaction did.
    async fn report(
        &self,
        instructions: &[Instruction],
        signature: Signature,
        status: TransactionStatus,
    ) -> Result<Landed, SendError> {
        let wanted = self.inner.policy.read_back || status.err.is_some();
        let (logs, units) = match wanted {
            true => self.read_back(&signature).await,
            false => (Vec::new(), None),
        };
        if let Some(error) = &status.err {
            let refused = Refused::new(error, instructions, PREFIX, logs, Some(signature));
            return Err(SendError::Refused(Box::new(refused)));
        }
        Ok(Landed {
            signature,
            slot: status.slot,
            units,
            logs,
        })
    }

    /// Logs and compute units of a transaction, which a node may know a moment later than its status.
    async fn read_back(&self, signature: &Signature) -> (Vec<String>, Option<u64>) {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(CommitmentConfig::confirmed()),
            max_supported_transaction_version: Some(0),
        };
        let rpc = self.inner.connection.rpc();
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
