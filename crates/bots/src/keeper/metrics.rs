//! What the keeper measures.
use anyhow::Result;
use prometheus::{Gauge, GaugeVec, IntCounterVec, IntGauge, IntGaugeVec, Opts};

use crate::metrics::Metrics;

/// The keeper's own measures.
pub struct KeeperMetrics {
    /// Seconds since a feed's price was published.
    pub feed_seconds: GaugeVec,
    /// 1 for a feed that trades refuse: too old, broken, or a newer price was refused.
    pub feed_stale: IntGaugeVec,
    /// Feeds, banks and markets that a refresh left as they were, by the program's reason.
    pub skipped: IntCounterVec,
    /// Signed messages sent: taken, or why the program refused them as a whole.
    pub signed_messages: IntCounterVec,
    /// Seconds since the oldest of the newest signed messages was dated.
    pub signed_seconds: Gauge,
    /// 1 while feeds take signed prices and none are heard that could be taken.
    pub signed_unheard: IntGauge,
    /// Entries of a fill queue.
    pub queue: IntGaugeVec,
    /// Expired orders in a book.
    pub expired: IntGaugeVec,
    /// What a market can pay out, whole quote tokens.
    pub pool: GaugeVec,
    /// Losses of a market that nobody could pay and no profit has given up yet, whole quote tokens.
    pub shortfall: GaugeVec,
    /// Claims that are worth settling and not held off.
    pub claims: IntGaugeVec,
    /// Steps that are left to wind down what has a final price, as far as one turn goes.
    pub winding_down: IntGauge,
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
            "Feeds, banks and markets that a refresh left as they were",
        );
        let seconds = Opts::new(
            "keeper_feed_seconds",
            "Seconds since a feed's price was published",
        );
        let signed = Opts::new(
            "keeper_signed_messages_total",
            "Signed messages sent, by what came of them",
        );
        let pool = Opts::new(
            "keeper_pnl_pool",
            "What a market can pay out, whole quote tokens",
        );
        let shortfall = Opts::new(
            "keeper_shortfall",
            "Losses that nobody could pay and no profit has given up yet, whole quote tokens",
        );
        Ok(Self {
            feed_seconds: metrics.add(GaugeVec::new(seconds, &["feed"])?)?,
            feed_stale: gauge("keeper_feed_stale", "1 where trades refuse a feed", "feed")?,
            skipped: metrics.add(IntCounterVec::new(skipped, &["entry", "reason"])?)?,
            signed_messages: metrics.add(IntCounterVec::new(signed, &["outcome"])?)?,
            signed_seconds: metrics.add(Gauge::new(
                "keeper_signed_seconds",
                "Seconds since the newest signed messages were dated",
            )?)?,
            signed_unheard: metrics.add(IntGauge::new(
                "keeper_signed_unheard",
                "1 while signed prices are needed and not heard",
            )?)?,
            queue: gauge("keeper_queue_entries", "Entries of a fill queue", "market")?,
            expired: gauge("keeper_expired_orders", "Expired orders", "market")?,
            pool: metrics.add(GaugeVec::new(pool, &["market"])?)?,
            shortfall: metrics.add(GaugeVec::new(shortfall, &["market"])?)?,
            claims: gauge("keeper_claims", "Claims worth settling", "kind")?,
            winding_down: metrics.add(IntGauge::new(
                "keeper_winding_down_steps",
                "Steps left to wind down what has a final price",
            )?)?,
        })
    }
}
