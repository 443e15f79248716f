//! Moves tokens into a margin account.
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

use crate::{
    error::{OrRefuse, PlimsollError},
    events::Deposited,
    gates,
    health::require_undoubted,
    ledger,
    state::{mode, Bank, MarginAccount, RiskState},
    token,
};

#[derive(Accounts)]
pub struct Deposit<'info> {
    /// Owner of `from`; anyone may deposit for anyone, into an asset that the account already holds. A first deposit of
    /// an asset takes one of the account's slots, so only its owner may make it.
    pub depositor: Signer<'info>,
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(
        mut,
        has_one = vault @ PlimsollError::WrongVault,
        has_one = mint @ PlimsollError::WrongMint,
    )]
    pub bank: AccountLoader<'info, Bank>,
    #[account(mut)]
    pub vault: Box<InterfaceAccount<'info, TokenAccount>>,
    #[account(mut)]
    pub from: Box<InterfaceAccount<'info, TokenAccount>>,
    pub mint: Box<InterfaceAccount<'info, Mint>>,
    pub token_program: Interface<'info, TokenInterface>,
}

/// Credits what arrives in the vault: repays a debt in the asset first. In reduce-only mode, or while the asset's price is in
/// doubt, it may do no more than that.
#[inline(never)]
pub(crate) fn deposit(ctx: Context<Deposit>, amount: u64) -> Result<()> {
    require!(amount > 0, PlimsollError::ZeroAmount);
    let accounts = ctx.accounts;
    let arrived = token::receive(
        &accounts.from,
        &mut accounts.vault,
        &accounts.mint,
        accounts.depositor.to_account_info(),
        &accounts.token_program,
        amount,
    )?;
    credit(accounts, arrived)
}

#[inline(never)]
fn credit(accounts: &Deposit, arrived: u64) -> Result<()> {
    let clock = Clock::get()?;
    let risk = accounts.risk_state.load()?;
    let mut bank = accounts.bank.load_mut()?;
    let mut account = accounts.margin_account.load_mut()?;
    require_keys_eq!(
        account.exchange,
        risk.exchange,
        PlimsollError::WrongExchange
    );
    require_keys_eq!(bank.exchange, risk.exchange, PlimsollError::WrongExchange);
    let key = accounts.margin_account.as_ref().key;
    let depositor = accounts.depositor.key;
    put(
        &risk,
        &mut bank,
        key,
        &mut account,
        depositor,
        arrived,
        &clock,
    )
}

/// Puts what has arrived into an account, under every limit, accounts and time given.
#[inline(always)]
pub fn put(
    risk: &RiskState,
    bank: &mut Bank,
    key: &Pubkey,
    account: &mut MarginAccount,
    depositor: &Pubkey,
    arrived: u64,
    clock: &Clock,
) -> Result<()> {
    let now = clock.unix_timestamp;
    gates::DEPOSIT
        .exchange(risk.mode)?
        .bank(bank.mode)?
        .account(account.state)?;
    if account.find_balance(bank.index).is_none() {
        account.require_owner(depositor)?;
    }

    ledger::accrue(bank, now)?;
    let slot = account.open_balance(bank.index)?;
    let balance = account.balances.get_mut(slot).or_refuse()?;
    let debt = balance
        .native(bank.indices())
        .or_refuse()?
        .min(0)
        .unsigned_abs();
    ledger::credit(bank, balance, arrived)?;
    let entry = risk.asset(bank.index)?;
    if arrived > debt {
        require!(
            bank.mode == mode::ACTIVE && risk.mode == mode::ACTIVE,
            PlimsollError::AssetReduceOnly
        );
        require_undoubted(risk, entry, clock)?;
        ledger::require_deposit_cap(bank, entry)?;
        ledger::crowd(bank, balance, arrived.saturating_sub(debt), entry, now)?;
    }
    if debt > 0 {
        ledger::finish_repayment(bank, arrived.min(debt), entry, now);
    }
    ledger::count_inflow(bank, arrived, entry, now);
    ledger::count_deposited(bank, arrived.saturating_sub(debt), clock);
    emit!(Deposited {
        margin_account: *key,
        asset: bank.index,
        amount: arrived,
        shares: balance.shares.0,
    });
    account.release_balance(slot);
    Ok(())
}
