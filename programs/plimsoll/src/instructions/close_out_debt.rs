//! Settles a debt in an asset that is being wound down with a deposit of it. Permissionless.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    winding_down::{settlement, Settlement},
    AccountMargin, HealthKind, MarginModel, Policy, Purpose,
};

use crate::{
    error::{OrRefuse, PlimsollError},
    events::DebtClosedOut,
    gates,
    health::{clock_of, portfolio, view},
    ledger,
    liquidation::bankruptcy::debt,
    state::{Bank, MarginAccount, RiskState},
};

#[derive(Accounts)]
pub struct CloseOutDebt<'info> {
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut, constraint = bank.key() != quote_bank.key() @ PlimsollError::DuplicateAccount)]
    pub bank: AccountLoader<'info, Bank>,
    /// The bank of the quote asset.
    #[account(mut)]
    pub quote_bank: AccountLoader<'info, Bank>,
    /// Has a deposit of the asset.
    #[account(mut, constraint = depositor.key() != debtor.key() @ PlimsollError::DuplicateAccount)]
    pub depositor: AccountLoader<'info, MarginAccount>,
    /// Owes the asset.
    #[account(mut)]
    pub debtor: AccountLoader<'info, MarginAccount>,
}

/// Pays as much of the debt with the deposit as both allow; the debtor pays the depositor for it in quote, at the asset's final
/// price and the quote token's spot price. No token moves.
///
/// What the debtor's quote deposit does not cover is borrowed, whatever the limits of new borrows and without an origination
/// fee: it takes the place of a debt of the same worth. But only an account at or above its maintenance line borrows it; one
/// below is liquidated, which works at a final price as at any other. Otherwise a loss that the depositors of this asset have to
/// bear would become one of the depositors of quote.
///
/// Neither account's health falls in Standard margin, but for rounding, where the quote asset's weights are no worse than the
/// asset's: the haircut of the deposit and the surcharge on the debt vanish. No limit, mode or state of an account holds it back.
///
/// # Errors
/// `NotWindingDown` while the asset's price is not final; `NothingToCloseOut`; `StaleEntry` while the quote token's price pays
/// nothing; `InsufficientHealth`.
#[inline(never)]
pub(crate) fn close_out_debt(ctx: Context<CloseOutDebt>) -> Result<()> {
    let accounts = &ctx.accounts;
    let clock = Clock::get()?;
    let risk = accounts.risk_state.load()?;
    let mut bank = accounts.bank.load_mut()?;
    let mut quote_bank = accounts.quote_bank.load_mut()?;
    let mut depositor = accounts.depositor.load_mut()?;
    let mut debtor = accounts.debtor.load_mut()?;
    for exchange in [
        &bank.exchange,
        &quote_bank.exchange,
        &depositor.exchange,
        &debtor.exchange,
    ] {
        require_keys_eq!(*exchange, risk.exchange, PlimsollError::WrongExchange);
    }
    require!(quote_bank.index == 0, PlimsollError::WrongMint);
    gates::CLOSE_OUT_DEBT
        .exchange(risk.mode)?
        .bank(bank.mode)?
        .bank(quote_bank.mode)?
        .account(depositor.state)?
        .account(debtor.state)?;
    let (asset, quote) = (risk.asset(bank.index)?, risk.asset(0)?);
    require!(asset.price.is_final(), PlimsollError::NotWindingDown);
    let pays = quote.price.is_fresh(&clock_of(&risk, &clock), Purpose::Pay);
    require!(pays, PlimsollError::StaleEntry);

    let now = clock.unix_timestamp;
    ledger::accrue(&mut bank, now)?;
    ledger::accrue(&mut quote_bank, now)?;
    let (from, to) = (slot(&depositor, bank.index)?, slot(&debtor, bank.index)?);
    let deposit = depositor.balances.get(from).or_refuse()?;
    let owed = debtor.balances.get(to).or_refuse()?;
    let amount = ledger::held(&bank, deposit)?.min(debt(&bank, owed)?);
    require!(amount > 0, PlimsollError::NothingToCloseOut);
    let Settlement { paid, received } = settlement(amount, asset, quote).or_refuse()?;
    charge(&risk, &mut quote_bank, &mut debtor, paid, &clock)?;
    pay(&mut quote_bank, &mut depositor, received, now)?;
    repay(&mut bank, &mut depositor, from, &mut debtor, to, amount)?;
    ledger::finish_repayment(&mut bank, amount, now)?;
    emit!(DebtClosedOut {
        asset: bank.index,
        depositor: accounts.depositor.key(),
        debtor: accounts.debtor.key(),
        amount,
        paid,
        received,
    });
    Ok(())
}

/// The slot of the asset.
fn slot(account: &MarginAccount, asset: u16) -> Result<usize> {
    account
        .find_balance(asset)
        .ok_or_else(|| PlimsollError::NothingToCloseOut.into())
}

/// Takes the quote from the debtor, before its debt is repaid: what it lacks is borrowed.
#[inline(never)]
fn charge(
    risk: &RiskState,
    bank: &mut Bank,
    debtor: &mut MarginAccount,
    amount: u64,
    clock: &Clock,
) -> Result<()> {
    let [quote, ..] = &debtor.balances;
    if amount > ledger::held(bank, quote)? {
        let health = AccountMargin::health(
            &view(risk, clock, Purpose::Pay),
            &portfolio(debtor),
            HealthKind::Maint,
            Policy::BenefitOfDoubt,
        )
        .or_refuse()?;
        require!(health.value >= 0, PlimsollError::InsufficientHealth);
    }
    let [quote, ..] = &mut debtor.balances;
    let borrowed = ledger::debit(bank, quote, amount)?;
    ledger::count_borrow(bank, borrowed, clock.unix_timestamp)?;
    Ok(())
}

/// Gives the quote to the depositor, whose own debt in it is repaid first.
fn pay(bank: &mut Bank, depositor: &mut MarginAccount, amount: u64, now: i64) -> Result<()> {
    let [quote, ..] = &mut depositor.balances;
    let owed = debt(bank, quote)?;
    ledger::credit(bank, quote, amount)?;
    ledger::finish_repayment(bank, amount.min(owed), now)
}

/// Lets the deposit pay the debt, and frees the slots that are empty then.
#[inline(never)]
fn repay(
    bank: &mut Bank,
    depositor: &mut MarginAccount,
    from: usize,
    debtor: &mut MarginAccount,
    to: usize,
    amount: u64,
) -> Result<()> {
    let deposit = depositor.balances.get_mut(from).or_refuse()?;
    ledger::debit(bank, deposit, amount)?;
    ledger::drop_dust(bank, deposit)?;
    depositor.release_balance(from);
    let owed = debtor.balances.get_mut(to).or_refuse()?;
    ledger::credit(bank, owed, amount)?;
    debtor.release_balance(to);
    Ok(())
}
