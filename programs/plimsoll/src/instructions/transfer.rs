//! Moves a balance between two margin accounts of one owner.
use anchor_lang::prelude::*;
use plimsoll_risk::Purpose;

use crate::{
    error::{OrRefuse, PlimsollError},
    events::Transferred,
    gates,
    health::{require_init, require_undoubted},
    ledger,
    state::{mode, Bank, MarginAccount, RiskState},
};

#[derive(Accounts)]
pub struct Transfer<'info> {
    pub owner: Signer<'info>,
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut, constraint = from.key() != to.key() @ PlimsollError::DuplicateAccount)]
    pub from: AccountLoader<'info, MarginAccount>,
    #[account(mut)]
    pub to: AccountLoader<'info, MarginAccount>,
    #[account(mut)]
    pub bank: AccountLoader<'info, Bank>,
}

/// Moves `amount` native units (`u64::MAX`: the whole deposit) from one account of the owner to another. No token moves, so
/// no vault or outflow limit is concerned. What is borrowed for it is a borrow like any other, and what the bank then owes
/// more a deposit like any other, under the deposit cap.
#[inline(never)]
pub(crate) fn transfer(ctx: Context<Transfer>, amount: u64, allow_borrow: bool) -> Result<()> {
    let accounts = &ctx.accounts;
    let clock = Clock::get()?;
    let now = clock.unix_timestamp;
    let risk = accounts.risk_state.load()?;
    let mut bank = accounts.bank.load_mut()?;
    let mut from = accounts.from.load_mut()?;
    let mut to = accounts.to.load_mut()?;
    from.require_owner(&accounts.owner.key())?;
    require_keys_eq!(from.owner, to.owner, PlimsollError::DifferentOwners);
    for exchange in [&bank.exchange, &from.exchange, &to.exchange] {
        require_keys_eq!(*exchange, risk.exchange, PlimsollError::WrongExchange);
    }
    gates::TRANSFER
        .exchange(risk.mode)?
        .bank(bank.mode)?
        .account(from.state)?;

    ledger::accrue(&mut bank, now)?;
    let deposits = bank.totals()?.deposits;
    let slot = from.open_balance(bank.index)?;
    // A balance that leaves whole leaves its mark behind.
    let source = *from.balances.get(slot).or_refuse()?;
    let amount = take(
        &mut bank,
        &mut from,
        slot,
        amount,
        allow_borrow,
        &risk,
        &clock,
    )?;
    from.release_balance(slot);
    require_init(&risk, &mut from, Purpose::Pay, &clock)?;

    let slot = to.open_balance(bank.index)?;
    let balance = to.balances.get_mut(slot).or_refuse()?;
    let debt = balance
        .native(bank.indices())
        .or_refuse()?
        .min(0)
        .unsigned_abs();
    let entry = risk.asset(bank.index)?;
    if amount > debt {
        require_undoubted(&risk, entry, &clock)?;
    }
    ledger::credit(&mut bank, balance, amount)?;
    let added = amount.saturating_sub(debt);
    if bank.totals()?.deposits > deposits {
        ledger::require_deposit_cap(&bank, entry)?;
        ledger::crowd(&bank, balance, added, entry, now)?;
    } else if added > 0 {
        ledger::crowd_like(&bank, balance, &source, added, entry, now)?;
    }
    ledger::finish_repayment(&mut bank, amount.min(debt), entry, now);
    to.release_balance(slot);
    emit!(Transferred {
        from: accounts.from.key(),
        to: accounts.to.key(),
        asset: bank.index,
        amount,
    });
    Ok(())
}

/// Takes the amount out of the sending account; returns what was taken.
fn take(
    bank: &mut Bank,
    from: &mut MarginAccount,
    slot: usize,
    amount: u64,
    allow_borrow: bool,
    risk: &RiskState,
    clock: &Clock,
) -> Result<u64> {
    let balance = from.balances.get_mut(slot).or_refuse()?;
    let amount = if amount == u64::MAX {
        ledger::held(bank, balance)?
    } else {
        amount
    };
    require!(amount > 0, PlimsollError::ZeroAmount);
    let borrowed = ledger::debit(bank, balance, amount)?;
    require!(
        borrowed == 0 || allow_borrow,
        PlimsollError::InsufficientBalance
    );
    require!(
        borrowed == 0 || (bank.mode == mode::ACTIVE && risk.mode == mode::ACTIVE),
        PlimsollError::AssetReduceOnly
    );
    let entry = risk.asset(bank.index)?;
    ledger::finish_borrow(bank, balance, borrowed, entry, clock.unix_timestamp)?;
    Ok(amount)
}
