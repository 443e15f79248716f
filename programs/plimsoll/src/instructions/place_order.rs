//! Places an order: matches it, books its trades and rests its remainder.
use anchor_lang::prelude::*;

use crate::{
    delegation::{signed, Signed},
    error::PlimsollError,
    gates,
    orders::{
        load_makers, place, require_whole_book, require_whole_queue, terms::OrderTerms, AtHand,
    },
    state::{mode, Book, FillQueueAccount, MarginAccount, Market, RiskState},
};

#[derive(Accounts)]
pub struct PlaceOrder<'info> {
    /// Owner of the margin account, or a delegate that may trade.
    pub trader: Signer<'info>,
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    #[account(mut)]
    pub book: AccountLoader<'info, Book>,
    #[account(mut)]
    pub fill_queue: AccountLoader<'info, FillQueueAccount>,
    // Remaining accounts, writable: margin accounts of makers whose fills are to be settled in place; then the
    // delegation, where a delegate signs.
}

/// Returns the id of the order, whether any of it rests or not. Init health must be at least zero afterwards, or not
/// have fallen. Makers whose margin accounts are not among the remaining accounts are settled later, by the fill
/// queue; when that is full, the order trades no further and the rest of it is dropped.
#[inline(never)]
pub(crate) fn place_order<'info>(
    ctx: Context<'info, PlaceOrder<'info>>,
    terms: OrderTerms,
) -> Result<u64> {
    let accounts = &ctx.accounts;
    let clock = Clock::get()?;
    let (delegation, makers) = admit(accounts, ctx.remaining_accounts, &terms, &clock)?;
    let loaders = load_makers(makers)?;
    let risk = accounts.risk_state.load()?;
    let mut market = accounts.market.load_mut()?;
    let mut book = accounts.book.load_mut()?;
    let mut fills = accounts.fill_queue.load_mut()?;
    let mut account = accounts.margin_account.load_mut()?;
    let key = accounts.margin_account.key();
    let mut delegation = match &delegation {
        Some(delegation) => Some(delegation.load_mut()?),
        None => None,
    };
    let hands = AtHand::settle(&mut market, &mut fills.queue, key, &mut account, &loaders)?;
    place(
        &risk,
        &mut book.orders,
        &mut fills.queue,
        hands,
        &terms,
        delegation.as_deref_mut(),
        &clock,
    )
}

/// Checks the accounts against each other, the signer, and the modes.
#[inline(never)]
fn admit<'info>(
    accounts: &PlaceOrder,
    remaining: &'info [AccountInfo<'info>],
    terms: &OrderTerms,
    clock: &Clock,
) -> Result<Signed<'info>> {
    require_whole_book(&accounts.book)?;
    require_whole_queue(&accounts.fill_queue)?;
    let risk = accounts.risk_state.load()?;
    let market = accounts.market.load()?;
    let account = accounts.margin_account.load()?;
    require!(
        market.exchange == risk.exchange && account.exchange == risk.exchange,
        PlimsollError::WrongExchange
    );
    require!(
        market.book == accounts.book.key() && market.fill_queue == accounts.fill_queue.key(),
        PlimsollError::WrongMarketAccount
    );
    let key = accounts.margin_account.key();
    let signed = signed(accounts.trader.key, &key, &account, remaining)?;
    if let (Some(delegation), _) = &signed {
        let delegation = delegation.load()?;
        delegation.require_order(terms, market.index, clock.unix_timestamp)?;
    }
    admit_order(risk.mode, market.mode, account.state, terms.reduce_only)?;
    Ok(signed)
}

/// The modes must allow such an order.
#[inline(always)]
pub fn admit_order(
    exchange_mode: u8,
    market_mode: u8,
    account_state: u8,
    reduce_only: bool,
) -> Result<()> {
    gates::PLACE_ORDER
        .exchange(exchange_mode)?
        .market(market_mode)?
        .account(account_state)?;
    require!(
        exchange_mode == mode::ACTIVE || reduce_only,
        PlimsollError::ExchangeGated
    );
    require!(
        market_mode == mode::ACTIVE || reduce_only,
        PlimsollError::MarketReduceOnly
    );
    Ok(())
}
