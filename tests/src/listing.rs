//! Setting the exchange up: creation, listing, markets, refreshes.
use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::{
    state::{market::ContractTerms, Book, FillQueueAccount, OracleSources, RiskState},
    Change,
};
use plimsoll_client::{
    instructions::{self as ix, FeedRef, RefreshEntry},
    AssetRef, ExchangeRef, Proposal,
};
use plimsoll_risk::{AssetParams, FeedLimits, MarketParams};
use solana_signer::Signer;

use crate::{env::ListedAsset, params::feed_limits, Env, ListedMarket, TxOutcome};

/// The oracle configuration of an asset.
pub fn oracles(asset: &ListedAsset) -> OracleSources {
    OracleSources {
        primary: asset.primary.source,
        fallback: asset.fallback.map(|f| f.source).unwrap_or_default(),
    }
}

impl Env {
    /// Creates an exchange of the environment's authority and grows its risk state.
    pub async fn create_exchange(&mut self, id: u16, quote: &AssetRef, delay: u64) -> ExchangeRef {
        let authority = self.authority();
        let exchange = ExchangeRef::new(id);
        let mut instructions = vec![ix::create_exchange(
            id,
            authority.pubkey(),
            quote.mint,
            quote.token_program,
            self.guardian.pubkey(),
            delay,
        )];
        let extend = ix::extend_account(authority.pubkey(), exchange.risk_state);
        instructions.extend(vec![extend; ix::extensions_needed(RiskState::SPACE)]);
        self.run(&instructions, &[&authority]).await;
        exchange
    }

    /// Publishes the asset's price and lists it, with a feed of its own, in the environment's exchange.
    pub async fn list(&mut self, asset: ListedAsset, params: AssetParams) {
        let known = self
            .assets
            .iter()
            .position(|a| a.asset.mint == asset.asset.mint);
        let index = known.unwrap_or(self.assets.len());
        if known.is_none() {
            self.assets.push(asset);
        }
        self.set_price(index, asset.usd).await;
        let feed = self.list_feed(&asset, feed_limits()).await;
        self.assets[index].feed = feed;
        let authority = self.authority();
        let refresh = ix::refresh(&self.exchange, &[self.feed_entry(index)]);
        let list = ix::list_asset(
            &self.exchange,
            authority.pubkey(),
            &asset.asset,
            params,
            feed,
            None,
        );
        self.run(&[refresh, list], &[&authority]).await;
    }

    /// Lists a feed with an asset's sources; returns its number.
    pub async fn list_feed(&mut self, asset: &ListedAsset, limits: FeedLimits) -> u8 {
        let authority = self.authority();
        let index = self.risk().await.feed_count;
        let list = ix::list_feed(
            &self.exchange,
            authority.pubkey(),
            [0; 16],
            oracles(asset),
            limits,
            None,
        );
        self.run(&[list], &[&authority]).await;
        index
    }

    /// Creates a market on an asset's feed, whose price it publishes first, and grows its book and fill queue.
    pub async fn open_market(
        &mut self,
        underlying: usize,
        terms: ContractTerms,
        params: MarketParams,
    ) {
        let authority = self.authority();
        self.set_price(underlying, self.assets[underlying].usd)
            .await;
        let refresh = ix::refresh(&self.exchange, &[self.feed_entry(underlying)]);
        let asset = self.assets[underlying];
        let market = self.exchange.market(self.markets.len() as u16);
        let create = ix::create_market(
            &self.exchange,
            authority.pubkey(),
            &market,
            terms,
            params,
            asset.feed,
            None,
        );
        self.run(&[refresh, create], &[&authority]).await;
        let extend = |account| ix::extend_account(authority.pubkey(), account);
        let mut growth = vec![extend(market.book); ix::extensions_needed(Book::SPACE)];
        let queue_steps = ix::extensions_needed(FillQueueAccount::SPACE);
        growth.extend(vec![extend(market.fill_queue); queue_steps]);
        self.run(&growth, &[&authority]).await;
        self.markets.push(ListedMarket { market, underlying });
    }

    /// An asset's feed, from its primary source.
    pub fn feed_entry(&self, asset: usize) -> RefreshEntry {
        let listed = &self.assets[asset];
        RefreshEntry::Feed(FeedRef {
            index: listed.feed,
            account: listed.primary.account,
            is_fallback: false,
        })
    }

    /// An asset's feed, from its fallback.
    pub fn fallback_entry(&self, asset: usize) -> RefreshEntry {
        let listed = &self.assets[asset];
        RefreshEntry::Feed(FeedRef {
            index: listed.feed,
            account: listed.fallback.expect("a fallback").account,
            is_fallback: true,
        })
    }

    /// An asset's feed and its bank.
    pub fn asset_entry(&self, asset: usize) -> [RefreshEntry; 2] {
        let bank = RefreshEntry::Bank(self.assets[asset].asset);
        [self.feed_entry(asset), bank]
    }

    /// A market's feed and the market.
    pub fn market_entry(&self, market: usize) -> [RefreshEntry; 2] {
        let listed = &self.markets[market];
        let market = RefreshEntry::Market(listed.market);
        [self.feed_entry(listed.underlying), market]
    }

    /// Refreshes some entries from what their feeds say now.
    pub async fn refresh(&mut self, entries: &[RefreshEntry]) -> TxOutcome {
        let refresh = ix::refresh(&self.exchange, entries);
        self.run(&[refresh], &[]).await
    }

    /// Publishes every asset's last price again, now, and refreshes every entry.
    pub async fn refresh_all(&mut self) {
        for asset in 0..self.assets.len() {
            self.set_price(asset, self.assets[asset].usd).await;
        }
        let assets = (0..self.assets.len()).flat_map(|a| self.asset_entry(a));
        let markets = (0..self.markets.len()).flat_map(|m| self.market_entry(m));
        let entries: Vec<RefreshEntry> = assets.chain(markets).collect();
        self.refresh(&entries).await;
    }

    /// Moves an asset's price and refreshes its feed and bank, and the markets on its feed.
    pub async fn move_price(&mut self, asset: usize, usd: f64) {
        self.set_price(asset, usd).await;
        let entries = self.followers(&[asset]);
        self.refresh(&entries).await;
    }

    /// Publishes the last prices of some assets again, now, and refreshes their feeds and whatever follows these; every other
    /// price is as old as it was.
    pub async fn refresh_only(&mut self, assets: &[usize]) {
        for asset in assets {
            self.set_price(*asset, self.assets[*asset].usd).await;
        }
        let entries = self.followers(assets);
        self.refresh(&entries).await;
    }

    /// The feeds and banks of some assets, and the markets on these feeds.
    pub fn followers(&self, assets: &[usize]) -> Vec<RefreshEntry> {
        let banks = assets.iter().flat_map(|a| self.asset_entry(*a));
        let markets =
            (0..self.markets.len()).filter(|m| assets.contains(&self.markets[*m].underlying));
        banks
            .chain(markets.flat_map(|m| self.market_entry(m)))
            .collect()
    }
}

impl Env {
    /// The instruction that changes an asset's parameters, without a proposal.
    pub async fn edit_asset_ix(
        &self,
        asset: usize,
        change: impl FnOnce(&mut AssetParams),
    ) -> Instruction {
        let mut params = self.bank(asset).await.params;
        change(&mut params);
        let listed = self.assets[asset];
        let authority = self.authority.pubkey();
        ix::edit_asset(
            &self.exchange,
            authority,
            &listed.asset,
            params,
            listed.feed,
            None,
        )
    }

    /// The instruction that changes the limits of an asset's feed, without a proposal.
    pub async fn edit_feed_ix(
        &self,
        asset: usize,
        change: impl FnOnce(&mut FeedLimits),
    ) -> Instruction {
        let listed = self.assets[asset];
        let mut limits = self.risk().await.feeds[usize::from(listed.feed)].limits;
        change(&mut limits);
        let authority = self.authority.pubkey();
        ix::edit_feed(
            &self.exchange,
            authority,
            listed.feed,
            oracles(&listed),
            limits,
            None,
        )
    }

    /// Changes the limits of an asset's feed at once.
    pub async fn edit_feed(&mut self, asset: usize, change: impl FnOnce(&mut FeedLimits)) {
        let edit = self.edit_feed_ix(asset, change).await;
        let authority = self.authority();
        self.run(&[edit], &[&authority]).await;
    }

    /// Changes an asset's parameters at once: the exchange must have no delay, or the change only tighten.
    pub async fn edit_asset(&mut self, asset: usize, change: impl FnOnce(&mut AssetParams)) {
        let edit = self.edit_asset_ix(asset, change).await;
        let authority = self.authority();
        self.run(&[edit], &[&authority]).await;
    }

    /// The instruction that changes a market's parameters, without a proposal.
    pub async fn edit_market_ix(
        &self,
        market: usize,
        change: impl FnOnce(&mut MarketParams),
    ) -> Instruction {
        let mut params = self.market(market).await.params;
        change(&mut params);
        let listed = self.markets[market];
        let authority = self.authority.pubkey();
        ix::edit_market(
            &self.exchange,
            authority,
            &listed.market,
            params,
            self.assets[listed.underlying].feed,
            None,
        )
    }

    /// Changes a market's parameters at once.
    pub async fn edit_market(&mut self, market: usize, change: impl FnOnce(&mut MarketParams)) {
        let edit = self.edit_market_ix(market, change).await;
        let authority = self.authority();
        self.run(&[edit], &[&authority]).await;
    }

    /// From now on loosenings wait this many seconds.
    pub async fn raise_delay(&mut self, secs: u64) {
        let authority = self.authority();
        let (key, guardian) = (authority.pubkey(), self.guardian.pubkey());
        let raise = ix::edit_exchange(&self.exchange, key, key, guardian, secs, None);
        self.run(&[raise], &[&authority]).await;
    }

    /// Proposes a change; returns it as its executor names it.
    pub async fn propose(&mut self, change: Change) -> Proposal {
        let authority = self.authority();
        let nonce = self.exchange_state().await.change_nonce;
        let proposer = authority.pubkey();
        let propose = ix::propose_change(&self.exchange, proposer, nonce, change);
        self.run(&[propose], &[&authority]).await;
        Proposal { nonce, proposer }
    }

    /// Sets the mode of the exchange, as its authority.
    pub async fn set_exchange_mode(&mut self, mode: u8) {
        let authority = self.authority();
        let set = ix::set_exchange_mode(&self.exchange, authority.pubkey(), mode, None);
        self.run(&[set], &[&authority]).await;
    }

    /// Sets the mode of an asset, as the authority.
    pub async fn set_asset_mode(&mut self, asset: usize, mode: u8) {
        let authority = self.authority();
        let asset = self.assets[asset].asset;
        let set = ix::set_asset_mode(&self.exchange, authority.pubkey(), &asset, mode, None);
        self.run(&[set], &[&authority]).await;
    }

    /// Sets the mode of a market, as the authority.
    pub async fn set_market_mode(&mut self, market: usize, mode: u8) {
        let authority = self.authority();
        let market = self.markets[market].market;
        let set = ix::set_market_mode(&self.exchange, authority.pubkey(), &market, mode, None);
        self.run(&[set], &[&authority]).await;
    }
}
