//! Withdraws a proposal before it is executed.
use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    events::ChangeCancelled,
    state::{Exchange, PendingChange},
};

#[derive(Accounts)]
pub struct CancelChange<'info> {
    /// The exchange's guardian or authority.
    pub signer: Signer<'info>,
    pub exchange: AccountLoader<'info, Exchange>,
    #[account(
        mut,
        has_one = exchange @ PlimsollError::WrongExchange,
        has_one = proposer @ PlimsollError::ChangeMismatch,
        close = proposer,
    )]
    pub pending_change: Account<'info, PendingChange>,
    /// CHECK: gets the rent back; compared with the proposal.
    #[account(mut)]
    pub proposer: UncheckedAccount<'info>,
}

/// Guardian or authority: the change will not happen unless it is proposed again.
#[inline(never)]
pub(crate) fn cancel_change(ctx: Context<CancelChange>) -> Result<()> {
    let by = ctx.accounts.signer.key();
    ctx.accounts.exchange.load()?.require_guardian(&by)?;
    emit!(ChangeCancelled {
        exchange: ctx.accounts.exchange.key(),
        pending_change: ctx.accounts.pending_change.key(),
        by,
    });
    Ok(())
}
