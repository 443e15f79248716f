//! What the tests of the history share: databases, and a chain in memory.
use std::sync::{
    atomic::{AtomicUsize, Ordering},
    Mutex,
};

use anchor_lang::{prelude::Pubkey, Event};
use anyhow::{bail, Result};
use base64::{engine::general_purpose::STANDARD, Engine};
use plimsoll::{
    events::{Deposited, MarginAccountCreated, OrderFilled},
    orders::report::MakerFill,
};
use plimsoll_client::ExchangeRef;

use super::{
    database::Database,
    source::{Found, Listed, Source},
};

static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// URL of a fresh database: a SQLite file, or a schema of its own in the PostgreSQL that `PLIMSOLL_TEST_POSTGRES` names.
pub async fn url() -> String {
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let name = format!("plimsoll_test_{}_{number}", std::process::id());
    let Ok(postgres) = std::env::var("PLIMSOLL_TEST_POSTGRES") else {
        let file = std::env::temp_dir().join(format!("{name}.db"));
        let _ = std::fs::remove_file(&file);
        return format!("sqlite://{}", file.display());
    };
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&postgres).await.unwrap();
    let create = format!("CREATE SCHEMA {name}");
    sqlx::query(&create).execute(&pool).await.unwrap();
    format!("{postgres}?options=-c%20search_path%3D{name}")
}

/// A fresh database.
pub async fn database() -> Database {
    Database::open(&url().await).await.unwrap()
}

/// The exchange whose history the tests keep.
pub fn exchange() -> ExchangeRef {
    ExchangeRef::new(0)
}

/// Owner and margin account number `n`.
pub fn trader(n: u8) -> (Pubkey, Pubkey) {
    let owner = Pubkey::new_from_array([n; 32]);
    (owner, exchange().margin_account(&owner, 0))
}

/// A line of logs with an event.
pub fn line(event: &impl Event) -> String {
    format!("Program data: {}", STANDARD.encode(event.data()))
}

/// The logs of a transaction with these events.
pub fn logs(events: &[String]) -> Vec<String> {
    let mut lines = vec![format!("Program {} invoke [1]", plimsoll::ID)];
    lines.extend_from_slice(events);
    lines.push(format!("Program {} success", plimsoll::ID));
    lines
}

/// A chain that can be made to fail.
#[derive(Default)]
pub struct Chain {
    transactions: Mutex<Vec<(String, Found)>>,
    /// Requests for transactions until one fails; zero for never.
    pub fails_after: AtomicUsize,
    /// Requests for transactions so far.
    pub requests: AtomicUsize,
    /// Accounts and their exchanges.
    pub accounts: Mutex<Vec<(Pubkey, Pubkey)>>,
}

impl Chain {
    /// Appends a transaction with these events.
    pub fn push(&self, slot: u64, failed: bool, events: &[String]) -> String {
        let mut transactions = self.transactions.lock().unwrap();
        let signature = format!("signature{}", transactions.len());
        let found = Found {
            slot,
            time: Some(1_000 + slot as i64),
            failed,
            logs: logs(events),
        };
        transactions.push((signature.clone(), found));
        signature
    }

    /// A trader's account, a deposit and then `trades` trades in which it sells to the second, one per slot.
    pub fn trade(&self, trades: u64) {
        let ((owner, maker), (other, taker)) = (trader(1), trader(2));
        for (margin_account, owner) in [(maker, owner), (taker, other)] {
            let created = MarginAccountCreated {
                margin_account,
                owner,
                sub_account: 0,
            };
            let deposited = Deposited {
                margin_account,
                asset: 0,
                amount: 500,
                shares: 500,
            };
            self.push(1, false, &[line(&created), line(&deposited)]);
        }
        for n in 0..trades {
            self.push(2 + n, n % 5 == 4, &[line(&fill(maker, taker, n))]);
        }
    }
}

/// Fill number `n`.
pub fn fill(maker: Pubkey, taker: Pubkey, n: u64) -> OrderFilled {
    OrderFilled {
        market: 0,
        taker,
        taker_order_id: 1_000 + n,
        maker_side: 1,
        fills: vec![MakerFill {
            maker,
            maker_order_id: n,
            price: 100 + n,
            lots: 1 + n as i64,
            maker_fee: -1,
            settled: true,
        }],
    }
}

impl Source for Chain {
    async fn list(
        &self,
        before: Option<&str>,
        until: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Listed>> {
        let transactions = self.transactions.lock().unwrap();
        let place = |signature: &str| transactions.iter().position(|(own, _)| own == signature);
        let end = before.and_then(place).unwrap_or(transactions.len());
        let start = until.and_then(place).map_or(0, |place| place + 1);
        let newest_first = transactions[start.min(end)..end].iter().rev();
        let listed = newest_first.map(|(signature, found)| Listed {
            signature: signature.clone(),
            slot: found.slot,
            time: found.time,
            failed: found.failed,
        });
        // Short pages, as some providers have.
        Ok(listed.take(limit.min(7)).collect())
    }

    async fn transaction(&self, signature: &str) -> Result<Option<Found>> {
        let request = 1 + self.requests.fetch_add(1, Ordering::Relaxed);
        if request == self.fails_after.load(Ordering::Relaxed) {
            bail!("the node went away");
        }
        let transactions = self.transactions.lock().unwrap();
        let found = transactions.iter().find(|(own, _)| own == signature);
        Ok(found.map(|(_, found)| found.clone()))
    }

    async fn exchange_of(&self, account: &Pubkey) -> Result<Option<Pubkey>> {
        let accounts = self.accounts.lock().unwrap();
        let found = accounts.iter().find(|(own, _)| own == account);
        Ok(found.map(|(_, exchange)| *exchange))
    }
}
