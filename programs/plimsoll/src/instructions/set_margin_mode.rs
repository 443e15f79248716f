//! Chooses how an account is margined.
use anchor_lang::prelude::*;
use plimsoll_risk::{MarginMode, Purpose};

use crate::{
    error::PlimsollError,
    events::MarginModeSet,
    gates,
    health::require_init,
    state::{MarginAccount, RiskState},
};

#[derive(Accounts)]
pub struct SetMarginMode<'info> {
    pub owner: Signer<'info>,
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
}

/// Sets the mode: 0 standard, 1 portfolio. Init health in the new mode must be at least zero, by fresh entries. Only the
/// owner may: it decides how much of what is theirs can be lost.
#[inline(never)]
pub(crate) fn set_margin_mode(ctx: Context<SetMarginMode>, mode: u8) -> Result<()> {
    let risk = ctx.accounts.risk_state.load()?;
    let mut account = ctx.accounts.margin_account.load_mut()?;
    require_keys_eq!(
        account.exchange,
        risk.exchange,
        PlimsollError::WrongExchange
    );
    account.require_owner(ctx.accounts.owner.key)?;
    switch(&risk, &mut account, mode, &Clock::get()?)?;
    emit!(MarginModeSet {
        margin_account: ctx.accounts.margin_account.key(),
        mode,
    });
    Ok(())
}

/// Switches the owner's account to a mode that it has the margin for, accounts and clock given.
#[inline(always)]
pub fn switch(
    risk: &RiskState,
    account: &mut MarginAccount,
    mode: u8,
    clock: &Clock,
) -> Result<()> {
    gates::SET_MARGIN_MODE
        .exchange(risk.mode)?
        .account(account.state)?;
    let chosen = MarginMode::from_byte(mode);
    require!(chosen as u8 == mode, PlimsollError::InvalidParameter);
    require!(
        chosen == MarginMode::Standard || risk.model.is_on(),
        PlimsollError::NoPortfolioModel
    );
    account.margin_mode = mode;
    require_init(risk, account, Purpose::Trade, clock)
}
