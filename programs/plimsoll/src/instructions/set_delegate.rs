//! Lets another key act for a margin account, within limits, or changes them.
use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    events::DelegateSet,
    state::{delegation::DelegateTerms, seeds, Delegation, MarginAccount, VERSION},
};

#[derive(Accounts)]
#[instruction(delegate: Pubkey)]
pub struct SetDelegate<'info> {
    /// Pays the rent of a new delegation; may be somebody else than the owner.
    #[account(mut)]
    pub payer: Signer<'info>,
    pub owner: Signer<'info>,
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    #[account(
        init_if_needed,
        payer = payer,
        space = Delegation::SPACE,
        seeds = [seeds::DELEGATE, margin_account.key().as_ref(), delegate.as_ref()],
        bump,
    )]
    pub delegation: AccountLoader<'info, Delegation>,
    pub system_program: Program<'info, System>,
}

/// The delegate may do what the terms say until they expire, and never withdraw, transfer, deposit what is new, close the account,
/// change its mode or name delegates. An account has up to 255. What a delegate has lost stays counted when its terms
/// change.
#[inline(never)]
pub(crate) fn set_delegate(
    ctx: Context<SetDelegate>,
    delegate: Pubkey,
    terms: &DelegateTerms,
) -> Result<()> {
    let accounts = &ctx.accounts;
    let now = Clock::get()?.unix_timestamp;
    let mut account = accounts.margin_account.load_mut()?;
    account.require_owner(accounts.owner.key)?;
    terms.check(now)?;
    require!(
        delegate != account.owner && delegate != Pubkey::default(),
        PlimsollError::InvalidParameter
    );
    let margin_account = accounts.margin_account.key();
    match accounts.delegation.load_init() {
        Ok(mut delegation) => {
            let delegates = account.delegates.checked_add(1);
            account.delegates = delegates.ok_or(PlimsollError::TooManyDelegates)?;
            delegation.margin_account = margin_account;
            delegation.delegate = delegate;
            delegation.bump = ctx.bumps.delegation;
            delegation.version = VERSION;
            delegation.allow(terms, now);
        }
        Err(_) => accounts.delegation.load_mut()?.allow(terms, now),
    }
    emit!(DelegateSet {
        margin_account,
        delegate,
        scope: terms.scope,
        markets: terms.markets,
        expires_at: terms.expires_at,
        loss_per_day: terms.loss_per_day,
        rest_secs: terms.rest_secs,
        least_equity: terms.least_equity,
    });
    Ok(())
}
