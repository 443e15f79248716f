//! Profits and losses: marked, settled, and what losers cannot pay shared.
use std::time::Instant;

use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use anyhow::Result;
use plimsoll::{
    error::PlimsollError as Refusal,
    state::{FillQueueAccount, Market, RiskState},
};
use plimsoll_client::{
    instructions::{mark_profits, settle_pnl, share_shortfall, MARKED_AT_ONCE},
    rpc::{ChainClock, Entries, Freshness, ListedMarket},
};

use super::{lock, settle, Keeper};
use crate::{
    config::seconds,
    deliver::Delivery,
    keeper::{
        pnl::{self, Claim},
        profits, queues,
    },
};

/// Native units of a whole quote token.
const QUOTE: f64 = 1e6;
/// Makers whose fills are settled in the transaction that opens an epoch.
const SETTLED_AHEAD: usize = 12;

/// Refusals of a settlement of profit or loss that are nobody's fault.
const UNSETTLED: &[Refusal] = &[
    Refusal::NothingToSettle,
    Refusal::CannotPayLoss,
    Refusal::InsufficientHealth,
    Refusal::NoSuchPosition,
    Refusal::StaleEntry,
    Refusal::BrokenFeed,
    Refusal::ExchangeGated,
    Refusal::BankGated,
    Refusal::MarketGated,
    Refusal::AccountGated,
];

/// Refusals of a mark, or of a shortfall's sharing, that are nobody's fault: somebody else did it, the market has no
/// price, or fills have to be settled first.
const UNMARKED: &[Refusal] = &[
    Refusal::NothingToMark,
    Refusal::EpochIncomplete,
    Refusal::FillsPending,
    Refusal::StaleEntry,
    Refusal::BrokenFeed,
];

impl Keeper {
    /// Settles what is worth settling: losses, then profits as far as something is set aside for them. All profits of a market are
    /// marked before, within the time for which collected losses are announced.
    pub async fn settle_pnl(&self) -> Result<()> {
        let (risk, clock) = self.risk().await?;
        let all = self.claims(&risk).await?;
        let claims = self.not_held_off(&all);
        for (kind, count) in [
            ("loss", claims.iter().filter(|c| c.amount < 0).count()),
            ("profit", claims.iter().filter(|c| c.amount > 0).count()),
        ] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.metrics.claims.with_label_values(&[kind]).set(count);
        }
        let markets = self.markets().await?;
        let pools: Vec<u64> = markets.iter().map(|m| pool(m.as_deref())).collect();
        let mut claims = pnl::in_order(claims, &pools, self.config.settle_pnl_most);
        let mut outcome = Ok(());
        for (market, accounts) in self.off_marks(&risk, &markets, clock).await? {
            outcome = outcome.and(self.mark(market, &accounts).await);
        }
        claims.retain(|claim| {
            let market = markets.get(usize::from(claim.market));
            let market = market.and_then(Option::as_deref);
            market.is_some_and(|market| profits::is_payable(claim, market))
        });
        let (risk, clock) = self.risk().await?;
        // What fails is held off, so that the rest has its turn next time.
        for claim in claims {
            self.settle_claim(&claim, &risk, clock).await?;
        }
        outcome
    }

    /// Whom to mark, by market.
    async fn off_marks(
        &self,
        risk: &RiskState,
        markets: &[Option<Box<Market>>],
        clock: ChainClock,
    ) -> Result<Vec<(u16, Vec<Pubkey>)>> {
        let accounts = self.accounts().await?;
        let accounts: Vec<_> = accounts.iter().map(|a| (a.address, &*a.account)).collect();
        let (entries, now) = (&risk.markets, clock.unix_time);
        Ok(profits::to_mark(
            markets,
            entries,
            &accounts,
            self.threshold(),
            now,
        ))
    }

    /// What is worth settling or marking, native quote.
    fn threshold(&self) -> i128 {
        (self.config.settle_pnl_above * QUOTE) as i128
    }

    /// Claims of all accounts that are worth settling.
    async fn claims(&self, risk: &RiskState) -> Result<Vec<Claim>> {
        let accounts = self.accounts().await?;
        let threshold = self.threshold();
        let claims = accounts
            .iter()
            .flat_map(|a| pnl::claims(a.address, &a.account, &risk.markets, threshold));
        Ok(claims.collect())
    }

    /// Those of them that were not refused a while ago.
    fn not_held_off(&self, claims: &[Claim]) -> Vec<Claim> {
        let now = Instant::now();
        let mut held_off = lock(&self.held_off);
        held_off.retain(|_, until| *until > now);
        let claims = claims.iter().copied();
        claims
            .filter(|claim| !held_off.contains_key(&(claim.account, claim.market)))
            .collect()
    }

    /// The markets as they are now, in the order of their numbers.
    async fn markets(&self) -> Result<Vec<Option<Box<Market>>>> {
        let markets = &self.context.exchange.markets;
        let addresses: Vec<Pubkey> = markets.iter().map(|m| m.refs.address).collect();
        let found = self.context.connection.fetch_many::<Market>(&addresses);
        let found = found.await?;
        for (listed, market) in markets.iter().zip(&found) {
            let gauge = self.metrics.pool.with_label_values(&[&listed.name]);
            gauge.set(pool(market.as_deref()) as f64 / QUOTE);
        }
        Ok(found)
    }

    /// Settles one claim, with the refreshes that it needs; one that is refused is left alone for a while.
    async fn settle_claim(&self, claim: &Claim, risk: &RiskState, clock: ChainClock) -> Result<()> {
        let exchange = &self.context.exchange;
        let (market, quote) = (exchange.market(claim.market)?, exchange.quote()?);
        let entries = Entries::default().and_asset(0).and_market(claim.market);
        let version = self.context.require_sender()?.version().await;
        let due = entries.due(risk, clock, Freshness::PAY);
        let mut instructions = exchange.refresh(&due, risk, clock, version);
        let refs = &exchange.refs;
        instructions.push(settle_pnl(refs, claim.account, &market.refs, &quote.refs));
        let delivery = self
            .context
            .deliver("settle_pnl", &instructions, &[], UNSETTLED)
            .await;
        if !matches!(delivery, Ok(Delivery::Landed(_))) {
            let until = Instant::now() + seconds(self.config.settle_pnl_retry);
            lock(&self.held_off).insert((claim.account, claim.market), until);
        }
        delivery.map(|_| ())
    }

    /// Marks the profits of every market with a shortfall, and has them share it.
    pub async fn share_shortfalls(&self) -> Result<()> {
        let markets = &self.context.exchange.markets;
        let found = self.markets().await?;
        let mut outcome = Ok(());
        for (listed, market) in markets.iter().zip(found) {
            let Some(market) = market else { continue };
            let gauge = self.metrics.shortfall.with_label_values(&[&listed.name]);
            gauge.set(market.profits.shortfall as f64 / QUOTE);
            if profits::is_due(&market) {
                outcome = outcome.and(self.share_shortfall(listed, &market).await);
            }
        }
        outcome
    }

    async fn share_shortfall(&self, listed: &ListedMarket, market: &Market) -> Result<()> {
        let accounts = self.accounts().await?;
        let accounts: Vec<_> = accounts.iter().map(|a| (a.address, &*a.account)).collect();
        let unmarked = profits::unmarked(market, &accounts);
        if !market.profits.is_open() {
            self.open_epoch(listed, market.index).await?;
        }
        let marked = self.mark(market.index, &unmarked).await;
        let share = share_shortfall(&self.context.exchange.refs, &listed.refs);
        self.context
            .deliver("share_shortfall", &[share], &[], UNMARKED)
            .await?;
        marked
    }

    /// Opens an epoch, with what waits in the market settled in front of it: none is opened while anything does. What is too much
    /// for one call is settled ahead of it.
    async fn open_epoch(&self, listed: &ListedMarket, market: u16) -> Result<()> {
        let connection = &self.context.connection;
        let queue = connection.fetch::<FillQueueAccount>(&listed.refs.fill_queue);
        let mut batches = queues::settlements(&queue.await?.queue, SETTLED_AHEAD);
        let last = batches.pop();
        for makers in batches {
            self.settle_for(listed, &makers).await?;
        }
        let settle = last.map(|makers| settle(listed, &makers));
        let open = mark_profits(&self.context.exchange.refs, &listed.refs, &[]);
        let calls = settle.into_iter().chain([open]).collect();
        self.send_marks(market, calls).await
    }

    /// Marks accounts' profits in a market.
    async fn mark(&self, market: u16, accounts: &[Pubkey]) -> Result<()> {
        let exchange = &self.context.exchange;
        let listed = exchange.market(market)?;
        // What fails leaves the others to be marked.
        let mut outcome = Ok(());
        for some in accounts.chunks(MARKED_AT_ONCE / 2) {
            let mark = mark_profits(&exchange.refs, &listed.refs, some);
            outcome = outcome.and(self.send_marks(market, vec![mark]).await);
        }
        outcome
    }

    /// Sends calls that mark in a market, with the refreshes that they need.
    async fn send_marks(&self, market: u16, mut calls: Vec<Instruction>) -> Result<()> {
        let (risk, clock) = self.risk().await?;
        let version = self.context.require_sender()?.version().await;
        let entries = Entries::default().and_market(market);
        let due = entries.due(&risk, clock, Freshness::PAY);
        let mut instructions = self.context.exchange.refresh(&due, &risk, clock, version);
        instructions.append(&mut calls);
        self.context
            .deliver("mark_profits", &instructions, &[], UNMARKED)
            .await?;
        Ok(())
    }
}

/// What a market can pay out, native quote.
fn pool(market: Option<&Market>) -> u64 {
    market.map_or(0, |market| market.pnl_pool)
}
