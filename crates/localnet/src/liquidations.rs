//! The instructions of keepers and liquidators, with their accounts filled in from the world.
use anchor_lang::{
    prelude::Pubkey,
    solana_program::instruction::{AccountMeta, Instruction},
    InstructionData, ToAccountMetas,
};
use plimsoll::{accounts, instruction};
use solana_signer::Signer;

use crate::{
    claims::Leg,
    participants::Participant,
    setup::{ListedMarket, World},
};

/// Most queued fills that one call settles.
const SETTLE_LIMIT: u16 = 32;

/// A liquidation of one account.
pub struct Call<'a> {
    pub world: &'a World,
    pub liquidator: &'a Participant,
    /// Who is liquidated.
    pub account: Pubkey,
    /// Books in which it has orders, which are cancelled first.
    pub books: Vec<Pubkey>,
}

impl Call<'_> {
    /// Takes over at most `max_lots` of a position.
    pub fn take_over(&self, market: usize, max_lots: u64) -> Instruction {
        let mut accounts = self.accounts();
        accounts.position_market = Some(self.world.markets[market].market.address);
        self.build(accounts, max_lots, 0)
    }

    /// Pays at most `max_debt` native units of a debt for collateral.
    pub fn swap(&self, collateral: Leg, debt: Leg, max_debt: u64) -> Instruction {
        let mut accounts = self.accounts();
        accounts.collateral = Some(self.address(collateral));
        accounts.debt = Some(self.address(debt));
        accounts.quote_bank = Some(self.world.quote().asset.bank);
        self.build(accounts, 0, max_debt)
    }

    /// Flags the account, cancels its orders, or clears it when it has recovered; takes nothing.
    pub fn flag_only(&self) -> Instruction {
        self.build(self.accounts(), 0, 0)
    }

    /// Has one debt of a bankrupt account borne by insurance, and by those behind it.
    pub fn resolve(&self, debt: Leg) -> Instruction {
        let quote = &self.world.quote().asset;
        let fill_queue = match debt {
            Leg::Market(index) => Some(self.world.markets[usize::from(index)].market.fill_queue),
            Leg::Asset(_) => None,
        };
        let accounts = accounts::ResolveBankruptcy {
            resolver: self.liquidator.keys.pubkey(),
            resolver_account: Some(self.liquidator.account),
            margin_account: self.account,
            risk_state: self.world.exchange.risk_state,
            exchange: self.world.exchange.address,
            debt: self.address(debt),
            fill_queue,
            quote_bank: quote.bank,
            vault: quote.vault,
            insurance_vault: self.world.exchange.insurance_vault,
            quote_mint: quote.mint,
            token_program: quote.token_program,
        };
        let data = instruction::ResolveBankruptcy {
            max_repay: u64::MAX,
        };
        instruction(accounts, Vec::new(), data)
    }

    fn accounts(&self) -> accounts::Liquidate {
        accounts::Liquidate {
            liquidator: self.liquidator.keys.pubkey(),
            liquidator_account: self.liquidator.account,
            margin_account: self.account,
            risk_state: self.world.exchange.risk_state,
            position_market: None,
            collateral: None,
            debt: None,
            quote_bank: None,
        }
    }

    fn build(
        &self,
        accounts: accounts::Liquidate,
        max_position_lots: u64,
        max_debt: u64,
    ) -> Instruction {
        let books = self.books.iter().map(|b| AccountMeta::new(*b, false));
        let data = instruction::Liquidate {
            max_position_lots,
            max_debt,
        };
        instruction(accounts, books.collect(), data)
    }

    fn address(&self, leg: Leg) -> Pubkey {
        match leg {
            Leg::Asset(index) => self.world.assets[usize::from(index)].asset.bank,
            Leg::Market(index) => self.world.markets[usize::from(index)].market.address,
        }
    }
}

/// Brings queued fills to the accounts of their makers.
pub fn settle_fills(listed: &ListedMarket, makers: &[Pubkey]) -> Instruction {
    let accounts = accounts::SettleFills {
        market: listed.market.address,
        fill_queue: listed.market.fill_queue,
    };
    let makers = makers.iter().map(|m| AccountMeta::new(*m, false));
    let data = instruction::SettleFills {
        limit: SETTLE_LIMIT,
    };
    instruction(accounts, makers.collect(), data)
}

/// Turns the profit or loss of an account in a market into quote balance.
pub fn settle_pnl(world: &World, market: usize, account: Pubkey) -> Instruction {
    let accounts = accounts::SettlePnl {
        risk_state: world.exchange.risk_state,
        market: world.markets[market].market.address,
        margin_account: account,
        quote_bank: world.quote().asset.bank,
    };
    instruction(accounts, Vec::new(), instruction::SettlePnl {})
}

fn instruction(
    accounts: impl ToAccountMetas,
    remaining: Vec<AccountMeta>,
    data: impl InstructionData,
) -> Instruction {
    let mut metas = accounts.to_account_metas(None);
    metas.extend(remaining);
    Instruction {
        program_id: plimsoll::ID,
        accounts: metas,
        data: data.data(),
    }
}
