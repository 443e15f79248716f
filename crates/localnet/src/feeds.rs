//! The feeds of the exchange and who prices them: a signer of its own that the chain trusts as it would Pyth's, accounts of
//! fallbacks, and the pool of the staked token.
use std::sync::Arc;

use anchor_lang::prelude::Pubkey;
use anyhow::{Context, Result};
use plimsoll::{
    oracle::{
        pyth_pro::signers::{PROGRAM, STORAGE},
        STAKE_POOL_PROGRAMS,
    },
    state::{
        feed::{oracle_kind, receiver},
        OracleSource, OracleSources,
    },
};
use plimsoll_client::{
    instructions::{FeedRef, RefreshEntry},
    pro::{signer_account, FeedPrice, LocalSigner, ProSource as _, SignedMessage},
};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{
    chain::{Chain, Quote},
    listing::{self, FeedListing, Origin},
    random::Random,
    scenario::{Tick, STAKED_RATE},
};

/// Decimals of the signed prices.
const EXPONENT: i8 = -8;
/// Publishers that every signed price claims to have.
const PUBLISHERS: u16 = 12;
/// Tokens in the stake pool, native units.
const POOL_TOKENS: u64 = 1_000_000_000_000_000;
/// Length of a stake pool's account.
const POOL_LEN: usize = 611;

/// A listed feed, and where its prices come from.
#[derive(Clone, Debug)]
pub struct ListedFeed {
    pub listing: FeedListing,
    /// Account of the fallback's updates, or the stake pool; none where signed messages are all there is.
    pub account: Option<Pubkey>,
    /// Pyth's id of the fallback.
    id: [u8; 32],
}

impl ListedFeed {
    /// A feed to be listed, with addresses of its own.
    pub fn new(listing: FeedListing, random: &mut Random) -> Self {
        let account = Keypair::new_from_array(random.bytes()).pubkey();
        let id = random.bytes();
        let signed_only = matches!(listing.origin, Origin::Signed { posted: false, .. });
        Self {
            account: (!signed_only).then_some(account),
            listing,
            id,
        }
    }

    /// Whether its own account is the stake pool.
    pub fn is_derived(&self) -> bool {
        matches!(self.listing.origin, Origin::Staked { .. })
    }

    /// What the exchange is told of where its prices come from.
    pub fn sources(&self) -> OracleSources {
        let account = self.account.unwrap_or_default();
        match self.listing.origin {
            Origin::Signed { number, posted, .. } => {
                let mut feed = [0; 32];
                feed[..4].copy_from_slice(&number.to_le_bytes());
                let primary = OracleSource {
                    feed,
                    kind: oracle_kind::PYTH_PRO,
                    exponent: EXPONENT,
                    ..OracleSource::default()
                };
                let fallback = OracleSource {
                    feed: self.id,
                    kind: oracle_kind::PYTH_PULL,
                    receiver: receiver::DEFAULT,
                    ..OracleSource::default()
                };
                OracleSources {
                    primary,
                    fallback: if posted {
                        fallback
                    } else {
                        OracleSource::default()
                    },
                }
            }
            Origin::Staked { base, cap } => OracleSources {
                primary: OracleSource {
                    feed: account.to_bytes(),
                    kind: oracle_kind::DERIVED,
                    base,
                    cap,
                    ..OracleSource::default()
                },
                fallback: OracleSource::default(),
            },
        }
    }
}

/// All feeds, in the order of their numbers, and who signs their prices.
#[derive(Clone)]
pub struct Feeds {
    pub listed: Vec<ListedFeed>,
    pub signer: Arc<LocalSigner>,
    /// The numbers of the signed feeds in the order of a message, and the feed that takes each.
    signed: Vec<(u32, u8)>,
}

impl Feeds {
    /// Has the chain trust a new signer, for ever, and writes the stake pool.
    pub fn set_up(chain: &Chain, seed: u64, random: &mut Random) -> Result<Self> {
        let listed: Vec<_> = listing::feeds()
            .into_iter()
            .map(|listing| ListedFeed::new(listing, random))
            .collect();
        let signer = LocalSigner::new(Keypair::new_from_array(Random::new(seed, "signer").bytes()));
        trust(chain, &[signer.signer()])?;
        for feed in listed.iter().filter(|feed| feed.is_derived()) {
            let address = feed.account.context("a pool has an address")?;
            chain.write(address, STAKE_POOL_PROGRAMS[0], stake_pool())?;
        }
        let signed = (0..).zip(&listed).filter_map(|(index, feed)| {
            let Origin::Signed { number, .. } = feed.listing.origin else {
                return None;
            };
            Some((number, index))
        });
        let mut signed: Vec<(u32, u8)> = signed.collect();
        // A staked token's own market comes before its base, so that its price finds the cap renewed.
        let caps = listed.iter().filter_map(|feed| match feed.listing.origin {
            Origin::Staked { cap, .. } => Some(cap),
            Origin::Signed { .. } => None,
        });
        let caps: Vec<u8> = caps.collect();
        signed.sort_by_key(|(_, index)| !caps.contains(index));
        Ok(Self {
            listed,
            signer: Arc::new(signer),
            signed,
        })
    }

    /// The number of a feed by its name.
    pub fn named(&self, name: &str) -> Result<u8> {
        let at = self.listed.iter().position(|f| f.listing.name == name);
        let at = at.with_context(|| format!("no feed is called {name}"))?;
        Ok(u8::try_from(at)?)
    }

    /// Tells the signer a tick's prices as of the chain's time `now`, Unix seconds, and posts those of fallbacks; only of the
    /// assets that `speaks` says yes to. Those of the others stay as they are, and grow old.
    pub fn publish(
        &self,
        chain: &Chain,
        tick: &Tick,
        now: i64,
        speaks: impl Fn(usize) -> bool,
    ) -> Result<()> {
        let scale = 10f64.powi(-i32::from(EXPONENT));
        let mut told = Vec::new();
        for feed in &self.listed {
            let Origin::Signed {
                number,
                price,
                posted,
            } = feed.listing.origin
            else {
                continue;
            };
            if !speaks(price) {
                continue;
            }
            let quote = Quote {
                price: tick.prices[price],
                confidence: tick.confidence[price],
                publish_time: now,
            };
            told.push(FeedPrice {
                id: number,
                price: (quote.price * scale) as i64,
                conf: (quote.confidence * scale) as i64,
                exponent: EXPONENT.into(),
                publishers: PUBLISHERS,
                updated_us: None,
            });
            if let Some(account) = feed.account.filter(|_| posted) {
                chain.publish(&account, feed.id, &quote)?;
            }
        }
        let now_us = u64::try_from(now)?.saturating_mul(1_000_000);
        self.signer.tell(now_us, told);
        Ok(())
    }

    /// The newest message of all signed feeds, of the moment that the signer was told last; none while it signs none.
    pub fn message(&self) -> Option<Arc<SignedMessage>> {
        self.signer.newest(&self.numbers(), self.signer.told_us()?)
    }

    /// The numbers of the signed feeds, in the order of a message.
    fn numbers(&self) -> Vec<u32> {
        self.signed.iter().map(|(number, _)| *number).collect()
    }

    /// The feeds that take them.
    pub fn takers(&self) -> Vec<u8> {
        self.signed.iter().map(|(_, index)| *index).collect()
    }

    /// The pools' rates.
    pub fn rates(&self) -> Vec<RefreshEntry> {
        let feeds = (0..).zip(&self.listed);
        let pool = |(index, feed): (u8, &ListedFeed)| {
            let account = feed.account.filter(|_| feed.is_derived())?;
            Some(RefreshEntry::Feed(FeedRef {
                index,
                account,
                is_fallback: false,
            }))
        };
        feeds.filter_map(pool).collect()
    }
}

/// Writes Pyth's account of the keys whose messages count, for ever.
pub fn trust(chain: &Chain, signers: &[Pubkey]) -> Result<()> {
    let trusted: Vec<_> = signers.iter().map(|signer| (*signer, i64::MAX)).collect();
    let data = signer_account(&trusted).context("more signers than Pyth has places for")?;
    chain.write(STORAGE, PROGRAM, data)
}

/// An SPL stake pool in which a token is worth [`STAKED_RATE`] of its base: its type, four keys and a bump, five keys, then the
/// totals, and what comes after them.
fn stake_pool() -> Vec<u8> {
    const STAKE_POOL: u8 = 1;
    const KEYS_AND_BUMP: usize = 3 * 32 + 1 + 5 * 32;
    let lamports = (STAKED_RATE * POOL_TOKENS as f64).round() as u64;
    let mut data = vec![STAKE_POOL];
    data.extend([0; KEYS_AND_BUMP]);
    data.extend(lamports.to_le_bytes());
    data.extend(POOL_TOKENS.to_le_bytes());
    data.resize(POOL_LEN, 0);
    data
}
