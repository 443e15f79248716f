//! Changes the limits or sources of a feed.
use anchor_lang::prelude::*;
use plimsoll_risk::FeedLimits;

use super::{assign_underlying::assign, list_feed::validate};
use crate::{
    change::{require_delay, Change},
    error::PlimsollError,
    events::FeedEdited,
    oracle,
    state::{feed::bits, Exchange, Feed, OracleSources, PendingChange, RiskState},
};

#[derive(Accounts)]
pub struct EditFeed<'info> {
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

/// Replaces limits and sources. A change that loosens any limit, or another source, needs a matured proposal; one that only
/// tightens runs at once, and reaches all that follow the feed in this instruction.
///
/// A final price as the source winds down everything that follows the feed, which no longer follows an underlying either. It takes a
/// feed that has been doubted for as long as doubt lasts, and cannot be taken back: a feed that has one is never edited again.
#[inline(never)]
pub(crate) fn edit_feed(
    ctx: Context<EditFeed>,
    feed: u8,
    sources: OracleSources,
    limits: FeedLimits,
) -> Result<()> {
    let accounts = &ctx.accounts;
    validate(&sources, &limits)?;
    let mut risk = accounts.risk_state.load_mut()?;
    let now_ms = Clock::get()?.unix_timestamp.saturating_mul(1_000);
    let is_final = risk.feed(feed)?.price.is_final();
    require!(!is_final, PlimsollError::WindingDown);
    if sources.is_final() {
        oracle::require_gone(&risk, feed, now_ms)?;
    }
    let entry = risk.feed_mut(feed)?;
    let loosened = entry.limits.first_loosening(&limits);
    let moved = sources != entry.sources;
    if loosened.is_some() || moved {
        if let Some(field) = loosened {
            msg!("loosens {}", field);
        }
        let change = Change::EditFeed {
            feed,
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
    }
    entry.limits = limits;
    if moved {
        entry.sources = sources;
        // Another pool's rate is no growth of this one's.
        entry.rate = 0;
        oracle::unbind(&mut risk, feed);
        oracle::bind(&mut risk, feed)?;
    }
    if sources.is_final() {
        leave_underlyings(&mut risk, feed)?;
        oracle::finish(&mut risk, feed, now_ms)?;
    } else {
        let _ = oracle::rewrite_followers(&mut risk, feed, false, now_ms);
    }
    emit!(FeedEdited {
        exchange: accounts.exchange.key(),
        feed,
    });
    Ok(())
}

/// A final price moves with nothing, hence hedges nothing: what follows the feed is margined by itself from now on. All hedges end
/// at this announced moment, and none at one that somebody chooses by closing a leg out.
#[inline(never)]
fn leave_underlyings(risk: &mut RiskState, feed: u8) -> Result<()> {
    let Feed {
        assets, markets, ..
    } = *risk.feed(feed)?;
    for (followers, is_market) in [(assets, false), (markets, true)] {
        for place in bits(followers) {
            let place = u16::try_from(place).map_err(|_| PlimsollError::Overflow)?;
            assign(risk, is_market, place, 0, false)?;
        }
    }
    Ok(())
}
