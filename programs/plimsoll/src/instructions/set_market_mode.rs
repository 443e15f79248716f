//! Pauses one market, makes it reduce-only, or opens it again.
use anchor_lang::prelude::*;

use crate::{
    change::{require_mode_change, Change},
    error::PlimsollError,
    events::ModeSet,
    funding,
    state::{mode, Exchange, Market, PendingChange},
};

#[derive(Accounts)]
pub struct SetMarketMode<'info> {
    /// The guardian or the authority; only the authority can loosen.
    pub signer: Signer<'info>,
    pub exchange: AccountLoader<'info, Exchange>,
    #[account(mut, has_one = exchange @ PlimsollError::WrongExchange)]
    pub market: AccountLoader<'info, Market>,
    /// The matured proposal, where this needs one.
    #[account(mut)]
    pub pending_change: Option<Account<'info, PendingChange>>,
    /// CHECK: the proposer, who gets the proposal's rent back; compared with the proposal.
    #[account(mut)]
    pub rent_receiver: UncheckedAccount<'info>,
}

/// Sets the mode of one market: a tighter one at once, a looser one after the delay.
#[inline(never)]
pub(crate) fn set_market_mode(ctx: Context<SetMarketMode>, mode: u8) -> Result<()> {
    let mut target = ctx.accounts.market.load_mut()?;
    let change = Change::SetMarketMode {
        market: target.index,
        mode,
    };
    require_mode_change(
        &ctx.accounts.exchange,
        &ctx.accounts.signer.key(),
        (target.mode, mode),
        &change,
        ctx.accounts.pending_change.as_ref(),
        &ctx.accounts.rent_receiver,
    )?;
    if target.mode == mode::PAUSED && mode != mode::PAUSED {
        funding::restart(&mut target, Clock::get()?.unix_timestamp);
    }
    target.mode = mode;
    emit!(ModeSet {
        account: ctx.accounts.market.key(),
        mode,
        by: ctx.accounts.signer.key(),
    });
    Ok(())
}
