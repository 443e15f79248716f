//! Instructions that wind down what has a final price: anyone may send these.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::{accounts, instruction};

use super::build;
use crate::{addresses::token_account, AssetRef, ExchangeRef, MarketRef};

/// Closes the positions of two margin accounts in a market against each other. Nobody signs.
pub fn close_out_position(
    exchange: &ExchangeRef,
    market: &MarketRef,
    long: Pubkey,
    short: Pubkey,
) -> Instruction {
    build(
        accounts::CloseOutPosition {
            risk_state: exchange.risk_state,
            market: market.address,
            long,
            short,
        },
        instruction::CloseOutPosition {},
    )
}

/// Settles a margin account's debt in an asset with another's deposit of it, or, without one, with what the bank is owed. Nobody
/// signs.
pub fn close_out_debt(
    exchange: &ExchangeRef,
    asset: &AssetRef,
    quote: &AssetRef,
    depositor: Option<Pubkey>,
    debtor: Pubkey,
) -> Instruction {
    build(
        accounts::CloseOutDebt {
            risk_state: exchange.risk_state,
            bank: asset.bank,
            quote_bank: quote.bank,
            depositor,
            debtor,
        },
        instruction::CloseOutDebt {},
    )
}

/// Pays a margin account's deposit of an asset to the associated token account of `owner`, whose margin account it is; that must
/// exist. Nobody signs.
pub fn return_deposit(
    exchange: &ExchangeRef,
    asset: &AssetRef,
    margin_account: Pubkey,
    owner: &Pubkey,
) -> Instruction {
    build(
        accounts::ReturnDeposit {
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            margin_account,
            bank: asset.bank,
            vault: asset.vault,
            to: token_account(owner, &asset.mint, &asset.token_program),
            mint: asset.mint,
            token_program: asset.token_program,
        },
        instruction::ReturnDeposit {},
    )
}
