//! Names of an exchange and of what belongs to it, with the addresses that follow from them.
use anchor_lang::prelude::Pubkey;

use crate::addresses;

/// An exchange and its unique accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeRef {
    pub address: Pubkey,
    pub risk_state: Pubkey,
    pub insurance_vault: Pubkey,
}

impl ExchangeRef {
    /// Exchange number `id`.
    pub fn new(id: u16) -> Self {
        Self::at(addresses::exchange(id))
    }

    /// The exchange at an address.
    pub fn at(address: Pubkey) -> Self {
        Self {
            address,
            risk_state: addresses::risk_state(&address),
            insurance_vault: addresses::insurance_vault(&address),
        }
    }

    /// The asset of a mint that `token_program` owns.
    pub fn asset(&self, mint: Pubkey, token_program: Pubkey) -> AssetRef {
        let bank = addresses::bank(&self.address, &mint);
        AssetRef {
            mint,
            token_program,
            bank,
            vault: addresses::vault(&bank),
        }
    }

    /// Market number `index`.
    pub fn market(&self, index: u16) -> MarketRef {
        let address = addresses::market(&self.address, index);
        MarketRef {
            index,
            address,
            book: addresses::book(&address),
            fill_queue: addresses::fill_queue(&address),
        }
    }

    /// An owner's margin account number `sub_account`.
    pub fn margin_account(&self, owner: &Pubkey, sub_account: u16) -> Pubkey {
        addresses::margin_account(&self.address, owner, sub_account)
    }
}

/// A listed asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetRef {
    pub mint: Pubkey,
    /// SPL Token or Token-2022: the owner of the mint.
    pub token_program: Pubkey,
    pub bank: Pubkey,
    pub vault: Pubkey,
}

/// A perpetual market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketRef {
    pub index: u16,
    pub address: Pubkey,
    pub book: Pubkey,
    pub fill_queue: Pubkey,
}

/// A proposal that an instruction executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The exchange's `change_nonce` when it was proposed.
    pub nonce: u64,
    /// The authority that proposed it, who gets its rent back.
    pub proposer: Pubkey,
}
