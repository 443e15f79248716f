//! Which events are this exchange's. Anybody can create an exchange in the program, and trades there must not show up in
//! these charts; most events name accounts only.
use std::{collections::HashMap, sync::Mutex};

use anchor_lang::prelude::Pubkey;
use anyhow::{Context, Result};
use plimsoll_client::{events::Described, ExchangeRef};
use sqlx::Row;

use super::{database::Database, source::Source};

/// Where an event names what it happened to, in order of preference.
const HOMES: [&str; 8] = [
    "exchange",
    "margin_account",
    "maker",
    "from",
    "account",
    "bank",
    "market",
    "pending_change",
];

/// Accounts of other exchanges to remember before starting over.
const MAX_FOREIGN: usize = 100_000;

/// The accounts known to be of the exchange, or not to be.
pub struct Membership {
    exchange: ExchangeRef,
    members: Mutex<HashMap<Pubkey, bool>>,
}

impl Membership {
    /// Reads the accounts that earlier events told of.
    pub async fn load(database: &Database, exchange: Pubkey) -> Result<Self> {
        let rows = sqlx::query("SELECT address FROM members")
            .fetch_all(database.pool())
            .await?;
        let mut members = HashMap::from([(exchange, true)]);
        for row in rows {
            let address: String = row.try_get(0)?;
            let address = address
                .parse()
                .with_context(|| format!("`{address}` in the history is no address"))?;
            members.insert(address, true);
        }
        Ok(Self {
            exchange: ExchangeRef::at(exchange),
            members: Mutex::new(members),
        })
    }

    /// Whether an event is of the exchange. What the event says about a new account is remembered; an account that no
    /// event told of is looked up on the chain.
    pub async fn admits(
        &self,
        database: &Database,
        source: &impl Source,
        event: &Described,
    ) -> Result<bool> {
        if let Some(created) = self.created(event) {
            self.remember(database, created).await?;
        }
        let Some(home) = HOMES.iter().find_map(|field| event.key(field)) else {
            return Ok(false);
        };
        if let Some(known) = self.known(&home) {
            return Ok(known);
        }
        if event.key("exchange").is_some() {
            // It names another exchange.
            return Ok(false);
        }
        match source.exchange_of(&home).await? {
            Some(exchange) if exchange == self.exchange.address => {
                self.remember(database, home).await?;
                Ok(true)
            }
            Some(_) => {
                self.exclude(home);
                Ok(false)
            }
            // No account, or no longer: whose it was cannot be told.
            None => Ok(false),
        }
    }

    /// The account of this exchange that an event tells the creation of.
    fn created(&self, event: &Described) -> Option<Pubkey> {
        match event.kind {
            "MarginAccountCreated" => {
                let account = event.key("margin_account")?;
                let sub_account = event.data.get("subAccount")?.as_str()?.parse().ok()?;
                let derived = self
                    .exchange
                    .margin_account(&event.key("owner")?, sub_account);
                (derived == account).then_some(account)
            }
            "AssetListed" => self.own(event).then(|| event.key("bank"))?,
            "MarketCreated" => self.own(event).then(|| event.key("market"))?,
            _ => None,
        }
    }

    fn own(&self, event: &Described) -> bool {
        event.key("exchange") == Some(self.exchange.address)
    }

    fn known(&self, account: &Pubkey) -> Option<bool> {
        self.locked().get(account).copied()
    }

    async fn remember(&self, database: &Database, account: Pubkey) -> Result<()> {
        if self.known(&account) == Some(true) {
            return Ok(());
        }
        let _writing = database.writing().await;
        sqlx::query("INSERT INTO members (address) VALUES ($1) ON CONFLICT (address) DO NOTHING")
            .bind(account.to_string())
            .execute(database.pool())
            .await?;
        self.locked().insert(account, true);
        Ok(())
    }

    /// An account never moves to another exchange.
    fn exclude(&self, account: Pubkey) {
        let mut members = self.locked();
        if members.values().filter(|own| !**own).count() >= MAX_FOREIGN {
            members.retain(|_, own| *own);
        }
        members.insert(account, false);
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<Pubkey, bool>> {
        // A map stays usable whatever its holder did when it panicked.
        self.members
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
