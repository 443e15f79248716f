//! Feeds that take signed prices, and a signer of the test's own, whom Pyth's account trusts.
use std::sync::Arc;

use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::{
    oracle::pyth_pro::signers::{PROGRAM, STORAGE},
    state::{feed::oracle_kind, OracleSource, OracleSources},
};
use plimsoll_client::{
    instructions::{self as ix, RefreshEntry},
    pro::{signer_account, Carried, FeedPrice, Payload, SignedMessage},
    rpc::ChainClock,
};
use plimsoll_risk::FeedLimits;
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{
    oracles::{price_of, EXPONENT},
    pyth_pro::CHECK_INDEX,
    Env,
};

const SIGNER: [u8; 32] = [77; 32];

/// Pyth's number of an asset's feed.
fn number(asset: usize) -> u32 {
    100 + asset as u32
}

impl Env {
    /// Has Pyth's account trust the signer, and some assets' feeds take signed prices from now on.
    pub async fn sign_feeds(&mut self, assets: &[usize]) {
        let trusted = [(Keypair::new_from_array(SIGNER).pubkey(), i64::MAX)];
        let account = signer_account(&trusted).expect("one signer");
        self.write_account(STORAGE, PROGRAM, account);
        let authority = self.authority();
        for asset in assets {
            let mut feed = [0; 32];
            feed[..4].copy_from_slice(&number(*asset).to_le_bytes());
            let primary = OracleSource {
                feed,
                kind: oracle_kind::PYTH_PRO,
                exponent: EXPONENT as i8,
                ..OracleSource::default()
            };
            let sources = OracleSources {
                primary,
                ..OracleSources::default()
            };
            let edit = ix::edit_feed(
                &self.exchange,
                authority.pubkey(),
                self.assets[*asset].feed,
                sources,
                FeedLimits::SIGNED,
                None,
            );
            self.run(&[edit], &[&authority]).await;
        }
    }

    /// A message of the last prices of some assets, made now, and the refresh that takes them with other entries: what a
    /// transaction begins with.
    pub async fn signed(&mut self, assets: &[usize], entries: &[RefreshEntry]) -> [Instruction; 2] {
        let clock = self.clock().await;
        let now_us = clock.unix_timestamp.unsigned_abs() * 1_000_000;
        let feeds = assets.iter().map(|asset| {
            let price = price_of(self.assets[*asset].usd);
            FeedPrice {
                id: number(*asset),
                price,
                conf: price / 2_000,
                exponent: EXPONENT as i16,
                publishers: 11,
                updated_us: Some(now_us),
            }
        });
        let payload = Payload {
            timestamp_us: now_us,
            channel: 3,
            feeds: feeds.collect(),
        };
        let payload = payload.encode().expect("few feeds");
        let message = SignedMessage::sign(&Keypair::new_from_array(SIGNER), payload);
        let message = Arc::new(message.expect("a message"));
        let now = ChainClock {
            slot: clock.slot,
            unix_time: clock.unix_timestamp,
        };
        let carried = Carried::of(message, &*self.risk().await, now);
        carried.refresh(&self.exchange, entries, CHECK_INDEX.into())
    }
}
