//! Instructions that set modes (`plimsoll::state::mode`). A tighter mode needs the guardian's or authority's signature;
//! a looser one the authority's, and a proposal when the exchange has a delay.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::{accounts, instruction};

use super::{build, configuration::pending};
use crate::{AssetRef, ExchangeRef, MarketRef, Proposal};

/// Sets the mode of the whole exchange.
pub fn set_exchange_mode(
    exchange: &ExchangeRef,
    signer: Pubkey,
    mode: u8,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, signer);
    build(
        accounts::SetExchangeMode {
            signer,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            pending_change,
            rent_receiver,
        },
        instruction::SetExchangeMode { mode },
    )
}

/// Sets the mode of one asset.
pub fn set_asset_mode(
    exchange: &ExchangeRef,
    signer: Pubkey,
    asset: &AssetRef,
    mode: u8,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, signer);
    build(
        accounts::SetAssetMode {
            signer,
            exchange: exchange.address,
            bank: asset.bank,
            pending_change,
            rent_receiver,
        },
        instruction::SetAssetMode { mode },
    )
}

/// Sets the mode of one market.
pub fn set_market_mode(
    exchange: &ExchangeRef,
    signer: Pubkey,
    market: &MarketRef,
    mode: u8,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, signer);
    build(
        accounts::SetMarketMode {
            signer,
            exchange: exchange.address,
            market: market.address,
            pending_change,
            rent_receiver,
        },
        instruction::SetMarketMode { mode },
    )
}
