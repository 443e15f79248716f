//! Carrying out what is to be done with the inventory: one transaction for each step, each tried again later when it
//! fails.
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use anchor_spl::associated_token::{
    get_associated_token_address_with_program_id,
    spl_associated_token_account::instruction::create_associated_token_account_idempotent,
};
use anyhow::{Context as _, Result};
use plimsoll::{events::OrderPlaced, orders::terms::OrderTerms, state::MarginAccount};
use plimsoll_client::{
    events, instructions as ix,
    rpc::{Entries, Exchange, Freshness, Landed, ListedAsset, SendError},
};
use plimsoll_risk::{
    fixed::{scale_ceil, scale_floor},
    HealthKind,
};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{
    inventory::{disposals, Disposal, InventoryLimits},
    outlook::Outlook,
    plan::Holdings,
    runtime::Shared,
};
use crate::{config::seconds, shutdown::Shutdown, supervise};

/// How long a step that failed is left alone.
const REST: Duration = Duration::from_secs(10);

/// Looks after the inventory until the end is asked for.
pub async fn run(
    shared: Arc<Shared>,
    outlook: watch::Receiver<Option<Arc<Outlook>>>,
    shutdown: Shutdown,
) {
    let every = seconds(shared.config.rebalance_every);
    if every.is_zero() {
        return;
    }
    let inventory = tokio::sync::Mutex::new(Inventory {
        limits: InventoryLimits::of(&shared.config),
        shared: Arc::clone(&shared),
        resting: HashMap::new(),
    });
    supervise::every("inventory", every, &shared.context, &shutdown, || async {
        // Cloned at once: nothing is locked while transactions are under way.
        let known = outlook.borrow().clone();
        match known {
            Some(outlook) => inventory.lock().await.turn(&outlook).await,
            None => Ok(()),
        }
    })
    .await;
}

struct Inventory {
    shared: Arc<Shared>,
    limits: InventoryLimits,
    /// Steps that failed, by kind and index, and until when they rest.
    resting: HashMap<(&'static str, u16), Instant>,
}

impl Inventory {
    async fn turn(&mut self, outlook: &Outlook) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let own = shared.feed.account(&shared.dispatcher.who.account);
        let own = own.context("the own margin account is not known yet")?;
        self.measure(&own, outlook);
        for step in disposals(&own, outlook, &self.limits) {
            let key = name(&step);
            let rests = self
                .resting
                .get(&key)
                .is_some_and(|until| *until > Instant::now());
            if rests {
                continue;
            }
            if let Err(error) = self.carry_out(&step, &own, outlook).await {
                warn!(kind = key.0, index = key.1, error = %format!("{error:#}"), "inventory stays as it is");
                shared.metrics.call(key.0, "failed");
                self.resting.insert(key, Instant::now() + REST);
            }
        }
        Ok(())
    }

    /// Publishes what the own account holds and where it stands.
    fn measure(&self, own: &MarginAccount, outlook: &Outlook) {
        let Shared {
            metrics, context, ..
        } = &*self.shared;
        if let Ok(value) = Holdings::of(own).assess(&outlook.view()) {
            metrics.own("init", value.of(HealthKind::Init));
            metrics.own("maintenance", value.of(HealthKind::Maint));
            metrics.own("equity", value.equity);
            if value.of(HealthKind::Init) < self.limits.reserve {
                warn!(
                    init = value.of(HealthKind::Init),
                    "the own account is below its reserve"
                );
            }
        }
        for market in &context.exchange.markets {
            let perp = own.perps.iter().find(|perp| perp.market == market.index);
            let entry = outlook.risk().market(market.index);
            let value = perp.zip(entry.ok()).map_or(0, |(perp, entry)| {
                scale_floor(perp.position.0, entry.price.spot, entry.shift)
            });
            metrics.holds("position", &market.name, value);
        }
        for asset in &context.exchange.assets {
            let balance = own.balances.iter().find(|b| b.asset == asset.index);
            let entry = outlook.risk().asset(asset.index);
            let value = balance.zip(entry.ok()).and_then(|(balance, entry)| {
                let amount = balance.native(entry.indices()).ok()?;
                Some(scale_floor(amount, entry.price.spot, entry.shift))
            });
            metrics.holds("token", &asset.symbol, value.unwrap_or(0));
        }
    }

    async fn carry_out(
        &self,
        step: &Disposal,
        own: &MarginAccount,
        outlook: &Outlook,
    ) -> Result<()> {
        let shared = &self.shared;
        let sender = &shared.dispatcher.sender;
        // What the account uses has to be fresh, and what the step itself uses.
        let (touched, freshness) = touched(step);
        let clock = outlook.clock();
        let feeds = outlook.feeds(&Entries::of(own).and(touched), |price| {
            freshness.is_due(price, &clock)
        });
        let feeds = outlook.oldest_first(feeds);
        let mut all = Vec::new();
        let version = sender.version().await;
        let refreshes = shared.addresses.refreshes(&sender.payer(), &feeds, version);
        all.extend(refreshes.into_iter().flatten());
        let built = match *step {
            Disposal::Reduce { market, order } => self.reduce(market, order, &all).await?,
            Disposal::Settle { market } => self.settle(market)?,
            Disposal::Repay { asset, owed } => match self.repay(asset, owed).await? {
                Some(built) => built,
                // Nothing in the wallet to repay with.
                None => return Ok(()),
            },
            Disposal::Withdraw { asset, amount } => self.withdraw(asset, amount)?,
        };
        let (kind, index) = name(step);
        all.extend(built);
        let mut batches = sender.pack(all).await;
        let Some(last) = batches.pop() else {
            return Ok(());
        };
        let feeds: Vec<u8> = feeds.iter().map(|due| due.feed).collect();
        let (ahead, last) =
            shared
                .dispatcher
                .with_prices(&shared.addresses, &feeds, last, outlook, version);
        batches.extend(ahead);
        if shared.dispatcher.dry_run {
            info!(
                kind,
                index,
                ?step,
                "dry run: the inventory would be reduced"
            );
            return Ok(());
        }
        for ahead in batches {
            sender.send(&ahead, &[]).await?;
        }
        match sender.send(&last, &[]).await {
            Ok(landed) => {
                shared.metrics.call(kind, "won");
                self.report(step, &landed, outlook);
                Ok(())
            }
            Err(SendError::Refused(refused)) => Err(anyhow::anyhow!("{refused}")),
            Err(error) => Err(error.into()),
        }
    }

    /// The order, with as many of the makers that it meets as there is room for behind what goes ahead.
    async fn reduce(
        &self,
        market: u16,
        order: OrderTerms,
        ahead: &[Instruction],
    ) -> Result<Vec<Instruction>> {
        let shared = &self.shared;
        let (exchange, who) = (&shared.context.exchange, shared.dispatcher.who);
        let listed = exchange.market(market)?;
        let place = |makers: &[Pubkey]| {
            let exchange = &shared.addresses.exchange;
            let (signer, own) = (who.signer, who.account);
            vec![ix::place_order(
                exchange,
                signer,
                own,
                &listed.refs,
                order,
                makers,
            )]
        };
        let alone = [ahead, &place(&[])].concat();
        let room = shared.dispatcher.sender.room(&alone).await;
        let makers = shared.feed.book(market).map_or_else(Vec::new, |book| {
            exchange.makers_for(&order, &who.account, &book, room)
        });
        Ok(place(&makers))
    }

    fn settle(&self, market: u16) -> Result<Vec<Instruction>> {
        let shared = &self.shared;
        let exchange: &Exchange = &shared.context.exchange;
        Ok(vec![ix::settle_pnl(
            &shared.addresses.exchange,
            shared.dispatcher.who.account,
            &exchange.market(market)?.refs,
            &exchange.quote()?.refs,
        )])
    }

    /// The wallet's token account of an asset.
    fn wallet(&self, asset: &ListedAsset) -> Pubkey {
        let (owner, refs) = (&self.shared.dispatcher.who.signer, &asset.refs);
        get_associated_token_address_with_program_id(owner, &refs.mint, &refs.token_program)
    }

    async fn repay(&self, asset: u16, owed: u64) -> Result<Option<Vec<Instruction>>> {
        let shared = &self.shared;
        let listed = shared.context.exchange.asset(asset)?;
        let from = self.wallet(listed);
        let rpc = shared.context.connection.rpc();
        // An account that does not exist holds nothing.
        let Ok(held) = rpc.get_token_account_balance(&from).await else {
            return Ok(None);
        };
        let held: u64 = held.amount.parse().context("an amount of tokens")?;
        let amount = held.min(owed);
        if amount == 0 {
            return Ok(None);
        }
        let who = shared.dispatcher.who;
        let exchange = &shared.addresses.exchange;
        let deposit = ix::deposit(
            exchange,
            who.signer,
            who.account,
            &listed.refs,
            from,
            amount,
        );
        Ok(Some(vec![deposit]))
    }

    fn withdraw(&self, asset: u16, amount: u64) -> Result<Vec<Instruction>> {
        let shared = &self.shared;
        let listed = shared.context.exchange.asset(asset)?;
        let who = shared.dispatcher.who;
        let refs = &listed.refs;
        let open = create_associated_token_account_idempotent(
            &who.signer,
            &who.signer,
            &refs.mint,
            &refs.token_program,
        );
        let (exchange, to) = (&shared.addresses.exchange, self.wallet(listed));
        let withdraw = ix::withdraw(exchange, who.signer, who.account, refs, to, amount, false);
        Ok(vec![open, withdraw])
    }

    /// Says what was done; of a sale what it cost against the oracle's price.
    fn report(&self, step: &Disposal, landed: &Landed, outlook: &Outlook) {
        let (kind, index) = name(step);
        let signature = landed.signature.to_string();
        let Disposal::Reduce { market, order } = step else {
            info!(kind, index, signature, "inventory");
            return;
        };
        let placed: Vec<OrderPlaced> = events::of_kind(&landed.logs);
        let Some((placed, entry)) = placed.first().zip(outlook.risk().market(*market).ok()) else {
            return;
        };
        let lots = placed.filled_lots.max(0).unsigned_abs();
        let at_spot = scale_ceil(lots, entry.price.spot, entry.shift);
        let at_spot = i128::try_from(at_spot).unwrap_or(i128::MAX);
        let traded = i128::from(placed.filled_quote);
        let better = match placed.side {
            0 => at_spot - traded,
            _ => traded - at_spot,
        };
        let gained = better - i128::from(placed.fee);
        self.shared.metrics.gained("selling off", gained);
        info!(
            kind,
            index,
            lots,
            of = order.lots,
            gained,
            signature,
            "inventory"
        );
    }
}

/// A step's kind and what it is about, for logs and pauses.
fn name(step: &Disposal) -> (&'static str, u16) {
    match step {
        Disposal::Reduce { market, .. } => ("reduce", *market),
        Disposal::Settle { market } => ("settle", *market),
        Disposal::Repay { asset, .. } => ("repay", *asset),
        Disposal::Withdraw { asset, .. } => ("withdraw", *asset),
    }
}

/// Entries that a step itself is priced by, and how young the prices have to be.
fn touched(step: &Disposal) -> (Entries, Freshness) {
    let none = Entries::default();
    match step {
        Disposal::Reduce { market, .. } => (none.and_market(*market), Freshness::TRADE),
        Disposal::Settle { market } => (none.and_asset(0).and_market(*market), Freshness::PAY),
        Disposal::Repay { asset, .. } | Disposal::Withdraw { asset, .. } => {
            (none.and_asset(*asset), Freshness::PAY)
        }
    }
}
