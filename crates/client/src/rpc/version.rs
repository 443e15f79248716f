//! Which version of transactions a node's cluster takes.
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Connection;
use crate::transaction::{Version, VERSION_1_FEATURE};

/// How long a cluster that has not activated version 1 is not asked again, and a node that refused it is spared.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What is known of a node. Clones of a connection share it.
#[derive(Default)]
pub(super) struct Known(Mutex<Found>);

#[derive(Clone, Copy, Default)]
enum Found {
    #[default]
    Nothing,
    /// Features stay active.
    Active,
    /// Not yet active, or the node refused a transaction for its version; as of then.
    NotNow(Instant),
}

impl Known {
    fn get(&self) -> Found {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, found: Found) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

impl Connection {
    /// The version in which transactions are to be sent: 1 where the cluster has activated it, of which its feature's
    /// account tells, else 0. Asked once where it is active, every minute where it is not.
    ///
    /// A node that does not answer is taken for one that wants version 0, which all take.
    pub async fn version(&self) -> Version {
        match self.known_version().get() {
            Found::Active => return Version::V1,
            Found::NotNow(since) if since.elapsed() < AGAIN_AFTER => return Version::V0,
            _ => {}
        }
        let feature = match self.read(&[VERSION_1_FEATURE]).await {
            Ok(mut found) => found.pop().and_then(|keyed| keyed.account),
            Err(error) => {
                tracing::debug!(%error, "whether version 1 is active is not known");
                return Version::V0;
            }
        };
        let version = Version::of(feature.as_deref());
        self.known_version().set(match version {
            Version::V1 => Found::Active,
            Version::V0 => Found::NotNow(Instant::now()),
        });
        version
    }

    /// Sends version 0 for a while: the node refuses version 1, whatever its cluster takes.
    pub(super) fn refused_version_1(&self) {
        tracing::warn!("the node refuses transactions of version 1; those of version 0 are sent");
        self.known_version().set(Found::NotNow(Instant::now()));
    }
}
