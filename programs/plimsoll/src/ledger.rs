//! Movements of value between balances, banks and market pools. Every one keeps what is owed within what is held.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    balance::ShareChange,
    crowding::{self, Added},
    fixed::{ratio_ceil, scale_ceil, to_u64},
    interest,
    position::OpenInterestChange,
    AssetRisk, Balance, BankTotals, MarketRisk, PerpPosition, QuoteNative,
};

use crate::{
    error::{OrRefuse, PlimsollError},
    state::{Bank, MarginAccount, Market, RiskState},
};

/// Accrues a bank's interest up to `now`. What does not fit is not charged: interest holds back neither a price nor anything
/// that is done with the bank.
pub fn accrue(bank: &mut Bank, now: i64) -> Result<()> {
    let Ok(secs) = u64::try_from(now.saturating_sub(bank.accrued_until)) else {
        return Ok(());
    };
    if secs == 0 {
        return Ok(());
    }
    let totals = bank.totals()?;
    follow(bank, &totals, secs);
    let used = interest::utilization(totals.deposits, totals.borrows);
    let rate = interest::borrow_rate(&bank.params.curve, used).or_refuse()?;
    let accrued = interest::Accrual {
        indices: bank.indices(),
        deposit_shares: bank.deposit_shares,
        borrow_shares: bank.borrow_shares,
        fractions: bank.fractions,
    }
    .accrue(rate, secs, bank.params.interest_fee);
    bank.accrued_until = now;
    let Some((accrued, fees)) = accrued
        .ok()
        .and_then(|accrued| Some((accrued, bank.fees.checked_add(accrued.fee)?)))
    else {
        return Ok(());
    };
    bank.deposit_index = accrued.indices.deposit;
    bank.borrow_index = accrued.indices.borrow;
    bank.fees = fees;
    bank.fractions = accrued.fractions;
    Ok(())
}

/// Lets the totals that scale weights follow the true ones, as they were since the last time. What scales nothing follows at
/// once.
pub fn follow(bank: &mut Bank, totals: &BankTotals, secs: u64) {
    let [deposit_start, borrow_start] = bank.scale_starts;
    let per = bank.params.scale_secs;
    let BankTotals { deposits, borrows } = bank.scaled;
    bank.scaled = BankTotals {
        deposits: crowding::follow(deposits, totals.deposits, deposit_start, per, secs),
        borrows: crowding::follow(borrows, totals.borrows, borrow_start, per, secs),
    };
}

/// Brings a bank's entry up to date with its indices, scaled totals and parameters. The bank must be accrued.
pub fn publish_bank(bank: &mut Bank, risk: &mut RiskState) -> Result<()> {
    let totals = bank.totals()?;
    follow(bank, &totals, 0);
    let haircut = risk.haircut(risk.asset(bank.index)?.underlying);
    let entry = risk.asset_mut(bank.index)?;
    let mut next = *entry;
    next.deposit_index = bank.deposit_index;
    next.borrow_index = bank.borrow_index;
    next.recompute(&bank.params, &bank.scaled, haircut.as_ref())
        .or_refuse()?;
    *entry = next;
    set_scale_starts(bank, entry);
    Ok(())
}

/// Takes the price at which the scales' starts are so many native units.
pub fn set_scale_starts(bank: &mut Bank, entry: &AssetRisk) {
    let starts = [
        bank.params.deposit_scale_start_usd,
        bank.params.borrow_scale_start_usd,
    ];
    bank.scale_starts = starts.map(|start| native(u128::from(start), entry));
}

/// Holds a balance to how crowded its bank is after `amount` native units were added to it: to a deposit, or to a debt. Others
/// see it later.
pub fn crowd(
    bank: &Bank,
    balance: &mut Balance,
    amount: u64,
    entry: &AssetRisk,
    now: i64,
) -> Result<()> {
    if balance.crowded_until == 0 && !is_scaled(bank, balance, entry)? {
        return Ok(());
    }
    let added = added(bank, balance, amount, entry)?;
    balance.crowd(&added, entry, now).or_refuse()
}

/// Whether the bank's total, of deposits or of debts as the balance is, exceeds the start of its scale.
fn is_scaled(bank: &Bank, balance: &Balance, entry: &AssetRisk) -> Result<bool> {
    let (total, start_usd) = match balance.shares.0 >= 0 {
        true => (bank.total_deposits()?, bank.params.deposit_scale_start_usd),
        false => (bank.total_borrows()?, bank.params.borrow_scale_start_usd),
    };
    Ok(usd(total, entry) > u128::from(start_usd))
}

/// Holds a deposit, as far as `amount` of it came from another one, to what that one is held to.
pub fn crowd_like(
    bank: &Bank,
    balance: &mut Balance,
    source: &Balance,
    amount: u64,
    entry: &AssetRisk,
    now: i64,
) -> Result<()> {
    if balance.crowded_until == 0 && source.crowded_until == 0 {
        return Ok(());
    }
    let before = held(bank, balance)?.saturating_sub(amount);
    balance
        .crowd_like(source, before, amount, entry, now)
        .or_refuse()
}

#[inline(never)]
fn added(bank: &Bank, balance: &Balance, amount: u64, entry: &AssetRisk) -> Result<Added> {
    let totals = bank.totals()?;
    let (params, [deposit_start, borrow_start]) = (&bank.params, bank.scale_starts);
    let (total, seen, start, start_usd) = if balance.shares.0 >= 0 {
        let start_usd = params.deposit_scale_start_usd;
        (
            totals.deposits,
            bank.scaled.deposits,
            deposit_start,
            start_usd,
        )
    } else {
        let start_usd = params.borrow_scale_start_usd;
        (totals.borrows, bank.scaled.borrows, borrow_start, start_usd)
    };
    let held = balance.native(bank.indices()).or_refuse()?.unsigned_abs();
    Ok(Added {
        before: held.saturating_sub(amount),
        amount,
        amount_usd: usd(amount, entry),
        others_usd: usd(total.saturating_sub(held), entry),
        total_usd: usd(total, entry),
        seen_usd: usd(seen, entry),
        start_usd,
        secs: crowding::catch_up_secs(seen, total, start, params.scale_secs),
        own_secs: crowding::own_secs(amount, start, params.scale_secs),
    })
}

/// Adds native units to a balance: repays a debt first. The bank must be accrued.
pub fn credit(bank: &mut Bank, balance: &mut Balance, amount: u64) -> Result<()> {
    let change = balance.credit(amount, bank.indices()).or_refuse()?;
    apply(bank, change)
}

/// Adds native units to a balance and holds what becomes a deposit to how crowded the bank is, as every deposit is: whoever
/// gains by it, wherever it comes from. The bank must be accrued.
pub fn give(
    bank: &mut Bank,
    balance: &mut Balance,
    amount: u64,
    entry: &AssetRisk,
    now: i64,
) -> Result<()> {
    let debt = match balance.shares.0 >= 0 {
        true => 0,
        false => balance.native(bank.indices()).or_refuse()?.unsigned_abs(),
    };
    credit(bank, balance, amount)?;
    match amount.saturating_sub(debt) {
        0 => Ok(()),
        added => crowd(bank, balance, added, entry, now),
    }
}

/// Takes native units out of a balance and holds what is borrowed to how crowded the bank is; returns how many were borrowed.
/// The bank must be accrued.
pub fn charge(
    bank: &mut Bank,
    balance: &mut Balance,
    amount: u64,
    entry: &AssetRisk,
    now: i64,
) -> Result<u64> {
    let borrowed = debit(bank, balance, amount)?;
    if borrowed > 0 {
        crowd(bank, balance, borrowed, entry, now)?;
    }
    Ok(borrowed)
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
    require_lendable(bank)?;
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
    crowd(bank, balance, borrowed, entry, now)?;
    let capacity = net_borrow_limit(bank, entry, now);
    limited(bank.net_borrows.leave(borrowed, capacity), borrowed)
        .ok_or_else(|| PlimsollError::NetBorrowLimit.into())
}

/// Refuses what leaves more lent than what depositors and the bank itself have put in: tokens that are in the vault for others,
/// or for nobody, are neither lent nor paid out to depositors.
pub fn require_lendable(bank: &Bank) -> Result<()> {
    require!(bank.unlent()? >= 0, PlimsollError::InsufficientLiquidity);
    Ok(())
}

/// The same for the withdrawal of a deposit. Where more was lent before, as by losses that became debts, it does not hold it up:
/// then the vault alone does.
pub fn require_withdrawable(bank: &Bank, unlent_before: i128) -> Result<()> {
    match unlent_before >= 0 {
        true => require_lendable(bank),
        false => Ok(()),
    }
}

/// Counts a borrow that no limit holds back.
pub fn count_borrow(bank: &mut Bank, borrowed: u64, entry: &AssetRisk, now: i64) {
    net_borrow_limit(bank, entry, now);
    bank.net_borrows.pour(borrowed);
}

/// Native units that may still be borrowed under the bank's cap and its limit on net borrows.
pub fn borrow_room(bank: &mut Bank, entry: &AssetRisk, now: i64) -> Result<u64> {
    let capacity = net_borrow_limit(bank, entry, now);
    let used = usd(bank.totals()?.borrows, entry);
    let left = u128::from(bank.params.borrow_cap_usd).saturating_sub(used);
    let room = native(left, entry).min(bank.net_borrows.room(capacity));
    Ok(room.min(u64::try_from(bank.unlent()?.max(0)).unwrap_or(u64::MAX)))
}

/// Gives a repayment's room back to the limit on net borrows.
pub fn finish_repayment(bank: &mut Bank, repaid: u64, entry: &AssetRisk, now: i64) {
    net_borrow_limit(bank, entry, now);
    bank.net_borrows.come_back(repaid);
}

/// Counts tokens that leave the vault against the bank's outflow limit.
pub fn count_outflow(bank: &mut Bank, amount: u64, entry: &AssetRisk, now: i64) -> Result<()> {
    let capacity = outflow_limit(bank, entry, now);
    limited(bank.outflow.leave(amount, capacity), amount)
        .ok_or_else(|| PlimsollError::OutflowLimit.into())
}

/// Tokens that arrive give back room for what leaves.
pub fn count_inflow(bank: &mut Bank, amount: u64, entry: &AssetRisk, now: i64) {
    outflow_limit(bank, entry, now);
    bank.outflow.come_back(amount);
}

/// Counts a deposit among those of this slot.
pub fn count_deposited(bank: &mut Bank, amount: u64, clock: &Clock) {
    let amount = i64::try_from(amount).unwrap_or(i64::MAX);
    bank.count_withdrawn(amount.saturating_neg(), clock.slot);
}

/// Counts the withdrawal of a deposit among those of this slot.
pub fn count_withdrawn(bank: &mut Bank, amount: u64, clock: &Clock) {
    bank.count_withdrawn(i64::try_from(amount).unwrap_or(i64::MAX), clock.slot);
}

/// The limit on net borrows in native units; what was counted has leaked up to now.
fn net_borrow_limit(bank: &mut Bank, entry: &AssetRisk, now: i64) -> u64 {
    let capacity = native(u128::from(bank.params.net_borrow_limit_usd), entry);
    let window = bank.params.net_borrow_window_secs;
    bank.net_borrows.leak(capacity, window, now);
    capacity
}

/// The limit on the net outflow in native units; what was counted has leaked up to now.
fn outflow_limit(bank: &mut Bank, entry: &AssetRisk, now: i64) -> u64 {
    let capacity = native(u128::from(bank.params.outflow_limit_usd), entry);
    let window = bank.params.outflow_window_secs;
    bank.outflow.leak(capacity, window, now);
    capacity
}

/// Nothing, and a log of both amounts, where there was less room than wanted.
fn limited(counted: core::result::Result<(), u64>, wanted: u64) -> Option<()> {
    counted
        .inspect_err(|room| msg!("{} wanted, room for {}", wanted, room))
        .ok()
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
/// is set aside for it. The caller has checked that the pool (or the account) can pay.
pub fn settle(
    account: &mut MarginAccount,
    perp_slot: usize,
    market: &mut Market,
    quote_bank: &mut Bank,
    amount: i64,
    (entry, now): (&AssetRisk, i64),
) -> Result<()> {
    let perp = account.perps.get_mut(perp_slot).or_refuse()?;
    let size = amount.unsigned_abs();
    if amount > 0 {
        market.profits.pay(perp, size).or_refuse()?;
    }
    add_claim(market, perp, amount.checked_neg().or_refuse()?)?;
    let [quote, ..] = &mut account.balances;
    if amount >= 0 {
        market.pnl_pool = market.pnl_pool.checked_sub(size).or_refuse()?;
        return give(quote_bank, quote, size, entry, now);
    }
    market.pnl_pool = market.pnl_pool.checked_add(size).or_refuse()?;
    charge(quote_bank, quote, size, entry, now).map(drop)
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

/// What so much USD (native quote) buys of the asset at its last spot price, native units rounded down; nothing before a
/// first price.
fn native(usd: u128, entry: &AssetRisk) -> u64 {
    // The amount has 64 bits and the shift at most 63.
    usd.wrapping_shl(u32::from(entry.shift))
        .checked_div(u128::from(entry.price.spot))
        .map_or(0, |native| u64::try_from(native).unwrap_or(u64::MAX))
}
