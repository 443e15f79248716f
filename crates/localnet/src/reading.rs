//! Reading the exchange's state over RPC, as any bot would.
use anchor_lang::{
    prelude::{Clock, Pubkey},
    Discriminator, ZeroCopy,
};
use anyhow::{Context, Result};
use plimsoll::{
    health,
    state::{FillQueueAccount, MarginAccount, RiskState},
};
use plimsoll_client::decode;
use plimsoll_risk::{Assessment, Policy, Purpose};
use solana_rpc_client_api::{
    config::{RpcAccountInfoConfig, RpcProgramAccountsConfig},
    filter::{Memcmp, RpcFilterType},
    response::UiAccountEncoding,
};

use crate::{
    setup::World,
    wire::{Now, Wire},
};

/// Market-wide numbers and all margin accounts at about the same moment.
pub struct Snapshot {
    pub now: Now,
    pub risk: Box<RiskState>,
    /// Sorted by address, so that who reads it acts in a fixed order.
    pub accounts: Vec<(Pubkey, Box<MarginAccount>)>,
}

impl Snapshot {
    /// Reads the risk state and every margin account of the exchange.
    pub async fn read(wire: &Wire, world: &World) -> Result<Self> {
        let mut accounts: Vec<(Pubkey, Box<MarginAccount>)> = fetch_all(wire).await?;
        accounts.retain(|(_, account)| account.exchange == world.exchange.address);
        accounts.sort_by_key(|(address, _)| *address);
        Ok(Self {
            now: wire.now().await?,
            risk: fetch(wire, &world.exchange.risk_state).await?,
            accounts,
        })
    }

    /// The chain's clock as the program sees it.
    pub fn clock(&self) -> Clock {
        Clock {
            slot: self.now.slot,
            unix_timestamp: self.now.unix_time,
            ..Clock::default()
        }
    }

    /// Healths and equity of an account, as a liquidation would measure them.
    pub fn assess(&self, account: &MarginAccount) -> Result<Assessment> {
        Ok(health::assess(
            &self.risk,
            account,
            Policy::BenefitOfDoubt,
            Purpose::Seize,
            &self.clock(),
        )?)
    }

    /// One account.
    pub fn account(&self, address: &Pubkey) -> Result<&MarginAccount> {
        self.accounts
            .iter()
            .find(|(key, _)| key == address)
            .map(|(_, account)| &**account)
            .context("a margin account is gone")
    }
}

/// One account of the program.
pub async fn fetch<T: ZeroCopy + Discriminator>(wire: &Wire, address: &Pubkey) -> Result<Box<T>> {
    Ok(decode(&wire.rpc().get_account_data(address).await?)?)
}

/// The margin accounts for which something waits in a market's fill queue.
pub async fn waiting(wire: &Wire, fill_queue: &Pubkey) -> Result<Vec<Pubkey>> {
    let queue: Box<FillQueueAccount> = fetch(wire, fill_queue).await?;
    let mut makers: Vec<Pubkey> = Vec::new();
    for entry in queue.queue.entries() {
        let maker = Pubkey::new_from_array(entry.maker);
        if !makers.contains(&maker) {
            makers.push(maker);
        }
    }
    Ok(makers)
}

/// All accounts of one kind.
async fn fetch_all<T: ZeroCopy + Discriminator>(wire: &Wire) -> Result<Vec<(Pubkey, Box<T>)>> {
    let kind = Memcmp::new_raw_bytes(0, T::DISCRIMINATOR.to_vec());
    let config = RpcProgramAccountsConfig {
        filters: Some(vec![RpcFilterType::Memcmp(kind)]),
        account_config: RpcAccountInfoConfig {
            encoding: Some(UiAccountEncoding::Base64),
            ..Default::default()
        },
        ..Default::default()
    };
    let found = wire
        .rpc()
        .get_program_ui_accounts_with_config(&plimsoll::ID, config)
        .await?;
    found
        .into_iter()
        .map(|(address, account)| {
            let data = account.data.decode().context("an account without data")?;
            Ok((address, decode(&data)?))
        })
        .collect()
}

impl Snapshot {
    /// Spot price of a native unit of an asset, USD.
    pub fn usd_per_native(&self, asset: u16) -> f64 {
        let entry = &self.risk.assets[usize::from(asset)];
        entry.price.spot as f64 / 2f64.powi(i32::from(entry.shift)) / 1e6
    }

    /// Spot price of a whole unit of a market's base, USD.
    pub fn usd_per_base(&self, world: &World, market: usize) -> f64 {
        let entry = &self.risk.markets[market];
        let per_lot = entry.price.spot as f64 / 2f64.powi(i32::from(entry.shift)) / 1e6;
        per_lot / world.markets[market].lot()
    }
}
