//! What the keeper measures.
use anyhow::Result;
use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Opts};

use crate::metrics::Metrics;

/// The keeper's own measures.
pub struct KeeperMetrics {
    /// Slots since an entry was refreshed.
    pub entry_slots: IntGaugeVec,
    /// Seconds since an entry's oracle published its price.
    pub entry_seconds: IntGaugeVec,
    /// 1 for an entry that the program takes for stale.
    pub entry_stale: IntGaugeVec,
    /// Entries that a refresh left as they were, by the program's reason.
    pub skipped: IntCounterVec,
    /// Entries of a fill queue.
    pub queue: IntGaugeVec,
    /// Expired orders in a book.
    pub expired: IntGaugeVec,
    /// What a market can pay out, whole quote tokens.
    pub pool: GaugeVec,
    /// Claims that are worth settling and not held off.
    pub claims: IntGaugeVec,
}

impl KeeperMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// When one of the names is taken.
    pub fn new(metrics: &Metrics) -> Result<Self> {
        let gauge = |name: &str, help: &str, label: &str| -> Result<IntGaugeVec> {
            metrics.add(IntGaugeVec::new(Opts::new(name, help), &[label])?)
        };
        let skipped = Opts::new(
            "keeper_refresh_skipped_total",
            "Entries that a refresh left as they were",
        );
        let pool = Opts::new(
            "keeper_pnl_pool",
            "What a market can pay out, whole quote tokens",
        );
        Ok(Self {
            entry_slots: gauge("keeper_entry_slots", "Slots since the refresh", "entry")?,
            entry_seconds: gauge(
                "keeper_entry_seconds",
                "Seconds since the oracle published",
                "entry",
            )?,
            entry_stale: gauge("keeper_entry_stale", "1 where an entry is stale", "entry")?,
            skipped: metrics.add(IntCounterVec::new(skipped, &["entry", "reason"])?)?,
            queue: gauge("keeper_queue_entries", "Entries of a fill queue", "market")?,
            expired: gauge("keeper_expired_orders", "Expired orders", "market")?,
            pool: metrics.add(GaugeVec::new(pool, &["market"])?)?,
            claims: gauge("keeper_claims", "Claims worth settling", "kind")?,
        })
    }
}
