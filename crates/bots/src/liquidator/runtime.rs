//! The liquidator at work: follows the chain, values accounts as prices move, and keeps a limited number of calls going.
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use anchor_lang::prelude::Pubkey;
use anyhow::{Context as _, Result};
use plimsoll::state::MarginAccount;
use plimsoll_client::rpc::ChainClock;
use plimsoll_risk::HealthKind;
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
};
use tracing::{debug, info, warn};

use super::{
    attempts::Attempts,
    calls::Addresses,
    config::LiquidatorConfig,
    dispatch::{Dispatcher, Ending},
    feed::{Change, Feed, News},
    gains::Gains,
    metrics::LiquidatorMetrics,
    outlook::Outlook,
    plan::{Limits, NoPlan, Plan, Situation, Step, Terms},
    valuation::{Case, ValuationBook},
};
use crate::{context::Context, shutdown::Shutdown};

/// Name of the loop in health reports.
const LOOP: &str = "liquidate";
/// Least time between two turns, however much changes.
const TURN: Duration = Duration::from_millis(50);
/// Time between two looks at the chain's clock, and between turns when nothing changes.
const TICK: Duration = Duration::from_millis(800);
/// Longest wait for calls in flight when the end is asked for.
const LAST_CALLS: Duration = Duration::from_secs(45);

/// What all parts of a liquidator share.
pub struct Shared {
    pub config: LiquidatorConfig,
    pub context: Context,
    pub addresses: Addresses,
    pub dispatcher: Dispatcher,
    pub metrics: LiquidatorMetrics,
    pub feed: Feed,
}

/// The liquidator's state. Everything in it follows from the chain: a new process builds it anew.
pub struct Runtime {
    shared: Arc<Shared>,
    limits: Limits,
    pool: rayon::ThreadPool,
    clock: (Instant, ChainClock),
    outlook: watch::Sender<Option<Arc<Outlook>>>,
    terms: Terms,
    book: ValuationBook,
    changed: HashSet<Pubkey>,
    resync: bool,
    attempts: Attempts,
    /// The calls in flight: the account as it was planned for, and the Init health that the call is going to take.
    under_way: HashMap<Pubkey, (Arc<MarginAccount>, i128)>,
    calls: JoinSet<(Plan, Ending)>,
    /// Whose call each task is.
    callers: HashMap<Id, Pubkey>,
    refreshing: JoinSet<()>,
    /// Feeds that this liquidator refreshed: when, and which price they had.
    refreshed: HashMap<u8, (Instant, i64)>,
}

impl Runtime {
    /// Nothing is known yet.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn new(
        shared: Arc<Shared>,
        clock: ChainClock,
        outlook: watch::Sender<Option<Arc<Outlook>>>,
    ) -> Result<Self> {
        let config = &shared.config;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(config.threads)
            .build()
            .context("starting the threads that value accounts")?;
        let seconds = crate::config::seconds;
        Ok(Self {
            limits: config.limits(),
            pool,
            clock: (Instant::now(), clock),
            outlook,
            terms: Terms::default(),
            book: ValuationBook::default(),
            changed: HashSet::new(),
            resync: true,
            attempts: Attempts::new(
                config.concurrency,
                seconds(config.retry_first),
                seconds(config.retry_longest),
            ),
            under_way: HashMap::new(),
            calls: JoinSet::new(),
            callers: HashMap::new(),
            refreshing: JoinSet::new(),
            refreshed: HashMap::new(),
            shared,
        })
    }

    /// Works until the end is asked for, then waits for what is in flight.
    pub async fn run(mut self, mut news: News, shutdown: Shutdown) {
        let health = self.shared.context.health.clone();
        health.loop_started(LOOP, Duration::from_secs(30));
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !shutdown.is_requested() {
            tokio::select! {
                () = shutdown.requested() => break,
                change = news.next() => self.note(change),
                Some(ended) = self.calls.join_next_with_id() => self.note_end(ended),
                Some(_) = self.refreshing.join_next() => {}
                _ = tick.tick() => self.look_at_the_clock().await,
            }
            while let Some(change) = news.waiting() {
                self.note(change);
            }
            match self.turn() {
                Ok(()) => health.loop_done(LOOP),
                Err(error) => health.loop_failed(LOOP, format!("{error:#}")),
            }
            if shutdown.sleep(TURN).await {
                break;
            }
        }
        self.finish().await;
    }

    /// Lets the calls in flight end, and counts them.
    async fn finish(&mut self) {
        if !self.calls.is_empty() {
            info!(calls = self.calls.len(), "waiting for calls in flight");
        }
        let all = async {
            while let Some(ended) = self.calls.join_next_with_id().await {
                self.note_end(ended);
            }
        };
        if tokio::time::timeout(LAST_CALLS, all).await.is_err() {
            warn!("calls in flight are left to their fate");
        }
    }

    async fn look_at_the_clock(&mut self) {
        let health = &self.shared.context.health;
        match self.shared.dispatcher.sender.connection().clock().await {
            Ok(clock) => {
                self.clock = (Instant::now(), clock);
                health.at_slot(clock.slot);
            }
            Err(error) => health.disconnected(error),
        }
        self.keep_fresh();
    }

    /// The chain's time, Unix seconds, carried forward since it was last looked at.
    fn now(&self) -> i64 {
        let (at, clock) = self.clock;
        let secs = i64::try_from(at.elapsed().as_secs()).unwrap_or(0);
        clock.unix_time.saturating_add(secs)
    }

    fn note(&mut self, change: Change) {
        match change {
            Change::Account(address) => {
                self.changed.insert(address);
            }
            Change::Everything => self.resync = true,
            Change::Market => {}
        }
    }

    /// Takes in what changed, values what that touches, and starts calls.
    fn turn(&mut self) -> Result<()> {
        let feed = &self.shared.feed;
        let risk = feed.risk().context("the risk state is not known yet")?;
        self.terms = feed.terms();
        let outlook = Arc::new(Outlook::new(risk, self.now()));
        let before = self.outlook.send_replace(Some(Arc::clone(&outlook)));
        self.take_in(&outlook);
        let done = self.pool.install(|| match &before {
            Some(before) => {
                let moved = outlook.moved_since(before);
                self.book.revalue_moved(&outlook, moved)
            }
            None => self.book.revalue(&outlook),
        });
        let metrics = &self.shared.metrics;
        if done.accounts > 0 {
            metrics.revalued(&done);
        }
        metrics.census(&self.book.census());
        metrics.load(
            self.attempts.in_flight(),
            self.attempts.resting(Instant::now()),
        );
        self.start_calls(&outlook);
        Ok(())
    }

    /// Accounts that changed, or all of them after news were missed.
    fn take_in(&mut self, outlook: &Outlook) {
        let feed = &self.shared.feed;
        let changed = std::mem::take(&mut self.changed);
        if std::mem::take(&mut self.resync) {
            let all = feed.accounts();
            let known: HashSet<Pubkey> = all.iter().map(|(address, _)| *address).collect();
            self.book.retain(|address| known.contains(address));
            for (address, account) in all {
                self.book.upsert(address, &account, outlook);
            }
        }
        for address in changed {
            self.attempts.changed(&address);
            match feed.account(&address) {
                Some(account) => self.book.upsert(address, &account, outlook),
                None => self.book.remove(&address),
            }
        }
    }

    /// Starts calls on the accounts that need one, as many as may be in flight.
    fn start_calls(&mut self, outlook: &Arc<Outlook>) {
        let now = Instant::now();
        for case in self.book.cases(outlook) {
            if self.attempts.room() == 0 {
                break;
            }
            let own = case.address == self.shared.dispatcher.who.account;
            if own || !self.attempts.may_start(&case.address, now) {
                continue;
            }
            match self.plan(&case, outlook) {
                Some(Ok(plan)) => self.start(plan, outlook, now),
                Some(Err(NoPlan::Healthy)) | None => {}
                Some(Err(reason)) => {
                    if self.attempts.failures(&case.address) == 0 {
                        let (account, health) = (case.address, case.value.of(HealthKind::Maint));
                        info!(%account, health, ?reason, "nothing is done about an account");
                    }
                    self.attempts.postponed(case.address, now);
                }
            }
        }
    }

    fn plan(&self, case: &Case, outlook: &Outlook) -> Option<Result<Plan, NoPlan>> {
        let feed = &self.shared.feed;
        let account = feed.account(&case.address)?;
        let own = feed.account(&self.shared.dispatcher.who.account)?;
        let in_use: i128 = self.under_way.values().map(|(_, margin)| margin).sum();
        let limits = Limits {
            reserve: self.limits.reserve + in_use,
            ..self.limits
        };
        let situation = Situation {
            outlook,
            terms: &self.terms,
            limits: &limits,
            address: case.address,
            account: &account,
            own: &own,
            waiting: &|market| feed.waiting(market),
        };
        // After a refusal one thing at a time: the second may be what was refused.
        Some(situation.plan(self.attempts.failures(&case.address) > 0))
    }

    fn start(&mut self, plan: Plan, outlook: &Arc<Outlook>, now: Instant) {
        if !self.attempts.start(plan.address, now) {
            return;
        }
        info!(
            account = %plan.address,
            kind = plan.step.kind(),
            step = ?plan.step,
            maintenance = plan.value.of(HealthKind::Maint),
            equity = plan.value.equity,
            reward = plan.reward,
            profit = plan.profit,
            refreshes = plan.refresh.len(),
            "liquidating",
        );
        if let Some(account) = self.shared.feed.account(&plan.address) {
            self.under_way.insert(plan.address, (account, plan.margin));
        }
        let (shared, outlook) = (Arc::clone(&self.shared), Arc::clone(outlook));
        let account = plan.address;
        let task = self.calls.spawn(async move {
            let dispatcher = &shared.dispatcher;
            let ending = dispatcher.carry_out(&shared.addresses, &plan, &outlook);
            let ending = ending.await;
            (plan, ending)
        });
        self.callers.insert(task.id(), account);
    }

    fn note_end(&mut self, ended: Result<(Id, (Plan, Ending)), JoinError>) {
        let (plan, ending) = match ended {
            Ok((id, ended)) => {
                self.callers.remove(&id);
                ended
            }
            Err(error) => {
                if let Some(account) = self.callers.remove(&error.id()) {
                    warn!(%account, %error, "a call broke off");
                    self.under_way.remove(&account);
                    self.attempts.failed(account, Instant::now());
                }
                return;
            }
        };
        let (account, kind, now) = (plan.address, plan.step.kind(), Instant::now());
        let planned_for = self.under_way.remove(&account).map(|(planned, _)| planned);
        let current = self.shared.feed.account(&account);
        self.shared.metrics.call(kind, ending.outcome());
        let all = &self.shared.context.metrics;
        match ending {
            Ending::Won { gains, units } => {
                self.attempts.landed(account, now);
                // The news of it may have been here before the answer.
                let news = planned_for.zip(current);
                if news.is_none_or(|(planned, current)| !Arc::ptr_eq(&planned, &current)) {
                    self.attempts.changed(&account);
                }
                all.landed(kind, units);
                self.count(&plan, &gains);
                let gained = gains.total();
                info!(%account, kind, gained, moves = gains.moves, units, "liquidated");
            }
            Ending::Lost(why) => {
                self.attempts.failed(account, now);
                all.refused(kind, &why, true);
                info!(%account, kind, why, "somebody else was faster, or it is over");
            }
            Ending::Early => {
                // Every second brings new prices: the account is tried again soon.
                self.attempts.postponed(account, now);
                debug!(%account, kind, "its feeds have published nothing newer than the flag's prices");
            }
            Ending::Refused(why) => {
                self.attempts.failed(account, now);
                all.refused(kind, &why, false);
                warn!(%account, kind, why, "refused");
            }
            Ending::Failed(why) => {
                self.attempts.failed(account, now);
                all.lost(kind);
                warn!(%account, kind, why, "failed");
            }
            Ending::Dry(result) => {
                self.attempts.failed(account, now);
                info!(%account, kind, ?result, "dry run: simulated only");
            }
        }
    }

    fn count(&self, plan: &Plan, gains: &Gains) {
        let metrics = &self.shared.metrics;
        metrics.gained("position fees", gains.positions);
        metrics.gained("collateral bonus", gains.collateral);
        if matches!(plan.step, Step::Resolve { .. }) {
            metrics.gained("bankruptcy bonus", plan.reward);
        }
    }

    /// Refreshes what somebody uses and nobody refreshes, one set of transactions at a time.
    fn keep_fresh(&mut self) {
        let config = &self.shared.config;
        let after = (config.refresh_after * 1e3) as i64;
        let retry = crate::config::seconds(config.refresh_retry);
        let outlook = self.outlook.borrow().clone();
        let (Some(outlook), false) = (outlook, config.dry_run) else {
            return;
        };
        if after == 0 || !self.refreshing.is_empty() {
            return;
        }
        let (now, now_ms) = (Instant::now(), outlook.clock().now_ms);
        let old = outlook.feeds(&self.book.used().entries(), |price| {
            now_ms.saturating_sub(price.published_ms) > after
        });
        let mut due = outlook.oldest_first(old);
        due.retain(|due| {
            let published = outlook.published_ms(due.feed);
            let tried = self.refreshed.get(&due.feed);
            let waits = tried
                .is_some_and(|(at, known)| *known == published && now.duration_since(*at) < retry);
            if !waits {
                self.refreshed.insert(due.feed, (now, published));
            }
            !waits
        });
        if due.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        self.refreshing.spawn(async move {
            let sender = &shared.dispatcher.sender;
            let version = sender.version().await;
            let feeds: Vec<u8> = due.iter().map(|due| due.feed).collect();
            let mut all = shared.addresses.refreshes(&sender.payer(), &due, version);
            let (ahead, signed) = shared.dispatcher.with_prices(
                &shared.addresses,
                &feeds,
                Vec::new(),
                &outlook,
                version,
            );
            all.extend(ahead);
            all.extend((!signed.is_empty()).then_some(signed));
            if !all.is_empty() {
                info!(feeds = due.len(), "nobody refreshes: doing it");
            }
            for transaction in all {
                match sender.send(&transaction, &[]).await {
                    Ok(landed) => debug!(signature = %landed.signature, "refreshed"),
                    Err(error) => warn!(%error, "a refresh failed"),
                }
            }
        });
    }
}
