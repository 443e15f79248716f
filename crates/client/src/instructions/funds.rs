//! Instructions that fund insurance and collect fees.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::{accounts, instruction};

use super::build;
use crate::{AssetRef, ExchangeRef, MarketRef};

/// Moves `amount` of the quote asset from `from` into the insurance vault; its owner `funder`, anyone, signs.
pub fn fund_insurance(
    exchange: &ExchangeRef,
    funder: Pubkey,
    from: Pubkey,
    quote: &AssetRef,
    amount: u64,
) -> Instruction {
    build(
        accounts::FundInsurance {
            funder,
            exchange: exchange.address,
            insurance_vault: exchange.insurance_vault,
            from,
            quote_mint: quote.mint,
            token_program: quote.token_program,
        },
        instruction::FundInsurance { amount },
    )
}

/// Pays a bank's fees to `to`, a token account of the authority, who signs.
pub fn collect_asset_fees(
    exchange: &ExchangeRef,
    authority: Pubkey,
    asset: &AssetRef,
    to: Pubkey,
) -> Instruction {
    build(
        accounts::CollectAssetFees {
            authority,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            bank: asset.bank,
            vault: asset.vault,
            mint: asset.mint,
            to,
            token_program: asset.token_program,
        },
        instruction::CollectAssetFees {},
    )
}

/// Pays a market's insurance share into the insurance vault and its fees to `to`, a token account of the authority, who
/// signs.
pub fn collect_market_fees(
    exchange: &ExchangeRef,
    authority: Pubkey,
    market: &MarketRef,
    quote: &AssetRef,
    to: Pubkey,
) -> Instruction {
    build(
        accounts::CollectMarketFees {
            authority,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            market: market.address,
            quote_bank: quote.bank,
            vault: quote.vault,
            insurance_vault: exchange.insurance_vault,
            mint: quote.mint,
            to,
            token_program: quote.token_program,
        },
        instruction::CollectMarketFees {},
    )
}
