//! Who signs for a margin account: its owner, or a delegate within what the owner has allowed it.
//!
//! A delegate passes its [`Delegation`] as the last of an instruction's remaining accounts. The owner's own instructions name none,
//! so that delegates cost nobody else anything.
use anchor_lang::prelude::*;
use plimsoll_risk::{Policy, Purpose};

use crate::{
    error::{OrRefuse, PlimsollError},
    health::assess,
    state::{Delegation, MarginAccount, RiskState},
};

/// The delegation by which a signer who is not the owner acts, none for the owner, and the remaining accounts before it.
pub type Signed<'info> = (
    Option<AccountLoader<'info, Delegation>>,
    &'info [AccountInfo<'info>],
);

/// Finds by what right somebody signs for an account.
///
/// # Errors
/// `NotOwnerOrDelegate`, `DelegationExpired`.
#[inline(always)]
pub fn signed<'info>(
    signer: &Pubkey,
    key: &Pubkey,
    account: &MarginAccount,
    remaining: &'info [AccountInfo<'info>],
) -> Result<Signed<'info>> {
    if account.owner == *signer {
        return Ok((None, remaining));
    }
    by_delegate(signer, key, remaining)
}

#[inline(never)]
fn by_delegate<'info>(
    signer: &Pubkey,
    key: &Pubkey,
    remaining: &'info [AccountInfo<'info>],
) -> Result<Signed<'info>> {
    let stranger = || error!(PlimsollError::NotOwnerOrDelegate);
    let (last, rest) = remaining.split_last().ok_or_else(stranger)?;
    // The program makes such accounts at one address for each account and key: what they say is enough.
    let loader = AccountLoader::<Delegation>::try_from(last).map_err(|_| stranger())?;
    let now = Clock::get()?.unix_timestamp;
    loader.load()?.require_of(key, signer, now)?;
    Ok((Some(loader), rest))
}

/// What an account is worth at the oracle's prices, native quote: to tell what a delegate's action loses of it. What an open epoch
/// may take of its profits counts for nothing.
///
/// # Errors
/// `StaleEntry` where something in it has no price.
#[inline(never)]
pub fn worth(risk: &RiskState, account: &MarginAccount, clock: &Clock) -> Result<i128> {
    let whole = assess(risk, account, Policy::Strict, Purpose::Trade, clock)?;
    require!(whole.stale.is_empty(), PlimsollError::StaleEntry);
    let mut at_risk = 0i128;
    for perp in account.perps.iter().filter(|perp| !perp.is_free()) {
        let haircuts = &risk.market(perp.market)?.haircuts;
        at_risk = at_risk.saturating_add(haircuts.at_risk(&perp.share).into());
    }
    Ok(whole.equity.saturating_sub(at_risk))
}

/// Refuses a delegate what adds risk while the account is worth less than its owner's line.
///
/// # Errors
/// `BelowLeastEquity`; as [`worth`].
#[inline(never)]
pub fn require_least_equity(
    delegation: &Delegation,
    risk: &RiskState,
    account: &MarginAccount,
    clock: &Clock,
) -> Result<()> {
    match delegation.least_equity {
        0 => Ok(()),
        _ => delegation.require_worth(worth(risk, account, clock)?),
    }
}

/// Charges a delegate what an account is worth less than before.
///
/// # Errors
/// `LossBudget`; as [`require_least_equity`].
#[inline(never)]
pub fn charge_fall(
    delegation: &mut Delegation,
    before: i128,
    risk: &RiskState,
    account: &MarginAccount,
    clock: &Clock,
) -> Result<()> {
    let worth = worth(risk, account, clock)?;
    let fall = before.saturating_sub(worth).max(0);
    let fall = u64::try_from(fall).ok().or_refuse()?;
    delegation.charge(fall, clock.unix_timestamp)?;
    delegation.require_worth(worth)
}
