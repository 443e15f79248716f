//! Accounts of an exchange in memory, kept current.
//!
//! Notifications of `programSubscribe` bring changes as they happen. Beside them a census finds accounts that were opened
//! or closed unheard, and everything is read again in rounds, so that a lost notification does not stay lost. Data is
//! ordered by slot. A node without `programSubscribe`, or without a WebSocket, is polled; so is one whose WebSocket is
//! down, until it is back. [`StoreStatus::feed`] says which.
mod held;
mod reader;
mod stream;
mod table;

use std::{sync::Arc, time::Duration};

use anchor_lang::prelude::Pubkey;
use plimsoll::state::{Bank, Book, FillQueueAccount, MarginAccount, Market, RiskState};
use serde::Serialize;
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::JoinHandle,
};

use super::{Connection, Exchange};
use held::Shared;
use reader::Reader;

/// Which accounts a store follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Select {
    pub margin_accounts: bool,
    pub risk_state: bool,
    pub markets: bool,
    pub books: bool,
    pub fill_queues: bool,
    pub banks: bool,
}

impl Default for Select {
    /// Everything.
    fn default() -> Self {
        Self {
            margin_accounts: true,
            risk_state: true,
            markets: true,
            books: true,
            fill_queues: true,
            banks: true,
        }
    }
}

/// How a store reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    pub select: Select,
    /// Between two looks at which accounts there are: how long a closed account may linger.
    pub census_every: Duration,
    /// Between two rounds over all accounts while notifications come in; longer when there are very many.
    pub audit_every: Duration,
    /// The same while none come in: how old data may be then.
    pub poll_every: Duration,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            select: Select::default(),
            census_every: Duration::from_secs(10),
            audit_every: Duration::from_secs(30),
            poll_every: Duration::from_secs(1),
        }
    }
}

/// What changed. Read the account from the store: it may have changed again since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    MarginAccount(Pubkey),
    MarginAccountClosed(Pubkey),
    RiskState,
    /// By index.
    Market(u16),
    /// Of the market with this index.
    Book(u16),
    /// Of the market with this index.
    FillQueue(u16),
    /// By index.
    Bank(u16),
}

/// Where a store's data comes from at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Feed {
    /// Not connected yet; polled meanwhile.
    #[default]
    Connecting,
    /// Notifications.
    Subscribed,
    /// Polling, for the node gives no notifications.
    Polling,
    /// Polling, until the WebSocket is back.
    Reconnecting,
}

/// How a store is doing, for health endpoints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreStatus {
    pub feed: Feed,
    /// Whether notifications come in, or are not expected to.
    pub connected: bool,
    /// Whether everything has been read once.
    pub ready: bool,
    /// Latest slot heard of.
    pub last_slot: u64,
    /// Since anything was last heard of an account, or read.
    pub seconds_since_update: Option<f64>,
    pub margin_accounts: usize,
    /// Accounts that notifications brought.
    pub notifications: u64,
    /// Accounts that were read.
    pub reads: u64,
    pub reconnects: u64,
    /// Why accounts cannot be read or listened to at the moment; none once both work again.
    pub last_error: Option<String>,
}

/// Starts stores.
pub struct Store;

impl Store {
    /// Starts to follow an exchange's accounts; must be called within a Tokio runtime. Ends when the last clone of the
    /// handle is dropped. See [`StoreHandle::ready`].
    pub fn start(connection: &Connection, exchange: &Exchange, config: StoreConfig) -> StoreHandle {
        let (asks, asked) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(exchange.refs, config.select, asks));
        let reader = Reader::new(shared.clone(), connection.clone(), config, asked);
        let tasks = [
            tokio::spawn(reader.run()),
            tokio::spawn(stream::listen(shared.clone(), connection.clone())),
        ];
        StoreHandle {
            shared,
            _tasks: Arc::new(Tasks(tasks)),
        }
    }
}

/// A running store. Cheap to clone.
#[derive(Clone)]
pub struct StoreHandle {
    shared: Arc<Shared>,
    _tasks: Arc<Tasks>,
}

/// The tasks of a store, which end with it.
struct Tasks([JoinHandle<()>; 2]);

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl StoreHandle {
    /// Waits until everything has been read once.
    pub async fn ready(&self) {
        let mut ready: watch::Receiver<bool> = self.shared.ready.subscribe();
        // The sender lives as long as this handle.
        let _ = ready.wait_for(|ready| *ready).await;
    }

    /// Every change from now on. A receiver that falls behind by thousands is told that it lagged, and should look at
    /// everything again.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.subscribe()
    }

    /// A margin account.
    pub fn margin_account(&self, address: &Pubkey) -> Option<Arc<MarginAccount>> {
        self.shared.margin_accounts.get(address)
    }

    /// All margin accounts of the exchange, in no particular order.
    pub fn margin_accounts(&self) -> Vec<(Pubkey, Arc<MarginAccount>)> {
        self.shared.margin_accounts.all()
    }

    /// The risk state.
    pub fn risk_state(&self) -> Option<Arc<RiskState>> {
        self.shared.risk_state.get(&self.shared.refs.risk_state)
    }

    /// A market by its index.
    pub fn market(&self, index: u16) -> Option<Arc<Market>> {
        let market = self.shared.refs.market(index);
        self.shared.markets.get(&market.address)
    }

    /// The book of a market.
    pub fn book(&self, index: u16) -> Option<Arc<Book>> {
        let market = self.shared.refs.market(index);
        self.shared.books.get(&market.book)
    }

    /// The fill queue of a market.
    pub fn fill_queue(&self, index: u16) -> Option<Arc<FillQueueAccount>> {
        let market = self.shared.refs.market(index);
        self.shared.fill_queues.get(&market.fill_queue)
    }

    /// The bank at an address, as [`crate::AssetRef`] has it.
    pub fn bank(&self, address: &Pubkey) -> Option<Arc<Bank>> {
        self.shared.banks.get(address)
    }

    /// How the store is doing.
    pub fn status(&self) -> StoreStatus {
        let progress = self.shared.progress();
        StoreStatus {
            feed: progress.feed,
            connected: matches!(progress.feed, Feed::Subscribed | Feed::Polling),
            ready: *self.shared.ready.borrow(),
            last_slot: progress.last_slot,
            seconds_since_update: progress.last_update.map(|at| at.elapsed().as_secs_f64()),
            margin_accounts: self.shared.margin_accounts.len(),
            notifications: progress.notifications,
            reads: progress.reads,
            reconnects: progress.reconnects,
            last_error: (progress.read_error.as_ref())
                .or(progress.listen_error.as_ref())
                .cloned(),
        }
    }
}
