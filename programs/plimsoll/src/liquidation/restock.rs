//! Buys for a bank what it lacks of its asset, with the quote that insurance has set aside.
use anchor_lang::prelude::*;
use plimsoll_risk::{AssetRisk, Purpose};

use super::{
    bankruptcy::{buyout, charge_depositors},
    require_own_init, DOUBT_PATIENCE_SECS,
};
use crate::{
    error::{OrRefuse, PlimsollError},
    health::clock_of,
    ledger,
    state::{margin_account::account_state, Bank, MarginAccount, RiskState},
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

/// The entry of an asset at the price at which insurance pays for an account's debt: spot. Where that pays nothing, as its feed is
/// dead, the debt is decided all the same once doubt has decayed and the account was flagged for so long that anybody could have
/// posted a price, were there one: the asset at what changes hands in doubt, which falls from its last price to a floor of it, so
/// that no debt is dearer for it; the quote token at its last price.
///
/// # Errors
/// `BrokenFeed` and `StaleEntry` while the price may come back; `DoubtTooYoung` while that could still be shown.
#[inline(never)]
pub fn priced_or_doubted(
    risk: &RiskState,
    index: u16,
    account: &MarginAccount,
    clock: &Clock,
) -> Result<AssetRisk> {
    let mut entry = *risk.asset(index)?;
    let Err(refused) = require_priced(risk, &entry, clock) else {
        return Ok(entry);
    };
    let now = clock_of(risk, clock);
    let Some(doubted) = entry.price.auctioned(&now).or_refuse()? else {
        return Err(refused);
    };
    let flagged_for = clock.unix_timestamp.saturating_sub(account.flagged_at);
    require!(
        account.state == account_state::LIQUIDATING
            && u64::try_from(flagged_for).unwrap_or(0) >= DOUBT_PATIENCE_SECS,
        PlimsollError::DoubtTooYoung
    );
    entry.price.spot = match index {
        0 => entry.price.last(),
        _ => doubted.owned,
    };
    Ok(entry)
}
