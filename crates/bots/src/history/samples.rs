//! Samples of what no event tells: healths of margin accounts, oracle prices and funding.
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use anchor_lang::prelude::{Clock, Pubkey};
use anyhow::{Context, Result};
use plimsoll::{
    health,
    state::{Market, RiskState},
};
use plimsoll_client::{decode, ExchangeRef};
use plimsoll_risk::{funding, HealthKind, Policy, Purpose};

use super::{
    database::Database,
    source::{read_clock, Node, CLOCK},
};

/// One in the ratios of the risk crate.
const RATIO_ONE: f64 = plimsoll_risk::fixed::RATIO_ONE as f64;
/// A sample is taken at least this often, in seconds, of an account that has anything.
const AT_LEAST: i64 = 3_600;

/// Market-wide state at one moment.
pub struct Snapshot {
    pub clock: Clock,
    pub risk: Box<RiskState>,
    pub markets: Vec<Market>,
}

/// Healths of one account, native quote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    pub init: i128,
    pub liquidation_end: i128,
    pub maintenance: i128,
    pub equity: i128,
}

impl Health {
    fn each(&self) -> [i128; 4] {
        [
            self.init,
            self.liquidation_end,
            self.maintenance,
            self.equity,
        ]
    }

    /// Whether any of the numbers moved by more than a part of the account's equity.
    fn moved_from(&self, earlier: &Self, percent: f64) -> bool {
        let scale = earlier
            .equity
            .unsigned_abs()
            .max(earlier.maintenance.unsigned_abs());
        let most = scale as f64 * percent / 100.0;
        self.each()
            .iter()
            .zip(earlier.each())
            .any(|(now, then)| now.abs_diff(then) as f64 > most)
    }
}

/// Samples already written, so that only news are.
#[derive(Default)]
pub struct Sampler {
    /// When, of what bytes (their hash), and what.
    healths: HashMap<Pubkey, (i64, u64, Health)>,
    prices: HashMap<u16, i64>,
    funding: HashMap<u16, (i64, i64)>,
}

impl Sampler {
    /// Writes the healths of accounts that changed, or moved by more than `percent`, or were not written for an hour.
    /// Stale prices count in the account's favour, as for a liquidation: a late oracle is no loss. Returns how many.
    pub async fn healths(
        &mut self,
        database: &Database,
        snapshot: &Snapshot,
        accounts: Vec<(Pubkey, Vec<u8>)>,
        percent: f64,
    ) -> Result<usize> {
        let (mut written, time) = (0, snapshot.clock.unix_timestamp);
        for (address, bytes) in accounts {
            let Some(health) = health_of(snapshot, &bytes) else {
                tracing::debug!(%address, "health cannot be told");
                continue;
            };
            let bytes = hash_of(&bytes);
            let news = match self.healths.get(&address) {
                None => health != Health::default(),
                Some((then, old, last)) => {
                    bytes != *old
                        || health.moved_from(last, percent)
                        || (time - then >= AT_LEAST && health != Health::default())
                }
            };
            if news {
                write_health(database, &address, time, &health).await?;
                self.healths.insert(address, (time, bytes, health));
                written += 1;
            }
        }
        Ok(written)
    }

    /// Writes each asset's price that was published since the last time.
    pub async fn prices(&mut self, database: &Database, risk: &RiskState) -> Result<usize> {
        let mut written = 0;
        for asset in 0..risk.asset_count {
            let Ok(entry) = risk.asset(asset) else { break };
            let time = entry.price.published_ms.div_euclid(1_000);
            if entry.price.spot == 0 || self.prices.get(&asset) == Some(&time) {
                continue;
            }
            let usd = |mantissa| usd(risk, mantissa, entry.shift, entry.decimals);
            let _writing = database.writing().await;
            sqlx::query(
                "INSERT INTO asset_prices (asset, time, price, confidence) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (asset, time) DO NOTHING",
            )
            .bind(i64::from(asset))
            .bind(time)
            .bind(usd(entry.price.spot))
            .bind(usd(entry.price.conf))
            .execute(database.pool())
            .await?;
            self.prices.insert(asset, time);
            written += 1;
        }
        Ok(written)
    }

    /// Writes the funding of each market whose index or premium moved since the last time, at most every `period`
    /// seconds.
    pub async fn funding(
        &mut self,
        database: &Database,
        snapshot: &Snapshot,
        period: i64,
    ) -> Result<usize> {
        let mut written = 0;
        for market in &snapshot.markets {
            let (time, state) = (market.funded_until, (market.funded_until, market.premium));
            let last = self.funding.get(&market.index).copied();
            if time == 0 || last.is_some_and(|last| last == state || time < last.0 + period) {
                continue;
            }
            write_funding(database, &snapshot.risk, market).await?;
            self.funding.insert(market.index, state);
            written += 1;
        }
        Ok(written)
    }
}

/// Reads the clock, the risk state and all markets as of one slot.
pub async fn snapshot(node: &Node, exchange: &ExchangeRef, markets: u16) -> Result<Snapshot> {
    let mut addresses = vec![CLOCK, exchange.risk_state];
    addresses.extend((0..markets).map(|index| exchange.market(index).address));
    let accounts = node.accounts(&addresses).await?;
    let bytes = |place: usize| {
        accounts
            .get(place)?
            .as_ref()
            .map(|found| found.data.as_slice())
    };
    let clock = bytes(0)
        .and_then(read_clock)
        .context("the node does not return its clock")?;
    let risk: Box<RiskState> =
        decode(bytes(1).with_context(|| format!("no exchange at {}", exchange.address))?)?;
    let decoded =
        (2..addresses.len()).filter_map(|place| Some(*decode::<Market>(bytes(place)?).ok()?));
    Ok(Snapshot {
        clock,
        risk,
        markets: decoded.collect(),
    })
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn health_of(snapshot: &Snapshot, bytes: &[u8]) -> Option<Health> {
    let account = decode(bytes).ok()?;
    let assessed = health::assess(
        &snapshot.risk,
        &account,
        Policy::BenefitOfDoubt,
        Purpose::Trade,
        &snapshot.clock,
    )
    .ok()?;
    Some(Health {
        init: assessed.of(HealthKind::Init),
        liquidation_end: assessed.of(HealthKind::LiquidationEnd),
        maintenance: assessed.of(HealthKind::Maint),
        equity: assessed.equity,
    })
}

/// USD per whole token: native quote per native unit, both scaled to whole ones.
fn usd(risk: &RiskState, mantissa: u64, shift: u8, decimals: u8) -> f64 {
    let quote = risk.asset(0).map_or(0, |quote| quote.decimals);
    let native = mantissa as f64 / 2f64.powi(i32::from(shift));
    native * 10f64.powi(i32::from(decimals) - i32::from(quote))
}

async fn write_health(
    database: &Database,
    address: &Pubkey,
    time: i64,
    health: &Health,
) -> Result<()> {
    let _writing = database.writing().await;
    sqlx::query(
        "INSERT INTO health_samples (address, time, init, liquidation_end, maintenance, equity) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (address, time) DO UPDATE SET init = excluded.init, \
         liquidation_end = excluded.liquidation_end, maintenance = excluded.maintenance, equity = excluded.equity",
    )
    .bind(address.to_string())
    .bind(time)
    .bind(health.init.to_string())
    .bind(health.liquidation_end.to_string())
    .bind(health.maintenance.to_string())
    .bind(health.equity.to_string())
    .execute(database.pool())
    .await?;
    Ok(())
}

async fn write_funding(database: &Database, risk: &RiskState, market: &Market) -> Result<()> {
    let Ok(entry) = risk.market(market.index) else {
        return Ok(());
    };
    let premium = funding::ratio_of(market.premium);
    let rate = funding::rate_per_day(premium, market.params.max_funding_per_day);
    let tick = 2f64.powi(i32::from(entry.shift)) * market.terms.tick.max(1) as f64;
    let _writing = database.writing().await;
    sqlx::query(
        "INSERT INTO funding_samples (market, time, rate, premium, mark, oracle, index_long, index_short) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (market, time) DO NOTHING",
    )
    .bind(i64::from(market.index))
    .bind(market.funded_until)
    .bind(f64::from(rate) / RATIO_ONE)
    .bind(f64::from(premium) / RATIO_ONE)
    .bind(entry.mark() as f64 / tick)
    .bind(entry.price.spot as f64 / tick)
    .bind(market.funding_long.to_string())
    .bind(market.funding_short.to_string())
    .execute(database.pool())
    .await?;
    Ok(())
}
