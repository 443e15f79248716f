//! Oracle accounts as Pyth writes them.
use anchor_lang::{prelude::Pubkey, AccountSerialize};
use plimsoll::{
    oracle::PYTH_LEGACY_PROGRAM,
    state::{
        feed::{oracle_kind, receiver},
        OracleSource,
    },
};
use plimsoll_client::instructions::{FeedRef, RefreshEntry};
use pyth_sdk_solana::state::{
    AccountType, CorpAction, PriceInfo, PriceStatus, PriceType, SolanaPriceAccount, MAGIC,
    VERSION_2,
};
use pyth_solana_receiver_sdk::price_update::{PriceFeedMessage, PriceUpdateV2, VerificationLevel};

use crate::Env;

/// Exponent of every price here: numbers are in 10⁻⁸ USD.
pub const EXPONENT: i32 = -8;

/// One source: what an operator configures, and the account with its price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feed {
    pub source: OracleSource,
    pub account: Pubkey,
}

impl Feed {
    /// A feed of the current format.
    pub fn pull() -> Self {
        Self {
            source: OracleSource {
                feed: Pubkey::new_unique().to_bytes(),
                kind: oracle_kind::PYTH_PULL,
                receiver: receiver::DEFAULT,
                ..OracleSource::default()
            },
            account: Pubkey::new_unique(),
        }
    }

    /// A legacy push account.
    pub fn legacy() -> Self {
        let account = Pubkey::new_unique();
        Self {
            source: OracleSource {
                feed: account.to_bytes(),
                kind: oracle_kind::PYTH_LEGACY,
                ..OracleSource::default()
            },
            account,
        }
    }
}

/// What a feed says.
#[derive(Clone, Copy, Debug)]
pub struct Quote {
    /// 10⁻⁸ USD per whole token.
    pub price: i64,
    pub conf: u64,
    pub publish_time: i64,
}

/// A number of USD at [`EXPONENT`].
pub fn price_of(usd: f64) -> i64 {
    (usd * 1e8).round() as i64
}

/// Bytes of an update of the current format.
pub fn pull_bytes(feed: [u8; 32], level: VerificationLevel, quote: Quote) -> Vec<u8> {
    let update = PriceUpdateV2 {
        write_authority: Pubkey::default(),
        verification_level: level,
        price_message: PriceFeedMessage {
            feed_id: feed,
            price: quote.price,
            conf: quote.conf,
            exponent: EXPONENT,
            publish_time: quote.publish_time,
            prev_publish_time: quote.publish_time.saturating_sub(1),
            ema_price: quote.price,
            ema_conf: quote.conf,
        },
        posted_slot: 1,
    };
    let mut data = Vec::new();
    update.try_serialize(&mut data).expect("in memory");
    data.resize(PriceUpdateV2::LEN, 0);
    data
}

/// Bytes of a legacy price account.
pub fn legacy_bytes(status: PriceStatus, quote: Quote) -> Vec<u8> {
    let account = SolanaPriceAccount {
        magic: MAGIC,
        ver: VERSION_2,
        atype: AccountType::Price as u32,
        size: size_of::<SolanaPriceAccount>() as u32,
        ptype: PriceType::Price,
        expo: EXPONENT,
        timestamp: quote.publish_time,
        agg: PriceInfo {
            price: quote.price,
            conf: quote.conf,
            status,
            corp_act: CorpAction::NoCorpAct,
            pub_slot: 1,
        },
        ..SolanaPriceAccount::default()
    };
    bytemuck::bytes_of(&account).to_vec()
}

impl Env {
    /// An update of an asset's pull feed, `age` seconds old, in an account of its own, as anybody can post one.
    pub async fn post(&mut self, asset: usize, usd: f64, conf: f64, age: i64) -> RefreshEntry {
        let listed = self.assets[asset];
        let quote = Quote {
            price: price_of(usd),
            conf: price_of(conf).unsigned_abs(),
            publish_time: self.now().await - age,
        };
        let account = Pubkey::new_unique();
        let feed = listed.primary.source.feed;
        let data = pull_bytes(feed, VerificationLevel::Full, quote);
        self.write_account(account, pyth_solana_receiver_sdk::ID, data);
        RefreshEntry::Feed(FeedRef {
            index: listed.feed,
            account,
            is_fallback: false,
        })
    }

    /// Publishes a quote on a feed, exactly as given.
    pub fn publish(&mut self, feed: &Feed, quote: Quote) {
        match feed.source.kind {
            oracle_kind::PYTH_PULL => {
                let data = pull_bytes(feed.source.feed, VerificationLevel::Full, quote);
                self.write_account(feed.account, pyth_solana_receiver_sdk::ID, data);
            }
            _ => {
                let data = legacy_bytes(PriceStatus::Trading, quote);
                self.write_account(feed.account, PYTH_LEGACY_PROGRAM, data);
            }
        }
    }

    /// Publishes a price now on an asset's primary feed, with a confidence of 0.05%.
    pub async fn set_price(&mut self, asset: usize, usd: f64) {
        self.set_price_with(asset, usd, usd * 0.0005, 0).await;
    }

    /// Publishes a price with this confidence, `age` seconds ago.
    pub async fn set_price_with(&mut self, asset: usize, usd: f64, conf: f64, age: i64) {
        let publish_time = self.now().await - age;
        self.assets[asset].usd = usd;
        let feed = self.assets[asset].primary;
        let conf = price_of(conf).unsigned_abs();
        let price = price_of(usd);
        self.publish(
            &feed,
            Quote {
                price,
                conf,
                publish_time,
            },
        );
    }
}
