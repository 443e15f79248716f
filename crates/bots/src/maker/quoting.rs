//! One turn of the maker: look, refresh what is due, and replace the orders of the markets where they are off.
use std::sync::Arc;

use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use plimsoll::{
    error::PlimsollError as Refusal,
    health,
    orders::terms::{OrderTerms, OrderType, SelfTradeBehavior},
    state::{MarginAccount, RiskState},
};
use plimsoll_client::{
    instructions::{by_delegate, cancel_orders, place_order},
    rpc::{sources, ChainClock, Entries, Freshness, ListedMarket, ReadError},
};
use plimsoll_risk::{EntryPrice, HealthKind, MarketRisk, OpenOrder, Policy, Purpose};
use prometheus::{Gauge, GaugeVec, IntCounterVec, IntGaugeVec, Opts};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::{
    config::MakerConfig,
    quotes::{is_near, wanted, Quote, View},
};
use crate::{context::Context, deliver::Delivery, supervise::until_done};

/// Decimals of the quote token.
const QUOTE_DECIMALS: u8 = 6;
/// Age after which the price of a quoted market is refreshed, milliseconds: quotes follow the risk state, and that follows
/// the oracle.
const PRICE_MS: i64 = 1_600;
/// How long the last cancellation may take, so that an outage does not keep a maker from stopping.
const LEAVE_WITHIN: std::time::Duration = std::time::Duration::from_secs(20);

/// Refusals of orders that are part of quoting: the price moved on, or a limit has been reached.
const UNPLACED: &[Refusal] = &[
    Refusal::InsufficientHealth,
    Refusal::PriceOutOfBand,
    Refusal::LossBudget,
    Refusal::StaleEntry,
    Refusal::NotReducing,
    Refusal::MarketReduceOnly,
    Refusal::OpenInterestCap,
    Refusal::BookFull,
    Refusal::NoFreeOrderSlot,
    Refusal::NoFreePerpSlot,
    Refusal::ExchangeGated,
    Refusal::MarketGated,
    Refusal::AccountGated,
    Refusal::NoSuchOrder,
];

/// A maker between two turns. It remembers nothing: what rests is read from its margin account.
pub struct Maker {
    pub config: MakerConfig,
    pub context: Context,
    keypair: Arc<Keypair>,
    /// Its margin account.
    account: Pubkey,
    /// Whether the keypair is only a delegate of it.
    is_delegate: bool,
    /// What it quotes.
    markets: Vec<ListedMarket>,
    metrics: MakerMetrics,
}

struct MakerMetrics {
    position: GaugeVec,
    resting: IntGaugeVec,
    replaced: IntCounterVec,
    health: Gauge,
}

impl MakerMetrics {
    fn new(context: &Context) -> Result<Self> {
        let metrics = &context.metrics;
        let position = Opts::new("maker_position", "Position, whole quote tokens");
        let resting = Opts::new("maker_resting_orders", "Orders that rest");
        let replaced = Opts::new("maker_replacements_total", "Replacements of all quotes");
        Ok(Self {
            position: metrics.add(GaugeVec::new(position, &["market"])?)?,
            resting: metrics.add(IntGaugeVec::new(resting, &["market"])?)?,
            replaced: metrics.add(IntCounterVec::new(replaced, &["market", "outcome"])?)?,
            health: metrics.add(Gauge::new(
                "maker_init_health",
                "Init health, whole quote tokens",
            )?)?,
        })
    }
}

/// What a turn looks at.
struct Sight {
    risk: Box<RiskState>,
    clock: ChainClock,
    account: Box<MarginAccount>,
}

impl Maker {
    pub fn new(config: MakerConfig, context: Context) -> Result<Self> {
        let keypair = context.require_keypair()?;
        let exchange = &context.exchange;
        let markets: Vec<ListedMarket> = if config.markets.is_empty() {
            exchange.markets.clone()
        } else {
            let named = config.markets.iter();
            let found = named.map(|name| exchange.market_named(name).cloned());
            found.collect::<Result<_, _>>()?
        };
        config.require_slots(markets.len())?;
        let owner = config.owner()?.unwrap_or_else(|| keypair.pubkey());
        let is_delegate = owner != keypair.pubkey();
        let account = exchange.refs.margin_account(&owner, config.sub_account);
        Ok(Self {
            metrics: MakerMetrics::new(&context)?,
            keypair,
            account,
            is_delegate,
            markets,
            config,
            context,
        })
    }

    /// Looks at prices, health and orders, and acts on what is off.
    pub async fn turn(&self) -> Result<()> {
        let sight = self.look().await?;
        self.refresh(&sight).await?;
        let init = health::assess(
            &sight.risk,
            &sight.account,
            Policy::Strict,
            Purpose::Trade,
            &sight.clock.sysvar(),
        );
        let init = init?.of(HealthKind::Init) as f64 / 10f64.powi(i32::from(QUOTE_DECIMALS));
        self.metrics.health.set(init);
        let only_reduce = init < self.config.reserve;
        let quotes = self.markets.iter();
        let quotes = quotes.map(|market| self.quote(market, &sight, only_reduce));
        join_all(quotes).await.into_iter().collect()
    }

    async fn look(&self) -> Result<Sight> {
        let connection = &self.context.connection;
        let account = connection.fetch::<MarginAccount>(&self.account).await;
        let account = account.map_err(|error| match error {
            ReadError::Missing(address) => {
                anyhow::anyhow!("there is no margin account {address}: its owner has to open it")
            }
            other => other.into(),
        })?;
        let risk_state = self.context.exchange.refs.risk_state;
        let (risk, clock) = tokio::try_join!(
            connection.fetch::<RiskState>(&risk_state),
            connection.clock()
        )?;
        Ok(Sight {
            risk,
            clock,
            account,
        })
    }

    /// Refreshes what the account's health needs before it is stale, and quoted prices all the time. What comes of it is
    /// seen in the next turn.
    async fn refresh(&self, sight: &Sight) -> Result<()> {
        if !self.config.refresh {
            return Ok(());
        }
        let exchange = &self.context.exchange;
        let (risk, clock) = (&sight.risk, sight.clock);
        let mut due = Entries::of(&sight.account).due(risk, clock, Freshness::TRADE);
        let now_ms = clock.unix_time.saturating_mul(1_000);
        let old = |price: &&EntryPrice| now_ms.saturating_sub(price.published_ms) > PRICE_MS;
        let quoted = self.markets.iter();
        let prices = quoted.filter_map(|market| Some(&risk.market(market.index).ok()?.price));
        due.extend(sources(risk, prices.filter(old).map(|price| price.feed)));
        let sender = self.context.require_sender()?;
        let refreshes = exchange.refresh(&due, risk, clock, sender.version().await);
        for batch in sender.pack(refreshes).await {
            self.context.deliver("refresh", &batch, &[], &[]).await?;
        }
        Ok(())
    }

    /// Replaces the orders of a market when they are off, and takes them back while its price cannot be trusted.
    async fn quote(&self, market: &ListedMarket, sight: &Sight, only_reduce: bool) -> Result<()> {
        let entry = sight.risk.market(market.index)?;
        let resting = resting(&sight.account, market.index);
        let wanted = match self.view(market, entry, sight) {
            Some(view) => wanted(&view, &self.config, only_reduce),
            None => Vec::new(),
        };
        let now = sight.clock.unix_time;
        let orders = self.metrics.resting.with_label_values(&[&market.name]);
        orders.set(i64::try_from(resting.len()).unwrap_or(i64::MAX));
        if is_near(&wanted, &resting, &self.config, now) {
            return Ok(());
        }
        self.replace(market, &wanted, !resting.is_empty(), now)
            .await
    }

    /// The market as it is to be quoted; `None` while its price is stale or broken.
    fn view(&self, market: &ListedMarket, entry: &MarketRisk, sight: &Sight) -> Option<View> {
        let perp = sight.account.find_perp(market.index);
        let perp = perp.and_then(|slot| sight.account.perps.get(slot));
        let position = perp.map_or(0, |perp| perp.position.0);
        let least = market.market.params.min_order_notional;
        let view = View::new(entry, QUOTE_DECIMALS, least, position)?;
        let value = self.metrics.position.with_label_values(&[&market.name]);
        value.set(position as f64 * view.lot_value);
        let clock = health::clock_of(&sight.risk, &sight.clock.sysvar());
        let trusted = entry.price.is_fresh(&clock, Purpose::Trade);
        trusted.then_some(view)
    }

    /// Takes all orders of a market back and places others, in one transaction where it fits. When that is refused, the
    /// old orders are at wrong prices all the same, and go.
    async fn replace(
        &self,
        market: &ListedMarket,
        quotes: &[Quote],
        any_rests: bool,
        now: i64,
    ) -> Result<()> {
        let cancel = self.cancel(std::slice::from_ref(market));
        let mut instructions = Vec::new();
        if any_rests {
            instructions.push(cancel.clone());
        }
        let expiry = now.saturating_add(i64::from(self.config.expiry));
        let expiry = u32::try_from(expiry).context("the chain's clock is beyond 2106")?;
        instructions.extend(quotes.iter().map(|q| self.place(market, q, expiry)));
        for batch in self.context.require_sender()?.pack(instructions).await {
            let delivery = self.send("quote", &batch).await;
            let landed = delivery.as_ref().is_ok_and(Delivery::is_landed);
            let outcome = if landed { "placed" } else { "refused" };
            let labels = [market.name.as_str(), outcome];
            self.metrics.replaced.with_label_values(&labels).inc();
            if !landed {
                if let Ok(Delivery::Refused(reason)) = &delivery {
                    let (market, reason) = (&market.name, reason.name());
                    tracing::info!(market, reason, "orders were refused, the old ones go");
                }
                if any_rests {
                    self.send("cancel", std::slice::from_ref(&cancel)).await?;
                }
                return delivery.map(|_| ());
            }
        }
        Ok(())
    }

    async fn send(&self, action: &'static str, instructions: &[Instruction]) -> Result<Delivery> {
        let signers = [&*self.keypair];
        self.context
            .deliver(action, instructions, &signers, UNPLACED)
            .await
    }

    fn place(&self, market: &ListedMarket, quote: &Quote, expiry: u32) -> Instruction {
        let terms = OrderTerms {
            side: quote.side,
            price: quote.price,
            lots: quote.lots,
            kind: OrderType::PostOnlySlide,
            max_quote: None,
            reduce_only: quote.reduce_only,
            expiry,
            client_id: 0,
            self_trade: SelfTradeBehavior::CancelProvide,
            max_fills: 8,
        };
        let refs = &self.context.exchange.refs;
        let trader = self.keypair.pubkey();
        let order = place_order(refs, trader, self.account, &market.refs, terms, &[]);
        self.signed(order)
    }

    fn cancel(&self, markets: &[ListedMarket]) -> Instruction {
        let markets: Vec<_> = markets.iter().map(|market| market.refs).collect();
        let key = self.keypair.pubkey();
        let cancel = cancel_orders(key, self.account, &markets, None, u8::MAX);
        self.signed(cancel)
    }

    /// The instruction, with the delegation where the keypair is only a delegate's.
    fn signed(&self, instruction: Instruction) -> Instruction {
        match self.is_delegate {
            true => by_delegate(instruction, self.account, self.keypair.pubkey()),
            false => instruction,
        }
    }

    /// Takes all orders back; whatever an outage leaves expires by itself.
    pub async fn leave(&self) {
        let (_trigger, patience) = crate::shutdown::channel();
        let cancel = [self.cancel(&self.markets)];
        let leaving = until_done("cancel", &patience, || self.send("cancel", &cancel));
        match tokio::time::timeout(LEAVE_WITHIN, leaving).await {
            Ok(_) => tracing::info!(account = %self.account, "all orders taken back"),
            Err(_) => tracing::warn!(
                account = %self.account,
                expiry = self.config.expiry,
                "orders could not be taken back, they expire"
            ),
        }
    }
}

/// The account's orders in a market.
fn resting(account: &MarginAccount, market: u16) -> Vec<OpenOrder> {
    let orders = account.orders.iter();
    orders
        .filter(|order| !order.is_free() && order.market == market)
        .copied()
        .collect()
}
