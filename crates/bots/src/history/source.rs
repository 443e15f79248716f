//! Where transactions come from: a node, asked for lists of signatures and for single transactions.
use std::{future::Future, time::Duration};

use anchor_lang::prelude::{Clock, Pubkey};
use anyhow::{Context, Result};
use plimsoll::state::MarginAccount;
use plimsoll_client::transaction::NEWEST;
use solana_account::Account;
use solana_account_decoder_client_types::UiAccountEncoding;
use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::{
    nonblocking::rpc_client::RpcClient, rpc_client::GetConfirmedSignaturesForAddress2Config,
};
use solana_rpc_client_api::{
    config::{RpcAccountInfoConfig, RpcProgramAccountsConfig, RpcTransactionConfig},
    filter::{Memcmp, RpcFilterType},
    request::RpcRequest,
};
use solana_signature::Signature;
use solana_transaction_status_client_types::{
    option_serializer::OptionSerializer, EncodedConfirmedTransactionWithStatusMeta,
    UiTransactionEncoding,
};

/// Longest wait for an answer of the node.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Where every account of the program names its exchange: after the discriminator.
const EXCHANGE_AT: std::ops::Range<usize> = 8..40;

/// The clock's account.
pub const CLOCK: Pubkey = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");

/// A transaction in the node's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub signature: String,
    pub slot: u64,
    /// Unix seconds of its block, when the node knows.
    pub time: Option<i64>,
    /// A transaction that failed changed nothing and has no events.
    pub failed: bool,
}

/// A transaction of the program that succeeded.
#[derive(Clone, Debug)]
pub struct Executed {
    pub signature: String,
    pub slot: u64,
    /// Unix seconds of its block.
    pub time: i64,
    /// `None` when the node lists the transaction but no longer has it.
    pub logs: Option<Vec<String>>,
}

/// A transaction as the node has it.
#[derive(Clone, Debug)]
pub struct Found {
    pub slot: u64,
    /// Unix seconds of its block, when the node knows.
    pub time: Option<i64>,
    pub failed: bool,
    pub logs: Vec<String>,
}

/// What a recorder asks of a node.
pub trait Source: Send + Sync {
    /// Up to `limit` transactions of the program, newest first: those older than `before` and newer than `until`. Empty
    /// only when there are none.
    fn list(
        &self,
        before: Option<&str>,
        until: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Listed>>> + Send;

    /// A transaction; `None` when the node does not have it, or not yet.
    fn transaction(&self, signature: &str) -> impl Future<Output = Result<Option<Found>>> + Send;

    /// The exchange that an account of the program belongs to; `None` when there is no such account.
    fn exchange_of(&self, account: &Pubkey) -> impl Future<Output = Result<Option<Pubkey>>> + Send;
}

/// A node, asked at `confirmed`: what more than two thirds of the stake voted for.
pub struct Node {
    rpc: RpcClient,
}

impl Node {
    /// The node at an RPC URL. A connection of its own: a long back-fill must not hold up a bot's other requests.
    pub fn new(url: &str) -> Self {
        let url = url.to_owned();
        let rpc =
            RpcClient::new_with_timeout_and_commitment(url, TIMEOUT, CommitmentConfig::confirmed());
        Self { rpc }
    }

    /// Several accounts as of one slot; `None` for those that are not there.
    pub async fn accounts(&self, addresses: &[Pubkey]) -> Result<Vec<Option<Account>>> {
        in_time(self.rpc.get_multiple_accounts(addresses))
            .await
            .context("the node does not return accounts")
    }

    /// The bytes of all margin accounts of an exchange.
    pub async fn margin_accounts(&self, exchange: &Pubkey) -> Result<Vec<(Pubkey, Vec<u8>)>> {
        let of_exchange = Memcmp::new_raw_bytes(EXCHANGE_AT.start, exchange.to_bytes().to_vec());
        let config = RpcProgramAccountsConfig {
            filters: Some(vec![
                RpcFilterType::DataSize(MarginAccount::SPACE as u64),
                RpcFilterType::Memcmp(of_exchange),
            ]),
            account_config: RpcAccountInfoConfig {
                encoding: Some(UiAccountEncoding::Base64),
                ..RpcAccountInfoConfig::default()
            },
            ..RpcProgramAccountsConfig::default()
        };
        let rpc = &self.rpc;
        let found = in_time(rpc.get_program_ui_accounts_with_config(&plimsoll::ID, config))
            .await
            .context("the node does not list margin accounts")?;
        let decoded = found
            .into_iter()
            .filter_map(|(address, account)| Some((address, account.data.decode()?)));
        Ok(decoded.collect())
    }

    /// The hash that tells chains apart.
    pub async fn genesis(&self) -> Result<String> {
        let hash = in_time(self.rpc.get_genesis_hash()).await;
        Ok(hash
            .context("the node does not tell its genesis hash")?
            .to_string())
    }
}

impl Source for Node {
    async fn list(
        &self,
        before: Option<&str>,
        until: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Listed>> {
        let config = GetConfirmedSignaturesForAddress2Config {
            before: before.map(str::parse).transpose()?,
            until: until.map(str::parse).transpose()?,
            limit: Some(limit),
            commitment: Some(CommitmentConfig::confirmed()),
        };
        let rpc = &self.rpc;
        let page = in_time(rpc.get_signatures_for_address_with_config(&plimsoll::ID, config))
            .await
            .context("the node does not list the program's transactions")?;
        let listed = page.into_iter().map(|entry| Listed {
            signature: entry.signature,
            slot: entry.slot,
            time: entry.block_time,
            failed: entry.err.is_some(),
        });
        Ok(listed.collect())
    }

    async fn transaction(&self, signature: &str) -> Result<Option<Found>> {
        let signature: Signature = signature.parse()?;
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(CommitmentConfig::confirmed()),
            max_supported_transaction_version: Some(NEWEST),
        };
        let rpc = &self.rpc;
        // The client's own method turns the node's `null` into an error like any other.
        let request = rpc.send(
            RpcRequest::GetTransaction,
            serde_json::json!([signature.to_string(), config]),
        );
        let found: Option<EncodedConfirmedTransactionWithStatusMeta> = in_time(request)
            .await
            .with_context(|| format!("the node does not return transaction {signature}"))?;
        let Some(found) = found else {
            return Ok(None);
        };
        let Some(meta) = found.transaction.meta else {
            return Ok(None);
        };
        let OptionSerializer::Some(logs) = meta.log_messages else {
            return Ok(None);
        };
        Ok(Some(Found {
            slot: found.slot,
            time: found.block_time,
            failed: meta.err.is_some(),
            logs,
        }))
    }

    async fn exchange_of(&self, account: &Pubkey) -> Result<Option<Pubkey>> {
        let rpc = &self.rpc;
        let response =
            in_time(rpc.get_account_with_commitment(account, CommitmentConfig::confirmed()))
                .await
                .with_context(|| format!("the node does not return account {account}"))?;
        let account = response.value.filter(|found| found.owner == plimsoll::ID);
        let bytes = account
            .as_ref()
            .and_then(|found| found.data.get(EXCHANGE_AT));
        Ok(bytes.and_then(|bytes| Pubkey::try_from(bytes).ok()))
    }
}

/// The clock sysvar: five numbers of eight bytes.
pub fn read_clock(data: &[u8]) -> Option<Clock> {
    let number = |place: usize| {
        let bytes = data.get(place * 8..place * 8 + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    Some(Clock {
        slot: number(0)?,
        epoch_start_timestamp: number(1)? as i64,
        epoch: number(2)?,
        leader_schedule_epoch: number(3)?,
        unix_timestamp: number(4)? as i64,
    })
}

async fn in_time<T, E>(answer: impl Future<Output = Result<T, E>>) -> Result<T>
where
    E: Into<anyhow::Error>,
{
    match tokio::time::timeout(TIMEOUT, answer).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => anyhow::bail!("no answer within {} s", TIMEOUT.as_secs()),
    }
}
