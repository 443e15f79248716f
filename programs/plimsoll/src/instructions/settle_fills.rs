//! Brings queued fills and removals to the margin accounts they belong to. Permissionless.
use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    orders::{load_makers, require_whole_queue, settle_waiting},
    state::{FillQueueAccount, Market},
};

#[derive(Accounts)]
pub struct SettleFills<'info> {
    #[account(mut, has_one = fill_queue @ PlimsollError::WrongMarketAccount)]
    pub market: AccountLoader<'info, Market>,
    #[account(mut)]
    pub fill_queue: AccountLoader<'info, FillQueueAccount>,
    // Remaining accounts, writable: the margin accounts to settle.
}

/// Settles up to `limit` entries of the accounts that were passed, each account's oldest first. Never gated, and no
/// account's entries wait for another's.
///
/// # Errors
/// `NothingToSettle` when nothing waits for these accounts.
#[inline(never)]
pub(crate) fn settle_fills<'info>(
    ctx: Context<'info, SettleFills<'info>>,
    limit: u16,
) -> Result<()> {
    let accounts = &ctx.accounts;
    require_whole_queue(&accounts.fill_queue)?;
    let mut market = accounts.market.load_mut()?;
    let mut fills = accounts.fill_queue.load_mut()?;
    let limit = usize::from(limit);
    let mut left = limit;
    for loader in load_makers(ctx.remaining_accounts)? {
        let key = loader.key();
        let mut account = loader.load_mut()?;
        require_keys_eq!(
            account.exchange,
            market.exchange,
            PlimsollError::WrongExchange
        );
        let settled = settle_waiting(&mut fills.queue, &mut market, &key, &mut account, left)?;
        left = left.saturating_sub(settled);
    }
    require!(left < limit, PlimsollError::NothingToSettle);
    Ok(())
}
