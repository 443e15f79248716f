//! Instructions of the operators that set up the portfolio model: the model, its underlyings, and what follows them.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::{accounts, instruction};
use plimsoll_risk::{ModelParams, UnderlyingParams};

use super::{build, configuration::pending};
use crate::{ExchangeRef, Proposal};

/// What follows an underlying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follower {
    /// An asset, by its index; never the quote asset.
    Asset(u16),
    /// A market, by its index.
    Market(u16),
}

impl Follower {
    /// As the instruction names it: whether it is a market, and its index.
    pub const fn parts(self) -> (bool, u16) {
        match self {
            Self::Asset(index) => (false, index),
            Self::Market(index) => (true, index),
        }
    }
}

/// Sets the parameters of the portfolio model; the authority signs.
pub fn edit_portfolio_model(
    exchange: &ExchangeRef,
    authority: Pubkey,
    params: ModelParams,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, authority);
    build(
        accounts::EditPortfolioModel {
            authority,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            pending_change,
            rent_receiver,
        },
        instruction::EditPortfolioModel { params },
    )
}

/// Replaces the parameters of an underlying, or adds the next (numbers begin at 1); the authority signs.
pub fn edit_underlying(
    exchange: &ExchangeRef,
    authority: Pubkey,
    number: u8,
    params: UnderlyingParams,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, authority);
    build(
        accounts::EditUnderlying {
            authority,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            pending_change,
            rent_receiver,
        },
        instruction::EditUnderlying { number, params },
    )
}

/// Lets an asset or market follow an underlying (0: none), which with `samples` learns its volatility from this price; the
/// authority signs.
pub fn assign_underlying(
    exchange: &ExchangeRef,
    authority: Pubkey,
    follower: Follower,
    underlying: u8,
    samples: bool,
    proposal: Option<Proposal>,
) -> Instruction {
    let (pending_change, rent_receiver) = pending(exchange, proposal, authority);
    let (is_market, index) = follower.parts();
    build(
        accounts::AssignUnderlying {
            authority,
            exchange: exchange.address,
            risk_state: exchange.risk_state,
            pending_change,
            rent_receiver,
        },
        instruction::AssignUnderlying {
            is_market,
            index,
            underlying,
            samples,
        },
    )
}
