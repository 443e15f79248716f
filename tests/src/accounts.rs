//! Reading the exchange's accounts.
use anchor_lang::{prelude::Pubkey, AccountDeserialize, Discriminator, ZeroCopy};
use plimsoll::state::{
    Bank, Book, Exchange, FillQueueAccount, MarginAccount, Market, PendingChange, RiskState,
};
use plimsoll_client::{addresses, decode};
use plimsoll_risk::AssetRisk;

use crate::Env;

impl Env {
    /// A zero-copy account of the program.
    pub async fn read<T: ZeroCopy + Discriminator>(&self, address: Pubkey) -> Box<T> {
        let account = self
            .find_account(address)
            .await
            .expect("the account exists");
        assert_eq!(account.owner, plimsoll::ID);
        decode(&account.data).expect("an account of this kind")
    }

    pub async fn exchange_state(&self) -> Box<Exchange> {
        self.read(self.exchange.address).await
    }

    pub async fn risk(&self) -> Box<RiskState> {
        self.read(self.exchange.risk_state).await
    }

    /// The risk entry of an asset.
    pub async fn entry(&self, asset: usize) -> AssetRisk {
        self.risk().await.assets[asset]
    }

    pub async fn bank(&self, asset: usize) -> Box<Bank> {
        self.read(self.assets[asset].asset.bank).await
    }

    pub async fn market(&self, market: usize) -> Box<Market> {
        self.read(self.markets[market].market.address).await
    }

    pub async fn book(&self, market: usize) -> Box<Book> {
        self.read(self.markets[market].market.book).await
    }

    pub async fn fill_queue(&self, market: usize) -> Box<FillQueueAccount> {
        self.read(self.markets[market].market.fill_queue).await
    }

    pub async fn margin(&self, margin_account: Pubkey) -> Box<MarginAccount> {
        self.read(margin_account).await
    }

    /// A proposal that has not been executed or cancelled.
    pub async fn pending_change(&self, nonce: u64) -> Option<PendingChange> {
        let address = addresses::pending_change(&self.exchange.address, nonce);
        let account = self.find_account(address).await?;
        PendingChange::try_deserialize(&mut &account.data[..]).ok()
    }

    /// Native units of an asset in a margin account, by its bank's indices: negative for a debt.
    pub async fn balance(&self, margin_account: Pubkey, asset: usize) -> i64 {
        let indices = self.bank(asset).await.indices();
        let account = self.margin(margin_account).await;
        let slot = account.find_balance(asset as u16);
        slot.map_or(0, |s| account.balances[s].native(indices).expect("fits"))
    }
}
