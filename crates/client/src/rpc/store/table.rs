//! Accounts of one kind by address, each with the slot it is of: older data never replaces newer.
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Instant,
};

use anchor_lang::{prelude::Pubkey, Discriminator, ZeroCopy};

use crate::decode::decode;

/// Where data came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A notification.
    Stream,
    /// An answer to a question that was asked at this time.
    Read(Instant),
}

/// What became of data that was offered.
#[derive(Debug)]
pub(super) enum Put<T> {
    /// It replaced what was there; `doubtful` when a notification came in while it was being read, so that it may be the
    /// older after all.
    Changed { account: Arc<T>, doubtful: bool },
    /// It is what was there.
    Same,
    /// It is of an older slot. From a stream that is worth another look: some nodes stamp notifications with the slot in
    /// which the subscription began.
    Older,
    /// It is not of this kind.
    Undecodable,
}

struct Held<T> {
    slot: u64,
    /// When a notification last came in.
    notified: Option<Instant>,
    account: Arc<T>,
}

/// See the module.
pub(super) struct Table<T> {
    held: RwLock<HashMap<Pubkey, Held<T>>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            held: RwLock::default(),
        }
    }
}

impl<T: ZeroCopy + Discriminator> Table<T> {
    /// Offers data of an account as of a slot.
    pub(super) fn put(&self, address: Pubkey, slot: u64, data: &[u8], source: Source) -> Put<T> {
        let Ok(account) = decode::<T>(data) else {
            return Put::Undecodable;
        };
        let account: Arc<T> = Arc::from(account);
        let mut held = self.write();
        let before = held.get_mut(&address);
        let notified = match (source, &before) {
            (Source::Stream, _) => Some(Instant::now()),
            (Source::Read(_), before) => before.as_ref().and_then(|b| b.notified),
        };
        if let Some(before) = before {
            before.notified = notified;
            if slot < before.slot {
                return Put::Older;
            }
            if bytemuck::bytes_of(&*before.account) == bytemuck::bytes_of(&*account) {
                before.slot = slot;
                return Put::Same;
            }
        }
        let doubtful = match source {
            Source::Stream => false,
            Source::Read(asked) => notified.is_some_and(|at| at >= asked),
        };
        let new = Held {
            slot,
            notified,
            account: account.clone(),
        };
        held.insert(address, new);
        Put::Changed { account, doubtful }
    }

    /// Notes that there was no account at a slot; true when there was one before.
    pub(super) fn remove(&self, address: &Pubkey, slot: u64) -> bool {
        let mut held = self.write();
        let closed = held.get(address).is_some_and(|before| before.slot <= slot);
        closed && held.remove(address).is_some()
    }

    /// An account.
    pub(super) fn get(&self, address: &Pubkey) -> Option<Arc<T>> {
        self.read().get(address).map(|held| held.account.clone())
    }

    /// All accounts, in no particular order.
    pub(super) fn all(&self) -> Vec<(Pubkey, Arc<T>)> {
        let held = self.read();
        held.iter()
            .map(|(address, held)| (*address, held.account.clone()))
            .collect()
    }

    /// Addresses of all accounts.
    pub(super) fn addresses(&self) -> Vec<Pubkey> {
        self.read().keys().copied().collect()
    }

    /// Number of accounts.
    pub(super) fn len(&self) -> usize {
        self.read().len()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Pubkey, Held<T>>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Pubkey, Held<T>>> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll::state::MarginAccount;

    fn data(flagged_at: i64) -> Vec<u8> {
        let mut account: Box<MarginAccount> = bytemuck::zeroed_box();
        account.flagged_at = flagged_at;
        let mut data = MarginAccount::DISCRIMINATOR.to_vec();
        data.extend_from_slice(bytemuck::bytes_of(&*account));
        data
    }

    fn flag(table: &Table<MarginAccount>, key: &Pubkey) -> Option<i64> {
        table.get(key).map(|account| account.flagged_at)
    }

    #[test]
    fn older_data_never_replaces_newer() {
        let (table, key) = (Table::<MarginAccount>::default(), Pubkey::default());
        let put = |slot, value, source| table.put(key, slot, &data(value), source);
        assert!(matches!(put(10, 1, Source::Stream), Put::Changed { .. }));
        let read = Source::Read(Instant::now());
        assert!(matches!(put(9, 2, read), Put::Older));
        assert_eq!(flag(&table, &key), Some(1));
        // The same slot from the stream: a later write in it.
        assert!(matches!(put(10, 3, Source::Stream), Put::Changed { .. }));
        assert_eq!(flag(&table, &key), Some(3));
        // Equal data of a later slot moves the slot.
        assert!(matches!(put(12, 3, read), Put::Same));
        assert!(matches!(put(11, 4, Source::Stream), Put::Older));
        assert!(!table.remove(&key, 11));
        assert!(table.remove(&key, 12));
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn doubts_a_read_that_a_notification_overtook() {
        let (table, key) = (Table::<MarginAccount>::default(), Pubkey::default());
        let asked = Instant::now();
        table.put(key, 5, &data(1), Source::Stream);
        let put = table.put(key, 6, &data(0), Source::Read(asked));
        assert!(matches!(put, Put::Changed { doubtful: true, .. }));
        let put = table.put(key, 6, &data(1), Source::Read(Instant::now()));
        assert!(matches!(
            put,
            Put::Changed {
                doubtful: false,
                ..
            }
        ));
    }

    #[test]
    fn refuses_other_kinds() {
        let table = Table::<MarginAccount>::default();
        let put = table.put(Pubkey::default(), 1, &[0; 4_000], Source::Stream);
        assert!(matches!(put, Put::Undecodable));
    }

    #[test]
    fn holds_a_hundred_thousand_accounts() {
        let table = Table::<MarginAccount>::default();
        let key = |i: u32| {
            let mut bytes = [7; 32];
            bytes[..4].copy_from_slice(&i.to_le_bytes());
            Pubkey::new_from_array(bytes)
        };
        let bytes = data(1);
        for i in 0..100_000 {
            table.put(key(i), 1, &bytes, Source::Stream);
        }
        assert_eq!(table.all().len(), 100_000);
        assert!(table.get(&key(99_999)).is_some());
    }
}
