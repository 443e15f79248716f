//! Pays a deposit of an asset that is being wound down to its owner's wallet. Permissionless.
use anchor_lang::prelude::*;
use anchor_spl::{
    associated_token::get_associated_token_address_with_program_id,
    token_interface::{Mint, TokenAccount, TokenInterface},
};
use plimsoll_risk::Purpose;

use crate::{
    error::{OrRefuse, PlimsollError},
    events::Withdrawn,
    exchange_signer, gates,
    health::require_init,
    ledger,
    liquidation::bankruptcy::owes_nothing,
    state::{Bank, Exchange, MarginAccount, RiskState},
    token,
};

#[derive(Accounts)]
pub struct ReturnDeposit<'info> {
    #[account(has_one = risk_state @ PlimsollError::WrongExchange)]
    pub exchange: AccountLoader<'info, Exchange>,
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut, has_one = exchange @ PlimsollError::WrongExchange)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    #[account(
        mut,
        has_one = exchange @ PlimsollError::WrongExchange,
        has_one = vault @ PlimsollError::WrongVault,
        has_one = mint @ PlimsollError::WrongMint,
    )]
    pub bank: AccountLoader<'info, Bank>,
    #[account(mut)]
    pub vault: Box<InterfaceAccount<'info, TokenAccount>>,
    /// The associated token account of the margin account's owner, which still belongs to it.
    #[account(mut)]
    pub to: Box<InterfaceAccount<'info, TokenAccount>>,
    pub mint: Box<InterfaceAccount<'info, Mint>>,
    pub token_program: Interface<'info, TokenInterface>,
}

/// Pays the whole deposit of an asset with a final price, or as much of it as the vault has, and frees its slot. Init health
/// must be at least zero afterwards, unless the account owes nothing and holds no position: what secures something else stays
/// until that is repaid or liquidated. Nobody's signature is needed, so that an asset can be wound down though owners are away.
///
/// Pauses hold it back as they do a withdrawal; the outflow limit does not: it exists to slow down a theft, and what leaves here
/// goes where it belongs.
///
/// # Errors
/// `NotWindingDown`; `NoSuchPosition` without a deposit; `InsufficientLiquidity` when the vault is empty; `WrongTokenAccount`;
/// `InsufficientHealth`, `StaleEntry`.
#[inline(never)]
pub(crate) fn return_deposit(ctx: Context<ReturnDeposit>) -> Result<()> {
    let accounts = &ctx.accounts;
    let amount = debit(accounts)?;
    let (id, bump) = {
        let exchange = accounts.exchange.load()?;
        (exchange.id.to_le_bytes(), exchange.bump)
    };
    token::pay(
        &accounts.vault,
        accounts.to.to_account_info(),
        &accounts.mint,
        accounts.exchange.to_account_info(),
        exchange_signer!(id, bump),
        &accounts.token_program,
        amount,
    )
}

/// Takes the deposit from the account; returns what to pay.
#[inline(never)]
fn debit(accounts: &ReturnDeposit) -> Result<u64> {
    let clock = Clock::get()?;
    let risk = accounts.risk_state.load()?;
    let mut bank = accounts.bank.load_mut()?;
    let mut account = accounts.margin_account.load_mut()?;
    gates::RETURN_DEPOSIT
        .exchange(risk.mode)?
        .bank(bank.mode)?
        .account(account.state)?;
    require_own_wallet(accounts, &account.owner)?;
    let entry = risk.asset(bank.index)?;
    require!(entry.price.is_final(), PlimsollError::NotWindingDown);

    ledger::accrue(&mut bank, clock.unix_timestamp)?;
    let slot = account
        .find_balance(bank.index)
        .ok_or(PlimsollError::NoSuchPosition)?;
    let balance = account.balances.get_mut(slot).or_refuse()?;
    require!(balance.shares.0 > 0, PlimsollError::NoSuchPosition);
    let held = ledger::held(&bank, balance)?;
    let amount = held.min(accounts.vault.amount);
    require!(
        amount > 0 || held == 0,
        PlimsollError::InsufficientLiquidity
    );
    ledger::debit(&mut bank, balance, amount)?;
    ledger::drop_dust(&mut bank, balance)?;
    ledger::count_withdrawn(&mut bank, amount, &clock);
    emit!(Withdrawn {
        margin_account: accounts.margin_account.key(),
        asset: bank.index,
        amount,
        borrowed: 0,
        shares: balance.shares.0,
    });
    account.release_balance(slot);
    if !is_free(&account) {
        require_init(&risk, &mut account, Purpose::Pay, &clock)?;
    }
    Ok(amount)
}

/// Refuses any token account but the owner's associated one, which its owner may have given away.
fn require_own_wallet(accounts: &ReturnDeposit, owner: &Pubkey) -> Result<()> {
    let wallet = get_associated_token_address_with_program_id(
        owner,
        accounts.mint.to_account_info().key,
        accounts.token_program.key,
    );
    require!(
        accounts.to.to_account_info().key == &wallet && accounts.to.owner == *owner,
        PlimsollError::WrongTokenAccount
    );
    Ok(())
}

/// Whether nothing that the account has can become a debt: it owes nothing and holds no position or order.
fn is_free(account: &MarginAccount) -> bool {
    owes_nothing(account) && account.perps.iter().all(|perp| !perp.is_exposed())
}
