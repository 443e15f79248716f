//! The live description of an exchange: the directory checked against the chain, and the remaining accounts that
//! instructions need, worked out.
use std::sync::Arc;

use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::{
    matching::Side,
    orders::terms::OrderTerms,
    state::{
        market::ContractTerms, Bank, Book, FillQueueAccount, MarginAccount, Market, RiskState,
    },
};

use super::{
    connection::{ChainClock, Connection, ReadError},
    entries::{needs_fallback, Entries, Feeds, Freshness},
    needs,
};
use crate::{
    directory::{Directory, DirectoryAsset, DirectoryFeed, DirectoryMarket},
    instructions::{self as ix, FeedRef, RefreshEntry},
    transaction::Version,
    AssetRef, ExchangeRef, MarketRef,
};

/// An exchange as its directory and the chain describe it. Share it in an `Arc`.
#[derive(Clone)]
pub struct Exchange {
    pub refs: ExchangeRef,
    pub directory: Directory,
    /// In the order of their numbers in the risk state.
    pub feeds: Vec<DirectoryFeed>,
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
    /// Parameters, and the rest as it was when this was loaded.
    pub market: Arc<Market>,
}

/// A feed, asset or market that the directory does not list.
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

impl Exchange {
    /// Reads what a directory names and checks both against each other. What is listed on chain and not in the directory
    /// is left out, with a warning: where its prices are is not known.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load(connection: &Connection, directory: Directory) -> Result<Self, LoadError> {
        let refs = ExchangeRef::at(directory.exchange);
        let risk: Box<RiskState> = connection.fetch(&refs.risk_state).await?;
        listed("feed", risk.feed_count.into(), directory.feeds.len())?;
        listed("asset", risk.asset_count, directory.assets.len())?;
        listed("market", risk.market_count, directory.markets.len())?;
        for (named, feed) in directory.feeds.iter().zip(&risk.feeds) {
            let what = format!("the name of feed {}", named.index);
            agree(what, named.name.as_str(), &text(&feed.name))?;
        }

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
            feeds: directory.feeds.clone(),
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

    /// The accounts of a feed to refresh now: that of its primary source, and once that has long been silent that of the
    /// fallback as well. None of a feed that is not listed, or whose prices come in signed messages.
    pub fn feed_refs(&self, index: u8, risk: &RiskState, clock: ChainClock) -> Vec<FeedRef> {
        let Some(listed) = self.feeds.get(usize::from(index)) else {
            return Vec::new();
        };
        let silent = risk
            .feed(index)
            .is_ok_and(|feed| needs_fallback(feed, clock));
        let fallback = listed.fallback.filter(|_| silent);
        let with = |account: Option<Pubkey>, is_fallback| {
            account.map(|account| FeedRef {
                index,
                account,
                is_fallback,
            })
        };
        let both = [with(listed.account, false), with(fallback, true)];
        both.into_iter().flatten().collect()
    }

    /// Refreshes of these feeds, in instructions that take at most half of a transaction of this version each, so that what
    /// they are needed for can go along; [`super::Sender::pack`] puts as many into one as go in.
    pub fn refresh(
        &self,
        feeds: &Feeds,
        risk: &RiskState,
        clock: ChainClock,
        version: Version,
    ) -> Vec<Instruction> {
        let refs = feeds
            .iter()
            .flat_map(|feed| self.feed_refs(*feed, risk, clock));
        let units = refs.map(|feed| vec![RefreshEntry::Feed(feed)]);
        self.refresh_units(units.collect(), version)
    }

    /// Refreshes of anything, likewise; what stands in one unit goes into one instruction, as a market and its feed have to:
    /// funding advances at a price that is new in that very instruction.
    pub fn refresh_units(
        &self,
        units: Vec<Vec<RefreshEntry>>,
        version: Version,
    ) -> Vec<Instruction> {
        let refresh = |group: &[RefreshEntry]| ix::refresh(&self.refs, group);
        let passes = |group: &[RefreshEntry]| version.fits_half(&refresh(group));
        needs::groups(units, passes)
            .iter()
            .map(|group| refresh(group))
            .collect()
    }

    /// Refreshes of the feeds that are due of all that an account's health needs, and of `more`.
    pub fn refresh_due(
        &self,
        account: &MarginAccount,
        more: &Entries,
        risk: &RiskState,
        clock: ChainClock,
        freshness: Freshness,
        version: Version,
    ) -> Vec<Instruction> {
        let all = Entries::of(account).and(more.clone());
        self.refresh(&all.due(risk, clock, freshness), risk, clock, version)
    }

    /// The margin accounts whose resting orders an order of `taker` would meet, best first, at most `limit`: as many as
    /// there is [`super::Sender::room`] for. Passing them to [`ix::place_order`] settles their fills in place.
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
        needs::waiting(queue.queue.entries())
    }
}

impl ListedMarket {
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

/// A display name as the chain stores it.
fn text(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    name.trim_end_matches('\0').to_owned()
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
        bank: Arc::from(bank),
    })
}

fn listed_market(
    refs: &ExchangeRef,
    named: &DirectoryMarket,
    market: Box<Market>,
) -> Result<ListedMarket, LoadError> {
    let what = format!("the name of market {}", named.index);
    agree(what, named.name.as_str(), &text(&market.terms.name))?;
    Ok(ListedMarket {
        index: named.index,
        name: named.name.clone(),
        base: named.base.clone(),
        refs: refs.market(named.index),
        terms: market.terms,
        market: Arc::from(market),
    })
}
