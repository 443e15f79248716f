//! The keeper's duties, one turn each: read, decide, send.
mod profits;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use anchor_spl::associated_token::spl_associated_token_account::instruction::create_associated_token_account_idempotent;
use anyhow::Result;
use futures_util::future::join_all;
use plimsoll::{
    error::PlimsollError as Refusal,
    events::RefreshSkipped,
    state::{Bank, Book, FillQueueAccount, MarginAccount, Market, RiskState},
};
use plimsoll_client::{
    errors, events,
    instructions::{
        close_out_debt, close_out_position, prune_orders, return_deposit, settle_fills,
    },
    pro::Carried,
    rpc::{ChainClock, Entries, Freshness, Keyed, Landed, ListedMarket},
};

use super::{
    config::KeeperConfig,
    metrics::KeeperMetrics,
    plan::{self, Hearing},
    queues::{self, ENTRIES_PER_CALL, ORDERS_PER_CALL},
    refresh::{self, Accruals, Age, Attempts},
    winding_down::{self, Step},
};
use crate::{config::seconds, context::Context, deliver::Delivery};

/// Where a margin account names its exchange, behind the discriminator.
const EXCHANGE_AT: usize = 8;
/// How often banks and markets are looked at within the time in which they are to accrue.
const LOOKS_PER_ACCRUAL: f64 = 10.0;
/// Refusals of a signed message as a whole: its source is at fault, and another message may be taken.
const UNTAKEN: &[Refusal] = &[
    Refusal::UntrustedSigner,
    Refusal::WrongSignerAccount,
    Refusal::MessageFromTheFuture,
    Refusal::MalformedMessage,
    Refusal::UnknownProperty,
    Refusal::FeedLeftOut,
    // The sender fell back to another version, in which the message has another place; the next one is put together for it.
    Refusal::NotASignedMessage,
];

/// Refusals of a step of winding down that are nobody's fault: somebody else made it, or an account has to be liquidated, a debt
/// repaid, or a pause lifted first.
const NOT_YET: &[Refusal] = &[
    Refusal::NothingToCloseOut,
    Refusal::NoSuchPosition,
    Refusal::OrdersRemain,
    Refusal::InsufficientHealth,
    Refusal::InsufficientLiquidity,
    Refusal::StaleEntry,
    Refusal::ExchangeGated,
    Refusal::BankGated,
    Refusal::AccountGated,
];

/// A keeper between two turns.
pub struct Keeper {
    pub config: KeeperConfig,
    pub context: Context,
    metrics: KeeperMetrics,
    attempts: Mutex<Attempts>,
    hearing: Mutex<Hearing>,
    /// When banks and markets were last looked at.
    looked: Mutex<Option<Instant>>,
    /// Until when settlements that were refused are left alone.
    held_off: Mutex<HashMap<(Pubkey, u16), Instant>>,
}

impl Keeper {
    pub fn new(config: KeeperConfig, context: Context) -> Result<Self> {
        Ok(Self {
            metrics: KeeperMetrics::new(&context.metrics)?,
            attempts: Mutex::default(),
            hearing: Mutex::default(),
            looked: Mutex::default(),
            held_off: Mutex::default(),
            config,
            context,
        })
    }

    /// Refreshes the feeds that are due, with the banks and markets that are, in as few transactions as they fit.
    pub async fn refresh(&self) -> Result<()> {
        let (risk, clock) = self.risk().await?;
        let ages = refresh::ages(&risk, clock);
        self.measure(&ages);
        let messages = self.context.signed.newest(&risk, clock);
        self.note_hearing(&messages, &risk, clock);
        let now = Instant::now();
        let due = refresh::due(&ages, &lock(&self.attempts), &self.config, now);
        if due.is_empty() {
            return Ok(());
        }
        let accruals = self.accruals(clock, now).await?;
        let exchange = &self.context.exchange;
        let plan = plan::plan(exchange, &risk, clock, &due, &accruals, messages);
        let sender = self.context.require_sender()?;
        let (version, payer) = (sender.version().await, sender.payer());
        let passes = |all: &[Instruction]| version.fits(&payer, all);
        let signed = plan.signed.iter();
        let signed: Vec<_> = signed
            .map(|one| plan::signed(exchange, one, version.preceding(), passes))
            .collect();
        let batches = sender
            .pack(exchange.refresh_units(plan.units, version))
            .await;
        let (signed, plain) = tokio::join!(
            join_all(signed.iter().map(|batch| self.send_signed(batch))),
            join_all(batches.iter().map(|batch| self.send_refresh(batch)))
        );
        let mut attempts = lock(&self.attempts);
        let tried = due.iter().filter(|age| !plan.unheard.contains(&age.feed));
        tried.for_each(|age| attempts.note(age, now));
        signed.into_iter().chain(plain).collect()
    }

    /// Says when the source of signed prices falls silent or behind, and when it is heard again.
    fn note_hearing(&self, messages: &[Carried], risk: &RiskState, clock: ChainClock) {
        let hearing = Hearing::of(&self.context.signed, messages, risk, clock);
        self.metrics
            .signed_unheard
            .set(i64::from(hearing != Hearing::Fresh));
        let oldest = messages.iter().map(|m| m.message.timestamp_us()).min();
        if let Some(oldest) = oldest {
            let seconds = clock.unix_time as f64 - oldest as f64 / 1e6;
            self.metrics.signed_seconds.set(seconds.max(0.0));
        }
        let before = std::mem::replace(&mut *lock(&self.hearing), hearing);
        if before == hearing {
            return;
        }
        match hearing {
            Hearing::Fresh => tracing::info!("signed prices are heard again"),
            Hearing::NoSource => tracing::warn!(
                "feeds take signed prices and no source is named: they are left to other keepers"
            ),
            Hearing::Silent => tracing::warn!("the source of signed prices is silent"),
            Hearing::Late => tracing::warn!("the newest signed prices are too old to be taken"),
        }
    }

    /// Sends a signed message. One that the program refuses as a whole holds nothing else back.
    async fn send_signed(&self, batch: &[Instruction]) -> Result<()> {
        let delivery = self.context.deliver("signed", batch, &[], UNTAKEN).await?;
        let outcome = match delivery {
            Delivery::Landed(landed) => {
                self.note_skipped(&landed);
                "taken".to_owned()
            }
            Delivery::Refused(reason) => {
                let reason = reason.name();
                tracing::warn!(reason, "a signed message is refused");
                reason
            }
        };
        let messages = &self.metrics.signed_messages;
        messages.with_label_values(&[outcome.as_str()]).inc();
        Ok(())
    }

    /// Banks and markets that are to accrue; they are looked at a few times within their pace.
    async fn accruals(&self, clock: ChainClock, now: Instant) -> Result<Accruals> {
        let pause = seconds(self.config.accrue_every / LOOKS_PER_ACCRUAL);
        {
            let mut looked = lock(&self.looked);
            if looked.is_some_and(|at| now.duration_since(at) < pause) {
                return Ok(Accruals::default());
            }
            *looked = Some(now);
        }
        let (exchange, connection) = (&self.context.exchange, &self.context.connection);
        let banks: Vec<Pubkey> = exchange.assets.iter().map(|a| a.refs.bank).collect();
        let markets: Vec<Pubkey> = exchange.markets.iter().map(|m| m.refs.address).collect();
        let (banks, markets) = tokio::try_join!(
            connection.fetch_many::<Bank>(&banks),
            connection.fetch_many::<Market>(&markets)
        )?;
        // What is not there has nothing to accrue.
        let banks = banks
            .iter()
            .map(|bank| bank.as_ref().map(|b| b.accrued_until));
        let markets = markets
            .iter()
            .map(|market| market.as_ref().map(|m| m.funded_until));
        let banks: Vec<i64> = banks.map(|at| at.unwrap_or(i64::MAX)).collect();
        let markets: Vec<i64> = markets.map(|at| at.unwrap_or(i64::MAX)).collect();
        Ok(Accruals::due(
            &banks,
            &markets,
            clock.unix_time,
            &self.config,
        ))
    }

    async fn send_refresh(&self, batch: &[Instruction]) -> Result<()> {
        let delivery = self.context.deliver("refresh", batch, &[], &[]).await?;
        if let Delivery::Landed(landed) = delivery {
            self.note_skipped(&landed);
        }
        Ok(())
    }

    /// Counts what the program left as it was.
    fn note_skipped(&self, landed: &Landed) {
        for event in events::of_kind::<RefreshSkipped>(&landed.logs) {
            let reason = errors::from_code(event.reason)
                .map_or_else(|| event.reason.to_string(), |refusal| refusal.name());
            let name = self.name_of(&event);
            tracing::debug!(entry = name, reason, "left as it was");
            let skipped = &self.metrics.skipped;
            skipped.with_label_values(&[name, reason.as_str()]).inc();
        }
    }

    /// The name of a feed, a bank's asset or a market.
    fn name_of(&self, event: &RefreshSkipped) -> &str {
        let exchange = &self.context.exchange;
        let feed = exchange.feeds.get(usize::from(event.feed));
        let mut assets = exchange.assets.iter();
        let mut markets = exchange.markets.iter();
        let asset = assets.find(|asset| asset.refs.bank == event.account);
        let market = markets.find(|market| market.refs.address == event.account);
        feed.map(|feed| feed.name.as_str())
            .or(asset.map(|asset| asset.symbol.as_str()))
            .or(market.map(|market| market.name.as_str()))
            .unwrap_or("unlisted")
    }

    fn measure(&self, ages: &[Age]) {
        for age in ages {
            let feed = self.context.exchange.feeds.get(usize::from(age.feed));
            let name = [feed.map_or("unlisted", |feed| feed.name.as_str())];
            let seconds = self.metrics.feed_seconds.with_label_values(&name);
            seconds.set(age.ms as f64 / 1e3);
            let stale = self.metrics.feed_stale.with_label_values(&name);
            stale.set(i64::from(age.is_stale));
        }
    }

    /// Brings to their accounts all fills that wait now.
    pub async fn settle_fills(&self) -> Result<()> {
        let markets = &self.context.exchange.markets;
        let addresses: Vec<Pubkey> = markets.iter().map(|m| m.refs.fill_queue).collect();
        let connection = &self.context.connection;
        let queues = connection.fetch_many::<FillQueueAccount>(&addresses);
        let sender = self.context.require_sender()?;
        let mut outcome = Ok(());
        for (market, queue) in markets.iter().zip(queues.await?) {
            let Some(queue) = queue else { continue };
            let waiting = queue.queue.entries().len();
            let gauge = self.metrics.queue.with_label_values(&[&market.name]);
            gauge.set(i64::try_from(waiting).unwrap_or(i64::MAX));
            if waiting == 0 {
                continue;
            }
            let room = sender.room(&[settle(market, &[])]).await;
            for makers in queues::settlements(&queue.queue, room) {
                outcome = outcome.and(self.settle_for(market, &makers).await);
            }
        }
        outcome
    }

    async fn settle_for(&self, market: &ListedMarket, makers: &[Pubkey]) -> Result<()> {
        self.context
            .deliver("settle_fills", &[settle(market, makers)], &[], &[])
            .await?;
        Ok(())
    }

    /// Removes expired orders, and all of markets that are being wound down, one call for each book in a turn.
    pub async fn prune(&self) -> Result<()> {
        let markets = &self.context.exchange.markets;
        let addresses: Vec<Pubkey> = markets.iter().map(|m| m.refs.book).collect();
        let connection = &self.context.connection;
        let books = connection.fetch_many::<Book>(&addresses).await?;
        let (risk, clock) = self.risk().await?;
        let sender = self.context.require_sender()?;
        let refs = &self.context.exchange.refs;
        let mut outcome = Ok(());
        for (market, book) in markets.iter().zip(books) {
            let Some(book) = book else { continue };
            let entry = risk.markets.get(usize::from(book.index));
            let all = entry.is_some_and(|entry| entry.price.is_final());
            let room = sender
                .room(&[prune_orders(refs, &market.refs, &[], 1)])
                .await;
            let pruning = queues::pruning(&book, all, clock.unix_time, room);
            let gauge = self.metrics.expired.with_label_values(&[&market.name]);
            gauge.set(i64::try_from(pruning.expired).unwrap_or(i64::MAX));
            if pruning.expired < self.config.prune_from {
                continue;
            }
            let call = prune_orders(refs, &market.refs, &pruning.owners, pruning.orders);
            let sent = self.context.deliver("prune", &[call], &[], &[]).await;
            outcome = outcome.and(sent.map(|_| ()));
        }
        outcome
    }

    /// Closes out what has a final price and returns what is left, some steps a turn. One that is refused has its turn again.
    pub async fn wind_down(&self) -> Result<()> {
        let (risk, clock) = self.risk().await?;
        let accounts = self.accounts().await?;
        let accounts: Vec<_> = accounts.iter().map(|a| (a.address, &*a.account)).collect();
        let steps = winding_down::steps(&risk, &accounts, self.config.wind_down_most);
        let left = i64::try_from(steps.len()).unwrap_or(i64::MAX);
        self.metrics.winding_down.set(left);
        for step in steps {
            let instructions = self.step(&step, &risk, clock).await?;
            self.context
                .deliver("wind_down", &instructions, &[], NOT_YET)
                .await?;
        }
        Ok(())
    }

    /// The instructions of a step, with the refresh that it needs: only what pays in quote, or leaves an account with debts, asks
    /// for a price.
    async fn step(
        &self,
        step: &Step,
        risk: &RiskState,
        clock: ChainClock,
    ) -> Result<Vec<Instruction>> {
        let exchange = &self.context.exchange;
        let (refs, quote) = (&exchange.refs, &exchange.quote()?.refs);
        let sender = self.context.require_sender()?;
        let entries = Entries::default().and_asset(0);
        let due = entries.due(risk, clock, Freshness::PAY);
        let mut instructions = exchange.refresh(&due, risk, clock, sender.version().await);
        match step {
            Step::Orders { market, owners } => {
                let market = &exchange.market(*market)?.refs;
                return Ok(vec![
                    settle_fills(market, owners, u16::MAX),
                    prune_orders(refs, market, owners, ORDERS_PER_CALL),
                ]);
            }
            Step::Positions {
                market,
                long,
                short,
            } => {
                let market = &exchange.market(*market)?.refs;
                return Ok(vec![close_out_position(refs, market, *long, *short)]);
            }
            Step::Debt {
                asset,
                depositor,
                debtor,
            } => {
                let asset = &exchange.asset(*asset)?.refs;
                instructions.push(close_out_debt(refs, asset, quote, *depositor, *debtor));
            }
            Step::Deposit {
                asset,
                account,
                owner,
            } => {
                let asset = &exchange.asset(*asset)?.refs;
                let (mint, program) = (&asset.mint, &asset.token_program);
                instructions.push(create_associated_token_account_idempotent(
                    &sender.payer(),
                    owner,
                    mint,
                    program,
                ));
                instructions.push(return_deposit(refs, asset, *account, owner));
            }
        }
        Ok(instructions)
    }

    async fn accounts(&self) -> Result<Vec<Keyed<Box<MarginAccount>>>> {
        let exchange = self.context.exchange.refs.address;
        let connection = &self.context.connection;
        Ok(connection
            .fetch_all::<MarginAccount>(&exchange, EXCHANGE_AT)
            .await?)
    }

    async fn risk(&self) -> Result<(Box<RiskState>, ChainClock)> {
        let connection = &self.context.connection;
        let address = self.context.exchange.refs.risk_state;
        Ok(tokio::try_join!(
            connection.fetch::<RiskState>(&address),
            connection.clock()
        )?)
    }
}

fn settle(market: &ListedMarket, makers: &[Pubkey]) -> Instruction {
    settle_fills(&market.refs, makers, u16::from(ENTRIES_PER_CALL))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
