//! Traders: keys with token accounts and margin accounts.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::state::{
    delegation::{scope, DelegateTerms},
    Delegation,
};
use plimsoll_client::{addresses, instructions as ix};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{usd, Env, TestError, TxOutcome};

/// Whole tokens of each asset that a trader starts with.
const WHOLE_TOKENS: u64 = 10_000_000;

/// A key with one margin account, and a token account for every asset.
pub struct Trader {
    pub key: Keypair,
    pub margin: Pubkey,
    /// By asset.
    pub tokens: Vec<Pubkey>,
}

impl Trader {
    pub fn pubkey(&self) -> Pubkey {
        self.key.pubkey()
    }
}

impl Env {
    /// A new trader with plenty of every token and margin account 0.
    pub async fn trader(&mut self) -> Trader {
        self.trader_of(Keypair::new()).await
    }

    /// The same, of a given key.
    pub async fn trader_of(&mut self, key: Keypair) -> Trader {
        self.fund(key.pubkey());
        let mut tokens = Vec::new();
        for listed in self.assets.clone() {
            let amount = WHOLE_TOKENS * 10u64.pow(u32::from(listed.decimals));
            let asset = listed.asset;
            tokens.push(self.create_token_account(
                asset.token_program,
                asset.mint,
                key.pubkey(),
                amount,
            ));
        }
        let margin = self.open_margin_account(&key, 0).await;
        Trader {
            key,
            margin,
            tokens,
        }
    }

    /// A trader who has deposited native units of assets.
    pub async fn trader_with(&mut self, deposits: &[(usize, u64)]) -> Trader {
        let trader = self.trader().await;
        for (asset, amount) in deposits {
            self.deposit(&trader, *asset, *amount)
                .await
                .expect("a deposit");
        }
        trader
    }

    /// Lets a key act for an account, on terms; gives it lamports.
    pub async fn delegate(&mut self, owner: &Trader, delegate: &Keypair, terms: DelegateTerms) {
        let (key, margin) = (owner.pubkey(), owner.margin);
        self.fund(delegate.pubkey());
        let set = ix::set_delegate(key, key, margin, delegate.pubkey(), terms);
        self.run(&[set], &[&owner.key]).await;
    }

    /// Terms of a delegate that may do anything in any market for a week, and lose so many US dollars a day.
    pub async fn anything(&self, loss_per_day: u64) -> DelegateTerms {
        DelegateTerms {
            scope: scope::ALL,
            markets: u64::MAX,
            expires_at: self.clock().await.unix_timestamp + 7 * 86_400,
            loss_per_day: usd(loss_per_day),
            rest_secs: 0,
            least_equity: 0,
        }
    }

    /// What a delegation says and has used up.
    pub async fn delegation(&self, of: &Trader, delegate: &Keypair) -> Box<Delegation> {
        let address = addresses::delegation(&of.margin, &delegate.pubkey());
        self.read(address).await
    }

    /// Opens a margin account of the environment's exchange.
    pub async fn open_margin_account(&mut self, owner: &Keypair, sub_account: u16) -> Pubkey {
        let (exchange, key) = (self.exchange, owner.pubkey());
        let create = ix::create_margin_account(&exchange, key, key, sub_account);
        self.run(&[create], &[owner]).await;
        let margin = exchange.margin_account(&key, sub_account);
        self.margin_accounts.push(margin);
        margin
    }

    pub fn deposit_ix(&self, trader: &Trader, asset: usize, amount: u64) -> Instruction {
        ix::deposit(
            &self.exchange,
            trader.pubkey(),
            trader.margin,
            &self.assets[asset].asset,
            trader.tokens[asset],
            amount,
        )
    }

    pub async fn deposit(
        &mut self,
        trader: &Trader,
        asset: usize,
        amount: u64,
    ) -> Result<TxOutcome, TestError> {
        let deposit = self.deposit_ix(trader, asset, amount);
        self.send(&[deposit], &[&trader.key]).await
    }

    pub fn withdraw_ix(
        &self,
        trader: &Trader,
        asset: usize,
        amount: u64,
        borrow: bool,
    ) -> Instruction {
        ix::withdraw(
            &self.exchange,
            trader.pubkey(),
            trader.margin,
            &self.assets[asset].asset,
            trader.tokens[asset],
            amount,
            borrow,
        )
    }

    /// Withdraws what has been deposited.
    pub async fn withdraw(
        &mut self,
        trader: &Trader,
        asset: usize,
        amount: u64,
    ) -> Result<TxOutcome, TestError> {
        let withdraw = self.withdraw_ix(trader, asset, amount, false);
        self.send(&[withdraw], &[&trader.key]).await
    }

    /// Withdraws, borrowing what the deposit lacks.
    pub async fn borrow(
        &mut self,
        trader: &Trader,
        asset: usize,
        amount: u64,
    ) -> Result<TxOutcome, TestError> {
        let withdraw = self.withdraw_ix(trader, asset, amount, true);
        self.send(&[withdraw], &[&trader.key]).await
    }
}
