//! Creates a perpetual market: its terms, book, fill queue and entry in the risk state.
use anchor_lang::{prelude::*, Discriminator};
use plimsoll_risk::{MarketParams, MarketRisk};

use crate::{
    change::{require_delay, Change},
    error::{OrRefuse, PlimsollError},
    events::MarketCreated,
    oracle,
    state::{
        market::ContractTerms, risk_state::MAX_MARKETS, seeds, Book, Exchange, FillQueueAccount,
        Market, PendingChange, RiskState, CREATE_SPACE, VERSION,
    },
    token::MAX_DECIMALS,
};

#[derive(Accounts)]
pub struct CreateMarket<'info> {
    #[account(mut)]
    pub authority: Signer<'info>,
    #[account(
        has_one = authority @ PlimsollError::NotAuthority,
        has_one = risk_state @ PlimsollError::WrongExchange,
    )]
    pub exchange: AccountLoader<'info, Exchange>,
    #[account(mut)]
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(
        init,
        payer = authority,
        space = Market::SPACE,
        seeds = [
            seeds::MARKET,
            exchange.key().as_ref(),
            &risk_state.load()?.market_count.to_le_bytes(),
        ],
        bump,
    )]
    pub market: AccountLoader<'info, Market>,
    /// CHECK: created here; `extend_account` grows it to its full size.
    #[account(
        init,
        payer = authority,
        space = CREATE_SPACE,
        owner = crate::ID,
        seeds = [seeds::BOOK, market.key().as_ref()],
        bump,
    )]
    pub book: UncheckedAccount<'info>,
    /// CHECK: created here; `extend_account` grows it to its full size.
    #[account(
        init,
        payer = authority,
        space = CREATE_SPACE,
        owner = crate::ID,
        seeds = [seeds::FILLS, market.key().as_ref()],
        bump,
    )]
    pub fill_queue: UncheckedAccount<'info>,
    /// The matured proposal, where this needs one.
    #[account(mut)]
    pub pending_change: Option<Account<'info, PendingChange>>,
    /// CHECK: the proposer, who gets the proposal's rent back; compared with the proposal.
    #[account(mut)]
    pub rent_receiver: UncheckedAccount<'info>,
    pub system_program: Program<'info, System>,
}

/// Creates the next market, priced by `feed`, which must have a price of now. It trades once its book and fill queue have been
/// extended to their full size.
#[inline(never)]
pub(crate) fn create_market(
    ctx: Context<CreateMarket>,
    terms: ContractTerms,
    params: MarketParams,
    feed: u8,
) -> Result<()> {
    let accounts = &ctx.accounts;
    validate(&terms, &params)?;
    let index = next_index(accounts, terms, params, feed)?;
    let clock = Clock::get()?;

    let mut market = accounts.market.load_init()?;
    market.exchange = accounts.exchange.key();
    market.book = accounts.book.key();
    market.fill_queue = accounts.fill_queue.key();
    market.terms = terms;
    market.funded_until = clock.unix_timestamp;
    market.next_order_id = 1;
    market.params = params;
    market.index = index;
    market.bump = ctx.bumps.market;
    market.version = VERSION;
    write_book_header(accounts, &market, ctx.bumps.book)?;
    write_queue_header(accounts, &market, ctx.bumps.fill_queue)?;

    let mut risk = accounts.risk_state.load_mut()?;
    risk.market_count = index.checked_add(1).or_refuse()?;
    let entry = risk.market_mut(index)?;
    *entry = MarketRisk::listed(0, terms.tick);
    entry.set_params(&params).or_refuse()?;
    oracle::follow(&mut risk, index, true, feed, terms.price_unit(), &clock)?;
    emit!(MarketCreated {
        exchange: market.exchange,
        market: accounts.market.key(),
        index,
    });
    Ok(())
}

fn validate(terms: &ContractTerms, params: &MarketParams) -> Result<()> {
    params.validate().map_err(|e| {
        msg!("{}", e);
        PlimsollError::InvalidParameter
    })?;
    require!(
        terms.tick > 0
            && terms.base_lot_size > 0
            && terms.base_decimals <= MAX_DECIMALS
            && terms.padding == [0; 7],
        PlimsollError::InvalidParameter
    );
    Ok(())
}

/// The index of the new market, once everything allows its creation.
#[inline(never)]
fn next_index(
    accounts: &CreateMarket,
    terms: ContractTerms,
    params: MarketParams,
    feed: u8,
) -> Result<u16> {
    let risk = accounts.risk_state.load()?;
    require!(risk.asset_count > 0, PlimsollError::QuoteNotListed);
    require!(
        usize::from(risk.market_count) < MAX_MARKETS,
        PlimsollError::TooManyMarkets
    );
    let change = Change::CreateMarket {
        terms,
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
    Ok(risk.market_count)
}

/// Writes the header of a book that does not have its full size yet.
fn write_book_header(accounts: &CreateMarket, market: &Market, bump: u8) -> Result<()> {
    let mut data = accounts.book.try_borrow_mut_data()?;
    data[..8].copy_from_slice(Book::DISCRIMINATOR);
    data[8..40].copy_from_slice(accounts.market.key().as_ref());
    data[40..72].copy_from_slice(market.exchange.as_ref());
    data[72..80].copy_from_slice(&market.terms.tick.to_le_bytes());
    data[80..82].copy_from_slice(&market.index.to_le_bytes());
    data[82] = bump;
    data[83] = VERSION;
    Ok(())
}

/// Writes the header of a fill queue that does not have its full size yet.
fn write_queue_header(accounts: &CreateMarket, market: &Market, bump: u8) -> Result<()> {
    let mut data = accounts.fill_queue.try_borrow_mut_data()?;
    data[..8].copy_from_slice(FillQueueAccount::DISCRIMINATOR);
    data[8..40].copy_from_slice(accounts.market.key().as_ref());
    data[40..72].copy_from_slice(market.exchange.as_ref());
    data[72..74].copy_from_slice(&market.index.to_le_bytes());
    data[74] = bump;
    data[75] = VERSION;
    Ok(())
}
