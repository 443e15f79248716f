//! The calls of keepers and liquidators, with their accounts filled in from the world.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll_client::instructions::{self as ix, LiquidationRequest, Resolver};
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
        self.liquidate(LiquidationRequest {
            position_market: Some(self.world.markets[market].market.address),
            max_position_lots: max_lots,
            ..LiquidationRequest::default()
        })
    }

    /// Pays at most `max_debt` native units of a debt for collateral.
    pub fn swap(&self, collateral: Leg, debt: Leg, max_debt: u64) -> Instruction {
        self.liquidate(LiquidationRequest {
            collateral: Some(self.address(collateral)),
            debt: Some(self.address(debt)),
            max_debt,
            quote_bank: Some(self.world.quote().asset.bank),
            ..LiquidationRequest::default()
        })
    }

    /// Flags the account, cancels its orders, or clears it when it has recovered; takes nothing.
    pub fn flag_only(&self) -> Instruction {
        self.liquidate(LiquidationRequest::default())
    }

    /// Has one debt of a bankrupt account borne by insurance, and by those behind it.
    pub fn resolve(&self, debt: Leg) -> Instruction {
        let resolver = Resolver {
            signer: self.liquidator.keys.pubkey(),
            account: Some(self.liquidator.account),
        };
        let fill_queue = match debt {
            Leg::Market(index) => Some(self.world.markets[usize::from(index)].market.fill_queue),
            Leg::Asset(_) => None,
        };
        ix::resolve_bankruptcy(
            &self.world.exchange,
            resolver,
            self.account,
            self.address(debt),
            fill_queue,
            &self.world.quote().asset,
            u64::MAX,
        )
    }

    fn liquidate(&self, request: LiquidationRequest) -> Instruction {
        let request = LiquidationRequest {
            books: self.books.clone(),
            ..request
        };
        ix::liquidate(
            &self.world.exchange,
            self.liquidator.keys.pubkey(),
            self.liquidator.account,
            self.account,
            &request,
        )
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
    ix::settle_fills(&listed.market, makers, SETTLE_LIMIT)
}

/// Turns the profit or loss of an account in a market into quote balance.
pub fn settle_pnl(world: &World, market: usize, account: Pubkey) -> Instruction {
    let market = &world.markets[market].market;
    ix::settle_pnl(&world.exchange, market, account, &world.quote().asset)
}
