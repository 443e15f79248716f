//! Closes an empty margin account.
use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    events::MarginAccountClosed,
    gates,
    state::{MarginAccount, RiskState},
};

#[derive(Accounts)]
pub struct CloseMarginAccount<'info> {
    pub owner: Signer<'info>,
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut, close = rent_receiver)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    /// CHECK: anyone the owner names.
    #[account(mut)]
    pub rent_receiver: UncheckedAccount<'info>,
}

/// Returns the rent of an account that holds no balance, position or order and has no delegates.
#[inline(never)]
pub(crate) fn close_margin_account(ctx: Context<CloseMarginAccount>) -> Result<()> {
    let account = ctx.accounts.margin_account.load()?;
    account.require_owner(&ctx.accounts.owner.key())?;
    let risk = ctx.accounts.risk_state.load()?;
    require_keys_eq!(
        risk.exchange,
        account.exchange,
        PlimsollError::WrongExchange
    );
    gates::CLOSE_MARGIN_ACCOUNT
        .exchange(risk.mode)?
        .account(account.state)?;
    let empty = account.balances.iter().all(|b| b.shares.is_zero())
        && account.perps.iter().all(|p| p.is_closed())
        && account.orders.iter().all(|o| o.is_free());
    require!(empty, PlimsollError::AccountNotEmpty);
    // Or else they would have a say in the account that is opened anew at this address.
    require!(account.delegates == 0, PlimsollError::DelegatesRemain);
    emit!(MarginAccountClosed {
        margin_account: ctx.accounts.margin_account.key(),
        owner: account.owner,
    });
    Ok(())
}
