//! Opens a proposal, which starts the delay of a loosening.
use anchor_lang::prelude::*;

use crate::{
    change::{serialize, Change},
    error::PlimsollError,
    events::ChangeProposed,
    state::{pending_change::MAX_CHANGE, seeds, Exchange, PendingChange},
};

#[derive(Accounts)]
#[instruction(change: Change)]
pub struct ProposeChange<'info> {
    #[account(mut)]
    pub authority: Signer<'info>,
    #[account(mut, has_one = authority @ PlimsollError::NotAuthority)]
    pub exchange: AccountLoader<'info, Exchange>,
    #[account(
        init,
        payer = authority,
        space = PendingChange::space(serialize(&change)?.len()),
        seeds = [
            seeds::CHANGE,
            exchange.key().as_ref(),
            &exchange.load()?.change_nonce.to_le_bytes(),
        ],
        bump,
    )]
    pub pending_change: Account<'info, PendingChange>,
    pub system_program: Program<'info, System>,
}

/// Stores `change` for all to read. The instruction that makes the change takes it from `change_delay` seconds on.
#[inline(never)]
pub(crate) fn propose_change(ctx: Context<ProposeChange>, change: Change) -> Result<()> {
    let bytes = serialize(&change)?;
    require!(bytes.len() <= MAX_CHANGE, PlimsollError::InvalidParameter);
    let mut exchange = ctx.accounts.exchange.load_mut()?;
    let delay =
        i64::try_from(exchange.change_delay).map_err(|_| error!(PlimsollError::Overflow))?;
    let ready_at = Clock::get()?
        .unix_timestamp
        .checked_add(delay)
        .ok_or(PlimsollError::Overflow)?;
    ctx.accounts.pending_change.set_inner(PendingChange {
        exchange: ctx.accounts.exchange.key(),
        proposer: ctx.accounts.authority.key(),
        nonce: exchange.change_nonce,
        ready_at,
        bump: ctx.bumps.pending_change,
        change: bytes,
    });
    exchange.change_nonce = exchange
        .change_nonce
        .checked_add(1)
        .ok_or(PlimsollError::Overflow)?;
    emit!(ChangeProposed {
        exchange: ctx.accounts.exchange.key(),
        pending_change: ctx.accounts.pending_change.key(),
        ready_at,
    });
    Ok(())
}
