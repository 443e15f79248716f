//! Lists a feed: where a price comes from, and what of it is accepted.
use anchor_lang::prelude::*;
use plimsoll_risk::FeedLimits;

use crate::{
    change::{require_delay, Change},
    error::{OrRefuse, PlimsollError},
    events::FeedListed,
    oracle,
    state::{
        feed::MAX_FEEDS, Exchange, Feed, OracleSource, OracleSources, PendingChange, RiskState,
    },
};

#[derive(Accounts)]
pub struct ListFeed<'info> {
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

/// Lists the next feed, which has a price once `refresh` has taken one. Assets and markets name it when they are listed.
#[inline(never)]
pub(crate) fn list_feed(
    ctx: Context<ListFeed>,
    name: [u8; 16],
    sources: OracleSources,
    limits: FeedLimits,
) -> Result<()> {
    let accounts = &ctx.accounts;
    require!(
        accounts.risk_state.to_account_info().data_len() == RiskState::SPACE,
        PlimsollError::AccountNotExtended
    );
    validate(&sources, &limits)?;
    require!(!sources.is_final(), PlimsollError::InvalidParameter);
    let change = Change::ListFeed {
        name,
        sources: Box::new(sources),
        limits,
    };
    require_delay(
        &*accounts.exchange.load()?,
        &accounts.exchange.key(),
        &change,
        accounts.pending_change.as_ref(),
        &accounts.rent_receiver,
    )?;
    let mut risk = accounts.risk_state.load_mut()?;
    let index = risk.feed_count;
    require!(usize::from(index) < MAX_FEEDS, PlimsollError::TooManyFeeds);
    risk.feed_count = index.checked_add(1).or_refuse()?;
    *risk.feed_mut(index)? = Feed {
        sources,
        limits,
        name,
        ..Feed::default()
    };
    oracle::bind(&mut risk, index)?;
    emit!(FeedListed {
        exchange: accounts.exchange.key(),
        feed: index,
    });
    Ok(())
}

/// Refuses sources that can never be read, and limits out of bounds.
pub(super) fn validate(sources: &OracleSources, limits: &FeedLimits) -> Result<()> {
    oracle::validate(&sources.primary, true)?;
    oracle::validate(&sources.fallback, false)?;
    // A derived price has its base's and its market's fallbacks; a final one needs none.
    let kind = sources.primary.kind;
    let stands_alone = matches!(
        kind,
        crate::state::feed::oracle_kind::DERIVED | crate::state::feed::oracle_kind::FINAL
    );
    require!(
        !stands_alone || sources.fallback == OracleSource::default(),
        PlimsollError::InvalidParameter
    );
    limits.validate().map_err(|bad| {
        msg!("{}", bad);
        PlimsollError::InvalidParameter.into()
    })
}
