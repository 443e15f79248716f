//! Closes a market's epoch: every profit marked in it gives up the same part for the shortfall. Permissionless.
use anchor_lang::prelude::*;

use crate::{
    error::{OrRefuse, PlimsollError},
    events::ShortfallShared,
    gates,
    state::{Market, RiskState},
};

#[derive(Accounts)]
pub struct ShareShortfall<'info> {
    /// Its entry of the market tells health what profits have given up.
    #[account(mut)]
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
}

/// Ends an epoch in which nearly everything is marked.
///
/// # Errors
/// `EpochIncomplete` when no epoch is open, or lots of a side or claims of closed positions are not marked yet (more than a
/// hundredth of them, once it has been open for [`plimsoll_risk::profits::EPOCH_PATIENCE_SECS`]).
#[inline(never)]
pub(crate) fn share_shortfall(ctx: Context<ShareShortfall>) -> Result<()> {
    let mut risk = ctx.accounts.risk_state.load_mut()?;
    let mut market = ctx.accounts.market.load_mut()?;
    require_keys_eq!(market.exchange, risk.exchange, PlimsollError::WrongExchange);
    gates::SHARE_SHORTFALL
        .exchange(risk.mode)?
        .market(market.mode)?;
    let (profits, given_up) = {
        let given_up = market.profits.close(Clock::get()?.unix_timestamp);
        if given_up.is_err() {
            let [long, short] = market.profits.epoch_lots;
            msg!(
                "to be marked: {} long lots, {} short lots, claims of {}",
                long.max(0),
                short.max(0),
                market.profits.epoch_claims.max(0)
            );
        }
        (&market.profits, given_up.or_refuse()?)
    };
    risk.market_mut(market.index)?.haircuts = profits.haircuts;
    emit!(ShortfallShared {
        market: market.index,
        epoch: profits.epoch,
        profits: profits.epoch_uncovered,
        given_up,
        left: profits.shortfall,
    });
    Ok(())
}
