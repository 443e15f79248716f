//! Grows an account that is larger than one instruction may allocate.
use anchor_lang::{prelude::*, system_program, Discriminator};

use crate::{
    error::PlimsollError,
    state::{Book, FillQueueAccount, RiskState, CREATE_SPACE},
};

#[derive(Accounts)]
pub struct ExtendAccount<'info> {
    /// Pays the rent of the added space; anyone.
    #[account(mut)]
    pub payer: Signer<'info>,
    /// CHECK: owned by this program and of a kind that grows, both checked by the handler.
    #[account(mut, owner = crate::ID)]
    pub account: UncheckedAccount<'info>,
    pub system_program: Program<'info, System>,
}

/// Adds up to 10,240 bytes to a risk state, book or fill queue until it has its full size. Permissionless: it can
/// only complete what an operator has created.
#[inline(never)]
pub(crate) fn extend_account(ctx: Context<ExtendAccount>) -> Result<()> {
    let account = &ctx.accounts.account;
    let full = full_size(&account.try_borrow_data()?)?;
    let len = account.data_len();
    require!(len < full, PlimsollError::AlreadyExtended);
    let new_len = full.min(len.saturating_add(CREATE_SPACE));

    let missing = Rent::get()?
        .minimum_balance(new_len)
        .saturating_sub(account.lamports());
    if missing > 0 {
        let transfer = system_program::Transfer {
            from: ctx.accounts.payer.to_account_info(),
            to: account.to_account_info(),
        };
        system_program::transfer(
            CpiContext::new(ctx.accounts.system_program.key(), transfer),
            missing,
        )?;
    }
    account.resize(new_len)?;
    Ok(())
}

/// Full size of the kind of account that `data` begins.
fn full_size(data: &[u8]) -> Result<usize> {
    let kinds = [
        (RiskState::DISCRIMINATOR, RiskState::SPACE),
        (Book::DISCRIMINATOR, Book::SPACE),
        (FillQueueAccount::DISCRIMINATOR, FillQueueAccount::SPACE),
    ];
    kinds
        .into_iter()
        .find(|(discriminator, _)| data.starts_with(discriminator))
        .map(|(_, size)| size)
        .ok_or_else(|| PlimsollError::WrongRemainingAccount.into())
}
