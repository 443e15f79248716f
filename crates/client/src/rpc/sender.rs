//! Sending transactions until their fate is known.
//!
//! # Policy
//! 1. The transaction is written in the newest version that the cluster takes ([`Connection::version`]); a node that refuses
//!    version 1 all the same is sent version 0. It is simulated, which finds its compute units and most refusals before
//!    anything is paid.
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
use solana_message::VersionedMessage;
use solana_rpc_client_api::config::RpcSimulateTransactionConfig;
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;
use solana_transaction_status_client_types::{TransactionStatus, UiTransactionEncoding};
use tokio::sync::Mutex;

use super::{
    fees::RecentFees,
    landing::{not_taken, Fate, Landing, Recent},
    policy::{ComputeLimit, Landed, PriorityFee, SendError, SendPolicy, Simulated},
    refusal::Refused,
    Connection,
};
use crate::transaction::{Budget, Version, MAX_UNITS};

/// How long a blockhash is used for further transactions.
const BLOCKHASH_LASTS: Duration = Duration::from_secs(2);
/// Equal instructions within one blockhash get limits that differ by up to so many units.
const DISTINCT: u32 = 1_000;
/// What a transaction may take beyond its simulation and the margin: between the two, refreshes in front of it may have
/// become due to sample the volatility of several underlyings.
const SAMPLES: u64 = 20_000;

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
        let version = self.version().await;
        match self.send_as(version, instructions, signers).await {
            Err(SendError::Version(_)) if self.falls_back_from(version) => {
                self.send_as(Version::V0, instructions, signers).await
            }
            outcome => outcome,
        }
    }

    async fn send_as(
        &self,
        version: Version,
        instructions: &[Instruction],
        signers: &[&Keypair],
    ) -> Result<Landed, SendError> {
        let units = self.units(version, instructions).await?;
        let unit_price = self.price(instructions).await?;
        let mut last = Signature::default();
        for _ in 0..=self.inner.policy.renewals {
            let recent = self.blockhash().await?;
            let units =
                units.saturating_sub(self.inner.count.fetch_add(1, Ordering::Relaxed) % DISTINCT);
            let budget = Budget { units, unit_price };
            let message = self.message(version, instructions, budget, recent.hash)?;
            let transaction = self.sign(message, signers)?;
            last = transaction.signatures.first().copied().unwrap_or_default();
            match self
                .landing()
                .see_through(&transaction, last, recent)
                .await?
            {
                Fate::Landed(status) => {
                    let before = version.preceding();
                    return self.report(instructions, before, last, status).await;
                }
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
        let mut rest = instructions.as_slice();
        while !rest.is_empty() {
            let version = self.version().await;
            let (batch, later) = rest.split_at(version.leading(&self.payer(), rest));
            match self.send(batch, signers).await {
                Ok(done) => landed.push(done),
                // Refused in the version that it was put together for: taken apart for the other.
                Err(SendError::TooLarge { .. }) if self.version().await != version => continue,
                Err(error) => return Err(error),
            }
            rest = later;
        }
        Ok(landed)
    }

    fn landing(&self) -> Landing<'_> {
        Landing {
            connection: &self.inner.connection,
            policy: &self.inner.policy,
        }
    }

    /// The version of the next transaction.
    pub async fn version(&self) -> Version {
        self.inner.connection.version().await
    }

    /// Instructions in order, in as few transactions as their size allows, the budget and all signatures counted. One that
    /// does not fit alone stands alone, and will be [`SendError::TooLarge`].
    pub async fn pack(&self, instructions: Vec<Instruction>) -> Vec<Vec<Instruction>> {
        self.version().await.pack(&self.payer(), instructions)
    }

    /// How many more accounts the last of these instructions can name, for example makers of an order, without needing
    /// another transaction than it does.
    pub async fn room(&self, instructions: &[Instruction]) -> usize {
        self.version().await.room(&self.payer(), instructions)
    }

    /// Executes a transaction on the node's state without sending it. Needs no signatures.
    ///
    /// # Errors
    /// [`SendError::Refused`] when it fails; [`SendError::Rpc`], [`SendError::TooLarge`].
    pub async fn simulate(&self, instructions: &[Instruction]) -> Result<Simulated, SendError> {
        let version = self.version().await;
        match self.simulate_as(version, instructions).await {
            Err(SendError::Version(_)) if self.falls_back_from(version) => {
                self.simulate_as(Version::V0, instructions).await
            }
            outcome => outcome,
        }
    }

    /// Whether what was refused for its version is worth another attempt in version 0, as will be what follows.
    fn falls_back_from(&self, version: Version) -> bool {
        let newer = version > Version::V0;
        if newer {
            self.inner.connection.refused_version_1();
        }
        newer
    }

    async fn simulate_as(
        &self,
        version: Version,
        instructions: &[Instruction],
    ) -> Result<Simulated, SendError> {
        let message = self.message(version, instructions, Budget::UNLIMITED, Hash::default())?;
        let signatures = usize::from(message.header().num_required_signatures);
        let transaction = VersionedTransaction {
            signatures: vec![Signature::default(); signatures],
            message,
        };
        let config = RpcSimulateTransactionConfig {
            sig_verify: false,
            replace_recent_blockhash: true,
            commitment: Some(self.inner.connection.commitment()),
            encoding: Some(UiTransactionEncoding::Base64),
            ..RpcSimulateTransactionConfig::default()
        };
        let rpc = self.inner.connection.rpc();
        let answer = rpc.simulate_transaction_with_config(&transaction, config);
        let answer = answer.await.map_err(not_taken)?;
        let logs = answer.value.logs.unwrap_or_default();
        if let Some(error) = answer.value.err {
            let error = TransactionError::from(error);
            if error == TransactionError::UnsupportedVersion {
                return Err(SendError::Version(error.to_string()));
            }
            let refused = Refused::new(&error, instructions, version.preceding(), logs, None);
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
    async fn units(
        &self,
        version: Version,
        instructions: &[Instruction],
    ) -> Result<u32, SendError> {
        match self.inner.policy.compute {
            ComputeLimit::Fixed(units) => Ok(units.saturating_add(DISTINCT).min(MAX_UNITS)),
            ComputeLimit::Simulated {
                margin_percent,
                floor,
            } => {
                let units = self.simulate_as(version, instructions).await?.units;
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

    fn message(
        &self,
        version: Version,
        instructions: &[Instruction],
        budget: Budget,
        blockhash: Hash,
    ) -> Result<VersionedMessage, SendError> {
        let payer = self.payer();
        let size = version.size(&payer, instructions);
        let too_large = SendError::TooLarge { version, size };
        if !size.is_within(&version.limits()) {
            return Err(too_large);
        }
        version
            .message(&payer, instructions, budget, blockhash)
            .map_err(|_| too_large)
    }

    fn sign(
        &self,
        message: VersionedMessage,
        signers: &[&Keypair],
    ) -> Result<VersionedTransaction, SendError> {
        let mut keys: Vec<&Keypair> = vec![&self.inner.payer];
        for signer in signers {
            if keys.iter().all(|key| key.pubkey() != signer.pubkey()) {
                keys.push(signer);
            }
        }
        VersionedTransaction::try_new(message, &keys)
            .map_err(|e| SendError::Unsigned(e.to_string()))
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

    /// What a confirmed transaction did.
    async fn report(
        &self,
        instructions: &[Instruction],
        before: usize,
        signature: Signature,
        status: TransactionStatus,
    ) -> Result<Landed, SendError> {
        let wanted = self.inner.policy.read_back || status.err.is_some();
        let (logs, units) = match wanted {
            true => self.landing().read_back(&signature).await,
            false => (Vec::new(), None),
        };
        if let Some(error) = &status.err {
            let refused = Refused::new(error, instructions, before, logs, Some(signature));
            return Err(SendError::Refused(Box::new(refused)));
        }
        Ok(Landed {
            signature,
            slot: status.slot,
            units,
            logs,
        })
    }
}
