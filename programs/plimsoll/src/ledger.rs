//! Movements of value between balances, banks and market pools. Every one keeps what is owed within what is held.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    balance::ShareChange,
    fixed::{ratio_ceil, scale_ceil, to_u64},
    interest,
    position::OpenInterestChange,
    AssetRisk, Balance, MarketRisk, PerpPosition, QuoteNative,
};

use crate::{
    error::{OrRefuse, PlimsollError},
    state::{Bank, MarginAccount, Market, RiskState},
};

/// Accrues a bank's interest up to `now`.
pub fn accrue(bank: &mut Bank, now: i64) -> Result<()> {
    let Ok(secs) = u64::try_from(now.saturating_sub(bank.accrued_until)) else {
        return Ok(());
    };
    if secs == 0 {
        return Ok(());
    }
    let totals = bank.totals()?;
    let used = interest::utilization(totals.deposits, totals.borrows);
    let rate = interest::borrow_rate(&bank.params.curve, used).or_refuse()?;
    let accrued = interest::Accrual {
        indices: bank.indices(),
        deposit_shares: bank.deposit_shares,
        borrow_shares: bank.borrow_shares,
        fee_fraction: bank.fee_fraction,
    }
    .accrue(rate, secs, bank.params.interest_fee)
    .or_refuse()?;
    bank.deposit_index = accrued.indices.deposit;
    bank.borrow_index = accrued.indices.borrow;
    bank.fees = bank.fees.checked_add(accrued.fee).or_refuse()?;
    bank.fee_fraction = accrued.fee_fraction;
    bank.accrued_until = now;
    Ok(())
}

/// Brings a bank's entry up to date with its indices, totals and parameters.
pub fn publish_bank(bank: &Bank, risk: &mut RiskState) -> Result<()> {
    let haircut = risk.haircut(risk.asset(bank.index)?.underlying);
    let entry = risk.asset_mut(bank.index)?;
    let mut next = *entry;
    next.deposit_index = bank.deposit_index;
    next.borrow_index = bank.borrow_index;
    next.recompute(&bank.params, &bank.totals()?, haircut.as_ref())
        .or_refuse()?;
    *entry = next;
    Ok(())
}

/// Adds native units to a balance: repays a debt first. The bank must be accrued.
pub fn credit(bank: &mut Bank, balance: &mut Balance, amount: u64) -> Result<()> {
    let change = balance.credit(amount, bank.indices()).or_refuse()?;
    apply(bank, change)
}

/// Takes native units out of a balance; returns how many of them were borrowed. The bank must be accrued.
pub fn debit(bank: &mut Bank, balance: &mut Balance, amount: u64) -> Result<u64> {
    let held = held(bank, balance)?;
    let change = balance.debit(amount, bank.indices()).or_refuse()?;
    apply(bank, change)?;
    Ok(amount.saturating_sub(held))
}

/// Native units that a balance can give without borrowing.
pub fn held(bank: &Bank, balance: &Balance) -> Result<u64> {
    let native = balance.native(bank.indices()).or_refuse()?;
    Ok(u64::try_from(native).unwrap_or(0))
}

/// Forfeits to the bank a deposit that is worth no whole native unit, so that its slot is free.
pub fn drop_dust(bank: &mut Bank, balance: &mut Balance) -> Result<()> {
    if balance.shares.0 <= 0 || held(bank, balance)? > 0 {
        return Ok(());
    }
    let dust = balance.shares.0.unsigned_abs();
    bank.deposit_shares = bank.deposit_shares.checked_sub(dust).or_refuse()?;
    balance.shares.0 = 0;
    Ok(())
}

fn apply(bank: &mut Bank, change: ShareChange) -> Result<()> {
    bank.deposit_shares = bank
        .deposit_shares
        .checked_add_signed(change.deposit)
        .or_refuse()?;
    bank.borrow_shares = bank
        .borrow_shares
        .checked_add_signed(change.borrow)
        .or_refuse()?;
    Ok(())
}

/// Charges the origination fee of a new borrow, which adds to the debt, and holds the bank's limits on borrowing. Nothing new
/// is borrowed at a final price.
pub fn finish_borrow(
    bank: &mut Bank,
    balance: &mut Balance,
    borrowed: u64,
    entry: &AssetRisk,
    now: i64,
) -> Result<()> {
    if borrowed == 0 {
        return Ok(());
    }
    require!(!entry.price.is_final(), PlimsollError::WindingDown);
    let fee = ratio_ceil(u128::from(borrowed), bank.params.loan_origination_fee)
        .and_then(to_u64)
        .or_refuse()?;
    debit(bank, balance, fee)?;
    bank.fees = bank.fees.checked_add(fee).or_refuse()?;

    let totals = bank.totals()?;
    require!(
        usd(totals.borrows, entry) <= u128::from(bank.params.borrow_cap_usd),
        PlimsollError::BorrowCap
    );
    let net = count_borrow(bank, borrowed, now)?;
    require!(
        usd(u64::try_from(net).unwrap_or(0), entry) <= u128::from(bank.params.net_borrow_limit_usd),
        PlimsollError::NetBorrowLimit
    );
    Ok(())
}

/// Counts a borrow in the net-borrow window; returns the window's sum.
pub fn count_borrow(bank: &mut Bank, borrowed: u64, now: i64) -> Result<i64> {
    let net = roll_window(
        &mut bank.borrow_window_start,
        bank.net_borrowed,
        bank.params.net_borrow_window_secs,
        now,
    );
    bank.net_borrowed = add_signed(net, borrowed)?;
    Ok(bank.net_borrowed)
}

/// Native units that may still be borrowed under the bank's cap and the limit of the current window.
pub fn borrow_room(bank: &mut Bank, entry: &AssetRisk, now: i64) -> Result<u64> {
    let net = count_borrow(bank, 0, now)?;
    let left = |limit: u64, used: u64| u128::from(limit).saturating_sub(usd(used, entry));
    let room = left(bank.params.borrow_cap_usd, bank.totals()?.borrows).min(left(
        bank.params.net_borrow_limit_usd,
        u64::try_from(net).unwrap_or(0),
    ));
    // The room has 64 bits and the shift at most 63.
    let native = room
        .wrapping_shl(u32::from(entry.shift))
        .checked_div(u128::from(entry.price.spot))
        .or_refuse()?;
    Ok(u64::try_from(native).unwrap_or(u64::MAX))
}

/// Gives a repayment's room back to the net-borrow window.
pub fn finish_repayment(bank: &mut Bank, repaid: u64, now: i64) -> Result<()> {
    let net = roll_window(
        &mut bank.borrow_window_start,
        bank.net_borrowed,
        bank.params.net_borrow_window_secs,
        now,
    );
    bank.net_borrowed = sub_signed(net, repaid)?.max(0);
    Ok(())
}

/// Counts tokens that leave the vault against the bank's outflow limit.
pub fn count_outflow(bank: &mut Bank, amount: u64, entry: &AssetRisk, now: i64) -> Result<()> {
    let net = roll_window(
        &mut bank.outflow_window_start,
        bank.outflow,
        bank.params.outflow_window_secs,
        now,
    );
    let net = add_signed(net, amount)?;
    bank.outflow = net;
    require!(
        usd(u64::try_from(net).unwrap_or(0), entry) <= u128::from(bank.params.outflow_limit_usd),
        PlimsollError::OutflowLimit
    );
    Ok(())
}

/// Tokens that arrive make room within the outflow window, no more than has left in it: otherwise a deposit and its
/// withdrawal in the next window could be prepared in advance.
pub fn count_inflow(bank: &mut Bank, amount: u64, now: i64) -> Result<()> {
    let net = roll_window(
        &mut bank.outflow_window_start,
        bank.outflow,
        bank.params.outflow_window_secs,
        now,
    );
    bank.outflow = sub_signed(net, amount)?.max(0);
    Ok(())
}

/// Refuses deposits above the asset's cap.
pub fn require_deposit_cap(bank: &Bank, entry: &AssetRisk) -> Result<()> {
    require!(
        usd(bank.totals()?.deposits, entry) <= u128::from(bank.params.deposit_cap_usd),
        PlimsollError::DepositCap
    );
    Ok(())
}

/// Moves a settled profit or loss between a market's pool and an account's quote balance: positive pays the account, out of what
/// is set aside for it. The caller has checked that the pool (or the account) can pay. Returns what of a loss was borrowed.
pub fn settle(
    account: &mut MarginAccount,
    perp_slot: usize,
    market: &mut Market,
    quote_bank: &mut Bank,
    amount: i64,
) -> Result<u64> {
    let perp = account.perps.get_mut(perp_slot).or_refuse()?;
    let size = amount.unsigned_abs();
    if amount > 0 {
        market.profits.pay(perp, size).or_refuse()?;
    }
    add_claim(market, perp, amount.checked_neg().or_refuse()?)?;
    let [quote, ..] = &mut account.balances;
    if amount >= 0 {
        market.pnl_pool = market.pnl_pool.checked_sub(size).or_refuse()?;
        credit(quote_bank, quote, size)?;
        return Ok(0);
    }
    market.pnl_pool = market.pnl_pool.checked_add(size).or_refuse()?;
    debit(quote_bank, quote, size)
}

/// Adds to a slot's claim on its market.
pub fn add_claim(market: &mut Market, perp: &mut PerpPosition, amount: i64) -> Result<()> {
    market.change(perp, |perp, _| {
        perp.quote = perp.quote.checked_add(QuoteNative(amount)).or_refuse()?;
        Ok(OpenInterestChange::default())
    })
}

/// The profit that a slot can be paid now: what is set aside for it, as far as the pool may pay profits.
pub fn payable_profit(market: &Market, entry: &MarketRisk, perp: &PerpPosition) -> u64 {
    perp.share.covered.min(market.payable(entry))
}

/// Native units as USD (native quote), at the entry's last spot price, rounded up.
pub fn usd(amount: u64, entry: &AssetRisk) -> u128 {
    scale_ceil(amount, entry.price.spot, entry.shift)
}

/// The window's sum, which starts anew when the window is over.
fn roll_window(start: &mut i64, sum: i64, length: u32, now: i64) -> i64 {
    if now.saturating_sub(*start) < i64::from(length) {
        return sum;
    }
    *start = now;
    0
}

fn add_signed(sum: i64, amount: u64) -> Result<i64> {
    sum.checked_add_unsigned(amount).or_refuse()
}

fn sub_signed(sum: i64, amount: u64) -> Result<i64> {
    sum.checked_sub_unsigned(amount).or_refuse()
}
