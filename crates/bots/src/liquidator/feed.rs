//! What the liquidator reads of the chain: accounts that a store keeps current, and the news of them.
use std::sync::Arc;

use anchor_lang::prelude::Pubkey;
use plimsoll::state::{Book, MarginAccount, RiskState};
use plimsoll_client::rpc::{Connection, Exchange, Store, StoreConfig, StoreHandle};
use tokio::sync::broadcast::{
    self,
    error::{RecvError, TryRecvError},
};

use super::plan::{AssetTerms, MarketTerms, Terms};

/// What happened, as far as the liquidator cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A margin account is another, new or gone.
    Account(Pubkey),
    /// Prices, terms, books or queues moved.
    Market,
    /// Some changes were missed: everything has to be looked at again.
    Everything,
}

/// The current state of everything that a liquidation depends on. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    exchange: Arc<Exchange>,
    store: StoreHandle,
}

/// The changes since the last look.
pub struct News(broadcast::Receiver<plimsoll_client::rpc::Change>);

impl Feed {
    /// Follows an exchange.
    pub fn start(connection: &Connection, exchange: Arc<Exchange>) -> (Self, News) {
        let store = Store::start(connection, &exchange, StoreConfig::default());
        let news = News(store.subscribe());
        (Self { exchange, store }, news)
    }

    /// Waits until everything has been read once.
    pub async fn ready(&self) {
        self.store.ready().await;
    }

    /// The risk state.
    pub fn risk(&self) -> Option<Arc<RiskState>> {
        self.store.risk_state()
    }

    /// Terms of everything listed.
    pub fn terms(&self) -> Terms {
        let assets = self.exchange.assets.iter().map(|listed| {
            let bank = self.store.bank(&listed.refs.bank);
            AssetTerms::from(bank.as_deref().unwrap_or(&listed.bank))
        });
        let markets = self.exchange.markets.iter().map(|listed| {
            let market = self.store.market(listed.index);
            MarketTerms::from(market.as_deref().unwrap_or(&listed.market))
        });
        Terms {
            assets: assets.collect(),
            markets: markets.collect(),
        }
    }

    /// Every margin account.
    pub fn accounts(&self) -> Vec<(Pubkey, Arc<MarginAccount>)> {
        self.store.margin_accounts()
    }

    /// One margin account.
    pub fn account(&self, address: &Pubkey) -> Option<Arc<MarginAccount>> {
        self.store.margin_account(address)
    }

    /// The margin accounts for which something waits in a market's fill queue, longest waiting first.
    pub fn waiting(&self, market: u16) -> Vec<Pubkey> {
        let queue = self.store.fill_queue(market);
        queue.map_or_else(Vec::new, |queue| Exchange::waiting(&queue))
    }

    /// A market's book.
    pub fn book(&self, market: u16) -> Option<Arc<Book>> {
        self.store.book(market)
    }
}

impl News {
    /// Waits for the next change.
    pub async fn next(&mut self) -> Change {
        match self.0.recv().await {
            Ok(change) => change.into(),
            Err(RecvError::Lagged(_)) => Change::Everything,
            // The store lives as long as the feed: there is nobody left to tell anything.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// A change that is there already.
    pub fn waiting(&mut self) -> Option<Change> {
        match self.0.try_recv() {
            Ok(change) => Some(change.into()),
            Err(TryRecvError::Lagged(_)) => Some(Change::Everything),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

impl From<plimsoll_client::rpc::Change> for Change {
    fn from(change: plimsoll_client::rpc::Change) -> Self {
        use plimsoll_client::rpc::Change as Told;
        match change {
            Told::MarginAccount(address) | Told::MarginAccountClosed(address) => {
                Self::Account(address)
            }
            Told::RiskState
            | Told::Market(_)
            | Told::Book(_)
            | Told::FillQueue(_)
            | Told::Bank(_) => Self::Market,
        }
    }
}
