//! Everything a store holds, shared by its tasks and its readers.
use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use anchor_lang::{prelude::Pubkey, Discriminator};
use plimsoll::state::{Bank, Book, FillQueueAccount, MarginAccount, Market, RiskState};
use solana_rpc_client_api::filter::RpcFilterType;
use tokio::sync::{broadcast, mpsc, watch};

use super::{
    table::{Put, Source, Table},
    Change, Feed, Select,
};
use crate::{rpc::connection::of_exchange, ExchangeRef};

/// Changes that a slow subscriber may lag behind before it misses some.
const CHANGES: usize = 16_384;

/// What the reading task is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Look at one account again.
    Again(Pubkey),
    /// Look at everything again: notifications may have been missed.
    Everything,
}

/// The numbers behind [`super::StoreStatus`].
#[derive(Default)]
pub(super) struct Progress {
    pub feed: Feed,
    pub last_slot: u64,
    pub last_update: Option<Instant>,
    pub reconnects: u64,
    pub notifications: u64,
    pub reads: u64,
    /// Why reading fails at the moment.
    pub read_error: Option<String>,
    /// Why listening does.
    pub listen_error: Option<String>,
}

/// See the module.
pub(super) struct Shared {
    pub refs: ExchangeRef,
    pub select: Select,
    pub margin_accounts: Table<MarginAccount>,
    pub risk_state: Table<RiskState>,
    pub markets: Table<Market>,
    pub books: Table<Book>,
    pub fill_queues: Table<FillQueueAccount>,
    pub banks: Table<Bank>,
    pub changes: broadcast::Sender<Change>,
    pub ready: watch::Sender<bool>,
    pub asks: mpsc::UnboundedSender<Ask>,
    progress: Mutex<Progress>,
}

impl Shared {
    pub(super) fn new(refs: ExchangeRef, select: Select, asks: mpsc::UnboundedSender<Ask>) -> Self {
        Self {
            refs,
            select,
            margin_accounts: Table::default(),
            risk_state: Table::default(),
            markets: Table::default(),
            books: Table::default(),
            fill_queues: Table::default(),
            banks: Table::default(),
            changes: broadcast::channel(CHANGES).0,
            ready: watch::channel(false).0,
            asks,
            progress: Mutex::default(),
        }
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes where data comes from from now on, and that nothing is wrong with it.
    pub(super) fn feed_is(&self, feed: Feed) {
        let mut progress = self.progress();
        progress.feed = feed;
        progress.listen_error = None;
    }

    /// Takes in what an account was at a slot, `None` for nothing.
    pub(super) fn take(&self, address: Pubkey, slot: u64, data: Option<&[u8]>, source: Source) {
        {
            let mut progress = self.progress();
            progress.last_slot = progress.last_slot.max(slot);
            progress.last_update = Some(Instant::now());
            match source {
                Source::Stream => progress.notifications += 1,
                Source::Read(_) => progress.reads += 1,
            }
        }
        match data {
            Some(data) => self.put(address, slot, data, source),
            None => self.closed(&address, slot),
        }
    }

    fn put(&self, address: Pubkey, slot: u64, data: &[u8], source: Source) {
        let kind = data.get(..8).unwrap_or_default();
        if kind == MarginAccount::DISCRIMINATOR {
            let put = self.margin_accounts.put(address, slot, data, source);
            self.follow_up(address, source, put, |_| Change::MarginAccount(address));
        } else if kind == Book::DISCRIMINATOR {
            let put = self.books.put(address, slot, data, source);
            self.follow_up(address, source, put, |book| Change::Book(book.index));
        } else if kind == FillQueueAccount::DISCRIMINATOR {
            let put = self.fill_queues.put(address, slot, data, source);
            self.follow_up(address, source, put, |queue| Change::FillQueue(queue.index));
        } else if kind == Market::DISCRIMINATOR {
            let put = self.markets.put(address, slot, data, source);
            self.follow_up(address, source, put, |market| Change::Market(market.index));
        } else if kind == Bank::DISCRIMINATOR {
            let put = self.banks.put(address, slot, data, source);
            self.follow_up(address, source, put, |bank| Change::Bank(bank.index));
        } else if kind == RiskState::DISCRIMINATOR {
            let put = self.risk_state.put(address, slot, data, source);
            self.follow_up(address, source, put, |_| Change::RiskState);
        }
    }

    fn follow_up<T>(
        &self,
        address: Pubkey,
        source: Source,
        put: Put<T>,
        change: impl FnOnce(&T) -> Change,
    ) {
        match put {
            Put::Changed { account, doubtful } => {
                // Nobody listening is fine.
                let _ = self.changes.send(change(&account));
                if doubtful {
                    self.ask(Ask::Again(address));
                }
            }
            Put::Older if source == Source::Stream => self.ask(Ask::Again(address)),
            Put::Undecodable => {
                tracing::warn!(%address, "an account is shorter than its kind, it is not extended yet");
            }
            Put::Same | Put::Older => {}
        }
    }

    /// Only margin accounts are ever closed.
    fn closed(&self, address: &Pubkey, slot: u64) {
        if self.margin_accounts.remove(address, slot) {
            let _ = self.changes.send(Change::MarginAccountClosed(*address));
        }
    }

    /// The reading task ends last; when it has ended there is nobody left to read for.
    pub(super) fn ask(&self, ask: Ask) {
        let _ = self.asks.send(ask);
    }

    /// Filters of every kind of account that is wanted.
    pub(super) fn filters(&self) -> Vec<Vec<RpcFilterType>> {
        // Where each kind has the address of its exchange: first, or after a market's or book's own address.
        let (select, first, second) = (&self.select, 8, 40);
        let kinds: [(bool, &[u8], usize); 6] = [
            (select.margin_accounts, MarginAccount::DISCRIMINATOR, first),
            (select.risk_state, RiskState::DISCRIMINATOR, first),
            (select.markets, Market::DISCRIMINATOR, first),
            (select.books, Book::DISCRIMINATOR, second),
            (select.fill_queues, FillQueueAccount::DISCRIMINATOR, second),
            (select.banks, Bank::DISCRIMINATOR, first),
        ];
        let wanted = kinds.into_iter().filter(|(wanted, ..)| *wanted);
        wanted
            .map(|(_, kind, at)| of_exchange(kind, &self.refs.address, at))
            .collect()
    }

    /// Addresses of everything held.
    pub(super) fn addresses(&self) -> BTreeSet<Pubkey> {
        let mut all: BTreeSet<Pubkey> = self.margin_accounts.addresses().into_iter().collect();
        all.extend(self.risk_state.addresses());
        all.extend(self.markets.addresses());
        all.extend(self.books.addresses());
        all.extend(self.fill_queues.addresses());
        all.extend(self.banks.addresses());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::offset_of;

    #[test]
    fn the_filters_look_where_the_exchange_stands() {
        let zeroed: Box<Book> = bytemuck::zeroed_box();
        assert_eq!(8 + offset_of!(zeroed, Book, exchange), 40);
        let zeroed: Box<FillQueueAccount> = bytemuck::zeroed_box();
        assert_eq!(8 + offset_of!(zeroed, FillQueueAccount, exchange), 40);
        let zeroed: Box<MarginAccount> = bytemuck::zeroed_box();
        assert_eq!(8 + offset_of!(zeroed, MarginAccount, exchange), 8);
        let zeroed: Box<RiskState> = bytemuck::zeroed_box();
        assert_eq!(8 + offset_of!(zeroed, RiskState, exchange), 8);
        let zeroed: Box<Market> = bytemuck::zeroed_box();
        assert_eq!(8 + offset_of!(zeroed, Market, exchange), 8);
        let zeroed: Box<Bank> = bytemuck::zeroed_box();
        assert_eq!(8 + offset_of!(zeroed, Bank, exchange), 8);
    }

    #[test]
    fn tells_of_changes_once_and_looks_again_at_late_notifications() {
        let (asks, mut asked) = mpsc::unbounded_channel();
        let shared = Shared::new(ExchangeRef::new(0), Select::default(), asks);
        let mut changes = shared.changes.subscribe();
        let key = Pubkey::new_from_array([4; 32]);
        let mut data = MarginAccount::DISCRIMINATOR.to_vec();
        data.resize(MarginAccount::SPACE, 0);
        shared.take(key, 7, Some(&data), Source::Read(Instant::now()));
        shared.take(key, 8, Some(&data), Source::Read(Instant::now()));
        shared.take(key, 3, Some(&data), Source::Stream);
        shared.take(key, 9, None, Source::Read(Instant::now()));
        assert_eq!(changes.try_recv(), Ok(Change::MarginAccount(key)));
        assert_eq!(changes.try_recv(), Ok(Change::MarginAccountClosed(key)));
        assert!(changes.try_recv().is_err());
        assert_eq!(asked.try_recv(), Ok(Ask::Again(key)));
        assert!(asked.try_recv().is_err());
        assert_eq!(shared.progress().last_slot, 9);
    }
}
