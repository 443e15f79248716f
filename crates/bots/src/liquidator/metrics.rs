//! What the liquidator counts and measures.
use anyhow::Result;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts,
};

use super::valuation::{Census, Revaluation};
use crate::metrics::Metrics;

/// Native quote of a dollar.
const DOLLAR: f64 = 1e6;

/// Its own measures, registered with those that all bots have.
#[derive(Clone)]
pub struct LiquidatorMetrics {
    watched: IntGauge,
    below: IntGaugeVec,
    shortfall: Gauge,
    bad_debt: Gauge,
    revaluation: Histogram,
    revalued: IntCounter,
    calls: IntCounterVec,
    profit: IntCounterVec,
    loss: IntCounterVec,
    inventory: GaugeVec,
    own_health: GaugeVec,
    in_flight: IntGauge,
    resting: IntGauge,
}

impl LiquidatorMetrics {
    /// Registers everything.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn new(all: &Metrics) -> Result<Self> {
        let gauge =
            |name: &str, help: &str| -> Result<IntGauge> { all.add(IntGauge::new(name, help)?) };
        let counters = |name: &str, help: &str, label: &[&str]| -> Result<IntCounterVec> {
            all.add(IntCounterVec::new(Opts::new(name, help), label)?)
        };
        let seconds = HistogramOpts::new("revaluation_seconds", "Seconds of a re-valuation")
            .buckets(vec![
                1e-4, 1e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0,
            ]);
        Ok(Self {
            watched: gauge("accounts_watched", "Margin accounts in memory")?,
            below: all.add(IntGaugeVec::new(
                Opts::new("accounts_below", "Margin accounts below a line"),
                &["line"],
            )?)?,
            shortfall: all.add(Gauge::new(
                "shortfall_usd",
                "Health that accounts below maintenance lack until their liquidation ends",
            )?)?,
            bad_debt: all.add(Gauge::new("bad_debt_usd", "Equity below zero, together")?)?,
            revaluation: all.add(Histogram::with_opts(seconds)?)?,
            revalued: all.add(IntCounter::new(
                "accounts_revalued_total",
                "Valuations of accounts",
            )?)?,
            calls: counters(
                "liquidation_calls_total",
                "Calls by what they were to do and what became of them: won, lost to somebody else, too early, refused, failed, dry",
                &["kind", "outcome"],
            )?,
            profit: counters(
                "liquidation_profit_native",
                "Gained at spot prices by source, native quote",
                &["source"],
            )?,
            loss: counters(
                "liquidation_loss_native",
                "Lost at spot prices by source, native quote",
                &["source"],
            )?,
            inventory: all.add(GaugeVec::new(
                Opts::new("inventory_usd", "Own positions and token balances at spot prices"),
                &["kind", "name"],
            )?)?,
            own_health: all.add(GaugeVec::new(
                Opts::new("own_health_usd", "Health and equity of the own account"),
                &["line"],
            )?)?,
            in_flight: gauge("calls_in_flight", "Calls sent and not yet answered")?,
            resting: gauge(
                "accounts_resting",
                "Accounts left alone for a while after failures",
            )?,
        })
    }

    /// How all accounts stand.
    pub fn census(&self, census: &Census) {
        self.watched.set(whole(census.watched));
        for (line, count) in ["init", "liquidation_end", "maintenance"]
            .iter()
            .zip(census.below)
        {
            self.below.with_label_values(&[*line]).set(whole(count));
        }
        self.shortfall.set(census.shortfall as f64 / DOLLAR);
        self.bad_debt.set(census.bad_debt as f64 / DOLLAR);
    }

    /// A re-valuation was made.
    pub fn revalued(&self, done: &Revaluation) {
        self.revaluation.observe(done.time.as_secs_f64());
        self.revalued
            .inc_by(u64::try_from(done.accounts).unwrap_or_default());
    }

    /// A call ended.
    pub fn call(&self, kind: &str, outcome: &str) {
        self.calls.with_label_values(&[kind, outcome]).inc();
    }

    /// Something was gained or lost, native quote.
    pub fn gained(&self, source: &str, amount: i128) {
        let counter = if amount >= 0 {
            &self.profit
        } else {
            &self.loss
        };
        let size = u64::try_from(amount.unsigned_abs()).unwrap_or(u64::MAX);
        counter.with_label_values(&[source]).inc_by(size);
    }

    /// What the own account holds: value of a position or a token balance, native quote.
    pub fn holds(&self, kind: &str, name: &str, value: i128) {
        let gauge = self.inventory.with_label_values(&[kind, name]);
        gauge.set(value as f64 / DOLLAR);
    }

    /// Where the own account stands, native quote.
    pub fn own(&self, line: &str, value: i128) {
        let gauge = self.own_health.with_label_values(&[line]);
        gauge.set(value as f64 / DOLLAR);
    }

    /// How much is going on.
    pub fn load(&self, in_flight: usize, resting: usize) {
        self.in_flight.set(whole(in_flight));
        self.resting.set(whole(resting));
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
