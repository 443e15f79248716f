//! Dust out of reach: deposits that nobody can seize now, and that all together are not worth waiting for.
//!
//! They go to the insurance of their own banks, so that they hold no bankruptcy up; whoever owns them does not keep them
//! beside a debt that others bear.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    balance::spot_value,
    fixed::{add, sub},
    AssetRisk, Balance, Clock as Now, Purpose,
};

use super::{bankruptcy::require_bankrupt_without, Standing};
use crate::{
    error::{OrRefuse, PlimsollError},
    health::clock_of,
    ledger,
    state::{Bank, MarginAccount, RiskState},
};

/// The deposits, with their entries, whose price does not allow a seizure now.
fn out_of_reach<'a>(
    account: &'a MarginAccount,
    risk: &'a RiskState,
    now: Now,
) -> impl Iterator<Item = Result<(&'a Balance, &'a AssetRisk)>> {
    let deposits = account.balances.iter().filter(|b| b.shares.0 > 0);
    let entries = deposits.map(|balance| Ok((balance, risk.asset(balance.asset)?)));
    entries.filter(move |deposit| {
        let reachable = |entry: &AssetRisk| entry.price.is_fresh(&now, Purpose::Seize);
        !deposit.as_ref().is_ok_and(|(_, entry)| reachable(entry))
    })
}

/// What a deposit is worth at the higher of spot and stable price, native quote, rounded down.
pub(super) fn best_value(balance: &Balance, entry: &AssetRisk) -> Result<i128> {
    spot_value(balance, entry.indices(), entry.price.higher(), entry.shift).or_refuse()
}

/// Refuses unless what the account has out of reach may be forfeited: it is below its maintenance line as a liquidation
/// measures it and without equity, doubt in its favour and decayed for none of it, and all of it together is worth less than the quote asset's dust. Who can pay with
/// what is out of reach is not bankrupt, and much dust is no dust.
///
/// # Errors
/// `NotBankrupt`.
#[inline(never)]
pub fn require_forfeitable(account: &MarginAccount, risk: &RiskState, clock: &Clock) -> Result<()> {
    let now = clock_of(risk, clock);
    let (mut worth, mut counted) = (0, 0);
    for deposit in out_of_reach(account, risk, now) {
        let (balance, entry) = deposit?;
        worth = add(worth, best_value(balance, entry)?).or_refuse()?;
        let price = entry.price.in_doubt(&now).or_refuse()?.owned;
        let value = spot_value(balance, entry.indices(), price, entry.shift);
        counted = add(counted, value.or_refuse()?).or_refuse()?;
    }
    let line = i128::from(risk.asset(0)?.terms.dust_usd);
    require!(worth < line, PlimsollError::NotBankrupt);
    let standing = Standing::of(risk, account, clock)?;
    // Doubt that has decayed is no longer in its favour: then at what was known last.
    let favour = sub(worth, counted).or_refuse()?.max(0);
    let equity = add(standing.equity(), favour).or_refuse()?;
    require!(
        standing.maintenance() < 0 && equity <= 0,
        PlimsollError::NotBankrupt
    );
    Ok(())
}

/// The assets whose deposits have to be forfeited before an account is bankrupt, for whoever resolves it: those out of reach that
/// are worth a native unit of quote or more.
///
/// # Errors
/// As [`require_forfeitable`], where there is such a deposit, and as [`super::bankruptcy::require_bankrupt`] for what it has
/// besides.
pub fn to_forfeit(account: &MarginAccount, risk: &RiskState, clock: &Clock) -> Result<Vec<u16>> {
    let mut assets = Vec::new();
    for deposit in out_of_reach(account, risk, clock_of(risk, clock)) {
        let (balance, entry) = deposit?;
        if best_value(balance, entry)? > 0 {
            assets.push(balance.asset);
        }
    }
    if !assets.is_empty() {
        require_forfeitable(account, risk, clock)?;
    }
    require_bankrupt_without(account, risk, &assets)?;
    Ok(assets)
}

/// Moves a whole deposit that is out of reach to its bank's insurance and frees its slot; returns the native units. What
/// is less than one stays with the bank's other depositors. The bank must be accrued, and [`require_forfeitable`] have
/// passed.
///
/// # Errors
/// `WrongRemainingAccount` when there is no such deposit; `NotBankrupt` when it can be seized.
#[inline(never)]
pub fn forfeit(
    account: &mut MarginAccount,
    bank: &mut Bank,
    risk: &RiskState,
    clock: &Clock,
) -> Result<u64> {
    let slot = account.find_balance(bank.index);
    let slot = slot.ok_or(PlimsollError::WrongRemainingAccount)?;
    let balance = account.balances.get_mut(slot).or_refuse()?;
    require!(balance.shares.0 > 0, PlimsollError::WrongRemainingAccount);
    let entry = risk.asset(bank.index)?;
    require!(
        !entry.price.is_fresh(&clock_of(risk, clock), Purpose::Seize),
        PlimsollError::NotBankrupt
    );
    let amount = ledger::held(bank, balance)?;
    ledger::debit(bank, balance, amount)?;
    ledger::drop_dust(bank, balance)?;
    bank.insurance = bank.insurance.checked_add(amount).or_refuse()?;
    account.release_balance(slot);
    Ok(amount)
}
