//! A connection to a node: typed reads of the program's accounts, each with the slot it is of.
use std::{sync::Arc, time::Duration};

use anchor_lang::{
    prelude::{pubkey, Clock, Pubkey},
    Discriminator, ZeroCopy,
};
use solana_account_decoder_client_types::{UiAccount, UiAccountEncoding, UiDataSliceConfig};
use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::{
    client_error::{Error as ClientError, ErrorKind},
    config::{RpcAccountInfoConfig, RpcProgramAccountsConfig},
    filter::{Memcmp, RpcFilterType},
    request::RpcRequest,
    response::{OptionalContext, RpcKeyedAccount},
};

use super::version::Known;
use crate::decode::{decode, DecodeError};

/// The clock's sysvar account.
pub(super) const CLOCK: Pubkey = pubkey!("SysvarC1ock11111111111111111111111111111111");
/// Longest time that a call may take. Snapshots of many accounts are slow, everything else far below it.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most accounts that one `getMultipleAccounts` returns.
pub(super) const READ_AT_ONCE: usize = 100;

/// A connection to a node. Cheap to clone; clones share sockets.
#[derive(Clone)]
pub struct Connection {
    rpc: Arc<RpcClient>,
    ws_url: Option<Arc<str>>,
    version: Arc<Known>,
}

/// The chain's clock, as programs see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainClock {
    pub slot: u64,
    /// Unix seconds, an estimate of the validators.
    pub unix_time: i64,
}

impl ChainClock {
    /// The sysvar that the program's own health code takes.
    pub fn sysvar(&self) -> Clock {
        Clock {
            slot: self.slot,
            unix_timestamp: self.unix_time,
            ..Clock::default()
        }
    }
}

/// An account's data with its address and the slot as of which it was read.
#[derive(Clone, Debug)]
pub struct Keyed<T> {
    pub address: Pubkey,
    pub slot: u64,
    pub account: T,
}

/// Why something could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// The node did not answer, or refused.
    Rpc(Box<ClientError>),
    /// There is no account at the address.
    Missing(Pubkey),
    /// The account is not of the kind asked for.
    Decode(Pubkey, DecodeError),
}

impl core::fmt::Display for ReadError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Rpc(error) => write!(f, "the node did not answer: {error}"),
            Self::Missing(address) => write!(f, "there is no account at {address}"),
            Self::Decode(address, error) => write!(f, "{address}: {error}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<ClientError> for ReadError {
    fn from(error: ClientError) -> Self {
        Self::Rpc(Box::new(error))
    }
}

impl Connection {
    /// Connects to a node's RPC and, if given, its WebSocket, at `confirmed` commitment: what has been confirmed is
    /// practically never undone, and the state of one slot does not change any more.
    pub fn new(rpc_url: impl Into<String>, ws_url: Option<String>) -> Self {
        Self::with_commitment(rpc_url, ws_url, CommitmentConfig::confirmed())
    }

    /// The same at another commitment. `processed` sees changes about half a second earlier, and some that never happen.
    pub fn with_commitment(
        rpc_url: impl Into<String>,
        ws_url: Option<String>,
        commitment: CommitmentConfig,
    ) -> Self {
        let rpc = RpcClient::new_with_timeout_and_commitment(rpc_url.into(), TIMEOUT, commitment);
        Self {
            rpc: Arc::new(rpc),
            ws_url: ws_url.map(Into::into),
            version: Arc::default(),
        }
    }

    /// The bare client, for everything else.
    pub fn rpc(&self) -> &RpcClient {
        &self.rpc
    }

    pub(super) fn known_version(&self) -> &Known {
        &self.version
    }

    /// Address of the WebSocket.
    pub fn ws_url(&self) -> Option<&str> {
        self.ws_url.as_deref()
    }

    /// As of which commitment this connection reads.
    pub fn commitment(&self) -> CommitmentConfig {
        self.rpc.commitment()
    }

    /// One account of the program.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn fetch<T: ZeroCopy + Discriminator>(
        &self,
        address: &Pubkey,
    ) -> Result<Box<T>, ReadError> {
        self.find(address)
            .await?
            .ok_or(ReadError::Missing(*address))
    }

    /// One account of the program, if there is one.
    ///
    /// # Errors
    /// [`ReadError`], also when the account is of another kind.
    pub async fn find<T: ZeroCopy + Discriminator>(
        &self,
        address: &Pubkey,
    ) -> Result<Option<Box<T>>, ReadError> {
        let found = self.fetch_many(std::slice::from_ref(address)).await?.pop();
        Ok(found.flatten())
    }

    /// Several accounts of one kind, in the order asked for; `None` where there is no account.
    ///
    /// # Errors
    /// [`ReadError`], also when an account is of another kind.
    pub async fn fetch_many<T: ZeroCopy + Discriminator>(
        &self,
        addresses: &[Pubkey],
    ) -> Result<Vec<Option<Box<T>>>, ReadError> {
        let found = self.read(addresses).await?;
        found
            .into_iter()
            .map(|keyed| {
                keyed
                    .account
                    .map(|data| decode(&data).map_err(|e| ReadError::Decode(keyed.address, e)))
                    .transpose()
            })
            .collect()
    }

    /// All accounts of one kind whose bytes `exchange_at` are an exchange's address, in one call: for a few thousand.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn fetch_all<T: ZeroCopy + Discriminator>(
        &self,
        exchange: &Pubkey,
        exchange_at: usize,
    ) -> Result<Vec<Keyed<Box<T>>>, ReadError> {
        let filters = of_exchange(T::DISCRIMINATOR, exchange, exchange_at);
        let (slot, found) = self.scan(filters, None).await?;
        found
            .into_iter()
            .map(|(address, account)| {
                let data = bytes(&account).ok_or(ReadError::Missing(address))?;
                let account = decode(&data).map_err(|e| ReadError::Decode(address, e))?;
                Ok(Keyed {
                    address,
                    slot,
                    account,
                })
            })
            .collect()
    }

    /// The chain's clock.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn clock(&self) -> Result<ChainClock, ReadError> {
        let found = self.read(&[CLOCK]).await?.pop();
        let data = found
            .and_then(|keyed| keyed.account)
            .ok_or(ReadError::Missing(CLOCK))?;
        clock_from(&data)
    }

    /// Raw data of any number of accounts, a hundred to a call, each with the slot of its call; `None` where there is no
    /// account.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn read(
        &self,
        addresses: &[Pubkey],
    ) -> Result<Vec<Keyed<Option<Vec<u8>>>>, ReadError> {
        let mut all = Vec::with_capacity(addresses.len());
        for some in addresses.chunks(READ_AT_ONCE) {
            let config = RpcAccountInfoConfig {
                encoding: Some(UiAccountEncoding::Base64),
                ..RpcAccountInfoConfig::default()
            };
            let found = self
                .rpc
                .get_multiple_ui_accounts_with_config(some, config)
                .await?;
            let slot = found.context.slot;
            let accounts = found.value.iter().map(|a| a.as_ref().and_then(bytes));
            all.extend(some.iter().zip(accounts).map(|(address, account)| Keyed {
                address: *address,
                slot,
                account,
            }));
        }
        Ok(all)
    }

    /// Addresses of all accounts that pass the filters, without their data, and the slot as of which they are all.
    pub(super) async fn census(
        &self,
        filters: Vec<RpcFilterType>,
    ) -> Result<(u64, Vec<Pubkey>), ReadError> {
        let nothing = UiDataSliceConfig {
            offset: 0,
            length: 0,
        };
        let (slot, found) = self.scan(filters, Some(nothing)).await?;
        Ok((
            slot,
            found.into_iter().map(|(address, _)| address).collect(),
        ))
    }

    async fn scan(
        &self,
        filters: Vec<RpcFilterType>,
        data_slice: Option<UiDataSliceConfig>,
    ) -> Result<(u64, Vec<(Pubkey, UiAccount)>), ReadError> {
        let config = RpcProgramAccountsConfig {
            filters: Some(filters),
            account_config: RpcAccountInfoConfig {
                encoding: Some(UiAccountEncoding::Base64),
                commitment: Some(self.commitment()),
                data_slice,
                min_context_slot: None,
            },
            with_context: Some(true),
            sort_results: Some(false),
        };
        let params = serde_json::json!([plimsoll::ID.to_string(), config]);
        let found: OptionalContext<Vec<RpcKeyedAccount>> = self
            .rpc
            .send(RpcRequest::GetProgramAccounts, params)
            .await?;
        let (slot, accounts) = match found {
            OptionalContext::Context(found) => (found.context.slot, found.value),
            // A node that does not say as of when: as of the oldest there is.
            OptionalContext::NoContext(found) => (0, found),
        };
        let keyed = accounts.into_iter().map(|keyed| {
            let address = keyed.pubkey.parse().map_err(|_| {
                ErrorKind::Custom(format!("the node names an account {:?}", keyed.pubkey))
            });
            address
                .map(|address| (address, keyed.account))
                .map_err(|kind| ReadError::from(ClientError::from(kind)))
        });
        Ok((slot, keyed.collect::<Result<_, _>>()?))
    }
}

/// The chain's clock from its account's data.
pub(super) fn clock_from(data: &[u8]) -> Result<ChainClock, ReadError> {
    let word = |at: usize| data.get(at..at + 8).and_then(|b| b.try_into().ok());
    match (word(0), word(32)) {
        (Some(slot), Some(time)) => Ok(ChainClock {
            slot: u64::from_le_bytes(slot),
            unix_time: i64::from_le_bytes(time),
        }),
        _ => Err(ReadError::Decode(CLOCK, DecodeError::TooShort)),
    }
}

/// Filters for accounts of one kind and exchange, whose address stands at `offset`.
pub(super) fn of_exchange(kind: &[u8], exchange: &Pubkey, offset: usize) -> Vec<RpcFilterType> {
    vec![
        RpcFilterType::Memcmp(Memcmp::new_raw_bytes(0, kind.to_vec())),
        RpcFilterType::Memcmp(Memcmp::new_raw_bytes(offset, exchange.to_bytes().to_vec())),
    ]
}

/// An account's data, unless the node encoded it as something that is not bytes.
pub(super) fn bytes(account: &UiAccount) -> Option<Vec<u8>> {
    account.data.decode()
}
