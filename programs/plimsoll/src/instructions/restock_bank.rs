//! Sells a bank what it lacks of its asset, for quote that insurance has set aside. Permissionless.
use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    events::BankRestocked,
    gates, ledger,
    liquidation::restock::restock,
    state::{Bank, MarginAccount, RiskState},
};

#[derive(Accounts)]
pub struct RestockBank<'info> {
    /// The seller's owner.
    pub trader: Signer<'info>,
    /// Has a deposit of the asset.
    #[account(mut)]
    pub seller: AccountLoader<'info, MarginAccount>,
    #[account(mut)]
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut, constraint = bank.key() != quote_bank.key() @ PlimsollError::DuplicateAccount)]
    pub bank: AccountLoader<'info, Bank>,
    /// The bank of the quote asset.
    #[account(mut)]
    pub quote_bank: AccountLoader<'info, Bank>,
}

/// Sells at most `max_amount` native units out of the seller's deposit, as far as the bank lacks them, at oracle prices and the
/// asset's least liquidation fee. No token moves.
///
/// # Errors
/// `NothingMissing`, and as [`restock`].
#[inline(never)]
pub(crate) fn restock_bank(ctx: Context<RestockBank>, max_amount: u64) -> Result<()> {
    let accounts = &ctx.accounts;
    let clock = Clock::get()?;
    let mut risk = accounts.risk_state.load_mut()?;
    let mut bank = accounts.bank.load_mut()?;
    let mut quote_bank = accounts.quote_bank.load_mut()?;
    let mut seller = accounts.seller.load_mut()?;
    for exchange in [&bank.exchange, &quote_bank.exchange, &seller.exchange] {
        require_keys_eq!(*exchange, risk.exchange, PlimsollError::WrongExchange);
    }
    require!(quote_bank.index == 0, PlimsollError::WrongMint);
    gates::RESTOCK_BANK
        .exchange(risk.mode)?
        .bank(bank.mode)?
        .bank(quote_bank.mode)?
        .account(seller.state)?;
    seller.require_owner(accounts.trader.key)?;
    require!(bank.missing > 0, PlimsollError::NothingMissing);
    require!(max_amount > 0, PlimsollError::ZeroAmount);
    ledger::accrue(&mut bank, clock.unix_timestamp)?;
    ledger::accrue(&mut quote_bank, clock.unix_timestamp)?;
    let sold = restock(
        &mut risk,
        &mut bank,
        &mut quote_bank,
        &mut seller,
        max_amount,
        &clock,
    )?;
    emit!(BankRestocked {
        bank: accounts.bank.key(),
        seller: accounts.seller.key(),
        amount: sold.amount,
        paid: sold.paid,
        socialized: sold.socialized,
    });
    Ok(())
}
