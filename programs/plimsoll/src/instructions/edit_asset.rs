//! Changes the parameters or the feed of an asset.
use anchor_lang::prelude::*;
use plimsoll_risk::{price::PriceUnit, AssetParams};

use crate::{
    change::{require_delay, Change},
    error::{OrRefuse, PlimsollError},
    events::AssetEdited,
    ledger, oracle,
    state::{Bank, Exchange, PendingChange, RiskState},
};

#[derive(Accounts)]
pub struct EditAsset<'info> {
    pub authority: Signer<'info>,
    #[account(
        has_one = authority @ PlimsollError::NotAuthority,
        has_one = risk_state @ PlimsollError::WrongExchange,
    )]
    pub exchange: AccountLoader<'info, Exchange>,
    #[account(mut)]
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut, has_one = exchange @ PlimsollError::WrongExchange)]
    pub bank: AccountLoader<'info, Bank>,
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
pub(crate) fn edit_asset(ctx: Context<EditAsset>, params: AssetParams, feed: u8) -> Result<()> {
    let accounts = &ctx.accounts;
    let mut bank = accounts.bank.load_mut()?;
    Bank::require_valid(&params, bank.index)?;
    bank.require_raw_feed(&params)?;
    let mut risk = accounts.risk_state.load_mut()?;
    let moved = risk.asset(bank.index)?.price.feed != feed;
    let loosened = bank.params.first_loosening(&params);
    if loosened.is_some() || moved {
        if let Some(field) = loosened {
            msg!("loosens {}", field);
        }
        let change = Change::EditAsset {
            asset: bank.index,
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
    let totals = bank.totals()?;
    ledger::follow(&mut bank, &totals, 0);
    bank.params = params;
    if moved {
        let (unit, clock) = (PriceUnit::native(bank.decimals), Clock::get()?);
        oracle::follow(&mut risk, bank.index, false, feed, unit, &clock)?;
    }
    let haircut = risk.haircut(risk.asset(bank.index)?.underlying);
    let entry = risk.asset_mut(bank.index)?;
    entry
        .recompute(&params, &bank.scaled, haircut.as_ref())
        .or_refuse()?;
    ledger::set_scale_starts(&mut bank, entry);
    emit!(AssetEdited {
        bank: accounts.bank.key(),
        asset: bank.index,
    });
    Ok(())
}
