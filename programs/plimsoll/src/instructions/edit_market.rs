//! Changes the parameters or the feed of a market.
use anchor_lang::prelude::*;
use plimsoll_risk::MarketParams;

use crate::{
    change::{require_delay, Change},
    error::{OrRefuse, PlimsollError},
    events::MarketEdited,
    oracle,
    state::{Exchange, Market, PendingChange, RiskState},
};

#[derive(Accounts)]
pub struct EditMarket<'info> {
    pub authority: Signer<'info>,
    #[account(
        has_one = authority @ PlimsollError::NotAuthority,
        has_one = risk_state @ PlimsollError::WrongExchange,
    )]
    pub exchange: AccountLoader<'info, Exchange>,
    #[account(mut)]
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut, has_one = exchange @ PlimsollError::WrongExchange)]
    pub market: AccountLoader<'info, Market>,
    /// The matured proposal, where this needs one.
    #[account(mut)]
    pub pending_change: Option<Account<'info, PendingChange>>,
    /// CHECK: the proposer, who gets the proposal's rent back; compared with the proposal.
    #[account(mut)]
    pub rent_receiver: UncheckedAccount<'info>,
}

/// Replaces parameters and feed. A change that loosens any field, or another feed, needs a matured proposal; one
/// that only tightens runs at once, and counts from this instruction on.
#[inline(never)]
pub(crate) fn edit_market(ctx: Context<EditMarket>, params: MarketParams, feed: u8) -> Result<()> {
    let accounts = &ctx.accounts;
    params.validate().map_err(|e| {
        msg!("{}", e);
        PlimsollError::InvalidParameter
    })?;
    let mut market = accounts.market.load_mut()?;
    let mut risk = accounts.risk_state.load_mut()?;
    let moved = risk.market(market.index)?.price.feed != feed;
    let loosened = market.params.first_loosening(&params);
    if loosened.is_some() || moved {
        if let Some(field) = loosened {
            msg!("loosens {}", field);
        }
        let change = Change::EditMarket {
            market: market.index,
            params: Box::new(params),
            feed,
        };
        require_delay(
            &*accounts.exchange.load()?,
            &accounts.exchange.key(),
            &change,
            accounts.pending_change.as_ref(),
            &accounts.rent_receiver,
        )?;
    }
    market.params = params;
    if moved {
        let (unit, clock) = (market.terms.price_unit(), Clock::get()?);
        oracle::follow(&mut risk, market.index, true, feed, unit, &clock)?;
    }
    let haircut = risk.haircut(risk.market(market.index)?.underlying);
    risk.market_mut(market.index)?
        .recompute(&params, haircut.as_ref())
        .or_refuse()?;
    emit!(MarketEdited {
        market: accounts.market.key(),
        index: market.index,
    });
    Ok(())
}
