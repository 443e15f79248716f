//! Lets another key trade for an account, or stops it.
use anchor_lang::prelude::*;

use crate::{events::DelegateSet, state::MarginAccount};

#[derive(Accounts)]
pub struct SetDelegate<'info> {
    pub owner: Signer<'info>,
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
}

/// The delegate may place and cancel orders and settle, never withdraw or transfer. The default key revokes.
#[inline(never)]
pub(crate) fn set_delegate(ctx: Context<SetDelegate>, delegate: Pubkey) -> Result<()> {
    let mut account = ctx.accounts.margin_account.load_mut()?;
    account.require_owner(&ctx.accounts.owner.key())?;
    account.delegate = delegate;
    emit!(DelegateSet {
        margin_account: ctx.accounts.margin_account.key(),
        delegate,
    });
    Ok(())
}
