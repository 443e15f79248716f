//! Setting the exchange up: creation, listing, markets, refreshes.
use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::{
    state::{market::ContractTerms, Book, FillQueueAccount, OracleSources, RiskState},
    Change,
};
use plimsoll_client::{
    instructions::{self as ix, RefreshEntry},
    AssetRef, ExchangeRef, Proposal,
};
use plimsoll_risk::{AssetParams, MarketParams};
use solana_signer::Signer;

use crate::{env::ListedAsset, Env, ListedMarket, TxOutcome};

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

    /// Publishes the asset's price and lists it in the environment's exchange.
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
        let authority = self.authority();
        let list = ix::list_asset(
            &self.exchange,
            authority.pubkey(),
            &asset.asset,
            asset.primary.account,
            params,
            oracles(&asset),
            None,
        );
        self.run(&[list], &[&authority]).await;
    }

    /// Creates a market on an asset's feeds and grows its book and fill queue.
    pub async fn open_market(
        &mut self,
        underlying: usize,
        terms: ContractTerms,
        params: MarketParams,
    ) {
        let authority = self.authority();
        let asset = self.assets[underlying];
        let market = self.exchange.market(self.markets.len() as u16);
        let create = ix::create_market(
            &self.exchange,
            authority.pubkey(),
            &market,
            asset.primary.account,
            terms,
            params,
            oracles(&asset),
            None,
        );
        self.run(&[create], &[&authority]).await;
        let extend = |account| ix::extend_account(authority.pubkey(), account);
        let mut growth = vec![extend(market.book); ix::extensions_needed(Book::SPACE)];
        let queue_steps = ix::extensions_needed(FillQueueAccount::SPACE);
        growth.extend(vec![extend(market.fill_queue); queue_steps]);
        self.run(&growth, &[&authority]).await;
        self.markets.push(ListedMarket { market, underlying });
    }

    /// The refresh group of an asset.
    pub fn asset_entry(&self, asset: usize) -> RefreshEntry {
        let listed = &self.assets[asset];
        RefreshEntry::Asset {
            asset: listed.asset,
            oracle: listed.primary.account,
            fallback: listed.fallback.map(|f| f.account),
        }
    }

    /// The refresh group of a market.
    pub fn market_entry(&self, market: usize) -> RefreshEntry {
        let listed = &self.markets[market];
        let feeds = &self.assets[listed.underlying];
        RefreshEntry::Market {
            market: listed.market,
            oracle: feeds.primary.account,
            fallback: feeds.fallback.map(|f| f.account),
        }
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
        let assets = (0..self.assets.len()).map(|a| self.asset_entry(a));
        let markets = (0..self.markets.len()).map(|m| self.market_entry(m));
        let entries: Vec<RefreshEntry> = assets.chain(markets).collect();
        self.refresh(&entries).await;
    }

    /// Moves an asset's price and refreshes its entry, and those of the markets on its feed.
    pub async fn move_price(&mut self, asset: usize, usd: f64) {
        self.set_price(asset, usd).await;
        let mut entries = vec![self.asset_entry(asset)];
        let markets = (0..self.markets.len()).filter(|m| self.markets[*m].underlying == asset);
        entries.extend(markets.map(|m| self.market_entry(m)));
        self.refresh(&entries).await;
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
        let oracles = oracles(&listed);
        ix::edit_asset(
            &self.exchange,
            authority,
            &listed.asset,
            params,
            oracles,
            None,
        )
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
        let oracles = oracles(&self.assets[listed.underlying]);
        ix::edit_market(
            &self.exchange,
            authority,
            &listed.market,
            params,
            oracles,
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
