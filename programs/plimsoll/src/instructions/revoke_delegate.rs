//! Stops another key from acting for a margin account.
use anchor_lang::prelude::*;

use crate::{
    error::{OrRefuse, PlimsollError},
    events::DelegateRevoked,
    state::{Delegation, MarginAccount},
};

#[derive(Accounts)]
pub struct RevokeDelegate<'info> {
    pub owner: Signer<'info>,
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    #[account(
        mut,
        has_one = margin_account @ PlimsollError::NotOwnerOrDelegate,
        close = rent_receiver,
    )]
    pub delegation: AccountLoader<'info, Delegation>,
    /// CHECK: anyone the owner names.
    #[account(mut)]
    pub rent_receiver: UncheckedAccount<'info>,
}

/// Closes the delegation and returns its rent. Orders that the delegate has placed stay: cancel what is not wanted.
#[inline(never)]
pub(crate) fn revoke_delegate(ctx: Context<RevokeDelegate>) -> Result<()> {
    let accounts = &ctx.accounts;
    let mut account = accounts.margin_account.load_mut()?;
    account.require_owner(accounts.owner.key)?;
    account.delegates = account.delegates.checked_sub(1).or_refuse()?;
    emit!(DelegateRevoked {
        margin_account: accounts.margin_account.key(),
        delegate: accounts.delegation.load()?.delegate,
    });
    Ok(())
}
