//! Changes who operates the exchange, or its delay.
use anchor_lang::prelude::*;

use crate::{
    change::{require_delay, Change, MAX_CHANGE_DELAY},
    error::PlimsollError,
    events::ExchangeEdited,
    state::{Exchange, PendingChange},
};

#[derive(Accounts)]
pub struct EditExchange<'info> {
    pub authority: Signer<'info>,
    #[account(mut, has_one = authority @ PlimsollError::NotAuthority)]
    pub exchange: AccountLoader<'info, Exchange>,
    /// The matured proposal, where this needs one.
    #[account(mut)]
    pub pending_change: Option<Account<'info, PendingChange>>,
    /// CHECK: the proposer, who gets the proposal's rent back; compared with the proposal.
    #[account(mut)]
    pub rent_receiver: UncheckedAccount<'info>,
}

/// Sets authority, guardian and delay. Only a longer delay alone is a tightening; everything else waits.
#[inline(never)]
pub(crate) fn edit_exchange(
    ctx: Context<EditExchange>,
    authority: Pubkey,
    guardian: Pubkey,
    change_delay: u64,
) -> Result<()> {
    require!(
        change_delay <= MAX_CHANGE_DELAY,
        PlimsollError::InvalidParameter
    );
    let key = ctx.accounts.exchange.key();
    let mut exchange = ctx.accounts.exchange.load_mut()?;
    let tightening = authority == exchange.authority
        && guardian == exchange.guardian
        && change_delay >= exchange.change_delay;
    if !tightening {
        let change = Change::EditExchange {
            authority,
            guardian,
            change_delay,
        };
        require_delay(
            &exchange,
            &key,
            &change,
            ctx.accounts.pending_change.as_ref(),
            &ctx.accounts.rent_receiver,
        )?;
    }
    exchange.authority = authority;
    exchange.guardian = guardian;
    exchange.change_delay = change_delay;
    emit!(ExchangeEdited {
        exchange: key,
        authority,
        guardian,
        change_delay,
    });
    Ok(())
}
