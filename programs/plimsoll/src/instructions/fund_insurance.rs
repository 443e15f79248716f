//! Adds quote tokens to the fund that backs bankruptcies.
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

use crate::{error::PlimsollError, events::InsuranceFunded, state::Exchange, token};

#[derive(Accounts)]
pub struct FundInsurance<'info> {
    /// Owner of `from`; anyone.
    pub funder: Signer<'info>,
    #[account(
        has_one = insurance_vault @ PlimsollError::WrongVault,
        has_one = quote_mint @ PlimsollError::WrongMint,
    )]
    pub exchange: AccountLoader<'info, Exchange>,
    #[account(mut)]
    pub insurance_vault: InterfaceAccount<'info, TokenAccount>,
    #[account(mut)]
    pub from: InterfaceAccount<'info, TokenAccount>,
    pub quote_mint: InterfaceAccount<'info, Mint>,
    pub token_program: Interface<'info, TokenInterface>,
}

/// Moves `amount` of the quote asset into the insurance vault, which only bankruptcies can spend.
#[inline(never)]
pub(crate) fn fund_insurance(ctx: Context<FundInsurance>, amount: u64) -> Result<()> {
    require!(amount > 0, PlimsollError::ZeroAmount);
    let accounts = ctx.accounts;
    let arrived = token::receive(
        &accounts.from,
        &mut accounts.insurance_vault,
        &accounts.quote_mint,
        accounts.funder.to_account_info(),
        &accounts.token_program,
        amount,
    )?;
    emit!(InsuranceFunded {
        exchange: accounts.exchange.key(),
        amount: arrived,
    });
    Ok(())
}
