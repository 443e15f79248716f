//! The calls of keepers and liquidators, with their accounts filled in from the world.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll_client::{
    instructions::{self as ix, BadDebt, Liquidation, Swap},
    MarketRef,
};
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
    /// Markets in which it has orders, which are cancelled first.
    pub orders_in: Vec<MarketRef>,
}

impl Call<'_> {
    /// Takes over at most so many lots of a position: market and lots.
    pub fn take_over(&self, taken: (usize, u64)) -> Instruction {
        self.liquidate(Some(taken), None)
    }

    /// Pays at most so many native units of a debt for collateral: collateral, debt and amount.
    pub fn swap(&self, swap: (Leg, Leg, u64)) -> Instruction {
        self.liquidate(None, Some(swap))
    }

    /// Both, judged together.
    pub fn take_over_and_swap(&self, taken: (usize, u64), swap: (Leg, Leg, u64)) -> Instruction {
        self.liquidate(Some(taken), Some(swap))
    }

    /// Flags the account, cancels its orders, or clears it when it has recovered; takes nothing.
    pub fn flag_only(&self) -> Instruction {
        self.liquidate(None, None)
    }

    /// Has one debt of a bankrupt account borne by insurance, and by those behind it; its deposits of some assets, dust that
    /// nobody can seize, are forfeited first.
    pub fn resolve(&self, debt: Leg, dust: &[u16]) -> Instruction {
        let debt = match debt {
            Leg::Asset(_) => BadDebt::Asset {
                bank: self.address(debt),
                resolver_account: Some(self.liquidator.account),
                max_repay: u64::MAX,
            },
            Leg::Market(index) => BadDebt::Market {
                market: self.world.markets[usize::from(index)].market,
            },
        };
        let banks: Vec<Pubkey> = dust.iter().map(|i| self.address(Leg::Asset(*i))).collect();
        ix::resolve_bankruptcy(
            &self.world.exchange,
            self.liquidator.keys.pubkey(),
            self.account,
            &debt,
            &self.world.quote().asset,
            &banks,
        )
    }

    fn liquidate(&self, taken: Option<(usize, u64)>, swap: Option<(Leg, Leg, u64)>) -> Instruction {
        let what = Liquidation {
            cancel_in: self.orders_in.clone(),
            settle_in: self.orders_in.clone(),
            position: taken.map(|(market, lots)| (self.world.markets[market].market, lots)),
            swap: swap.map(|(collateral, debt, max_debt)| Swap {
                collateral: self.address(collateral),
                debt: self.address(debt),
                max_debt,
                quote_bank: Some(self.world.quote().asset.bank),
            }),
            ..Liquidation::default()
        };
        ix::liquidate(
            &self.world.exchange,
            self.liquidator.keys.pubkey(),
            self.liquidator.account,
            self.account,
            &what,
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
    ix::settle_pnl(&world.exchange, account, market, &world.quote().asset)
}
