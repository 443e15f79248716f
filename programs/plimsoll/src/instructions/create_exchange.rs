//! Creates an exchange, its risk state and the vault of its insurance fund.
use anchor_lang::{prelude::*, Discriminator};
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

use crate::{
    change::MAX_CHANGE_DELAY,
    error::PlimsollError,
    events::ExchangeCreated,
    state::{seeds, Exchange, RiskState, CREATE_SPACE, VERSION},
    token,
};

/// The quote asset of every exchange has this many decimals: health is counted in its native units.
pub const QUOTE_DECIMALS: u8 = 6;

#[derive(Accounts)]
#[instruction(id: u16)]
pub struct CreateExchange<'info> {
    /// Becomes the exchange's authority and pays for its accounts.
    #[account(mut)]
    pub authority: Signer<'info>,
    #[account(
        init,
        payer = authority,
        space = Exchange::SPACE,
        seeds = [seeds::EXCHANGE, &id.to_le_bytes()],
        bump,
    )]
    pub exchange: AccountLoader<'info, Exchange>,
    /// CHECK: created here; `extend_account` grows it to its full size.
    #[account(
        init,
        payer = authority,
        space = CREATE_SPACE,
        owner = crate::ID,
        seeds = [seeds::RISK, exchange.key().as_ref()],
        bump,
    )]
    pub risk_state: UncheckedAccount<'info>,
    pub quote_mint: Box<InterfaceAccount<'info, Mint>>,
    #[account(
        init,
        payer = authority,
        token::mint = quote_mint,
        token::authority = exchange,
        token::token_program = token_program,
        seeds = [seeds::INSURANCE, exchange.key().as_ref()],
        bump,
    )]
    pub insurance_vault: Box<InterfaceAccount<'info, TokenAccount>>,
    pub token_program: Interface<'info, TokenInterface>,
    pub system_program: Program<'info, System>,
}

/// Creates exchange `id`. `change_delay` (seconds) applies to every later loosening; a delay of zero lets the
/// authority set everything up, after which `edit_exchange` raises it.
#[inline(never)]
pub(crate) fn create_exchange(
    ctx: Context<CreateExchange>,
    id: u16,
    guardian: Pubkey,
    change_delay: u64,
) -> Result<()> {
    let accounts = &ctx.accounts;
    require!(
        change_delay <= MAX_CHANGE_DELAY,
        PlimsollError::InvalidParameter
    );
    token::require_safe_mint(&accounts.quote_mint)?;
    require!(
        accounts.quote_mint.decimals == QUOTE_DECIMALS,
        PlimsollError::QuoteNotListed
    );
    let mut exchange = accounts.exchange.load_init()?;
    exchange.authority = accounts.authority.key();
    exchange.guardian = guardian;
    exchange.risk_state = accounts.risk_state.key();
    exchange.insurance_vault = accounts.insurance_vault.key();
    exchange.quote_mint = accounts.quote_mint.key();
    exchange.change_delay = change_delay;
    exchange.id = id;
    exchange.bump = ctx.bumps.exchange;
    exchange.insurance_bump = ctx.bumps.insurance_vault;
    exchange.version = VERSION;

    initialise_risk_state(
        &accounts.risk_state,
        &accounts.exchange.key(),
        ctx.bumps.risk_state,
    )?;
    emit!(ExchangeCreated {
        exchange: accounts.exchange.key(),
        authority: exchange.authority,
    });
    Ok(())
}

/// Writes the header of a risk state that does not have its full size yet.
fn initialise_risk_state(account: &AccountInfo, exchange: &Pubkey, bump: u8) -> Result<()> {
    let mut data = account.try_borrow_mut_data()?;
    data[..8].copy_from_slice(RiskState::DISCRIMINATOR);
    data[8..40].copy_from_slice(exchange.as_ref());
    let at = 8 + core::mem::offset_of!(RiskState, bump);
    data[at] = bump;
    data[at + 1] = VERSION;
    Ok(())
}
