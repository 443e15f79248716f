//! The permissionless refresh of entries of the risk state.
use anchor_lang::{
    prelude::Pubkey,
    solana_program::instruction::{AccountMeta, Instruction},
};
use plimsoll::{accounts, instruction};

use super::build_with;
use crate::{AssetRef, ExchangeRef, MarketRef};

/// One entry to refresh, with the accounts that hold its prices.
#[derive(Clone, Copy, Debug)]
pub enum RefreshEntry {
    Asset {
        asset: AssetRef,
        oracle: Pubkey,
        /// Used only once the entry has outlived its age without an acceptable primary price.
        fallback: Option<Pubkey>,
    },
    Market {
        market: MarketRef,
        oracle: Pubkey,
        fallback: Option<Pubkey>,
    },
}

impl RefreshEntry {
    fn metas(&self) -> Vec<AccountMeta> {
        let (mut metas, oracle, fallback) = match self {
            Self::Asset {
                asset,
                oracle,
                fallback,
            } => (vec![AccountMeta::new(asset.bank, false)], oracle, fallback),
            Self::Market {
                market,
                oracle,
                fallback,
            } => (
                vec![
                    AccountMeta::new(market.address, false),
                    AccountMeta::new_readonly(market.book, false),
                ],
                oracle,
                fallback,
            ),
        };
        let oracles = core::iter::once(oracle).chain(fallback);
        metas.extend(oracles.map(|o| AccountMeta::new_readonly(*o, false)));
        metas
    }
}

/// Rewrites entries from their oracles, banks and markets; nobody signs. An entry whose price is not acceptable stays
/// as it was and is reported by a `RefreshSkipped` event.
pub fn refresh(exchange: &ExchangeRef, entries: &[RefreshEntry]) -> Instruction {
    build_with(
        accounts::Refresh {
            risk_state: exchange.risk_state,
        },
        entries.iter().flat_map(RefreshEntry::metas),
        instruction::Refresh {},
    )
}
