//! Instructions of the operators that create and configure: exchanges, assets, markets, proposals.
use anchor_lang::{
    prelude::Pubkey,
    solana_program::{instruction::Instruction, system_program},
};
use plimsoll::{
    accounts, instruction,
    state::{market::ContractTerms, OracleSources},
    Change,
};
use plimsoll_risk::{AssetParams, FeedLimits, MarketParams};

use super::build;
use crate::{addresses, AssetRef, ExchangeRef, MarketRef, Proposal};

/// Where the accounts of an optional proposal point: the proposal, and who gets its rent. Without one the rent
/// receiver is not looked at, so it may be anybody who is in the transaction anyway.
pub(super) fn pending(
    exchange: &ExchangeRef,
    proposal: Option<Proposal>,
    otherwise: Pubkey,
) -> (Option<Pubkey>, Pubkey) {
    match proposal {
        Some(p) => (
            Some(addresses::pending_change(&exchange.address, p.nonce)),
            p.proposer,
        ),
        None => (None, otherwise),
    }
}

/// Creates exchange `id` with `authority`, who signs and pays, and its insurance vault for `quote_mint`. Then grow the
/// risk state with [`extend_account`] until it is full.
pub fn create_exchange(
    id: u16,
    authority: Pubkey,
    quote_mint: Pubkey,
    token_program: Pubkey,
    guardian: Pubkey,
    change_delay: u64,
) -> Instruction {
    let exchange = ExchangeRef::new(id);
    build(
        accounts::CreateExchange {
            authority,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            quote_mint,
            insurance_vault: exchange.insurance_vault,
            token_program,
            system_program: system_program::ID,
        },
        instruction::CreateExchange {
            id,
            guardian,
            change_delay,
        },
    )
}

/// Grows a risk state, book or fill queue by one step; `payer` signs. See [`extensions_needed`].
pub fn extend_account(payer: Pubkey, account: Pubkey) -> Instruction {
    build(
        accounts::ExtendAccount {
            payer,
            account,
            system_program: system_program::ID,
        },
        instruction::ExtendAccount {},
    )
}

/// How many [`extend_account`] an account of `full` bytes (`RiskState::SPACE`, ...) needs after its creation.
pub const fn extensions_needed(full: usize) -> usize {
    full.div_ceil(plimsoll::state::CREATE_SPACE)
        .saturating_sub(1)
}

/// Sets authority, guardian and delay; the authority signs.
pub fn edit_exchange(
    exchange: &ExchangeRef,
    signer: Pubkey,
    authority: Pubkey,
    guardian: Pubkey,
    change_delay: u64,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, signer);
    build(
        accounts::EditExchange {
            authority: signer,
            exchange: exchange.address,
            pending_change,
            rent_receiver,
        },
        instruction::EditExchange {
            authority,
            guardian,
            change_delay,
        },
    )
}

/// Lists a feed; the authority signs. It has a price once a refresh has taken one.
pub fn list_feed(
    exchange: &ExchangeRef,
    authority: Pubkey,
    name: [u8; 16],
    sources: OracleSources,
    limits: FeedLimits,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, authority);
    build(
        accounts::ListFeed {
            authority,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            pending_change,
            rent_receiver,
        },
        instruction::ListFeed {
            name,
            sources,
            limits,
        },
    )
}

/// Replaces a feed's sources and limits; the authority signs.
pub fn edit_feed(
    exchange: &ExchangeRef,
    authority: Pubkey,
    feed: u8,
    sources: OracleSources,
    limits: FeedLimits,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, authority);
    build(
        accounts::EditFeed {
            authority,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            pending_change,
            rent_receiver,
        },
        instruction::EditFeed {
            feed,
            sources,
            limits,
        },
    )
}

/// Lists an asset, the quote asset first, priced by a feed that has a price now; the authority signs and pays.
pub fn list_asset(
    exchange: &ExchangeRef,
    authority: Pubkey,
    asset: &AssetRef,
    params: AssetParams,
    feed: u8,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, authority);
    build(
        accounts::ListAsset {
            authority,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            mint: asset.mint,
            bank: asset.bank,
            vault: asset.vault,
            pending_change,
            rent_receiver,
            token_program: asset.token_program,
            system_program: system_program::ID,
        },
        instruction::ListAsset { params, feed },
    )
}

/// Replaces an asset's parameters and feed; the authority signs.
pub fn edit_asset(
    exchange: &ExchangeRef,
    authority: Pubkey,
    asset: &AssetRef,
    params: AssetParams,
    feed: u8,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, authority);
    build(
        accounts::EditAsset {
            authority,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            bank: asset.bank,
            pending_change,
            rent_receiver,
        },
        instruction::EditAsset { params, feed },
    )
}

/// Creates a market, which must be the exchange's next; the authority signs and pays. Then grow its book and fill
/// queue with [`extend_account`]. The feed that prices it must have a price now.
pub fn create_market(
    exchange: &ExchangeRef,
    authority: Pubkey,
    market: &MarketRef,
    terms: ContractTerms,
    params: MarketParams,
    feed: u8,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, authority);
    build(
        accounts::CreateMarket {
            authority,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            market: market.address,
            book: market.book,
            fill_queue: market.fill_queue,
            pending_change,
            rent_receiver,
            system_program: system_program::ID,
        },
        instruction::CreateMarket {
            terms,
            params,
            feed,
        },
    )
}

/// Replaces a market's parameters and feed; the authority signs.
pub fn edit_market(
    exchange: &ExchangeRef,
    authority: Pubkey,
    market: &MarketRef,
    params: MarketParams,
    feed: u8,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, authority);
    build(
        accounts::EditMarket {
            authority,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            market: market.address,
            pending_change,
            rent_receiver,
        },
        instruction::EditMarket { params, feed },
    )
}

/// Opens a proposal; the authority signs and pays its rent. `nonce` is the exchange's `change_nonce` now, and names the
/// proposal from then on.
pub fn propose_change(
    exchange: &ExchangeRef,
    authority: Pubkey,
    nonce: u64,
    change: Change,
) -> Instruction {
    build(
        accounts::ProposeChange {
            authority,
            exchange: exchange.address,
            pending_change: addresses::pending_change(&exchange.address, nonce),
            system_program: system_program::ID,
        },
        instruction::ProposeChange { change },
    )
}

/// Withdraws a proposal; the guardian or the authority signs.
pub fn cancel_change(exchange: &ExchangeRef, signer: Pubkey, proposal: Proposal) -> Instruction {
    build(
        accounts::CancelChange {
            signer,
            exchange: exchange.address,
            pending_change: addresses::pending_change(&exchange.address, proposal.nonce),
            proposer: proposal.proposer,
        },
        instruction::CancelChange {},
    )
}
