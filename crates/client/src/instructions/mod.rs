//! Builders of every instruction, named as in the program. Each says who signs; the program's own documentation says
//! what it checks.
mod configuration;
mod funds;
mod liquidation;
mod modes;
mod orders;
mod portfolio;
mod refresh;
mod traders;
mod winding_down;

use anchor_lang::{
    solana_program::instruction::{AccountMeta, Instruction},
    InstructionData, ToAccountMetas,
};

pub use configuration::*;
pub use funds::*;
pub use liquidation::*;
pub use modes::*;
pub use orders::*;
pub use portfolio::*;
pub use refresh::*;
pub use traders::*;
pub use winding_down::*;

/// An instruction of the program with the accounts of its `Accounts` struct.
fn build(accounts: impl ToAccountMetas, data: impl InstructionData) -> Instruction {
    Instruction {
        program_id: plimsoll::ID,
        accounts: accounts.to_account_metas(None),
        data: data.data(),
    }
}

/// The same, followed by remaining accounts.
fn build_with(
    accounts: impl ToAccountMetas,
    remaining: impl IntoIterator<Item = AccountMeta>,
    data: impl InstructionData,
) -> Instruction {
    let mut instruction = build(accounts, data);
    instruction.accounts.extend(remaining);
    instruction
}
