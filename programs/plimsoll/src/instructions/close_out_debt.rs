//! Settles a debt in an asset that is being wound down with a deposit of it, or with what the bank itself is owed. Permissionless.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    interest::Fractions,
    winding_down::{settlement, Settlement},
    AccountMargin, AssetRisk, HealthKind, MarginModel, Policy, Purpose,
};

use crate::{
    error::{OrRefuse, PlimsollError},
    events::DebtClosedOut,
    gates,
    health::{clock_of, portfolio, view},
    ledger,
    liquidation::bankruptcy::debt,
    state::{margin_account::account_state, Bank, MarginAccount, RiskState},
};

#[derive(Accounts)]
pub struct CloseOutDebt<'info> {
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut, constraint = bank.key() != quote_bank.key() @ PlimsollError::DuplicateAccount)]
    pub bank: AccountLoader<'info, Bank>,
    /// The bank of the quote asset.
    #[account(mut)]
    pub quote_bank: AccountLoader<'info, Bank>,
    /// Has a deposit of the asset; without it the bank's fees and insurance pay the debt.
    #[account(mut, constraint = depositor.key() != debtor.key() @ PlimsollError::DuplicateAccount)]
    pub depositor: Option<AccountLoader<'info, MarginAccount>>,
    /// Owes the asset.
    #[account(mut)]
    pub debtor: AccountLoader<'info, MarginAccount>,
}

/// Pays as much of the debt with the deposit as both allow; the debtor pays the depositor for it in quote, at the asset's final
/// price and the quote token's spot price. No token moves.
///
/// Debts exceed deposits by what the bank is owed of them, interest fees and roundings. So, without a depositor, the bank's fees
/// pay, or its insurance once there are none, and become as much in quote; when nobody has a deposit any more, what is left of a
/// debt is settled as a fee.
///
/// What the debtor's quote deposit does not cover is borrowed, whatever the limits of new borrows and without an origination
/// fee: it takes the place of a debt of the same worth. But only an account at or above its maintenance line borrows it, at
/// prices that are known and without a flag; one below is liquidated, which works at a final price as at any other. Otherwise a loss that the depositors of this asset have to
/// bear would become one of the depositors of quote.
///
/// Neither account's health falls, but for rounding, where the quote asset's weights are no worse than the asset's: the haircut of
/// the deposit and the surcharge on the debt vanish, and neither hedged anything. No limit, mode or state of an account holds it
/// back.
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
    let mut debtor = accounts.debtor.load_mut()?;
    check(&risk, &bank, &quote_bank, &debtor, &clock)?;
    let now = clock.unix_timestamp;
    ledger::accrue(&mut bank, now)?;
    ledger::accrue(&mut quote_bank, now)?;

    let mut depositor = match &accounts.depositor {
        Some(depositor) => Some(depositor.load_mut()?),
        None => None,
    };
    let slot = slot_of(&debtor, bank.index)?;
    let owed = debt(&bank, debtor.balances.get(slot).or_refuse()?)?;
    let payable = match &depositor {
        Some(depositor) => deposit(&risk, &bank, depositor)?,
        None => claim(&bank, owed),
    };
    let amount = owed.min(payable);
    require!(amount > 0, PlimsollError::NothingToCloseOut);
    let (asset, quote) = (risk.asset(bank.index)?, risk.asset(0)?);
    let Settlement { paid, received } = settlement(amount, asset, quote).or_refuse()?;
    charge(&risk, &mut quote_bank, &mut debtor, paid, &clock)?;
    repay(&mut bank, &mut debtor, slot, amount, asset, now)?;
    match depositor.as_deref_mut() {
        Some(depositor) => {
            take_deposit(&mut bank, depositor, amount)?;
            pay(&mut quote_bank, depositor, received, quote, now)?;
        }
        None => pay_bank(&mut bank, &mut quote_bank, amount, received)?,
    }
    emit!(DebtClosedOut {
        asset: bank.index,
        depositor: accounts
            .depositor
            .as_ref()
            .map(|d| d.key())
            .unwrap_or_default(),
        debtor: accounts.debtor.key(),
        amount,
        paid,
        received,
    });
    Ok(())
}

/// All that does not depend on the depositor.
#[inline(never)]
fn check(
    risk: &RiskState,
    bank: &Bank,
    quote_bank: &Bank,
    debtor: &MarginAccount,
    clock: &Clock,
) -> Result<()> {
    for exchange in [&bank.exchange, &quote_bank.exchange, &debtor.exchange] {
        require_keys_eq!(*exchange, risk.exchange, PlimsollError::WrongExchange);
    }
    require!(quote_bank.index == 0, PlimsollError::WrongMint);
    gates::CLOSE_OUT_DEBT
        .exchange(risk.mode)?
        .bank(bank.mode)?
        .bank(quote_bank.mode)?
        .account(debtor.state)?;
    let (asset, quote) = (risk.asset(bank.index)?, risk.asset(0)?);
    require!(asset.price.is_final(), PlimsollError::NotWindingDown);
    require!(
        quote.price.is_fresh(&clock_of(risk, clock), Purpose::Pay),
        PlimsollError::StaleEntry
    );
    Ok(())
}

/// The slot of the asset.
fn slot_of(account: &MarginAccount, asset: u16) -> Result<usize> {
    account
        .find_balance(asset)
        .ok_or_else(|| PlimsollError::NothingToCloseOut.into())
}

/// Native units of the asset that the depositor has.
fn deposit(risk: &RiskState, bank: &Bank, depositor: &MarginAccount) -> Result<u64> {
    require_keys_eq!(
        depositor.exchange,
        risk.exchange,
        PlimsollError::WrongExchange
    );
    gates::CLOSE_OUT_DEBT.account(depositor.state)?;
    let slot = slot_of(depositor, bank.index)?;
    ledger::held(bank, depositor.balances.get(slot).or_refuse()?)
}

/// Native units of a debt that the bank itself may be paid for.
fn claim(bank: &Bank, owed: u64) -> u64 {
    if bank.fees > 0 {
        bank.fees
    } else if bank.deposit_shares > 0 {
        // Insurance is its depositors' as long as there are any.
        0
    } else if bank.insurance > 0 {
        bank.insurance
    } else {
        owed
    }
}

/// What [`claim`] says becomes quote: insurance once there are no fees; last what the roundings left of debts, and with it the part
/// of a unit that the bank had still to earn.
fn pay_bank(bank: &mut Bank, quote_bank: &mut Bank, amount: u64, received: u64) -> Result<()> {
    let (claim, income) = if bank.fees == 0 && bank.insurance > 0 {
        (&mut bank.insurance, &mut quote_bank.insurance)
    } else {
        (&mut bank.fees, &mut quote_bank.fees)
    };
    if *claim == 0 {
        bank.fractions = Fractions::default();
    }
    *claim = claim.saturating_sub(amount);
    *income = income.checked_add(received).or_refuse()?;
    Ok(())
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
            Policy::Strict,
        )
        .or_refuse()?;
        require!(health.stale.blocking().is_none(), PlimsollError::StaleEntry);
        require!(
            health.value >= 0 && debtor.state == account_state::ACTIVE,
            PlimsollError::InsufficientHealth
        );
    }
    let [quote, ..] = &mut debtor.balances;
    let (entry, now) = (risk.asset(0)?, clock.unix_timestamp);
    let borrowed = ledger::charge(bank, quote, amount, entry, now)?;
    ledger::count_borrow(bank, borrowed, entry, now);
    Ok(())
}

/// Takes the debt off the debtor.
fn repay(
    bank: &mut Bank,
    debtor: &mut MarginAccount,
    slot: usize,
    amount: u64,
    entry: &AssetRisk,
    now: i64,
) -> Result<()> {
    let owed = debtor.balances.get_mut(slot).or_refuse()?;
    ledger::credit(bank, owed, amount)?;
    debtor.release_balance(slot);
    ledger::finish_repayment(bank, amount, entry, now);
    Ok(())
}

/// Takes what paid the debt off the depositor.
fn take_deposit(bank: &mut Bank, depositor: &mut MarginAccount, amount: u64) -> Result<()> {
    let slot = slot_of(depositor, bank.index)?;
    let held = depositor.balances.get_mut(slot).or_refuse()?;
    ledger::debit(bank, held, amount)?;
    ledger::drop_dust(bank, held)?;
    depositor.release_balance(slot);
    Ok(())
}

/// Gives the quote to the depositor, whose own debt in it is repaid first.
fn pay(
    bank: &mut Bank,
    depositor: &mut MarginAccount,
    amount: u64,
    entry: &AssetRisk,
    now: i64,
) -> Result<()> {
    let [quote, ..] = &mut depositor.balances;
    let owed = debt(bank, quote)?;
    ledger::give(bank, quote, amount, entry, now)?;
    ledger::finish_repayment(bank, amount.min(owed), entry, now);
    Ok(())
}
