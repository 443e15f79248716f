//! Sending transactions over RPC, and keeping book of what each of them cost and logged.
use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicBool, AtomicU32, Ordering},
        Arc, Mutex, OnceLock, PoisonError,
    },
    time::Duration,
};

use anchor_lang::{
    prelude::{pubkey, Pubkey},
    solana_program::instruction::Instruction,
};
use anyhow::{bail, Context, Result};
use plimsoll_client::{
    errors,
    logs::refusal as refusal_in,
    transaction::{Budget, Version, MAX_UNITS, NEWEST},
};
use solana_commitment_config::CommitmentConfig;
use solana_hash::Hash;
use solana_keypair::Keypair;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::{
    client_error::{Error as ClientError, ErrorKind},
    config::{RpcSendTransactionConfig, RpcTransactionConfig},
    request::{RpcError, RpcResponseErrorData},
};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_status_client_types::UiTransactionEncoding;

use crate::logs::{self, Happened, Landed};

/// The clock's sysvar account.
const CLOCK: Pubkey = pubkey!("SysvarC1ock11111111111111111111111111111111");
/// The version that transactions are written in, which the local chain takes from the start.
const VERSION: Version = Version::V1;
/// How often, and how long apart, to look for a transaction that was accepted.
const LOOK_TIMES: u32 = 200;
const LOOK_EVERY: Duration = Duration::from_millis(3);

/// Everything that was sent, by all participants.
#[derive(Default)]
pub struct Traffic {
    /// The tick that is being played, with which events are noted.
    pub tick: u32,
    /// Transactions that landed.
    pub landed: u64,
    /// Refusals by reason.
    pub refused: BTreeMap<String, u64>,
    /// Compute units of each top-level instruction of the program, by its name.
    pub compute: BTreeMap<String, Vec<u64>>,
    /// Compute units of whole transactions.
    pub transactions: Vec<u64>,
    /// What the program reported, with its tick.
    pub events: Vec<(u32, Happened)>,
}

/// A connection that counts. Cheap to clone; clones share the book.
#[derive(Clone)]
pub struct Wire {
    rpc: Arc<RpcClient>,
    payer: Arc<Keypair>,
    traffic: Arc<Mutex<Traffic>>,
    by_clock: Arc<AtomicBool>,
    publisher: Arc<OnceLock<Publisher>>,
    /// Transactions sent by the clock: each is made different from all before.
    sent: Arc<AtomicU32>,
    /// The blockhash of the last transaction. Holding it while sending makes transactions follow one another.
    last: Arc<tokio::sync::Mutex<Hash>>,
}

/// Publishes prices as of a time of the chain, Unix seconds.
pub type Publisher = Box<dyn Fn(i64) -> Result<()> + Send + Sync>;

/// What closes the chain's blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Every transaction closes one.
    Transactions,
    /// The clock does.
    Clock,
}

/// Why a transaction did not happen.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The program's error code, when the program refused.
    pub code: Option<u32>,
    /// For people.
    pub reason: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Refusal {}

/// The chain's clock.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub slot: u64,
    pub unix_time: i64,
}

impl Wire {
    /// Connects to an RPC address; `payer` pays for every transaction.
    pub fn new(rpc_url: &str, payer: Keypair) -> Self {
        let rpc = RpcClient::new_with_commitment(rpc_url.into(), CommitmentConfig::processed());
        Self {
            rpc: Arc::new(rpc),
            payer: Arc::new(payer),
            traffic: Arc::default(),
            by_clock: Arc::default(),
            publisher: Arc::default(),
            sent: Arc::default(),
            last: Arc::default(),
        }
    }

    /// Says what closes blocks from now on. By the clock transactions do not wait for one another, and the book, which would
    /// grow without end, is closed.
    pub fn set_pace(&self, pace: Pace) {
        self.by_clock.store(pace == Pace::Clock, Ordering::Relaxed);
    }

    /// Has prices published before every refresh, as publishers do every moment: where transactions move the clock, nobody
    /// else could. Only the first publisher counts.
    pub fn publish_with(&self, publisher: Publisher) {
        let _ = self.publisher.set(publisher);
    }

    /// Publishes prices as of now, where that is for this side to do.
    pub async fn publish(&self) -> Result<()> {
        match self.publisher.get() {
            Some(publish) => publish(self.now().await?.unix_time),
            None => Ok(()),
        }
    }

    /// The bare connection, for reading.
    pub fn rpc(&self) -> &RpcClient {
        &self.rpc
    }

    /// Who pays.
    pub fn payer(&self) -> Pubkey {
        self.payer.pubkey()
    }

    /// Reads or writes the book.
    pub fn traffic<T>(&self, use_it: impl FnOnce(&mut Traffic) -> T) -> T {
        use_it(&mut self.traffic.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The chain's clock, from its sysvar.
    pub async fn now(&self) -> Result<Now> {
        let data = self.rpc.get_account_data(&CLOCK).await?;
        let word = |at: usize| -> Result<[u8; 8]> {
            let bytes = data.get(at..at + 8).context("the clock is too short")?;
            Ok(bytes.try_into()?)
        };
        Ok(Now {
            slot: u64::from_le_bytes(word(0)?),
            unix_time: i64::from_le_bytes(word(32)?),
        })
    }

    /// Sends one transaction and waits until it has been executed.
    ///
    /// # Errors
    /// The [`Refusal`], when the transaction failed; it is in the book already.
    pub async fn send(
        &self,
        instructions: &[Instruction],
        signers: &[&Keypair],
    ) -> Result<Landed, Refusal> {
        if self.by_clock.load(Ordering::Relaxed) {
            return self.send_now(instructions, signers).await;
        }
        let outcome = self.send_next(instructions, signers).await;
        self.traffic(|book| match &outcome {
            Ok(landed) => book.note(landed),
            Err(refusal) => *book.refused.entry(refusal.reason.clone()).or_default() += 1,
        });
        outcome
    }

    /// Sends instructions in as few transactions as their size allows, in order, until one fails.
    pub async fn send_all(
        &self,
        instructions: Vec<Instruction>,
        signers: &[&Keypair],
    ) -> Result<(), Refusal> {
        for batch in VERSION.pack(&self.payer(), instructions) {
            self.send(&batch, signers).await?;
        }
        Ok(())
    }

    /// Sends in the block after the one of the last transaction.
    async fn send_next(
        &self,
        instructions: &[Instruction],
        signers: &[&Keypair],
    ) -> Result<Landed, Refusal> {
        let mut last = self.last.lock().await;
        let blockhash = self.next_blockhash(&last).await?;
        *last = blockhash;
        self.submit(instructions, signers, Budget::UNLIMITED, blockhash)
            .await
    }

    /// Sends in the block that is open, whatever else is sent.
    async fn send_now(
        &self,
        instructions: &[Instruction],
        signers: &[&Keypair],
    ) -> Result<Landed, Refusal> {
        // Of equal transactions in one block only the first counts: a limit of its own tells this one apart.
        let turn = self.sent.fetch_add(1, Ordering::Relaxed) % 100_000;
        let budget = Budget {
            units: MAX_UNITS - turn,
            ..Budget::UNLIMITED
        };
        let blockhash = self.rpc.get_latest_blockhash().await.map_err(other)?;
        self.submit(instructions, signers, budget, blockhash).await
    }

    async fn submit(
        &self,
        instructions: &[Instruction],
        signers: &[&Keypair],
        budget: Budget,
        blockhash: Hash,
    ) -> Result<Landed, Refusal> {
        let message = VERSION
            .message(&self.payer(), instructions, budget, blockhash)
            .map_err(other)?;
        let mut keys: Vec<&Keypair> = vec![&self.payer];
        keys.extend(signers.iter().filter(|k| k.pubkey() != self.payer()));
        let transaction = VersionedTransaction::try_new(message, &keys)
            .map_err(|e| other(format!("cannot sign: {e}")))?;
        let config = RpcSendTransactionConfig {
            skip_preflight: true,
            encoding: Some(UiTransactionEncoding::Base64),
            ..Default::default()
        };
        let signature = self
            .rpc
            .send_transaction_with_config(&transaction, config)
            .await
            .map_err(refusal)?;
        self.executed(&signature.to_string()).await
    }

    /// The blockhash after `last`: the block of the last transaction is closed then, and an equal transaction is not
    /// taken for its repetition.
    async fn next_blockhash(&self, last: &Hash) -> Result<Hash, Refusal> {
        for _ in 0..LOOK_TIMES {
            let latest = self.rpc.get_latest_blockhash().await.map_err(other)?;
            if latest != *last {
                return Ok(latest);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(other("the chain closes no blocks"))
    }

    /// The metadata of a transaction that was accepted a moment ago.
    async fn executed(&self, signature: &str) -> Result<Landed, Refusal> {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(CommitmentConfig::confirmed()),
            max_supported_transaction_version: Some(NEWEST),
        };
        let signature = signature.parse().map_err(other)?;
        let mut last = String::new();
        for _ in 0..LOOK_TIMES {
            match self
                .rpc
                .get_transaction_with_config(&signature, config)
                .await
            {
                Ok(found) => {
                    let meta = found.transaction.meta.ok_or_else(|| other("no metadata"))?;
                    let lines: Vec<String> = Option::from(meta.log_messages).unwrap_or_default();
                    if let Some(error) = meta.err {
                        return Err(logs_refusal(&lines, &format!("{error:?}")));
                    }
                    let units: Option<u64> = meta.compute_units_consumed.into();
                    return Ok(Landed::new(
                        signature.to_string(),
                        lines,
                        units.unwrap_or(0),
                    ));
                }
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(other(format!("a transaction disappeared: {last}")))
    }
}

impl Traffic {
    fn note(&mut self, landed: &Landed) {
        self.landed += 1;
        self.transactions.push(landed.units);
        for (name, units) in &landed.instructions {
            self.compute.entry(name.clone()).or_default().push(*units);
        }
        let tick = self.tick;
        self.events
            .extend(logs::happened(&landed.lines).into_iter().map(|e| (tick, e)));
    }
}

fn other(error: impl std::fmt::Display) -> Refusal {
    Refusal {
        code: None,
        reason: error.to_string(),
    }
}

/// What a refused preflight says.
fn refusal(error: ClientError) -> Refusal {
    match error.kind() {
        ErrorKind::RpcError(RpcError::RpcResponseError {
            data: RpcResponseErrorData::SendTransactionPreflightFailure(result),
            message,
            ..
        }) => logs_refusal(result.logs.as_deref().unwrap_or_default(), message),
        _ => other(error),
    }
}

fn logs_refusal(lines: &[String], otherwise: &str) -> Refusal {
    match refusal_in(lines) {
        Some((instruction, code)) => Refusal {
            code: Some(code),
            reason: format!(
                "{}: {}",
                instruction.as_deref().unwrap_or("?"),
                errors::describe(code)
            ),
        },
        None => Refusal {
            code: None,
            reason: format!("{otherwise} {}", lines.join(" | ")),
        },
    }
}

/// Fails unless a refusal is one of the program's named ones.
pub fn expect_refusal(refusal: Refusal, allowed: &[plimsoll::error::PlimsollError]) -> Result<()> {
    let known = refusal
        .code
        .and_then(errors::from_code)
        .is_some_and(|found| allowed.iter().any(|a| a.name() == found.name()));
    if !known {
        bail!(refusal);
    }
    Ok(())
}
