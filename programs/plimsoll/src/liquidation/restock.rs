//! Buys for a bank what it lacks of its asset, with the quote that insurance has set aside.
use anchor_lang::prelude::*;
use plimsoll_risk::{AssetRisk, Purpose};

use super::{
    bankruptcy::{buyout, charge_depositors},
    require_own_init,
};
use crate::{
    error::{OrRefuse, PlimsollError},
    health::clock_of,
    ledger,
    state::{Bank, MarginAccount, RiskState},
};

/// Time in which what insurance has paid for an asset, up to the asset's limit, leaks away: a day.
pub const INSURANCE_WINDOW_SECS: u32 = 86_400;

/// What a purchase came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restocked {
    /// Native units of the asset that the bank got.
    pub amount: u64,
    /// Quote tokens for them.
    pub paid: u64,
    /// Native units that depositors bear, since there is no quote left for them.
    pub socialized: u64,
}

/// Buys at most `max` native units of what the bank lacks out of the seller's deposit, at oracle prices and the asset's least
/// liquidation fee. When the quote set aside is used up, depositors bear what is still missing; when nothing is missing any
/// more, what is left of the quote becomes insurance of the quote bank. The banks must be accrued.
///
/// # Errors
/// `InsufficientBalance` without a deposit; `BrokenFeed`, `StaleEntry`, `WithdrawnInSlot`, `InsufficientHealth`.
#[inline(never)]
pub fn restock(
    risk: &mut RiskState,
    bank: &mut Bank,
    quote_bank: &mut Bank,
    seller: &mut MarginAccount,
    max: u64,
    clock: &Clock,
) -> Result<Restocked> {
    let (asset, quote) = (risk.asset(bank.index)?, risk.asset(0)?);
    for entry in [asset, quote] {
        require_priced(risk, entry, clock)?;
    }
    let slot = seller
        .find_balance(bank.index)
        .ok_or(PlimsollError::InsufficientBalance)?;
    let own = seller.balances.get_mut(slot).or_refuse()?;
    let max = max.min(ledger::held(bank, own)?);
    require!(max > 0, PlimsollError::InsufficientBalance);
    let bonus = bank.params.liquidation.fee_min;
    let fund = bank.buyout_fund;
    let plan = buyout(bank.missing, max, asset, quote, bonus, fund).or_refuse()?;

    ledger::debit(bank, own, plan.repaid)?;
    seller.release_balance(slot);
    let [own, ..] = &mut seller.balances;
    ledger::give(quote_bank, own, plan.payout, quote, clock.unix_timestamp)?;
    bank.missing = bank.missing.saturating_sub(plan.repaid);
    bank.buyout_fund = bank.buyout_fund.saturating_sub(plan.payout);
    let socialized = match plan.exhausted {
        true => share_rest(risk, bank, clock)?,
        false => 0,
    };
    if bank.missing == 0 {
        let left = core::mem::take(&mut bank.buyout_fund);
        quote_bank.insurance = quote_bank.insurance.checked_add(left).or_refuse()?;
    }
    require_own_init(risk, seller, clock)?;
    Ok(Restocked {
        amount: plan.repaid,
        paid: plan.payout,
        socialized,
    })
}

/// Lets depositors bear what is missing and cannot be bought.
fn share_rest(risk: &mut RiskState, bank: &mut Bank, clock: &Clock) -> Result<u64> {
    if bank.missing == 0 {
        return Ok(0);
    }
    bank.require_nobody_stepped_aside(clock.slot)?;
    let haircut = risk.haircut(risk.asset(bank.index)?.underlying);
    let entry = risk.asset_mut(bank.index)?;
    let borne = charge_depositors(bank, entry, haircut.as_ref(), bank.missing)?;
    bank.missing = bank.missing.saturating_sub(borne);
    Ok(borne)
}

/// Refuses a price at which nothing is paid out.
pub fn require_priced(risk: &RiskState, entry: &AssetRisk, clock: &Clock) -> Result<()> {
    require!(!entry.price.is_broken(), PlimsollError::BrokenFeed);
    require!(
        entry.price.is_fresh(&clock_of(risk, clock), Purpose::Pay),
        PlimsollError::StaleEntry
    );
    Ok(())
}
