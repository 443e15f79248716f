//! Pays out the fees that a market has earned and sends its insurance share to the fund.
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

use crate::{
    error::PlimsollError,
    events::FeesCollected,
    exchange_signer, gates,
    liquidation::reward::top_up_limit,
    state::{Bank, Exchange, Market, RiskState},
    token,
};

#[derive(Accounts)]
pub struct CollectMarketFees<'info> {
    pub authority: Signer<'info>,
    #[account(
        has_one = authority @ PlimsollError::NotAuthority,
        has_one = risk_state @ PlimsollError::WrongExchange,
        has_one = insurance_vault @ PlimsollError::WrongVault,
    )]
    pub exchange: AccountLoader<'info, Exchange>,
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut, has_one = exchange @ PlimsollError::WrongExchange)]
    pub market: AccountLoader<'info, Market>,
    /// The bank of the quote asset.
    #[account(
        has_one = exchange @ PlimsollError::WrongExchange,
        has_one = vault @ PlimsollError::WrongVault,
        has_one = mint @ PlimsollError::WrongMint,
    )]
    pub quote_bank: AccountLoader<'info, Bank>,
    #[account(mut)]
    pub vault: InterfaceAccount<'info, TokenAccount>,
    #[account(mut)]
    pub insurance_vault: InterfaceAccount<'info, TokenAccount>,
    pub mint: InterfaceAccount<'info, Mint>,
    /// Must belong to the authority.
    #[account(mut, constraint = to.owner == authority.key() @ PlimsollError::WrongTokenAccount)]
    pub to: InterfaceAccount<'info, TokenAccount>,
    pub token_program: Interface<'info, TokenInterface>,
}

/// Pays accrued fees from the market's pool, as far as losses have been collected into it: insurance first.
#[inline(never)]
pub(crate) fn collect_market_fees(ctx: Context<CollectMarketFees>) -> Result<()> {
    let accounts = &ctx.accounts;
    let (fees, insurance) = take_from_pool(accounts)?;
    let (id, bump) = {
        let exchange = accounts.exchange.load()?;
        (exchange.id.to_le_bytes(), exchange.bump)
    };
    let payments = [
        (accounts.insurance_vault.to_account_info(), insurance),
        (accounts.to.to_account_info(), fees),
    ];
    for (to, amount) in payments.into_iter().filter(|(_, amount)| *amount > 0) {
        token::pay(
            &accounts.vault,
            to,
            &accounts.mint,
            accounts.exchange.to_account_info(),
            exchange_signer!(id, bump),
            &accounts.token_program,
            amount,
        )?;
    }
    emit!(FeesCollected {
        account: accounts.market.key(),
        fees,
        insurance,
    });
    Ok(())
}

/// What the pool and the vault can pay now, already deducted: (fees, insurance). What insurance may have to add to rewards within
/// a day stays behind.
fn take_from_pool(accounts: &CollectMarketFees) -> Result<(u64, u64)> {
    let bank = accounts.quote_bank.load()?;
    require!(bank.index == 0, PlimsollError::WrongMint);
    let mut market = accounts.market.load_mut()?;
    gates::COLLECT_MARKET_FEES
        .exchange(accounts.risk_state.load()?.mode)?
        .bank(bank.mode)?
        .market(market.mode)?;
    // What is set aside for profits is theirs.
    let free = market.pnl_pool.saturating_sub(market.profits.set_aside());
    let available = free.min(accounts.vault.amount);
    let kept = top_up_limit(&market.params.liquidation);
    let insurance = market.insurance_accrued.saturating_sub(kept).min(available);
    let fees = market.fees_accrued.min(available.saturating_sub(insurance));
    let total = insurance.saturating_add(fees);
    require!(total > 0, PlimsollError::NothingToCollect);
    market.pnl_pool = market.pnl_pool.saturating_sub(total);
    market.insurance_accrued = market.insurance_accrued.saturating_sub(insurance);
    market.fees_accrued = market.fees_accrued.saturating_sub(fees);
    Ok((fees, insurance))
}
