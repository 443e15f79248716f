//! Program-derived addresses of every account of an exchange.
use anchor_lang::prelude::{pubkey, Pubkey};
use plimsoll::state::seeds;

fn derive(parts: &[&[u8]]) -> Pubkey {
    Pubkey::find_program_address(parts, &plimsoll::ID).0
}

/// Exchange number `id`.
pub fn exchange(id: u16) -> Pubkey {
    derive(&[seeds::EXCHANGE, &id.to_le_bytes()])
}

/// The risk array of an exchange.
pub fn risk_state(exchange: &Pubkey) -> Pubkey {
    derive(&[seeds::RISK, exchange.as_ref()])
}

/// The quote vault that backs bankruptcies.
pub fn insurance_vault(exchange: &Pubkey) -> Pubkey {
    derive(&[seeds::INSURANCE, exchange.as_ref()])
}

/// The bank of a mint.
pub fn bank(exchange: &Pubkey, mint: &Pubkey) -> Pubkey {
    derive(&[seeds::BANK, exchange.as_ref(), mint.as_ref()])
}

/// The token vault of a bank.
pub fn vault(bank: &Pubkey) -> Pubkey {
    derive(&[seeds::VAULT, bank.as_ref()])
}

/// Market number `index`.
pub fn market(exchange: &Pubkey, index: u16) -> Pubkey {
    derive(&[seeds::MARKET, exchange.as_ref(), &index.to_le_bytes()])
}

/// The order book of a market.
pub fn book(market: &Pubkey) -> Pubkey {
    derive(&[seeds::BOOK, market.as_ref()])
}

/// The fill queue of a market.
pub fn fill_queue(market: &Pubkey) -> Pubkey {
    derive(&[seeds::FILLS, market.as_ref()])
}

/// An owner's margin account number `sub_account`.
pub fn margin_account(exchange: &Pubkey, owner: &Pubkey, sub_account: u16) -> Pubkey {
    derive(&[
        seeds::MARGIN,
        exchange.as_ref(),
        owner.as_ref(),
        &sub_account.to_le_bytes(),
    ])
}

/// What an owner allows a delegate of a margin account.
pub fn delegation(margin_account: &Pubkey, delegate: &Pubkey) -> Pubkey {
    derive(&[seeds::DELEGATE, margin_account.as_ref(), delegate.as_ref()])
}

/// Proposal number `nonce`.
pub fn pending_change(exchange: &Pubkey, nonce: u64) -> Pubkey {
    derive(&[seeds::CHANGE, exchange.as_ref(), &nonce.to_le_bytes()])
}

/// The associated token account of an owner: where wallets keep a mint's tokens.
pub fn token_account(owner: &Pubkey, mint: &Pubkey, token_program: &Pubkey) -> Pubkey {
    const ASSOCIATED_TOKEN: Pubkey = pubkey!("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
    let seeds = [owner.as_ref(), token_program.as_ref(), mint.as_ref()];
    Pubkey::find_program_address(&seeds, &ASSOCIATED_TOKEN).0
}
