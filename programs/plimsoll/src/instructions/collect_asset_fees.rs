//! Pays out the fees that a bank has earned.
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

use crate::{
    error::PlimsollError,
    events::FeesCollected,
    exchange_signer, gates,
    state::{Bank, Exchange, RiskState},
    token,
};

#[derive(Accounts)]
pub struct CollectAssetFees<'info> {
    pub authority: Signer<'info>,
    #[account(
        has_one = authority @ PlimsollError::NotAuthority,
        has_one = risk_state @ PlimsollError::WrongExchange,
    )]
    pub exchange: AccountLoader<'info, Exchange>,
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(
        mut,
        has_one = exchange @ PlimsollError::WrongExchange,
        has_one = vault @ PlimsollError::WrongVault,
        has_one = mint @ PlimsollError::WrongMint,
    )]
    pub bank: AccountLoader<'info, Bank>,
    #[account(mut)]
    pub vault: InterfaceAccount<'info, TokenAccount>,
    pub mint: InterfaceAccount<'info, Mint>,
    /// Must belong to the authority.
    #[account(mut, constraint = to.owner == authority.key() @ PlimsollError::WrongTokenAccount)]
    pub to: InterfaceAccount<'info, TokenAccount>,
    pub token_program: Interface<'info, TokenInterface>,
}

/// Pays the bank's interest and origination fees to the authority, as far as the vault has tokens of the bank's own, or its
/// depositors', that are not lent.
#[inline(never)]
pub(crate) fn collect_asset_fees(ctx: Context<CollectAssetFees>) -> Result<()> {
    let accounts = &ctx.accounts;
    let exchange = accounts.exchange.load()?;
    let mut bank = accounts.bank.load_mut()?;
    gates::COLLECT_ASSET_FEES
        .exchange(accounts.risk_state.load()?.mode)?
        .bank(bank.mode)?;
    let unlent = u64::try_from(bank.unlent()?.max(0)).unwrap_or(u64::MAX);
    let fees = bank.fees.min(accounts.vault.amount).min(unlent);
    require!(fees > 0, PlimsollError::NothingToCollect);
    bank.fees = bank.fees.saturating_sub(fees);
    let id = exchange.id.to_le_bytes();
    let bump = exchange.bump;
    drop(exchange);
    drop(bank);
    token::pay(
        &accounts.vault,
        accounts.to.to_account_info(),
        &accounts.mint,
        accounts.exchange.to_account_info(),
        exchange_signer!(id, bump),
        &accounts.token_program,
        fees,
    )?;
    emit!(FeesCollected {
        account: accounts.bank.key(),
        fees,
        insurance: 0,
    });
    Ok(())
}
