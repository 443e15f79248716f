//! Adds an underlying to the portfolio model, or changes its parameters.
use anchor_lang::prelude::*;
use plimsoll_risk::{portfolio::require_consistent, UnderlyingParams};

use crate::{
    change::{require_delay, Change},
    error::{OrRefuse, PlimsollError},
    events::UnderlyingEdited,
    instructions::edit_portfolio_model::refused,
    state::{Exchange, PendingChange, RiskState},
};

#[derive(Accounts)]
pub struct EditUnderlying<'info> {
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

/// Replaces the parameters of underlying `number`, or adds it when it is the next, once there is a model. To add one, or a
/// change that loosens any field, needs a matured proposal; a change that only tightens runs at once. A factor has one
/// driver, and what an underlying loads on must have one: the drivers come first.
#[inline(never)]
pub(crate) fn edit_underlying(
    ctx: Context<EditUnderlying>,
    number: u8,
    params: UnderlyingParams,
) -> Result<()> {
    let accounts = &ctx.accounts;
    params.validate().map_err(refused)?;
    let mut risk = accounts.risk_state.load_mut()?;
    require!(risk.model.is_on(), PlimsollError::NoPortfolioModel);
    let added = risk.underlying_count.checked_add(1) == Some(number);
    if added {
        risk.add_underlying()?;
    }
    let underlying = risk.underlying_mut(number)?;
    let loosened = underlying.params.first_loosening(&params);
    if added || loosened.is_some() {
        if let Some(field) = loosened.filter(|_| !added) {
            msg!("loosens {}", field);
        }
        let change = Change::EditUnderlying {
            number,
            params: Box::new(params),
        };
        require_delay(
            &*accounts.exchange.load()?,
            &accounts.exchange.key(),
            &change,
            accounts.pending_change.as_ref(),
            &accounts.rent_receiver,
        )?;
    }
    underlying.set_params(&params).or_refuse()?;
    require_consistent(&risk.model.params, risk.known_underlyings()).map_err(refused)?;
    risk.derive_volatilities()?;
    emit!(UnderlyingEdited {
        exchange: accounts.exchange.key(),
        underlying: number,
    });
    Ok(())
}
