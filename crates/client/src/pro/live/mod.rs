//! Pyth's own servers: a connection to each of them, messages as they come, again and again after every failure.
//!
//! Several servers say the same, so that one of them may be away. What is kept is bounded, and so is what a server can
//! make this side hold. A message counts only with a valid signature; whether its signer is trusted, the program says.
mod config;
mod protocol;
mod session;

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::task::JoinHandle;

pub use config::{AccessToken, Channel, LiveConfig, ENDPOINTS};

use super::{source::Shelf, ProSource, SignedMessage};

/// Messages kept of each subscription: some time's worth, for a chain whose clock lags behind.
const KEPT: usize = 64;
/// A message dated further ahead of this machine's clock is nobody's, microseconds.
const MAX_AHEAD_US: u64 = 60_000_000;

/// Messages from Pyth's servers. Dropping it ends the connections.
pub struct Live {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// How the connections are doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveStatus {
    /// Servers connected now.
    pub connected: usize,
    /// Messages taken in; of those that several servers send, one.
    pub messages: u64,
    /// Messages that were not what was asked for.
    pub refused: u64,
    /// Connections that ended, or were never made.
    pub failures: u64,
    /// Why the last one did.
    pub error: Option<String>,
}

struct Shared {
    config: LiveConfig,
    held: Mutex<Held>,
}

struct Held {
    /// One for each subscription of the configuration.
    shelves: Vec<Shelf>,
    status: LiveStatus,
}

impl Live {
    /// Connects to every server, from within a runtime, and stays connected until dropped.
    ///
    /// # Errors
    /// When the configuration makes no sense.
    pub fn start(config: LiveConfig) -> Result<Self, String> {
        config.check()?;
        let shelves = config.subscriptions.iter().map(|_| Shelf::new(KEPT));
        let held = Held {
            shelves: shelves.collect(),
            status: LiveStatus::default(),
        };
        let shared = Arc::new(Shared {
            held: Mutex::new(held),
            config,
        });
        let urls = shared.config.urls.iter();
        let tasks = urls.map(|url| tokio::spawn(session::listen(shared.clone(), url.clone())));
        Ok(Self {
            tasks: tasks.collect(),
            shared,
        })
    }

    /// How the connections are doing.
    pub fn status(&self) -> LiveStatus {
        self.shared.held().status.clone()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl ProSource for Live {
    /// Of the subscriptions that have all feeds the one with the newest message, and among equals the shortest.
    fn newest(&self, feeds: &[u32], latest_us: u64) -> Option<Arc<SignedMessage>> {
        let held = self.shared.held();
        let found = held.shelves.iter();
        let found = found.filter_map(|shelf| shelf.newest(feeds, latest_us));
        let best = found.max_by_key(|message| {
            let len = message.payload().len();
            (message.timestamp_us(), core::cmp::Reverse(len))
        });
        best.cloned()
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
    }

    /// Takes in what a server sent for a subscription, counted from 0; whether it is what was asked for.
    fn take(&self, subscription: usize, message: SignedMessage, now_us: u64) -> bool {
        let feeds = self.config.subscriptions.get(subscription);
        let wanted = feeds.is_some_and(|feeds| message.tells(feeds))
            && message.timestamp_us() <= now_us.saturating_add(MAX_AHEAD_US)
            && message.is_signed();
        let mut held = self.held();
        match held.shelves.get_mut(subscription).filter(|_| wanted) {
            Some(shelf) => {
                let is_new = shelf.put(message);
                held.status.messages += u64::from(is_new);
            }
            None => held.status.refused += 1,
        }
        wanted
    }

    fn refuse(&self) {
        self.held().status.refused += 1;
    }
}
