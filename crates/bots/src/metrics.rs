//! Counts and measures that every bot has; each bot registers its own beside them.
use anyhow::Result;
use prometheus::{
    core::Collector, Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

/// The registry of one bot, with what all bots count. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    transactions: IntCounterVec,
    refusals: IntCounterVec,
    compute: HistogramVec,
    loops: IntCounterVec,
    loop_seconds: HistogramVec,
    /// Last slot that was seen.
    pub slot: IntGauge,
    /// What is left to pay fees from.
    pub payer_lamports: IntGauge,
}

impl Metrics {
    /// An empty registry.
    ///
    /// # Errors
    /// When two measures have the same name.
    pub fn new() -> Result<Self> {
        let registry = Registry::new_custom(Some("plimsoll".to_owned()), None)?;
        let compute = HistogramOpts::new("compute_units", "Compute units of landed transactions")
            .buckets(vec![5e3, 1e4, 2e4, 4e4, 8e4, 1.6e5, 3.2e5, 6.4e5, 1.4e6]);
        let seconds = HistogramOpts::new("loop_seconds", "Seconds that a turn of a loop took");
        let metrics = Self {
            transactions: IntCounterVec::new(
                Opts::new("transactions_total", "Transactions by what became of them"),
                &["action", "outcome"],
            )?,
            refusals: IntCounterVec::new(
                Opts::new("refusals_total", "Refused transactions by the error's name"),
                &["action", "error"],
            )?,
            compute: HistogramVec::new(compute, &["action"])?,
            loops: IntCounterVec::new(
                Opts::new("loops_total", "Turns of the loops by outcome"),
                &["loop", "outcome"],
            )?,
            loop_seconds: HistogramVec::new(seconds, &["loop"])?,
            slot: IntGauge::new("slot", "Last slot that was seen")?,
            payer_lamports: IntGauge::new("payer_lamports", "Lamports left to pay fees from")?,
            registry,
        };
        metrics.add(metrics.transactions.clone())?;
        metrics.add(metrics.refusals.clone())?;
        metrics.add(metrics.compute.clone())?;
        metrics.add(metrics.loops.clone())?;
        metrics.add(metrics.loop_seconds.clone())?;
        metrics.add(metrics.slot.clone())?;
        metrics.add(metrics.payer_lamports.clone())?;
        Ok(metrics)
    }

    /// Registers a measure of a bot's own; the prefix `plimsoll_` is put in front of its name.
    ///
    /// # Errors
    /// When one of that name is registered.
    pub fn add<C: Collector + Clone + 'static>(&self, measure: C) -> Result<C> {
        self.registry.register(Box::new(measure.clone()))?;
        Ok(measure)
    }

    /// A transaction landed, for `action`, at a cost where it is known.
    pub fn landed(&self, action: &str, units: Option<u64>) {
        let labels = [action, "landed"];
        self.transactions.with_label_values(&labels).inc();
        let compute = self.compute.with_label_values(&[action]);
        if let Some(units) = units {
            compute.observe(units as f64);
        }
    }

    /// The program refused a transaction; `expected` where that is part of business.
    pub fn refused(&self, action: &str, error: &str, expected: bool) {
        let outcome = if expected { "refused" } else { "failed" };
        let transactions = &self.transactions;
        transactions.with_label_values(&[action, outcome]).inc();
        self.refusals.with_label_values(&[action, error]).inc();
    }

    /// A transaction was lost on the way: expired, or the node did not answer.
    pub fn lost(&self, action: &str) {
        let labels = [action, "lost"];
        self.transactions.with_label_values(&labels).inc();
    }

    /// A turn of a loop ended.
    pub fn turned(&self, name: &str, ok: bool, seconds: f64) {
        let outcome = if ok { "done" } else { "failed" };
        self.loops.with_label_values(&[name, outcome]).inc();
        self.loop_seconds
            .with_label_values(&[name])
            .observe(seconds);
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    /// When a measure cannot be written.
    pub fn exposition(&self) -> Result<String> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_action_and_outcome() {
        let metrics = Metrics::new().unwrap();
        metrics.landed("refresh", Some(12_000));
        metrics.refused("settle_pnl", "NothingToSettle", true);
        let text = metrics.exposition().unwrap();
        let has = |line: &str| assert!(text.contains(line), "{line} in\n{text}");
        has(r#"plimsoll_transactions_total{action="refresh",outcome="landed"} 1"#);
        has(r#"plimsoll_transactions_total{action="settle_pnl",outcome="refused"} 1"#);
        has(r#"plimsoll_refusals_total{action="settle_pnl",error="NothingToSettle"} 1"#);
    }
}
