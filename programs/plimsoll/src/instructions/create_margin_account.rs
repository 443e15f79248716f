//! Opens a margin account.
use anchor_lang::prelude::*;
use plimsoll_risk::{Balance, OpenOrder, PerpPosition};

use crate::{
    error::PlimsollError,
    events::MarginAccountCreated,
    gates,
    state::{seeds, MarginAccount, RiskState, VERSION},
};

#[derive(Accounts)]
#[instruction(sub_account: u16)]
pub struct CreateMarginAccount<'info> {
    /// Pays the rent; may be somebody else than the owner.
    #[account(mut)]
    pub payer: Signer<'info>,
    pub owner: Signer<'info>,
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(
        init,
        payer = payer,
        space = MarginAccount::SPACE,
        seeds = [
            seeds::MARGIN,
            risk_state.load()?.exchange.as_ref(),
            owner.key().as_ref(),
            &sub_account.to_le_bytes(),
        ],
        bump,
    )]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    pub system_program: Program<'info, System>,
}

/// Opens the owner's account number `sub_account`, empty.
#[inline(never)]
pub(crate) fn create_margin_account(
    ctx: Context<CreateMarginAccount>,
    sub_account: u16,
) -> Result<()> {
    let risk = ctx.accounts.risk_state.load()?;
    gates::CREATE_MARGIN_ACCOUNT.exchange(risk.mode)?;
    require!(risk.asset_count > 0, PlimsollError::QuoteNotListed);
    let mut account = ctx.accounts.margin_account.load_init()?;
    account.exchange = risk.exchange;
    account.owner = ctx.accounts.owner.key();
    account.sub_account = sub_account;
    account.bump = ctx.bumps.margin_account;
    account.version = VERSION;
    account.balances.fill(Balance::FREE);
    account.balances[0] = Balance::of(0);
    for perp in &mut account.perps {
        *perp = PerpPosition::default();
    }
    for order in &mut account.orders {
        *order = OpenOrder::default();
    }
    emit!(MarginAccountCreated {
        margin_account: ctx.accounts.margin_account.key(),
        owner: account.owner,
        sub_account,
    });
    Ok(())
}
