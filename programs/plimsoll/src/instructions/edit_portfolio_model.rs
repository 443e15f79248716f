//! Sets the parameters of the portfolio model.
use anchor_lang::prelude::*;
use plimsoll_risk::{portfolio::require_consistent, BadParameter, ModelParams};

use crate::{
    change::{require_delay, Change},
    error::PlimsollError,
    events::PortfolioModelEdited,
    state::{Exchange, PendingChange, RiskState},
};

#[derive(Accounts)]
pub struct EditPortfolioModel<'info> {
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

/// Replaces the model's parameters; the first time this switches portfolio margin on, and nothing switches it off again,
/// since accounts rely on it. A change that loosens any field, and the first, needs a matured proposal; one that only
/// tightens runs at once, and counts from this instruction on.
#[inline(never)]
pub(crate) fn edit_portfolio_model(
    ctx: Context<EditPortfolioModel>,
    params: ModelParams,
) -> Result<()> {
    let accounts = &ctx.accounts;
    params.validate().map_err(refused)?;
    let mut risk = accounts.risk_state.load_mut()?;
    require_consistent(&params, risk.known_underlyings()).map_err(refused)?;
    if let Some(field) = risk.model.params.first_loosening(&params) {
        msg!("loosens {}", field);
        let change = Change::EditPortfolioModel {
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
    risk.model.params = params;
    risk.derive_volatilities()?;
    emit!(PortfolioModelEdited {
        exchange: accounts.exchange.key(),
    });
    Ok(())
}

/// Names the parameter that is out of its bounds.
#[cold]
pub(crate) fn refused(parameter: BadParameter) -> Error {
    msg!("{}", parameter);
    PlimsollError::InvalidParameter.into()
}
