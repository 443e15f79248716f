//! The permissionless refresh of feeds, banks and markets.
use anchor_lang::{
    prelude::Pubkey,
    solana_program::instruction::{AccountMeta, Instruction},
};
use plimsoll::{
    accounts, instruction,
    oracle::pyth_pro::{instruction::SYSVAR, signers::STORAGE},
    SignedPrices, FALLBACK,
};

use super::build_with;
use crate::{AssetRef, ExchangeRef, MarketRef};

/// One thing to bring up to date. A feed's price is what an account's health needs; banks and markets need it for interest
/// and funding alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshEntry {
    Feed(FeedRef),
    Bank(AssetRef),
    Market(MarketRef),
}

/// A feed and the account with its price: that of a source which has one, or the stake pool of a derived feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedRef {
    /// Number of the feed in the risk state.
    pub index: u8,
    /// The account of the primary source, or of the fallback.
    pub account: Pubkey,
    /// Whether it is the fallback's, which counts only once the primary has long been silent.
    pub is_fallback: bool,
}

/// Takes prices into feeds and brings banks and markets up to date; nobody signs. Feeds come first whatever their order here,
/// each once. What is not acceptable stays as it was and is reported by a `RefreshSkipped` event.
pub fn refresh(exchange: &ExchangeRef, entries: &[RefreshEntry]) -> Instruction {
    refresh_with(exchange, entries, None)
}

/// The same with the prices of a signed message, which an ed25519 instruction of the same transaction carries.
pub fn refresh_with(
    exchange: &ExchangeRef,
    entries: &[RefreshEntry],
    message: Option<SignedPrices>,
) -> Instruction {
    let signed = message
        .iter()
        .flat_map(|_| [SYSVAR, STORAGE].map(|account| AccountMeta::new_readonly(account, false)));
    let mut feeds: Vec<FeedRef> = Vec::new();
    let mut rest = Vec::new();
    for entry in entries {
        match entry {
            RefreshEntry::Feed(feed) if !feeds.contains(feed) => feeds.push(*feed),
            RefreshEntry::Feed(_) => {}
            RefreshEntry::Bank(asset) => rest.push(AccountMeta::new(asset.bank, false)),
            RefreshEntry::Market(market) => {
                rest.push(AccountMeta::new(market.address, false));
                rest.push(AccountMeta::new_readonly(market.book, false));
            }
        }
    }
    let numbers = feeds.iter().map(|feed| {
        if feed.is_fallback {
            feed.index | FALLBACK
        } else {
            feed.index
        }
    });
    let oracles = feeds
        .iter()
        .map(|feed| AccountMeta::new_readonly(feed.account, false));
    build_with(
        accounts::Refresh {
            risk_state: exchange.risk_state,
        },
        signed.chain(oracles).chain(rest),
        instruction::Refresh {
            feeds: numbers.collect(),
            message: message.clone(),
        },
    )
}
