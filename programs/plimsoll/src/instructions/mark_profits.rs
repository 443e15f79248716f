//! Marks accounts' profits in a market, so that its collected losses, or its shortfall, are shared by them. Permissionless.
use anchor_lang::prelude::*;

use crate::{
    error::{OrRefuse, PlimsollError},
    events::{EpochOpened, ProfitsMarked},
    gates,
    health::clock_of,
    instructions::settle_pnl::settleable,
    orders::require_whole_queue,
    profits,
    state::{FillQueueAccount, MarginAccount, Market, RiskState},
};

#[derive(Accounts)]
pub struct MarkProfits<'info> {
    /// Its entry of the market tells health which epoch is open.
    #[account(mut)]
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut, has_one = fill_queue @ PlimsollError::WrongMarketAccount)]
    pub market: AccountLoader<'info, Market>,
    /// What waits in it has changed nobody's slot yet: no epoch is opened before it has.
    pub fill_queue: AccountLoader<'info, FillQueueAccount>,
    // Remaining accounts, writable: margin accounts.
}

/// Marks the accounts that are passed at the price of now; one without a slot in the market is passed over.
///
/// When the market's shortfall has reached its floor and its price is one that profits are paid at, this opens an epoch. While one
/// is open, accounts are marked by what they held when it was opened, at the price of then, and [`super::share_shortfall`] ends
/// it. Otherwise collected losses are announced, and after the market's delay set aside for all marked profits.
///
/// # Errors
/// `FillsPending` when an epoch would be opened while fills wait; `StaleEntry`, `BrokenFeed` for a position outside an epoch; `NothingToMark` when no account has a slot and no epoch is opened.
#[inline(never)]
pub(crate) fn mark_profits<'info>(ctx: Context<'info, MarkProfits<'info>>) -> Result<()> {
    let accounts = ctx.accounts;
    let clock = Clock::get()?;
    let mut risk = accounts.risk_state.load_mut()?;
    let mut market = accounts.market.load_mut()?;
    require_keys_eq!(market.exchange, risk.exchange, PlimsollError::WrongExchange);
    gates::MARK_PROFITS
        .exchange(risk.mode)?
        .market(market.mode)?;
    require_whole_queue(&accounts.fill_queue)?;
    let is_opened = open_epoch(&mut market, &mut risk, &clock)?;
    require!(
        !is_opened || accounts.fill_queue.load()?.queue.is_empty(),
        PlimsollError::FillsPending
    );
    let mut marked = 0u16;
    for info in ctx.remaining_accounts {
        if mark(info, &mut market, &risk, &clock)? {
            marked = marked.saturating_add(1);
        }
    }
    require!(marked > 0 || is_opened, PlimsollError::NothingToMark);
    if profits::is_payable(&market, &risk, &clock)? {
        let entry = risk.market(market.index)?;
        market.cover_profits(entry, clock.unix_timestamp)?;
    }
    emit!(ProfitsMarked {
        market: market.index,
        epoch: market.profits.haircuts.open,
        marked,
        uncovered: market.profits.uncovered,
        covered: market.profits.covered,
    });
    Ok(())
}

fn open_epoch(market: &mut Market, risk: &mut RiskState, clock: &Clock) -> Result<bool> {
    let is_payable = profits::is_payable(market, risk, clock)?;
    let entry = risk.market_mut(market.index)?;
    if !is_payable || !market.open_epoch(entry, clock.unix_timestamp)? {
        return Ok(false);
    }
    entry.haircuts = market.profits.haircuts;
    emit!(EpochOpened {
        market: market.index,
        epoch: market.profits.epoch,
        shortfall: market.profits.epoch_shortfall,
        price: entry.price.spot,
    });
    Ok(true)
}

#[inline(never)]
fn mark<'info>(
    info: &'info AccountInfo<'info>,
    market: &mut Market,
    risk: &RiskState,
    clock: &Clock,
) -> Result<bool> {
    // Whoever has closed his account meanwhile keeps nobody else from being marked.
    if info.owner == &anchor_lang::system_program::ID {
        return Ok(false);
    }
    let loader: AccountLoader<MarginAccount> =
        AccountLoader::try_from(info).map_err(|_| PlimsollError::WrongRemainingAccount)?;
    let mut account = loader.load_mut()?;
    require_keys_eq!(
        account.exchange,
        market.exchange,
        PlimsollError::WrongExchange
    );
    let Some(slot) = account.find_perp(market.index) else {
        return Ok(false);
    };
    let perp = account.perps.get_mut(slot).or_refuse()?;
    profits::settle_funding(market, perp)?;
    if !market.profits.is_marked_now(perp) {
        let entry = risk.market(market.index)?;
        let pnl = settleable(perp, entry, &clock_of(risk, clock))?;
        market.mark(perp, pnl, entry, clock.unix_timestamp)?;
    }
    account.release_perp(slot);
    Ok(true)
}
