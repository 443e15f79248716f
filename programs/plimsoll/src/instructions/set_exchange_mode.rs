//! Pauses the whole exchange, makes it reduce-only, or opens it again.
use anchor_lang::prelude::*;

use crate::{
    change::{require_mode_change, Change},
    error::PlimsollError,
    events::ModeSet,
    state::{mode, Exchange, PendingChange, RiskState},
};

#[derive(Accounts)]
pub struct SetExchangeMode<'info> {
    /// The guardian or the authority; only the authority can loosen.
    pub signer: Signer<'info>,
    pub exchange: AccountLoader<'info, Exchange>,
    #[account(mut, has_one = exchange @ PlimsollError::WrongExchange)]
    pub risk_state: AccountLoader<'info, RiskState>,
    /// The matured proposal, where this needs one.
    #[account(mut)]
    pub pending_change: Option<Account<'info, PendingChange>>,
    /// CHECK: the proposer, who gets the proposal's rent back; compared with the proposal.
    #[account(mut)]
    pub rent_receiver: UncheckedAccount<'info>,
}

/// Sets the mode of the whole exchange: a tighter one at once, a looser one after the delay.
#[inline(never)]
pub(crate) fn set_exchange_mode(ctx: Context<SetExchangeMode>, mode: u8) -> Result<()> {
    let mut target = ctx.accounts.risk_state.load_mut()?;
    let change = Change::SetExchangeMode { mode };
    require_mode_change(
        &ctx.accounts.exchange,
        &ctx.accounts.signer.key(),
        (target.mode, mode),
        &change,
        ctx.accounts.pending_change.as_ref(),
        &ctx.accounts.rent_receiver,
    )?;
    if target.mode == mode::PAUSED && mode != mode::PAUSED {
        target.resumed_at = Clock::get()?.unix_timestamp;
    }
    target.mode = mode;
    emit!(ModeSet {
        account: ctx.accounts.exchange.key(),
        mode,
        by: ctx.accounts.signer.key(),
    });
    Ok(())
}
