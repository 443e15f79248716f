//! The live description of an exchange: the directory checked against the chain, and the remaining accounts that
//! instructions need, worked out.
use std::{collections::BTreeSet, sync::Arc};

use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::{
    liquidation::MAX_REFRESH_SLOTS,
    matching::Side,
    orders::terms::OrderTerms,
    state::{
        market::ContractTerms, Bank, Book, FillQueueAccount, MarginAccount, Market, RiskState,
    },
};
use plimsoll_risk::PriceState;

use super::{
    connection::{ChainClock, Connection, ReadError},
    needs,
};
use crate::{
    directory::{Directory, DirectoryAsset, DirectoryMarket},
    instructions::{self as ix, RefreshEntry},
    AssetRef, ExchangeRef, MarketRef,
};

pub use super::needs::MAX_MAKERS;

/// An exchange as its directory and the chain describe it. Share it in an `Arc`.
#[derive(Clone)]
pub struct Exchange {
    pub refs: ExchangeRef,
    pub directory: Directory,
    /// In the order of their entries in the risk state; the quote asset first.
    pub assets: Vec<ListedAsset>,
    /// In the order of their entries.
    pub markets: Vec<ListedMarket>,
}

/// A listed asset.
#[derive(Clone)]
pub struct ListedAsset {
    pub index: u16,
    pub symbol: String,
    pub decimals: u8,
    pub refs: AssetRef,
    /// Price account.
    pub oracle: Pubkey,
    /// Price account of the fallback feed.
    pub fallback: Option<Pubkey>,
    /// Parameters, and totals as they were when this was loaded.
    pub bank: Arc<Bank>,
}

/// A market.
#[derive(Clone)]
pub struct ListedMarket {
    pub index: u16,
    pub name: String,
    /// Symbol of the underlying.
    pub base: String,
    pub refs: MarketRef,
    /// Lots and price lots.
    pub terms: ContractTerms,
    /// Price account.
    pub oracle: Pubkey,
    /// Price account of the fallback feed.
    pub fallback: Option<Pubkey>,
    /// Parameters, and the rest as it was when this was loaded.
    pub market: Arc<Market>,
}

/// An asset or market that the directory does not list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotListed {
    what: &'static str,
    name: String,
}

impl core::fmt::Display for NotListed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the directory lists no {} {}", self.what, self.name)
    }
}

impl std::error::Error for NotListed {}

/// Why an exchange could not be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// An account of it could not be read.
    Read(ReadError),
    /// Directory and chain disagree.
    Mismatch(String),
}

impl core::fmt::Display for LoadError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot load the exchange: {error}"),
            Self::Mismatch(what) => write!(f, "the directory does not match the chain: {what}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<ReadError> for LoadError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Entries of the risk state, by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    pub assets: BTreeSet<u16>,
    pub markets: BTreeSet<u16>,
}

impl Entries {
    /// The entries that an account's health is made of: assets it holds or owes, markets with a position or orders.
    pub fn of(account: &MarginAccount) -> Self {
        let balances = account.balances.iter();
        let perps = account.perps.iter();
        Self {
            assets: balances
                .filter(|b| !b.is_free() && !b.shares.is_zero())
                .map(|b| b.asset)
                .collect(),
            markets: perps.filter(|p| !p.is_free()).map(|p| p.market).collect(),
        }
    }

    /// With one more asset.
    #[must_use]
    pub fn and_asset(mut self, index: u16) -> Self {
        self.assets.insert(index);
        self
    }

    /// With one more market.
    #[must_use]
    pub fn and_market(mut self, index: u16) -> Self {
        self.markets.insert(index);
        self
    }

    /// With all of `other`.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.assets.extend(other.assets);
        self.markets.extend(other.markets);
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.assets.is_empty() && self.markets.is_empty()
    }

    /// Those of them that are due for a refresh.
    #[must_use]
    pub fn due(&self, risk: &RiskState, clock: ChainClock, freshness: Freshness) -> Self {
        let assets = self.assets.iter().filter(|i| {
            risk.asset(**i)
                .is_ok_and(|e| freshness.is_due(&e.price, e.max_age_secs, e.max_age_slots, clock))
        });
        let markets = self.markets.iter().filter(|i| {
            risk.market(**i)
                .is_ok_and(|e| freshness.is_due(&e.price, e.max_age_secs, e.max_age_slots, clock))
        });
        Self {
            assets: assets.copied().collect(),
            markets: markets.copied().collect(),
        }
    }
}

/// How fresh an entry has to be to be left alone. What is close to its limit is refreshed too: a transaction lands some
/// slots after it was put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Most slots since an entry's refresh, if the entry's own limit is not lower.
    pub max_refresh_slots: u32,
    /// Slots that a transaction may take to land.
    pub spare_slots: u64,
    /// The same in seconds of the oracle's age.
    pub spare_secs: i64,
}

impl Freshness {
    /// What orders, withdrawals and transfers need.
    pub const TRADE: Self = Self {
        max_refresh_slots: u32::MAX,
        spare_slots: 32,
        spare_secs: 13,
    };
    /// What a liquidation needs: it counts entries older than a few slots as stale, in the account's favour.
    pub const LIQUIDATION: Self = Self {
        max_refresh_slots: MAX_REFRESH_SLOTS,
        spare_slots: 12,
        spare_secs: 13,
    };

    fn is_due(self, price: &PriceState, secs: u32, slots: u32, clock: ChainClock) -> bool {
        let now = clock.unix_time.saturating_add(self.spare_secs);
        let slot = clock.slot.saturating_add(self.spare_slots);
        !price.is_fresh(now, slot, secs, slots.min(self.max_refresh_slots))
    }
}

/// What has to precede or accompany a liquidation of an account.
#[derive(Clone, Debug, Default)]
pub struct LiquidationNeeds {
    /// Refreshes of the entries that either party's health needs and that are due.
    pub refresh: Vec<Instruction>,
    /// Settlement of the account's fills that wait: they belong to it before anything is seized.
    pub settle: Vec<Instruction>,
    /// Where its orders rest, for [`ix::Liquidation::cancel_in`].
    pub cancel_in: Vec<MarketRef>,
}

impl Exchange {
    /// Reads what a directory names and checks both against each other. What is listed on chain and not in the directory
    /// is left out, with a warning: it has no known oracle account.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load(connection: &Connection, directory: Directory) -> Result<Self, LoadError> {
        let refs = ExchangeRef::at(directory.exchange);
        let risk: Box<RiskState> = connection.fetch(&refs.risk_state).await?;
        listed("asset", risk.asset_count, directory.assets.len())?;
        listed("market", risk.market_count, directory.markets.len())?;

        let named = directory.assets.iter();
        let addresses: Vec<_> = named
            .map(|a| refs.asset(a.mint, a.token_program).bank)
            .collect();
        let banks = connection.fetch_many::<Bank>(&addresses).await?;
        let assets = directory.assets.iter().zip(addresses).zip(banks);
        let assets = assets
            .map(|((asset, at), bank)| {
                listed_asset(&refs, asset, bank.ok_or(ReadError::Missing(at))?)
            })
            .collect::<Result<_, LoadError>>()?;

        let named = directory.markets.iter();
        let addresses: Vec<_> = named.map(|m| refs.market(m.index).address).collect();
        let markets = connection.fetch_many::<Market>(&addresses).await?;
        let markets = directory.markets.iter().zip(addresses).zip(markets);
        let markets = markets
            .map(|((market, at), found)| {
                listed_market(&refs, market, found.ok_or(ReadError::Missing(at))?)
            })
            .collect::<Result<_, LoadError>>()?;
        Ok(Self {
            refs,
            directory,
            assets,
            markets,
        })
    }

    /// An asset by its index.
    ///
    /// # Errors
    /// [`NotListed`].
    pub fn asset(&self, index: u16) -> Result<&ListedAsset, NotListed> {
        self.assets
            .get(usize::from(index))
            .ok_or_else(|| not_listed("asset", index))
    }

    /// A market by its index.
    ///
    /// # Errors
    /// [`NotListed`].
    pub fn market(&self, index: u16) -> Result<&ListedMarket, NotListed> {
        self.markets
            .get(usize::from(index))
            .ok_or_else(|| not_listed("market", index))
    }

    /// An asset by its symbol, letter case aside.
    ///
    /// # Errors
    /// [`NotListed`].
    pub fn asset_named(&self, symbol: &str) -> Result<&ListedAsset, NotListed> {
        let mut assets = self.assets.iter();
        assets
            .find(|a| a.symbol.eq_ignore_ascii_case(symbol))
            .ok_or_else(|| not_listed("asset", symbol))
    }

    /// A market by its name, letter case aside.
    ///
    /// # Errors
    /// [`NotListed`].
    pub fn market_named(&self, name: &str) -> Result<&ListedMarket, NotListed> {
        let mut markets = self.markets.iter();
        markets
            .find(|m| m.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| not_listed("market", name))
    }

    /// The quote asset.
    ///
    /// # Errors
    /// [`NotListed`], never for an exchange that was loaded.
    pub fn quote(&self) -> Result<&ListedAsset, NotListed> {
        self.asset(0)
    }

    /// Every entry of the directory.
    pub fn all_entries(&self) -> Entries {
        Entries {
            assets: self.assets.iter().map(|a| a.index).collect(),
            markets: self.markets.iter().map(|m| m.index).collect(),
        }
    }

    /// Refreshes of these entries, a handful to an instruction, so that each fits into a transaction with a trade;
    /// [`super::Sender::pack`] puts as many into one as go in. Unlisted entries are left out.
    pub fn refresh(&self, entries: &Entries) -> Vec<Instruction> {
        let assets = entries.assets.iter().filter_map(|i| self.asset(*i).ok());
        let markets = entries.markets.iter().filter_map(|i| self.market(*i).ok());
        let all = assets
            .map(ListedAsset::refresh_entry)
            .chain(markets.map(ListedMarket::refresh_entry));
        needs::groups(all.collect())
            .iter()
            .map(|group| ix::refresh(&self.refs, group))
            .collect()
    }

    /// Refreshes of all that an account's health needs, and of `more`.
    pub fn refresh_for(&self, account: &MarginAccount, more: &Entries) -> Vec<Instruction> {
        self.refresh(&Entries::of(account).and(more.clone()))
    }

    /// Refreshes of what is due of that.
    pub fn refresh_due(
        &self,
        account: &MarginAccount,
        more: &Entries,
        risk: &RiskState,
        clock: ChainClock,
        freshness: Freshness,
    ) -> Vec<Instruction> {
        let all = Entries::of(account).and(more.clone());
        self.refresh(&all.due(risk, clock, freshness))
    }

    /// The margin accounts whose resting orders an order of `taker` would meet, best first, at most `limit`
    /// ([`MAX_MAKERS`] fit into a transaction with a few refreshes). Passing them to [`ix::place_order`] settles their
    /// fills in place.
    pub fn makers_for(
        &self,
        order: &OrderTerms,
        taker: &Pubkey,
        book: &Book,
        limit: usize,
    ) -> Vec<Pubkey> {
        let side = Side::from(order.side);
        needs::makers(
            order,
            taker,
            book.orders.side(side.opposite()).iter(),
            limit,
        )
    }

    /// The margin accounts for which something waits in a market's fill queue, longest waiting first.
    pub fn waiting(queue: &FillQueueAccount) -> Vec<Pubkey> {
        let mut seen = BTreeSet::new();
        let makers = queue.queue.entries().iter().map(|entry| entry.maker);
        makers
            .filter(|maker| seen.insert(*maker))
            .map(Pubkey::new_from_array)
            .collect()
    }

    /// What has to come with a liquidation of `account` by `liquidator`. `queues` are those of the markets that the
    /// account is in.
    pub fn liquidation_needs<'a>(
        &self,
        (address, account): (&Pubkey, &MarginAccount),
        liquidator: &MarginAccount,
        risk: &RiskState,
        queues: impl IntoIterator<Item = &'a FillQueueAccount>,
        clock: ChainClock,
    ) -> LiquidationNeeds {
        let entries = Entries::of(account).and(Entries::of(liquidator));
        let mut settle = Vec::new();
        for queue in queues {
            let mut waiting = queue.queue.entries().iter();
            let count = waiting.by_ref().filter(|e| e.maker == address.to_bytes());
            let count = u16::try_from(count.count()).unwrap_or(u16::MAX);
            if let (1.., Ok(market)) = (count, self.market(queue.index)) {
                settle.push(ix::settle_fills(&market.refs, &[*address], count));
            }
        }
        let with_orders = account
            .perps
            .iter()
            .filter(|p| !p.is_free() && p.order_mask != 0);
        LiquidationNeeds {
            refresh: self.refresh(&entries.due(risk, clock, Freshness::LIQUIDATION)),
            settle,
            cancel_in: with_orders
                .filter_map(|p| self.market(p.market).ok())
                .map(|m| m.refs)
                .collect(),
        }
    }
}

impl ListedAsset {
    /// What `refresh` needs for this entry.
    pub fn refresh_entry(&self) -> RefreshEntry {
        RefreshEntry::Asset {
            asset: self.refs,
            oracle: self.oracle,
            fallback: self.fallback,
        }
    }
}

impl ListedMarket {
    /// What `refresh` needs for this entry.
    pub fn refresh_entry(&self) -> RefreshEntry {
        RefreshEntry::Market {
            market: self.refs,
            oracle: self.oracle,
            fallback: self.fallback,
        }
    }

    /// Whole units of the underlying in one lot.
    pub fn base_per_lot(&self) -> f64 {
        self.terms.base_lot_size as f64 / 10f64.powi(i32::from(self.terms.base_decimals))
    }

    /// Whole units of quote, whose decimals these are, per whole unit of the underlying in one price lot.
    pub fn price_per_lot(&self, quote_decimals: u8) -> f64 {
        let tick = self.terms.tick as f64 / 10f64.powi(i32::from(quote_decimals));
        tick / self.base_per_lot()
    }
}

fn not_listed(what: &'static str, name: impl ToString) -> NotListed {
    NotListed {
        what,
        name: name.to_string(),
    }
}

fn listed(what: &str, on_chain: u16, named: usize) -> Result<(), LoadError> {
    let on_chain = usize::from(on_chain);
    if named > on_chain {
        return Err(LoadError::Mismatch(format!(
            "it names {named} {what}s, the exchange has {on_chain}"
        )));
    }
    if named < on_chain {
        tracing::warn!("the directory names {named} of the exchange's {on_chain} {what}s");
    }
    Ok(())
}

fn agree<T: PartialEq + core::fmt::Display>(
    what: String,
    named: T,
    on_chain: T,
) -> Result<(), LoadError> {
    if named == on_chain {
        return Ok(());
    }
    Err(LoadError::Mismatch(format!(
        "{what} is {named} there and {on_chain} on chain"
    )))
}

fn listed_asset(
    refs: &ExchangeRef,
    named: &DirectoryAsset,
    bank: Box<Bank>,
) -> Result<ListedAsset, LoadError> {
    let of = |part: &str| format!("the {part} of {}", named.symbol);
    agree(of("index"), named.index, bank.index)?;
    agree(of("decimals"), named.decimals, bank.decimals)?;
    agree(of("token program"), named.token_program, bank.token_program)?;
    Ok(ListedAsset {
        index: named.index,
        symbol: named.symbol.clone(),
        decimals: named.decimals,
        refs: refs.asset(named.mint, named.token_program),
        oracle: named.oracle,
        fallback: named.fallback,
        bank: Arc::from(bank),
    })
}

fn listed_market(
    refs: &ExchangeRef,
    named: &DirectoryMarket,
    market: Box<Market>,
) -> Result<ListedMarket, LoadError> {
    let name = String::from_utf8_lossy(&market.terms.name);
    let on_chain = name.trim_end_matches('\0');
    let what = format!("the name of market {}", named.index);
    agree(what, named.name.as_str(), on_chain)?;
    Ok(ListedMarket {
        index: named.index,
        name: named.name.clone(),
        base: named.base.clone(),
        refs: refs.market(named.index),
        terms: market.terms,
        oracle: named.oracle,
        fallback: named.fallback,
        market: Arc::from(market),
    })
}
