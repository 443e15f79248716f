//! Moves tokens out of a margin account, borrowing them when asked to.
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use plimsoll_risk::Purpose;

use crate::{
    error::{OrRefuse, PlimsollError},
    events::Withdrawn,
    exchange_signer, gates,
    health::require_init,
    ledger,
    state::{mode, Bank, Exchange, MarginAccount, RiskState},
    token,
};

#[derive(Accounts)]
pub struct Withdraw<'info> {
    pub owner: Signer<'info>,
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
    /// Any token account of the mint; the owner signs for where it goes.
    #[account(mut)]
    pub to: Box<InterfaceAccount<'info, TokenAccount>>,
    pub mint: Box<InterfaceAccount<'info, Mint>>,
    pub token_program: Interface<'info, TokenInterface>,
}

/// Pays `amount` native units (`u64::MAX`: the whole deposit). What exceeds the deposit is borrowed, with
/// `allow_borrow` only. Init health must be at least zero afterwards.
#[inline(never)]
pub(crate) fn withdraw(ctx: Context<Withdraw>, amount: u64, allow_borrow: bool) -> Result<()> {
    let accounts = &ctx.accounts;
    let amount = debit(accounts, amount, allow_borrow)?;
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

/// Takes the amount from the account; returns what to pay.
#[inline(never)]
fn debit(accounts: &Withdraw, amount: u64, allow_borrow: bool) -> Result<u64> {
    let clock = Clock::get()?;
    let risk = accounts.risk_state.load()?;
    let mut bank = accounts.bank.load_mut()?;
    let mut account = accounts.margin_account.load_mut()?;
    account.require_owner(accounts.owner.key)?;
    let key = accounts.margin_account.as_ref().key;
    let taken = take(
        &risk,
        &mut bank,
        key,
        &mut account,
        amount,
        allow_borrow,
        &clock,
    )?;
    Ok(taken.amount)
}

/// What a withdrawal takes out of an account, native units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// To be paid.
    pub amount: u64,
    /// The part of it that was borrowed.
    pub borrowed: u64,
}

/// Takes an amount out of the owner's account, under every limit, accounts and clock given.
#[inline(always)]
pub fn take(
    risk: &RiskState,
    bank: &mut Bank,
    key: &Pubkey,
    account: &mut MarginAccount,
    amount: u64,
    allow_borrow: bool,
    clock: &Clock,
) -> Result<Taken> {
    let now = clock.unix_timestamp;
    gates::WITHDRAW
        .exchange(risk.mode)?
        .bank(bank.mode)?
        .account(account.state)?;
    ledger::accrue(bank, now)?;
    let slot = account.open_balance(bank.index)?;
    let balance = account.balances.get_mut(slot).or_refuse()?;
    let amount = if amount == u64::MAX {
        ledger::held(bank, balance)?
    } else {
        amount
    };
    require!(amount > 0, PlimsollError::ZeroAmount);

    let unlent = bank.unlent()?;
    let borrowed = ledger::debit(bank, balance, amount)?;
    require!(
        borrowed == 0 || allow_borrow,
        PlimsollError::InsufficientBalance
    );
    let reduce_only = bank.mode != mode::ACTIVE || risk.mode != mode::ACTIVE;
    require!(
        borrowed == 0 || !reduce_only,
        PlimsollError::AssetReduceOnly
    );
    let entry = risk.asset(bank.index)?;
    if borrowed == 0 {
        ledger::require_withdrawable(bank, unlent)?;
    } else {
        ledger::finish_borrow(bank, balance, borrowed, entry, now)?;
    }
    ledger::count_outflow(bank, amount, entry, now)?;
    ledger::count_withdrawn(bank, amount.saturating_sub(borrowed), clock);
    emit!(Withdrawn {
        margin_account: *key,
        asset: bank.index,
        amount,
        borrowed,
        shares: balance.shares.0,
    });
    account.release_balance(slot);
    require_init(risk, account, Purpose::Pay, clock)?;
    Ok(Taken { amount, borrowed })
}
