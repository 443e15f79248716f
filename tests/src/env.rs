//! The environment of a test: a bank with one exchange of five assets and two markets.
use anchor_lang::prelude::Pubkey;
use plimsoll_client::{AssetRef, ExchangeRef, MarketRef};
use solana_keypair::Keypair;
use solana_program_test::ProgramTestContext;
use solana_signer::Signer;
use std::collections::BTreeMap;

use crate::{
    chain,
    oracles::Feed,
    params::{market_params, quote_params, terms, volatile_params},
    tokens::{SPL_TOKEN, TOKEN_2022},
};

/// Index of the asset in the environment's exchange.
pub const USDC: usize = 0;
/// 9 decimals, SPL Token, Pyth pull feed.
pub const SOL: usize = 1;
/// 8 decimals, legacy Pyth feed.
pub const BTC: usize = 2;
/// 8 decimals, Pyth pull feed with a legacy fallback.
pub const ETH: usize = 3;
/// 6 decimals, Token-2022.
pub const JUP: usize = 4;

/// Index of the market in the environment's exchange.
pub const SOL_PERP: usize = 0;
pub const BTC_PERP: usize = 1;

/// A listed asset with its feeds and the last price published.
#[derive(Clone, Copy, Debug)]
pub struct ListedAsset {
    pub asset: AssetRef,
    pub decimals: u8,
    pub primary: Feed,
    pub fallback: Option<Feed>,
    /// Number of its feed in the risk state, once it is listed.
    pub feed: u8,
    pub usd: f64,
}

/// A market with the asset whose feed it follows.
#[derive(Clone, Copy, Debug)]
pub struct ListedMarket {
    pub market: MarketRef,
    /// Index of the asset that is its underlying.
    pub underlying: usize,
}

/// A bank, an exchange on it, and what a test did with it.
pub struct Env {
    pub context: ProgramTestContext,
    pub exchange: ExchangeRef,
    pub authority: Keypair,
    pub guardian: Keypair,
    pub assets: Vec<ListedAsset>,
    pub markets: Vec<ListedMarket>,
    /// Length of a slot, milliseconds: what [`Env::advance`] makes slots of.
    pub slot_ms: u64,
    /// Every margin account of the exchange.
    pub margin_accounts: Vec<Pubkey>,
    /// What entered less what left each asset's vault, native.
    pub(crate) flows: BTreeMap<u16, i128>,
    /// Instructions that went through: each may leave a few units of rounding to the protocol.
    pub(crate) operations: u64,
    pub(crate) sent: u32,
}

impl Env {
    /// An exchange with five assets and two markets, open and without a delay.
    pub async fn new() -> Self {
        let mut env = Self::bare().await;
        let quote = env.assets[USDC];
        env.create_exchange(0, &quote.asset, 0).await;
        env.list(quote, quote_params()).await;
        for (program, decimals, primary, fallback, usd, init, maint) in [
            (SPL_TOKEN, 9, Feed::pull(), None, 150.0, 0.8, 0.9),
            (SPL_TOKEN, 8, Feed::legacy(), None, 60_000.0, 0.85, 0.92),
            (
                SPL_TOKEN,
                8,
                Feed::pull(),
                Some(Feed::legacy()),
                3_000.0,
                0.85,
                0.92,
            ),
            (TOKEN_2022, 6, Feed::pull(), None, 0.8, 0.5, 0.7),
        ] {
            let mint = env.create_mint(program, decimals);
            let asset = ListedAsset {
                asset: env.exchange.asset(mint, program),
                decimals,
                primary,
                fallback,
                feed: 0,
                usd,
            };
            env.list(asset, volatile_params(init, maint)).await;
        }
        env.open_market(SOL, terms("SOL-PERP", 9, 10_000_000), market_params())
            .await;
        env.open_market(BTC, terms("BTC-PERP", 8, 10_000), market_params())
            .await;
        env
    }

    /// A bank with the program and a quote mint, nothing created yet; `assets` holds the quote asset to be listed.
    pub async fn bare() -> Self {
        Self::on(chain::start().await)
    }

    /// The same on a bank with other programs.
    pub fn on(context: ProgramTestContext) -> Self {
        let exchange = ExchangeRef::new(0);
        let mut env = Self {
            context,
            exchange,
            authority: Keypair::new(),
            guardian: Keypair::new(),
            assets: Vec::new(),
            markets: Vec::new(),
            slot_ms: chain::MILLISECONDS_PER_SLOT,
            margin_accounts: Vec::new(),
            flows: BTreeMap::new(),
            operations: 0,
            sent: 0,
        };
        for key in [env.authority.pubkey(), env.guardian.pubkey()] {
            env.fund(key);
        }
        let mint = env.create_mint(SPL_TOKEN, 6);
        env.assets.push(ListedAsset {
            asset: exchange.asset(mint, SPL_TOKEN),
            decimals: 6,
            primary: Feed::pull(),
            fallback: None,
            feed: 0,
            usd: 1.0,
        });
        env
    }

    /// The authority's key, to sign with while the environment is borrowed.
    pub fn authority(&self) -> Keypair {
        self.authority.insecure_clone()
    }

    /// The guardian's key.
    pub fn guardian(&self) -> Keypair {
        self.guardian.insecure_clone()
    }

    /// Gives a key lamports.
    pub fn fund(&mut self, key: Pubkey) {
        self.write_account(key, Pubkey::default(), Vec::new());
    }
}
