//! Lists a collateral asset: its bank, its vault and its entry in the risk state.
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use plimsoll_risk::{price::PriceUnit, AssetParams, AssetRisk, INDEX_ONE};

use crate::{
    change::{require_delay, Change},
    error::{OrRefuse, PlimsollError},
    events::AssetListed,
    ledger, oracle,
    state::{risk_state::MAX_ASSETS, seeds, Bank, Exchange, PendingChange, RiskState, VERSION},
    token,
};

#[derive(Accounts)]
pub struct ListAsset<'info> {
    #[account(mut)]
    pub authority: Signer<'info>,
    #[account(
        has_one = authority @ PlimsollError::NotAuthority,
        has_one = risk_state @ PlimsollError::WrongExchange,
    )]
    pub exchange: AccountLoader<'info, Exchange>,
    #[account(mut)]
    pub risk_state: AccountLoader<'info, RiskState>,
    pub mint: Box<InterfaceAccount<'info, Mint>>,
    #[account(
        init,
        payer = authority,
        space = Bank::SPACE,
        seeds = [seeds::BANK, exchange.key().as_ref(), mint.key().as_ref()],
        bump,
    )]
    pub bank: AccountLoader<'info, Bank>,
    #[account(
        init,
        payer = authority,
        token::mint = mint,
        token::authority = exchange,
        token::token_program = token_program,
        seeds = [seeds::VAULT, bank.key().as_ref()],
        bump,
    )]
    pub vault: Box<InterfaceAccount<'info, TokenAccount>>,
    /// The matured proposal, where this needs one.
    #[account(mut)]
    pub pending_change: Option<Account<'info, PendingChange>>,
    /// CHECK: the proposer, who gets the proposal's rent back; compared with the proposal.
    #[account(mut)]
    pub rent_receiver: UncheckedAccount<'info>,
    pub token_program: Interface<'info, TokenInterface>,
    pub system_program: Program<'info, System>,
}

/// Lists `mint`, priced by `feed`; the first asset must be the exchange's quote asset. The feed must have a price of now,
/// since the scale of the entry's prices is chosen from it.
#[inline(never)]
pub(crate) fn list_asset(ctx: Context<ListAsset>, params: AssetParams, feed: u8) -> Result<()> {
    let accounts = &ctx.accounts;
    let multiplies = token::require_safe_mint(&accounts.mint)?;
    let index = next_index(accounts, params, feed)?;
    Bank::require_valid(&params, index)?;

    let mut bank = accounts.bank.load_init()?;
    bank.exchange = accounts.exchange.key();
    bank.mint = accounts.mint.key();
    bank.vault = accounts.vault.key();
    bank.token_program = accounts.token_program.key();
    bank.deposit_index = INDEX_ONE;
    bank.borrow_index = INDEX_ONE;
    let clock = Clock::get()?;
    bank.accrued_until = clock.unix_timestamp;
    bank.params = params;
    bank.index = index;
    bank.decimals = accounts.mint.decimals;
    bank.bump = ctx.bumps.bank;
    bank.vault_bump = ctx.bumps.vault;
    bank.version = VERSION;
    bank.multiplies = u8::from(multiplies);
    bank.require_raw_feed(&params)?;

    let mut risk = accounts.risk_state.load_mut()?;
    risk.asset_count = index.checked_add(1).or_refuse()?;
    let entry = risk.asset_mut(index)?;
    *entry = AssetRisk::listed(0, bank.decimals);
    entry.terms = (&params).into();
    let unit = PriceUnit::native(bank.decimals);
    oracle::follow(&mut risk, index, false, feed, unit, &clock)?;
    ledger::set_scale_starts(&mut bank, risk.asset(index)?);
    emit!(AssetListed {
        exchange: bank.exchange,
        bank: accounts.bank.key(),
        mint: bank.mint,
        asset: index,
    });
    Ok(())
}

/// The index of the new asset, once everything allows its listing.
#[inline(never)]
fn next_index(accounts: &ListAsset, params: AssetParams, feed: u8) -> Result<u16> {
    let exchange = accounts.exchange.load()?;
    require!(
        accounts.risk_state.to_account_info().data_len() == RiskState::SPACE,
        PlimsollError::AccountNotExtended
    );
    let index = accounts.risk_state.load()?.asset_count;
    require!(
        usize::from(index) < MAX_ASSETS,
        PlimsollError::TooManyAssets
    );
    require!(
        index > 0 || accounts.mint.key() == exchange.quote_mint,
        PlimsollError::QuoteNotListed
    );
    let change = Change::ListAsset {
        mint: accounts.mint.key(),
        params: Box::new(params),
        feed,
    };
    require_delay(
        &exchange,
        &accounts.exchange.key(),
        &change,
        accounts.pending_change.as_ref(),
        &accounts.rent_receiver,
    )?;
    Ok(index)
}
