//! Says which underlying's price an asset or market follows.
use anchor_lang::prelude::*;

use crate::{
    change::{require_delay, Change},
    error::PlimsollError,
    events::UnderlyingAssigned,
    state::{Exchange, PendingChange, RiskState},
};

#[derive(Accounts)]
pub struct AssignUnderlying<'info> {
    pub authority: Signer<'info>,
    #[account(
        has_one = authority @ PlimsollError::NotAuthority,
        has_one = risk_state @ PlimsollError::WrongExchange,
    )]
    pub exchange: AccountLoader<'info, Exchange>,
    #[account(mut)]
    pub risk_state: AccountLoader<'info, RiskState>,
    /// The matured proposal, where this needs one.
    #[account(mut)]
    pub pending_change: Option<Account<'info, PendingChange>>,
    /// CHECK: the proposer, who gets the proposal's rent back; compared with the proposal.
    #[account(mut)]
    pub rent_receiver: UncheckedAccount<'info>,
}

/// Lets asset (or market, with `is_market`) number `index` follow `underlying`, or none with zero: then the portfolio model
/// does not cover it, and it is margined as in Standard. With `samples` the underlying learns its volatility from this
/// price from now on, instead of any other. Whether that loosens depends on every account, so it always waits.
#[inline(never)]
pub(crate) fn assign_underlying(
    ctx: Context<AssignUnderlying>,
    is_market: bool,
    index: u16,
    underlying: u8,
    samples: bool,
) -> Result<()> {
    let accounts = &ctx.accounts;
    let mut risk = accounts.risk_state.load_mut()?;
    let count = if is_market {
        risk.market_count
    } else {
        risk.asset_count
    };
    require!(index < count, PlimsollError::InvalidParameter);
    require!(is_market || index > 0, PlimsollError::QuoteHasNoUnderlying);
    require!(
        underlying <= risk.underlying_count,
        PlimsollError::UnknownUnderlying
    );
    require!(underlying > 0 || !samples, PlimsollError::InvalidParameter);
    let price = if is_market {
        &risk.market(index)?.price
    } else {
        &risk.asset(index)?.price
    };
    require!(!price.is_final(), PlimsollError::WindingDown);
    let change = Change::AssignUnderlying {
        is_market,
        index,
        underlying,
        samples,
    };
    require_delay(
        &*accounts.exchange.load()?,
        &accounts.exchange.key(),
        &change,
        accounts.pending_change.as_ref(),
        &accounts.rent_receiver,
    )?;
    assign(&mut risk, is_market, index, underlying, samples)?;
    emit!(UnderlyingAssigned {
        exchange: accounts.exchange.key(),
        index,
        is_market,
        underlying,
        samples,
    });
    Ok(())
}

/// Rewrites the entry. An underlying whose sampled price changes its source takes its next sample as its first: prices of
/// two entries are told at different scales.
#[inline(never)]
pub(super) fn assign(
    risk: &mut RiskState,
    is_market: bool,
    index: u16,
    underlying: u8,
    samples: bool,
) -> Result<()> {
    let (before, sampled) = follows(risk, is_market, index)?;
    if (before, sampled) == (underlying, samples) {
        return Ok(());
    }
    if sampled {
        restart(risk, before)?;
    }
    if samples {
        stop_sampling(risk, underlying);
        restart(risk, underlying)?;
    }
    if is_market {
        let entry = risk.market_mut(index)?;
        entry.underlying = underlying;
        entry.samples = u8::from(samples);
    } else {
        let entry = risk.asset_mut(index)?;
        entry.underlying = underlying;
        entry.samples = u8::from(samples);
    }
    Ok(())
}

/// The underlying that an entry follows, and whether it samples its price.
fn follows(risk: &RiskState, is_market: bool, index: u16) -> Result<(u8, bool)> {
    let (underlying, samples) = if is_market {
        let entry = risk.market(index)?;
        (entry.underlying, entry.samples)
    } else {
        let entry = risk.asset(index)?;
        (entry.underlying, entry.samples)
    };
    Ok((underlying, samples != 0))
}

/// No entry samples an underlying any more.
fn stop_sampling(risk: &mut RiskState, underlying: u8) {
    for entry in &mut risk.assets {
        if entry.underlying == underlying {
            entry.samples = 0;
        }
    }
    for entry in &mut risk.markets {
        if entry.underlying == underlying {
            entry.samples = 0;
        }
    }
}

/// Forgets the last sampled price, not what was learnt from those before.
fn restart(risk: &mut RiskState, underlying: u8) -> Result<()> {
    risk.underlying_mut(underlying)?.volatility.sampled_price = 0;
    Ok(())
}
