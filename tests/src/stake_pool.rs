//! Stake pool accounts as the SPL stake pool program lays them out, and feeds derived from them.
use anchor_lang::prelude::Pubkey;
use plimsoll::{
    oracle::STAKE_POOL_PROGRAMS,
    state::{
        feed::{oracle_kind, NO_FEED},
        OracleSource, OracleSources,
    },
};
use plimsoll_client::instructions::{self as ix, FeedRef, RefreshEntry};
use plimsoll_risk::FeedLimits;
use solana_signer::Signer;

use crate::Env;

/// Bytes of an initialised pool: its type, four keys and a bump, five keys, the totals, and what comes after them.
pub fn pool_bytes(total_lamports: u64, pool_token_supply: u64) -> Vec<u8> {
    let mut data = vec![1u8];
    data.extend([7u8; 3 * 32]);
    data.push(254);
    data.extend([8u8; 5 * 32]);
    data.extend(total_lamports.to_le_bytes());
    data.extend(pool_token_supply.to_le_bytes());
    data.resize(611, 0);
    data
}

impl Env {
    /// Writes a pool of the original deployment in which a token is worth `rate` SOL.
    pub fn set_pool(&mut self, pool: Pubkey, rate: f64) {
        let supply = 1_000_000_000_000_000u64;
        let lamports = (rate * supply as f64).round() as u64;
        self.write_account(pool, STAKE_POOL_PROGRAMS[0], pool_bytes(lamports, supply));
    }

    /// Lists a feed derived from another by a pool's rate, capped by a third if there is one; returns its number.
    pub async fn derive_feed(
        &mut self,
        pool: Pubkey,
        base: u8,
        cap: Option<u8>,
        limits: FeedLimits,
    ) -> u8 {
        let index = self.risk().await.feed_count;
        let authority = self.authority();
        let primary = OracleSource {
            feed: pool.to_bytes(),
            kind: oracle_kind::DERIVED,
            base,
            cap: cap.unwrap_or(NO_FEED),
            ..OracleSource::default()
        };
        let sources = OracleSources {
            primary,
            ..OracleSources::default()
        };
        let list = ix::list_feed(
            &self.exchange,
            authority.pubkey(),
            [0; 16],
            sources,
            limits,
            None,
        );
        self.run(&[list], &[&authority]).await;
        index
    }

    /// A derived feed, from its pool.
    pub fn pool_entry(feed: u8, pool: Pubkey) -> RefreshEntry {
        RefreshEntry::Feed(FeedRef {
            index: feed,
            account: pool,
            is_fallback: false,
        })
    }
}
