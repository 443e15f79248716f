//! Closes two opposite positions in a market that is being wound down against each other. Permissionless.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    fixed::{scale_floor, to_i64},
    BaseLots, PerpPosition, Policy, Purpose, QuoteNative, Side,
};

use crate::{
    error::{OrRefuse, PlimsollError},
    events::PositionsClosedOut,
    gates,
    health::assess,
    state::{MarginAccount, Market, RiskState},
};

#[derive(Accounts)]
pub struct CloseOutPosition<'info> {
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// Holds a long position in the market.
    #[account(mut, constraint = long.key() != short.key() @ PlimsollError::DuplicateAccount)]
    pub long: AccountLoader<'info, MarginAccount>,
    /// Holds a short one.
    #[account(mut)]
    pub short: AccountLoader<'info, MarginAccount>,
}

/// Trades the smaller of the two positions between the accounts at the market's final price, without a fee; both settle their
/// funding on the way. Neither account must have orders left in the market, nor fills that wait.
///
/// All positions are closed at one price, so it matters to nobody whom he is closed against, and the size is the largest
/// possible, so that nobody is rounded against more often than needed. What a position gained or lost becomes a claim that
/// `settle_pnl` pays. No account's health falls, but for less than a unit of native quote: the position was valued at this very
/// price, is no longer weighted, and hedged nothing any more. So no margin is asked for, and no state of an account holds it back.
/// But an account whose equity is below zero is liquidated, and its loss resolved, first: while positions are open all of them
/// bear it, and afterwards it would be borne by whoever was paid last.
///
/// # Errors
/// `NotWindingDown` while the market's price is not final; `InsufficientHealth` of an insolvent account; `NothingToCloseOut`;
/// `OrdersRemain`.
#[inline(never)]
pub(crate) fn close_out_position(ctx: Context<CloseOutPosition>) -> Result<()> {
    let accounts = &ctx.accounts;
    let clock = Clock::get()?;
    let risk = accounts.risk_state.load()?;
    let mut market = accounts.market.load_mut()?;
    let mut long = accounts.long.load_mut()?;
    let mut short = accounts.short.load_mut()?;
    for exchange in [&market.exchange, &long.exchange, &short.exchange] {
        require_keys_eq!(*exchange, risk.exchange, PlimsollError::WrongExchange);
    }
    gates::CLOSE_OUT_POSITION
        .exchange(risk.mode)?
        .market(market.mode)?
        .account(long.state)?
        .account(short.state)?;
    let entry = risk.market(market.index)?;
    require!(entry.price.is_final(), PlimsollError::NotWindingDown);

    for account in [&long, &short] {
        // At last prices: whoever leaves one out makes nobody solvent.
        let standing = assess(&risk, account, Policy::Strict, Purpose::Pay, &clock)?;
        require!(standing.equity >= 0, PlimsollError::InsufficientHealth);
    }
    let (long_slot, bought) = position(&long, market.index)?;
    let (short_slot, sold) = position(&short, market.index)?;
    let lots = bought.min(sold.checked_neg().or_refuse()?);
    require!(lots > 0, PlimsollError::NothingToCloseOut);
    let notional = scale_floor(lots, entry.price.spot, entry.shift);
    let notional = QuoteNative(to_i64(notional).or_refuse()?);
    let mut close = |account: &mut MarginAccount, slot: usize, side| -> Result<()> {
        let perp: &mut PerpPosition = account.perps.get_mut(slot).or_refuse()?;
        market.change(perp, |perp, funding| {
            perp.apply_fill(side, BaseLots(lots), notional, QuoteNative::ZERO, funding)
                .or_refuse()
        })?;
        account.release_perp(slot);
        Ok(())
    };
    close(&mut long, long_slot, Side::Ask)?;
    close(&mut short, short_slot, Side::Bid)?;
    emit!(PositionsClosedOut {
        market: market.index,
        long: accounts.long.key(),
        short: accounts.short.key(),
        lots,
        notional: notional.0,
    });
    Ok(())
}

/// Slot and lots of an account's position in a market, in which no order of its may be left.
fn position(account: &MarginAccount, market: u16) -> Result<(usize, i64)> {
    let slot = account
        .find_perp(market)
        .ok_or(PlimsollError::NothingToCloseOut)?;
    let perp = account.perps.get(slot).or_refuse()?;
    require!(perp.order_mask == 0, PlimsollError::OrdersRemain);
    Ok((slot, perp.position.0))
}
