//! Instructions of traders: accounts, delegates and token movements.
use anchor_lang::{
    prelude::Pubkey,
    solana_program::{
        instruction::{AccountMeta, Instruction},
        system_program,
    },
};
use plimsoll::{accounts, instruction, state::delegation::DelegateTerms};
use plimsoll_risk::MarginMode;

use super::build;
use crate::{addresses, AssetRef, ExchangeRef};

/// Opens the owner's margin account number `sub_account`; the owner signs, and `payer`, who pays the rent.
pub fn create_margin_account(
    exchange: &ExchangeRef,
    payer: Pubkey,
    owner: Pubkey,
    sub_account: u16,
) -> Instruction {
    build(
        accounts::CreateMarginAccount {
            payer,
            owner,
            risk_state: exchange.risk_state,
            margin_account: exchange.margin_account(&owner, sub_account),
            system_program: system_program::ID,
        },
        instruction::CreateMarginAccount { sub_account },
    )
}

/// Closes an empty margin account; its owner signs.
pub fn close_margin_account(
    exchange: &ExchangeRef,
    owner: Pubkey,
    margin_account: Pubkey,
    rent_receiver: Pubkey,
) -> Instruction {
    build(
        accounts::CloseMarginAccount {
            owner,
            risk_state: exchange.risk_state,
            margin_account,
            rent_receiver,
        },
        instruction::CloseMarginAccount {},
    )
}

/// Lets `delegate` act for an account on these terms, or changes them; its owner signs, and `payer`, who pays the rent.
pub fn set_delegate(
    payer: Pubkey,
    owner: Pubkey,
    margin_account: Pubkey,
    delegate: Pubkey,
    terms: DelegateTerms,
) -> Instruction {
    build(
        accounts::SetDelegate {
            payer,
            owner,
            margin_account,
            delegation: addresses::delegation(&margin_account, &delegate),
            system_program: system_program::ID,
        },
        instruction::SetDelegate { delegate, terms },
    )
}

/// Stops `delegate` from acting for an account; its owner signs, `rent_receiver` has the rent.
pub fn revoke_delegate(
    owner: Pubkey,
    margin_account: Pubkey,
    delegate: Pubkey,
    rent_receiver: Pubkey,
) -> Instruction {
    build(
        accounts::RevokeDelegate {
            owner,
            margin_account,
            delegation: addresses::delegation(&margin_account, &delegate),
            rent_receiver,
        },
        instruction::RevokeDelegate {},
    )
}

/// An order, a cancel or a liquidation that `delegate` signs for `margin_account`: names its delegation, as the last account.
pub fn by_delegate(
    mut instruction: Instruction,
    margin_account: Pubkey,
    delegate: Pubkey,
) -> Instruction {
    let delegation = addresses::delegation(&margin_account, &delegate);
    instruction
        .accounts
        .push(AccountMeta::new(delegation, false));
    instruction
}

/// Chooses how an account is margined; its owner signs.
pub fn set_margin_mode(
    exchange: &ExchangeRef,
    owner: Pubkey,
    margin_account: Pubkey,
    mode: MarginMode,
) -> Instruction {
    build(
        accounts::SetMarginMode {
            owner,
            risk_state: exchange.risk_state,
            margin_account,
        },
        instruction::SetMarginMode { mode: mode as u8 },
    )
}

/// Moves `amount` from the token account `from` into a margin account; the owner of `from` signs, anyone.
pub fn deposit(
    exchange: &ExchangeRef,
    depositor: Pubkey,
    margin_account: Pubkey,
    asset: &AssetRef,
    from: Pubkey,
    amount: u64,
) -> Instruction {
    build(
        accounts::Deposit {
            depositor,
            margin_account,
            risk_state: exchange.risk_state,
            bank: asset.bank,
            vault: asset.vault,
            from,
            mint: asset.mint,
            token_program: asset.token_program,
        },
        instruction::Deposit { amount },
    )
}

/// Pays `amount` (`u64::MAX`: the whole deposit) to the token account `to`, borrowing what the deposit lacks with
/// `allow_borrow`; the margin account's owner signs.
pub fn withdraw(
    exchange: &ExchangeRef,
    owner: Pubkey,
    margin_account: Pubkey,
    asset: &AssetRef,
    to: Pubkey,
    amount: u64,
    allow_borrow: bool,
) -> Instruction {
    build(
        accounts::Withdraw {
            owner,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            margin_account,
            bank: asset.bank,
            vault: asset.vault,
            to,
            mint: asset.mint,
            token_program: asset.token_program,
        },
        instruction::Withdraw {
            amount,
            allow_borrow,
        },
    )
}

/// Moves `amount` (`u64::MAX`: the whole deposit) between two margin accounts of `owner`, who signs.
pub fn transfer(
    exchange: &ExchangeRef,
    owner: Pubkey,
    from: Pubkey,
    to: Pubkey,
    asset: &AssetRef,
    amount: u64,
    allow_borrow: bool,
) -> Instruction {
    build(
        accounts::Transfer {
            owner,
            risk_state: exchange.risk_state,
            from,
            to,
            bank: asset.bank,
        },
        instruction::Transfer {
            amount,
            allow_borrow,
        },
    )
}
